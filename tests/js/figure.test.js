import assert from "node:assert/strict";
import { test } from "node:test";
import { Figure } from "../../offrl_ui/assets/curves/figure.js";
import {
  annotations,
  axisNames,
  movingLayout,
  plotlyLayout,
  plotlyTraces,
} from "../../offrl_ui/assets/curves/plotly_figure.js";
import { close, randomFrom } from "./help.js";
import { frame, store, THEME } from "./example.js";

function figure({ returns = [0, 0.5, 1], losses, options, width = 800, only = null, logSteps = false } = {}) {
  const rows = returns.map((value, i) => frame(10 * i, [[value, 0.1, losses?.[i] ?? 0.5]]));
  const made = store(options, rows);
  const size = { width, height: 500, factor: 1, textWidth: (text) => 6 * text.length };
  return new Figure(made, THEME, { ...size, only, logSteps });
}
const fitted = (options) => {
  const made = figure(options);
  made.fit(made.data(true), true);
  return made;
};

test("panels stand in two columns where they fit, and inside the figure", () => {
  const { boxes } = figure();
  assert.equal(boxes.length, 3);
  assert.deepEqual([boxes[0].top, boxes[1].top, boxes[0].left < boxes[1].left], [0, 0, true]);
  for (const { x0, x1, y0, y1 } of boxes) assert.ok(0 < x0 && x0 < x1 && x1 <= 800 && 0 < y0 && y0 < y1 && y1 <= 500);
  const narrow = figure({ width: 300 }).boxes;
  assert.deepEqual([...new Set(narrow.map(({ left }) => left))], [0]);
  assert.equal(figure({ only: "loss" }).boxes.length, 1);
});

for (const logSteps of [false, true]) {
  test(`pixels and ${logSteps ? "logarithmic " : ""}steps are each other's inverse`, () => {
    const made = fitted({ logSteps });
    for (const step of [0, 3, 20]) close(made.step(0, made.pixel(0, step)), step, 1e-9, 1e-9);
    assert.equal(made.pixel(0, 20), made.boxes[0].x1);
  });
}

test("what is zoomed into is all there is", () => {
  const made = fitted();
  made.zoom = [{ x: [5, 10], y: [0.4, 0.6] }];
  assert.equal(made.pixel(0, 5), made.boxes[0].x0);
  assert.equal(made.pixel(0, 3), null);
  assert.equal(made.level(0, 0.4), made.boxes[0].y1);
  assert.equal(made.level(0, 0.9), null);
});

test("lines hold the medians, step by step", () => {
  const made = fitted();
  const line = made.traces.findIndex(({ kind, metric }) => kind === "line" && metric.name === "return");
  assert.deepEqual(made.data(true)[line], { x: [0, 10, 20], y: [0, 0.5, 1] });
});

test("the best step of the true return is marked where it was first reached, and the last one", () => {
  const ends = (returns, options) =>
    figure({ returns, options })
      .ends()
      .map(({ step, value, best }) => [step, value, best]);
  const marked = [
    [20, 0.75, true],
    [40, 0.25, false],
  ];
  assert.deepEqual(ends([0, 0.5, 0.75, 0.75, 0.25]), marked);
  assert.deepEqual(ends([0, 0.5, 0.75, 0.75, 0.25, Number.NaN]), marked, "a policy that is gone has no return");
  assert.deepEqual(ends([0.5]), [], "one step is no choice");
});

test("ranges hold the data and the truth, and grow with room to spare", () => {
  const made = figure();
  assert.equal(made.fit(made.data(false)), true);
  const [low, high] = made.axes[0].range;
  assert.ok(low < 0 && high > 1);
  assert.equal(made.fit(made.data(false)), false, "nothing new, nothing moves");
  made.store.addFrames(frame(25, [[1.01, 0, 0.5]]));
  made.fit(made.data(false));
  assert.deepEqual(made.axes[0].range, [low, high], "it had room for this");
  made.store.addFrames(frame(29, [[3, 0, 0.5]]));
  assert.equal(made.fit(made.data(false)), true);
  assert.ok(made.axes[0].range[1] > 3);
});

test("losses over powers of ten are logarithmic, runaway values symmetric logarithmic", () => {
  assert.equal(fitted({ losses: [1, 0.1, 0.001] }).axes[2].scale.kind, "log");
  assert.equal(fitted({ losses: [1, 0.9, 0.8] }).axes[2].scale.kind, "linear");
  assert.equal(fitted({ losses: [1, -2000, 0.8] }).axes[2].scale.kind, "symlog");
  const { axes } = fitted({ returns: [0, 500, -1e6] });
  assert.deepEqual([axes[0].scale.kind, axes[0].scale.threshold], ["symlog", 1]);
});

test("Plotly gets every trace on its own axes, in the panel's place", () => {
  const made = fitted();
  const traces = plotlyTraces(made, made.data(true));
  assert.deepEqual([...new Set(traces.map(({ xaxis }) => xaxis))], ["x", "x2", "x3"]);
  assert.deepEqual(traces.at(-1).customdata[1], ["0.5000", 10]);
  const layout = plotlyLayout(made, true);
  assert.deepEqual([layout.hovermode, plotlyLayout(made, false).hovermode], ["closest", false]);
  close(layout.xaxis.domain[0] * made.width, made.boxes[0].x0);
  assert.equal(layout.shapes.length, 3, "best, behaviour, bound");
  assert.deepEqual(axisNames(0, true), { x: "x", y: "y11" });
});

test("ticks lie within their axis and are as many as their texts", () => {
  for (const options of [{}, { losses: [1, 0.1, 0.001] }, { returns: [0, 500, -1e6] }]) {
    for (const axis of Object.values(movingLayout(fitted(options)))) {
      assert.equal(axis.tickvals.length, axis.ticktext.length);
      assert.ok(axis.tickvals.length >= 2);
      const [low, high] = axis.range;
      for (const at of axis.tickvals) assert.ok(at >= low - 1e-9 && at <= high + 1e-9, `${at} in ${axis.range}`);
    }
  }
});

test("a saved picture names its panels, lines and axes", () => {
  const texts = annotations(fitted()).map(({ text }) => text);
  assert.match(texts[0], /<b>True return<\/b> reward · ★ best step, ● last<br>.*J\(π\)/);
  assert.deepEqual([texts.at(-2), texts.at(-1)], ["★", "●"]);
  assert.ok(texts.includes("best 1"));
  assert.equal(texts.filter((text) => text === "step").length, 3);
});

test("a long run is drawn with few points that hold its extremes", () => {
  const random = randomFrom(4);
  const returns = Array.from({ length: 1500 }, random);
  const made = fitted({ returns });
  const line = made.traces.findIndex(({ kind, metric }) => kind === "line" && metric.name === "return");
  const { y } = made.data(false)[line];
  assert.ok(y.length <= 420);
  close(Math.max(...y), Math.fround(Math.max(...returns)));
});

test("where a line becomes infinite is known, not where it is merely missing", () => {
  const made = fitted({ returns: [0, NaN, 5, Infinity, Infinity], losses: [1, 1, 1, 1, -Infinity] });
  const at = made.infinities().map(({ panel, step, up }) => [made.panels[panel].key, step, up]);
  assert.deepEqual(at, [
    ["return", 30, true],
    ["loss", 40, false],
  ]);
});

test("a panel whose numbers are all zero has an axis of the usual size", () => {
  const made = fitted({
    returns: [0, 0, 0],
    options: { truth: { optimal: 0, behavior: 0, q_bound: 0, in_support: 0 } },
  });
  const ticks = movingLayout(made).yaxis.ticktext;
  assert.ok(ticks.includes("1") && ticks.includes("−1"), `${ticks}`);
});
