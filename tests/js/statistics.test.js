import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrapInterval, interquartileMean } from "../../offrl_ui/assets/shared/statistics.js";
import { close, expected, needsPython, randomFrom } from "./help.js";

test("the interquartile mean is the core's", needsPython, () => {
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
