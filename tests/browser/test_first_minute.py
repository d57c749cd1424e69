"""The first minute of a newcomer: something moves, the hints lead on, and ρ is changed while it trains."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.playground import BUS, value
from tests.browser.waiting import eventually, settled
from tests.conftest import PATIENCE, uncaught
from tests.serving import Server


def earned(page: Page) -> float:
    """The true return of the shown model."""
    return float(page.locator(".stage-numbers .now dd").inner_text().replace("−", "-"))


@pytest.fixture
def newcomer(browser: Browser) -> Iterator[Page]:
    """A browser that has never been here."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors = uncaught(page)
    yield page
    context.close()
    assert not errors


def test_a_newcomer_follows_the_hints_and_changes_rho_within_a_minute(newcomer: Page, server: Server) -> None:
    page, began = newcomer, time.monotonic()
    page.goto(server.url)
    expect(page.get_by_text("learned from recorded episodes alone")).to_be_visible()
    expect(page.locator(".step-text")).to_have_text(re.compile(r"step 0 of 20.000"))
    expect(page.locator(".speed-text")).to_have_text("10 updates/s")
    expect(page.locator(".letters")).to_have_text("S startB second startG goal, 1D small reward, 0.3T dead end, 0")
    expect(page.locator(".transport .hint")).to_have_text(["1Press play×", "3Drag the timeline back×"])
    second = page.locator(".settings .hint")
    expect(second).to_have_text("2Pull ρ to 0 while it runs×")

    page.get_by_role("button", name="Play (space)").click()
    expect(page.locator(".transport .hint")).to_have_text(["3Drag the timeline back×"])
    eventually(page, lambda: earned(page), lambda shown: shown > 0.5)  # it has learned to join the walks
    slider = page.locator(".settings .row[data-name=rho] input[type=range]")
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 5, box["y"] + box["height"] / 2, steps=6)
    page.mouse.up()
    expect(second).to_have_count(0)
    assert value(page, "rho") == 0
    eventually(page, lambda: earned(page), lambda shown: shown < 0.1)  # it believes what it never saw
    assert time.monotonic() - began < 60

    line = page.get_by_role("slider", name="Timeline").bounding_box()
    assert line
    page.mouse.click(line["x"] + 0.3 * line["width"], line["y"] + 15)
    expect(page.locator(".hint")).to_have_count(0)
    expect(page.locator(".state-line")).to_contain_text("Viewing step")

    page.reload()
    expect(page.locator(".stage.has-run")).to_be_visible()
    expect(page.locator(".settings .row[data-name=rho]")).to_be_visible()
    expect(page.locator(".hint")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".hint")).to_have_count(3)


def test_another_visitor_stands_at_the_beginning(newcomer: Page, server: Server) -> None:
    """After the visit above: a run of one's own is neither moved nor slowed by another visitor."""
    newcomer.goto(server.url)
    expect(newcomer.locator(".step-text")).to_have_text(re.compile(r"step 0 of"))
    assert newcomer.evaluate(f"{BUS}.hello.run.private")
    assert value(newcomer, "rho") == 0.1
    # Speed and training go along to a comparison.
    newcomer.get_by_role("button", name="Play (space)").click()
    newcomer.get_by_role("button", name="Compare with another").click()
    expect(newcomer.get_by_text("Which algorithm beside BCQ?")).to_be_visible()
    settled(newcomer, 200)
    newcomer.get_by_role("radio", name="CQL").click()
    newcomer.wait_for_function(f"{BUS}.hello?.lanes?.map((lane) => lane.algorithm).join() === 'bcq,cql'")
    newcomer.wait_for_function(f"{BUS}.last.frame?.step > 0")
    expect(newcomer.locator(".speed-text")).to_have_text("10 updates/s")
    expect(newcomer.get_by_role("button", name="Pause (space)")).to_be_visible()
