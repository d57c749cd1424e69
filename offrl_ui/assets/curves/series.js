// From frames to the few points that a curve needs: decimation that keeps every extreme.

/** @import { Numbers } from "../shared/types.d.ts" */

const POINTS = 200;

/**
 * At most about `points` points: the smallest and the largest of each bucket in the order they came. Buckets are
 * aligned
 * to the absolute step, so that a point once drawn stays where it is while the curve grows. NaN is left out.
 * @param {Numbers} steps
 * @param {Numbers} values
 * @param {number} [points]
 */
export function decimate(steps, values, points = POINTS) {
  const n = steps.length;
  const width = n > points ? bucketWidth(steps[n - 1] - steps[0], points / 2) : 0;
  /** @type {number[]} */
  const x = [];
  /** @type {number[]} */
  const y = [];
  /** @param {number} i */
  const keep = (i) => {
    x.push(steps[i]);
    y.push(values[i]);
  };
  let [bucket, low, high] = [NaN, -1, -1];
  const flush = () => {
    if (low < 0) return;
    keep(Math.min(low, high));
    if (low !== high) keep(Math.max(low, high));
  };
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(values[i])) continue;
    const own = width ? Math.floor(steps[i] / width) : i;
    if (own !== bucket) {
      flush();
      [bucket, low, high] = [own, i, i];
    } else {
      if (values[i] < values[low]) low = i;
      if (values[i] > values[high]) high = i;
    }
  }
  flush();
  return { x, y };
}

/** The smallest 2^k that covers `span` with at most `buckets` buckets. @param {number} span @param {number} buckets */
function bucketWidth(span, buckets) {
  return 2 ** Math.ceil(Math.log2(span / buckets || 1));
}

/**
 * A band needs its two edges at the same steps: the extremes within each bucket.
 * @param {Numbers} steps
 * @param {Numbers} lower
 * @param {Numbers} upper
 * @param {number} [points]
 */
export function decimateBand(steps, lower, upper, points = POINTS) {
  const n = steps.length;
  const width = n <= points / 2 ? 0 : bucketWidth(steps[n - 1] - steps[0], points / 2);
  /** @type {number[]} */
  const x = [];
  /** @type {number[]} */
  const low = [];
  /** @type {number[]} */
  const high = [];
  let bucket = NaN;
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
