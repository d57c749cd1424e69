import assert from "node:assert/strict";
import { test } from "node:test";
import { legendOf } from "../../offrl_ui/assets/curves/panel_legend.js";
import {
  PANELS,
  groupColour,
  intervalOf,
  metricsOf,
  panelsDeclared,
  panelsOf,
  planTraces,
  references,
} from "../../offrl_ui/assets/curves/panels.js";
import { frame, store, THEME } from "./example.js";

const metric = (name, panel, more = {}) => ({ name, panel, unit: "", title: name, ...more });
const names = (metrics) => metrics.map(({ name }) => name);
const panel = (key) => PANELS.find((one) => one.key === key);
const withMetrics = (metrics, more = {}) => store({ metrics, ...more });
const lens = (n) => Array.from({ length: n }, (_, i) => ({ seed: 0, values: { rho: i / 10 } }));

test("a panel draws the metrics it knows in its own order, the truth dashed in the colour of its estimate", () => {
  const made = withMetrics([metric("q_data_true", "q"), metric("q_data", "q"), metric("q_max", "q")]);
  assert.deepEqual(
    metricsOf(made, panel("q")).map(({ name, colour, dash }) => [name, colour, dash]),
    [
      ["q_data", 0, "solid"],
      ["q_data_true", 0, "dash"],
    ],
  );
});

test("where learners are given other rewards, the value at the start and its truth stand beside Q", () => {
  const q = ["q_data", "q_data_true", "q_missing", "q_missing_true", "value_start", "return_given"];
  const made = withMetrics([metric("return", "return"), ...q.map((name) => metric(name, "q"))]);
  assert.deepEqual(names(metricsOf(made, panel("return"))), ["return"]);
  assert.deepEqual(names(metricsOf(made, panel("q"))), q);
  const [value, truth] = metricsOf(made, panel("q")).slice(-2);
  assert.deepEqual([value.dash, truth.dash, truth.colour], ["solid", "dash", value.colour]);
});

for (const key of ["return", "q", "loss", "weights", "policy"]) {
  test(`a metric that ${key} has never heard of is drawn in it under its own title`, () => {
    const made = withMetrics([metric("brand_new", key, { title: "Brand new" })]);
    const [drawn, ...others] = metricsOf(made, panel(key));
    assert.deepEqual(others, []);
    assert.deepEqual([drawn.label, drawn.dash], ["Brand new", "solid"]);
    assert.deepEqual(
      panelsOf(made).map((one) => one.key),
      [key],
    );
  });
}

test("a new metric is drawn beside all usual ones, and where systems stand side by side", () => {
  const usual = ["loss_policy", "loss_td", "loss_value", "loss_behavior", "td_error"].map((name) =>
    metric(name, "loss"),
  );
  const metrics = [...usual, metric("loss_td2", "loss"), metric("brand_new", "loss")];
  assert.deepEqual(names(metricsOf(withMetrics(metrics), panel("loss"))), [...names(usual), "brand_new"]);
  const compared = withMetrics(metrics, { members: lens(2) });
  assert.deepEqual(names(metricsOf(compared, panel("loss"))), ["loss_policy", "loss_td", "brand_new"]);
});

test("a panel that only this run has is drawn under its name; bounds and gaps are no curves", () => {
  const made = withMetrics([
    metric("spread", "critic_ensemble"),
    metric("gap", "gap"),
    metric("return_low", "interval"),
  ]);
  assert.deepEqual(
    panelsOf(made).map(({ key, title }) => [key, title]),
    [["critic_ensemble", "Critic ensemble"]],
  );
  assert.equal(panelsDeclared(made).length, PANELS.length + 1);
});

test("the policy's panel makes room for four others, unless it holds something new", () => {
  const four = [
    metric("return", "return"),
    metric("q_data", "q"),
    metric("loss_td", "loss"),
    metric("weight_max", "weights"),
  ];
  const keys = (metrics) => panelsOf(withMetrics(metrics)).map(({ key }) => key);
  assert.deepEqual(keys([...four, metric("entropy", "policy")]), ["return", "q", "loss", "weights"]);
  assert.deepEqual(keys([...four, metric("brand_new", "policy")]), ["return", "q", "loss", "weights", "policy"]);
});

test("with many settings a panel has one line each, in colours along the axis", () => {
  const metrics = [metric("loss_policy", "loss"), metric("loss_td", "loss")];
  const made = withMetrics(metrics, { members: lens(6) });
  assert.deepEqual(names(metricsOf(made, panel("loss"))), ["loss_td"]);
  const colours = made.groups.map((group) => groupColour(made, group, THEME));
  assert.equal(new Set(colours).size, 6);
});

test("a band is the quartiles of seeds, or the interval of a return that was measured", () => {
  const seeds = store({ members: [{ seed: 0 }, { seed: 1 }] });
  assert.deepEqual(
    planTraces(seeds, [panel("return")], THEME).map(({ kind }) => kind),
    ["low", "high", "line"],
  );
  const ends = [metric("return", "return"), metric("return_low", "interval"), metric("return_high", "interval")];
  const measured = withMetrics(ends);
  assert.deepEqual(intervalOf(measured, "return"), [1, 2]);
  const [low] = planTraces(measured, [panel("return")], THEME);
  assert.deepEqual([low.kind, low.interval], ["low", [1, 2]]);
  assert.equal(intervalOf(measured, "q_data"), null);
});

test("a ghost is drawn beneath, from its own run", () => {
  const made = store({}, [frame(0, [[1, 0, 0]]), frame(1, [[2, 0, 0]])]);
  made.keepGhost("before");
  const [ghost, line] = planTraces(made, [panel("return")], THEME);
  assert.deepEqual(
    [ghost.kind, ghost.source === made.ghost, line.kind, line.source === made],
    ["ghost", true, "line", true],
  );
});

test("reference lines are the truth's, and none where it does not hold for all", () => {
  const labels = (made, key) => references(made, key, THEME).map(({ label }) => label);
  assert.deepEqual(labels(store({ truth: { in_support: 0.8 } }), "return"), ["best", "best in data", "behaviour"]);
  assert.deepEqual(labels(store(), "return"), ["best", "behaviour"]);
  assert.deepEqual(labels(store(), "q"), ["bound"]);
  assert.deepEqual(labels(store(), "loss"), []);
  assert.deepEqual(labels(store({ members: [{ seed: 0, values: { gamma: 0.5 } }] }), "return"), []);
});

test("legends name lines, bands and units", () => {
  const legend = (made, key) => {
    const one = panel(key);
    return legendOf(made, one, planTraces(made, [one], THEME), THEME);
  };
  const seeds = legend(store({ members: [{ seed: 0 }, { seed: 1 }] }), "return");
  assert.deepEqual(
    [seeds.title, seeds.units, seeds.keys.map(({ label }) => label)],
    ["True return", "reward · ★ best step, ● last", ["J(π)", "quartiles of 2 seeds"]],
  );
  const many = legend(store({ members: lens(6) }), "return");
  assert.deepEqual(many.keys[0].stroke.ends, ["ρ = 0", "0.5"]);
  assert.equal(many.units, "reward", "so many lines are not marked");
  const compared = legend(store({ members: lens(2) }), "q");
  assert.deepEqual(
    compared.keys.map(({ label, valued }) => [label, Boolean(valued)]),
    [
      ["ρ = 0", true],
      ["ρ = 0.1", true],
      ["data", false],
      ["bound", false],
    ],
  );
  const mixed = legend(
    withMetrics([metric("weight_max", "weights"), metric("effective_sample_size", "weights", { unit: "rows" })]),
    "weights",
  );
  assert.equal(mixed.units, "right: rows");
});

test("where nobody can play, the panel of the return says so and is not called true", () => {
  const made = withMetrics([metric("value_start", "return", { unit: "reward" })], { truth: { optimal: null } });
  const [shown] = panelsOf(made);
  assert.equal(shown.title, "Estimated return");
  assert.equal(legendOf(made, shown, planTraces(made, [shown], THEME), THEME).units, "reward · no world to play in");
  const played = withMetrics([metric("return", "return"), metric("value_start", "return")]);
  assert.equal(panelsOf(played)[0].title, "True return");
});
