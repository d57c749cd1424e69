"""Q-learning without exploration in a real Chromium: every scene walked through, and what its pictures say."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from offrl_lecture.registry import pages
from tests.browser.scene_walk import after, cover, reveal_and_draw, show_scene, walk
from tests.browser.waiting import at_rest

NAME = "deadly_triad"
SCENES = [scene.id for scene in pages()[NAME].scenes]


@pytest.mark.parametrize("scene", SCENES)
def test_every_control_moves_to_both_ends(tab: Page, server, scene: str) -> None:
    walk(tab, server.url, NAME, scene)


def test_monte_carlo_in_the_loop_judges_the_datas_policy(tab: Page, server) -> None:
    show_scene(tab, server.url, "offline-loop", "&v=1&reveal=1&frame=60", name=NAME)
    expect(tab.locator(".answer-text")).to_contain_text("earns 0.5688")
    after(tab, lambda: tab.locator("input[value=mc]").check(force=True))
    expect(tab.locator(".answer-text")).to_contain_text("earns 0.2321")
    expect(tab.locator(".code-line.added").last).to_contain_text("y = b.G")


def test_the_doubling_by_hand_and_to_infinity(tab: Page, server) -> None:
    show_scene(tab, server.url, "doubling", name=NAME)
    cover(tab)
    expect(tab.locator(".cover")).to_have_count(4)
    tab.locator(".option").nth(1).click()
    expect(tab.locator(".option.wrong")).to_contain_text("10")
    expect(tab.locator(".option.right")).to_contain_text("1024")
    expect(tab.locator("#picture-update-text")).to_contain_text("512 − [512 − 1024] = 1024")
    slider = tab.locator("#control-step")
    slider.focus()
    after(tab, lambda: tab.keyboard.press("Home"))
    for value in ("1 − [1 − 2] = 2", "2 − [2 − 4] = 4", "4 − [4 − 8] = 8"):
        after(tab, lambda: tab.keyboard.press("ArrowRight"))
        expect(tab.locator("#picture-update-text")).to_contain_text(value)
    after(tab, tab.get_by_role("button", name="Until infinity").click)
    expect(tab.locator(".alarm")).to_contain_text("at update 128")


def test_the_map_is_dragged_across_the_border(tab: Page, server) -> None:
    show_scene(tab, server.url, "doubling", "&v=1&reveal=1&gamma=0.9&learning_rate=0.2", name=NAME)
    expect(tab.locator(".answer-text")).to_contain_text("Every update multiplies")
    point = tab.get_by_role("slider", name=re.compile("factor"))
    at_rest(tab, point)
    box = point.locator("circle").first.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] - 130, steps=8)
    tab.mouse.up()
    expect(tab).to_have_url(re.compile(r"share=0\.\d+"))
    expect(tab.locator(".answer-text")).to_contain_text("it goes to the truth")
    after(tab, lambda: point.press("ArrowRight"))
    expect(tab).to_have_url(re.compile(r"gamma=0\.91"))


def test_a_panel_sets_three_switches_at_once(tab: Page, server) -> None:
    show_scene(tab, server.url, "three-switches", "&v=1&reveal=1", name=NAME)
    panels = tab.locator(".panel")
    expect(panels).to_have_count(8)
    expect(panels.filter(has_text="diverges")).to_have_count(1)
    after(tab, panels.filter(has_text="all three off").click)
    for name in ("approximation", "bootstrapping", "off_policy"):
        expect(tab.locator(f"#control-{name}")).not_to_be_checked()
    after(tab, panels.filter(has_text="settles at").click)
    expect(tab.locator("#control-off_policy")).to_be_checked()
    expect(tab.locator("#picture-why-text")).to_contain_text("1.8")


def test_cql_cures_only_above_its_border(tab: Page, server) -> None:
    show_scene(tab, server.url, "remedies", "&v=1&reveal=1", name=NAME)
    after(tab, tab.get_by_role("button", name="CQL below 1.3679").click)
    expect(tab.locator(".answer-text")).to_contain_text("1.3679")
    expect(tab.locator("#picture-numbers-text")).to_contain_text("diverges")
    after(tab, tab.get_by_role("button", name="CQL above 1.3679").click)
    expect(tab.locator("#picture-numbers-text")).to_contain_text("sinks without bound")


def test_bairds_numbers(tab: Page, server) -> None:
    show_scene(tab, server.url, "baird", name=NAME)
    cover(tab)
    reveal_and_draw(tab)
    for number in ("5.318", "6.47", "19.55", "581.4"):
        expect(tab.locator(".answer-text")).to_contain_text(number)
