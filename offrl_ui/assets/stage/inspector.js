// The selected state: one row per action with its numbers and bars. The table is also the text alternative of the
// picture.

import { contextOf, h, setText, textWidth } from "../shared/dom.js";
import { LEAST, integer, number, percent } from "../shared/format.js";
import { term } from "../shared/glossary.js";
import { drawAction } from "../shared/signs.js";
import { thetaText } from "../world/bars.js";
import { roundingOf } from "../world/modes.js";
import { drawDoseMap } from "./dose_map.js";

/**
 * @import { Layout } from "../run/protocol.d.ts"
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { Numbers, Span, Theme } from "../shared/types.d.ts"
 * @import { Scene } from "../world/scenes.d.ts"
 */

/** amount: 0 to the largest; share: 0 to 1; value: the common range of Q, Q*, Qπ; signed: around zero.
 * @typedef {"amount" | "share" | "value" | "signed"} BarKind */
/**
 * `width`: the pixels that its numbers need where many actions share the room (in the page's own font).
 * @typedef {object} Column
 * @property {string} key
 * @property {string} head
 * @property {string} term - the glossary's key
 * @property {string} help - what it is here
 * @property {BarKind | null} bar
 * @property {(value: number, rounding: number) => string} text
 * @property {number} width
 */
/** @typedef {{ td: HTMLElement, bar: HTMLElement | null, text: HTMLElement, drawn: string }} Cell */

/** @param {number} value */
const yesNo = (value) => (value ? "yes" : "no");
/** @param {number} value */
const plain = (value) => number(value);
/** @param {number} value @param {number} rounding */
const difference = (value, rounding) => number(value, 3, rounding);

/** @type {[key: string, head: string, term: string, help: string, BarKind | null, Column["text"], width: number][]} */
const DECLARED = [
  ["n", "n", "unseen", "rows of the data with this action in this state", "amount", integer, 30],
  ["beta", "π_β", "behavior-policy", "share of this action in the data", "share", percent, 34],
  ["behavior", "π̂_β", "behavior-policy", "the behaviour policy as the system has learned it", "share", percent, 47],
  ["allowed", "Ā", "abar", "whether the target's maximum may choose this action", null, yesNo, 24],
  ["q", "Q", "q", "learned action value", "value", plain, 42],
  ["truth", "Q*", "q-star", "exact optimal action value", "value", plain, 42],
  ["q_pi", "Qπ", "q-pi", "exact action value of the current policy", "value", plain, 42],
  ["advantages", "A", "advantage", "learned advantage", "signed", difference, 46],
  ["weights", "weight", "weight", "mean weight of this pair's rows in the loss", "amount", plain, 46],
  ["policy", "π_θ", "learned-policy", "learned policy", "share", percent, 40],
];
/** @type {Column[]} */
const COLUMNS = DECLARED.map(([key, head, term, help, bar, text, width]) => {
  return { key, head, term, help, bar, text, width };
});

// With more actions than this the tables get more height, then rows are low; with more than that there are two tables
// side by side where there is room for both.
const ROOMY = 5;
const DENSE = 6;
const MANY = 12;
const TWO_TABLES = 760;
const NARROW = 480;
// Widths are given for a font whose ten digits are as wide as this at 11 px.
const DIGITS = 54.7;

export class Inspector {
  /**
   * @param {HTMLElement} host
   * @param {Store} store
   * @param {HTMLElement} side - the column beside, which takes the map of the doses where the tables need all the room
   */
  constructor(host, store, side) {
    this.host = host;
    this.store = store;
    this.side = side;
    this.title = h("h3", { class: "inspector-title" });
    this.about = h("span");
    this.value = { number: h("span"), whole: h("span") };
    this.best = { number: h("span"), whole: h("span") };
    this.value.whole.append(" · ", term("v", "V", "learned"), " ", this.value.number);
    this.best.whole.append(" · ", term("v", "V*", "of the optimal policy, exact"), " ", this.best.number);
    this.detail = h("span", { class: "inspector-detail" }, this.about, this.value.whole, this.best.whole);
    const label = "Numbers of the selected state, one row per action";
    this.tables = h("div", { class: "inspector-scroll", tabindex: "0", role: "region", "aria-label": label });
    this.canvas = h("canvas", { class: "dose", width: "352", height: "352", "aria-hidden": "true" });
    this.caption = h("figcaption");
    this.dose = h("figure", { class: "dose-box", hidden: true }, this.canvas, this.caption);
    this.body = h("div", { class: "inspector-body" }, this.tables, this.dose);
    const meaning = "The parameters of Q, which is linear in features of state and action: Q(s,a) = θ·φ(s,a)";
    this.theta = h("p", { class: "inspector-theta", title: meaning, hidden: true });
    host.append(h("div", { class: "inspector-head" }, this.title, this.detail), this.theta, this.body);
    this.shape = "";
    /** @type {Theme | null} */
    this.theme = null;
    /** @type {{ row: HTMLElement, cells: Cell[] }[]} */
    this.rows = [];
    /** Columns that this run has had numbers for. @type {Set<string>} */
    this.seen = new Set();
    /** @type {object | null} */
    this.hello = null;
  }

  /**
   * Numbers of a column for the selected state, over the actions.
   * @param {string} key
   * @param {Frame | null} frame
   * @param {number} state
   * @param {number} member
   */
  column(key, frame, state, member) {
    const { store } = this;
    const { nActions: A } = store.run;
    /** @type {Record<string, Float32Array | Int32Array | null | undefined>} */
    const fixed = {
      n: store.static.counts,
      beta: store.static.behavior_policy,
      truth: store.truthHolds(member) ? store.static.q_star : null,
    };
    if (key in fixed) return fixed[key]?.subarray(state * A, (state + 1) * A) ?? null;
    return frame ? store.row(frame, key, member, state) : null;
  }

  /** How much wider than reckoned the page's font is. */
  scale() {
    return Math.max(textWidth("0123456789", `11px ${this.theme?.font ?? "sans-serif"}`) / DIGITS, 1);
  }

  /** @param {Column[]} columns @param {boolean} two - tables @param {boolean} narrow @param {Theme} theme */
  build(columns, two, narrow, theme) {
    const { actionNames, layout } = this.store.run;
    const many = actionNames.length > MANY;
    const short = many ? shorten(actionNames) : null;
    const shown = short?.names ?? actionNames;
    const scale = this.scale();
    const tight = many || narrow;
    const longest = Math.max(...shown.map((name) => textWidth(name, `${tight ? 11 : 13}px ${theme.font}`)));
    const nameWidth = tight ? Math.min(longest + (many ? 18 : 32), 110) : Math.min(longest + 40, 176);
    const widths = [nameWidth, ...columns.map((column) => (tight ? column.width * scale : 52))];
    const least = widths.reduce((sum, width) => sum + width, 0);
    this.rows = actionNames.map((name, a) => {
      const cells = columns.map(({ bar: kind }) => {
        const bar = kind ? h("i", { class: `bar ${kind}` }) : null;
        const text = h("span", { class: "cell-text" });
        return { td: h("td", {}, bar, text), bar, text, drawn: "" };
      });
      const glyph = actionGlyph(a, layout, theme);
      const head = h("th", { scope: "row", title: name, "aria-label": name }, glyph, h("span", {}, shown[a]));
      return { row: h("tr", {}, head, ...cells.map((cell) => cell.td)), cells };
    });
    const half = two ? Math.ceil(this.rows.length / 2) : this.rows.length;
    const parts = [this.rows.slice(0, half), this.rows.slice(half)].filter((part) => part.length);
    /** @param {number} width @param {number} i */
    const widthOf = (width, i) => (tight ? `width:${(100 * width) / least}%` : i ? "" : `width:${width}px`);
    const tables = parts.map((part) => {
      const heads = columns.map((column) => h("th", { scope: "col" }, term(column.term, column.head, column.help)));
      const first = h("th", { scope: "col", title: short?.title ?? "" }, short?.head ?? "action");
      const style = `min-width:${two ? 0 : (narrow ? 0.86 : 0.92) * least}px`;
      return h(
        "table",
        { class: "inspector-table", style },
        h("colgroup", {}, ...widths.map((width, i) => h("col", { style: widthOf(width, i) }))),
        h("thead", {}, h("tr", {}, first, ...heads)),
        h("tbody", {}, ...part.map(({ row }) => row)),
      );
    });
    this.tables.replaceChildren(...tables);
    this.host.classList.toggle("dense", actionNames.length > DENSE);
    this.host.classList.toggle("tight", tight);
    const stage = this.host.closest(".stage")?.classList;
    stage?.toggle("dense-actions", actionNames.length > ROOMY && !many);
    stage?.toggle("many-actions", many);
    this.dose.hidden = !layout.action_grid && !layout.image;
    (many ? this.side : this.body).append(this.dose);
    const axes = short?.title.replace(" · ", " ↓, ") ?? "rows × columns of the actions";
    setText(this.caption, layout.action_grid ? `the selected state: ${axes} →` : "");
  }

  /** @param {Frame} frame @param {Scene} scene @param {Theme} theme */
  update(frame, scene, theme) {
    const { store } = this;
    const { state, action, member } = store.view;
    if (!store.hello || state === null) return;
    const data = COLUMNS.map((column) => ({ column, values: this.column(column.key, frame, state, member) }));
    // A column that was there once stays: frames without exact values must not make the table jump.
    if (this.hello !== store.hello) this.seen = new Set();
    this.hello = store.hello;
    for (const { column, values } of data) if (values) this.seen.add(column.key);
    const shown = data.filter(({ column }) => this.seen.has(column.key));
    const { nActions: A, actionNames } = store.run;
    const two = A > MANY && this.host.clientWidth >= TWO_TABLES * this.scale();
    const narrow = this.host.clientWidth < NARROW;
    const shape = [...shown.map(({ column }) => column.key), ...actionNames, two, narrow].join();
    if (shape !== this.shape || theme !== this.theme) {
      this.shape = shape;
      this.theme = theme;
      this.build(
        shown.map(({ column }) => column),
        two,
        narrow,
        theme,
      );
    }
    this.heading(frame, scene.name(state), state, member);
    if (!this.dose.hidden) drawDoseMap(this.canvas, store, frame, theme, scene);
    const range = rangeOf(shown.flatMap(({ column, values }) => (column.bar === "value" && values ? [...values] : [])));
    const { counts } = store.static;
    const values = store.row(frame, "q", member, state) ?? frame.table("v", member)?.subarray(state, state + 1) ?? [];
    const rounding = roundingOf(values, A, store.usual);
    this.rows.forEach(({ row, cells }, a) => {
      const unseen = Boolean(counts && !counts[state * A + a]) && !store.terminal[state];
      row.classList.toggle("unseen", unseen);
      row.classList.toggle("picked", a === action);
      cells.forEach((cell, c) => {
        const { column, values: all } = shown[c];
        const value = all ? all[a] : NaN;
        setText(cell.text, column.text(value, rounding));
        if (column.bar) drawBar(cell, column.bar, value, all ?? [], range, rounding);
      });
    });
  }

  /** @param {Frame} frame @param {string} name @param {number} state @param {number} member */
  heading(frame, name, state, member) {
    const { store } = this;
    setText(this.title, store.terminal[state] ? `${name} ends the episode` : name);
    this.title.title = name;
    const parts = [];
    if (store.groups.length > 1 || store.run.members.length > 1) parts.push(memberLabel(store, member));
    const visits = store.visits[state];
    if (store.static.counts) parts.push(`${integer(visits)} ${visits === 1 ? "row" : "rows"} in the data`);
    setText(this.about, parts.join(" · "));
    const best = store.truthHolds(member) ? (store.static.v_star?.[state] ?? NaN) : NaN;
    for (const [part, value] of /** @type {const} */ ([
      [this.value, frame.table("v", member)?.[state] ?? NaN],
      [this.best, best],
    ])) {
      part.whole.hidden = !Number.isFinite(value);
      if (!part.whole.hidden) setText(part.number, number(value));
    }
    const theta = frame.table("theta", member);
    this.theta.hidden = !theta;
    if (theta) setText(this.theta, thetaText(theta));
  }
}

/** @param {number[]} values @returns {Span} */
function rangeOf(values) {
  const finite = values.filter(Number.isFinite);
  return [Math.min(0, ...finite), Math.max(0, ...finite)];
}

/**
 * Length and side of a bar; written only when it moved by a visible amount.
 * @param {Cell} cell
 * @param {BarKind} kind
 * @param {number} value
 * @param {Numbers} all - numbers of the column
 * @param {Span} range - of the values
 * @param {number} rounding - of differences: no larger ones have no bar
 */
function drawBar(cell, kind, value, all, range, rounding) {
  if (!cell.bar) return;
  let [from, to] = [0, 0];
  const infinite = Math.abs(value) === Infinity;
  if (infinite) to = 1;
  else if (Number.isFinite(value)) {
    const finite = Array.from(all).filter(Number.isFinite);
    if (kind === "share") to = value;
    else if (kind === "amount") to = value / Math.max(...finite, LEAST);
    else {
      const reach = Math.max(...finite.map(Math.abs), rounding);
      const [low, high] = kind === "value" ? range : [-reach, reach];
      const shown = kind === "signed" && Math.abs(value) <= rounding ? 0 : value;
      from = (Math.min(0, shown) - low) / Math.max(high - low, LEAST);
      to = (Math.max(0, shown) - low) / Math.max(high - low, LEAST);
    }
  }
  const drawn = `${from.toFixed(3)},${to.toFixed(3)},${infinite}`;
  if (cell.drawn === drawn) return;
  cell.drawn = drawn;
  cell.bar.style.left = `${(100 * from).toFixed(1)}%`;
  cell.bar.style.width = `${(100 * (Math.min(to, 1) - from)).toFixed(1)}%`;
  cell.bar.classList.toggle("negative", value < 0);
  cell.bar.classList.toggle("infinite", infinite);
}

/**
 * Names that are the same words with other numbers ("fluids 0, vasopressor 3") in short: their numbers, under the
 * words'
 * initials. Null where they are not.
 * @param {string[]} names
 */
export function shorten(names) {
  const parts = names.map((name) => name.split(/,\s*/).map((part) => part.match(/^(\D+?)\s*(\d+)$/) ?? ["", "", ""]));
  const words = parts[0].map(([, word]) => word);
  const alike = parts.every(
    (part) => part.length === words.length && part.every(([, word], i) => word && word === words[i]),
  );
  if (!alike) return null;
  return {
    names: parts.map((part) => part.map(([, , digits]) => digits).join("·")),
    head: words.map((word) => word[0]).join("·"),
    title: words.join(" · "),
  };
}

/** @param {Store} store @param {number} member */
export function memberLabel(store, member) {
  const { seed } = store.run.members[member] ?? {};
  const group = store.groupOf(member);
  const seeds = group.members.length > 1 ? `seed ${seed}` : "";
  return [store.groups.length > 1 ? group.label : "", seeds].filter(Boolean).join(", ");
}

/** @param {number} action @param {Layout} layout @param {Theme} theme */
function actionGlyph(action, layout, theme) {
  const canvas = h("canvas", { class: "glyph", width: "32", height: "32", "aria-hidden": "true" });
  drawAction(contextOf(canvas), action, layout, theme, [16, 16], 12);
  return canvas;
}
