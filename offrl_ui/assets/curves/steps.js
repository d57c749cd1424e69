// The axis of the updates: linear, or log10(1 + step), which gives the first updates the room that they deserve.

import { niceTicks } from "../shared/format.js";

export class StepScale {
  /** @param {boolean} logarithmic */
  constructor(logarithmic) {
    this.logarithmic = logarithmic;
  }

  get name() {
    return this.logarithmic ? "log step" : "step";
  }

  /** @param {number} step */
  forward(step) {
    return this.logarithmic ? Math.log10(1 + step) : step;
  }

  /** @param {number} x */
  backward(x) {
    return this.logarithmic ? 10 ** x - 1 : x;
  }

  /** Places along the axis and their texts, up to a last step. @param {number} last @param {number} count */
  ticks(last, count) {
    let steps = niceTicks(0, last, Math.min(count, 5)).filter(Number.isInteger);
    if (this.logarithmic) {
      steps = [0];
      for (let e = 0; 10 ** e <= last; e++) steps.push(10 ** e);
      if (steps.length > count) steps = steps.filter((_, i) => i % 2 === 1);
    }
    return { values: steps.map((step) => this.forward(step)), texts: steps.map(stepText) };
  }
}

/** @param {number} step */
function stepText(step) {
  if (step >= 1e6) return `${+(step / 1e6).toPrecision(3)}M`;
  return step >= 1000 ? `${+(step / 1000).toPrecision(3)}k` : String(step);
}
