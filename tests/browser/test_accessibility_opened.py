"""What opens on a page keeps axe-core's rules of WCAG 2.2 A and AA in light and dark, as the page itself does."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import rules_broken
from tests.browser.waiting import settled, visit
from tests.serving import Server


def kept(tab: Page, opened: Locator) -> None:
    expect(opened).to_be_visible()
    wrong = rules_broken(tab, opened)
    assert not wrong, "\n".join(wrong)


def test_what_opens_in_the_playground_keeps_the_rules(tab: Page, server: Server) -> None:
    visit(tab, f"{server.url}/?algo=bcq&seeds=1&x.seed=41")
    expect(tab.locator(".stage.has-run .plot-key").first).to_be_visible()
    settled(tab)
    tab.get_by_role("button", name="Keys (?)").first.click()
    keys = tab.get_by_role("dialog", name="Keys")
    kept(tab, keys)
    keys.get_by_role("button", name="Glossary").click()
    kept(tab, tab.get_by_role("dialog", name="Glossary"))
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="Share").click()
    expect(tab.locator("dialog.share .qr svg")).to_be_visible()
    kept(tab, tab.locator("dialog.share"))
    tab.keyboard.press("Escape")
    tab.locator(".plot-key[aria-expanded]").first.click()
    kept(tab, tab.locator(".plot-about"))
    code = tab.get_by_test_id("stExpander").filter(has_text="Source code of this loss")
    code.locator("summary").click()
    expect(code.get_by_test_id("stCode").first).to_be_visible()
    kept(tab, code)
    for name in ("Take it home", "Join a lecture"):
        tab.get_by_role("button", name=name).click()
        kept(tab, tab.get_by_test_id("stPopoverBody"))
        tab.keyboard.press("Escape")


def test_dialogs_of_the_lecture_keep_the_rules(tab: Page, server: Server) -> None:
    visit(tab, f"{server.url}/reweighting?scene=emrl&v=1")
    tab.get_by_role("button", name="Share").click()
    expect(tab.locator("dialog .qr svg")).to_be_visible()
    kept(tab, tab.locator("dialog.share"))
    tab.get_by_role("button", name="Open a room").click()
    tab.get_by_role("button", name="Show the code large").click()
    expect(tab.locator(".room .qr svg")).to_be_visible()
    kept(tab, tab.locator(".room"))
    tab.get_by_role("button", name="End", exact=True).click()


def test_what_opens_on_the_datasets_page_keeps_the_rules(tab: Page, server: Server) -> None:
    visit(tab, f"{server.url}/datasets?data=double-crossing")
    for name in ("Open your own log", "Collect your own data", "Episodes: "):
        tab.get_by_test_id("stExpander").filter(has_text=name).locator("summary").first.click()
        settled(tab, 200)
    for summary in tab.locator(".settings summary").all():
        if summary.evaluate("(e) => !e.parentElement.open"):
            summary.click()
    kept(tab, tab.get_by_test_id("stApp"))
    # What the script has drawn takes the colours of a system that turns dark, too.
    line = tab.locator("[data-testid=stPlotlyChart] path.ygrid").first
    for scheme, colour in (("dark", "rgb(50, 61, 73)"), ("light", "rgb(213, 220, 228)")):
        tab.emulate_media(color_scheme=scheme)
        expect(line).to_have_css("stroke", colour)
    tab.get_by_role("button", name="Save the data").click()
    kept(tab, tab.get_by_test_id("stPopoverBody"))
    tab.keyboard.press("Escape")
