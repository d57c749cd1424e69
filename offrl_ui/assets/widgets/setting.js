// One setting: its name, its field, what it means, and why a value was not taken.

/** @import { Item, Section, Value } from "./declared.d.ts" */
/** @import { Settings } from "./settings.js" */
/** @import { Hint } from "../shared/bus.js" */

/**
 * The part of a setting that is moved: nodes beside its name, another below, and how it shows a value.
 *
 * @typedef {{ head: (Node | null)[], track?: HTMLElement, below?: HTMLElement, place?: (value: Value) => void,
 *   paint: (value: Value) => void }} Field
 */

import { bus } from "../shared/bus.js";
import { h } from "../shared/dom.js";
import { withTerms } from "../shared/glossary.js";
import { hintElement } from "../shared/hint.js";
import { NumberField } from "./number_field.js";
import { same, written } from "../shared/slider.js";

const SEND_EVERY = 60; // ms between live values while dragging

const LIVE = `<svg viewBox="0 0 16 16" role="img" aria-label="live"><circle cx="8" cy="8" r="4"/></svg>`;
const RESTART =
  `<svg viewBox="0 0 16 16" role="img" aria-label="restarts">` +
  `<path d="M13 8a5 5 0 1 1-1.6-3.7M13 1.8v3.1H9.9"/></svg>`;

/** @param {Setting} setting @param {Item} item @param {string} labelId @returns {Field} */
function fieldOf(setting, item, labelId) {
  if (typeof item.default === "boolean") return toggle(setting, labelId);
  if (item.choices.length) return choice(setting, item, labelId);
  return typeof item.default === "string" ? words(setting, item, labelId) : new NumberField(setting, item, labelId);
}

/** @param {Setting} setting @param {string} labelId @returns {Field} */
function toggle(setting, labelId) {
  const onchange = () => setting.set(box.checked);
  const box = h("input", { type: "checkbox", role: "switch", class: "switch", "aria-labelledby": labelId, onchange });
  return {
    head: [box],
    paint(value) {
      box.checked = value === true;
    },
  };
}

/** @param {Setting} setting @param {Item} item @param {string} labelId @returns {Field} */
function choice(setting, item, labelId) {
  const options = item.choices.map((value) => h("option", { value }, item.titles?.[value] ?? value));
  const select = h("select", { "aria-labelledby": labelId, onchange: () => setting.set(select.value) }, ...options);
  return {
    head: [select],
    paint(value) {
      select.value = String(value);
    },
  };
}

/** @param {Setting} setting @param {Item} item @param {string} labelId @returns {Field} */
function words(setting, item, labelId) {
  const field = h("input", {
    type: "text",
    class: "words",
    maxlength: item.max_length,
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "none",
    "aria-labelledby": labelId,
    onfocus: () => {
      setting.busy = true;
    },
    onblur: () => {
      setting.busy = false;
    },
    onchange: () => setting.set(field.value.trim()),
  });
  return {
    head: [field],
    paint(value) {
      field.value = String(value);
    },
  };
}

export class Setting {
  /** @param {Settings} settings @param {Section} section @param {Item} item */
  constructor(settings, section, item) {
    this.settings = settings;
    this.item = item;
    this.value = item.value;
    /** The value that was in force at the earlier step that is looked at, if one is. @type {Value | null} */
    this.earlier = null;
    /** What the script was told last. */
    this.committed = item.value;
    /** A hand is on it: values that come from elsewhere wait. */
    this.busy = false;
    /** A live value that is about to be sent. @type {ReturnType<typeof setTimeout> | undefined} */
    this.waiting = undefined;
    /** Its name in the panel. */
    this.id = `${section.id}.${item.name}`;
    const id = `${section.id}-${item.name}`;
    this.field = fieldOf(this, item, `${id}-label`);
    this.name = h(
      "button",
      {
        type: "button",
        class: "name",
        "aria-expanded": "false",
        "aria-controls": `${id}-help`,
        title: item.help,
        onclick: () => this.toggleHelp(),
      },
      item.symbol ? h("span", { class: "symbol", html: item.symbol }) : null,
      h("span", { id: `${id}-label` }, item.label),
    );
    const mark = h("span", {
      class: item.live ? "mark live" : "mark restart",
      title: item.live ? "Live: takes effect at the next update." : "Restarts the run; the old curve stays as a ghost.",
      html: item.live ? LIVE : RESTART,
    });
    const reset = () => this.set(item.default);
    const way = item.greedier === "up" ? "to the right" : "to the left";
    this.help = h(
      "div",
      { class: "help", id: `${id}-help`, hidden: true },
      h("p", {}, ...withTerms(item.help)),
      item.measured ? h("p", {}, `Measured with the rest at its default: ${item.measured}.`) : null,
      item.greedier ? h("p", { class: "direction" }, `Greedier: ${way}; closer to cloning: the other way.`) : null,
      item.paper ? h("p", { class: "paper" }, ...withTerms(item.paper)) : null,
      h("p", {}, `Allowed: ${item.allowed}.`),
      h(
        "button",
        { type: "button", class: "reset", onclick: reset },
        `Back to the default, ${written(item.default, item)}`,
      ),
    );
    this.message = h("p", { class: "message", role: "alert", hidden: true });
    this.hinted = h("div", {});
    this.node = h(
      "div",
      { class: "row", "data-name": item.name },
      h("div", { class: "head", ondblclick: reset }, mark, this.name, ...this.field.head),
      this.field.track,
      this.field.below,
      this.hinted,
      this.message,
      this.help,
    );
    if (item.rule === "fix") this.hold();
    this.show(item.value);
  }

  /** The link that is open holds it still. */
  hold() {
    this.node.classList.add("fixed");
    this.node.title = "The link that you opened fixes this control.";
    for (const field of this.node.querySelectorAll("input, select, .chip, .axis, .reset"))
      field.toggleAttribute("disabled", true);
  }

  /** What the setting shows. @returns {Value} */
  get seen() {
    return this.earlier ?? this.value;
  }

  /** @param {Value} value */
  take(value) {
    this.value = value;
    this.earlier = null;
    this.say("");
  }

  /** Show the value of an earlier step, or again that of now. @param {Value | null} value */
  lookBack(value) {
    if (this.busy || Array.isArray(this.value) || same(value ?? this.value, this.seen)) return;
    this.earlier = value;
    this.field.place?.(this.seen);
    this.paint();
  }

  /** The slider moves: the latest value goes to the run, at most every SEND_EVERY ms. @param {Value} value */
  dragged(value) {
    this.take(value);
    this.paint();
    if (!this.item.live || this.waiting !== undefined || this.settings.past !== null) return;
    this.waiting = setTimeout(() => {
      this.waiting = undefined;
      this.settings.send(this);
    }, SEND_EVERY);
  }

  /** The setting was let go at a value. @param {Value} value */
  set(value) {
    if (this.item.rule === "fix") return;
    const changed = !same(value, this.seen) || this.waiting !== undefined;
    this.take(value);
    clearTimeout(this.waiting);
    this.waiting = undefined;
    const before = this.committed;
    this.show(value, true);
    // A drag has taken the value long before it is let go: what counts is what the script was told last.
    if (!changed && same(value, before)) return;
    bus.undo.add({ what: this.item.label, before, after: value, put: (one) => this.settings.put(this.id, one) });
    // To open or close an axis takes another run, which the script makes; the one that trains is left alone.
    if (!Array.isArray(value) && !Array.isArray(before)) this.settings.send(this);
    this.settings.commit();
  }

  /** Show a value that came from elsewhere, unless a hand is on the setting. @param {Value} value */
  show(value, force = false) {
    if (this.busy && !force) return;
    this.value = value;
    this.committed = value;
    this.field.place?.(this.seen);
    this.paint();
  }

  paint() {
    this.node.classList.toggle("changed", !same(this.seen, this.item.default));
    this.field.paint(this.seen);
  }

  /** Why a value is not taken. @param {string} sentence @param {boolean} [calm] - it is still being typed */
  say(sentence, calm = false) {
    this.message.textContent = sentence;
    this.message.classList.toggle("calm", calm);
    this.message.hidden = !sentence;
  }

  /** One of the first steps, which moves this setting. @param {Hint | undefined} hint */
  hint(hint) {
    const hide = () => bus.emit("hint", this.item.name);
    this.hinted.replaceChildren(...(hint ? [hintElement(hint, hide)] : []));
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    this.name.setAttribute("aria-expanded", String(!this.help.hidden));
  }
}
