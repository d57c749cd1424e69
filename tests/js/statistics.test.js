import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrapInterval, interquartileMean } from "../../offrl_ui/assets/shared/statistics.js";
import { close, expected, needsPython, randomFrom } from "./help.js";

test("the interquartile mean is that of its definition in numpy", needsPython, () => {
  for (const { values, mean } of expected.interquartile) close(interquartileMean(values), mean, 0, 1e-9);
});

test("the interval holds the mean, stays within the values, and is the same every time", () => {
  const random = randomFrom(1);
  const values = Array.from({ length: 10 }, random);
  const [low, high] = bootstrapInterval(values);
  const mean = interquartileMean(values);
  assert.ok(Math.min(...values) <= low && low < mean && mean < high && high <= Math.max(...values));
  assert.deepEqual(bootstrapInterval(values), [low, high]);
});

test("no values have no mean, one value has no interval", () => {
  assert.ok(Number.isNaN(interquartileMean([])));
  assert.deepEqual(bootstrapInterval([3]), [NaN, NaN]);
});

test("the interval covers the true mean about as often as it says", () => {
  const random = randomFrom(1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  let hits = 0;
  for (let trial = 0; trial < 200; trial += 1) {
    const [low, high] = bootstrapInterval(Array.from({ length: 30 }, normal), 400);
    hits += low <= 0 && 0 <= high ? 1 : 0;
  }
  assert.ok(hits >= 170, `${hits} of 200`);
});
