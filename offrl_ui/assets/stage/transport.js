// Transport: reset, back, play, forward with its unit, speed, and the timeline. The timeline gives every snapshot that
// is here the same room: they are dense where training was slow, so the first updates can be scrubbed one by one.

import { bus } from "../shared/bus.js";
import { h, icon, iconButton, setIcon, setText } from "../shared/dom.js";
import { integer, number, setting } from "../shared/format.js";
import { hintElement } from "../shared/hint.js";

/**
 * @import { Mark } from "../run/protocol.d.ts"
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { Hint } from "../shared/bus.js"
 */

/**
 * @typedef {object} TransportActions
 * @property {() => void} reset
 * @property {() => void} back
 * @property {() => void} toggle
 * @property {(unit: string) => void} forward
 * @property {(value: number) => void} speed
 * @property {(step: number) => void} seek
 * @property {() => void} newest
 * @property {() => void} branch
 */

// Updates per second; 0 is as fast as it goes.
const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 0];
const UNITS = [
  ["update", "1 update"],
  ["epoch", "1 epoch"],
  ["snapshot", "snapshot"],
];

export class Transport {
  /** @param {HTMLElement} host @param {Store} store @param {TransportActions} actions */
  constructor(host, store, actions) {
    this.host = host;
    this.store = store;
    this.actions = actions;
    this.unit = h("select", {
      class: "unit",
      "aria-label": "Size of one step forward",
      title: "Size of one step forward",
    });
    this.unit.append(...UNITS.map(([value, text]) => h("option", { value }, text)));
    this.play = iconButton("play", "Play (space)", actions.toggle, { class: "button play" });
    this.resetButton = iconButton("reset", "Start again from step 0 (r)", actions.reset);
    this.forward = iconButton("forward", "One step forward (→)", () => actions.forward(this.unit.value));
    this.speed = h("input", {
      type: "range",
      min: "0",
      max: String(SPEEDS.length - 1),
      step: "1",
      value: "7",
      class: "speed",
      "aria-label": "Speed, updates per second",
      oninput: () => {
        this.saySpeed();
        actions.speed(this.value);
      },
    });
    /** The run's own speed as it was last told. @type {number | null} */
    this.heard = null;
    this.speedText = h("span", { class: "speed-text" });
    this.reached = h("span", { class: "reached" });
    this.track = h("div", { class: "track" });
    this.fill = h("div", { class: "track-fill" });
    this.thumb = h("div", { class: "track-thumb" });
    this.marks = h("div", { class: "track-marks", "aria-hidden": "true" });
    this.marksKey = "";
    const slider = { tabindex: "0", role: "slider", "aria-label": "Timeline", "aria-valuemin": "0" };
    this.line = h("div", { class: "timeline", ...slider }, this.track, this.fill, this.marks, this.thumb);
    /** The step and the last one that the timeline has told. */
    this.told = "";
    this.step = h("span", { class: "step-text" });
    this.newest = h(
      "button",
      { type: "button", class: "button small", title: "Back to the newest snapshot (End)", onclick: actions.newest },
      icon("live"),
      "newest",
    );
    const title = "Continue from this step as a run of its own; so does moving a live control";
    const branch = { type: "button", class: "button small", title, onclick: actions.branch };
    this.branch = h("button", branch, "branch here");
    const back = iconButton("back", "One snapshot back (←)", actions.back);
    const buttons = [this.resetButton, back, this.play, this.forward, this.unit];
    const speedLine = h("span", { class: "speed-line" }, this.speedText, this.reached);
    /** Where the hints for playing and for the timeline stand. */
    this.hints = { play: h("div", { class: "hint-place" }), back: h("div", { class: "hint-place" }) };
    host.append(
      h("div", { class: "transport-buttons", role: "group", "aria-label": "Transport" }, ...buttons, this.hints.play),
      h("label", { class: "transport-speed" }, speedLine, this.speed),
      h("div", { class: "transport-line" }, this.line, this.hints.back),
      h(
        "div",
        { class: "transport-step" },
        this.step,
        h("div", { class: "transport-extra" }, this.newest, this.branch),
      ),
    );
    this.off = bus.on("hints", (hints) => this.showHints(hints));
    this.drag();
    this.saySpeed();
  }

  /** Their room stays when they have gone: nothing moves while the run trains. @param {Record<string, Hint>} hints */
  showHints(hints) {
    const places = Object.entries(this.hints);
    if (places.some(([name]) => hints[name])) this.host.classList.add("hinted");
    for (const [name, place] of places)
      place.replaceChildren(...(hints[name] ? [hintElement(hints[name], () => bus.emit("hint", name))] : []));
  }

  get value() {
    return SPEEDS[Number(this.speed.value)];
  }

  /** @param {number} value */
  setSpeed(value) {
    const index = value === 0 ? SPEEDS.length - 1 : SPEEDS.findLastIndex((speed) => speed !== 0 && speed <= value);
    this.speed.value = String(Math.max(index, 0));
    this.saySpeed();
  }

  /** The run's own speed, unless the slider is just being moved. @param {{ speed?: number | null }} state */
  follow({ speed }) {
    if (speed === undefined || speed === null || speed === this.heard) return;
    this.heard = speed;
    const root = /** @type {Document | ShadowRoot} */ (this.host.getRootNode());
    if (root.activeElement !== this.speed) this.setSpeed(speed);
  }

  saySpeed() {
    const updates = `${integer(this.value)} update${this.value === 1 ? "" : "s"}/s`;
    const text = this.value === 0 ? "full speed" : updates;
    setText(this.speedText, text);
    this.speed.setAttribute("aria-valuetext", text);
  }

  drag() {
    const { line } = this;
    /** @param {PointerEvent} event */
    const seek = (event) => {
      const bounds = this.track.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - bounds.left) / bounds.width, 0), 1);
      const { list } = this.store.frames;
      if (list.length) this.actions.seek(list[Math.round(share * (list.length - 1))].step);
    };
    line.addEventListener("pointerdown", (event) => {
      line.setPointerCapture(event.pointerId);
      line.focus({ preventScroll: true });
      seek(event);
      line.onpointermove = seek;
    });
    const stop = () => {
      line.onpointermove = null;
    };
    line.addEventListener("pointerup", stop);
    line.addEventListener("pointercancel", stop);
  }

  /** Place of a step on the timeline, 0 to 1. @param {number} step */
  share(step) {
    const { frames } = this.store;
    return frames.length > 1 ? frames.indexAt(step) / (frames.length - 1) : 0;
  }

  /**
   * @param {object} shown
   * @param {Frame | null} shown.frame
   * @param {boolean} shown.playing
   * @param {boolean} shown.following - the newest frame is shown, or a replay plays
   * @param {boolean} shown.live
   * @param {string} shown.stepText
   */
  update({ frame, playing, following, live, stepText }) {
    const { store, line } = this;
    const last = store.frames.last?.step ?? 0;
    const at = frame?.step ?? 0;
    const place = `${(this.share(at) * 100).toFixed(2)}%`;
    setIcon(this.play, playing ? "pause" : "play", playing ? "Pause (space)" : "Play (space)");
    this.thumb.style.left = place;
    this.fill.style.width = place;
    const told = `step ${at} of ${last}`;
    if (this.told !== told) {
      this.told = told;
      line.setAttribute("aria-valuemax", String(last));
      line.setAttribute("aria-valuenow", String(at));
      line.setAttribute("aria-valuetext", told);
    }
    setText(this.step, stepText);
    this.newest.hidden = following;
    this.branch.hidden = following || !live;
    const rate = store.state?.state === "running" && playing ? store.state.rate : null;
    setText(this.reached, rate ? `reached ${number(rate)}/s` : "");
    this.drawMarks();
  }

  drawMarks() {
    const { marks, frames, hello } = this.store;
    const several = (hello?.lanes.length ?? 0) > 1;
    const key = `${JSON.stringify(marks)}:${frames.length}`;
    if (key === this.marksKey) return;
    this.marksKey = key;
    const places = marks.map((mark) => `left:${(100 * this.share(mark.step)).toFixed(2)}%`);
    const drawn = marks.map((mark, i) =>
      h("i", { class: "track-mark", title: markText(mark, several), style: places[i] }),
    );
    this.marks.replaceChildren(...drawn);
  }
}

/** @param {Mark} mark @param {boolean} several - lanes */
export function markText({ step, lane, what }, several) {
  const changes = Object.entries(what ?? {}).map(
    ([name, [before, after]]) => `${name} ${setting(before)} → ${setting(after)}`,
  );
  return `step ${integer(step)}: ${several ? `${lane + 1}. ` : ""}${changes.join(", ")}`;
}
