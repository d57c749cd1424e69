import assert from "node:assert/strict";
import { test } from "node:test";
import { readTyped } from "../../offrl_ui/assets/widgets/typed.js";

const share = { low: 0, high: 1, scale: "linear", integer: false, allowed: "a number from 0 to 1", axis: true };
const whole = {
  ...share,
  low: 1,
  high: 64,
  integer: true,
  allowed: "a whole number from 1 to 64",
  special: { "-1": "all" },
};
const rate = { ...share, low: 1e-4, axis: false, allowed: "a number from 0.0001 to 1" };

const READ = [
  ["0.3", 0.3],
  [" .3 ", 0.3],
  ["0,3", 0.3],
  ["1e-3", 0.001],
  ["0, 0.1, 0.3, 0.5", [0, 0.1, 0.3, 0.5]],
  ["0,0.1,0.3,0.5", [0, 0.1, 0.3, 0.5]],
  ["0 0.1 0.3 0.5", [0, 0.1, 0.3, 0.5]],
  ["0; 0.1;0.3", [0, 0.1, 0.3]],
  ["0,1 0,3", [0.1, 0.3]],
  ["0.1,0.3", [0.1, 0.3]],
  ["0, 0,5, 1", [0, 0.5, 1]],
  ["0.5, 0.1, 0.5,", [0.1, 0.5]],
  ["0.5, 0.5", 0.5],
];
for (const [text, value] of READ) {
  test(`"${text}" is read as ${JSON.stringify(value)}`, () => {
    assert.deepEqual(readTyped(text, share), { value });
  });
}

test("what is typed on the way to a list is never called wrong", () => {
  const list = "0, 0.1, 0.3, 0.5";
  for (let n = 1; n <= list.length; n++) {
    const reading = readTyped(list.slice(0, n), share);
    assert.ok("value" in reading, `${list.slice(0, n)}: ${reading.why}`);
  }
});

test("a named value is its number", () => {
  assert.deepEqual(readTyped("all", whole), { value: -1 });
  assert.deepEqual(readTyped("-1", whole), { value: -1 });
});

test("what may still become a number is unfinished, what cannot is wrong at once", () => {
  const [why, unfinished] = ["it must be a number from 0 to 1", true];
  assert.deepEqual(readTyped("", share), { what: "An empty field", why, unfinished });
  assert.deepEqual(readTyped("-", share), { what: "-", why, unfinished });
  assert.deepEqual(readTyped("7", share), { what: "7", why, unfinished });
  assert.deepEqual(readTyped("x", share), { what: "x", why, unfinished: false });
  assert.deepEqual(readTyped("0.1, 7, 0.2", share), { what: "0.1, 7, 0.2", why: `7: ${why}`, unfinished: false });
  assert.deepEqual(readTyped("0.1, 7 ", share), { what: "0.1, 7", why: `7: ${why}`, unfinished: false });
  assert.equal(readTyped("0", rate).unfinished, true, "0 may become 0.5");
  assert.equal(readTyped("2.5", whole).why, "it must be a whole number from 1 to 64");
});

test("several numbers where there is no axis, or too many of them, are refused", () => {
  assert.deepEqual(readTyped("0.1 0.2", rate), {
    what: "0.1 0.2",
    why: `it must be ${rate.allowed}`,
    unfinished: false,
  });
  const many = Array.from({ length: 17 }, (_, i) => i / 20).join(" ");
  assert.equal(readTyped(many, share).why, "an axis has 2 to 16 values");
});
