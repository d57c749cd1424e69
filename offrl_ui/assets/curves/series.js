// From frames to the few points that a curve needs: the step axis, and min/max decimation.

import { niceTicks } from "../shared/format.js";

const POINTS = 200;

// The step axis: linear, or log10(1 + step), which gives the first updates the room that they deserve.
export class StepScale {
  constructor(logarithmic) {
    this.logarithmic = Boolean(logarithmic);
  }

  get name() {
    return this.logarithmic ? "log step" : "step";
  }

  forward(step) {
    return this.logarithmic ? Math.log10(1 + step) : step;
  }

  backward(x) {
    return this.logarithmic ? 10 ** x - 1 : x;
  }

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

function stepText(step) {
  if (step >= 1e6) return `${+(step / 1e6).toPrecision(3)}M`;
  return step >= 1000 ? `${+(step / 1000).toPrecision(3)}k` : String(step);
}

// At most about POINTS points: the smallest and the largest of each bucket in the order they came. Buckets are aligned
// to the absolute step, so that a point once drawn stays where it is while the curve grows. NaN is left out.
export function decimate(steps, values, points = POINTS) {
  const n = steps.length;
  if (n <= points) {
    const x = [];
    const y = [];
    for (let i = 0; i < n; i++)
      if (Number.isFinite(values[i])) {
        x.push(steps[i]);
        y.push(values[i]);
      }
    return { x, y };
  }
  const width = bucketWidth(steps[n - 1] - steps[0], points / 2);
  const x = [];
  const y = [];
  let bucket = null;
  let low = -1;
  let high = -1;
  const flush = () => {
    if (low < 0) return;
    const [a, b] = low < high ? [low, high] : [high, low];
    x.push(steps[a]);
    y.push(values[a]);
    if (a !== b) {
      x.push(steps[b]);
      y.push(values[b]);
    }
  };
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(values[i])) continue;
    const own = Math.floor(steps[i] / width);
    if (own !== bucket) {
      flush();
      bucket = own;
      low = high = i;
    } else {
      if (values[i] < values[low]) low = i;
      if (values[i] > values[high]) high = i;
    }
  }
  flush();
  return { x, y };
}

// The smallest 2^k that covers `span` with at most `buckets` buckets.
export function bucketWidth(span, buckets) {
  return 2 ** Math.ceil(Math.log2(span / buckets || 1));
}

// A band needs its two edges at the same steps: the extremes within each bucket.
export function decimateBand(steps, lower, upper, points = POINTS) {
  const n = steps.length;
  const width = n <= points / 2 ? 0 : bucketWidth(steps[n - 1] - steps[0], points / 2);
  const x = [];
  const low = [];
  const high = [];
  let bucket = null;
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(lower[i]) || !Number.isFinite(upper[i])) continue;
    const own = width ? Math.floor(steps[i] / width) : i;
    const last = x.length - 1;
    if (own !== bucket) {
      bucket = own;
      x.push(steps[i]);
      low.push(lower[i]);
      high.push(upper[i]);
    } else {
      low[last] = Math.min(low[last], lower[i]);
      high[last] = Math.max(high[last], upper[i]);
    }
  }
  return { x, low, high };
}
