// Inside one update: the numbers of one transition on their way through the running algorithm, step by step, as the algorithm
// itself reports them. Looked at is the most usual row of the state and action that are selected, or any row of the data; what
// is chosen here is selected on the stage too, and the other way round. It asks again while the run trains.
//
// data: { assets }
import { bus } from "../shared/bus.js";
import { h, setText } from "../shared/dom.js";
import { integer, number, percent } from "../shared/format.js";
import { typeset } from "../shared/math.js";
import { RowPicker } from "./row_picker.js";

const EVERY = 700; // ms between questions while the run trains
const RECORDED =
  "This is a recording: it holds what the models became, not the data's rows. Train it live to look inside a transition.";
const views = new WeakMap();

export function mount(component) {
  const root = component.parentElement.querySelector(".transition");
  let view = views.get(root);
  if (!view) {
    view = new TransitionView(root);
    views.set(root, view);
  }
  return () => {
    view.close();
    views.delete(root);
  };
}

class TransitionView {
  constructor(root) {
    this.root = root;
    this.action = null; // chosen by hand; null: the most frequent one
    this.row = null; // chosen by hand; null: the most usual one of the pair
    this.shown = null;
    this.slow = 0; // steps uncovered in slow motion; 0: all at once
    this.title = h("p", { class: "where" });
    this.actions = h("div", { class: "actions", role: "radiogroup", "aria-label": "action" });
    this.picker = new RowPicker({ onRow: (row) => this.look({ row }) });
    this.steps = h("ol", { class: "steps" });
    this.toggle = h("button", { type: "button", class: "plain", onclick: () => this.setSlow(this.slow ? 0 : 1) });
    this.next = h(
      "button",
      { type: "button", class: "plain", onclick: () => this.setSlow(this.slow + 1) },
      "Next step",
    );
    this.body = h("div", { hidden: true }, this.actions, this.picker.node);
    root.replaceChildren(this.title, this.body, this.steps, h("div", { class: "motion" }, this.toggle, this.next));
    this.setSlow(0);
    this.visible = true;
    this.observer = new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      if (this.visible) this.soon(0);
    });
    this.observer.observe(root);
    this.off = [
      bus.on("hello", (hello) => this.begin(hello)),
      bus.on("static", (tables) => {
        this.counts = tables?.counts ?? null;
        this.soon(0);
      }),
      bus.on("viewing", (view) => this.view(view)),
      bus.on("frame", () => this.soon(EVERY)),
      bus.on("mark", () => this.soon(0)),
      bus.on("explain", (message) => {
        if (message.id === this.asked) this.show(message);
      }),
      bus.on("refused", ({ id, message }) => {
        if (id === this.asked && id !== null) this.refused(message);
      }),
      bus.on("close", () => this.say("There is no live run to look into at the moment.")),
    ];
  }

  begin(hello) {
    const { layout } = hello;
    this.names = Array.isArray(hello.actions)
      ? hello.actions
      : Array.from({ length: hello.actions }, (_, a) => `action ${a}`);
    this.dimensions = layout?.projection ? null : layout?.names;
    this.image = layout?.image ?? null;
    const { dataset, options } = hello.run?.config ?? {};
    const rows = JSON.stringify([dataset, options]);
    // A branch has the rows of its parent.
    if (rows !== this.rows) Object.assign(this, { rows, row: null });
    Object.assign(this, { action: null, shown: null });
    this.steps.replaceChildren();
    this.body.hidden = true;
    this.soon(0);
  }

  // The stage looks at something else. A row that was chosen here stays until another state is selected there.
  view({ member, state, action, step, name }) {
    const another = state !== this.state || (action !== null && action !== this.selected);
    const own = this.expected && this.expected.state === state && this.expected.action === action;
    const again = another || member !== this.member;
    Object.assign(this, { member, state, selected: action, seen: step, name, expected: null });
    if (another && !own) Object.assign(this, { row: null, action });
    if (again) this.soon(0);
    else this.where();
  }

  // Look at an action of the selected state, or at a row.
  look({ action = null, row = null }) {
    Object.assign(this, { action, row });
    if (row === null) this.choose(this.state, action);
    this.soon(0);
  }

  // Have the stage select the same.
  choose(state, action) {
    if (state === this.state && action === this.selected) return;
    this.expected = { state, action };
    bus.emit("choose", { state, action });
  }

  // Ask for the numbers, at most once in `wait` ms.
  soon(wait) {
    if (this.timer && wait > 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.ask();
    }, wait);
  }

  ask() {
    if (!this.visible || !this.names) return;
    if (bus.source && !bus.source.live) return this.say(RECORDED);
    if (!bus.connected || this.state === null || this.state === undefined) return;
    const what = this.row === null ? { state: this.state, action: this.action ?? this.usual() } : { row: this.row };
    this.asked = bus.send({ cmd: "explain", member: this.member ?? 0, ...what });
  }

  // The action that the data shows most often in this state.
  usual() {
    if (!this.counts) return 0;
    const row = Array.from(this.counts.subarray(this.state * this.names.length, (this.state + 1) * this.names.length));
    return Math.max(0, row.indexOf(Math.max(...row)));
  }

  async show({ step, data }) {
    const formulas = await typeset(data.steps.flatMap((one) => pieces(one.latex)));
    if (!this.root.isConnected) return;
    Object.assign(this, { step, data });
    if (this.row !== null && data.state >= 0) this.choose(data.state, data.action);
    this.body.hidden = false;
    this.pick(data);
    this.picker.show(data, {
      state: (s) => this.name?.(s) ?? String(s),
      action: (a) => this.names[a] ?? String(a),
      vector: (x) => this.vector(x),
      image: this.image,
    });
    this.where();
    const shape = JSON.stringify([data.state, data.action, data.steps.map((one) => one.name)]);
    if (shape !== this.shown) {
      this.shown = shape;
      this.steps.replaceChildren(
        ...data.steps.map((one) =>
          h(
            "li",
            { "data-step": one.name },
            h("span", { class: "title" }, one.title),
            h("span", { class: "formula" }),
            h("span", { class: "value" }),
          ),
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

  // What the numbers below are about, and when.
  where() {
    const { data, step, seen } = this;
    if (!data || this.body.hidden) return;
    const what = data.observation ? `row ${integer(data.row)}` : (this.name?.(data.state) ?? `s = ${data.state}`);
    const times = data.observation
      ? ""
      : data.in_data
        ? `${integer(data.count)} ${data.count === 1 ? "row" : "rows"} of the data`
        : "never in the data";
    const now = `the update after step ${integer(step)}`;
    const past =
      seen !== null && seen !== undefined && seen !== step && bus.state?.state !== "running"
        ? `, where the run stands (the picture shows step ${integer(seen)})`
        : "";
    setText(this.title, [what, this.names[data.action], times, now + past].filter(Boolean).join(" · "));
  }

  vector(x) {
    return x
      .map((value, d) => {
        const [, title, unit] = (this.dimensions?.[d] ?? "").match(/^(.*?)(?: \((.*)\))?$/);
        return [title, number(value), unit].filter(Boolean).join(" ");
      })
      .join(", ");
  }

  write(node, { name, value, latex }) {
    if (Array.isArray(value) && value.length === this.names.length && name !== "allowed") {
      const most = Math.max(...value.map(Math.abs), 1e-12);
      node.replaceChildren(
        ...value.map((x, a) =>
          h(
            "span",
            { class: "bar", title: `${this.names[a]}: ${number(x, 4)}` },
            h("i", { class: x < 0 ? "negative" : "", style: `height:${(100 * Math.abs(x)) / most}%` }),
          ),
        ),
      );
      node.setAttribute("role", "img");
      node.setAttribute("aria-label", value.map((x, a) => `${this.names[a]} ${number(x)}`).join(", "));
    } else if (name === "allowed")
      setText(
        node,
        value.length === this.names.length ? "all of them" : value.map((a) => this.names[a]).join(", ") || "none",
      );
    else if (name === "chosen") setText(node, this.names[value] ?? String(value));
    else if (name === "share") setText(node, percent(value));
    else setText(node, latex ? "" : Array.isArray(value) ? value.map((x) => number(x)).join(" → ") : number(value, 4));
  }

  // One button per action; the ones that the data never shows here are marked.
  pick({ state, action }) {
    const A = this.names.length;
    const count = (a) => (this.counts ? this.counts[state * A + a] : null);
    this.actions.replaceChildren(
      ...this.names.map((name, a) =>
        h(
          "button",
          {
            type: "button",
            role: "radio",
            "aria-checked": String(a === action),
            tabindex: a === action ? 0 : -1,
            class: count(a) === 0 ? "unseen" : "",
            title: count(a) === 0 ? `${name}: never in the data` : name,
            onclick: () => this.look({ action: a }),
            onkeydown: (event) => {
              const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
              if (!way) return;
              event.preventDefault();
              event.stopPropagation();
              this.refocus = true;
              this.look({ action: (a + way + A) % A });
            },
          },
          name,
        ),
      ),
    );
    if (this.refocus) this.actions.children[action]?.focus();
    this.refocus = false;
  }

  // Slow motion: one named step after the other.
  setSlow(count) {
    const all = this.steps.children.length;
    this.slow = count > all && all ? 0 : count;
    setText(this.toggle, this.slow ? "Show all steps" : "Slow motion: one step at a time");
    this.next.hidden = !this.slow;
    [...this.steps.children].forEach((row, i) => {
      row.hidden = this.slow > 0 && i >= this.slow;
      row.classList.toggle("now", this.slow > 0 && i === this.slow - 1);
    });
  }

  // A row that does not exist: what is shown stays.
  refused(message) {
    if (this.row === null) return this.say(message);
    this.row = this.data?.row ?? null;
    return this.picker.refuse(message);
  }

  say(sentence) {
    if (this.shown) return;
    this.body.hidden = true;
    setText(this.title, sentence);
  }

  close() {
    clearTimeout(this.timer);
    this.observer.disconnect();
    for (const off of this.off) off();
  }
}

// A formula cut before its equals signs, so that a long one may break into lines there.
function pieces(latex) {
  const parts = latex.split(/ (?==|\\to )/);
  const whole = (part) => part.split("{").length === part.split("}").length;
  return !latex ? [] : parts.every(whole) ? parts : [latex];
}
