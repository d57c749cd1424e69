"""What the last row of a lecture hall can read, and a phone can show: in every scene words keep apart, small pictures
have a size, nothing is cut off, and every control can be reached."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from offrl_lecture.registry import page_of, scenes
from tests.browser.scene_walk import PATIENCE, assert_nothing_blank, show_scene
from tests.browser.waiting import eventually, painted
from tests.lecture.scene_states import quick

IDS = list(scenes())
PROJECTOR = (1280, 720, "&present=1")
LAPTOP = (1024, 768, "")
PHONE = {"width": 390, "height": 844}
LECTURE_ON_A_PHONE = (390, 844, "&present=1")

# Words of drawings that lie over each other or leave their drawing, and headings, legends and cells that are cut off.
# A box of a word is higher than its letters: what the letters leave free may be shared.
TROUBLE = """
(lecture) => {
  const found = [];
  const named = (e) => e.closest("figure").getAttribute("aria-labelledby");
  const over = (a, b) => [
    Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
  ];
  for (const svg of lecture.querySelectorAll(".plot:not(.mini) > svg")) {
    const edge = svg.getBoundingClientRect();
    const words = [...svg.querySelectorAll("text")].map((e) => [e.textContent, e.getBoundingClientRect()]);
    words.forEach(([text, box], i) => {
      const aside = Math.max(edge.left - box.left, box.right - edge.right);
      const beyond = Math.max(edge.top - box.top, box.bottom - edge.bottom);
      if (aside > 2 || beyond > 7) found.push(`${named(svg)}: "${text}" leaves the drawing`);
      for (const [other, its] of words.slice(i + 1)) {
        const [x, y] = over(box, its);
        if (x > 2 && y > 0.4 * Math.min(box.height, its.height)) found.push(`${named(svg)}: "${text}" over "${other}"`);
      }
    });
  }
  const kinds = "h3, .legend, .x-label, figcaption, .panel-name, .verdict, dd, dt, .card-name, .row-name, .note";
  for (const e of lecture.querySelectorAll("figure :is(" + kinds + ")")) {
    const right = e.closest("figure").getBoundingClientRect().right;
    if (e.getBoundingClientRect().right > right + 3 || e.scrollWidth > e.clientWidth + 3) {
      found.push(`${named(e)}: "${e.textContent.slice(0, 40)}" is cut off`);
    }
  }
  return found;
}
"""
# Figures, controls and words that lie over each other.
OVERLAPS = """
(lecture) => {
  const over = (p, q) => Math.min(p.right, q.right) - Math.max(p.left, q.left) > 3
    && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 3;
  const boxes = (e) => [...e.querySelectorAll(":scope > :not(.unseen)")].map((c) => c.getBoundingClientRect());
  const parts = [...lecture.querySelectorAll("figure, .controls, .prediction, .answer-text")];
  const pairs = parts.flatMap((a, i) => parts.slice(i + 1).map((b) => [a, b]));
  const touching = pairs.filter(([a, b]) => boxes(a).some((p) => boxes(b).some((q) => over(p, q))));
  return touching.map((pair) => pair.map((e) => e.getAttribute("aria-labelledby") ?? e.className).join(" over "));
}
"""
# What sticks out of the window to the right; what scrolls by itself may.
WIDE = """
(e) => [...e.querySelectorAll("*")]
  .filter((c) => !c.closest("svg, .table, pre, .math, .unseen, .steps"))
  .filter((c) => c.getBoundingClientRect().right > innerWidth + 1)
  .map((c) => c.className)
"""
LOW = """
(e) => [...e.querySelectorAll("figure")].map((f) => f.getBoundingClientRect().bottom).filter((b) => b > innerHeight + 2)
"""
# How far the column of controls goes on below its end.
HIDDEN = "(side) => side.scrollHeight - side.clientHeight"


def asked(scene_id: str) -> str:
    """The link of the state that the question is about; where that is a long training, of the scene's defaults."""
    scene = scenes()[scene_id]
    state = quick(scene, scene.resolve(scene.prediction.at))
    query = {k: v for k, v in scene.query(state).items() if k not in ("scene", "v")}
    return "".join(f"&{name}={value}" for name, value in query.items())


def show_revealed(tab: Page, url: str, scene_id: str, size: tuple[int, int, str]) -> None:
    width, height, more = size
    tab.set_viewport_size({"width": width, "height": height})
    show_scene(tab, url, scene_id, f"&v=1&reveal=1{more}{asked(scene_id)}", name=page_of(scene_id))
    expect(tab.locator(".lecture")).to_have_attribute("data-partial", "false", timeout=PATIENCE)
    assert_nothing_blank(tab)


def assert_words_keep_apart(tab: Page) -> None:
    """No word covers another, none is cut off, and no part of the scene lies over another."""
    eventually(tab, lambda: tab.locator(".lecture").evaluate(TROUBLE), [])
    eventually(tab, lambda: tab.locator(".lecture").evaluate(OVERLAPS), [])


@pytest.mark.parametrize("scene", IDS)
def test_a_projector_shows_it_all(tab: Page, server, scene: str) -> None:
    show_revealed(tab, server.url, scene, PROJECTOR)
    assert_words_keep_apart(tab)
    eventually(tab, lambda: tab.locator(".side").evaluate(HIDDEN), lambda rest: rest <= 3)
    expect(tab.locator(".side.goes-on")).to_have_count(0)
    assert tab.locator(".lecture .pictures").evaluate(HIDDEN) <= 3
    # Nothing is cut off below: where the question is asked, and where the scene begins.
    eventually(tab, lambda: tab.locator(".lecture").evaluate(LOW), [])
    show_scene(tab, server.url, scene, "&v=1&reveal=1&present=1", name=page_of(scene))
    assert_nothing_blank(tab)
    eventually(tab, lambda: tab.locator(".lecture").evaluate(LOW), [])


@pytest.mark.parametrize("scene", IDS)
def test_a_laptop_and_a_phone_show_it_all(tab: Page, server, scene: str) -> None:
    show_revealed(tab, server.url, scene, LAPTOP)
    assert_words_keep_apart(tab)
    tab.set_viewport_size(PHONE)
    assert_nothing_blank(tab)
    assert_words_keep_apart(tab)
    # Nothing sticks out to the right: where the question is asked, and where the scene begins.
    eventually(tab, lambda: tab.locator(".lecture").evaluate(WIDE), [])
    show_scene(tab, server.url, scene, "&v=1&reveal=1", name=page_of(scene))
    assert_nothing_blank(tab)
    eventually(tab, lambda: tab.locator(".lecture").evaluate(WIDE), [])


@pytest.mark.parametrize("scene", ["doubling", "three-switches", "stitching", "family"])
def test_a_lecturers_link_on_a_phone_is_as_long_as_it_needs_to_be(tab: Page, server, scene: str) -> None:
    show_revealed(tab, server.url, scene, LECTURE_ON_A_PHONE)
    assert_words_keep_apart(tab)


def test_controls_that_go_on_below_say_so_and_scroll(tab: Page, server) -> None:
    tab.set_viewport_size({"width": 1280, "height": 600})
    show_scene(tab, server.url, "advantage", "&present=1&reveal=1")
    expect(tab.locator(".side.goes-on")).to_have_count(1)
    tab.locator("#control-step").focus()
    tab.locator(".side").evaluate("(side) => side.scrollTo(0, side.scrollHeight)")
    expect(tab.locator(".side.goes-on")).to_have_count(0)
    box = tab.locator("#control-step").bounding_box()
    assert box["y"] + box["height"] <= 600


@pytest.mark.parametrize(("scene", "count"), [("three-switches", 8), ("remedies", 9), ("cql-steps", 5)])
def test_small_panels_show_their_curves_on_a_projector(tab: Page, server, scene: str, count: int) -> None:
    show_revealed(tab, server.url, scene, PROJECTOR)
    minis = tab.locator(".panel .plot.mini svg")
    expect(minis).to_have_count(count)
    painted(tab)
    for mini in minis.all():
        box = mini.bounding_box()
        assert box["height"] >= 56
        assert box["width"] >= 100
        # A curve that uses its room: as long as the panel is wide.
        widths = mini.locator(".line").evaluate_all("(lines) => lines.map((l) => l.getBoundingClientRect().width)")
        assert max(widths) >= 0.9 * box["width"]
    for verdict in tab.locator(".panel .verdict").all():
        size = float(verdict.evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)"))
        assert size >= 14


@pytest.mark.parametrize("control", ["gamma", "theta", "share"])
def test_while_a_slider_moves_the_pictures_stand_still(tab: Page, server, control: str) -> None:
    tab.set_viewport_size({"width": 1280, "height": 720})
    show_scene(tab, server.url, "doubling", "&v=1&reveal=1&present=1&step=12", name="deadly_triad")
    assert_nothing_blank(tab)
    top = "(e) => Math.round(e.getBoundingClientRect().top)"
    seen = set()
    for key in ("Home", *["ArrowRight"] * 12, "End", *["ArrowLeft"] * 12):
        tab.locator(f"#control-{control}").press(key)
        painted(tab)
        seen.add(tab.locator(".row").nth(1).evaluate(top))
    assert max(seen) - min(seen) <= 1
