// Axes: how far along an axis a number stands, which numbers are written beside it, and which kind of axis tells them
// apart. Tables, legends and curves of the stage and pictures of the lecture share them.

import { niceTicks, power, trimmed } from "./format.js";

/** @typedef {"linear" | "log" | "symlog"} ScaleKind */
/** @typedef {{ at: number, text: string }} Tick a number and how it is written */
/** value: returns and what is measured in them; amount: weights, losses, counts; plain: shares and all others.
 * @typedef {"value" | "amount" | "plain"} Sort - of numbers */

// Values leave the linear scale so many times beyond the truth's own size; amounts that span more than one and a half
// powers of ten, or that have grown beyond a thousand from nothing, are told apart by their powers only.
const BEYOND_TRUTH = 20;
const SPAN = 30;
const LARGE = 1e3;

/**
 * The scale on which numbers from `low` to `high` are told apart: the one rule for tables, legends and curves.
 *
 * @param {Sort} sort
 * @param {number} low
 * @param {number} high
 * @param {number} usual size of the true values
 */
export function fitting(sort, low, high, usual) {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (sort === "value" && size > BEYOND_TRUTH * usual) return new AxisScale("symlog", usual);
  if (sort === "amount" && low > 0 && high / low > SPAN) return new AxisScale("log");
  return sort === "amount" && low <= 0 && size > LARGE ? new AxisScale("symlog", 1) : new AxisScale();
}

/**
 * What float32 leaves of a difference that is zero, between numbers of a size: at most so many roundings, each of half
 * a unit in the last place (Higham 2002, "Accuracy and stability of numerical algorithms", section 3.1).
 *
 * @param {number} size
 * @param {number} roundings
 */
export const rounding = (size, roundings) => roundings * 2 ** -24 * size;

// Sums that a curve's number goes through are made in float64: a few roundings remain.
const OF_A_METRIC = 8;

/**
 * The room that a linear axis has at least below and above numbers from `low` to `high`: rounding is no curve, so it
 * never shows less than a twentieth of the numbers' own size, and all of the usual size where they are nothing but
 * rounding (downwards, too, where they may be negative).
 *
 * @param {Sort} sort
 * @param {number} low
 * @param {number} high
 * @param {number} usual
 * @returns {[below: number, above: number]}
 */
export function leastRoom(sort, low, high, usual) {
  const own = sort === "value" ? usual : 1;
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (size > rounding(own, OF_A_METRIC)) return [0.025 * size, 0.025 * size];
  return [sort === "value" ? own : 0.05, own];
}

/**
 * The transform of an axis: linear; log (positive numbers only); symlog, asinh(y / threshold): linear near zero and
 * logarithmic beyond the threshold, so that signs survive.
 */
export class AxisScale {
  /** @param {ScaleKind} kind @param {number} threshold */
  constructor(kind = "linear", threshold = 1) {
    this.kind = kind;
    this.threshold = threshold;
  }

  /** In words, for a legend; a linear axis needs none. */
  get words() {
    if (this.kind === "linear") return "";
    return this.kind === "log" ? "logarithmic" : `logarithmic beyond ±${trimmed(this.threshold, 3)}`;
  }

  /** @param {number} y */
  forward(y) {
    if (this.kind === "linear") return y;
    if (this.kind === "log") return y > 0 ? Math.log10(y) : NaN;
    return Math.asinh(y / this.threshold) / Math.LN10;
  }

  /** @param {number} y */
  backward(y) {
    if (this.kind === "linear") return y;
    if (this.kind === "log") return 10 ** y;
    return Math.sinh(y * Math.LN10) * this.threshold;
  }

  /**
   * About `count` numbers worth writing between two ends: round ones, or powers of ten.
   *
   * @param {number} low
   * @param {number} high
   * @returns {Tick[]}
   */
  ticks(low, high, count = 4) {
    if (this.kind !== "linear") {
      const powers = this.kind === "log" ? decades(low, high, count) : signedDecades(low, high, this.threshold, count);
      if (powers.length > 1) return powers.map((at) => ({ at, text: powerText(at) }));
    }
    const values = niceTicks(low, high, count);
    return values.map((at) => ({ at, text: tickText(at, (high - low) / values.length) }));
  }

  /**
   * How a number is written at this axis.
   *
   * @param {number} value
   * @param {number} step between neighbouring numbers
   */
  text(value, step) {
    return this.kind === "linear" ? tickText(value, step) : powerText(value);
  }
}

/**
 * Powers of ten between two positive ends; where only a few are in sight, twice and five times each too.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
function decades(low, high, count) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  if (last <= first) return [];
  const exponents = Array.from({ length: last - first + 2 }, (_, i) => first - 1 + i);
  const multiples = exponents.flatMap((e) => [1, 2, 5].map((m) => m * 10 ** e)).filter((y) => within(y, low, high));
  if (multiples.length <= 2 * count) return multiples;
  const every = Math.max(1, Math.ceil((last - first) / count));
  return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => 10 ** (first + i * every));
}

/**
 * Zero, and powers of ten from the threshold to the farther end, on each side that is in sight.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} threshold
 * @param {number} count
 */
function signedDecades(low, high, threshold, count) {
  const first = Math.ceil(Math.log10(threshold) - 1e-9);
  const last = Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high))) + 1e-9);
  const signs = Number(low < 0) + Number(high > 0);
  const every = Math.max(1, Math.ceil(((last - first + 1) * signs) / Math.max(count, 2)));
  const ticks = [0];
  for (let e = last; e >= first; e -= every) ticks.push(10 ** e, -(10 ** e));
  return ticks.filter((y) => within(y, low, high)).sort((a, b) => a - b);
}

/** @param {number} y @param {number} low @param {number} high */
const within = (y, low, high) => y >= low - 1e-9 * Math.abs(low) && y <= high + 1e-9 * Math.abs(high);

/**
 * As many digits as neighbouring numbers need to differ: steps are 1, 2, 2.5 or 5 times a power of ten.
 *
 * @param {number} value
 * @param {number} step between neighbours
 */
function tickText(value, step) {
  if (Math.abs(value) < step * 1e-6) return "0";
  return trimmed(value, Math.min(Math.max(Math.ceil(Math.log10(Math.abs(value) / step)) + 2, 2), 6));
}

/** @param {number} value a power of ten, a round multiple of one, or zero */
function powerText(value) {
  if (value === 0) return "0";
  const exponent = Math.log10(Math.abs(value));
  const whole = Math.abs(exponent - Math.round(exponent)) < 1e-6;
  if (!whole || (exponent > -2.5 && exponent < 3.5)) return trimmed(value, 2);
  return (value < 0 ? "−" : "") + power(Math.round(exponent));
}
