// Sliders of settings: values at their positions, steps of the arrow keys, values of an opened axis, and what is
// refused.

/** A value of a setting; several where an axis is open. @typedef {number | string | boolean | number[]} Value */

/** Positions of a slider. */
export const TICKS = 1000;
/** Values that an axis opens with. */
const AXIS_VALUES = 8;
/** Values that an axis may have. */
export const MOST_VALUES = 16;

/** @typedef {{ low: number, high: number, scale: "linear" | "log", integer: boolean }} Range */
/** Values beyond the range that have a name. @typedef {{ special?: Record<string, string> | null }} Named */

/** The ends of a logarithmic slider, which may begin at zero. @param {Range} item */
const ends = ({ low, high }) => [low > 0 ? low : Math.min(high / 1e4, 1e-3), high];

/** @param {Range} item @param {number} value */
const clamp = ({ low, high }, value) => Math.min(high, Math.max(low, value));

/** @param {number} value @param {Range} item */
export function toTick(value, item) {
  const clipped = clamp(item, value);
  if (item.scale !== "log") return (TICKS * (clipped - item.low)) / (item.high - item.low);
  const [low, high] = ends(item);
  return clipped < low ? 0 : (TICKS * Math.log(clipped / low)) / Math.log(high / low);
}

/** @param {number} tick @param {Range} item */
export function fromTick(tick, item) {
  const part = Math.min(1, Math.max(0, tick / TICKS));
  if (part === 0) return item.low;
  if (part === 1) return item.high;
  const [low, high] = ends(item);
  const step = stepOf(item);
  const value =
    item.scale === "log"
      ? Number((low * (high / low) ** part).toPrecision(2))
      : Number((item.low + Math.round((part * (item.high - item.low)) / step) * step).toPrecision(10));
  return clamp(item, item.integer ? Math.round(value) : value);
}

/** A readable step, 1, 2 or 5 times a power of ten, near a hundredth of the range. @param {Range} item */
export function stepOf(item) {
  const rough = (item.high - item.low) / 100;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((m) => m * power >= rough * 0.999) ?? 10) * power;
  return item.integer ? Math.max(1, Math.round(step)) : step;
}

/**
 * The value after an arrow key: one key is one readable step of the value, not one position of the slider.
 *
 * @param {number} value
 * @param {number} steps
 * @param {Range} item
 */
export function afterSteps(value, steps, item) {
  if (item.integer && item.scale !== "log") {
    const size = Math.max(1, Math.round(Math.abs(steps) * stepOf(item)));
    return clamp(item, value + Math.sign(steps) * size);
  }
  const size = item.scale === "log" ? 10 : (TICKS * stepOf(item)) / (item.high - item.low);
  const next = fromTick(toTick(value, item) + steps * size, item);
  return clamp(item, item.integer && next === value ? next + Math.sign(steps) : next);
}

/**
 * Readable values over the whole range, evenly spaced as the slider sees it, the present one among them.
 *
 * @param {number} value
 * @param {Range} item
 */
export function suggestAxis(value, item) {
  const spread = Array.from({ length: AXIS_VALUES }, (_, i) => fromTick((TICKS * i) / (AXIS_VALUES - 1), item));
  const away = spread.map((other) => Math.abs(toTick(other, item) - toTick(value, item)));
  spread[away.indexOf(Math.min(...away))] = value;
  return [...new Set(spread)].sort((a, b) => a - b);
}

/**
 * Values from one end to the other, with equal steps between them, or equal ratios where the scale is logarithmic; the
 * ends are among them. Or why there are none.
 *
 * @param {number} from
 * @param {number} to
 * @param {number} count
 * @param {"linear" | "log"} scale
 * @param {Range & Named & { allowed: string }} item
 * @returns {{ values: number[] } | { why: string }}
 */
export function spread(from, to, count, scale, item) {
  if (!Number.isInteger(count) || count < 2 || count > MOST_VALUES)
    return { why: `An axis has 2 to ${MOST_VALUES} values.` };
  for (const [name, end] of /** @type {const} */ ([
    ["From", from],
    ["To", to],
  ])) {
    const why = refusal(end, { ...item, special: null });
    if (why) return { why: `${name} is not allowed: ${why}.` };
  }
  if (from === to) return { why: "From and to must be two values." };
  if (scale === "log" && Math.min(from, to) <= 0) return { why: "A logarithmic axis begins above 0." };
  const values = Array.from({ length: count }, (_, i) => {
    const part = i / (count - 1);
    if (part === 0 || part === 1) return part ? to : from;
    const value = scale === "log" ? from * (to / from) ** part : from + part * (to - from);
    return item.integer ? Math.round(value) : Number(value.toPrecision(4));
  });
  return { values: [...new Set(values)].sort((a, b) => a - b) };
}

/** Why a number is not taken; empty where it is. @param {number} number
 * @param {Range & Named & { allowed: string }} item */
export function refusal(number, item) {
  const special = item.special?.[String(number)] !== undefined;
  const whole = !item.integer || Number.isInteger(number);
  const inside = special || (number >= item.low && number <= item.high);
  return Number.isFinite(number) && whole && inside ? "" : `it must be ${item.allowed}`;
}

/** A value as it stands in its field. @param {Value} value @param {Named} item @returns {string} */
export function written(value, item) {
  if (Array.isArray(value)) return value.map((one) => written(one, item)).join(", ");
  if (typeof value !== "number") return String(value);
  return item.special?.[String(value)] ?? String(Number(value.toPrecision(6)));
}

/**
 * Members train in float32, and the wire carries decimal numbers: equal to six digits is equal.
 *
 * @param {Value} a
 * @param {Value | undefined} b
 */
export function same(a, b) {
  if (Array.isArray(a) || Array.isArray(b)) return JSON.stringify(a) === JSON.stringify(b);
  if (typeof a !== "number" || typeof b !== "number") return a === b;
  return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b));
}
