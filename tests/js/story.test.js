import assert from "node:assert/strict";
import { test } from "node:test";
import { commandsOf, holds, wanted } from "../../offrl_ui/assets/widgets/story.js";

const step = { text: "", begins: false, algorithm: 1, set: {}, speed: null, look: null, until: [], done: "" };
const ends = { what: "return", algorithm: 0, above: 0.5, below: null };

test("a condition holds strictly between its ends, and never for what is not measured", () => {
  assert.deepEqual(
    [0.4, 0.5, 0.6, Infinity, NaN].map((value) => holds(ends, value)),
    [false, false, true, true, false],
  );
  const between = { ...ends, below: 0.6 };
  assert.deepEqual(
    [0.55, 0.6].map((value) => holds(between, value)),
    [true, false],
  );
  assert.equal(wanted(ends), "above 0.500");
  assert.equal(wanted(between), "above 0.500 and below 0.600");
  assert.equal(wanted({ ...ends, above: null, below: -2 }), "below −2");
});

test("a step sets its speed, then its values, and trains where it waits for something", () => {
  assert.deepEqual(commandsOf(step), []);
  const all = { ...step, speed: 0, set: { rho: 0 }, until: [ends] };
  assert.deepEqual(commandsOf(all), [
    { cmd: "speed", value: 0 },
    { cmd: "set", lane: 1, values: { rho: 0 } },
    { cmd: "play" },
  ]);
});
