import assert from "node:assert/strict";
import { test } from "node:test";
import { decimate, decimateBand } from "../../offrl_ui/assets/curves/series.js";
import { StepScale } from "../../offrl_ui/assets/curves/steps.js";
import { close, randomFrom } from "./help.js";

const random = randomFrom(2);
const steps = [];
const values = [];
for (let i = 0, step = 0, value = 0; i < 5000; i++) {
  step += 1 + Math.floor(8 * random());
  value += random() - 0.5;
  steps.push(step);
  values.push(i % 125 === 7 ? NaN : value);
}

test("decimation keeps every extreme and the order", () => {
  const { x, y } = decimate(steps, values);
  assert.ok(x.length <= 420);
  assert.deepEqual(
    x,
    [...x].sort((a, b) => a - b),
  );
  const finite = values.filter(Number.isFinite);
  assert.equal(Math.max(...y), Math.max(...finite));
  assert.equal(Math.min(...y), Math.min(...finite));
  const table = new Map(steps.map((step, i) => [step, values[i]]));
  x.forEach((step, i) => {
    assert.equal(table.get(step), y[i]);
  });
});

test("points once drawn stay while the curve grows", () => {
  const [some, all] = [steps.slice(0, 4900), steps];
  const shorter = decimate(some, values);
  const longer = decimate(all, values);
  const n = shorter.x.length - 2;
  assert.ok(n > 100);
  assert.deepEqual(longer.x.slice(0, n), shorter.x.slice(0, n));
});

test("a band holds every point between its edges", () => {
  const upper = values.map((value) => value + 1);
  const { x, low, high } = decimateBand(steps, values, upper);
  assert.ok(x.length <= 210 && x.length > 50);
  assert.equal(Math.min(...low), Math.min(...values.filter(Number.isFinite)));
  assert.equal(Math.max(...high), Math.max(...upper.filter(Number.isFinite)));
});

for (const last of [1, 2, 3, 12, 700, 40_000]) {
  test(`steps up to ${last} are whole numbers`, () => {
    const ticks = new StepScale(false).ticks(last, 5).values;
    assert.equal(ticks[0], 0);
    assert.ok(ticks.length >= 2);
    assert.ok(ticks.every(Number.isInteger));
  });
}

test("the logarithmic step axis gives the first steps room, and gives the step back", () => {
  const scale = new StepScale(true);
  for (const step of [0, 1, 12, 40_000]) close(scale.backward(scale.forward(step)), step, 1e-9);
  assert.deepEqual(scale.ticks(1000, 5).texts, ["0", "1", "10", "100", "1k"]);
});
