import assert from "node:assert/strict";
import { test } from "node:test";

// Text is measured by the browser: here a letter is half as wide as it is high.
const pen = { font: "", measureText: (text) => ({ width: text.length * 50 }) };
globalThis.document = { createElement: () => ({ getContext: () => pen }) };
const { around, fontsCame, Labels, label, labelText, labelWidth, measures } = await import(
  "../../offrl_ui/assets/lecture/labels.js"
);
const { apart } = await import("../../offrl_ui/assets/lecture/lines.js");

const context = (memory = new Map()) => ({ em: 10, theme: { font: "sans" }, width: 400, height: 200, memory });
const place = (labels) => labels.nodes().map((node) => node && [node.props.x, node.props.y, node.props["text-anchor"]]);

test("a label is as wide as its pieces, small ones counting less", () => {
  assert.equal(labelWidth("four"), 2);
  assert.equal(
    labelWidth([
      ["Q", "i"],
      ["ab", "sub"],
    ]),
    0.5 + 0.72,
  );
  assert.equal(
    labelText([
      ["θ", "i"],
      ["2", "sup"],
    ]),
    "θ2",
  );
  const before = measures();
  fontsCame();
  assert.equal(measures(), before + 1);
});

test("subscripts and superscripts move away from the line and back", () => {
  const node = label(
    [
      ["x", "i"],
      ["1", "sub"],
      [" + y", ""],
    ],
    { fill: "red" },
  );
  assert.equal(node.props.style, "fill:red");
  assert.deepEqual(
    node.children.map(({ props }) => [props.dy, props.class]),
    [
      ["0em", "math"],
      ["0.28em", "small"],
      ["-0.28em", null],
    ],
  );
});

test("a word takes its first place where nothing is in the way", () => {
  const labels = new Labels(context());
  labels.put("here", "tick", [
    [100, 50, "start"],
    [200, 50, "start"],
  ]);
  assert.deepEqual(place(labels), [[100, 50, "start"]]);
});

test("a word keeps clear of blocks, curves and other words", () => {
  const labels = new Labels(context());
  labels.block(95, 40, 130, 55);
  labels.curve([
    [200, 0],
    [205, 200],
  ]);
  const places = [
    [100, 50, "start"],
    [195, 50, "start"],
    [300, 50, "start"],
  ];
  labels.put("here", "tick", places);
  labels.put("there", "tick", [
    [300, 51, "start"],
    [300, 90, "start"],
  ]);
  assert.deepEqual(place(labels), [
    [300, 50, "start"],
    [300, 90, "start"],
  ]);
});

test("no word leaves the drawing for a free place", () => {
  const labels = new Labels(context());
  labels.put("a long word", "value", [
    [395, 50, "start"],
    [395, 50, "end"],
  ]);
  assert.deepEqual(place(labels), [[395, 50, "end"]]);
});

test("an optional word is left out where it would cover something, another one is not", () => {
  const labels = new Labels(context());
  labels.block(0, 0, 400, 200);
  labels.put("maybe", "tick", [[100, 50, "start"]], { optional: true });
  labels.put("must", "tick", [[100, 80, "start"]]);
  assert.deepEqual(place(labels), [null, [100, 80, "start"]]);
});

test("a word keeps its place while that is about as good", () => {
  const memory = new Map();
  const draw = (blocked) => {
    const labels = new Labels(context(memory));
    if (blocked) labels.block(95, 40, 130, 55);
    labels.put("here", "tick", [
      [100, 50, "start"],
      [200, 50, "start"],
    ]);
    return place(labels)[0][0];
  };
  assert.equal(draw(true), 200);
  assert.equal(draw(false), 200);
  memory.clear();
  assert.equal(draw(false), 100);
});

test("around a point the places do not cover it", () => {
  for (const [x, y, anchor] of around(50, 50, 6, 10)) {
    const [left, right] = anchor === "start" ? [x, x + 20] : anchor === "end" ? [x - 20, x] : [x - 10, x + 10];
    const beside = right < 50 - 4 || left > 50 + 4;
    const aboveOrBelow = y < 50 - 4 || y - 7.6 > 50 + 4;
    assert.ok(beside || aboveOrBelow, `${[x, y, anchor]}`);
  }
});

test("names at the ends of curves stand apart, moved as little as it takes", () => {
  assert.deepEqual(apart([10, 50, 90], 12, 0, 100), [10, 50, 90]);
  assert.deepEqual(apart([50, 50], 12, 0, 100), [44, 56]);
  assert.deepEqual(apart([98, 99], 12, 0, 100), [88, 100]);
  const crowd = apart([1, 2, 3, 40, 41], 12, 0, 100);
  for (let i = 1; i < crowd.length; i++) assert.ok(crowd[i] - crowd[i - 1] >= 12 - 1e-9);
  assert.ok(crowd[0] >= 0);
});
