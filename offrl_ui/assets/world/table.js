// The states of a log whose world nobody described: a row for each, with its name, and a column for each action. The
// most visited states come first, or those from which the log's returns were highest; what does not fit stands on
// further pages.

import { integer, number } from "../shared/format.js";
import { drawAction, fitted, hatchStyle } from "../shared/signs.js";
import { onGround, outlined } from "./marks.js";

/**
 * @import { TableLayout } from "../run/protocol.d.ts"
 * @import { Store } from "../run/store.js"
 * @import { Box, Pen, Point, Theme } from "../shared/types.d.ts"
 * @import { Outline, Painted, Scene } from "./scenes.d.ts"
 */

/**
 * The cells: where they begin, their size, how many rows of them, the room of the names of states and actions, and of
 * the number at the end of a row. `flat`: the actions' names are written from left to right.
 * @typedef {Box & { rows: number, label: number, head: number, flat: boolean, number: number }} TablePlace
 */

/** The orders of the rows, by their name in links. @type {[key: string, text: string, title: string][]} */
export const ORDERS = [
  ["visits", "most visited first", "by the rows of the log in each state"],
  ["value", "highest value first", "by the mean return that was recorded from each state on, at the data's discount"],
];

// A row is at least so high, and at most; in small worlds side by side it is lower and has no names.
const ROW = { least: 17, most: 64, small: 8 };
const SMALL = 240;
const WIDEST = 170;
const LETTER = 6.9;
const NUMBER = 56;
const NUMBERED = { width: 48, height: 16 };
const FONT = 11.5;

/** @implements {Scene<TablePlace>} */
export class TableScene {
  /** @param {Store} store @param {TableLayout} layout */
  constructor(store, layout) {
    this.store = store;
    this.layout = layout;
    this.A = store.run.nActions;
    this.aspect = 1.4;
    this.at = new Map(layout.order.map((state, i) => [state, i]));
    /** Rows of a page, and the place of its first one in the order. */
    this.rows = 1;
    this.first = 0;
    /** A key of ORDERS. */
    this.by = store.view.order === "value" && layout.by_value.length ? "value" : "visits";
    this.order = this.by === "value" ? layout.by_value : layout.order;
    this.place = new Map(this.order.map((state, i) => [state, i]));
    /** Letters of the longest name. */
    this.longest = this.order.reduce((most, state) => Math.max(most, this.name(state).length), 0);
  }

  /** @param {number} first - place in the order of the row that is to stand first; whether another does then */
  turn(first) {
    const before = this.first;
    this.first = Math.max(Math.min(first, this.order.length - this.rows), 0);
    return this.first !== before;
  }

  /** Show the page that a state stands on; whether it is another. @param {number} state */
  reveal(state) {
    const place = this.place.get(state);
    if (place === undefined || (place >= this.first && place < this.first + this.rows)) return false;
    return this.turn(Math.floor(place / this.rows) * this.rows);
  }

  /** Which states are shown, in words. */
  get sentence() {
    const { first, rows, order } = this;
    const all = this.store.run.nStates;
    if (rows >= all) return `all ${integer(all)} states`;
    const which = this.by === "value" ? "of highest value" : "most visited";
    if (!first && this.layout.value.length) return `the ${integer(rows)} ${which} of ${integer(all)} states`;
    return `states ${integer(first + 1)} to ${integer(Math.min(first + rows, order.length))} of ${integer(all)}`;
  }

  /** Whether there are rows before the first one that is shown, and after the last. */
  get more() {
    return [this.first > 0, this.first + this.rows < this.order.length];
  }

  /** @param {Box} box @returns {TablePlace} */
  geometry(box) {
    const { A, order } = this;
    const small = box.width < SMALL;
    const label = small ? 4 : Math.min(this.longest * LETTER + 12, box.width * 0.32);
    const wide = box.width - label > 300 ? NUMBER : 0;
    const width = Math.min((box.width - label - wide - 2) / A, WIDEST);
    const action = Math.max(...this.store.run.actionNames.map((name) => name.length)) * LETTER;
    const flat = action + 8 <= width;
    const head = small ? 2 : flat ? 24 : Math.min(action + 10, 84);
    const room = box.height - head - 2;
    const rows = Math.min(Math.max(Math.floor(room / (small ? ROW.small : ROW.least)), 1), order.length);
    const height = Math.min(room / rows, ROW.most);
    this.rows = rows;
    this.turn(this.first);
    return { x: box.x + label, y: box.y + head, width, height, rows, label, head, flat, number: wide };
  }

  /** The states that are shown, with the top of their row. @param {TablePlace} geo @returns {[number, number][]} */
  shown(geo) {
    const states = this.order.slice(this.first, this.first + geo.rows);
    return states.map((state, i) => [state, geo.y + i * geo.height]);
  }

  /** @param {Pen} pen @param {TablePlace} geo @param {Painted} what */
  draw(pen, geo, { values, scale, theme, perState }) {
    const { A } = this;
    for (const [state, y] of this.shown(geo)) {
      if (this.store.terminal[state]) continue;
      for (let a = 0; a < (perState ? 1 : A); a++) {
        const value = values[perState ? state : state * A + a];
        if (Number.isNaN(value)) continue;
        pen.fillStyle = scale.colour(value, theme.dark);
        pen.fillRect(geo.x + a * geo.width, y, perState ? A * geo.width : geo.width, geo.height);
      }
    }
  }

  /** Into each cell that is large enough. @param {Pen} pen @param {TablePlace} geo @param {Painted} what */
  drawNumbers(pen, geo, { values, theme, perState }) {
    if (geo.width < NUMBERED.width || geo.height < NUMBERED.height) return;
    const { A } = this;
    pen.font = `11px ${theme.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const [state, top] of this.shown(geo)) {
      if (this.store.terminal[state]) continue;
      for (let a = 0; a < (perState ? 1 : A); a++) {
        const value = values[perState ? state : state * A + a];
        if (Number.isNaN(value)) continue;
        const [x, y] = [geo.x + ((perState ? A : 2 * a + 1) * geo.width) / 2, top + geo.height / 2];
        onGround(pen, number(value), x, y, 14, theme);
      }
    }
  }

  /** @param {Pen} pen @param {TablePlace} geo @param {Theme} theme @param {number} ratio @param {boolean} small */
  drawStatic(pen, geo, theme, ratio, small) {
    const { A } = this;
    const { counts } = this.store.static;
    const shown = this.shown(geo);
    if (counts) {
      pen.beginPath();
      for (const [state, y] of shown) {
        if (this.store.terminal[state]) continue;
        for (let a = 0; a < A; a++)
          if (!counts[state * A + a]) pen.rect(geo.x + a * geo.width, y, geo.width, geo.height);
      }
      pen.fillStyle = hatchStyle(pen, theme, ratio, Math.min(geo.width, geo.height));
      pen.fill();
    }
    pen.fillStyle = theme.line;
    for (const [state, y] of shown) if (this.store.terminal[state]) pen.fillRect(geo.x, y, A * geo.width, geo.height);
    if (Math.min(geo.width, geo.height) >= 9) {
      pen.strokeStyle = theme.background;
      pen.lineWidth = 1;
      pen.beginPath();
      for (const [, y] of shown) for (let a = 0; a < A; a++) pen.rect(geo.x + a * geo.width, y, geo.width, geo.height);
      pen.stroke();
    }
    if (small || geo.label < 10) return;
    pen.textBaseline = "middle";
    for (const [state, y] of shown) this.drawRow(pen, geo, state, y + geo.height / 2, theme);
    this.drawActions(pen, geo, theme);
  }

  /** A row's name, and how often the log visits the state or what it was worth there.
   * @param {Pen} pen @param {TablePlace} geo @param {number} state @param {number} y @param {Theme} theme */
  drawRow(pen, geo, state, y, theme) {
    const { store, layout } = this;
    pen.font = `${FONT}px ${theme.font}`;
    pen.textAlign = "right";
    pen.fillStyle = theme.text;
    pen.fillText(fitted(pen, this.name(state), geo.label - 8), geo.x - 6, y);
    pen.font = `10.5px ${theme.font}`;
    pen.fillStyle = theme.muted;
    if (store.terminal[state]) {
      pen.textAlign = "left";
      pen.fillText(fitted(pen, "ends the episode", this.A * geo.width - 12), geo.x + 8, y);
      pen.textAlign = "right";
    }
    if (!geo.number) return;
    const value = layout.value[this.at.get(state) ?? -1];
    const text = this.by === "value" ? number(value) : integer(store.visits[state]);
    pen.fillText(text, geo.x + this.A * geo.width + geo.number - 4, y);
  }

  /** The head of the table. @param {Pen} pen @param {TablePlace} geo @param {Theme} theme */
  drawActions(pen, geo, theme) {
    const { actionNames, layout } = this.store.run;
    // Where columns are narrower than a line of type, not every name has room.
    const every = geo.flat ? 1 : Math.ceil(FONT / geo.width);
    pen.font = `${FONT}px ${theme.font}`;
    for (let a = 0; a < this.A; a += every) {
      const middle = geo.x + (a + 0.5) * geo.width;
      pen.fillStyle = theme.text;
      if (geo.flat) {
        const half = pen.measureText(actionNames[a]).width / 2;
        const signed = 2 * half + 24 <= geo.width;
        pen.textAlign = "center";
        pen.fillText(actionNames[a], middle + (signed ? 8 : 0), geo.y - 12);
        if (signed) drawAction(pen, a, layout, theme, [middle - half - 4, geo.y - 12], 6);
        continue;
      }
      pen.save();
      pen.translate(middle, geo.y - 6);
      pen.rotate(-Math.PI / 2);
      pen.textAlign = "left";
      pen.fillText(fitted(pen, actionNames[a], geo.head - 8), 0, 0);
      pen.restore();
    }
    if (!geo.number) return;
    pen.font = `10.5px ${theme.font}`;
    pen.fillStyle = theme.muted;
    pen.textAlign = "right";
    pen.fillText(this.by === "value" ? "value" : "rows", geo.x + this.A * geo.width + geo.number - 4, geo.y - 12);
  }

  /** The top of a state's row; null where it is not on this page. @param {TablePlace} geo @param {number} state */
  top(geo, state) {
    const row = (this.place.get(state) ?? -1) - this.first;
    return row >= 0 && row < geo.rows ? geo.y + row * geo.height : null;
  }

  /** @param {Pen} pen @param {TablePlace} geo @param {number} state @param {Outline} style */
  outline(pen, geo, state, style) {
    const y = this.top(geo, state);
    if (y === null) return;
    const { action } = style;
    outlined(pen, style, () => {
      pen.strokeRect(geo.x, y, geo.width * this.A, geo.height);
      if (action !== null) pen.strokeRect(geo.x + action * geo.width, y, geo.width, geo.height);
    });
  }

  /** @param {Pen} pen @param {TablePlace} geo @param {number} state @param {Theme} theme */
  markDifference(pen, geo, state, theme) {
    const y = this.top(geo, state);
    if (y === null) return;
    pen.beginPath();
    pen.arc(geo.x - 1, y + geo.height / 2, 2.5, 0, 2 * Math.PI);
    pen.fillStyle = theme.warning;
    pen.fill();
  }

  /** A cell; or the state alone, at its name. @param {TablePlace} geo @param {number} x @param {number} y */
  hit(geo, x, y) {
    const row = Math.floor((y - geo.y) / geo.height);
    const state = this.order[this.first + row];
    if (row < 0 || row >= geo.rows || state === undefined) return null;
    const action = Math.floor((x - geo.x) / geo.width);
    if (x < geo.x - geo.label || action >= this.A) return null;
    return { state, action: action < 0 || this.store.terminal[state] ? null : action };
  }

  /** What the log calls a state. @param {number} state */
  name(state) {
    const label = this.layout.labels[this.at.get(state) ?? -1] ?? String(state);
    return /^[−-]?\d+(\.\d+)?$/.test(label) ? `state ${label}` : label;
  }

  /** The row above or below; sideways, as many rows as a page has. @param {number} state @param {number} dx
   * @param {number} dy */
  neighbour(state, dx, dy) {
    const place = (this.place.get(state) ?? 0) + dy + dx * this.rows;
    return this.order[Math.min(Math.max(place, 0), this.order.length - 1)];
  }
}
