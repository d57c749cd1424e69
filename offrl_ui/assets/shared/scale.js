// A colour scale: what a number looks like. Domains are fixed by the truth where it is known and only ever grow,
// in round steps, and they remember when they grew, so that a colour keeps its meaning.

import { niceBeyond, niceTicks, trimmed } from "./format.js";
import { rampOf } from "./palette.js";

/** @import { Numbers, RampKind, Span } from "./types.d.ts" */

/**
 * `value` and `amount` are sequential, `diverging` is symmetric around zero; `log` is for counts and weights. What is
 * `fixed` takes in nothing more.
 * @typedef {object} ScaleOptions
 * @property {RampKind} kind
 * @property {number} [low]
 * @property {number} [high]
 * @property {boolean} [log]
 * @property {string} [label]
 * @property {string} [unit]
 * @property {boolean} [fixed]
 */

export class Scale {
  /** @param {ScaleOptions} options */
  constructor({ kind, low = 0, high = 0, log = false, label = "", unit = "", fixed = false }) {
    this.kind = kind;
    this.low = low;
    this.high = high;
    this.log = log;
    this.label = label;
    this.unit = unit;
    this.fixed = fixed;
    /** @type {{ step: number, from: { low: number, high: number } } | null} */
    this.grew = null;
    /** Whether numbers of the present picture lie beyond the ends. */
    this.clipped = { below: false, above: false };
    this.used = false;
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
    const first = !this.used;
    const empty = this.low === this.high;
    this.used = true;
    if (this.kind === "diverging") {
      const reach = Math.max(Math.abs(low), Math.abs(high));
      if (reach <= this.high || reach === 0) return false;
      return this.grow(-niceBeyond(reach), niceBeyond(reach), step, first);
    }
    if (low >= this.low && high <= this.high) return false;
    const top = high > this.high ? niceBeyond(high) : this.high;
    if (!this.log) return this.grow(low < this.low ? niceBeyond(low) : this.low, top, step, first);
    return this.grow(empty ? low : Math.min(this.low, low), empty ? high : top, step, first);
  }

  /** @param {number} low @param {number} high @param {number} step @param {boolean} first */
  grow(low, high, step, first) {
    if (!first) this.grew = { step, from: { low: this.low, high: this.high } };
    this.low = low;
    this.high = high;
    this.version += 1;
    return true;
  }

  /** Note whether numbers of the present picture lie beyond the ends. @param {Span} range */
  clip([low, high]) {
    const below = low < this.low - 1e-6 * Math.abs(this.low);
    const above = high > this.high + 1e-6 * Math.abs(this.high);
    if (this.clipped.below !== below || this.clipped.above !== above) this.version += 1;
    this.clipped = { below, above };
  }

  /** @param {number} low @param {number} high */
  toLog(low, high) {
    if (!this.log) Object.assign(this, { log: true, low, high: niceBeyond(high), version: this.version + 1 });
  }

  /** Position of a number on the ramp, 0 to 1. @param {number} value */
  at(value) {
    if (this.low === this.high) return this.kind === "diverging" ? 0.5 : 0;
    const share = this.log
      ? (Math.log(Math.max(value, this.low)) - Math.log(this.low)) / (Math.log(this.high) - Math.log(this.low))
      : (value - this.low) / (this.high - this.low);
    return Math.min(Math.max(share, 0), 1);
  }

  /** @param {number} value */
  index(value) {
    return Math.round(this.at(value) * 255);
  }

  /** @param {number} value @param {boolean} dark */
  colour(value, dark) {
    return rampOf(this.kind, dark).css[this.index(value)];
  }

  ticks(count = 5) {
    if (this.low === this.high) return [this.low];
    if (!this.log) {
      // The ends are always written: they are what the colours are measured by.
      const room = (this.high - this.low) * 0.12;
      const inner = niceTicks(this.low, this.high, count).filter((t) => t - this.low > room && this.high - t > room);
      return [this.low, ...inner, this.high];
    }
    const [a, b] = [Math.ceil(Math.log10(this.low) - 1e-9), Math.floor(Math.log10(this.high) + 1e-9)];
    if (b - a < 1) return [this.low, this.high];
    const every = Math.ceil((b - a + 1) / count);
    const ticks = [];
    for (let e = a; e <= b; e += every) ticks.push(10 ** e);
    return ticks;
  }

  /** Text at a tick, with ≤ or ≥ at an end that stands for everything beyond it. @param {number} value */
  tickText(value) {
    const span = this.high - this.low;
    /** @param {number} end */
    const near = (end) => Math.abs(value - end) < span * 1e-6;
    const sign = near(this.low) && this.clipped.below ? "≤ " : near(this.high) && this.clipped.above ? "≥ " : "";
    return sign + trimmed(Math.abs(value) < span * 1e-9 ? 0 : value, 2);
  }
}

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
