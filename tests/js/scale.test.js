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
