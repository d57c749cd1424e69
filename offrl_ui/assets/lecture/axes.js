// Where a number stands in a picture of the lecture, and which numbers are written beside it.

/** @import { Axis, Label, Numeral } from "./protocol.d.ts" */

import { AxisScale } from "../shared/axis.js";
import { trimmed } from "../shared/format.js";

/**
 * A number as it comes in messages: `null` is missing, "inf" and "-inf" are infinite.
 *
 * @param {Numeral | undefined} value
 * @returns {number}
 */
export function num(value) {
  if (typeof value === "number") return value;
  return value === "inf" ? Infinity : value === "-inf" ? -Infinity : NaN;
}

/**
 * A value with its unit, for hover text.
 *
 * @param {Numeral | undefined} value
 */
export const amount = (value, unit = "", digits = 4) => `${trimmed(num(value), digits)}${unit ? ` ${unit}` : ""}`;

/**
 * About how many numbers have room along a picture; never so few that an end of the axis has none near it.
 *
 * @param {number} pixels
 * @param {number} em
 */
export const numbersAcross = (pixels, em) => Math.max(3, Math.round(pixels / (em * 4.2)));

/** An axis laid along pixels. */
export class PictureAxis {
  /**
   * @param {Axis} axis
   * @param {readonly Numeral[]} values the data along this axis
   * @param {number} from the pixel of its low end
   * @param {number} to the pixel of its high end
   * @param {number} count about how many numbers have room
   */
  constructor(axis, values, from, to, count) {
    this.axis = axis;
    this.from = from;
    this.to = to;
    this.scale = new AxisScale(axis.scale, axis.threshold);
    const [low, high] = limits(axis, values);
    this.low = low;
    this.high = high;
    this.start = this.scale.forward(low);
    this.end = this.scale.forward(high);
    this.ticks = ticksOf(axis, this.scale, low, high, count);
  }

  /**
   * The pixel of a value.
   *
   * @param {number} value
   */
  at(value) {
    const { from, to, start, end } = this;
    if (value === Infinity || value === -Infinity)
      return (value === Infinity) === to > from ? Math.max(from, to) : Math.min(from, to);
    const y = this.axis.scale === "log" && value <= 0 ? -Infinity : this.scale.forward(value);
    const pixel = from + ((y - start) / (end - start)) * (to - from);
    // Far outside, the exact place does not matter, but SVG cannot take huge numbers.
    return Math.max(Math.min(pixel, 1e5), -1e5);
  }

  /** @param {number} pixel */
  invert(pixel) {
    return this.scale.backward(this.start + ((pixel - this.from) / (this.to - this.from)) * (this.end - this.start));
  }

  /** @param {number} value */
  inside(value) {
    return value >= this.low && value <= this.high;
  }
}

/**
 * The ends of an axis: as they are set, else around the data.
 *
 * @param {Axis} axis
 * @param {readonly Numeral[]} values
 * @returns {[number, number]}
 */
function limits(axis, values) {
  const log = axis.scale === "log";
  const usable = values.map(num).filter((value) => Number.isFinite(value) && !(log && value <= 0));
  let [low, high] = log ? [1, 10] : [0, 1];
  if (usable.length)
    [low, high] = usable.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, -Infinity]);
  if (log) [low, high] = [low / 1.25, high * 1.25];
  else if (axis.scale === "symlog") [low, high] = [Math.min(low, 0) * 1.4, Math.max(high, axis.threshold) * 1.4];
  else {
    const pad = (high - low || Math.abs(high) || 1) * 0.06;
    [low, high] = [low - pad, high + pad];
  }
  low = axis.low === null ? low : num(axis.low);
  high = axis.high === null ? high : num(axis.high);
  if (high > low) return [low, high];
  return log ? [low / 10, low * 10] : [low - 1, low + 1];
}

/**
 * The axis's own numbers, else round ones between its ends.
 *
 * @param {Axis} axis
 * @param {AxisScale} scale
 * @param {number} low
 * @param {number} high
 * @param {number} count
 * @returns {{ at: number, text: Label }[]}
 */
function ticksOf(axis, scale, low, high, count) {
  const own = axis.ticks.map(num);
  if (!own.length) return scale.ticks(low, high, count);
  const every = axis.tick_labels.length ? Math.max(1, Math.ceil(own.length / Math.max(count * 3, 1))) : 1;
  return own
    .map((at, i) => ({ at, text: axis.tick_labels[i] ?? scale.text(at, (high - low) / own.length) }))
    .filter((_, i) => i % every === 0);
}
