import assert from "node:assert/strict";
import { test } from "node:test";
import {
  afterSteps,
  fromTick,
  refusal,
  same,
  spread,
  stepOf,
  suggestAxis,
  TICKS,
  toTick,
  written,
} from "../../offrl_ui/assets/shared/slider.js";
import { pieces } from "../../offrl_ui/assets/widgets/transition.js";
import { close } from "./help.js";

const linear = { low: 0, high: 1, scale: "linear", integer: false, allowed: "from 0 to 1", special: null };
const log = { low: 1e-5, high: 0.1, scale: "log", integer: false, allowed: "", special: null };
const fromZero = { ...log, low: 0, high: 10 };
const whole = { low: 1, high: 64, scale: "log", integer: true, allowed: "a whole number", special: { "-1": "all" } };

for (const [name, item] of Object.entries({ linear, log, fromZero, whole })) {
  test(`a slider (${name}) reaches both ends, and its values stay where they are`, () => {
    assert.deepEqual([fromTick(0, item), fromTick(TICKS, item)], [item.low, item.high]);
    assert.equal(toTick(item.low, item), 0);
    close(toTick(item.high, item), TICKS);
    let before = -Infinity;
    for (let tick = 0; tick <= TICKS; tick += 50) {
      const value = fromTick(tick, item);
      assert.ok(value >= before && value >= item.low && value <= item.high);
      // Two digits on a logarithmic slider, a hundredth of the range on a linear one.
      if (!item.integer) close(fromTick(toTick(value, item), item), value, 1e-9);
      before = value;
    }
  });
}

test("steps are readable", () => {
  assert.equal(stepOf({ ...linear, high: 0.3 }), 0.005);
  assert.equal(stepOf({ ...linear, high: 700 }), 10);
  assert.equal(stepOf({ ...linear, high: 20, integer: true }), 1);
});

test("an arrow key moves a value by a readable step, a whole number at least by one", () => {
  close(afterSteps(0.5, 1, linear), 0.51);
  close(afterSteps(0.5, -10, linear), 0.4);
  assert.equal(afterSteps(1, 10, linear), 1);
  assert.equal(afterSteps(2, 1, whole), 3);
  assert.equal(afterSteps(2, -1, whole), 1);
  assert.ok(afterSteps(0.001, 1, log) > 0.001 && afterSteps(0.001, 1, log) < 0.0013);
});

test("an axis opens with values over the whole range, the present one among them", () => {
  const values = suggestAxis(0.37, linear);
  assert.equal(values.length, 8);
  assert.ok(values.includes(0.37) && values[0] === 0 && values.at(-1) === 1);
  assert.deepEqual(
    values,
    [...values].sort((a, b) => a - b),
  );
  assert.ok(suggestAxis(3, { ...whole, high: 4 }).length <= 4);
});

test("an axis by its ends has equal steps, or equal ratios, and both ends", () => {
  assert.deepEqual(spread(0, 1, 5, "linear", linear), { values: [0, 0.25, 0.5, 0.75, 1] });
  assert.deepEqual(spread(1, 0, 3, "linear", linear), { values: [0, 0.5, 1] });
  const found = spread(1e-5, 0.1, 5, "log", log);
  assert.ok("values" in found);
  found.values.slice(1).forEach((value, i) => {
    close(value / found.values[i], 10, 1e-3);
  });
  assert.deepEqual(spread(1, 4, 16, "linear", whole), { values: [1, 2, 3, 4] });
});

test("an axis that cannot be says why", () => {
  /** @param {number} from @param {number} to @param {number} count @param {"linear" | "log"} scale */
  const why = (from, to, count, scale) => {
    const found = spread(from, to, count, scale, linear);
    return "why" in found ? found.why : "";
  };
  assert.match(why(0, 1, 1, "linear"), /2 to 16 values/);
  assert.match(why(0, 1, 2.5, "linear"), /2 to 16 values/);
  assert.match(why(NaN, 1, 3, "linear"), /^From is not allowed: it must be from 0 to 1/);
  assert.match(why(0, 2, 3, "linear"), /^To is not allowed/);
  assert.match(why(0.5, 0.5, 3, "linear"), /two values/);
  assert.match(why(0, 1, 3, "log"), /begins above 0/);
});

test("numbers outside the range are refused, named values are not", () => {
  assert.deepEqual(
    [refusal(0, linear), refusal(1.5, linear), refusal(NaN, linear)],
    ["", "it must be from 0 to 1", "it must be from 0 to 1"],
  );
  assert.deepEqual([refusal(-1, whole), refusal(2.5, whole)], ["", "it must be a whole number"]);
});

test("values are written as their fields take them", () => {
  assert.deepEqual(
    [written(0.1 + 0.2, linear), written(-1, whole), written([1, 2], linear), written(true, linear)],
    ["0.3", "all", "1, 2", "true"],
  );
});

test("float32 and its decimal number are the same value", () => {
  assert.ok(same(Math.fround(0.1), 0.1) && same([1, 2], [1, 2]) && same("a", "a"));
  assert.ok(!same(0.1, 0.1001) && !same([1], 1) && !same(1, "1"));
});

test("a formula breaks before its equals signs, never inside braces", () => {
  assert.deepEqual(pieces("y = r + \\gamma v = 3"), ["y", "= r + \\gamma v", "= 3"]);
  assert.deepEqual(pieces("\\text{a = b} = c"), ["\\text{a = b} = c"]);
  assert.deepEqual(pieces(""), []);
});
