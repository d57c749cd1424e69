// A colour scale: what a number looks like. Domains are fixed by the truth where it is known and only ever grow,
// in round steps, and they remember when they grew, so that a colour keeps its meaning.

import { AxisScale, fitting } from "./axis.js";
import { niceBeyond, niceTicks, trimmed } from "./format.js";
import { infiniteColour, rampOf } from "./palette.js";

/** @import { Sort } from "./axis.js" */
/** @import { Numbers, RampKind, Span } from "./types.d.ts" */

/**
 * `value` and `amount` are sequential, `diverging` is symmetric around zero. `sort`: what the numbers are, which says
 * when they are told apart by their powers of ten; `usual` is the size of the true values. What is `fixed` takes in
 * nothing more.
 * @typedef {object} ScaleOptions
 * @property {RampKind} kind
 * @property {Sort} [sort]
 * @property {number} [low]
 * @property {number} [high]
 * @property {number} [usual]
 * @property {boolean} [fixed]
 */

export class Scale {
  /** @param {ScaleOptions} options */
  constructor({ kind, sort = kind === "amount" ? "amount" : "value", low = 0, high = 0, usual = 1, fixed = false }) {
    this.kind = kind;
    this.sort = sort;
    this.low = low;
    this.high = high;
    this.usual = usual;
    this.fixed = fixed;
    this.axis = new AxisScale();
    /** All numbers that were taken in lie between these. @type {Span} */
    this.seen = [Infinity, -Infinity];
    /** @type {{ step: number, from: { low: number, high: number } } | null} */
    this.grew = null;
    /** Whether numbers of the present picture lie beyond the ends. */
    this.clipped = { below: false, above: false };
    this.version = 0;
  }

  /**
   * Take in what is about to be drawn; true if the domain grew.
   * @param {number} low
   * @param {number} high
   * @param {number} step
   */
  include(low, high, step) {
    if (this.fixed || !Number.isFinite(low) || !Number.isFinite(high)) return false;
    const first = this.seen[0] > this.seen[1];
    this.seen = [Math.min(this.seen[0], low), Math.max(this.seen[1], high)];
    const linear = this.axis.kind === "linear";
    const axis = linear ? fitting(this.sort, ...this.seen, this.usual) : this.axis;
    const [bottom, top] = this.ends(axis);
    if (axis.kind === this.axis.kind && bottom === this.low && top === this.high) return false;
    if (!first) this.grew = { step, from: { low: this.low, high: this.high } };
    Object.assign(this, { axis, low: bottom, high: top, version: this.version + 1 });
    return true;
  }

  /** The ends that hold all numbers so far, round where they had to grow. @param {AxisScale} axis @returns {Span} */
  ends(axis) {
    const [low, high] = this.seen;
    const beyond = axis.kind === "linear" ? niceBeyond : powerBeyond;
    if (this.kind === "diverging") {
      const reach = Math.max(Math.abs(low), Math.abs(high));
      return reach > this.high ? [-beyond(reach), beyond(reach)] : [this.low, this.high];
    }
    const top = high > this.high ? beyond(high) : this.high;
    // A logarithmic scale has no zero to begin at.
    if (axis.kind === "log") return [Math.min(low > 0 ? low : Infinity, this.low > 0 ? this.low : Infinity), top];
    return [low < this.low ? beyond(low) : this.low, top];
  }

  /** Note whether numbers of the present picture lie beyond the ends. @param {Span} range */
  clip([low, high]) {
    const below = low < this.low - 1e-6 * Math.abs(this.low);
    const above = high > this.high + 1e-6 * Math.abs(this.high);
    if (this.clipped.below !== below || this.clipped.above !== above) this.version += 1;
    this.clipped = { below, above };
  }

  /** Place of a number between the ends, 0 to 1. @param {number} value */
  at(value) {
    if (this.low === this.high) return this.kind === "diverging" ? 0.5 : 0;
    const [low, high] = [this.axis.forward(this.low), this.axis.forward(this.high)];
    const inside = Math.min(Math.max(value, this.low), this.high);
    return (this.axis.forward(inside) - low) / (high - low);
  }

  /** Place of a finite number on the ramp. @param {number} value */
  index(value) {
    return Math.round(this.at(value) * 255);
  }

  /** What is infinite has a colour of its own. @param {number} value @param {boolean} dark */
  colour(value, dark) {
    return Number.isFinite(value) ? rampOf(this.kind, dark).css[this.index(value)] : infiniteColour(dark);
  }

  /** Numbers worth writing: the ends, for they are what the colours are measured by, and some between them. */
  ticks(count = 5) {
    const { low, high, axis } = this;
    if (low === high) return [low];
    if (axis.kind !== "linear") {
      const inner = axis.ticks(low, high, count).map(({ at }) => at);
      return [...new Set([low, ...inner, high])];
    }
    const room = (high - low) * 0.12;
    return [low, ...niceTicks(low, high, count).filter((t) => t - low > room && high - t > room), high];
  }

  /** Text at a tick, with ≤ or ≥ at an end that stands for everything beyond it. @param {number} value */
  tickText(value) {
    const span = this.high - this.low;
    const sign =
      value === this.low && this.clipped.below ? "≤ " : value === this.high && this.clipped.above ? "≥ " : "";
    if (this.axis.kind !== "linear") return sign + this.axis.text(value, span);
    return sign + trimmed(Math.abs(value) < span * 1e-9 ? 0 : value, 2);
  }
}

/** The next power of ten away from zero. @param {number} value */
const powerBeyond = (value) =>
  value === 0 ? 0 : Math.sign(value) * 10 ** Math.ceil(Math.log10(Math.abs(value)) - 1e-9);

/**
 * The range that holds all but the most extreme fortieth of the numbers on either side: a few wild values must not take
 * the
 * colours away from all others. They are drawn in the end colours, and the legend says that there are some.
 * @param {Numbers} values
 * @param {(index: number) => boolean} keep
 * @returns {Span}
 */
export function robustExtent(values, keep) {
  const kept = new Float32Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i]) && keep(i)) kept[n++] = values[i];
  if (!n) return [Infinity, -Infinity];
  const sorted = kept.subarray(0, n).sort();
  const skip = Math.floor(n / 40);
  return [sorted[skip], sorted[n - 1 - skip]];
}

/**
 * Smallest and largest finite number of an array.
 * @param {Numbers} values
 * @param {(index: number) => boolean} [keep]
 * @returns {Span}
 */
export function extent(values, keep = () => true) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]) || !keep(i)) continue;
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  return [low, high];
}
