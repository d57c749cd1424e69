"""Many models on one stage: the lens with its outcome, two axes, algorithms side by side, other kinds of worlds."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import offrl_core as orl
from offrl_live.runs import datasets
from tests.browser.stage_host import Host, config
from tests.browser.waiting import eventually, painted

RHO = [0.0, 0.1, 0.2, 0.3, 0.5]


@pytest.fixture
def lens(bench: Page, host: Host):
    """BCQ with five thresholds and two seeds."""
    run = config({"algorithm": "bcq", "seeds": 2, "hyperparameters": {"rho": RHO}})
    export = host.record("lens", run, [0, 5, 20, 60])
    host.show(bench, recording="lens")
    return export


def column(export, name: str) -> np.ndarray:
    return export.frames[-1].metrics[:, [m["name"] for m in export.hello["metrics"]].index(name)]


def test_lens_shows_a_world_for_each_value_with_one_scale(bench: Page, lens):
    labels = "stage.world.panes.map((pane) => stage.store.groupOf(pane.member).label)"
    eventually(bench, lambda: bench.evaluate(labels), [f"ρ = {value:g}" for value in RHO])
    assert bench.evaluate("new Set(stage.world.panes.map((p) => stage.store.hello.members[p.member].seed)).size") == 1
    q = lens.frames[-1].fields["q"]
    low, high = bench.evaluate("[stage.store.scale('value').low, stage.store.scale('value').high]")
    visited = lens.static["counts"].sum(axis=1) > 0
    assert low <= np.quantile(q[:, visited], 0.03)
    assert high >= np.quantile(q[:, visited], 0.97)


def test_click_on_a_worlds_title_opens_it_alone(bench: Page, lens):
    spot = bench.evaluate(
        """() => { const { title } = stage.world.panes[3]; const b = stage.world.canvas.getBoundingClientRect();
          return [b.x + title.x + title.width / 2, b.y + title.y + 6]; }"""
    )
    bench.mouse.click(*spot)
    bench.wait_for_function("stage.world.panes.length === 1")
    assert bench.evaluate("stage.store.hello.members[stage.store.view.member].values.rho") == pytest.approx(0.3)
    bench.get_by_role("button", name="Show all worlds").click()
    bench.wait_for_function("stage.world.panes.length === 5")


def test_outcome_against_the_axis_shows_median_and_quartiles(bench: Page, lens):
    bench.get_by_role("radio", name="outcome").click()
    canvas = bench.locator(".outcome-canvas")
    expect(canvas).to_be_visible()
    returns = column(lens, "return").reshape(len(RHO), 2)
    shown = bench.evaluate(
        """() => { const m = stage.store.metricIndex("return");
          return stage.store.groups.map((g) => [...stage.store.lastStats(stage.playback.frame, g, m)]); }"""
    )
    assert [s[0] for s in shown] == pytest.approx(np.median(returns, axis=1).tolist(), abs=1e-6)
    assert [s[1] for s in shown] == pytest.approx(np.quantile(returns, 0.25, axis=1).tolist(), abs=1e-6)
    box = canvas.bounding_box()
    x = bench.evaluate("stage.outcome.xOf(4)")
    bench.mouse.move(box["x"] + bench.evaluate("stage.outcome.xOf(0)"), box["y"] + 40)
    bench.mouse.down()
    bench.mouse.move(box["x"] + x, box["y"] + 40, steps=4)
    bench.mouse.up()
    painted(bench)
    assert bench.evaluate("stage.store.hello.members[stage.store.view.member].values.rho") == pytest.approx(0.5)
    expect(bench.locator(".outcome-note")).to_contain_text("2 seeds")


def test_two_axes_give_a_map_and_a_click_opens_a_cell(bench: Page, host: Host):
    axes = {"rho": [0.0, 0.2], "learning_rate": [0.1, 0.5, 1.0]}
    export = host.record("map", config({"algorithm": "bcq", "hyperparameters": axes}), [0, 20])
    host.show(bench, recording="map")
    bench.get_by_role("radio", name="outcome").click()
    bench.wait_for_function("stage.outcome.cells?.length === 6")
    cell = bench.evaluate(
        "(({ x, y, w, h, group }) => [x + w / 2, y + h / 2, group.members[0]])(stage.outcome.cells[4])"
    )
    box = bench.locator(".outcome-canvas").bounding_box()
    bench.mouse.click(box["x"] + cell[0], box["y"] + cell[1])
    assert bench.evaluate("stage.store.view.member") == cell[2]
    member = export.hello["members"][cell[2]]
    expect(bench.locator(".inspector-detail")).to_contain_text(f"ρ = {member['values']['rho']:g}")
    bench.wait_for_function("stage.world.panes.length === 1")
    # The same with the keyboard alone: one value further along each axis.
    bench.locator(".outcome-canvas").focus()
    values = (
        "(({ rho, learning_rate }) => [rho, learning_rate])(stage.store.hello.members[stage.store.view.member].values)"
    )
    bench.evaluate("stage.setMember(0)")
    bench.keyboard.press("ArrowUp")
    assert bench.evaluate(values) == pytest.approx([0.0, 0.5])
    bench.keyboard.press("ArrowRight")
    bench.keyboard.press("ArrowRight")
    assert bench.evaluate(values) == pytest.approx([0.2, 0.5])
    spoken = bench.locator(".outcome-canvas").get_attribute("aria-label")
    assert spoken.startswith("true return at step 20.")
    assert spoken.count(";") == 5


def saved(bench: Page, item: str) -> bytes:
    """The file behind an item of the stage's menu."""
    with bench.expect_download() as download:
        bench.locator(".menu summary").click()
        bench.get_by_role("button", name=item).click()
    return download.value.path().read_bytes()


def test_every_picture_can_be_saved_with_what_explains_it(bench: Page, lens):
    bench.get_by_role("radio", name="outcome").click()
    outcome = saved(bench, "outcome as SVG").decode()
    for text in ("true return, reward", "estimate − true return, reward", "best", "behaviour", ">ρ<", ">0.5<"):
        assert text in outcome, text
    assert ET.fromstring(outcome).tag.endswith("svg")
    curves = saved(bench, "curves as SVG").decode()
    for text in ("True return", "Mean Q", "Loss", "ρ = 0", "best 0.569", "behaviour 0.230", "reward"):
        assert text in curves, text
    for item in ("outcome as PNG", "curves as PNG", "world as PNG"):
        assert saved(bench, item)[:8] == b"\x89PNG\r\n\x1a\n"


def test_side_by_side_marks_states_where_policies_differ(bench: Page, host: Host):
    lanes = [{"algorithm": name, "seeds": 2} for name in ("bc", "bcq", "q-learning")]
    export = host.record("side", config(*lanes), [0, 10, 60])
    host.show(bench, recording="side")
    assert bench.evaluate("stage.world.panes.length") == 3
    marked = bench.evaluate("stage.world.differences(stage.playback.frame)")
    policy, counts, terminal = export.frames[-1].fields["policy"], export.static["counts"], export.static["terminal"]
    differing = []
    for state in np.flatnonzero((counts.sum(axis=1) > 0) & ~terminal):
        best = [tuple(np.flatnonzero(policy[m, state] >= policy[m, state].max() - 0.01)) for m in (0, 2, 4)]
        if len(set(best)) > 1:
            differing.append(int(state))
    assert marked == differing
    assert marked, "naive Q-learning goes astray somewhere"
    bench.get_by_role("radio", name="outcome").click()
    rows = bench.locator(".outcome-table tbody tr")
    expect(rows).to_have_count(3)
    returns = column(export, "return")
    for i in range(3):
        expect(rows.nth(i)).to_contain_text(f"{returns[2 * i : 2 * i + 2].mean():.3f}"[:5].rstrip("0").rstrip("."))
    # A table is no picture; its rows lead to their models.
    expect(bench.get_by_role("button", name="outcome as PNG", include_hidden=True)).to_be_hidden()
    rows.nth(1).get_by_role("button").click()
    assert bench.evaluate("stage.store.view.member") == 2
    bench.locator(".member").select_option("4")
    one = bench.evaluate("stage.store.view.state")
    assert one == bench.evaluate("stage.viewing.state"), "one selected state for all"


def test_side_by_side_on_a_log_compares_what_is_learned_and_calls_nothing_true(bench: Page, host: Host):
    rng = np.random.default_rng(0)
    log = orl.Dataset.from_columns(
        rng.integers(0, 3, 90), rng.integers(0, 2, 90), rng.normal(size=90), np.arange(90) % 3 == 2,
        observation_names=("home", "list", "item"), action_names=("ask", "wait"), gamma=0.9,
    )  # fmt: skip
    run = config(*({"algorithm": name, "seeds": 2} for name in ("cql", "q-learning")), dataset=datasets.keep(log))
    export = host.record("log", run, [0, 20])
    host.show(bench, recording="log")
    bench.get_by_role("radio", name="outcome").click()
    expect(bench.locator(".outcome-table thead th").nth(1)).to_have_text("learned value at the start (IQM)")
    rows = bench.locator(".outcome-table tbody tr")
    learned = column(export, "value_start")
    for i in range(2):
        shown = float(rows.nth(i).locator("td").first.inner_text().replace("−", "-"))
        assert shown == pytest.approx(learned[2 * i : 2 * i + 2].mean(), rel=6e-3)
    expect(bench.locator(".stage-numbers dt").first).to_contain_text("learned V(s₀)")
    spoken = bench.locator(".spoken").last
    expect(spoken).to_contain_text("Learned value at the start")
    assert "true" not in bench.locator(".stage").inner_text().lower().replace("truth", "")
    # Worlds side by side have the same rows, and the same state selected.
    assert bench.evaluate("stage.world.panes.map((pane) => pane.geo.rows)") == [3, 3]
    assert bench.evaluate("stage.world.scene.name(stage.store.view.state)") in ("home", "list", "item")


def test_truth_of_one_discount_is_not_told_of_another(bench: Page, host: Host):
    run = config({"algorithm": "constrained-q", "hyperparameters": {"gamma": [0.95, 0.5]}})
    host.record("discounts", run, [0, 20])
    host.show(bench, recording="discounts")
    bench.evaluate("stage.open(0)")
    expect(bench.locator(".inspector-table thead")).to_contain_text("Q*")
    bench.evaluate("stage.open(1)")
    painted(bench)
    assert bench.evaluate("stage.inspector.column('truth', stage.playback.frame, stage.store.view.state, 1)") is None
    assert bench.evaluate("stage.curves.plot.layout.shapes.length") == 0
    error = bench.locator(".tab[data-mode=error]")
    assert error.is_disabled()
    error.click(force=True)
    expect(bench.locator(".refused")).to_have_text(
        "“Q − Q*” has nothing to show: the truth is known at another discount."
    )


COLOURS = """() => {
  const { canvas } = stage.world;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height * 0.85);
  const seen = new Set();
  const colour = (i) => (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
  for (let i = 0; i < data.length; i += 4) if (data[i + 3]) seen.add(colour(i));
  return seen.size;
}"""
OTHER_STATE = """() => {
  const { world, store } = stage;
  const b = world.canvas.getBoundingClientRect();
  for (let y = 4; y < b.height - 60; y += 3) for (let x = 4; x < b.width; x += 3) {
    const hit = world.scene.hit(world.panes[0].geo, x, y);
    if (hit && hit.state !== store.view.state && !store.terminal[hit.state]) return [b.x + x, b.y + y, hit.state];
  }
  return null;
}"""
WORLDS = {
    "icu-sepsis": ({"algorithm": "bcq"}, 25),
    "cartpole": ({"algorithm": "q-learning", "approximator": "mlp"}, 2),
    "maze": ({"algorithm": "bcq", "approximator": "mlp"}, 5),
    "taxi": ({"algorithm": "iql"}, 6),
    "two-actions": ({"algorithm": "rwr"}, 2),
    "digits-bandit": ({"algorithm": "bc", "approximator": "mlp"}, 10),
    "deadly-triad": ({"algorithm": "q-learning", "approximator": "linear"}, 2),
}


@pytest.mark.parametrize("dataset", WORLDS)
def test_every_kind_of_world_is_drawn_and_answers(bench: Page, host: Host, dataset):
    lane, actions = WORLDS[dataset]
    export = host.record(dataset, config(lane, dataset=dataset), [0, 1, 2])
    host.show(bench, recording=dataset)
    for tab in bench.locator(".tabs .tab[data-mode]:not([aria-disabled=true]):visible").all():
        tab.click()
        painted(bench)
        distinct = bench.evaluate(COLOURS)
        assert distinct >= 3, f"{tab.inner_text()} of {dataset} is blank"
    assert bench.locator(".inspector-table tbody tr").count() == actions
    middle = bench.evaluate(OTHER_STATE)
    if middle is None:
        assert (~export.static["terminal"]).sum() == 1, "there is only one state to select"
        return
    bench.mouse.click(middle[0], middle[1])
    assert bench.evaluate("stage.store.view.state") == middle[2]


def test_dimensions_of_a_plane_can_be_chosen(bench: Page, host: Host):
    export = host.record("cartpole", config(WORLDS["cartpole"][0], dataset="cartpole"), [0, 1, 2])
    host.show(bench, recording="cartpole")
    before = bench.evaluate("stage.world.scene.at(stage.world.panes[0].geo, 3)")
    bench.get_by_label("Dimension drawn along x").select_option("0")
    painted(bench)
    after = bench.evaluate("stage.world.scene.at(stage.world.panes[0].geo, 3)")
    assert before != after
    low, high = export.hello["layout"]["low"][0], export.hello["layout"]["high"][0]
    geo = bench.evaluate("stage.world.panes[0].geo")
    share = (export.static["probes"][3, 0] - low) / (high - low)
    assert after[0] == pytest.approx(geo["x"] + share * geo["width"], abs=0.5)


@pytest.mark.parametrize("mode", ["q", "policy", "data"])
def test_small_cells_are_hatched_too(bench: Page, host: Host, mode):
    export = host.record("icu-sepsis", config(WORLDS["icu-sepsis"][0], dataset="icu-sepsis"), [0, 1, 2])
    host.show(bench, recording="icu-sepsis", mode=mode)
    counts, terminal = export.static["counts"], export.static["terminal"]
    # A state of which a whole stretch of actions is unseen: room enough to tell a hatch from a blank.
    living = [s for s in export.hello["layout"]["order"] if not terminal[s]]
    state, action = next((s, a) for s in living for a in range(20) if not counts[s, a : a + 5].any())
    distinct = bench.evaluate(
        """([state, action]) => {
          const { world } = stage;
          const geo = world.panes[0].geo, ratio = world.size[2];
          const [x, y] = world.scene.cell(geo, world.scene.place.get(state), action);
          const box = [x, y, geo.width, geo.height * 5].map((v) => Math.max(Math.round(v * ratio), 1));
          const { data } = world.canvas.getContext("2d").getImageData(...box);
          const seen = new Set();
          // As it is seen: over the page's white.
          const seenAs = (i, c) => (data[i + c] * data[i + 3] + 255 * (255 - data[i + 3])) / 255;
          for (let i = 0; i < data.length; i += 4) seen.add([0, 1, 2].map((c) => seenAs(i, c) >> 3).join());
          return seen.size;
        }""",
        [state, action],
    )
    assert distinct >= 3
