"""The playground in a real browser: first visit, controls that act at once, refusals, ghosts, small screens."""

from __future__ import annotations

import re
from urllib.parse import unquote

import numpy as np
from playwright.sync_api import Locator, Page, expect

from offrl_core import load_dataset
from tests.browser.playground import BUS, open_playground, run, value
from tests.browser.waiting import at_rest, eventually, visit
from tests.serving import Server

RHO = f"{BUS}?.hyperparameters(0)?.find((h) => h.name === 'rho')?.value"
# By how many pixels the page is wider than the screen.
TOO_WIDE = "(main) => main.scrollWidth - main.clientWidth"


def control(page: Page, name: str) -> Locator:
    """A control of the hyperparameter panel."""
    return page.locator(f'.settings [data-name="{name}"]').first


def step(page: Page) -> int:
    """The newest step that the server reported."""
    return int(page.evaluate(f"{BUS}.state?.step ?? 0"))


def test_a_first_visit_finds_a_picture_and_its_link(page: Page, server: Server):
    open_playground(page, server)
    page.wait_for_function(f"{BUS}?.state?.state === 'paused' && {BUS}.state.step === 0")
    expect(page.locator(".stage")).to_contain_text("0.569")
    colours = page.locator(".stage canvas").first.evaluate(
        "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    )
    assert colours > 20
    assert re.search(r"v=1&data=double-crossing&algo=bcq&net=table", page.url)


def test_a_live_slider_acts_while_it_is_dragged_and_the_link_follows_when_let_go(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&x.seed=11")
    before = run(tab)
    slider = control(tab, "rho").locator("input[type=range]")
    at_rest(tab, slider)
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] * 0.1, middle)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=6)
    tab.wait_for_function(f"{RHO} > 0.4")
    # Held still for a moment before it is let go, as people do.
    tab.wait_for_timeout(300)
    assert "rho" not in tab.url
    tab.mouse.up()
    # A live change stands in the link with the step that it was made at.
    tab.wait_for_url(lambda url: re.search(r"at=0:rho=0\.[56]", unquote(url)))
    shown = float(control(tab, "rho").locator(".number").input_value())
    tab.wait_for_function(f"Math.abs({RHO} - {shown}) < 1e-6")
    assert run(tab) == before


def test_an_impossible_value_is_explained_and_the_run_keeps_the_old_one(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&x.seed=12")
    row = control(tab, "rho")
    row.locator(".number").fill("3")
    row.locator(".number").press("Enter")
    expect(row.locator(".message")).to_have_text(
        "3 is not allowed: it must be a number from 0 to 1. The run keeps 0.1."
    )
    assert value(tab, "rho") == 0.1
    assert "rho" not in tab.url
    row.locator(".number").press("Escape")
    expect(row.locator(".message")).to_be_hidden()
    expect(row.locator(".number")).to_have_value("0.1")


def test_a_double_click_brings_the_default_back(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&rho=0.6&x.seed=13")
    assert value(tab, "rho") == 0.6
    control(tab, "rho").locator("input[type=range]").dblclick()
    tab.wait_for_function(f"{RHO} === 0.1")
    tab.wait_for_url(lambda url: "at=0:rho=0.1" in unquote(url))


def test_a_restart_opens_another_run_with_the_old_curve_as_a_ghost(tab: Page, server: Server):
    open_playground(tab, server, "?algo=q-learning&x.seed=14")
    before = run(tab)
    tab.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
    tab.wait_for_function(f"{BUS}?.state?.step > 50")
    spread = control(tab, "initial_spread").locator(".number")
    spread.fill("2")
    spread.press("Enter")
    tab.wait_for_function(f"{BUS}?.hello?.run && {BUS}.hello.run.id !== '{before}'")
    tab.wait_for_url(re.compile("initial_spread=2"))
    assert value(tab, "initial_spread") == 2
    expect(tab.locator(".stage").get_by_text("before", exact=False).first).to_be_attached()
    # It trains on, and so does what is picked next; what a link opens stands.
    tab.wait_for_function(f"{BUS}?.state?.step > 50")
    tab.locator('.picker [data-id="cql"]').click()
    tab.wait_for_function(f"{BUS}?.hello?.lanes[0].algorithm === 'cql' && {BUS}.state?.step > 50")


def test_play_trains_and_pause_stops(tab: Page, server: Server):
    open_playground(tab, server, "?algo=iql&x.seed=15")
    assert step(tab) == 0
    tab.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
    tab.wait_for_function(f"{BUS}?.state?.step > 20")
    tab.locator(".stage").get_by_role("button", name=re.compile("^Pause")).click()
    tab.wait_for_function(f"['paused', 'finished'].includes({BUS}?.state?.state)")


def test_cards_are_picked_with_the_keyboard(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&x.seed=16")
    tab.locator('.picker [data-id="bcq"]').focus()
    tab.keyboard.press("ArrowLeft")
    tab.wait_for_function(f"{BUS}?.hello?.lanes?.[0]?.algorithm === 'constrained-q'")
    tab.wait_for_url(re.compile("algo=constrained-q"))
    expect(tab.locator('.picker [data-id="constrained-q"]')).to_have_attribute("aria-checked", "true")


def test_the_numbers_inside_are_those_of_the_run(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&seeds=1&x.seed=17")
    tab.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
    tab.wait_for_function(f"{BUS}?.state?.state === 'finished'", timeout=60_000)
    inside = tab.locator(".transition")
    inside.scroll_into_view_if_needed()
    target = inside.locator('[data-step="target"] .formula')
    # At the start the way to the goal is 11 steps long, and the last one is rewarded: γ · γ¹⁰.
    expect(target).to_contain_text(f"{0.95**11:.4g}", timeout=20_000)
    expect(target.locator("math").first).to_be_visible()
    inside.get_by_role("radio", name="up").click()
    expect(inside.locator(".where")).to_contain_text("never in the data")
    # At an earlier step: its own numbers.
    tab.locator(".stage").evaluate("(element) => element.stage.playback.seek(1)")
    expect(inside.locator(".where")).to_contain_text("the update after step 1")


def test_the_back_button_brings_the_last_choice_back(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&seeds=1&x.seed=21")
    chosen = f"(system) => {BUS}?.hello?.run?.config.lanes[0].algorithm === system"
    tab.get_by_role("radiogroup", name="Q-learning, constrained").get_by_role("radio", name="CQL").click()
    tab.wait_for_function(chosen, arg="cql")
    tab.wait_for_url(re.compile("algo=cql"))
    tab.go_back()
    tab.wait_for_function(chosen, arg="bcq")
    assert "algo=bcq" in tab.url


def test_slow_motion_uncovers_one_step_after_the_other(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&seeds=1&x.seed=18")
    inside = tab.locator(".transition")
    inside.scroll_into_view_if_needed()
    expect(inside.locator("li").nth(3)).to_be_visible()
    inside.get_by_role("button", name="Slow motion").click()
    expect(inside.locator("li:visible")).to_have_count(1)
    inside.get_by_role("button", name="Next step").click()
    expect(inside.locator("li:visible")).to_have_count(2)


def look_inside(tab: Page, server: Server, link: str) -> Locator:
    """Open a link and wait until the look inside has its numbers."""
    open_playground(tab, server, link)
    tab.locator(".transition").scroll_into_view_if_needed()
    expect(tab.locator(".transition .steps li").first).to_be_visible()
    return tab.locator(".transition")


def test_any_row_of_the_data_can_be_looked_into(tab: Page, server: Server):
    inside = look_inside(tab, server, "?algo=bcq&seeds=1&x.seed=17")
    data = load_dataset("double-crossing", seed=17)
    field, facts = inside.get_by_label("Row number"), inside.locator(".row-facts")
    row = int(data.episode_starts[60]) + 2
    field.fill(str(row))
    field.press("Enter")
    expect(inside.locator(".row-picker")).to_contain_text("episode 60, step 3 of")
    # The stage selects the row's state and action too.
    viewed = "(element) => [element.stage.store.view.state, element.stage.store.view.action]"
    assert tab.locator(".stage").evaluate(viewed) == [int(data.observations[row]), int(data.actions[row])]
    same = np.flatnonzero((data.observations == data.observations[row]) & (data.actions == data.actions[row])).tolist()
    expect(inside.locator(".row-picker")).to_contain_text(f"{same.index(row) + 1} of {len(same)} with this s and a")
    inside.get_by_role("button", name="Next row with the same").click()
    expect(field).to_have_value(str(same[same.index(row) + 1]))
    # Along the episode to its end.
    last = int(data.episode_ends[60])
    field.fill(str(last - 1))
    field.press("Enter")
    expect(field).to_have_value(str(last - 1))
    inside.get_by_role("button", name="Next row of the data").click()
    expect(field).to_have_value(str(last))
    expect(facts).to_contain_text("terminated")
    expect(facts).to_contain_text(f"r = {data.rewards[last]:g}")
    expect(inside.locator('[data-step="target"] .title')).to_have_text("target: the episode ended")
    # A row that does not exist is refused with the rows there are; what was shown stays.
    field.fill("100000")
    field.press("Enter")
    expect(inside.get_by_role("alert")).to_contain_text(f"the data has rows 0 to {len(data) - 1}")
    field.fill("ten")
    field.press("Enter")
    expect(inside.get_by_role("alert")).to_contain_text("ten is not allowed")
    expect(facts).to_contain_text("terminated")
    # An action of the state leads back to its most usual row.
    inside.get_by_role("radio", name=data.action_names[int(data.actions[last])]).click()
    expect(inside.get_by_role("alert")).to_be_hidden()


def test_a_row_of_vectors_shows_what_was_seen_with_its_units(tab: Page, server: Server):
    inside = look_inside(tab, server, "?data=cartpole&x.episodes=5&algo=bcq&net=mlp&seeds=1")
    data = load_dataset("cartpole", episodes=5)
    inside.get_by_label("Row number").fill("7")
    inside.get_by_label("Row number").press("Enter")
    facts = inside.locator(".row-facts")
    expect(facts).to_contain_text(f"a = {data.action_names[int(data.actions[7])]}")
    position = f"{data.observations[7, 0]:.3g}".replace("-", "−")
    expect(facts).to_contain_text(f"s = (position {position} m, velocity")
    expect(facts).to_contain_text("rad/s")
    expect(inside.locator(".where")).to_contain_text("row 7")


def test_a_refused_link_says_which_value_and_why(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&rho=9&data=<b>x</b>")
    notes = tab.get_by_test_id("stAlert")
    expect(notes.filter(has_text="rho = '9' was refused: it must be a number from 0 to 1")).to_be_visible()
    expect(notes.filter(has_text="data = '<b>x</b>' was refused")).to_be_visible()


def test_the_page_survives_a_switch_and_back(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&x.seed=18&rho=0.2")
    before = run(tab)
    tab.get_by_role("link", name="Datasets").click()
    expect(tab.get_by_role("heading", name="Datasets")).to_be_visible()
    tab.get_by_role("link", name="Playground").click()
    tab.wait_for_function(f"{BUS}?.hello?.run?.id === '{before}'")
    tab.wait_for_url(re.compile("rho=0.2"))


def test_nothing_is_wider_than_the_screen(tab: Page, server: Server):
    for path, drawn, resting in (("", ".stage canvas", ".stage .world"), ("datasets", ".picker .card", ".picker")):
        visit(tab, f"{server.url}/{path}")
        expect(tab.locator(drawn).first).to_be_visible()
        for width, height in ((1440, 900), (1024, 768), (390, 844)):
            tab.set_viewport_size({"width": width, "height": height})
            at_rest(tab, tab.locator(resting).first)
            eventually(tab, lambda: tab.get_by_test_id("stMain").evaluate(TOO_WIDE), lambda over: over <= 1)
        tab.set_viewport_size({"width": 1440, "height": 900})
