// Axes: where a number stands in a drawing, and which numbers are written beside it.

import { niceTicks, number, power } from "../shared/format.js";

// Numbers as they come in messages: `null` is missing, "inf" and "-inf" are infinite.
export const num = (value) =>
  value === null ? NaN : value === "inf" ? Infinity : value === "-inf" ? -Infinity : value;

const symlog = (x, t) => Math.sign(x) * Math.log10(1 + Math.abs(x) / t);
const unsymlog = (y, t) => Math.sign(y) * t * (10 ** Math.abs(y) - 1);

// `values` are the data along this axis; `from`, `to` the pixels of its two ends.
export function axisScale(axis, values, from, to, count = 5) {
  const [low, high] = limits(axis, values);
  const forward =
    axis.scale === "log" ? Math.log10 : axis.scale === "symlog" ? (x) => symlog(x, axis.threshold) : (x) => x;
  const backward =
    axis.scale === "log" ? (y) => 10 ** y : axis.scale === "symlog" ? (y) => unsymlog(y, axis.threshold) : (y) => y;
  const [a, b] = [forward(low), forward(high)];
  const at = (value) => {
    if (value === Infinity || value === -Infinity)
      return (value === Infinity) === to > from ? Math.max(from, to) : Math.min(from, to);
    const y = axis.scale === "log" && value <= 0 ? -Infinity : forward(value);
    const pixel = from + ((y - a) / (b - a)) * (to - from);
    // Far outside, the exact place does not matter, but SVG cannot take huge numbers.
    return Math.max(Math.min(pixel, 1e5), -1e5);
  };
  return {
    axis,
    low,
    high,
    at,
    invert: (pixel) => backward(a + ((pixel - from) / (to - from)) * (b - a)),
    inside: (value) => value >= low && value <= high,
    ticks: ticksOf(axis, low, high, count),
  };
}

function limits(axis, values) {
  let low = Infinity;
  let high = -Infinity;
  for (const raw of values) {
    const value = num(raw);
    if (!Number.isFinite(value) || (axis.scale === "log" && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = axis.scale === "log" ? [1, 10] : [0, 1];
  const pad = axis.scale === "linear" ? (high - low || Math.abs(high) || 1) * 0.06 : 0;
  low = axis.low ?? (axis.scale === "log" ? low / 1.25 : low - pad);
  high = axis.high ?? (axis.scale === "log" ? high * 1.25 : high + pad);
  if (axis.scale === "symlog") {
    if (axis.low === null) low = Math.min(low, 0) * 1.4;
    if (axis.high === null) high = Math.max(high, axis.threshold) * 1.4;
  }
  return high > low ? [low, high] : axis.scale === "log" ? [low / 10, low * 10] : [low - 1, low + 1];
}

function ticksOf(axis, low, high, count) {
  if (axis.ticks.length) {
    const every = axis.tick_labels.length ? Math.max(1, Math.ceil(axis.ticks.length / Math.max(count * 3, 1))) : 1;
    return axis.ticks
      .map((at, i) => ({ at, text: axis.tick_labels[i] ?? tickText(at, high - low) }))
      .filter((_, i) => i % every === 0);
  }
  if (axis.scale === "linear") return niceTicks(low, high, count).map((at) => ({ at, text: tickText(at, high - low) }));
  const ticks = axis.scale === "log" ? decades(low, high, count) : symmetricDecades(low, high, axis.threshold, count);
  return ticks.map((at) => ({ at, text: decadeText(at) }));
}

function decades(low, high, count) {
  const [a, b] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  if (b - a < 1) return niceTicks(low, high, count);
  const every = Math.max(1, Math.ceil((b - a) / count));
  const ticks = [];
  for (let e = a; e <= b; e += every) ticks.push(10 ** e);
  if (every === 1 && b - a <= 2) {
    for (let e = a - 1; e <= b; e++)
      for (const m of [2, 5]) if (m * 10 ** e >= low && m * 10 ** e <= high) ticks.push(m * 10 ** e);
  }
  return ticks.sort((x, y) => x - y);
}

function symmetricDecades(low, high, threshold, count) {
  const top = Math.max(Math.abs(low), Math.abs(high));
  const first = Math.ceil(Math.log10(threshold) - 1e-9);
  const last = Math.floor(Math.log10(top) + 1e-9);
  const signs = (low < 0) + (high > 0);
  const every = Math.max(1, Math.ceil(((last - first + 1) * signs) / Math.max(count, 2)));
  const ticks = [0];
  for (let e = last; e >= first; e -= every) {
    if (10 ** e <= high) ticks.push(10 ** e);
    if (-(10 ** e) >= low) ticks.push(-(10 ** e));
  }
  return ticks.filter((t) => t >= low && t <= high).sort((x, y) => x - y);
}

function tickText(value, span) {
  if (Math.abs(value) < span * 1e-9) return "0";
  if (Math.abs(value) >= 1e5 || (span > 0 && span < 1e-3)) return number(value, 3);
  // As many decimals as the step between ticks needs.
  const text = Number(value.toPrecision(6)).toString();
  return text.replace("-", "−");
}

function decadeText(value) {
  if (value === 0) return "0";
  const exponent = Math.log10(Math.abs(value));
  const sign = value < 0 ? "−" : "";
  if (Math.abs(exponent - Math.round(exponent)) > 1e-6) return number(value, 2);
  return Math.abs(exponent) < 4.5 && exponent > -3.5 ? number(value, 2) : sign + power(Math.round(exponent));
}

// A value with its unit, for hover text.
export const amount = (value, unit = "", digits = 4) =>
  `${number(num(value), digits)
    .replace(/(\.\d*?)0+(?=$|·)/, "$1")
    .replace(/\.(?=$|·)/, "")}${unit ? ` ${unit}` : ""}`;
