"""A grid of one's own from the playground: one click moves a wall, and the run starts anew and trains on."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.browser.playground import BUS, open_playground, run
from tests.browser.waiting import settled
from tests.serving import Server


def cells(page: Page) -> str:
    """The grid in the page's link, without what parts its rows."""
    return parse_qs(urlsplit(page.url).query)["x.layout"][0].replace("/", "")


def test_a_click_moves_a_wall_and_the_run_starts_anew(tab: Page, server: Server):
    open_playground(tab, server, "?algo=q-learning&seeds=1&x.seed=53")
    tab.get_by_role("button", name="Draw your own grid").click()
    tab.wait_for_url(re.compile("data=custom-grid.*algo=q-learning"))
    board = tab.locator(".grid_editor")
    expect(board.locator("svg")).to_be_visible()
    tab.wait_for_function(f"{BUS}?.hello?.run.config.dataset === 'custom-grid'")
    settled(tab)
    tab.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
    tab.wait_for_function(f"{BUS}?.state?.step > 30")
    before, drawn = run(tab), cells(tab)
    assert len(drawn) == tab.evaluate(f"{BUS}.hello.run.config.options.layout.replaceAll('/', '').length")
    at = drawn.index("#", drawn.index("."))  # a wall inside
    board.get_by_role("radio", name="wall").click()
    board.locator("svg rect").nth(at).click()
    tab.wait_for_function(f"{BUS}?.hello?.run && {BUS}.hello.run.id !== '{before}'")
    tab.wait_for_url(lambda url: "x.layout" in url and cells(tab) != drawn)
    now = cells(tab)
    assert [i for i in range(len(now)) if now[i] != drawn[i]] == [at]
    assert now[at] == "."
    # It trains as the one before did, from step 0 on.
    tab.wait_for_function(f"{BUS}?.state?.step > 30")
    tab.keyboard.press("Control+z")  # the board has the focus
    tab.wait_for_url(lambda _: cells(tab) == drawn)
    expect(tab.locator(".undo-bar").get_by_role("status")).to_have_text("Undone: grid is as before")
