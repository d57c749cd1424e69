// The values of a control: which it can take, where they stand on its slider, and how they are written.

/** @import { Control, State, Value } from "./protocol.d.ts" */

import { number } from "../shared/format.js";

/** Positions of a logarithmic slider. */
export const POSITIONS = 1000;

/**
 * A value the control can take, nearest to `value`: within its limits and on its steps.
 *
 * @param {Control} control
 * @param {Value} value
 * @returns {Value}
 */
export function snap(control, value) {
  if (typeof value !== "number" || typeof control.default === "boolean" || control.choices.length) return value;
  const { low, high, step } = control;
  const inside = Math.min(Math.max(value, low), high);
  const near = step ? low + Math.round((inside - low) / step) * step : Number(inside.toPrecision(3));
  const next = Number(Math.min(Math.max(near, low), high).toPrecision(10));
  return control.integer ? Math.round(next) : next;
}

/**
 * `steps` steps further; on a logarithmic slider a step is a hundredth of the range.
 *
 * @param {Control} control
 * @param {number} value
 * @param {number} steps
 */
export function nudged(control, value, steps) {
  const { low, high, step } = control;
  if (control.scale !== "log") return snap(control, value + steps * (step ?? (high - low) / 200));
  return snap({ ...control, step: null }, value * (high / low) ** (steps / 100));
}

/** Where a value stands on the slider. @param {Control} control @param {number} value */
export function positionOf({ scale, low, high }, value) {
  return scale === "log" ? (POSITIONS * Math.log(value / low)) / Math.log(high / low) : value;
}

/** The value at a position of the slider. @param {Control} control @param {number} position */
export function valueAt({ scale, low, high }, position) {
  return scale === "log" ? low * (high / low) ** (position / POSITIONS) : position;
}

/** @param {Control} control @param {number} value */
export function valueText(control, value) {
  const named = [...control.special, ...control.texts].find(([at]) => at === value);
  if (named) return named[1];
  if (!control.step || control.scale === "log") return number(value, 3);
  // As many decimals as the steps need, so that the text does not jump while sliding.
  const [, decimals = ""] = String(Number(control.step.toPrecision(6))).split(".");
  return value.toFixed(Math.min(6, decimals.length)).replace("-", "−");
}

/** Whether a control is shown in this state. @param {Control} control @param {State} state */
export const isShown = ({ shown_if }, state) => !shown_if || shown_if[1].includes(state[shown_if[0]]);
