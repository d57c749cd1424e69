// One transition through an update: its numbers on their way through the running algorithm, step by step, as the
// algorithm itself reports them. Looked at is the most usual row of the state and action that are selected, or any row
// of the data; what is chosen here is selected on the stage too, and the other way round. It asks again while the run
// trains.

/** @import { Component } from "../shared/component.d.ts" */
/** @import { ExplainedStep, Explanation, Hello } from "../run/protocol.d.ts" */
/** @import { Viewing } from "../shared/bus.js" */

import { bus } from "../shared/bus.js";
import { h, setText } from "../shared/dom.js";
import { integer, number, percent } from "../shared/format.js";
import { typeset } from "../shared/math.js";
import { inWords, ownNames } from "../shared/vectors.js";
import { RowPicker } from "./row_picker.js";

const EVERY = 700; // ms between questions while the run trains
const SCRUBBING = 250; // ms between questions while the timeline is moved
const RECORDED =
  "This is a recording: it holds what the models became, not the data's rows. " +
  "Train it live to look inside a transition.";

/** @type {Record<string, number>} */
const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** @type {WeakMap<Node, TransitionView>} */
const views = new WeakMap();

/** @param {Component<object>} component */
export function mount({ parentElement }) {
  const view = views.get(parentElement) ?? new TransitionView(parentElement);
  views.set(parentElement, view);
  return () => {
    view.close();
    views.delete(parentElement);
  };
}

class TransitionView {
  /** @param {ParentNode} parent */
  constructor(parent) {
    this.root = /** @type {HTMLElement} */ (parent.querySelector(".transition"));
    /** Chosen by hand; null: the most frequent one. @type {number | null} */
    this.action = null;
    /** Chosen by hand; null: the most usual one of the pair. @type {number | null} */
    this.row = null;
    /** Which steps are shown, and of what. */
    this.shown = "";
    /** Steps uncovered in slow motion; 0: all at once. */
    this.slow = 0;
    /** What the stage looks at. @type {Viewing | null} */
    this.viewing = null;
    /** What the stage has been asked to select. @type {{ state: number, action: number | null } | null} */
    this.expected = null;
    /** @type {{ step: number, data: Explanation } | null} */
    this.answer = null;
    /** Names of the actions; empty before a run. @type {string[]} */
    this.names = [];
    /** Names of an observation's numbers. @type {string[]} */
    this.dimensions = [];
    /** @type {readonly [number, number] | null} */
    this.image = null;
    /** How often the data has each pair. @type {ArrayLike<number> | null} */
    this.counts = null;
    /** What was done in each probe. @type {ArrayLike<number> | null} */
    this.done = null;
    /** The data that the rows belong to. */
    this.dataset = "";
    /** The number of the question that waits for its answer. @type {number | null} */
    this.asked = null;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.timer = null;
    this.refocus = false;
    this.visible = true;
    this.title = h("p", { class: "where" });
    this.actions = h("div", { class: "actions", role: "radiogroup", "aria-label": "action" });
    this.picker = new RowPicker((row) => this.look({ row }));
    this.steps = h("ol", { class: "steps" });
    this.toggle = h("button", { type: "button", onclick: () => this.setSlow(this.slow ? 0 : 1) });
    this.next = h("button", { type: "button", onclick: () => this.setSlow(this.slow + 1) }, "Next step");
    this.body = h("div", { hidden: true }, this.actions, this.picker.node);
    this.root.replaceChildren(this.title, this.body, this.steps, h("div", { class: "motion" }, this.toggle, this.next));
    this.setSlow(0);
    this.observer = new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      if (this.visible) this.soon(0);
    });
    this.observer.observe(this.root);
    this.off = [
      bus.on("hello", (hello) => this.begin(hello)),
      bus.on("static", (tables) => {
        this.counts = tables?.counts ?? null;
        this.done = tables?.probe_actions ?? null;
        this.soon(0);
      }),
      bus.on("viewing", (viewing) => this.view(viewing)),
      bus.on("frame", () => {
        if (!this.viewing?.past) this.soon(EVERY);
      }),
      bus.on("mark", () => this.soon(0)),
      bus.on("explain", ({ id, step, data }) => {
        if (id === this.asked) this.show(step, data);
      }),
      bus.on("refused", ({ id, message }) => {
        if (id !== null && id === this.asked) this.refused(message);
      }),
      bus.on("close", () => this.say("There is no live run to look into at the moment.")),
    ];
  }

  /** A run begins. @param {Hello} hello */
  begin({ actions, layout, run }) {
    this.names = Array.isArray(actions) ? actions : Array.from({ length: actions }, (_, a) => `action ${a}`);
    this.dimensions = layout.kind === "plane" ? ownNames(layout) : [];
    this.image = layout.image ?? null;
    const dataset = JSON.stringify([run.config.dataset, run.config.options]);
    // A branch has the rows of its parent.
    if (dataset !== this.dataset) this.row = null;
    this.dataset = dataset;
    this.action = null;
    this.shown = "";
    this.steps.replaceChildren();
    this.body.hidden = true;
    this.soon(0);
  }

  /**
   * The stage looks at something else. A row that was chosen here stays until another state is selected there.
   *
   * @param {Viewing} viewing
   */
  view(viewing) {
    const { state, action } = viewing;
    const before = this.viewing;
    const another = state !== before?.state || (action !== null && action !== before?.action);
    const own = this.expected?.state === state && this.expected.action === action;
    this.viewing = viewing;
    this.expected = null;
    if (another && !own) {
      this.row = null;
      this.action = action;
    }
    if (another || viewing.member !== before?.member) this.soon(0);
    else if (viewing.past !== before?.past || (viewing.past && viewing.step !== before.step)) this.soon(SCRUBBING);
    else this.where();
  }

  /** Look at an action of the selected state, or at a row. @param {{ action?: number, row?: number }} what */
  look({ action, row }) {
    this.action = action ?? null;
    this.row = row ?? null;
    const state = this.viewing?.state ?? null;
    if (this.row === null && state !== null) this.choose(state, this.action);
    this.soon(0);
  }

  /** Have the stage select the same. @param {number} state @param {number | null} action */
  choose(state, action) {
    if (state === this.viewing?.state && action === this.viewing.action) return;
    this.expected = { state, action };
    bus.emit("choose", { state, action });
  }

  /** Ask for the numbers, at most once in `wait` ms. @param {number} wait */
  soon(wait) {
    if (this.timer !== null && wait > 0) return;
    clearTimeout(this.timer ?? undefined);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.ask();
    }, wait);
  }

  ask() {
    if (!this.visible || !this.names.length) return;
    if (bus.source && !bus.source.live) {
      this.say(RECORDED);
      return;
    }
    const { state, member, step, past } = this.viewing ?? { state: null, member: 0, step: null, past: false };
    if (!bus.connected || state === null) return;
    const what = this.row === null ? { state, action: this.action ?? this.usual(state) } : { row: this.row };
    this.asked = bus.send({ cmd: "explain", member, ...what, ...(past && step !== null ? { step } : {}) });
  }

  /**
   * How often the data has an action in a state; null where nobody knows.
   * @param {number} state
   * @param {number} action
   */
  count(state, action) {
    return this.counts ? this.counts[state * this.names.length + action] : null;
  }

  /** The action that the data shows most often in this state, or in this probe. @param {number} state */
  usual(state) {
    if (this.done) return this.done[state];
    const counts = this.names.map((_, action) => this.count(state, action) ?? 0);
    return counts.indexOf(Math.max(...counts));
  }

  /** @param {number} step @param {Explanation} data */
  async show(step, data) {
    const formulas = await typeset(data.steps.flatMap((one) => pieces(one.latex)));
    if (!this.root.isConnected) return;
    this.answer = { step, data };
    if (this.row !== null && data.state >= 0) this.choose(data.state, data.action);
    this.body.hidden = false;
    this.pick(data);
    this.picker.show(data, {
      state: (s) => this.viewing?.name(s) ?? String(s),
      action: (a) => this.names[a] ?? String(a),
      vector: (x) => inWords(x, this.dimensions),
      image: this.image,
    });
    this.where();
    const shape = JSON.stringify([data.state, data.action, data.steps.map((one) => one.name)]);
    if (shape !== this.shown) {
      this.shown = shape;
      const parts = ["formula", "value"].map((name) => () => h("span", { class: name }));
      this.steps.replaceChildren(
        ...data.steps.map(({ name, title }) =>
          h("li", { "data-step": name }, h("span", { class: "title" }, title), ...parts.map((part) => part())),
        ),
      );
      this.setSlow(this.slow ? 1 : 0);
    }
    data.steps.forEach((one, i) => {
      const [, formula, value] = this.steps.children[i].children;
      const made = pieces(one.latex)
        .map((piece) => formulas.get(piece) ?? "")
        .join(" ");
      if (formula.innerHTML !== made) formula.innerHTML = made;
      this.write(value, one);
    });
  }

  /** What the numbers below are about, and when. */
  where() {
    if (!this.answer || this.body.hidden) return;
    const { step, data } = this.answer;
    const state = this.viewing?.name(data.state) ?? `s = ${data.state}`;
    const what = data.observation ? `row ${integer(data.row ?? 0)}` : state;
    const rows = `${integer(data.count)} ${data.count === 1 ? "row" : "rows"} of the data`;
    const counted = this.counts && !data.observation; // of vectors hardly any occurs twice
    const times = !counted ? "" : data.in_data ? rows : "never in the data";
    const now = `the update after step ${integer(step)}`;
    setText(this.title, [what, this.names[data.action], times, now].filter(Boolean).join(" · "));
  }

  /** The number of a step. @param {Element} node @param {ExplainedStep} step */
  write(node, { name, value, latex }) {
    const list = Array.isArray(value) ? value : null;
    const one = list ? NaN : Number(value);
    if (name === "allowed" && list) {
      const all = list.length === this.names.length;
      setText(node, all ? "all of them" : list.map((a) => this.names[a]).join(", ") || "none");
    } else if (list?.length === this.names.length) this.bars(node, list);
    else if (name === "chosen") setText(node, this.names[one] ?? String(value));
    else if (name === "share") setText(node, percent(one));
    else setText(node, latex ? "" : list ? list.map((x) => number(x)).join(" → ") : number(one, 4));
  }

  /** A bar per action. @param {Element} node @param {number[]} values */
  bars(node, values) {
    const most = Math.max(...values.map(Math.abs), 1e-12);
    const bars = values.map((x, a) => {
      const height = `height:${(100 * Math.abs(x)) / most}%`;
      const bar = h("i", { class: x < 0 ? "negative" : "", style: height });
      return h("span", { class: "bar", title: `${this.names[a]}: ${number(x, 4)}` }, bar);
    });
    node.replaceChildren(...bars);
    node.setAttribute("role", "img");
    node.setAttribute("aria-label", values.map((x, a) => `${this.names[a]} ${number(x)}`).join(", "));
  }

  /** One button per action; the ones that the data never shows here are marked. @param {Explanation} data */
  pick({ state, action }) {
    const buttons = this.names.map((name, a) => {
      const unseen = this.count(state, a) === 0;
      return h(
        "button",
        {
          type: "button",
          role: "radio",
          "aria-checked": String(a === action),
          tabindex: a === action ? 0 : -1,
          class: unseen ? "unseen" : "",
          title: unseen ? `${name}: never in the data` : name,
          onclick: () => this.look({ action: a }),
          onkeydown: (event) => {
            if (!(event.key in KEYS)) return;
            event.preventDefault();
            event.stopPropagation();
            this.refocus = true;
            this.look({ action: (a + KEYS[event.key] + this.names.length) % this.names.length });
          },
        },
        name,
      );
    });
    this.actions.replaceChildren(...buttons);
    if (this.refocus) buttons[action]?.focus();
    this.refocus = false;
  }

  /** Slow motion: one named step after the other. @param {number} count */
  setSlow(count) {
    const rows = [...this.steps.children];
    this.slow = rows.length && count > rows.length ? 0 : count;
    setText(this.toggle, this.slow ? "Show all steps" : "Slow motion: one step at a time");
    this.next.hidden = !this.slow;
    rows.forEach((row, i) => {
      row.toggleAttribute("hidden", this.slow > 0 && i >= this.slow);
      row.classList.toggle("now", this.slow > 0 && i === this.slow - 1);
    });
  }

  /** A row that does not exist: what is shown stays. @param {string} message */
  refused(message) {
    if (this.row === null) {
      this.say(message);
      return;
    }
    this.row = this.answer?.data.row ?? null;
    this.picker.refuse(message);
  }

  /** @param {string} sentence */
  say(sentence) {
    if (this.shown) return;
    this.body.hidden = true;
    setText(this.title, sentence);
  }

  close() {
    clearTimeout(this.timer ?? undefined);
    this.observer.disconnect();
    for (const off of this.off) off();
  }
}

/** A formula cut before its equals signs, so that a long one may break into lines there. @param {string} latex */
export function pieces(latex) {
  const parts = latex.split(/ (?==|\\to )/);
  const whole = parts.every((part) => part.split("{").length === part.split("}").length);
  return !latex ? [] : whole ? parts : [latex];
}
