// Settings made from declarations: dataset options and hyperparameters. A live one acts on the run while it is being
// dragged (over the bus, without a script rerun); the script hears of a change when the control is let go. While the
// stage shows an earlier step, letting go makes a branch from there: what is changed is what is looked at.
//
// Told to the script: `changed` = { scope, seq, values: { section: { name: value } } }, absolute, so that none is lost.

/** @import { Component } from "../shared/component.d.ts" */
/** @import { Condition, SettingsData, Value } from "./declared.d.ts" */
/** @import { Command } from "../run/protocol.d.ts" */
/** @import { Hint } from "../shared/bus.js" */
/** @import { SharedControl } from "../shared/share_dialog.js" */

import { bus } from "../shared/bus.js";
import { h, setText } from "../shared/dom.js";
import { integer } from "../shared/format.js";
import { same } from "../shared/slider.js";
import { Setting } from "./setting.js";
import { UndoBar } from "./undo_bar.js";

/** Words as HTML. @param {string} text */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** @type {WeakMap<Node, Settings>} */
const mounted = new WeakMap();

/** @param {Component<SettingsData>} component */
export function mount(component) {
  const { parentElement } = component;
  const settings = mounted.get(parentElement) ?? new Settings(component);
  mounted.set(parentElement, settings);
  settings.update(component);
  return () => {
    settings.close();
    mounted.delete(parentElement);
  };
}

/** Sections of settings, and what they send where. */
export class Settings {
  /** @param {Component<SettingsData>} component */
  constructor(component) {
    this.root = /** @type {HTMLElement} */ (component.parentElement.querySelector(".settings"));
    this.component = component;
    this.data = component.data;
    this.shape = "";
    this.seq = 0;
    this.closed = false;
    /** `section.name` → its setting. @type {Map<string, Setting>} */
    this.rows = new Map();
    /** Live values set while no run was connected. @type {Map<string, Setting>} */
    this.unsent = new Map();
    /** The number of a message → its setting, to place a refusal. @type {Map<number, Setting>} */
    this.asked = new Map();
    /** The earlier step that the stage shows, if it does. @type {number | null} */
    this.past = null;
    /** The first steps that have not been taken, by what they are about. @type {Record<string, Hint>} */
    this.hints = {};
    const branches = "The values that were in force there. Changing one branches off from that step.";
    this.note = h("span", { class: "earlier", role: "status", title: branches });
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.later = undefined;
    /** Where the values of a run are set, there they are taken back. @type {UndoBar | null} */
    this.bar = this.data.sections.some(({ run }) => run) ? new UndoBar() : null;
    this.off = [
      bus.on("hello", () => this.meetRun()),
      bus.on("hyperparameters", ({ lane, name, value }) => this.adopt(lane, name, value)),
      bus.on("mark", () => {
        this.lookBack();
        this.commitSoon();
      }),
      bus.on("viewing", ({ step, past }) => {
        this.past = past ? step : null;
        this.lookBack();
      }),
      bus.on("hints", (hints) => {
        this.hints = hints;
        this.hint();
      }),
      bus.on("refused", ({ id, message }) => {
        if (id !== null) this.asked.get(id)?.say(message);
      }),
    ];
  }

  /** @param {Component<SettingsData>} component */
  update(component) {
    const first = this.shape === "";
    const before = this.data;
    const { data } = component;
    this.component = component;
    this.data = data;
    const sections = data.sections.map((s) => [s.id, s.title, s.note, s.items.map(({ value, ...rest }) => rest)]);
    const shape = JSON.stringify([data.scope, sections]);
    const stale = data.scope === before.scope && data.seq < this.seq;
    if (shape !== this.shape) {
      this.shape = shape;
      this.build();
    } else if (!stale) {
      for (const section of data.sections)
        for (const item of section.items) this.rows.get(`${section.id}.${item.name}`)?.show(item.value);
    }
    this.seq = Math.max(this.seq, data.seq);
    for (const [id, row] of this.rows) if (data.refused[id]) row.say(data.refused[id]);
    this.arrange();
    bus.controls.set(this, this.controls);
    if (bus.hello && (first || data.run !== before.run)) this.meetRun();
    this.hint();
    this.lookBack();
  }

  /** What can be moved here, for whoever shares it. @returns {SharedControl[]} */
  get controls() {
    const items = this.data.sections.flatMap((section) => section.items);
    return items.flatMap(({ part, symbol, label }) =>
      part ? [{ name: part, label: `${symbol} ${escaped(label)}`, text: label }] : [],
    );
  }

  /** A first step stands at the setting that it moves. */
  hint() {
    for (const [id, row] of this.rows) {
      const own = this.data.sections.some((section) => section.run && id === `${section.id}.${row.item.name}`);
      row.hint(own ? this.hints[row.item.name] : undefined);
    }
  }

  /** While the stage shows an earlier step, the values that were in force there. */
  lookBack() {
    const then = this.past === null ? {} : bus.valuesAt(this.data.lane, this.past);
    for (const section of this.data.sections)
      for (const { name, live } of section.run ? section.items : [])
        if (live) this.rows.get(`${section.id}.${name}`)?.lookBack(then[name] ?? null);
    setText(this.note, this.past === null ? "" : `as at step ${integer(this.past)}`);
    this.arrange();
  }

  /** Settings that have no effect under the present choices are put away, and directions measured under others. */
  arrange() {
    const rows = [...this.rows.values()];
    /** @param {Condition | null | undefined} condition */
    const holds = (condition) => {
      const other = condition && rows.find((row) => row.item.name === condition[0]);
      return !condition || !other || condition[1].includes(other.seen);
    };
    for (const row of rows) {
      row.node.hidden = !holds(row.item.needs) || row.item.rule === "hide";
      row.node.classList.toggle("undirected", !holds(row.item.effect?.where));
    }
    for (const { id, items, note } of this.data.sections) {
      const node = this.root.querySelector(`details[data-id="${id}"]`);
      if (node instanceof HTMLElement) node.hidden = !note && items.every(({ rule }) => rule === "hide");
    }
  }

  build() {
    const folded = new Map([...this.root.querySelectorAll("details")].map((d) => [d.dataset.id, !d.open]));
    this.rows.clear();
    this.unsent.clear();
    const sections = this.data.sections.filter(({ items, note }) => items.length || note);
    const ofRun = sections.find(({ run }) => run);
    this.root.replaceChildren(
      ...(this.bar ? [this.bar.node] : []),
      ...sections.map((section) => {
        const rows = section.items.map((item) => new Setting(this, section, item));
        for (const row of rows) this.rows.set(`${section.id}.${row.item.name}`, row);
        const open = !(folded.get(section.id) ?? section.folded ?? false);
        return h(
          "details",
          { class: "section", "data-id": section.id, open },
          h("summary", {}, section.title, section === ofRun ? this.note : null),
          section.note ? h("p", { class: "note" }, section.note) : null,
          ...rows.map(({ node }) => node),
        );
      }),
    );
  }

  /** A live value on its way: to the run at once, or into a branch. @param {Setting} row */
  send(row) {
    const { name, live } = row.item;
    if (!live) return;
    if (Array.isArray(row.value)) return; // an axis is trained by another run, which the script makes
    const change = { lane: this.data.lane, values: { [name]: row.value } };
    /** @type {Command} */
    const command = this.past === null ? { cmd: "set", ...change } : { cmd: "branch", step: this.past, ...change };
    const id = bus.connected ? bus.send(command) : null;
    if (id === null) {
      this.unsent.set(name, row);
      return;
    }
    this.asked.set(id, row);
    const [oldest] = this.asked.keys();
    if (this.asked.size > 64) this.asked.delete(oldest);
  }

  /** A setting was let go: the script and the link hear of it. */
  commit() {
    this.arrange();
    this.seq += 1;
    const values = Object.fromEntries(
      this.data.sections.map(({ id, items }) => [
        id,
        Object.fromEntries(items.map(({ name }) => [name, this.rows.get(`${id}.${name}`)?.value])),
      ]),
    );
    this.component.setStateValue("changed", { scope: this.data.scope, seq: this.seq, values });
  }

  /** Let a setting go at a value, as a hand would; false where it is not here. @param {string} id
   * @param {Value} value */
  put(id, value) {
    const row = this.rows.get(id);
    if (!row || this.closed || row.item.rule) return false;
    row.set(value);
    return true;
  }

  /** Whether the run on the stage is the one that these settings are made for: the stage hears of another one first. */
  get met() {
    return bus.hello?.run.id === this.data.run;
  }

  /**
   * A run said hello, or the settings are its own by now: it gets what was set meanwhile, and everything else is taken
   * over from it (a branch brings its own values).
   */
  meetRun() {
    if (this.shape === "" || !this.met) return; // it asks again once there are rows, and these are of that run
    const waiting = new Map(this.unsent);
    this.unsent.clear();
    for (const declared of bus.hyperparameters(this.data.lane))
      if (!waiting.has(declared.name)) this.adopt(this.data.lane, declared.name, declared.value);
    for (const row of waiting.values()) this.send(row);
  }

  /** Take over what a run has. @param {number} lane @param {string} name @param {Value | null | undefined} value */
  adopt(lane, name, value) {
    if (!this.met || lane !== this.data.lane || value === undefined || value === null) return;
    for (const section of this.data.sections) {
      const row = section.run ? this.rows.get(`${section.id}.${name}`) : undefined;
      if (!row?.item.live || row.busy || Array.isArray(row.value) || same(row.value, value)) continue;
      row.show(value);
      this.commitSoon();
    }
  }

  /** The run has seen a change, at a step that the link names: the script writes the link once it has settled. */
  commitSoon() {
    if (!this.met) return;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.commit(), 400);
  }

  close() {
    this.closed = true;
    this.bar?.stop();
    bus.controls.delete(this);
    clearTimeout(this.later);
    for (const off of this.off) off();
  }
}
