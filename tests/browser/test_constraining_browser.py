"""Breaking the triad in a real Chromium: every scene walked through, and what its pictures say."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from offrl_lecture.registry import pages, scenes
from tests.browser.scene_walk import PATIENCE, after, fits, open_scene, walk
from tests.browser.waiting import at_rest

NAME = "constraining_q"
SCENES = [scene.id for scene in pages()[NAME].scenes]


@pytest.mark.parametrize("scene", SCENES)
def test_every_control_moves_to_both_ends(page: Page, server, scene: str) -> None:
    # The maze trains for many seconds; its first frame is looked at when the world is chosen.
    labels = [preset.label for preset in scenes()[scene].presets if "maze" not in preset.label]
    walk(page, server.url, NAME, scene, presets=labels)


@pytest.mark.parametrize("scene", SCENES)
def test_a_projector_and_a_phone_show_it_all(page: Page, server, scene: str) -> None:
    fits(page, server.url, NAME, scene)


def test_a_cell_is_chosen_by_click_and_by_keys(page: Page, server) -> None:
    open_scene(page, server.url, "where-max-looks", "&v=1&reveal=1&frame=60", name=NAME)
    expect(page.locator("#picture-cell")).to_contain_text("(5,3)")
    expect(page.locator("#picture-cell-text")).to_contain_text("guess")
    grid = page.locator(".kind-grid [role='application'], .kind-grid [tabindex='0']").first
    grid.focus()
    after(page, lambda: page.keyboard.press("ArrowRight"))
    expect(page.locator("#picture-cell")).to_contain_text("(5,4)")
    expect(page).to_have_url(re.compile(r"state=7"))
    after(page, lambda: page.locator("input[value='seen']").check(force=True))
    expect(page.locator(".answer-text")).to_contain_text("nobody walked that road")


def test_pointing_at_a_cell_shows_what_its_target_reads(page: Page, server) -> None:
    open_scene(page, server.url, "where-max-looks", "&v=1&reveal=1&frame=60", name=NAME)
    plot = page.locator(".kind-grid .plot")
    at_rest(page, plot)
    # The chosen cell's look is always there; another cell's comes with the pointer.
    expect(plot.locator("> svg .look")).to_have_count(1)
    box = page.locator(".kind-grid .selected").bounding_box()
    page.mouse.move(box["x"] + 2.5 * box["width"], box["y"] + box["height"] / 2)
    expect(page.locator(".tip")).to_contain_text("(5,5)")
    expect(page.locator(".tip")).to_contain_text("its target reads: at (5,6) the maximum picks")
    expect(page.locator("svg.overlay .look")).to_have_count(1)
    page.mouse.move(5, 5)
    expect(page.locator("svg.overlay")).to_have_count(0)


def test_the_recorded_walks_stand_in_for_the_learned_ones(page: Page, server) -> None:
    open_scene(page, server.url, "stitching", name=NAME)
    expect(page.locator("#picture-data")).to_have_text("The recorded walks")
    expect(page.locator("#picture-data-text")).to_contain_text("50 walks")
    expect(page.locator("#picture-grid")).to_have_count(0)
    page.locator(".option").nth(0).click()
    expect(page.locator("#picture-grid-text")).to_contain_text("IQL, BCQ, CQL", timeout=PATIENCE)
    expect(page.locator("#picture-data")).to_have_count(0)


def test_finer_cells_end_in_evaluation(page: Page, server) -> None:
    open_scene(page, server.url, "abar", "&v=1&reveal=1", name=NAME)
    after(page, page.get_by_role("button", name="Quarter cells").click)
    expect(page.locator(".answer-text")).to_contain_text("their pieces join")
    after(page, page.get_by_role("button", name="Points").click)
    expect(page.locator(".answer-text")).to_contain_text("evaluation of")


def test_the_threshold_has_two_ends(page: Page, server) -> None:
    open_scene(page, server.url, "bcq-threshold", "&v=1&reveal=1&training=100&rho=0.2", name=NAME)
    expect(page.locator("#picture-numbers-text")).to_contain_text("true return 0.5688")
    slider = page.locator("#control-rho")
    slider.focus()
    after(page, lambda: page.keyboard.press("End"))
    expect(page.locator("#picture-numbers-text")).to_contain_text("true return 0.2321")


def test_each_penalty_is_a_panel(page: Page, server) -> None:
    open_scene(page, server.url, "cql-steps", "&v=1&reveal=1&frame=100", name=NAME)
    expect(page.locator(".panel")).to_have_count(5)
    expect(page.locator(".answer-text")).to_contain_text("without bound")
    after(page, page.locator(".panel").nth(4).click)
    expect(page).to_have_url(re.compile("form=paper"))
    expect(page.locator("#picture-numbers-text")).to_contain_text("0.569")
    after(page, lambda: page.locator("input[value='soft']").check(force=True))
    expect(page.locator("#picture-slope-text")).to_contain_text("softmax")


def test_three_of_seven_join_the_roads(page: Page, server) -> None:
    open_scene(page, server.url, "stitching", "&v=1&reveal=1&frame=75&system=marwil", name=NAME)
    expect(page.locator(".answer-text")).to_contain_text("Only IQL, BCQ and CQL take the road")
    expect(page.locator("#picture-grid-text")).to_contain_text("IQL, BCQ, CQL")
    expect(page.locator("#picture-table tr.selected, .table tr.selected")).to_contain_text("MARWIL")
