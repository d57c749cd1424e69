"""Breaking the triad in a real Chromium: every scene walked through, and what its pictures say."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from offrl_lecture.registry import pages
from tests.browser.scene_walk import PATIENCE, after, cover, show_scene, walk
from tests.browser.waiting import at_rest

NAME = "constraining_q"
SCENES = [scene.id for scene in pages()[NAME].scenes]


@pytest.mark.parametrize("scene", SCENES)
def test_every_control_moves_to_both_ends(tab: Page, server, scene: str) -> None:
    walk(tab, server.url, NAME, scene)


def test_a_cell_is_chosen_by_click_and_by_keys(tab: Page, server) -> None:
    show_scene(tab, server.url, "where-max-looks", "&v=1&reveal=1&frame=60", name=NAME)
    expect(tab.locator("#picture-cell")).to_contain_text("(5,3)")
    expect(tab.locator("#picture-cell-text")).to_contain_text("guess")
    grid = tab.locator(".kind-grid [role='application'], .kind-grid [tabindex='0']").first
    grid.focus()
    after(tab, lambda: tab.keyboard.press("ArrowRight"))
    expect(tab.locator("#picture-cell")).to_contain_text("(5,4)")
    expect(tab).to_have_url(re.compile(r"state=7"))
    after(tab, lambda: tab.locator("input[value='seen']").check(force=True))
    expect(tab.locator(".answer-text")).to_contain_text("nobody walked that road")


def test_pointing_at_a_cell_shows_what_its_target_reads(tab: Page, server) -> None:
    show_scene(tab, server.url, "where-max-looks", "&v=1&reveal=1&frame=60", name=NAME)
    plot = tab.locator(".kind-grid .plot")
    at_rest(tab, plot)
    # The chosen cell's look is always there; another cell's comes with the pointer.
    expect(plot.locator("> svg .look")).to_have_count(1)
    box = tab.locator(".kind-grid .selected").bounding_box()
    tab.mouse.move(box["x"] + 2.5 * box["width"], box["y"] + box["height"] / 2)
    expect(tab.locator(".tip")).to_contain_text("(5,5)")
    expect(tab.locator(".tip")).to_contain_text("its target reads: at (5,6) the maximum picks")
    expect(tab.locator("svg.overlay .look")).to_have_count(1)
    tab.mouse.move(5, 5)
    expect(tab.locator("svg.overlay")).to_have_count(0)


def test_the_recorded_walks_stand_in_for_the_learned_ones(tab: Page, server) -> None:
    show_scene(tab, server.url, "stitching", name=NAME)
    cover(tab)
    expect(tab.locator("#picture-data")).to_have_text("The recorded walks")
    expect(tab.locator("#picture-data-text")).to_contain_text("50 walks")
    expect(tab.locator("#picture-grid")).to_have_count(0)
    tab.locator(".option").nth(0).click()
    expect(tab.locator("#picture-grid-text")).to_contain_text("IQL, BCQ, CQL", timeout=PATIENCE)
    expect(tab.locator("#picture-data")).to_have_count(0)


def test_finer_cells_end_in_evaluation(tab: Page, server) -> None:
    show_scene(tab, server.url, "abar", "&v=1&reveal=1", name=NAME)
    after(tab, tab.get_by_role("button", name="Quarter cells").click)
    expect(tab.locator(".answer-text")).to_contain_text("their pieces join")
    after(tab, tab.get_by_role("button", name="Points").click)
    expect(tab.locator(".answer-text")).to_contain_text("evaluation of")


def test_the_threshold_has_two_ends(tab: Page, server) -> None:
    show_scene(tab, server.url, "bcq-threshold", "&v=1&reveal=1&training=100&rho=0.2", name=NAME)
    expect(tab.locator("#picture-numbers-text")).to_contain_text("true return 0.5688")
    slider = tab.locator("#control-rho")
    slider.focus()
    after(tab, lambda: tab.keyboard.press("End"))
    expect(tab.locator("#picture-numbers-text")).to_contain_text("true return 0.2321")


def test_each_penalty_is_a_panel(tab: Page, server) -> None:
    show_scene(tab, server.url, "cql-steps", "&v=1&reveal=1&frame=100", name=NAME)
    expect(tab.locator(".panel")).to_have_count(5)
    expect(tab.locator(".answer-text")).to_contain_text("without bound")
    after(tab, tab.locator(".panel").nth(4).click)
    expect(tab).to_have_url(re.compile("form=paper"))
    expect(tab.locator("#picture-numbers-text")).to_contain_text("0.569")
    after(tab, lambda: tab.locator("input[value='soft']").check(force=True))
    expect(tab.locator("#picture-slope-text")).to_contain_text("softmax")


def test_three_of_seven_join_the_roads(tab: Page, server) -> None:
    show_scene(tab, server.url, "stitching", "&v=1&reveal=1&frame=75&system=marwil", name=NAME)
    expect(tab.locator(".answer-text")).to_contain_text("Only IQL, BCQ and CQL take the road")
    expect(tab.locator("#picture-grid-text")).to_contain_text("IQL, BCQ, CQL")
    expect(tab.locator("#picture-table tr.selected, .table tr.selected")).to_contain_text("MARWIL")
