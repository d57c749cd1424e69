// Small statistics over seeds (Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical
// precipice").

import { randomFrom } from "./random.js";

/**
 * Mean of the middle half, with fractional weights at its edges.
 * @param {number[]} values
 */
export function interquartileMean(values) {
  const n = values.length;
  if (!n) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  let sum = 0;
  let weight = 0;
  sorted.forEach((value, i) => {
    const share = Math.max(0, Math.min(i + 1, 0.75 * n) - Math.max(i, 0.25 * n));
    sum += share * value;
    weight += share;
  });
  return sum / weight;
}

/**
 * 95 % percentile interval of the interquartile mean; the resamples are drawn from a fixed seed, so the answer is
 * stable.
 * @param {number[]} values
 * @param {number} [resamples]
 * @returns {[low: number, high: number]}
 */
export function bootstrapInterval(values, resamples = 2000) {
  const n = values.length;
  if (n < 2) return [NaN, NaN];
  const random = randomFrom(0x9e3779b9);
  const means = Array.from({ length: resamples }, () =>
    interquartileMean(Array.from({ length: n }, () => values[Math.floor(random() * n)])),
  );
  means.sort((a, b) => a - b);
  return [means[Math.floor(0.025 * resamples)], means[Math.ceil(0.975 * resamples) - 1]];
}

/**
 * @param {number[]} sorted - in ascending order
 * @param {number} q - 0 to 1
 */
export function quantile(sorted, q) {
  if (!sorted.length) return NaN;
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  // Infinities are equal to themselves: interpolating between them would give NaN.
  return sorted[low] === sorted[high] ? sorted[low] : sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}
