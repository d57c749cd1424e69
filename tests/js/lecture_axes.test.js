import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, num, numbersAcross, PictureAxis } from "../../offrl_ui/assets/lecture/axes.js";
import { close } from "./help.js";

const axis = { label: "", unit: "", scale: "linear", low: null, high: null, threshold: 1, ticks: [], tick_labels: [] };

test("numbers of messages", () => {
  assert.deepEqual([num(2.5), num("inf"), num("-inf")], [2.5, Infinity, -Infinity]);
  assert.ok(Number.isNaN(num(null)) && Number.isNaN(num(undefined)));
  assert.deepEqual([amount(0.5), amount(0.25, "m"), amount("inf"), amount(null)], ["0.5", "0.25 m", "∞", "–"]);
});

for (const [scale, low, high] of [
  ["linear", -2, 3],
  ["log", 0.01, 1000],
  ["symlog", -100, 1e4],
]) {
  test(`a ${scale} axis gives a pixel's number back, also upside down`, () => {
    for (const [from, to] of [
      [40, 400],
      [400, 40],
    ]) {
      const placed = new PictureAxis({ ...axis, scale, low, high }, [], from, to, 5);
      close(placed.at(low), from);
      close(placed.at(high), to);
      for (const pixel of [40, 100, 399]) close(placed.at(placed.invert(pixel)), pixel, 1e-9);
      assert.ok(placed.inside(low) && placed.inside(high) && !placed.inside(high * 1.01));
    }
  });
}

test("however narrow a picture is, an end of its axis has a number near it", () => {
  for (const pixels of [40, 120, 300, 900]) {
    for (const high of [1, 12, 60, 300, 4000]) {
      const { ticks } = new PictureAxis({ ...axis, low: 0, high }, [], 0, pixels, numbersAcross(pixels, 14));
      assert.ok(
        ticks.length >= 3 && high - ticks.at(-1).at < 0.35 * high,
        `${pixels} ${high}: ${ticks.map((t) => t.text)}`,
      );
    }
  }
});

test("without limits an axis holds its data, with room beside it", () => {
  const linear = new PictureAxis(axis, [1, null, 3, "inf"], 0, 100, 5);
  assert.deepEqual([linear.low, linear.high], [1 - 0.12, 3 + 0.12]);
  const log = new PictureAxis({ ...axis, scale: "log" }, [-1, 0, 2, 50], 0, 100, 5);
  assert.deepEqual([log.low, log.high], [2 / 1.25, 50 * 1.25]);
  const symlog = new PictureAxis({ ...axis, scale: "symlog", threshold: 2 }, [0.5], 0, 100, 5);
  assert.deepEqual([symlog.low, symlog.high], [0, 2 * 1.4]);
  const flat = new PictureAxis({ ...axis, low: 4, high: 4 }, [], 0, 100, 5);
  assert.deepEqual([flat.low, flat.high], [3, 5]);
});

test("infinite values stand at the ends, and what is far outside stays drawable", () => {
  const placed = new PictureAxis({ ...axis, low: 0, high: 1 }, [], 300, 20, 5);
  assert.deepEqual([placed.at(Infinity), placed.at(-Infinity)], [20, 300]);
  assert.deepEqual([placed.at(1e30), placed.at(-1e30)], [-1e5, 1e5]);
  const log = new PictureAxis({ ...axis, scale: "log", low: 1, high: 10 }, [], 0, 100, 5);
  assert.equal(log.at(0), -1e5);
});

test("an axis writes its own numbers and names", () => {
  const own = new PictureAxis({ ...axis, scale: "symlog", low: -1e6, high: 1e6, ticks: [-1e6, 0, 10] }, [], 0, 100, 5);
  assert.deepEqual(
    own.ticks.map(({ text }) => text),
    ["−10⁶", "0", "10"],
  );
  const names = [...Array(40).keys()].map((i) => `row ${i}`);
  const matrix = new PictureAxis(
    { ...axis, low: -0.5, high: 39.5, ticks: [...names.keys()], tick_labels: names },
    [],
    0,
    100,
    4,
  );
  // There is room for about three times as many names as numbers.
  assert.equal(matrix.ticks.length, 10);
  assert.equal(matrix.ticks[1].text, "row 4");
});
