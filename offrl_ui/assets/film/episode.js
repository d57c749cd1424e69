// One episode of a film.

/** @import { Table } from "../run/wire.js" */

/**
 * Episodes as they come in a message (docs/protocol.md, "Films").
 * @typedef {object} Episodes
 * @property {{ lengths: number[], endings: string[] }} header
 * @property {Record<string, Table>} values - arrays over (episode, time)
 * @property {Record<string, number[]>} shapes
 */

export class Episode {
  /** @param {Episodes} episodes @param {number} index */
  constructor({ header, values, shapes }, index) {
    const [, times, width = 0] = shapes.observations;
    const steps = times - 1;
    this.width = width;
    this.seen = values.observations.subarray(index * times * (width || 1), (index + 1) * times * (width || 1));
    this.actions = values.actions.subarray(index * steps, (index + 1) * steps);
    this.rewards = values.rewards.subarray(index * steps, (index + 1) * steps);
    this.length = header.lengths[index];
    this.ending = header.endings[index];
  }

  /** The numbered state at a step. @param {number} t */
  state(t) {
    return this.seen[t];
  }

  /** What is done at a step; −1 after the end. @param {number} t */
  action(t) {
    return this.actions[t] ?? -1;
  }

  /** @param {number} t */
  observation(t) {
    return this.seen.subarray(t * this.width, (t + 1) * this.width);
  }

  /** The observation at a time between two steps. @param {number} at */
  between(at) {
    const t = Math.min(Math.floor(at), this.length);
    const [now, next] = [this.observation(t), this.observation(Math.min(t + 1, this.length))];
    return Array.from(now, (value, d) => value + (next[d] - value) * (at - t));
  }

  /** What the first `steps` steps have brought. @param {number} steps @param {number} gamma */
  earned(steps, gamma) {
    let [sum, discounted] = [0, 0];
    for (let t = 0; t < steps; t++) {
      sum += this.rewards[t];
      discounted += gamma ** t * this.rewards[t];
    }
    return { sum, discounted };
  }
}
