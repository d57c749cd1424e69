// One live slider under the stage, for a screen on which the panel lies in a closed drawer: which one it is, is chosen
// beside it, and the browser remembers it.

import { bus } from "../shared/bus.js";
import { h, setText } from "../shared/dom.js";
import { hintElement } from "../shared/hint.js";
import { afterSteps, fromTick, same, TICKS, toTick, written } from "../shared/slider.js";
import { browserStorage } from "./hints.js";

/** @import { Hyperparameter } from "../run/protocol.d.ts" */
/** @import { Range } from "../shared/slider.js" */
/** @typedef {Hyperparameter & Range & { value: number }} Slidable */

const KEPT = "offrl-pinned";
/** What most algorithms have: another one, where there is one, is at hand first. */
const COMMON = new Set(["gamma", "target_period", "target_rate", "learning_rate"]);
const SEND_EVERY = 60; // ms between values while dragging
/** Steps of the keys. @type {Record<string, number>} */
const KEYS = { ArrowRight: 1, ArrowUp: 1, PageUp: 10, ArrowLeft: -1, ArrowDown: -1, PageDown: -10 };

/** The hyperparameters that can be slid while the run trains. @param {readonly Hyperparameter[]} declared
 * @param {readonly string[]} still - those that a link holds still or has put away */
export function slidable(declared, still = []) {
  const free = declared.filter(({ name }) => !still.includes(name));
  const numbers = free.filter((one) => one.live && typeof one.value === "number" && one.low !== null);
  return /** @type {Slidable[]} */ (numbers.filter((one) => one.high !== null && !one.choices.length));
}

export class Pinned {
  /** @param {HTMLElement} host @param {() => number} lane - the one that is viewed
   * @param {() => readonly string[]} still - settings that a link holds still or has put away */
  constructor(host, lane, still) {
    this.still = still;
    this.host = host;
    this.lane = lane;
    /** @type {Slidable | null} */
    this.item = null;
    this.value = 0;
    this.dragging = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.waiting = undefined;
    /** The earlier step that the stage shows, if it does. @type {number | null} */
    this.past = null;
    this.choice = h("select", {
      class: "pinned-choice",
      "aria-label": "Which setting to keep at hand",
      onchange: () => {
        browserStorage()?.setItem(KEPT, this.choice.value);
        this.choose();
      },
    });
    this.slider = h("input", {
      type: "range",
      min: "0",
      max: String(TICKS),
      step: "1",
      oninput: () => this.dragged(),
      onchange: () => {
        this.dragging = false;
        if (this.item) this.send(fromTick(this.slider.valueAsNumber, this.item));
      },
      onkeydown: (event) => {
        if (!(event.key in KEYS) || !this.item) return;
        event.preventDefault();
        this.send(afterSteps(this.value, KEYS[event.key], this.item));
      },
    });
    this.text = h("output", { class: "pinned-value" });
    this.hint = h("div", { class: "pinned-hint" });
    host.append(this.hint, h("div", { class: "pinned-line" }, this.choice, this.slider, this.text));
    this.off = [
      bus.on("hello", () => this.fill()),
      bus.on("hyperparameters", ({ lane, name }) => {
        if (lane === this.lane() && name === this.item?.name && !this.dragging) this.paint(Number(this.item.value));
      }),
      bus.on("viewing", ({ step, past }) => {
        this.past = past ? step : null;
        this.lookBack();
      }),
      bus.on("hints", ({ rho }) => {
        const hide = () => bus.emit("hint", "rho");
        this.hint.replaceChildren(...(rho ? [hintElement(rho, hide)] : []));
      }),
    ];
  }

  /** The settings of the viewed algorithm; nothing to slide, and for a recording, nothing is shown. */
  fill() {
    const items = bus.source?.live ? slidable(bus.hyperparameters(this.lane()), this.still()) : [];
    this.host.hidden = !items.length;
    this.choice.replaceChildren(...items.map((item) => h("option", { value: item.name }, labelled(item))));
    const kept = browserStorage()?.getItem(KEPT);
    const own = items.find(({ name }) => !COMMON.has(name));
    const first = items.find(({ name }) => name === kept) ?? own ?? items[0];
    this.choice.value = first?.name ?? "";
    this.choose();
  }

  choose() {
    this.item =
      slidable(bus.hyperparameters(this.lane()), this.still()).find(({ name }) => name === this.choice.value) ?? null;
    if (!this.item) return;
    this.slider.setAttribute("aria-label", labelled(this.item));
    this.host.dataset.name = this.item.name;
    this.lookBack();
  }

  /** While an earlier step is looked at, the value that was in force there. */
  lookBack() {
    if (this.item && !this.dragging) this.paint(this.inForce(this.item));
  }

  /** The value at the step that is looked at. @param {Slidable} item */
  inForce({ name, value }) {
    return this.past === null ? value : Number(bus.valuesAt(this.lane(), this.past)[name]);
  }

  /** @param {number} value */
  paint(value) {
    if (!this.item) return;
    this.value = value;
    this.slider.value = String(toTick(value, this.item));
    const text = written(value, this.item);
    setText(this.text, text);
    this.slider.setAttribute("aria-valuetext", text);
  }

  dragged() {
    if (!this.item) return;
    this.dragging = true;
    const value = fromTick(this.slider.valueAsNumber, this.item);
    this.value = value;
    setText(this.text, written(value, this.item));
    if (this.waiting !== undefined || this.past !== null) return;
    this.waiting = setTimeout(() => {
      this.waiting = undefined;
      this.send(this.value);
    }, SEND_EVERY);
  }

  /** A live value goes to the run; from an earlier step, into a branch. @param {number} value */
  send(value) {
    const { item, past } = this;
    clearTimeout(this.waiting);
    this.waiting = undefined;
    if (!item || same(value, this.inForce(item))) return;
    const before = this.inForce(item);
    const lane = this.lane();
    bus.undo.add({ what: labelled(item), before, after: value, put: (one) => this.put(lane, item.name, one) });
    this.value = value;
    const change = { lane: this.lane(), values: { [item.name]: value } };
    bus.send(past === null ? { cmd: "set", ...change } : { cmd: "branch", step: past, ...change });
    setText(this.text, written(value, item));
  }

  /** Set a value again that was set here; false where it is not at hand. @param {number} lane @param {string} name
   * @param {number} value */
  put(lane, name, value) {
    if (this.host.hidden || lane !== this.lane() || name !== this.item?.name || !bus.connected) return false;
    this.send(value);
    return true;
  }

  stop() {
    clearTimeout(this.waiting);
    for (const off of this.off) off();
  }
}

/** @type {Record<string, string>} */
const GREEK = { gamma: "γ", rho: "ρ", tau: "τ", beta: "β", lambda: "λ", alpha: "α", eta: "η", epsilon: "ε" };

/**
 * What a setting is called, with its sign where that is a single letter.
 * @param {{ name: string, symbol: string, label?: string }} item - `symbol` is LaTeX
 */
export function labelled({ name, symbol, label }) {
  const letter = /^\\([a-z]+)$/.exec(symbol)?.[1];
  const sign = letter ? (GREEK[letter] ?? "") : symbol.length === 1 ? symbol : "";
  const words = label || name.replaceAll("_", " ");
  return sign && words !== letter ? `${sign} ${words}` : sign || words;
}
