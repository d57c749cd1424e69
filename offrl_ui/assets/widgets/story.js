// A story above the stage: one step at a time, what it changes, what to watch for, and whether that has come true. Its
// numbers are those that the stage shows. Told to the script: `went` = { at, event }, null where the story is left.

/** @import { Component } from "../shared/component.d.ts" */
/** @import { Command, Value } from "../run/protocol.d.ts" */
/** @import { Viewing } from "../shared/bus.js" */

import { bus } from "../shared/bus.js";
import { number } from "../shared/format.js";
import { patch, v } from "../shared/patch.js";

/** `above` and `below` are null where that end is open. @typedef {{ what: string, algorithm: number,
 *   above: number | null, below: number | null }} Condition */
/** `begins`: a run of its own begins here. @typedef {{ text: string, begins: boolean, algorithm: number,
 *   set: Record<string, Value>, speed: number | null, look: string | null, until: Condition[], done: string }} Step */
/** @typedef {{ title: string, sentence: string, steps: Step[], at: number, run: string, refused: string }} StoryData */

/** @type {WeakMap<Node, Story>} */
const stories = new WeakMap();
let events = 0;

/** @param {Component<StoryData>} component */
export function mount(component) {
  const { parentElement } = component;
  const story = stories.get(parentElement) ?? new Story(component);
  stories.set(parentElement, story);
  story.update(component);
  return () => {
    story.close();
    stories.delete(parentElement);
  };
}

/** @param {Condition} condition @param {number} value */
export const holds = ({ above, below }, value) =>
  !Number.isNaN(value) && (above === null || value > above) && (below === null || value < below);

/** What a condition waits for, in words. @param {Condition} condition */
export function wanted({ above, below }) {
  const ends = [above === null ? "" : `above ${number(above)}`, below === null ? "" : `below ${number(below)}`];
  return ends.filter(Boolean).join(" and ");
}

/** What is done as a step begins. @param {Step} step @returns {Command[]} */
export function commandsOf({ set, algorithm, speed, until }) {
  /** @type {Command[]} */
  const commands = [];
  if (speed !== null) commands.push({ cmd: "speed", value: speed });
  if (Object.keys(set).length) commands.push({ cmd: "set", lane: algorithm, values: set });
  if (until.length) commands.push({ cmd: "play" });
  return commands;
}

class Story {
  /** @param {Component<StoryData>} component */
  constructor(component) {
    this.root = /** @type {HTMLElement} */ (component.parentElement.querySelector(".story"));
    this.component = component;
    this.at = component.data.at;
    /** The step whose commands are to be sent as soon as its run is there. */
    this.due = -1;
    /** The run that the script still names while the step's own is on its way. @type {string | null} */
    this.before = null;
    /** The conditions of this step that have come true once. @type {Set<number>} */
    this.true = new Set();
    /** @type {Viewing | null} */
    this.viewing = null;
    this.off = [
      bus.on("hello", () => this.begin()),
      bus.on("viewing", (viewing) => {
        this.viewing = viewing;
        this.measure();
      }),
    ];
  }

  /** @param {Component<StoryData>} component */
  update(component) {
    this.component = component;
    this.begin();
    this.draw();
  }

  /** @returns {Step | undefined} */
  get step() {
    return this.component.data.steps[this.at];
  }

  /** Go to a step: what it changes is done, and the script hears of it. @param {number | null} at */
  go(at) {
    events += 1;
    this.component.setStateValue("went", { at, event: events });
    if (at === null) return;
    this.at = at;
    this.true.clear();
    this.due = at;
    // Another run is on its way: its number comes with the next script run. The first one stands there already.
    this.before = this.step?.begins && at > 0 ? this.component.data.run : null;
    this.begin();
    this.draw();
  }

  /** The step's commands, once the run that they are for is on the stage. */
  begin() {
    const { run } = this.component.data;
    const { step } = this;
    if (this.due !== this.at || !step || !bus.connected) return;
    if (this.before === run || (step.begins && bus.hello?.run.id !== run) || !bus.hello) return;
    this.due = -1;
    if (step.look) bus.emit("look", step.look);
    for (const command of commandsOf(step)) bus.send(command);
  }

  /** The numbers as they are now; what came true once stays so, whatever comes after. */
  measure() {
    const { step, viewing } = this;
    if (!step || !viewing || this.due === this.at) return;
    step.until.forEach((condition, i) => {
      if (holds(condition, viewing.measure(condition.what, condition.algorithm))) this.true.add(i);
      else if (!this.fulfilled) this.true.delete(i);
    });
    this.draw();
  }

  get fulfilled() {
    return this.true.size === (this.step?.until.length ?? 0);
  }

  draw() {
    const { title, sentence, steps, refused } = this.component.data;
    const { at, step } = this;
    const last = at === steps.length - 1;
    const fulfilled = this.fulfilled;
    patch(this.root, [
      v(
        "div",
        { class: "story-head" },
        v("h2", {}, title),
        v("span", { class: "place" }, step ? `${at + 1} of ${steps.length}` : ""),
        v(
          "button",
          { type: "button", class: "leave", title: "Leave the story; the run stays", onclick: () => this.go(null) },
          last ? "Explore on your own" : "Leave",
        ),
      ),
      v("p", { class: "text" }, step ? step.text : sentence),
      step &&
        step.until.length > 0 &&
        v(
          "ul",
          { class: "until", "aria-label": "What to watch for" },
          step.until.map((condition, i) => this.condition(condition, this.true.has(i))),
        ),
      v("p", { class: "done", role: "status" }, step && fulfilled && step.done ? step.done : ""),
      refused && v("p", { class: "refused", role: "alert" }, refused),
      v(
        "div",
        { class: "story-foot" },
        at > 0 && v("button", { type: "button", class: "button", onclick: () => this.go(at - 1) }, "Back"),
        !last &&
          v(
            "button",
            { type: "button", class: fulfilled ? "button next" : "button", onclick: () => this.go(at + 1) },
            step ? this.nextWords(steps[at + 1]) : "Begin",
          ),
      ),
    ]);
  }

  /** @param {Step} next */
  nextWords({ set }) {
    const changes = Object.entries(set).map(([name, value]) => `${name.replaceAll("_", " ")} = ${value}`);
    return changes.length ? `Next: ${changes.join(", ")}` : "Next";
  }

  /** @param {Condition} condition @param {boolean} fulfilled */
  condition(condition, fulfilled) {
    const { what, algorithm } = condition;
    const value = this.viewing?.measure(what, algorithm) ?? NaN;
    const { lanes = [], metrics = [] } = bus.hello ?? {};
    const name = what === "step" ? "step" : (metrics.find((metric) => metric.name === what)?.title ?? what);
    const whose = lanes.length > 1 ? `${lanes[algorithm]?.title ?? ""}: ` : "";
    const shown = Number.isNaN(value) ? "not measured yet" : number(value);
    return v(
      "li",
      { class: fulfilled ? "true" : "" },
      v("span", { "aria-hidden": "true" }, fulfilled ? "✓ " : "○ "),
      `${whose}${name} `,
      v("b", {}, shown),
      fulfilled ? "" : `, waiting for ${wanted(condition)}`,
    );
  }

  close() {
    for (const off of this.off) off();
  }
}
