"""Undo and redo of controls in the playground: a drag is one step, and the run follows as if a hand had moved back."""

from __future__ import annotations

import re
from urllib.parse import unquote

from playwright.sync_api import Page, expect

from tests.browser.playground import BUS, open_playground, run, value
from tests.browser.waiting import at_rest, settled
from tests.serving import Server


def test_a_drag_is_taken_back_and_made_again_and_a_restart_too(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&seeds=1&x.seed=52")
    panel = tab.locator(".settings", has=tab.locator('[data-name="rho"]'))
    undo, redo = panel.get_by_role("button", name="Undo"), panel.get_by_role("button", name="Redo")
    expect(redo).to_have_attribute("aria-disabled", "true")
    slider = panel.locator('[data-name="rho"] input[type=range]')
    at_rest(tab, slider)
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] * 0.1, middle)
    tab.mouse.down()
    for part in (0.3, 0.5, 0.7):  # each long enough to be sent
        tab.mouse.move(box["x"] + box["width"] * part, middle)
        tab.wait_for_timeout(100)
    tab.mouse.up()
    tab.wait_for_url(lambda url: re.search(r"at=0:rho=0\.[67]", unquote(url)))
    moved = value(tab, "rho")
    settled(tab)
    before = run(tab)
    tab.keyboard.press("Control+z")  # the slider has the focus
    tab.wait_for_function(f"{BUS}.hyperparameters(0).find((h) => h.name === 'rho').value === 0.1")
    expect(panel.get_by_role("status").filter(has_text="Undone")).to_have_text("Undone: threshold is 0.1")
    expect(slider).to_have_attribute("aria-valuetext", "0.1")
    tab.wait_for_url(lambda url: "rho=0.1" in unquote(url) or "rho" not in url)
    settled(tab)
    redo.click()
    tab.wait_for_function(f"Math.abs({BUS}.hyperparameters(0).find((h) => h.name === 'rho').value - {moved}) < 1e-6")
    undo.click()
    tab.wait_for_function(f"{BUS}.hyperparameters(0).find((h) => h.name === 'rho').value === 0.1")
    assert run(tab) == before
    settled(tab)

    spread = panel.locator('[data-name="initial_spread"] .number')
    was = spread.input_value()
    spread.fill("2")
    tab.keyboard.press("Control+z")  # within a field it belongs to what is typed
    assert value(tab, "rho") == 0.1
    spread.fill("2")
    spread.press("Enter")
    tab.wait_for_function(f"{BUS}?.hello?.run && {BUS}.hello.run.id !== '{before}'")
    settled(tab)
    assert value(tab, "initial_spread") == 2
    undo.click()
    expect(spread).to_have_value(was)
    tab.wait_for_function(
        f"{BUS}?.hello?.lanes?.[0].hyperparameters.find((h) => h.name === 'initial_spread').value !== 2"
    )
    settled(tab)

    # A picked card is taken back with all that it has brought along.
    before, systems = run(tab), f"(wanted) => {BUS}?.hello?.run.config.lanes[0].algorithm === wanted"
    bar = tab.locator(".undo-bar")
    told, redo = bar.get_by_role("status"), bar.get_by_role("button", name="Redo")
    tab.locator('.picker [data-id="iql"]').click()
    tab.wait_for_function(systems, arg="iql")
    settled(tab)
    tab.locator('.picker [data-id="two-actions"]').click()
    tab.wait_for_function(f"{BUS}?.hello?.run.config.dataset === 'two-actions'")
    settled(tab)
    tab.keyboard.press("Control+z")
    tab.keyboard.press("Control+z")  # it waits for the page
    tab.wait_for_function(f"{BUS}?.hello?.run.id === '{before}'")
    expect(told).to_have_text("Undone: algorithm is BCQ")
    expect(tab.locator('.picker [data-id="bcq"]')).to_have_attribute("aria-checked", "true")
    tab.wait_for_url(lambda url: "seeds=1" in url and "x.seed=52" in url and "data=double-crossing" in url)
    settled(tab)
    redo.click()
    tab.wait_for_function(systems, arg="iql")
    expect(told).to_have_text("Redone: algorithm is IQL")
    settled(tab)
    redo.click()
    tab.wait_for_function(f"{BUS}?.hello?.run.config.dataset === 'two-actions'")
    settled(tab)
