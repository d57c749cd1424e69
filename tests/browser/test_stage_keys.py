"""The stage with keys alone, from the moment the page has loaded, and what a screen reader is told."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage_host import Host, config
from tests.browser.waiting import eventually

STEP = "(stage.store.frames.last?.step ?? -1)"


@pytest.fixture
def live(bench: Page, host: Host) -> Page:
    """A run of its own at step 0; nothing has the focus, as after loading."""
    run = host.hub.open(config({"algorithm": "q-learning"}, options={"seed": 71}, budget=100_000))
    host.show(bench, run=run)
    bench.evaluate("void offrlBus.send({ cmd: 'speed', value: 50 })")
    bench.wait_for_function(f"stage.store.state?.speed === 50 && {STEP} === 0")
    assert bench.evaluate("document.activeElement === document.body")
    return bench


def test_keys_work_without_a_click_and_escape_leaves_every_mode(live: Page):
    stage, keys = live.locator(".stage"), live.get_by_role("dialog", name="Keys")
    live.keyboard.press("?")
    expect(keys).to_be_visible()
    names = keys.locator("dt").all_inner_texts()
    assert names == ["Space", "←", "→", "Home", "End", "R", "Shift + arrows", "F", "A", "P", "Esc", "?"]
    live.keyboard.press("p")
    live.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    assert live.evaluate("stage.presenting") is False, "a key of the list's page acted behind the list"
    live.keyboard.press("f")
    expect(live.get_by_role("button", name="film", exact=True)).to_have_attribute("aria-pressed", "true")
    live.keyboard.press("p")
    live.wait_for_function("stage.presenting")
    live.keyboard.press("Escape")
    live.keyboard.press("Escape")
    expect(live.get_by_role("button", name="film", exact=True)).to_have_attribute("aria-pressed", "false")
    live.wait_for_function("!stage.presenting && document.fullscreenElement === null")
    live.keyboard.press("Shift+ArrowRight")
    expect(live.locator(".inspector")).to_contain_text("cell (5, 2)")
    live.keyboard.press(" ")
    live.wait_for_function(f"{STEP} > 10")
    expect(stage).not_to_be_focused()


def test_space_plays_after_a_click_on_reset_and_presses_a_button_reached_by_keys(live: Page):
    live.keyboard.press(" ")
    live.wait_for_function(f"{STEP} > 5")
    first = live.evaluate("stage.session.runId")
    reset = live.get_by_role("button", name="Start again")
    reset.click()
    live.wait_for_function(f"stage.session.runId !== {first!r} && {STEP} === 0")
    second = live.evaluate("stage.session.runId")
    live.keyboard.press(" ")
    live.wait_for_function(f"{STEP} > 5")
    assert live.evaluate("stage.session.runId") == second
    reset.focus()
    live.keyboard.press(" ")
    live.wait_for_function(f"stage.session.runId !== {second!r}")
    expect(reset).to_be_focused()


def test_the_tabs_are_one_stop_and_arrows_choose_among_them(live: Page):
    tabs = live.get_by_role("radiogroup", name="What the world shows").get_by_role("radio")
    stops = tabs.evaluate_all("(all) => all.filter((one) => one.tabIndex === 0).map((one) => one.dataset.mode)")
    assert stops == ["q"]
    tabs.nth(0).focus()
    live.keyboard.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    expect(tabs.nth(1)).to_be_checked()
    assert live.evaluate("stage.store.view.mode") == "v"
    live.keyboard.press("ArrowLeft")
    live.keyboard.press("ArrowLeft")
    last = tabs.evaluate_all("(all) => all.filter((one) => !one.hidden).at(-1).dataset.mode")
    assert live.evaluate("stage.store.view.mode") == last


def test_each_change_of_the_run_is_said_once(live: Page):
    live.evaluate(
        """() => {
          window.said = [];
          const region = document.querySelector(".stage > .spoken");
          new MutationObserver(() => said.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    live.keyboard.press(" ")
    eventually(live, lambda: live.evaluate("said.filter((text) => text.endsWith('Training.')).length"), 1)
    live.keyboard.press(" ")
    eventually(live, lambda: live.evaluate("said.filter((text) => text.endsWith('Paused.')).length"), 1)
    live.wait_for_timeout(1500)
    said = live.evaluate("said")
    assert [text.rsplit(". ", 1)[-1] for text in said] == ["Training.", "Paused."], said


def test_a_skip_link_comes_first_and_leads_to_the_stage(live: Page):
    assert live.evaluate("document.body.firstElementChild.textContent") == "Skip to the stage"
    link = live.get_by_role("button", name="Skip to the stage")
    link.focus()
    expect(link).to_be_in_viewport()
    live.keyboard.press("Enter")
    expect(live.locator(".stage")).to_be_focused()
    assert (link.bounding_box() or {})["width"] <= 1
    stops = []
    for _ in range(4):
        live.keyboard.press("Tab")
        stops.append(live.evaluate("document.activeElement.title"))
    assert stops[2] == "Play (space)", stops
