"""Every page for those who see less or use no mouse: axe-core's rules of WCAG 2.2 A and AA, contrast, headings."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import rules_broken
from tests.browser.waiting import settled, visit
from tests.serving import Server

# Each page with as much of it in sight as one link can show, and what is there once it has been drawn.
PAGES = {
    "playground": ("?algo=bcq&seeds=1&x.seed=41", ".stage.has-run .plot-key"),
    "a story": ("?story=rho", ".story .button"),
    "stories": ("stories", "[data-testid=stTextArea] textarea"),
    "gallery": ("gallery?preset=naive-q", ".stage.has-run .plot-key"),
    "datasets": ("datasets?data=double-crossing", ".picker .card"),
    "experiments": ("experiments?study=which-algorithm", "[data-testid=stRadio]"),
    "reweighting": ("reweighting?reveal=1", ".lecture .picture"),
    "deadly triad": ("deadly_triad?reveal=1", ".lecture .picture"),
    "constraining Q": ("constraining_q?reveal=1", ".lecture .picture"),
}
HEADINGS = """() => {
  const found = [];
  const look = (element) => {
    if (element.matches("h1") && element.checkVisibility()) found.push(element.textContent.trim());
    for (const child of [...(element.shadowRoot?.children ?? []), ...element.children]) look(child);
  };
  look(document.body);
  return found;
}"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_the_rules_in_light_and_dark(tab: Page, server: Server, name: str) -> None:
    link, drawn = PAGES[name]
    visit(tab, f"{server.url}/{link}")
    expect(tab.locator(drawn).first).to_be_visible()
    settled(tab)
    wrong = rules_broken(tab)
    assert not wrong, "\n".join(wrong)
    assert len(tab.evaluate(HEADINGS)) == 1


def test_a_lecture_lists_its_keys_and_escape_leaves_lecture_mode(tab: Page, server: Server) -> None:
    visit(tab, f"{server.url}/reweighting?present=1")
    expect(tab.locator(".lecture.present")).to_be_visible()
    settled(tab)
    tab.evaluate("document.activeElement?.blur()")
    assert len(tab.evaluate(HEADINGS)) == 1
    assert tab.evaluate("document.body.firstElementChild.textContent") == "Skip to the scene"
    keys = tab.get_by_role("dialog", name="Keys")
    tab.keyboard.press("?")
    expect(keys).to_contain_text("the next scene")
    tab.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(tab.locator(".lecture.present")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator(".lecture:not(.present)")).to_be_visible()
    tab.wait_for_url(lambda url: "present" not in url)
    tab.evaluate("document.activeElement?.blur()")
    tab.keyboard.press("ArrowRight")
    expect(tab.locator(".step.here .step-number")).to_have_text("2")
