// A colour scale: what a number looks like. Domains are fixed by the truth where it is known and only ever grow,
// in round steps, and they remember when they grew, so that a colour keeps its meaning.

import { niceBeyond, niceTicks, number, power } from "./format.js";
import { rampOf } from "./palette.js";

export class Scale {
  // kind: value, amount (both sequential) or diverging (symmetric around zero); log: counts and weights.
  constructor({ kind, low = 0, high = 0, log = false, label = "", unit = "", fixed = false }) {
    Object.assign(this, { kind, low, high, log, label, unit, fixed });
    this.grew = null;
    this.used = false;
    this.version = 0;
  }

  // Take in what is about to be drawn; true if the domain grew.
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
    if (this.log)
      return this.grow(
        empty ? low : Math.min(this.low, low),
        empty ? high : Math.max(this.high, niceBeyond(high)),
        step,
        first,
      );
    return this.grow(
      low < this.low ? niceBeyond(low) : this.low,
      high > this.high ? niceBeyond(high) : this.high,
      step,
      first,
    );
  }

  grow(low, high, step, first) {
    if (!first) this.grew = { step, from: { low: this.low, high: this.high } };
    this.low = low;
    this.high = high;
    this.version += 1;
    return true;
  }

  // Whether numbers of the present picture lie beyond the ends.
  clip([low, high]) {
    const below = low < this.low - 1e-6 * Math.abs(this.low);
    const above = high > this.high + 1e-6 * Math.abs(this.high);
    if (this.clipped?.below !== below || this.clipped?.above !== above) this.version += 1;
    this.clipped = { below, above };
  }

  toLog(low, high) {
    if (!this.log) Object.assign(this, { log: true, low, high: niceBeyond(high), version: this.version + 1 });
  }

  // Position of a number on the ramp, 0 to 1.
  at(value) {
    if (this.low === this.high) return this.kind === "diverging" ? 0.5 : 0;
    const share = this.log
      ? (Math.log(Math.max(value, this.low)) - Math.log(this.low)) / (Math.log(this.high) - Math.log(this.low))
      : (value - this.low) / (this.high - this.low);
    return share < 0 ? 0 : share > 1 ? 1 : share;
  }

  index(value) {
    return Math.round(this.at(value) * 255);
  }

  colour(value, dark) {
    return rampOf(this.kind, dark).css[this.index(value)];
  }

  ticks(count = 5) {
    if (this.low === this.high) return [this.low];
    if (!this.log) {
      // The ends are always written: they are what the colours are measured by.
      const inner = niceTicks(this.low, this.high, count).filter(
        (t) => Math.min(t - this.low, this.high - t) > (this.high - this.low) * 0.12,
      );
      return [this.low, ...inner, this.high];
    }
    const [a, b] = [Math.ceil(Math.log10(this.low) - 1e-9), Math.floor(Math.log10(this.high) + 1e-9)];
    if (b - a < 1) return [this.low, this.high];
    const every = Math.ceil((b - a + 1) / count);
    const ticks = [];
    for (let e = a; e <= b; e += every) ticks.push(10 ** e);
    return ticks;
  }

  // Text at a tick, with ≤ or ≥ at an end that stands for everything beyond it.
  tickText(value) {
    const near = (end) => Math.abs(value - end) < (this.high - this.low) * 1e-6;
    const sign = near(this.low) && this.clipped?.below ? "≤ " : near(this.high) && this.clipped?.above ? "≥ " : "";
    return sign + this.plainText(value);
  }

  plainText(value) {
    if (this.log && (value >= 1e4 || value < 1e-2)) return power(Math.round(Math.log10(value)));
    return number(Math.abs(value) < (this.high - this.low) * 1e-9 ? 0 : value, 2);
  }
}

// The range that holds all but the most extreme fortieth of the numbers on either side: a few wild values must not take
// the colours away from all others. They are drawn in the end colours, and the legend says that there are some.
export function robustExtent(values, keep) {
  const kept = new Float32Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i]) && keep(i)) kept[n++] = values[i];
  if (!n) return [Infinity, -Infinity];
  const sorted = kept.subarray(0, n).sort();
  const skip = Math.floor(n / 40);
  return [sorted[skip], sorted[n - 1 - skip]];
}

// Smallest and largest finite number of an array.
export function extent(values, keep) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value) || (keep && !keep(i))) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
