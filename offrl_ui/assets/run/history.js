// What is known of a run's past: its description, its frames, and the curves' statistics.

import { quantile } from "../shared/statistics.js";
import { Frames } from "./frames.js";

/**
 * @import { Hello } from "./protocol.d.ts"
 * @import { Frame } from "./frames.js"
 * @import { Group } from "./groups.js"
 */

/**
 * @typedef {Hello & { actionNames: string[], nActions: number, nStates: number }} Run - a hello, and what all ask for
 */

// How many frames back a number may stand that is not computed in each of them.
const LATELY = 60;

export class RunHistory {
  constructor() {
    /** @type {Run | null} */
    this.hello = null;
    this.frames = new Frames();
    /** @type {Group[]} */
    this.groups = [];
    /** Made once for each frame. @type {WeakMap<Frame, { done: Uint8Array, values: Float32Array }>} */
    this.stats = new WeakMap();
  }

  /** The run's description, once it is known. @returns {Run} */
  get run() {
    if (!this.hello) throw new Error("the run has not described itself yet");
    return this.hello;
  }

  /** @param {string} name */
  metricIndex(name) {
    return this.run.metrics.findIndex((metric) => metric.name === name);
  }

  /** @param {Frame} frame @param {number} member @param {number} metric */
  value(frame, member, metric) {
    return frame.metrics?.[member * this.run.metrics.length + metric] ?? NaN;
  }

  /**
   * Median, lower and upper quartile over a group's members of one metric at one frame.
   * @param {Frame} frame
   * @param {Group} group
   * @param {number} metric
   */
  stat(frame, group, metric) {
    const K = this.run.metrics.length;
    const size = this.groups.length * K;
    const stats = this.stats.get(frame) ?? { done: new Uint8Array(size), values: new Float32Array(3 * size).fill(NaN) };
    this.stats.set(frame, stats);
    const at = group.index * K + metric;
    if (!stats.done[at]) {
      stats.done[at] = 1;
      const known = group.members.map((member) => this.value(frame, member, metric)).filter((v) => !Number.isNaN(v));
      known.sort((a, b) => a - b);
      stats.values.set([quantile(known, 0.5), quantile(known, 0.25), quantile(known, 0.75)], 3 * at);
    }
    return stats.values.subarray(3 * at, 3 * at + 3);
  }

  /**
   * The statistics at a frame or, where they were not computed then (exact returns of large worlds), shortly before.
   * @param {Frame} frame
   * @param {Group} group
   * @param {number} metric
   */
  lastStats(frame, group, metric) {
    /** @param {Frame} one */
    const read = (one) => this.stat(one, group, metric);
    return this.lately(frame, read, ([median]) => median);
  }

  /** Their median. @param {Frame} frame @param {Group} group @param {number} metric */
  lastStat(frame, group, metric) {
    return this.lastStats(frame, group, metric)[0];
  }

  /** The same for a single member. @param {Frame} frame @param {number} member @param {number} metric */
  lastValue(frame, member, metric) {
    return this.lately(
      frame,
      (one) => this.value(one, member, metric),
      (value) => value,
    );
  }

  /**
   * @template T
   * @param {Frame} frame
   * @param {(frame: Frame) => T} read
   * @param {(found: T) => number} number
   */
  lately(frame, read, number) {
    const { list } = this.frames;
    const from = this.frames.indexAt(frame.step);
    for (let i = from; i >= 0 && i > from - LATELY; i--) {
      const found = read(list[i]);
      if (!Number.isNaN(number(found))) return found;
    }
    return read(frame);
  }
}

/** A run that stays behind, to compare with. */
export class Ghost extends RunHistory {
  /**
   * @param {string} label
   * @param {RunHistory} past
   * @param {number} budget - of bytes; beyond it the frames are thinned
   */
  constructor(label, past, budget) {
    super();
    this.label = label;
    this.hello = past.hello;
    this.groups = past.groups;
    this.stats = past.stats;
    let list = past.frames.list.slice();
    let { bytes } = past.frames;
    while (bytes > budget && list.length > 16) {
      list = list.filter((_, i) => i % 2 === 0 || i === list.length - 1);
      bytes /= 2;
    }
    this.frames.list = list;
  }
}
