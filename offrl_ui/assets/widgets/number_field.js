// A number to type or to slide, with named values beyond its range; or several numbers, as an axis of runs.

/** @import { Item, Value } from "./declared.d.ts" */
/** @import { Setting } from "./setting.js" */

import { h } from "../shared/dom.js";
import { afterSteps, fromTick, suggestAxis, TICKS, toTick, written } from "../shared/slider.js";
import { AxisFields } from "./axis_fields.js";
import { readTyped } from "./typed.js";

const AXIS = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 13h12M3.5 10V6M8 10V3M12.5 10V7.5"/></svg>`;

/** Steps of the keys. @type {Record<string, number>} */
const KEYS = { ArrowRight: 1, ArrowUp: 1, PageUp: 10, ArrowLeft: -1, ArrowDown: -1, PageDown: -10 };

export class NumberField {
  /** @param {Setting} setting @param {Item} item @param {string} labelId */
  constructor(setting, item, labelId) {
    this.setting = setting;
    this.item = item;
    /** What the field shows: nothing is set while it has not been changed. */
    this.shown = "";
    this.text = h("input", {
      oninput: () => this.judge(false),
      type: "text",
      inputmode: "decimal",
      class: "number",
      autocomplete: "off",
      spellcheck: "false",
      "aria-labelledby": labelId,
      onfocus: () => {
        setting.busy = true;
        this.text.select();
      },
      onblur: () => {
        setting.busy = false;
        this.typed();
      },
      onkeydown: (event) => {
        if (event.key === "Enter") this.typed();
        if (event.key !== "Escape") return;
        setting.say("");
        setting.show(setting.value, true);
      },
    });
    this.slider = h("input", {
      type: "range",
      min: 0,
      max: TICKS,
      step: 1,
      "aria-labelledby": labelId,
      onpointerdown: () => {
        setting.busy = true;
      },
      oninput: () => setting.dragged(fromTick(this.slider.valueAsNumber, item)),
      onchange: () => {
        setting.busy = false;
        setting.set(fromTick(this.slider.valueAsNumber, item));
      },
      onkeydown: (event) => {
        if (!(event.key in KEYS) || typeof setting.seen !== "number") return;
        event.preventDefault();
        setting.set(afterSteps(setting.seen, KEYS[event.key], item));
      },
      ondblclick: () => setting.set(item.default),
    });
    this.chips = Object.entries(item.special ?? {}).map(([value, name]) =>
      h(
        "button",
        { type: "button", class: "chip", "data-value": value, onclick: () => setting.set(Number(value)) },
        name,
      ),
    );
    const [left, right] = item.greedier === "up" ? ["clone", "greedy"] : ["greedy", "clone"];
    const end = (/** @type {string} */ word) => (item.greedier ? h("span", { class: "end" }, word) : null);
    this.track = h("div", { class: "track" }, end(left), this.slider, end(right), ...this.chips);
    this.opener = item.axis
      ? h("button", { type: "button", class: "axis", html: AXIS, onclick: () => this.turn() })
      : null;
    this.head = [this.opener, this.text];
    this.axis = item.axis
      ? new AxisFields(
          item,
          (values) => setting.set(values),
          (why) => setting.say(why),
        )
      : null;
    this.below = this.axis?.node;
  }

  /** One value becomes several, which train side by side as models of one run; or several become one again. */
  turn() {
    const value = this.setting.seen;
    if (Array.isArray(value)) this.setting.set(value[Math.floor(value.length / 2)]);
    else this.setting.set(suggestAxis(Number(value), this.item));
  }

  /** The text is let go: its value is set, or it is said again why it is none. */
  typed() {
    const reading = this.judge(true);
    if ("value" in reading && this.text.value.trim() !== this.shown) this.setting.set(reading.value);
  }

  /** Read the text as it stands, and say what is wrong with it. @param {boolean} final - nothing more is typed */
  judge(final) {
    const reading = readTyped(this.text.value, this.item);
    const kept = `The run keeps ${written(this.setting.seen, this.item)}.`;
    const calm = "why" in reading && reading.unfinished && !final;
    this.text.toggleAttribute("aria-invalid", "why" in reading && !calm);
    this.setting.say("why" in reading ? `${reading.what} is not allowed: ${reading.why}. ${kept}` : "", calm);
    return reading;
  }

  /** Put the slider where a value is. @param {Value} value */
  place(value) {
    if (typeof value === "number") this.slider.value = String(toTick(value, this.item));
  }

  /** @param {Value} value */
  paint(value) {
    const { item, setting } = this;
    const open = Array.isArray(value);
    this.shown = written(value, item);
    this.text.value = this.shown;
    this.text.removeAttribute("aria-invalid");
    setting.node.classList.toggle("open", open);
    this.track.hidden = open;
    this.axis?.show(open ? value : null);
    if (this.opener) {
      const title = open ? "Close the axis: train one value" : "Open into an axis: train several values side by side";
      this.opener.title = title;
      this.opener.setAttribute("aria-label", `${item.label}: ${title}`);
      this.opener.setAttribute("aria-pressed", String(open));
    }
    this.slider.setAttribute("aria-valuetext", this.shown);
    this.slider.style.setProperty("--at", `${(100 * this.slider.valueAsNumber) / TICKS}%`);
    this.track.classList.toggle("special", item.special?.[String(value)] !== undefined);
    for (const chip of this.chips) chip.setAttribute("aria-pressed", String(Number(chip.dataset.value) === value));
  }
}
