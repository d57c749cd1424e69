"""Every page on a phone: nothing is cut off or covered, and the heading stands beside the menu."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.waiting import HEARING, eventually, settled, visit
from tests.conftest import PATIENCE, uncaught
from tests.serving import Server

# What is cut off: text that is wider than its place, or that lies beyond the right edge where nobody can scroll to it.
CUT = """() => {
  const found = document.documentElement.scrollWidth > innerWidth ? ["the page scrolls sideways"] : [];
  const parent = (e) => e.assignedSlot ?? e.parentElement ?? e.getRootNode().host;
  const look = (e) => {
    for (const child of [...(e.shadowRoot?.children ?? []), ...e.children]) look(child);
    const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
    const { width, right } = e.getBoundingClientRect();
    if (!text || width <= 2 || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return;
    const hides = (one) => ["hidden", "clip"].includes(getComputedStyle(one).overflowX);
    if (hides(e) && e.scrollWidth > e.clientWidth + 1) found.push(`cut: ${text}`);
    if (right <= innerWidth + 1) return;
    for (let one = e; one; one = parent(one))
      if (getComputedStyle(one).overflowX !== "visible" && one.getBoundingClientRect().right <= innerWidth + 1) return;
    found.push(`beyond the edge: ${text}`);
  };
  look(document.querySelector("[data-testid=stMain]"));
  return found;
}"""
PAGES = {
    "?algo=awac&seeds=1&x.seed=41": ".stage.has-run .inspector-table td",
    "gallery?preset=naive-q": ".stage.has-run .inspector-table td",
    "datasets?data=double-crossing": "[data-testid=stPlotlyChart] .modebar",
    "stories": "[data-testid=stTextArea] textarea",
    "experiments?study=which-algorithm": "[data-testid=stRadio]",
    "reweighting?scene=emrl&v=1&reveal=1": ".lecture .picture",
}


def box(element: Locator) -> tuple[float, float, float, float]:
    """Its left, top, right and bottom edges."""
    found = element.bounding_box()
    assert found
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.add_init_script(HEARING)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors = uncaught(page)
    yield page
    context.close()
    assert not errors


def test_nothing_is_cut_off_on_a_phone(phone: Page, server: Server) -> None:
    for link, drawn in PAGES.items():
        visit(phone, f"{server.url}/{link}")
        expect(phone.locator(drawn).first).to_be_attached()
        settled(phone)
        eventually(phone, lambda: phone.evaluate(CUT), [])
        left, top, _, _ = box(phone.get_by_role("heading", level=1))
        assert 40 < left < 120, f"{link}: the heading stands beside the menu"
        assert top < 40, link
        if "datasets" in link:  # no tools lie over a chart's title
            expect(phone.locator("[data-testid=stPlotlyChart] .modebar").first).to_be_hidden()
        if "?algo" in link:
            names = phone.locator(".inspector-table tbody th span").all_inner_texts()
            assert names == ["up", "right", "down", "left"]


def test_a_heading_is_not_covered_by_what_stands_above_it(phone: Page, server: Server) -> None:
    phone.goto(f"{server.url}/?algo=bcq&seeds=1&x.seed=41&nonsense=1")
    warning = phone.get_by_test_id("stAlert").first
    expect(warning).to_contain_text("nonsense")
    assert box(phone.get_by_role("heading", level=1))[3] <= box(warning)[1]
