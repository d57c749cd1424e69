"""Walks through one scene of the lecture in a browser: every control to both ends, every preset, playing.

`open_scene` loads the page; `show_scene` opens a link in a tab that shows the lecture already, without loading it:
the tests of a file that look at every scene share one tab (the fixture `tab`).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from offrl_lecture.base.scene import RESERVED, Control
from offrl_lecture.registry import pages, scenes
from tests.browser.waiting import eventually, painted, visit
from tests.lecture.scene_states import trained_elsewhere

PATIENCE = 90_000
"""Milliseconds for a picture that may have to train first, on a busy machine."""


# What is wrong with a lecture's pictures: those that are blank, each with the reason, and those without an alternative.
WRONG = """
(lecture) => {
  const wrong = [];
  for (const plot of lecture.querySelectorAll(".plot")) {
    const svg = plot.querySelector("svg"), canvas = plot.querySelector("canvas");
    const say = (why) => wrong.push(`${plot.closest("figure").id}: ${why}`);
    if (!svg || svg.clientWidth < 60 || svg.clientHeight < 40) { say("no drawing of a size"); continue; }
    const sizes = [...svg.querySelectorAll("path, rect, circle, line")].map((e) => e.getBoundingClientRect());
    if (sizes.filter((box) => box.width + box.height > 0).length < 3) say("nothing drawn");
    if (/NaN|undefined|Infinity/.test(svg.innerHTML)) say("a number is broken");
    if (!canvas) continue;
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = new Set();
    for (let i = 0; i < pixels.length; i += 404) colours.add(pixels[i] + pixels[i + 1] * 256 + pixels[i + 2] * 65536);
    if (colours.size < 2) say("an empty canvas");
  }
  for (const text of lecture.querySelectorAll("figure:not(.covered) .alternative"))
    if (text.textContent.length <= 12) wrong.push(`an alternative that says nothing: "${text.textContent}"`);
  return wrong;
}
"""
# Waits until a complete picture newer than `before` is on screen.
DRAWN = """
(lecture, [before, patience]) => new Promise((done, fail) => {
  const observer = new MutationObserver(look);
  const late = setTimeout(() => fail(new Error("no complete picture was drawn in time")), patience);
  observer.observe(lecture, { attributeFilter: ["data-drawn", "data-partial"] });
  function look() {
    if (!(Number(lecture.dataset.drawn || 0) > before) || lecture.dataset.partial === "true") return;
    observer.disconnect();
    clearTimeout(late);
    done(true);
  }
  look();
})
"""


def open_scene(page: Page, url: str, scene: str, query: str = "", name: str = "reweighting") -> None:
    page.goto(f"{url}/{name}?scene={scene}{query}")
    expect(page.locator(".lecture .picture").first).to_be_visible(timeout=20_000)


def show_scene(tab: Page, url: str, scene: str, query: str = "", name: str = "reweighting") -> None:
    """Open a link in a tab that may show another scene already, and wait until its first picture is drawn."""
    link = f"{url}/{name}?scene={scene}{query}"
    lecture, steps = tab.locator(".lecture"), tab.locator(".steps")
    page = pages()[name]
    if not lecture.count():
        visit(tab, link)
    else:
        opening = lecture.get_attribute("data-opening") or ""
        elsewhere = steps.get_attribute("aria-label") != page.title
        before = visit(tab, link)
        # On another page the lecture is mounted anew; on this one it opens the link, unless it shows just that.
        if not elsewhere and shown(before) != shown(link):
            expect(lecture).not_to_have_attribute("data-opening", opening)
        expect(steps).to_have_attribute("aria-label", page.title)
    expect(tab.locator(".step.here .step-number")).to_have_text(str([s.id for s in page.scenes].index(scene) + 1))
    expect(tab.locator(".lecture.present")).to_have_count(int("present=1" in query))
    expect(tab.locator(".lecture .picture").first).to_be_visible()
    painted(tab)


def shown(link: str) -> dict[str, list[str]]:
    """The part of a link that says which scene is shown, and in which state."""
    return {
        k: v for k, v in parse_qs(urlsplit(link).query).items() if k not in RESERVED or k in ("scene", "v", "reveal")
    }


def cover(page: Page) -> None:
    """Take a reveal back, so that the scene is asked again from its defaults."""
    if page.locator(".answer").count():
        page.get_by_role("button", name="Reset").click()
    expect(page.locator(".answer")).to_have_count(0)


def reveal(page: Page) -> None:
    button = page.get_by_role("button", name="Reveal without predicting")
    if button.count():
        button.click()
    expect(page.locator(".cover")).to_have_count(0)


def drawn(page: Page) -> int:
    return int(page.locator(".lecture").get_attribute("data-drawn") or 0)


def after(page: Page, act: Callable[[], object]) -> None:
    """Do something that changes the state, and wait until its complete picture is drawn."""
    before = drawn(page)
    act()
    page.locator(".lecture").evaluate(DRAWN, [before, PATIENCE])
    assert_nothing_blank(page)


def assert_nothing_blank(page: Page) -> None:
    """Every picture is drawn (or comes to be: a page that has just changed its size draws in the next frames)."""
    eventually(page, lambda: page.locator(".lecture").evaluate(WRONG), [])


def walk(tab: Page, url: str, name: str, scene_id: str) -> None:
    """Everything that a viewer can do to a scene with its controls.

    Of the presets that train for many seconds only that of the question is clicked, which has been trained by then.
    """
    scene = scenes()[scene_id]
    asked = scene.resolve(scene.prediction.at)
    show_scene(tab, url, scene_id, name=name)
    cover(tab)
    assert_nothing_blank(tab)
    reveal_and_draw(tab)
    expect(tab.locator(".answer-text")).not_to_be_empty()
    # The question's own state may be a long training: from here on the scene is walked from its defaults.
    show_scene(tab, url, scene_id, "&v=1&reveal=1", name=name)
    for control in scene.controls:
        if control.widget != "none":
            # A training that takes many seconds is left at its beginning: each other control would ask for another one.
            trains = scene.play and control.name == scene.play.control and trained_elsewhere(scene, asked)
            _both_ends(tab, control, ("End", "Home") if trains else ("Home", "End"))
    for preset in scene.presets:
        state = scene.resolve(preset.values)
        if state == asked or not trained_elsewhere(scene, state):
            chip = tab.locator(".presets .chip").nth(scene.presets.index(preset))
            if chip.get_attribute("aria-pressed") == "false":
                after(tab, chip.click)
    if scene.play:
        show_scene(tab, url, scene_id, "&v=1&reveal=1", name=name)
        back = tab.get_by_role("button", name="Back to the start")
        if back.is_enabled():
            after(tab, back.click)
        after(tab, tab.get_by_role("button", name="One step").click)
        after(tab, tab.get_by_role("button", name=scene.play.label, exact=True).click)
        tab.get_by_role("button", name="Pause").click()
    expect(tab.locator(".refusal")).to_have_count(0)


def reveal_and_draw(page: Page) -> None:
    """Reveal, and wait for the state that the question is about."""
    before = drawn(page)
    reveal(page)
    page.locator(".lecture").evaluate(DRAWN, [before, PATIENCE])
    assert_nothing_blank(page)


def _both_ends(page: Page, control: Control, keys: tuple[str, str]) -> None:
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
        for key in keys:
            if float(slider.input_value()) != float(slider.get_attribute("min" if key == "Home" else "max") or 0):
                after(page, lambda key=key: page.keyboard.press(key))


def _choose(page: Page, name: str, choice: str) -> None:
    select = page.locator(f"select#control-{name}")
    if select.count():
        if select.input_value() != choice:
            after(page, lambda: select.select_option(choice))
        return
    radio = page.locator(f"input[type=radio][name$='-{name}'][value='{choice}']")
    if not radio.is_checked():
        after(page, lambda: radio.check(force=True))
