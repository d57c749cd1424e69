"""Walks through one scene of the lecture in a browser: every control to both ends, every preset, playing, two sizes."""

from __future__ import annotations

from collections.abc import Callable, Collection

from playwright.sync_api import Page, expect
from test_scenes_browser import DRAWN, LOW, WIDE, assert_nothing_blank, drawn, open_scene, reveal

from offrl_ui.scenes.registry import scenes
from offrl_ui.scenes.scene import Control

PATIENCE = 90_000
"""Milliseconds for a picture that may have to train first, on a busy machine."""


def after(page: Page, act: Callable[[], object]) -> None:
    """Do something that changes the state, and wait until its complete picture is drawn."""
    before = drawn(page)
    act()
    page.wait_for_function(DRAWN, arg=before, timeout=PATIENCE)
    assert_nothing_blank(page)


def walk(page: Page, url: str, name: str, scene_id: str, *, presets: Collection[str] | None = None) -> None:
    """Everything that a viewer can do to a scene with its controls; `presets` limits which are clicked, by label."""
    scene = scenes()[scene_id]
    open_scene(page, url, scene_id, name=name)
    assert_nothing_blank(page)
    reveal_and_draw(page)
    expect(page.locator(".answer-text")).not_to_be_empty()
    # The question's own state may be a long training: from here on the scene is walked from its defaults.
    open_scene(page, url, scene_id, "&v=1&reveal=1", name=name)
    for control in scene.controls:
        if control.widget != "none":
            _both_ends(page, control)
    for preset in scene.presets:
        if presets is None or preset.label in presets:
            chip = page.locator(".presets .chip").nth(scene.presets.index(preset))
            if chip.get_attribute("aria-pressed") == "false":
                after(page, chip.click)
    if scene.play:
        open_scene(page, url, scene_id, "&v=1&reveal=1", name=name)
        after(page, page.get_by_role("button", name="One step").click)
        after(page, page.get_by_role("button", name=scene.play.label).click)
        page.get_by_role("button", name="Pause").click()
    expect(page.locator(".refusal")).to_have_count(0)


def reveal_and_draw(page: Page) -> None:
    """Reveal, and wait for the state that the question is about."""
    before = drawn(page)
    reveal(page)
    page.wait_for_function(DRAWN, arg=before, timeout=PATIENCE)
    assert_nothing_blank(page)


def _both_ends(page: Page, control: Control) -> None:
    spec = control.spec
    if control.shown_if:
        other, allowed = control.shown_if
        _choose(page, other, str(allowed[0]))
    if isinstance(spec.default, bool):
        for _ in range(2):
            after(page, lambda: page.locator(f"#control-{spec.name}").click(force=True))
    elif spec.choices:
        for choice in (*spec.choices, str(spec.default)):
            _choose(page, spec.name, choice)
    else:
        slider = page.locator(f"#control-{spec.name}")
        slider.focus()
        for key in ("Home", "End", "Home"):
            if float(slider.input_value()) != float(slider.get_attribute("min" if key == "Home" else "max") or 0):
                after(page, lambda key=key: page.keyboard.press(key))


def _choose(page: Page, name: str, choice: str) -> None:
    radio = page.locator(f"input[type=radio][name$='-{name}'][value='{choice}']")
    if not radio.is_checked():
        after(page, lambda: radio.check(force=True))


def fits(page: Page, url: str, name: str, scene_id: str, query: str = "") -> None:
    """On a projector nothing is cut off below, on a phone nothing sticks out to the right, and nothing is blank."""
    page.set_viewport_size({"width": 1280, "height": 720})
    open_scene(page, url, scene_id, f"&v=1&reveal=1&present=1{query}", name=name)
    page.wait_for_timeout(300)
    assert page.locator(".lecture").evaluate(LOW) == []
    assert_nothing_blank(page)
    page.set_viewport_size({"width": 390, "height": 844})
    open_scene(page, url, scene_id, f"&v=1&reveal=1{query}", name=name)
    page.wait_for_timeout(300)
    assert page.locator(".lecture").evaluate(WIDE) == []
    assert_nothing_blank(page)
