import assert from "node:assert/strict";
import { test } from "node:test";
import { isShown, nudged, positionOf, snap, valueAt, valueText } from "../../offrl_ui/assets/lecture/values.js";
import { close } from "./help.js";

const control = {
  default: 0.5,
  low: 0,
  high: 1,
  step: 0.05,
  choices: [],
  scale: "linear",
  integer: false,
  special: [],
  texts: [],
  shown_if: null,
};
const log = { ...control, default: 1, low: 0.01, high: 100, step: null, scale: "log" };

test("a value snaps to the steps, within the limits", () => {
  assert.deepEqual(
    [0.512, 0.53, -3, 7].map((value) => snap(control, value)),
    [0.5, 0.55, 0, 1],
  );
  assert.equal(snap({ ...control, low: -3, high: 3, step: 0.5 }, 1.2), 1);
  assert.equal(snap({ ...control, low: 0, high: 40, step: 1, integer: true }, 12.6), 13);
  assert.equal(snap(log, 2.34567), 2.35);
  // A choice and a switch are what they are.
  assert.equal(snap({ ...control, choices: [["a", "A"]] }, "a"), "a");
  assert.equal(snap({ ...control, default: true }, false), false);
});

test("steps move a value by its step, on a logarithmic slider by a hundredth of the range", () => {
  assert.equal(nudged(control, 0.5, 2), 0.6);
  assert.equal(nudged(control, 1, 1), 1);
  assert.equal(nudged({ ...control, step: null }, 0.5, 1), 0.505);
  close(nudged(log, 1, 50), 100);
  close(nudged(log, 1, -50), 0.01);
});

test("a position of the slider gives its value back", () => {
  for (const value of [0.01, 0.5, 1, 42, 100]) close(valueAt(log, positionOf(log, value)), value, 1e-9);
  for (const [value, position] of [
    [0.01, 0],
    [1, 500],
    [100, 1000],
  ])
    close(positionOf(log, value), position, 1e-9);
  assert.deepEqual([positionOf(control, 0.3), valueAt(control, 0.3)], [0.3, 0.3]);
});

test("a value is written with the decimals of its steps", () => {
  assert.deepEqual([valueText(control, 0.5), valueText({ ...control, step: 1 }, -3)], ["0.50", "−3"]);
  assert.equal(valueText({ ...control, step: 0.1 + 0.2 }, 0.6), "0.6");
  assert.equal(valueText(log, 0.0123), "0.0123");
  assert.equal(valueText({ ...control, special: [[-1, "none"]] }, -1), "none");
  // A number that counts settings is written as what it stands for.
  const counted = {
    ...control,
    step: 1,
    integer: true,
    texts: [
      [0, "2 cells"],
      [1, "1.5 cells"],
    ],
  };
  assert.deepEqual(
    [0, 1, 2].map((k) => valueText(counted, k)),
    ["2 cells", "1.5 cells", "2"],
  );
});

test("a control may depend on another one", () => {
  const own = { ...control, shown_if: ["f", ["own"]] };
  assert.deepEqual([isShown(control, {}), isShown(own, { f: "own" }), isShown(own, { f: "exp" })], [true, true, false]);
});
