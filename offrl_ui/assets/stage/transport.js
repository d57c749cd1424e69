// Transport: reset, back, play, forward with its unit, speed, and the timeline. The timeline gives every snapshot that is
// here the same room: they are dense where training was slow, so the first updates can be scrubbed one by one.

import { h, icon, iconButton, setText } from "../shared/dom.js";
import { integer, number, plain } from "../shared/format.js";

// Updates per second; 0 is as fast as it goes.
export const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 0];

export class Transport {
  // actions: { reset, back, toggle, forward(unit), speed(value), seek(step), newest, branch }
  constructor(host, store, actions) {
    Object.assign(this, { host, store, actions });
    this.unit = h(
      "select",
      { class: "unit", "aria-label": "Size of one step forward", title: "Size of one step forward" },
      ...[
        ["update", "1 update"],
        ["epoch", "1 epoch"],
        ["snapshot", "snapshot"],
      ].map(([value, text]) => h("option", { value }, text)),
    );
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
    });
    this.speedText = h("span", { class: "speed-text" });
    this.reached = h("span", { class: "reached" });
    this.speed.addEventListener("input", () => {
      this.saySpeed();
      actions.speed(this.value);
    });
    this.track = h("div", { class: "track" });
    this.fill = h("div", { class: "track-fill" });
    this.thumb = h("div", { class: "track-thumb" });
    this.marks = h("div", { class: "track-marks", "aria-hidden": "true" });
    this.line = h(
      "div",
      { class: "timeline", tabindex: "0", role: "slider", "aria-label": "Timeline", "aria-valuemin": "0" },
      this.track,
      this.fill,
      this.marks,
      this.thumb,
    );
    this.step = h("span", { class: "step-text" });
    this.newest = h(
      "button",
      { type: "button", class: "button small", title: "Back to the newest frame (End)", onclick: actions.newest },
      icon("live"),
      "newest",
    );
    this.branch = h(
      "button",
      {
        type: "button",
        class: "button small",
        title: "Continue from this step as a run of its own; so does moving a live control",
        onclick: actions.branch,
      },
      "branch here",
    );
    host.append(
      h(
        "div",
        { class: "transport-buttons", role: "group", "aria-label": "Transport" },
        this.resetButton,
        iconButton("back", "One snapshot back (←)", actions.back),
        this.play,
        this.forward,
        this.unit,
      ),
      h(
        "label",
        { class: "transport-speed" },
        h("span", { class: "speed-line" }, this.speedText, this.reached),
        this.speed,
      ),
      h("div", { class: "transport-line" }, this.line),
      h(
        "div",
        { class: "transport-step" },
        this.step,
        h("div", { class: "transport-extra" }, this.newest, this.branch),
      ),
    );
    this.drag();
    this.saySpeed();
  }

  get value() {
    return SPEEDS[this.speed.value];
  }

  setSpeed(value) {
    const index = value === 0 ? SPEEDS.length - 1 : SPEEDS.findLastIndex((speed) => speed !== 0 && speed <= value);
    this.speed.value = String(Math.max(index, 0));
    this.saySpeed();
  }

  // The run's own speed, unless the slider is just being moved.
  follow({ speed }) {
    if (speed === undefined || speed === null || speed === this.heard) return;
    this.heard = speed;
    if (this.host.getRootNode().activeElement !== this.speed) this.setSpeed(speed);
  }

  saySpeed() {
    const text =
      this.value === 0 ? "as fast as it goes" : `${integer(this.value)} update${this.value === 1 ? "" : "s"}/s`;
    setText(this.speedText, text);
    this.speed.setAttribute("aria-valuetext", text);
  }

  drag() {
    const { line } = this;
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

  // Place of a step on the timeline, 0 to 1.
  share(step) {
    const { frames } = this.store;
    return frames.length > 1 ? frames.indexAt(step) / (frames.length - 1) : 0;
  }

  // following: the newest frame is shown, or a film plays.
  update({ frame, playing, following, live, stepText }) {
    const { store, line } = this;
    const last = store.frames.last?.step ?? 0;
    const at = frame?.step ?? 0;
    const share = this.share(at);
    const name = playing ? "pause" : "play";
    if (this.play.dataset.icon !== name) {
      this.play.dataset.icon = name;
      this.play.replaceChildren(icon(name));
      const label = playing ? "Pause (space)" : "Play (space)";
      this.play.setAttribute("aria-label", label);
      this.play.title = label;
    }
    this.thumb.style.left = `${(share * 100).toFixed(2)}%`;
    this.fill.style.width = `${(share * 100).toFixed(2)}%`;
    if (this.at !== at || this.last !== last) {
      this.at = at;
      this.last = last;
      line.setAttribute("aria-valuemax", last);
      line.setAttribute("aria-valuenow", at);
      line.setAttribute("aria-valuetext", `step ${at} of ${last}`);
    }
    setText(this.step, stepText);
    this.newest.hidden = following;
    this.branch.hidden = following || !live;
    const rate = store.state?.state === "running" && playing ? store.state.rate : null;
    setText(this.reached, rate ? `reached ${number(rate)}/s` : "");
    this.drawMarks();
  }

  drawMarks() {
    const { marks, frames } = this.store;
    const several = this.store.hello?.lanes.length > 1;
    const key = `${JSON.stringify(marks)}:${frames.length}`;
    if (key === this.marksKey) return;
    this.marksKey = key;
    this.marks.replaceChildren(
      ...marks.map((mark) =>
        h("i", {
          class: "track-mark",
          title: markText(mark, several),
          style: `left:${(100 * this.share(mark.step)).toFixed(2)}%`,
        }),
      ),
    );
  }
}

export function markText(mark, several) {
  const what = Object.entries(mark.what ?? {}).map(
    ([name, [before, after]]) => `${name} ${plain(before)} → ${plain(after)}`,
  );
  return `step ${integer(mark.step)}: ${several ? `${mark.lane + 1}. ` : ""}${what.join(", ")}`;
}
