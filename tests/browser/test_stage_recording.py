"""The stage playing a recording: what it shows is what was trained; scrubbing, modes, selection, layout, files."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage_host import Host, config
from tests.browser.waiting import eventually, painted

STEPS = [0, 1, 2, 3, 5, 8, 12, 18, 26, 36, 50]
MODES = ["q", "v", "policy", "data", "advantage", "truth", "error"]


@pytest.fixture
def naive(bench: Page, host: Host):
    """Naive Q-learning on the stitching world, two seeds, on screen."""
    export = host.record("naive", config({"algorithm": "q-learning", "seeds": 2}), STEPS)
    host.show(bench, recording="naive")
    return export


def on_screen(value: float) -> str:
    """A number as the stage writes it: three significant digits, a real minus."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.2e}".split("e")
    if int(exponent) < -4 or abs(value) >= 999_999.5:
        power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa}·10{power}".replace("-", "−")
    return np.format_float_positional(value, 3, unique=False, fractional=False, trim="k").rstrip(".").replace("-", "−")


def table(bench: Page) -> dict[str, list[str]]:
    """Column heading → the texts of the selected state's table."""
    heads = bench.locator(".inspector-table thead th").all_inner_texts()
    rows = [row.locator("th, td").all_inner_texts() for row in bench.locator(".inspector-table tbody tr").all()]
    return {head.strip(): [row[i].strip() for row in rows] for i, head in enumerate(heads)}


def start_state(export) -> int:
    layout = export.hello["layout"]
    return int(layout["state_of_cell"][layout["cells"].index("S")])


def colours(bench: Page, state: int, action: int) -> int:
    """Distinct colours in the middle of a wedge of the world."""
    return bench.evaluate(
        """([state, action]) => {
          const { world } = stage;
          const geo = world.panes[0].geo, ratio = world.size[2];
          const [x, y] = world.scene.corner(geo, state);
          const polygon = world.scene.grid.shapes[action];
          const n = polygon.length;
          const centre = polygon.reduce(([a, b], [px, py]) => [a + px / n, b + py / n], [0, 0]);
          const [cx, cy] = [(x + centre[0] * geo.size) * ratio, (y + centre[1] * geo.size) * ratio];
          const d = Math.max(Math.round(geo.size * ratio * 0.11), 2);
          const { data } = world.canvas.getContext("2d").getImageData(cx - d, cy - d / 2, 2 * d, d);
          const seen = new Set();
          for (let i = 0; i < data.length; i += 4) seen.add([data[i] >> 3, data[i + 1] >> 3, data[i + 2] >> 3].join());
          return seen.size;
        }""",
        [state, action],
    )


def test_selected_state_shows_the_numbers_that_were_trained(bench: Page, naive):
    state, last = start_state(naive), naive.frames[-1]
    shown = table(bench)
    for name, head in (("q", "Q"), ("q_pi", "Qπ"), ("advantages", "A")):
        assert shown[head] == [on_screen(v) for v in last.fields[name][0, state].tolist()], name
    assert shown["Q*"] == [on_screen(v) for v in naive.static["q_star"][state].tolist()]
    assert shown["n"] == [str(n) for n in naive.static["counts"][state].tolist()]
    assert shown["π_θ"] == [f"{round(100 * p)} %" for p in last.fields["policy"][0, state].tolist()]
    assert bench.locator(".inspector-table tr.unseen").count() == int((naive.static["counts"][state] == 0).sum())


def test_top_line_and_curves_show_the_metrics_that_were_trained(bench: Page, naive):
    names = [metric["name"] for metric in naive.hello["metrics"]]
    column = names.index("q_data")
    medians = [float(np.median(frame.metrics[:, column])) for frame in naive.frames]
    trace = bench.evaluate(
        """() => { const figure = stage.curves.figure;
          const i = figure.traces.findIndex((t) => t.metric.name === "q_data" && t.kind === "line");
          const { x, y } = stage.curves.plot.data[i];
          return [Array.from(x), Array.from(y)]; }"""
    )
    assert trace[0] == STEPS
    assert trace[1] == pytest.approx(medians, rel=1e-6)
    returns = naive.frames[-1].metrics[:, names.index("return")]
    assert bench.locator(".stage-numbers .now dd").inner_text() == on_screen(float(np.median(returns)))
    expect(bench.locator(".stage-numbers")).to_contain_text(on_screen(naive.hello["truth"]["optimal"]))


@pytest.mark.parametrize("mode", MODES)
def test_unseen_actions_are_hatched_in_every_mode(bench: Page, naive, mode):
    bench.locator(f".tab[data-mode={mode}]").click()
    expect(bench.locator(f".tab[data-mode={mode}]")).to_have_attribute("aria-checked", "true")
    painted(bench)
    counts = naive.static["counts"]
    crossing = int(np.argmax((counts > 0).sum(axis=1)))  # two ways were walked there
    bench.evaluate("stage.select({ state: 0, action: null })")
    painted(bench)
    for action in range(4):
        distinct = colours(bench, crossing, action)
        if counts[crossing, action] == 0:
            assert distinct >= 3, f"action {action} is unseen but has no hatch in mode {mode}"
        elif mode != "policy":
            assert distinct <= 2, f"action {action} is in the data but hatched in mode {mode}"


def test_wedge_has_the_colour_of_its_value(bench: Page, naive):
    state = start_state(naive)
    bench.evaluate("stage.select({ state: 0, action: null })")
    painted(bench)
    q = naive.frames[-1].fields["q"][0]
    seen = [(s, a) for s, a in zip(*np.nonzero(naive.static["counts"]), strict=True) if s != state][:6]
    for s, a in seen:
        drawn, wanted = bench.evaluate(
            """([state, action, value]) => {
              const { world, store } = stage;
              const geo = world.panes[0].geo, ratio = world.size[2];
              const [x, y] = world.scene.corner(geo, state);
              const polygon = world.scene.grid.shapes[action];
              const n = polygon.length;
              const c = polygon.reduce(([a, b], [px, py]) => [a + px / n, b + py / n], [0, 0]);
              const at = [(x + c[0] * geo.size) * ratio, (y + c[1] * geo.size) * ratio];
              const pixel = world.canvas.getContext("2d").getImageData(...at, 1, 1).data;
              return [[...pixel.slice(0, 3)], store.scale("value").colour(value, false).match(/\\d+/g).map(Number)];
            }""",
            [int(s), int(a), float(q[s, a])],
        )
        assert drawn == pytest.approx(wanted, abs=3)


def test_timeline_scrubs_over_every_snapshot_without_the_server(bench: Page, naive):
    seen = []
    bench.locator(".timeline").focus()
    bench.keyboard.press("Home")
    for _ in STEPS:
        seen.append(bench.evaluate("stage.playback.frame.step"))
        bench.keyboard.press("ArrowRight")
    assert seen == STEPS
    bench.keyboard.press("End")
    expect(bench.locator(".step-text")).to_have_text(re.compile(r"step 50\b"))
    box = bench.locator(".track").bounding_box()
    bench.mouse.move(box["x"] + box["width"] * 0.98, box["y"])
    bench.mouse.down()
    bench.mouse.move(box["x"] + box["width"] * 0.3, box["y"], steps=4)
    bench.mouse.up()
    assert bench.evaluate("stage.playback.frame.step") == STEPS[3]
    assert bench.locator(".timeline").get_attribute("aria-valuenow") == "3"
    painted(bench)
    state = start_state(naive)
    assert table(bench)["Q"] == [on_screen(v) for v in naive.frames[3].fields["q"][0, state].tolist()]


def test_film_plays_from_the_start_to_the_end_and_nothing_moves_place(bench: Page, naive):
    def places():
        return bench.evaluate(
            """() => [".top", ".transport", ".timeline", ".world", ".curves", ".inspector", ".notices"]
              .map((name) => document.querySelector(name).getBoundingClientRect())
              .map((box) => [box.x, box.y, box.width, box.height])"""
        )

    before = places()
    bench.locator("body").click(position={"x": 2, "y": 2})
    bench.keyboard.press("Space")
    bench.wait_for_function("stage.playback.replay && stage.playback.frame.step > 1")
    assert places() == before
    bench.wait_for_function("!stage.playback.replay", timeout=15_000)
    assert bench.evaluate("stage.playback.frame.step") == STEPS[-1]
    assert places() == before


def test_click_selects_a_state_and_hover_shows_numbers(bench: Page, naive):
    spot = bench.evaluate(
        """() => {
          const { world } = stage;
          const geo = world.panes[0].geo;
          const [x, y] = world.scene.corner(geo, 7);
          const b = world.canvas.getBoundingClientRect();
          return [b.x + x + geo.size * 0.85, b.y + y + geo.size / 2]; }"""
    )
    bench.mouse.move(*spot)
    tip = bench.locator(".tip")
    expect(tip).to_be_visible()
    q = naive.frames[-1].fields["q"][0, 7, 1]
    expect(tip).to_contain_text("action right")
    expect(tip).to_contain_text(f"Q {on_screen(float(q))}")
    bench.mouse.click(*spot)
    painted(bench)
    assert bench.evaluate("[stage.store.view.state, stage.store.view.action]") == [7, 1]
    assert bench.locator(".inspector-table tr.picked th").inner_text().strip() == "right"
    assert bench.locator(".inspector-title").inner_text() == bench.evaluate("stage.world.scene.name(7)")


def test_screen_reader_hears_where_the_run_stands(bench: Page, naive):
    region = bench.get_by_role("status").first
    expect(region).to_contain_text("Step 50.")
    names = [metric["name"] for metric in naive.hello["metrics"]]
    median = float(np.median(naive.frames[-1].metrics[:, names.index("return")]))
    expect(region).to_contain_text(f"True return {on_screen(median)}")
    assert bench.locator(".world-canvas").get_attribute("aria-label").startswith("Step 50.")


def test_svg_draws_what_the_screen_draws(bench: Page, naive):
    text = bench.evaluate(
        """async () => { const { svgOf } = await import(assets + "stage/save.js");
          return svgOf(stage, "world"); }"""
    )
    root = ET.fromstring(text)
    fills = [p.get("fill", "") for p in root.iter("{http://www.w3.org/2000/svg}path")]
    states = int((~naive.static["terminal"]).sum())
    assert sum(fill.startswith("rgb(") for fill in fills) >= 4 * states
    assert any(fill.startswith("url(#hatch") for fill in fills)
    with bench.expect_download() as download:
        bench.locator(".menu summary").click()
        bench.get_by_role("button", name="world as PNG").click()
    assert download.value.suggested_filename == "naive-step-50.png"


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (700, 768), (390, 844)])
def test_layout_fits_the_width(bench: Page, host: Host, naive, width, height):
    bench.set_viewport_size({"width": width, "height": height})
    painted(bench)
    eventually(bench, lambda: bench.evaluate("document.documentElement.scrollWidth"), lambda wide: wide <= width)
    world, curves = (bench.locator(name).bounding_box() for name in (".world", ".curves"))
    if width == 1440:
        assert curves["x"] >= world["x"] + world["width"], "curves stand beside the world"
        assert bench.locator(".below").bounding_box()["y"] + bench.locator(".below").bounding_box()["height"] <= height
    else:
        assert curves["y"] >= world["y"] + world["height"], "curves stand below the world"
    for button in bench.locator(".transport button:visible").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_alarms_say_their_cause_and_show_their_place(bench: Page, host: Host):
    triad = config({"algorithm": "q-learning", "approximator": "linear"}, dataset="deadly-triad")
    export = host.record("triad", triad, list(range(140)))
    host.show(bench, recording="triad")
    alarms = bench.locator(".alarms li")
    raised = {alarm["kind"]: alarm for alarm in export.alarms if alarm["active"]}
    assert {"above-bound", "missing-rises", "leaves-data", "diverged"} <= raised.keys()
    expect(alarms).to_have_count(len(raised))
    for alarm in raised.values():
        entry = alarms.filter(has_text=alarm["title"])
        expect(entry).to_contain_text(alarm["cause"])
        entry.get_by_role("button", name="show me").click()
        painted(bench)
        assert bench.evaluate("stage.playback.frame.step") == alarm["step"]
        assert bench.evaluate("stage.store.view.mode") == alarm["mode"]
        expect(bench.locator(".world")).to_have_class(re.compile("flash"))
        bench.keyboard.press("End")
    # What explodes is seen: bars of their own length with their numbers, the parameter, and what left the numbers.
    assert bench.evaluate("stage.world.scene.constructor.name") == "BarsScene"
    painted(bench)
    assert (table(bench)["Q"], table(bench)["A"][0]) == (["1.70·10³⁸", "∞"], "−∞")
    bench.evaluate("stage.playback.seek(10)")
    painted(bench)
    assert table(bench)["Q"] == ["1\u2009024", "2\u2009048"]
    expect(bench.locator(".inspector-theta")).to_have_text("θ = 1\u2009024")
    places = "[0, 1024, 2048, 1.7e38].map((q) => stage.store.scale('value').at(q))"
    assert bench.evaluate(places) == sorted(bench.evaluate(places))
    assert bench.evaluate(places)[1] > 0.07
    # Before it rose an alarm does not stand.
    bench.evaluate("stage.playback.seek(0)")
    expect(alarms).to_have_count(0)


def test_the_projector_shows_the_world_and_one_curve_large(bench: Page, naive):
    size = "getComputedStyle(document.querySelector('.stage-title')).fontSize"
    before = bench.evaluate(f"parseFloat({size})")
    bench.locator(".world-canvas").focus()
    bench.keyboard.press("p")
    bench.wait_for_function("document.fullscreenElement !== null")
    bench.wait_for_function("stage.curves.figure.panels.length === 1")
    assert bench.evaluate(f"parseFloat({size})") == pytest.approx(1.5 * before)
    expect(bench.locator(".below")).to_be_hidden()
    bench.get_by_role("combobox", name="Which curve is shown").select_option("q")
    bench.wait_for_function("stage.curves.figure.panels[0].key === 'q'")
    bench.evaluate("document.exitFullscreen().then(() => true)")
    bench.wait_for_function("stage.curves.figure.panels.length === 4")
    expect(bench.locator(".below")).to_be_visible()
    bench.get_by_role("button", name="Projector").click()
    bench.wait_for_function("stage.curves.figure.panels.length === 1")
    bench.get_by_role("button", name="Projector").click()
    bench.wait_for_function("stage.curves.figure.panels.length === 4 && document.fullscreenElement === null")


def test_theme_of_the_page_is_the_theme_of_the_pictures(bench: Page, host: Host, naive):
    host.show(bench, recording="naive", dark=True)
    assert bench.evaluate("stage.theme.dark") is True
    corner = bench.evaluate(
        "[...stage.world.canvas.getContext('2d').getImageData(1, stage.world.canvas.height - 1, 1, 1).data]"
    )
    assert corner[3] == 0, "the picture has no background of its own"
    for name, colour in (("background", "#ffffff"), ("text", "#111111")):
        bench.evaluate(f"document.body.style.setProperty('--st-{name}-color', '{colour}')")
    bench.evaluate("remount({})")
    assert bench.evaluate("stage.theme.dark") is False


def test_recording_refuses_to_train_with_a_reason(bench: Page, naive):
    bench.evaluate("void offrlBus.on('refused', (message) => { window.refused = message.message; })")
    bench.evaluate("offrlBus.send({ cmd: 'set', lane: 0, values: { gamma: 0.5 } })")
    bench.wait_for_function("window.refused?.includes('recording')")


def test_unreadable_recording_is_explained(bench: Page, host: Host):
    host.recordings["broken"] = b"\x00\xff\xff\xff\xff"
    host.open(bench, recording="broken")
    expect(bench.locator(".state-line")).to_have_text(re.compile("recording ends"))


def test_arrows_show_what_each_target_reads(bench: Page, naive):
    button, world = bench.locator(".reads-button"), bench.locator(".world-canvas")
    bench.evaluate("stage.playback.seek(8)")
    bench.keyboard.press("a")
    expect(button).to_have_attribute("aria-pressed", "true")
    painted(bench)
    drawn = bench.evaluate("stage.world.reads[0].map((r) => [r.state, r.action, r.next, r.read, r.seen])")
    frame = next(frame for frame in naive.frames if frame.step == 8)
    q, static = frame.fields["q"][0], naive.static
    wanted = [
        [s, a, int(n), int(q[n].argmax()), bool(static["counts"][n, q[n].argmax()])]
        for (s, a), n in np.ndenumerate(static["next_states"])
        if n >= 0
    ]
    assert drawn == wanted
    assert {seen for *_, seen in drawn} == {True, False}
    # At the tip of an arrow its pair says in words what is read.
    x, y = bench.evaluate(
        """() => { const { world } = stage, [one] = world.reads[0];
          return world.scene.grid.middle(world.panes[0].geo, one.state, one.action); }"""
    )
    world.hover(position={"x": x, "y": y})
    expect(bench.locator(".world .tip")).to_contain_text("its target reads")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_a_system_whose_targets_read_no_action_has_no_arrows_and_says_why(bench: Page, host: Host):
    host.record("cloned", config({"algorithm": "bc"}), [0, 5])
    host.show(bench, recording="cloned")
    expect(bench.locator(".reads-button")).to_be_disabled()
    expect(bench.locator(".reads-button")).to_have_attribute(
        "title", re.compile("no target of .* reads Q of an action")
    )
    bench.keyboard.press("a")
    expect(bench.locator(".refused")).to_have_text(re.compile("^No arrows: no target of .* reads Q of an action"))
    # Until a run says what there is, its views have their room and are not seen.
    box = bench.locator(".world").bounding_box()
    bench.evaluate("stage.root.classList.remove('has-run')")
    expect(bench.locator(".tab[data-mode=q]")).to_be_hidden()
    assert bench.locator(".world").bounding_box() == box
