import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  integer,
  niceBeyond,
  niceTicks,
  number,
  percent,
  setting,
  power,
  symbol,
  trimmed,
} from "../../offrl_ui/assets/shared/format.js";
import { close } from "./help.js";

test("numbers read as they are", () => {
  const cases = [
    [0, "0"],
    [0.5688, "0.569"],
    [-12.34, "−12.3"],
    [1240, "1\u2009240"],
    [0.0005, "0.000500"],
    [3.144e7, "3.14·10⁷"],
    [-2e-9, "−2.00·10⁻⁹"],
    [2 ** -126, "1.18·10⁻³⁸"],
    [4.2e-45, "≈ 0"],
    [1e10, "10¹⁰"],
    [NaN, "–"],
    [Infinity, "∞"],
    [-Infinity, "−∞"],
    [null, "–"],
    [undefined, "–"],
    [7, "7"],
  ];
  for (const [value, text] of cases) assert.equal(number(value), text);
});

test("powers of ten begin where Python's begin", () => {
  const written = JSON.parse(readFileSync(new URL("../written_numbers.json", import.meta.url), "utf8"));
  for (const [value, digits, text] of written)
    assert.equal(trimmed(Number(value), digits).replaceAll("\u2009", ""), text);
  assert.equal(number(1234.56, 6), "1\u2009234.56");
});

test("integers, settings, shares and powers", () => {
  assert.equal(integer(-1234567.4), "−1\u2009234\u2009567");
  assert.equal(integer(NaN), "–");
  assert.equal(setting(0.30000000000000004), "0.3");
  assert.equal(setting("adam"), "adam");
  assert.equal(percent(0.0512), "5.1 %");
  assert.equal(percent(0.5), "50 %");
  assert.equal(percent(NaN), "–");
  assert.equal(power(-12), "10⁻¹²");
});

test("symbols are read from LaTeX", () => {
  assert.equal(symbol("\\rho"), "ρ");
  assert.equal(symbol("\\text{lr}"), "lr");
  assert.equal(symbol("", "alpha"), "alpha");
});

test("ends and ticks are round numbers", () => {
  close(niceBeyond(-0.73), -0.8);
  assert.equal(niceBeyond(0), 0);
  assert.deepEqual(niceTicks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(niceTicks(3, 3), [3]);
});
