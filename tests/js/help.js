// What the suites share: what Python expects, and numbers that are the same in every run.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const path = process.env.OFFRL_EXPECTED;

// What Python wrote (tests/js/expected.py), or null where the suites run without pytest.
export const expected = path ? JSON.parse(readFileSync(path, "utf8")) : null;
export const needsPython = {
  skip: expected ? false : "what Python expects comes from pytest: tests/test_javascript.py",
};

// Uniform numbers in [0, 1) from a seed (mulberry32).
export function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function close(actual, wanted, relative = 1e-9, absolute = 1e-12) {
  if (Object.is(actual, wanted)) return;
  const within = Math.abs(actual - wanted) <= absolute + relative * Math.abs(wanted);
  assert.ok(within, `${actual} is not close to ${wanted}`);
}
