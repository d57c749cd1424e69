// A colour scale: what a number looks like. Domains are fixed by the truth where it is known and only ever grow,
// in round steps, and they remember when they grew, so that a colour keeps its meaning.

import { niceBeyond, niceTicks, number, power } from "./format.js";
import { rampOf } from "./palette.js";

export class Scale {
  // kind: value, amount (both sequential) or diverging (symmetric around zero); log: counts and weights.
  constructor({ kind, low = 0, high = 0, log = false, label = "", unit = "", fixed = false }) {
    Object.assign(this, { kind, low, high, log, label, unit, fixed });
    this.first = { low, high };
    this.grew = null;
    this.version = 0;
  }

  // Take in what is about to be drawn; true if the domain grew.
  include(low, high, step) {
    if (this.fixed || !Number.isFinite(low) || !Number.isFinite(high)) return false;
    const empty = this.low === this.high;
    if (this.kind === "diverging") {
      const reach = Math.max(Math.abs(low), Math.abs(high));
      if (reach <= this.high || reach === 0) return false;
      return this.grow(-niceBeyond(reach), niceBeyond(reach), step, empty);
    }
    if (low >= this.low && high <= this.high) return false;
    if (this.log) return this.grow(empty ? low : Math.min(this.low, low), empty ? high : Math.max(this.high, niceBeyond(high)), step, empty);
    return this.grow(low < this.low ? niceBeyond(low) : this.low, high > this.high ? niceBeyond(high) : this.high, step, empty);
  }

  grow(low, high, step, first) {
    if (!first) this.grew = { step, from: { low: this.low, high: this.high } };
    this.low = low;
    this.high = high;
    this.version += 1;
    return true;
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
    if (!this.log) return niceTicks(this.low, this.high, count);
    const [a, b] = [Math.ceil(Math.log10(this.low) - 1e-9), Math.floor(Math.log10(this.high) + 1e-9)];
    if (b - a < 1) return [this.low, this.high];
    const every = Math.ceil((b - a + 1) / count);
    const ticks = [];
    for (let e = a; e <= b; e += every) ticks.push(10 ** e);
    return ticks;
  }

  tickText(value) {
    if (this.log && (value >= 1e4 || value < 1e-2)) return power(Math.round(Math.log10(value)));
    return number(Math.abs(value) < (this.high - this.low) * 1e-9 ? 0 : value, 2);
  }
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

// The legend of a scale, drawn into a context at (x, y): name, ramp, numbers, the hatch's meaning, and where it grew.
export function drawLegend(ctx, scale, theme, { x, y, width, font, hatch, note }) {
  const ramp = rampOf(scale.kind, theme.dark);
  const barTop = y + 18;
  const barHeight = 9;
  ctx.font = `600 ${font}px ${theme.font}`;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.fillStyle = theme.text;
  ctx.fillText(scale.label, x, y + 11);
  const barWidth = Math.min(width * 0.62, 340);
  if (scale.grew) {
    ctx.font = `${font}px ${theme.font}`;
    ctx.fillStyle = theme.warning;
    ctx.textAlign = "right";
    ctx.fillText(`▲ scale grew at step ${scale.grew.step}`, x + width, y + 11);
  }
  for (let i = 0; i < 128; i++) {
    ctx.fillStyle = ramp.css[Math.min(2 * i + 1, 255)];
    ctx.fillRect(x + (barWidth * i) / 128, barTop, barWidth / 128 + 0.6, barHeight);
  }
  ctx.font = `${font}px ${theme.font}`;
  ctx.fillStyle = theme.muted;
  for (const tick of scale.ticks(5)) {
    const at = x + barWidth * scale.at(tick);
    ctx.fillRect(Math.min(at, x + barWidth - 1), barTop + barHeight, 1, 3);
    ctx.textAlign = at < x + 8 ? "left" : at > x + barWidth - 8 ? "right" : "center";
    ctx.fillText(scale.tickText(tick), at, barTop + barHeight + 14);
  }
  if (scale.grew) {
    // The end of the scale before it grew.
    ctx.fillStyle = theme.warning;
    for (const edge of [scale.grew.from.low, scale.grew.from.high]) {
      if (edge > scale.low && edge < scale.high && edge !== 0) ctx.fillRect(x + barWidth * scale.at(edge) - 1, barTop - 3, 2, barHeight + 3);
    }
  }
  const side = x + barWidth + 18;
  ctx.textAlign = "left";
  if (hatch) {
    ctx.fillStyle = theme.surface;
    ctx.fillRect(side, barTop - 2, 20, 13);
    ctx.fillStyle = hatch;
    ctx.fillRect(side, barTop - 2, 20, 13);
    ctx.fillStyle = theme.muted;
    ctx.fillText("not in the data", side + 26, barTop + 8);
  }
  if (note) {
    ctx.fillStyle = theme.muted;
    ctx.fillText(note, side, barTop + barHeight + 14);
  }
}
