"""Every line of the curves has its name at every width; the table of a state fits, however many actions there are."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.playground import open_playground
from tests.browser.stage_host import Host, config
from tests.browser.waiting import eventually, painted
from tests.serving import Server

STEPS = [0, 1, 2, 3, 5, 8, 12, 18, 26, 36, 50]
SIX = [{"algorithm": "bcq", "hyperparameters": {"rho": [0.0, 0.1, 0.2, 0.3, 0.4, 0.6]}}]
RUNS = {
    "iql": [{"algorithm": "iql"}],
    "two-critics": [{"algorithm": "cql", "seeds": 3, "hyperparameters": {"double": "clipped"}}],
    "mpo": [{"algorithm": "mpo", "hyperparameters": {"prior": "behavior"}}],
    "side": [{"algorithm": name, "seeds": 2} for name in ("bcq", "cql", "rwr", "q-learning")],
    "lens": SIX,
}

# What is wrong with the headers: a line without a name, a name that is cut, that leaves its head or covers another one.
WRONG = """() => {
  const { figure, headers } = stage.curves;
  const wrong = [];
  const rect = (node) => node.getBoundingClientRect();
  const apart = (a, b) => a.right <= b.left + 0.5 || b.right <= a.left + 0.5
    || a.bottom <= b.top + 0.5 || b.bottom <= a.top + 0.5;
  const covered = (nodes) => nodes.forEach((one, i) => nodes.slice(i + 1).forEach((other) => {
    if (!apart(rect(one), rect(other))) wrong.push(`${one.textContent} covers ${other.textContent}`);
  }));
  figure.panels.forEach((panel, p) => {
    const head = headers.host.children[p];
    const keys = [...head.querySelectorAll(".plot-key")];
    const lines = figure.traces.filter((trace) => trace.panel === p && trace.kind === "line");
    const named = head.querySelectorAll("button.plot-key").length;
    if (stage.store.groups.length === 1 && named !== lines.length) wrong.push(`${panel.key}: a line has no name`);
    for (const key of keys) {
      const label = key.querySelector(".plot-label");
      if (label.scrollWidth > label.clientWidth) wrong.push(`${panel.key}: "${label.textContent}" is cut`);
      const outside = rect(key).bottom > rect(head).bottom + 0.5 || rect(key).right > rect(head).right + 0.5;
      if (outside) wrong.push(`${panel.key}: "${key.textContent}" leaves its head`);
    }
    covered(keys);
    if (figure.boxes[p].y1 - figure.boxes[p].y0 < 60) wrong.push(`${panel.key}: no room is left for the lines`);
  });
  covered(headers.lines.map(({ node }) => node).filter((node) => !node.hidden));
  return wrong;
}"""


@pytest.mark.parametrize("run", list(RUNS))
def test_every_line_has_a_name_that_can_be_read(bench: Page, host: Host, run: str):
    host.record(f"names-{run}", config(*RUNS[run]), STEPS)
    host.show(bench, recording=f"names-{run}")
    for width in (1440, 680, 390):
        bench.set_viewport_size({"width": width, "height": 900})
        painted(bench)
        eventually(bench, lambda: bench.evaluate(WRONG), [])
        across = bench.locator(".plot-line:visible").all_inner_texts()
        assert {text.split()[0] for text in across} == {"best", "behaviour"}


def test_within_the_app_too(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&seeds=2&2.algo=cql&3.algo=rwr&4.algo=q-learning&x.seed=41")
    expect(tab.locator(".plot-keys .plot-key").first).to_be_visible()
    tab.locator(".stage").evaluate("(element) => { globalThis.stage = element.stage; }")
    for width, height in ((1440, 900), (1024, 768), (390, 844)):
        tab.set_viewport_size({"width": width, "height": height})
        painted(tab)
        eventually(tab, lambda: tab.evaluate(WRONG), [])


def test_the_truth_is_dashed_wherever_it_is_drawn(bench: Page, host: Host):
    host.record("names-iql", config(*RUNS["iql"]), STEPS)
    host.show(bench, recording="names-iql")
    strokes = bench.evaluate(
        """() => {
          const { plot, figure } = stage.curves;
          const truths = plot.data.filter((_, i) => figure.traces[i].metric.name.endsWith("_true"));
          const best = plot.layout.shapes.find((shape) => Math.abs(shape.y0 - 0.5688) < 1e-3);
          return [...truths, best].map(({ line }) => line.dash); }"""
    )
    assert strokes == ["dash"] * 3


def test_names_stand_still_while_the_numbers_change(bench: Page, host: Host):
    host.record("names-two-critics", config(*RUNS["two-critics"]), STEPS)
    bench.set_viewport_size({"width": 1076, "height": 900})
    host.show(bench, recording="names-two-critics")
    places = """() => [...document.querySelectorAll(".plot-key")].map((key) => {
      const { x, y, width, height } = key.getBoundingClientRect(); return [x, y, width, height]; })"""
    seen = set()
    for step in STEPS:
        bench.evaluate("(step) => stage.playback.seek(step)", step)
        painted(bench)
        seen.add(str(bench.evaluate(places)))
    assert len(seen) == 1


def test_the_run_before_is_named_too(bench: Page, host: Host):
    host.record("names-iql", config(*RUNS["iql"]), STEPS)
    host.show(bench, recording="names-iql")
    bench.evaluate("() => { stage.store.keepGhost('the previous run'); stage.curves.build(); }")
    eventually(bench, lambda: bench.locator(".plot-key", has_text="the previous run").count(), 4)
    assert bench.evaluate(WRONG) == []


def test_a_name_opens_what_it_means_and_escape_closes_it(bench: Page, host: Host):
    export = host.record("names-two-critics", config(*RUNS["two-critics"]), STEPS)
    host.show(bench, recording="names-two-critics")
    about = bench.locator(".plot-about")
    name = bench.get_by_role("button", name="penalty of the second Q")
    name.focus()
    bench.keyboard.press("Enter")
    metric = next(m for m in export.hello["metrics"] if m["name"] == "loss_penalty2")
    for text in ("in reward", metric["help"], metric["bad"]):
        expect(about).to_contain_text(text)
    bench.keyboard.press("Escape")
    expect(about).to_be_hidden()
    expect(name).to_have_attribute("aria-expanded", "false")


def test_a_zoom_takes_marks_names_and_playhead_along(bench: Page, host: Host):
    host.record("names-iql", config(*RUNS["iql"]), STEPS)
    host.show(bench, recording="names-iql")
    bench.evaluate(
        """() => Plotly.relayout(stage.curves.plot, { "xaxis.range": [stage.curves.figure.steps.forward(12),
          stage.curves.figure.steps.forward(50)], "yaxis.range": [0.4, 0.6] })"""
    )
    box = bench.evaluate("stage.curves.figure.boxes[0]")
    assert bench.evaluate("stage.curves.figure.pixel(0, 12)") == pytest.approx(box["x0"])
    assert bench.evaluate("stage.curves.figure.pixel(0, 50)") == pytest.approx(box["x1"])
    assert bench.evaluate("stage.curves.figure.step(0, stage.curves.figure.boxes[0].x0)") == pytest.approx(12)
    # What lies outside of the view is not drawn over it: the playhead before the first step, the line of the behaviour.
    bench.evaluate("stage.playback.seek(3)")
    painted(bench)
    expect(bench.locator(".plot-cursor").first).to_be_hidden()
    expect(bench.locator(".plot-line", has_text="behaviour")).to_be_hidden()
    expect(bench.locator(".plot-line", has_text="best")).to_be_visible()


# By how much a box is too small for what it holds: across, down.
OVER = "(box) => [box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight]"


def test_two_dozen_actions_fit_with_all_their_numbers(tab: Page, server: Server):
    open_playground(tab, server, "?data=icu-sepsis&x.episodes=400&algo=bcq&net=table&seeds=1")
    rows = tab.locator(".inspector-table tbody tr")
    cut = "(cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"
    for width, height, tables in ((1440, 900, 2), (1024, 768, 1), (390, 844, 1)):
        tab.set_viewport_size({"width": width, "height": height})
        expect(tab.locator(".inspector-table")).to_have_count(tables)
        eventually(tab, lambda: [over <= 1 for over in tab.locator(".inspector-scroll").evaluate(OVER)], [True, True])
        names = tab.evaluate("offrlBus.hello.actions")
        assert rows.locator("th").evaluate_all("(cells) => cells.map((cell) => cell.title)") == names
        assert rows.locator("td").count() == 25 * 9
        assert rows.locator("td").evaluate_all(cut) == []
