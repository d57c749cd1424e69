"""Terms are explained where they stand: by pointing, by keys and by a tap; and the list of keys on every page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.waiting import settled, visit
from tests.serving import Server


def test_a_term_of_the_stage_is_explained_by_pointing_and_by_keys(tab: Page, server: Server) -> None:
    visit(tab, f"{server.url}/?algo=bcq&seeds=1&x.seed=41")
    expect(tab.locator(".stage.has-run .plot-key").first).to_be_visible()
    settled(tab)
    tip = tab.get_by_role("tooltip")
    head = tab.locator(".inspector-table .term", has_text="π̂_β")
    head.hover()
    expect(tip).to_contain_text("behaviour policy π_β")
    expect(tip).to_contain_text("Here: the behaviour policy as the system has learned it.")
    tip.hover()  # whoever wants to read it may move there
    tab.wait_for_timeout(400)
    expect(tip).to_be_visible()
    tab.mouse.move(5, 400)
    expect(tip).to_have_count(0)
    tab.locator(".inspector-table .term", has_text="Ā").focus()
    tab.keyboard.press("Tab")
    expect(tip).to_contain_text("Q(s, a): the expected return after taking action a")
    # It is announced: the link that has the focus is described by it, in its own tree.
    link = tab.locator(".inspector-table .term", has_text="Q").first
    assert link.evaluate("(e) => e.getRootNode().getElementById(e.getAttribute('aria-describedby')).textContent")
    tab.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    expect(link).to_be_focused()
    assert "#term" not in tab.url


def test_terms_of_a_lecture_and_of_a_page_are_explained_by_a_tap(tab: Page, server: Server) -> None:
    visit(tab, f"{server.url}/reweighting?scene=expectile&v=1&reveal=1")
    tip, term = tab.get_by_role("tooltip"), tab.locator(".answer .term").first
    expect(term).to_be_visible()
    settled(tab)
    before = tab.url
    term.dispatch_event("click")
    expect(tip).to_be_visible()
    tab.mouse.move(5, 500)
    tab.wait_for_timeout(400)
    expect(tip).to_be_visible()  # it stays until one taps elsewhere
    tab.mouse.click(5, 500)
    expect(tip).to_have_count(0)
    assert tab.url == before
    visit(tab, f"{server.url}/experiments?study=which-algorithm")
    tab.get_by_role("button", name="Show the answer").click()
    term = tab.get_by_test_id("stMain").locator('a[href^="#term-"]').first
    term.click()
    expect(tip).to_be_visible()
    assert "#term" not in tab.url


def test_every_page_lists_its_keys_and_all_terms(tab: Page, server: Server) -> None:
    keys, glossary = tab.get_by_role("dialog", name="Keys"), tab.get_by_role("dialog", name="Glossary")
    visit(tab, f"{server.url}/datasets?data=double-crossing")
    expect(tab.locator(".picker .card").first).to_be_visible()
    for page, one in {
        "datasets": "Arrows",
        "stories": "Arrows",
        "experiments": "Arrows",
        "gallery": "Shift + arrows",
    }.items():
        visit(tab, f"{server.url}/{page}")
        expect(tab.get_by_role("button", name="Glossary", exact=True)).to_be_visible()
        settled(tab)
        tab.evaluate("document.activeElement?.blur()")
        tab.keyboard.press("?")
        expect(keys.locator("dt", has_text=one)).to_be_visible()
        tab.keyboard.press("Escape")
        expect(keys).to_have_count(0)
    # With the focus on a button of the page, too, but not where one writes.
    visit(tab, f"{server.url}/stories")
    tab.get_by_role("button", name="Begin").first.focus()
    tab.keyboard.press("?")
    keys.get_by_role("button", name="Glossary").click()
    expect(keys).to_have_count(0)
    glossary.get_by_role("searchbox").fill("stitch")
    expect(glossary.locator("dt:visible")).to_have_text(["stitching"])
    tab.keyboard.press("?")
    expect(keys).to_have_count(0)
    tab.keyboard.press("Escape")
    tab.keyboard.press("Escape")
    expect(glossary).to_have_count(0)
    tab.get_by_label("The story, as TOML text").focus()
    tab.keyboard.press("?")
    expect(keys).to_have_count(0)
