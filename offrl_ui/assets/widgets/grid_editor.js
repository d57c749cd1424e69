// A grid to draw on: its cells (walls, start, goal, …) or a policy of arrows. Pointer and keyboard.
//
// data: { rows, cols, cells, arrows (null: draw cells), tools: [{ letter, label }], names: { letter: label }, seq, most (largest side) }
// State for the script: `drawn` = { seq, rows, cols, text }, once a stroke is finished.
import { h, setText } from "../shared/dom.js";

const editors = new WeakMap();
const ARROWS = "^>v<";
const WAYS = { "^": "up", ">": "right", v: "down", "<": "left", ".": "any action" };
const STEPS = { "^": [-1, 0], ">": [0, 1], v: [1, 0], "<": [0, -1] };
const NS = "http://www.w3.org/2000/svg";

export function mount(component) {
  const root = component.parentElement.querySelector(".grid_editor");
  let editor = editors.get(root);
  if (!editor) {
    editor = new GridEditor(root);
    editors.set(root, editor);
  }
  editor.update(component);
  return () => editors.delete(root);
}

class GridEditor {
  constructor(root) {
    this.root = root;
    this.seq = -1;
    this.cursor = [0, 0];
    this.tools = h("div", { class: "tools", role: "radiogroup", "aria-label": "what to draw" });
    this.sides = h(
      "div",
      { class: "tools" },
      ...[
        ["rows", 1, "Add a row"],
        ["rows", -1, "Remove a row"],
        ["cols", 1, "Add a column"],
        ["cols", -1, "Remove a column"],
      ].map(([side, way, label]) => h("button", { type: "button", onclick: () => this.grow(side, way) }, label)),
    );
    this.svg = document.createElementNS(NS, "svg");
    this.svg.setAttribute("tabindex", "0");
    this.svg.setAttribute("role", "application");
    this.hint = h("p", { class: "hint" });
    this.said = h("p", { class: "said", "aria-live": "polite" });
    root.replaceChildren(this.tools, this.svg, this.sides, this.hint, this.said);
    this.svg.onpointerdown = (event) => this.down(event);
    this.svg.onpointermove = (event) => this.move(event);
    this.svg.onpointerup = this.svg.onpointercancel = () => this.up();
    this.svg.onkeydown = (event) => this.key(event);
  }

  update(component) {
    this.component = component;
    const { data } = component;
    if (data.seq < this.seq) return;
    this.seq = data.seq;
    this.policy = data.arrows !== null;
    Object.assign(this, { rows: data.rows, cols: data.cols, most: data.most });
    this.cells = [...data.cells];
    this.arrows = this.policy ? [...data.arrows] : null;
    this.tool ??= data.tools[0]?.letter;
    this.tools.replaceChildren(
      ...data.tools.map(({ letter, label }) =>
        h(
          "button",
          {
            type: "button",
            role: "radio",
            "aria-checked": String(letter === this.tool),
            "data-letter": letter,
            onclick: () => {
              this.tool = letter;
              this.mark();
            },
          },
          `${letter === "." ? "·" : letter} ${label}`,
        ),
      ),
    );
    this.sides.hidden = this.policy;
    this.svg.setAttribute("aria-label", this.policy ? "policy: one arrow a cell" : "grid: one letter a cell");
    this.hint.textContent = this.policy
      ? "Drag along a way, or click a cell to turn its arrow. Keys: arrows move, W A S D set an arrow, . any action."
      : "Click or drag to draw. Keys: arrows move, a letter draws it, . floor, # wall.";
    this.draw();
  }

  mark() {
    for (const button of this.tools.children)
      button.setAttribute("aria-checked", String(button.dataset.letter === this.tool));
  }

  draw() {
    const { rows, cols, cells, arrows } = this;
    this.svg.setAttribute("viewBox", `-0.06 -0.06 ${cols + 0.12} ${rows + 0.12}`);
    this.svg.style.setProperty("--ratio", cols / rows);
    const parts = [];
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const letter = cells[r * cols + c];
        const here = r === this.cursor[0] && c === this.cursor[1] ? " here" : "";
        parts.push(
          `<rect class="${letter === "#" ? "wall" : "floor"}${here}" x="${c + 0.03}" y="${r + 0.03}" width=".94" height=".94"/>`,
        );
        if (letter !== "#" && letter !== ".")
          parts.push(
            `<text class="letter" x="${c + (arrows ? 0.2 : 0.5)}" y="${r + (arrows ? 0.26 : 0.54)}" font-size="${arrows ? 0.34 : 0.6}">${escape(letter)}</text>`,
          );
        const arrow = arrows?.[r * cols + c];
        if (letter !== "#" && arrow && arrow !== ".") {
          const turn = 90 * ARROWS.indexOf(arrow);
          parts.push(
            `<path class="arrow" transform="translate(${c + 0.5} ${r + 0.5}) rotate(${turn})" d="M0 .3V-.22M-.17 -.06L0 -.28L.17 -.06"/>`,
          );
        }
      }
    }
    this.svg.innerHTML = parts.join("");
  }

  cell(event) {
    const box = this.svg.getBoundingClientRect();
    const scale = Math.min(box.width / (this.cols + 0.12), box.height / (this.rows + 0.12));
    const left = box.left + (box.width - scale * (this.cols + 0.12)) / 2;
    const top = box.top + (box.height - scale * (this.rows + 0.12)) / 2;
    const at = [Math.floor((event.clientY - top) / scale - 0.06), Math.floor((event.clientX - left) / scale - 0.06)];
    return at[0] >= 0 && at[0] < this.rows && at[1] >= 0 && at[1] < this.cols ? at : null;
  }

  down(event) {
    const at = this.cell(event);
    if (!at) return;
    event.preventDefault();
    this.svg.focus({ preventScroll: true }); // the page must not move under the pointer
    this.svg.setPointerCapture(event.pointerId);
    this.cursor = at;
    this.stroke = { last: at, moved: false };
    if (!this.policy) this.put(at, this.tool);
    this.draw();
  }

  move(event) {
    const at = this.stroke && this.cell(event);
    if (!at || (at[0] === this.stroke.last[0] && at[1] === this.stroke.last[1])) return;
    const [dr, dc] = [at[0] - this.stroke.last[0], at[1] - this.stroke.last[1]];
    if (this.policy && Math.abs(dr) + Math.abs(dc) === 1)
      this.put(this.stroke.last, ARROWS[[..."^>v<"].findIndex((a) => STEPS[a][0] === dr && STEPS[a][1] === dc)]);
    if (!this.policy) this.put(at, this.tool);
    this.stroke = { last: at, moved: true };
    this.cursor = at;
    this.draw();
  }

  up() {
    if (!this.stroke) return;
    if (this.policy && !this.stroke.moved) {
      const turns = `${ARROWS}.`;
      const now = this.arrows[this.stroke.last[0] * this.cols + this.stroke.last[1]];
      this.put(this.stroke.last, turns[(turns.indexOf(now) + 1) % turns.length]);
    }
    this.stroke = null;
    this.draw();
    this.commit();
  }

  put([r, c], letter) {
    const place = r * this.cols + c;
    if (this.policy) {
      if (this.cells[place] !== "#") this.arrows[place] = letter;
      return;
    }
    // One start is enough: a second one would take its place.
    if (letter === "S")
      this.cells.forEach((old, i) => {
        if (old === "S") this.cells[i] = ".";
      });
    this.cells[place] = letter;
  }

  key(event) {
    const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (way) {
      this.cursor = [
        Math.min(this.rows - 1, Math.max(0, this.cursor[0] + way[0])),
        Math.min(this.cols - 1, Math.max(0, this.cursor[1] + way[1])),
      ];
    } else if (this.policy) {
      const letter = { w: "^", d: ">", s: "v", a: "<", ".": "." }[event.key.toLowerCase()];
      if (!letter) return;
      this.put(this.cursor, letter);
      this.commit();
    } else {
      const letter = event.key === "Enter" || event.key === " " ? this.tool : event.key.toUpperCase();
      if (![...this.tools.children].some((button) => button.dataset.letter === letter)) return;
      this.put(this.cursor, letter);
      this.commit();
    }
    event.preventDefault();
    event.stopPropagation();
    this.draw();
    this.say();
  }

  // The cursor's cell in words, for those who do not see it.
  say() {
    const [r, c] = this.cursor;
    const place = r * this.cols + c;
    const name = this.component.data.names[this.cells[place]] ?? this.cells[place];
    const arrow = this.policy && this.cells[place] !== "#" ? `, ${WAYS[this.arrows[place]]}` : "";
    setText(this.said, `row ${r + 1}, column ${c + 1}: ${name}${arrow}`);
  }

  grow(side, way) {
    const { rows, cols } = this;
    if (this[side] + way < 2 || this[side] + way > this.most) return;
    if (side === "rows") this.cells = way > 0 ? [...this.cells, ...Array(cols).fill("#")] : this.cells.slice(0, -cols);
    else {
      const lines = Array.from({ length: rows }, (_, r) => this.cells.slice(r * cols, (r + 1) * cols));
      this.cells = lines.flatMap((line) => (way > 0 ? [...line, "#"] : line.slice(0, -1)));
    }
    this[side] += way;
    this.draw();
    this.commit();
  }

  commit() {
    this.seq += 1;
    const text = (this.policy ? this.arrows : this.cells).join("");
    this.component.setStateValue("drawn", { seq: this.seq, rows: this.rows, cols: this.cols, text });
  }
}

const escape = (text) => text.replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
