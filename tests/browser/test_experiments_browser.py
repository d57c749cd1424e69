"""The experiments' page in a real browser: a prediction, a picture whose points open, and one that is computed here."""

from __future__ import annotations

import re
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.accessibility import rules_broken
from tests.browser.waiting import settled, visit
from tests.serving import Server

TINY = '{"datasets":["two-actions"],"algorithms":["bc","rwr"],"seeds":6,"steps":20}'


def test_a_prediction_is_made_the_answer_is_read_and_the_page_keeps_the_rules(tab: Page, server: Server) -> None:
    visit(tab, f"{server.url}/experiments?study=how-much-data")
    tab.get_by_text("From 1,000 on").click()
    settled(tab, 300)
    tab.get_by_role("button", name="This is my prediction").click()
    expect(tab.get_by_text("As you predicted")).to_be_visible()
    expect(tab.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    settled(tab)
    wrong = rules_broken(tab)
    assert not wrong, "\n".join(wrong)


def test_an_experiment_is_computed_and_a_point_of_its_picture_opens_its_run(tab: Page, server: Server) -> None:
    visit(tab, f"{server.url}/experiments?design={quote(TINY)}")
    expect(tab.get_by_text("2 jobs").first).to_be_visible()
    settled(tab)
    start = tab.get_by_role("button", name="Start", exact=True)
    if start.count():  # another run of this test may have computed it
        start.click()
    expect(tab.get_by_text("have trained 12 models")).to_be_visible(timeout=90_000)
    expect(tab.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    settled(tab)
    point = tab.locator(".js-plotly-plot .scatterlayer .points path").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.get_by_role("link", name="Open this run").click()
    tab.wait_for_url(re.compile("data=two-actions.*seeds=1"))
    tab.wait_for_function("globalThis.offrlBus?.hello?.run?.config.dataset === 'two-actions'", timeout=60_000)
