// Plays a control: moves it through its range, as fast as its pictures can be drawn.

/** @import { Lecture } from "./scene.js" */

export class Player {
  /** @param {Lecture} app */
  constructor(app) {
    this.app = app;
    /** @type {ReturnType<typeof setInterval> | null} */
    this.timer = null;
  }

  get playing() {
    return this.timer !== null;
  }

  play() {
    const { app } = this;
    const { play } = app.scene;
    const control = play && app.control(play.control);
    if (!control || this.playing) return;
    const { name, low, high } = control;
    const value = () => Number(app.state[name]);
    if (value() >= high) app.set({ [name]: low }, false);
    const tick = () => {
      if (value() >= high) this.pause();
      // Wait for the picture: playing shows every step it can draw, not steps nobody saw.
      else if (!app.socket.underWay) app.set({ [name]: Math.min(value() + play.stride, high) }, false);
    };
    this.timer = setInterval(tick, 1000 / play.per_second);
    app.draw();
  }

  pause() {
    if (this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
    this.app.report();
    this.app.draw();
  }
}
