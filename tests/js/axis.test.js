import assert from "node:assert/strict";
import { test } from "node:test";
import { AxisScale, fitting, leastRoom, rounding } from "../../offrl_ui/assets/shared/axis.js";
import { close } from "./help.js";

for (const kind of ["linear", "log", "symlog"]) {
  test(`a ${kind} axis gives back what it was given`, () => {
    const scale = new AxisScale(kind, 2);
    const given = [0.001, 0.5, 3, 1e6, ...(kind === "log" ? [] : [-2, 0, -1e4])];
    for (const value of given) close(scale.backward(scale.forward(value)), value, 1e-9);
    const ticks = scale.ticks(0.003, 4e4).map(({ at }) => at);
    assert.ok(ticks.length >= 2 && ticks.length <= 12);
    assert.deepEqual(
      ticks,
      [...ticks].sort((a, b) => a - b),
    );
    for (const at of ticks) assert.ok(at >= 0.003 && at <= 4e4);
  });
}

const texts = (kind, low, high, count, threshold) =>
  new AxisScale(kind, threshold).ticks(low, high, count).map(({ text }) => text);

test("a linear axis writes as many digits as its numbers need to differ", () => {
  assert.deepEqual(texts("linear", 0, 1, 5), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
  assert.deepEqual(texts("linear", 0, 1.25, 5), ["0", "0.25", "0.5", "0.75", "1", "1.25"]);
  assert.deepEqual(texts("linear", 100, 100.4, 4), ["100", "100.1", "100.2", "100.3", "100.4"]);
  assert.deepEqual(texts("linear", -2e6, 2e6, 2), ["−2·10⁶", "0", "2·10⁶"]);
});

test("a logarithmic axis writes powers of ten, and their multiples where few are in sight", () => {
  assert.deepEqual(texts("log", 1e-4, 1e4, 4), ["10⁻⁴", "0.01", "1", "100", "10⁴"]);
  assert.deepEqual(texts("log", 0.5, 30, 5), ["0.5", "1", "2", "5", "10", "20"]);
  assert.deepEqual(texts("log", 30, 3e4, 4), ["100", "1\u2009000", "10⁴"], "multiples would be too many");
  // Less than one power of ten: round numbers.
  assert.deepEqual(texts("log", 2, 8, 4), ["2", "4", "6", "8"]);
});

test("a symmetric logarithmic axis shows zero and both signs", () => {
  assert.deepEqual(texts("symlog", -1e4, 1e4, 6), ["−10⁴", "−100", "−1", "0", "1", "100", "10⁴"]);
  assert.deepEqual(texts("symlog", 0, 1000, 4), ["0", "1", "10", "100", "1\u2009000"]);
  // Within the threshold it is as good as linear.
  assert.deepEqual(texts("symlog", 0, 0.4, 4), ["0", "0.1", "0.2", "0.3", "0.4"]);
  assert.equal(new AxisScale("symlog").text(-1e6, 1), "−10⁶");
});

test("one rule says when numbers are told apart by their powers of ten only", () => {
  const kind = (...numbers) => fitting(...numbers).kind;
  assert.equal(kind("value", 0, 20, 1), "linear");
  assert.equal(kind("value", 0, 21, 1), "symlog");
  assert.equal(kind("value", -2048, 0, 0.5), "symlog");
  assert.equal(fitting("value", 0, 1e38, 0.5).threshold, 0.5);
  assert.equal(kind("amount", 0.1, 3, 1), "linear");
  assert.equal(kind("amount", 0.1, 3.1, 1), "log");
  assert.equal(kind("amount", 0, 900, 1), "linear");
  assert.equal(kind("amount", 0, 2e38, 1), "symlog", "zeros stand on no logarithmic axis");
  assert.equal(kind("plain", 0, 1e6, 1), "linear");
  assert.deepEqual(
    ["linear", "log", "symlog"].map((one) => new AxisScale(one, 0.5).words),
    ["", "logarithmic", "logarithmic beyond ±0.5"],
  );
});

test("a doubling is a step of one width on the scale of what explodes", () => {
  const scale = fitting("value", 0, 2 ** 127, 1);
  const steps = [10, 50, 100].map((k) => scale.forward(2 ** (k + 1)) - scale.forward(2 ** k));
  for (const step of steps) close(step, Math.log10(2), 1e-6);
});

test("the bound of rounding holds for float32's own differences, and is not far off", () => {
  const f = Math.fround;
  let worst = 0;
  for (let i = 1; i <= 2000; i++) {
    const q = [0, 1, 2, 3].map((a) => f(Math.sin(i * (a + 1))));
    const pi = [0.1, 0.2, 0.3, 0.4].map(f);
    const mean = q.reduce((sum, x, a) => f(sum + f(pi[a] * x)), 0);
    const exact = q.reduce((sum, x, a) => sum + pi[a] * x, 0);
    worst = Math.max(worst, Math.abs(mean - exact) / Math.max(...q.map(Math.abs)));
  }
  assert.ok(worst <= rounding(1, 5), `${worst} > ${rounding(1, 5)}`);
  assert.ok(worst > rounding(1, 5) / 20);
});

test("an axis never zooms into rounding", () => {
  close(leastRoom("value", 0.5, 0.6, 1)[0], 0.015);
  assert.deepEqual(leastRoom("value", -5e-10, 5e-10, 0.57), [0.57, 0.57]);
  assert.deepEqual(leastRoom("amount", 0, 0, 0.57), [0.05, 1], "weights and losses begin at zero");
});
