// When the curves move: with every frame (about twelve a second), half as often with many lines; they come to rest when
// nothing has arrived for a while.

/**
 * @import { Curves } from "../curves/curves.js"
 * @import { Playback } from "../run/playback.js"
 */

const EVERY = 80;
const MANY_TRACES = 40;
const REST_AFTER = 450;
const REST_AFTER_PAUSE = 120;

export class CurvePace {
  /** @param {Curves} curves @param {Playback} playback @param {() => void} redraw */
  constructor(curves, playback, redraw) {
    this.curves = curves;
    this.playback = playback;
    this.redraw = redraw;
    /** When a message came last. */
    this.arrived = -Infinity;
    this.movedAt = -Infinity;
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  /** @param {number} now */
  move(now) {
    const { curves, playback } = this;
    if (curves.version === curves.store.frames.version && curves.settled) return;
    const every = curves.traces > MANY_TRACES ? 2 * EVERY : EVERY;
    if (playback.training && now - this.movedAt >= every - 8 && curves.update()) this.movedAt = now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), playback.training ? REST_AFTER : REST_AFTER_PAUSE);
  }

  rest() {
    if (this.playback.training && performance.now() - this.arrived < REST_AFTER) this.curves.update();
    else this.curves.settle();
    this.redraw();
  }

  stop() {
    clearTimeout(this.timer);
  }
}
