import assert from "node:assert/strict";
import { test } from "node:test";
import { Scale, extent, robustExtent } from "../../offrl_ui/assets/shared/scale.js";
import { close } from "./help.js";

test("a scale only grows, and remembers when", () => {
  const scale = new Scale({ kind: "value", low: 0, high: 1 });
  scale.include(0.2, 0.9, 0);
  assert.deepEqual([scale.low, scale.high, scale.grew], [0, 1, null]);
  scale.include(-0.3, 4.2, 120);
  close(scale.low, -0.3);
  assert.equal(scale.high, 5);
  assert.deepEqual(scale.grew, { step: 120, from: { low: 0, high: 1 } });
  scale.include(0, 1, 130);
  scale.clip([-5, 2]);
  assert.equal(scale.grew.step, 120);
  assert.match(scale.tickText(scale.low), /^≤ /);
  assert.doesNotMatch(scale.tickText(scale.high), /^≥/);
  assert.deepEqual([scale.at(-1), scale.at(99)], [0, 1]);
});

test("a diverging scale is symmetric around zero", () => {
  const scale = new Scale({ kind: "diverging" });
  scale.include(-0.7, 0.2, 0);
  assert.deepEqual([scale.low, scale.high, scale.at(0)], [-0.8, 0.8, 0.5]);
});

test("values that explode are told apart by their powers of ten, and what is infinite by a colour of its own", () => {
  const scale = new Scale({ kind: "value", low: 0, high: 0, usual: 1 });
  scale.include(0, 12, 3);
  assert.deepEqual([scale.axis.kind, scale.high], ["linear", 15]);
  scale.include(0, 2 ** 126, 126);
  assert.deepEqual([scale.axis.kind, scale.low, scale.high], ["symlog", 0, 1e38]);
  assert.deepEqual(scale.grew, { step: 126, from: { low: 0, high: 15 } });
  const places = [0, 1024, 2048, 2 ** 60, 2 ** 126].map((value) => scale.at(value));
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
  assert.ok(places[1] > 0.08 && places[3] > 0.45, `${places}`);
  const texts = scale.ticks(4).map((tick) => scale.tickText(tick));
  assert.deepEqual([texts[0], texts.at(-1)], ["0", "10³⁸"]);
  assert.equal(scale.include(0, 3, 127), false, "it never goes back");
  for (const dark of [false, true]) {
    const ramp = Array.from({ length: 256 }, (_, i) => scale.colour(scale.axis.backward((38 * i) / 255), dark));
    assert.ok(!ramp.includes(scale.colour(Infinity, dark)));
    assert.equal(scale.colour(-Infinity, dark), scale.colour(Infinity, dark));
  }
});

test("differences that explode keep zero in the middle", () => {
  const scale = new Scale({ kind: "diverging", usual: 1 });
  scale.include(-(2 ** 100), 7, 0);
  assert.deepEqual([scale.axis.kind, scale.low, scale.high, scale.at(0)], ["symlog", -1e31, 1e31, 0.5]);
});

test("weights over powers of ten are logarithmic; those that vanish meanwhile stand at the low end", () => {
  const scale = new Scale({ kind: "amount", low: 0, high: 1 });
  scale.include(0.5, 2, 0);
  assert.deepEqual([scale.axis.kind, scale.low, scale.high], ["linear", 0, 2]);
  scale.include(1e-6, 2, 9);
  assert.deepEqual([scale.axis.kind, scale.low, scale.high], ["log", 1e-6, 2]);
  scale.include(0, 2, 10);
  assert.deepEqual([scale.low, scale.at(0)], [1e-6, 0]);
  const shares = new Scale({ kind: "amount", sort: "plain", low: 0, high: 1, fixed: true });
  shares.include(1e-9, 1, 0);
  assert.equal(shares.axis.kind, "linear");
});

test("a few wild values do not take the colours away", () => {
  const values = Float32Array.from([...Array.from({ length: 200 }, (_, i) => i / 199), 1e9, 1e12]);
  const [low, high] = robustExtent(values, () => true);
  assert.ok(low >= 0 && high <= 1);
  assert.deepEqual(extent(values), [0, Math.fround(1e12)]);
  assert.deepEqual(
    robustExtent([NaN], () => true),
    [Infinity, -Infinity],
  );
});
