// A grid to draw on: its cells (walls, start, goal, …) or a policy of arrows. Pointer and keyboard.
//
// Told to the script: `drawn` = { seq, rows, cols, text }, once a stroke is finished.

/** @import { Component } from "../shared/component.d.ts" */
/** @typedef {[row: number, col: number]} Cell */
/** What stands on the board. @typedef {{ rows: number, cols: number, cells: string[], arrows: string[] }} Drawn */
/**
 * `arrows` null: the cells are drawn, else a policy; `most` is the largest side, `names` say what letters mean.
 *
 * @typedef {{ rows: number, cols: number, cells: string, arrows: string | null,
 *   tools: { letter: string, label: string }[], names: Record<string, string>, seq: number, most: number }} GridData
 */

import { bus } from "../shared/bus.js";
import { patch, v } from "../shared/patch.js";

const ARROWS = "^>v<";
/** @type {Record<string, string>} */
const WAYS = { "^": "up", ">": "right", v: "down", "<": "left", ".": "any action" };
/** Where arrows lead, in the order of ARROWS. @type {Cell[]} */
const STEPS = [
  [-1, 0],
  [0, 1],
  [1, 0],
  [0, -1],
];
/** @type {Record<string, number>} */
const CURSOR = { ArrowUp: 0, ArrowRight: 1, ArrowDown: 2, ArrowLeft: 3 };
/** @type {Record<string, string>} */
const LETTERS = { w: "^", d: ">", s: "v", a: "<", ".": "." };
const EDGE = 0.06; // of a cell, around the grid

/** @type {WeakMap<Node, GridEditor>} */
const editors = new WeakMap();

/** @param {Component<GridData>} component */
export function mount(component) {
  const { parentElement } = component;
  const editor = editors.get(parentElement) ?? new GridEditor(component);
  editors.set(parentElement, editor);
  editor.update(component);
  return () => {
    editor.closed = true;
    editors.delete(parentElement);
  };
}

class GridEditor {
  /** @param {Component<GridData>} component */
  constructor(component) {
    this.root = /** @type {HTMLElement} */ (component.parentElement.querySelector(".grid_editor"));
    this.component = component;
    this.seq = -1;
    this.closed = false;
    this.rows = 0;
    this.cols = 0;
    this.policy = false;
    /** @type {string[]} */
    this.cells = [];
    /** @type {string[]} */
    this.arrows = [];
    this.tool = component.data.tools[0]?.letter ?? "";
    /** @type {Cell} */
    this.cursor = [0, 0];
    /** What the pointer draws now, and where. @type {{ last: Cell, moved: boolean, letter: string } | null} */
    this.stroke = null;
    /** What stood there before the stroke. @type {Drawn} */
    this.before = this.drawn;
    /** The cell of the cursor in words, for those who do not see it. */
    this.said = "";
  }

  /** @param {Component<GridData>} component */
  update(component) {
    this.component = component;
    const { data } = component;
    if (data.seq < this.seq) return;
    this.seq = data.seq;
    this.rows = data.rows;
    this.cols = data.cols;
    this.cells = [...data.cells];
    this.policy = data.arrows !== null;
    this.arrows = [...(data.arrows ?? "")];
    this.before = this.drawn;
    this.draw();
  }

  /** @returns {Drawn} */
  get drawn() {
    const { rows, cols, cells, arrows } = this;
    return { rows, cols, cells: [...cells], arrows: [...arrows] };
  }

  draw() {
    const { policy } = this;
    const tools = { class: "tools", role: "radiogroup", "aria-label": "what to draw" };
    const grow = (/** @type {"rows" | "cols"} */ side, /** @type {number} */ by, /** @type {string} */ label) =>
      v("button", { type: "button", onclick: () => this.grow(side, by) }, label);
    patch(this.root, [
      v(
        "div",
        tools,
        this.component.data.tools.map(({ letter, label }) => this.toolButton(letter, label)),
      ),
      this.drawing(),
      v(
        "div",
        { class: "tools", hidden: policy },
        grow("rows", 1, "Add a row"),
        grow("rows", -1, "Remove a row"),
        grow("cols", 1, "Add a column"),
        grow("cols", -1, "Remove a column"),
      ),
      v(
        "p",
        { class: "hint" },
        policy
          ? "Drag along a path, or click a cell to turn its arrow. " +
              "Keys: arrows move, W A S D set an arrow, . any action."
          : "Click or drag to draw; a click on a wall removes it. " +
              "Keys: arrows move, a letter draws it, . floor, # wall.",
      ),
      v("p", { class: "said", "aria-live": "polite" }, this.said),
    ]);
  }

  /** @param {string} letter @param {string} label */
  toolButton(letter, label) {
    const onclick = () => {
      this.tool = letter;
      this.draw();
    };
    const chosen = { role: "radio", "aria-checked": String(letter === this.tool), "data-letter": letter };
    return v("button", { type: "button", ...chosen, onclick }, `${letter === "." ? "·" : letter} ${label}`);
  }

  drawing() {
    const { rows, cols, policy } = this;
    const end = () => this.up();
    return v(
      "svg",
      {
        tabindex: 0,
        role: "application",
        "aria-label": policy ? "policy: one arrow per cell" : "grid: one letter per cell",
        viewBox: `${-EDGE} ${-EDGE} ${cols + 2 * EDGE} ${rows + 2 * EDGE}`,
        style: `--ratio:${cols / rows}`,
        onpointerdown: (event) => this.down(event, event.currentTarget),
        onpointermove: (event) => this.move(event, event.currentTarget),
        onpointerup: end,
        onpointercancel: end,
        onkeydown: (event) => this.key(event),
      },
      this.cells.map((letter, place) => this.cell(letter, Math.floor(place / cols), place % cols)),
    );
  }

  /** @param {string} letter @param {number} row @param {number} col */
  cell(letter, row, col) {
    const { policy } = this;
    const here = row === this.cursor[0] && col === this.cursor[1] ? " here" : "";
    const arrow = policy && letter !== "#" ? ARROWS.indexOf(this.arrows[row * this.cols + col]) : -1;
    const word = { x: col + (policy ? 0.2 : 0.5), y: row + (policy ? 0.26 : 0.54), "font-size": policy ? 0.34 : 0.6 };
    const turn = `translate(${col + 0.5} ${row + 0.5}) rotate(${90 * arrow})`;
    const box = { x: col + 0.03, y: row + 0.03, width: 0.94, height: 0.94 };
    return [
      v("rect", { ...box, class: `${letter === "#" ? "wall" : "floor"}${here}` }),
      letter !== "#" && letter !== "." && v("text", { ...word, class: "letter" }, letter),
      arrow >= 0 && v("path", { class: "arrow", transform: turn, d: "M0 .3V-.22M-.17 -.06L0 -.28L.17 -.06" }),
    ];
  }

  /** The cell at the pointer. @param {PointerEvent} event @param {Element} svg @returns {Cell | null} */
  cellAt(event, svg) {
    const { rows, cols } = this;
    const box = svg.getBoundingClientRect();
    const [width, height] = [cols + 2 * EDGE, rows + 2 * EDGE];
    const scale = Math.min(box.width / width, box.height / height);
    const left = box.left + (box.width - scale * width) / 2;
    const top = box.top + (box.height - scale * height) / 2;
    const row = Math.floor((event.clientY - top) / scale - EDGE);
    const col = Math.floor((event.clientX - left) / scale - EDGE);
    return row >= 0 && row < rows && col >= 0 && col < cols ? [row, col] : null;
  }

  /** @param {PointerEvent} event @param {SVGSVGElement} svg */
  down(event, svg) {
    const at = this.cellAt(event, svg);
    if (!at) return;
    event.preventDefault();
    svg.focus({ preventScroll: true }); // the page must not move under the pointer
    svg.setPointerCapture(event.pointerId);
    this.cursor = at;
    const letter = this.toDraw(at);
    this.stroke = { last: at, moved: false, letter };
    if (!this.policy) this.put(at, letter);
    this.draw();
  }

  /** @param {PointerEvent} event @param {SVGSVGElement} svg */
  move(event, svg) {
    const at = this.stroke && this.cellAt(event, svg);
    if (!at || !this.stroke) return;
    const { last, letter } = this.stroke;
    const [down, right] = [at[0] - last[0], at[1] - last[1]];
    if (!down && !right) return;
    const way = STEPS.findIndex((step) => step[0] === down && step[1] === right);
    if (!this.policy) this.put(at, letter);
    else if (way >= 0) this.put(last, ARROWS[way]);
    this.stroke = { last: at, moved: true, letter };
    this.cursor = at;
    this.draw();
  }

  up() {
    if (!this.stroke) return;
    const { last, moved } = this.stroke;
    if (this.policy && !moved) {
      const turns = `${ARROWS}.`;
      const now = turns.indexOf(this.arrows[last[0] * this.cols + last[1]]);
      this.put(last, turns[(now + 1) % turns.length]);
    }
    this.stroke = null;
    this.draw();
    this.commit();
  }

  /** What the tool draws into a cell: a wall that is there is taken away. @param {Cell} cell */
  toDraw([row, col]) {
    return this.tool === "#" && this.cells[row * this.cols + col] === "#" ? "." : this.tool;
  }

  /** @param {Cell} cell @param {string} letter */
  put([row, col], letter) {
    const place = row * this.cols + col;
    if (this.policy) {
      if (this.cells[place] !== "#") this.arrows[place] = letter;
      return;
    }
    // One start is enough: a second one takes its place.
    if (letter === "S") this.cells = this.cells.map((old) => (old === "S" ? "." : old));
    this.cells[place] = letter;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const letter = this.letterOf(event.key);
    if (event.key in CURSOR) {
      const [down, right] = STEPS[CURSOR[event.key]];
      const clamp = (/** @type {number} */ at, /** @type {number} */ most) => Math.min(most - 1, Math.max(0, at));
      this.cursor = [clamp(this.cursor[0] + down, this.rows), clamp(this.cursor[1] + right, this.cols)];
    } else if (letter === null) return;
    else {
      this.put(this.cursor, letter);
      this.commit();
    }
    event.preventDefault();
    event.stopPropagation();
    this.said = this.inWords();
    this.draw();
  }

  /** What a key draws, if anything. @param {string} key */
  letterOf(key) {
    if (this.policy) return LETTERS[key.toLowerCase()] ?? null;
    const letter = key === "Enter" || key === " " ? this.toDraw(this.cursor) : key.toUpperCase();
    return this.component.data.tools.some((tool) => tool.letter === letter) ? letter : null;
  }

  /** The cursor's cell in words. */
  inWords() {
    const [row, col] = this.cursor;
    const place = row * this.cols + col;
    const letter = this.cells[place];
    const arrow = this.policy && letter !== "#" ? `, ${WAYS[this.arrows[place]]}` : "";
    return `row ${row + 1}, column ${col + 1}: ${this.component.data.names[letter] ?? letter}${arrow}`;
  }

  /** Add or remove the last row or column. @param {"rows" | "cols"} side @param {number} by */
  grow(side, by) {
    const { cols, rows } = this;
    if (this[side] + by < 2 || this[side] + by > this.component.data.most) return;
    const lines = Array.from({ length: rows }, (_, r) => this.cells.slice(r * cols, (r + 1) * cols));
    const grown = by > 0 ? [...lines, Array(cols).fill("#")] : lines.slice(0, -1);
    const widened = lines.map((line) => (by > 0 ? [...line, "#"] : line.slice(0, -1)));
    this.cells = (side === "rows" ? grown : widened).flat();
    this[side] += by;
    this.draw();
    this.commit();
  }

  /** A stroke is finished: it can be taken back. */
  commit() {
    const [before, after] = [this.before, this.drawn];
    if (JSON.stringify(before) !== JSON.stringify(after))
      bus.undo.add({
        what: this.policy ? "policy" : "grid",
        before,
        after,
        told: (one) => (one === before ? "as before" : "as drawn"),
        put: (one) => this.restore(one),
      });
    this.before = after;
    this.tell();
  }

  /** @param {Drawn} drawn */
  restore({ rows, cols, cells, arrows }) {
    if (this.closed) return false;
    Object.assign(this, { rows, cols, cells: [...cells], arrows: [...arrows] });
    this.before = this.drawn;
    this.draw();
    this.tell();
    return true;
  }

  tell() {
    this.seq += 1;
    const text = (this.policy ? this.arrows : this.cells).join("");
    this.component.setStateValue("drawn", { seq: this.seq, rows: this.rows, cols: this.cols, text });
  }
}
