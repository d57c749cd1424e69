// A grid world: values painted on a canvas; walks, arrows, pairs and names above them as SVG.

/** @import { Context, Corner, Drawn, TipRow } from "./drawing.d.ts" */
/** @import { Control, Grid, Layout, Numeral, Target } from "./protocol.d.ts" */

import { GridCells } from "../shared/grid.js";
import { v } from "../shared/patch.js";
import { arrowCorners, hatchStyle } from "../shared/signs.js";
import { amount, num } from "./axes.js";
import { colourScale, legendOf } from "./colours.js";
import { place } from "./frame.js";
import { around, Labels, labelText } from "./labels.js";
import { walks } from "./walks.js";

/** @param {readonly Corner[]} corners */
const outline = (corners) => `M${corners.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}Z`;

/** Where cells stand on the screen, and which state is where. */
class Cells {
  /** @param {Layout} layout @param {{ width: number, height: number }} room */
  constructor(layout, { width, height }) {
    this.layout = layout;
    this.grid = new GridCells(layout, layout.directions.length, 0);
    this.at = this.grid.fit({ x: 0, y: 0, width, height }, 0.1);
    this.size = this.at.size;
    /** The first cell of each state. */
    this.of = this.grid.cellOf;
  }

  /** The upper left corner of a cell. @param {number} cell */
  corner(cell) {
    return this.grid.cornerOf(this.at, cell);
  }

  /** @param {number} cell @returns {[x: number, y: number]} */
  centre(cell) {
    const [x, y] = this.corner(cell);
    return [x + this.size / 2, y + this.size / 2];
  }

  /** The corner of a state's first cell. @param {number} state */
  place(state) {
    return this.grid.corner(this.at, state);
  }

  /** The state at a place, or −1. @param {number} x @param {number} y */
  stateAt(x, y) {
    return this.grid.hit(this.at, [x, y])?.state ?? -1;
  }

  /**
   * The part of a cell that shows an action, with the cell's corner at (x, y).
   * @param {number} action
   * @param {number} x
   * @param {number} y
   */
  shape(action, x, y) {
    return this.grid.shapes[action].map(([a, b]) => /** @type {Corner} */ ([x + a * this.size, y + b * this.size]));
  }
}

/** @param {Grid} picture @param {Context} ctx @returns {Drawn} */
export function drawGrid(picture, ctx) {
  const { layout, selected } = picture;
  const cells = new Cells(layout, ctx);
  const labels = new Labels(ctx);
  const { size } = cells;
  const values = picture.action_values?.flat() ?? picture.state_values ?? [];
  const scale = colourScale(picture, values, ctx);
  for (const cell of layout.state_of_cell.keys()) {
    if (layout.state_of_cell[cell] < 0) continue;
    const [x, y] = cells.corner(cell);
    labels.block(x, y, x + size, y + size);
  }
  const control = ctx.control(picture.control);
  const { frame } = cells.at;
  const choose = (/** @type {Control} */ moved, /** @type {number} */ state) => {
    if (state >= 0) ctx.set({ [moved.name]: state }, true);
  };
  const nodes = [
    v("rect", {
      ...frame,
      class: "surface",
      onpointerdown: control && ((event) => choose(control, cells.stateAt(...ctx.pointer(event)))),
    }),
    walks(picture.paths, (path) => path.cells.map((cell) => cells.centre(cell)), ctx, size, labels),
    picture.policy && arrows(picture.policy, cells),
    picture.targets.map((t) => pair(t, cells, ctx, "pair")),
    signs(cells, labels, ctx.em),
    selected !== null &&
      cells.of.has(selected) && [looks(selected, picture, cells, ctx), selection(selected, picture, cells, ctx)],
  ];
  const unseen = picture.action_values !== null && Boolean(picture.seen?.some((row) => row.some((ok) => !ok)));
  return {
    nodes: [nodes, labels.nodes()],
    probe(px, py) {
      const state = cells.stateAt(px, py);
      if (state < 0) return null;
      const title = nameOf(picture, state);
      const rows = tipRows(state, picture, scale.of, ctx);
      return { x: px, y: py, line: null, title, rows, overlay: looks(state, picture, cells, ctx) };
    },
    paint: (pen, ratio) => paint(pen, ratio, picture, cells, scale.of, ctx),
    legend: legendOf(
      values.length ? scale : null,
      { name: picture.value_label, hatch: unseen, paths: picture.paths },
      ctx,
    ),
  };
}

/** @param {Grid} picture @param {number} state */
const nameOf = (picture, state) => labelText(picture.state_names[state] ?? `state ${state}`);

/** @param {Grid} picture @param {number} state @param {number} action */
const isSeen = ({ seen }, state, action) => seen === null || seen[state][action];

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} ratio
 * @param {Grid} picture
 * @param {Cells} cells
 * @param {(value: number) => string} colour
 * @param {Context} ctx
 */
function paint(pen, ratio, picture, cells, colour, { theme }) {
  const hatch = hatchStyle(pen, theme, ratio);
  const { size, layout } = cells;
  const { frame } = cells.at;
  pen.fillStyle = theme.wall;
  pen.fillRect(frame.x, frame.y, frame.width, frame.height);
  layout.state_of_cell.forEach((state, cell) => {
    if (state < 0) return;
    const [x, y] = cells.corner(cell);
    const whole = num(picture.state_values?.[state]);
    pen.fillStyle = Number.isFinite(whole) ? colour(whole) : theme.background;
    pen.fillRect(x, y, size + 0.4, size + 0.4);
    picture.action_values?.[state].forEach((raw, action) => {
      const value = num(raw);
      const shape = new Path2D(outline(cells.shape(action, x, y)));
      pen.fillStyle = colour(value);
      if (Number.isFinite(value)) pen.fill(shape);
      pen.fillStyle = hatch;
      if (!isSeen(picture, state, action)) pen.fill(shape);
      pen.strokeStyle = theme.background;
      pen.lineWidth = 0.6;
      pen.stroke(shape);
    });
    pen.strokeStyle = theme.line;
    pen.lineWidth = 0.7;
    pen.strokeRect(x, y, size, size);
  });
}

/**
 * The outline of a marked pair.
 * @param {Target} target
 * @param {Cells} cells
 * @param {Context} ctx
 * @param {string} name
 */
const pair = ({ state, action, color }, cells, ctx, name) =>
  v("path", { d: outline(cells.shape(action, ...cells.place(state))), class: name, stroke: ctx.colour(color) });

/**
 * From a cell to the pairs that its targets read.
 * @param {number} state
 * @param {Grid} picture
 * @param {Cells} cells
 * @param {Context} ctx
 */
function looks(state, picture, cells, ctx) {
  const [x0, y0] = cells.centre(cells.of.get(state) ?? 0);
  return picture.targets
    .filter((t) => t.sources.includes(state))
    .map((t) => {
      const corners = cells.shape(t.action, ...cells.place(t.state));
      const middle = (/** @type {0 | 1} */ i) => corners.reduce((sum, c) => sum + c[i], 0) / corners.length;
      const [cx, cy] = [middle(0), middle(1)];
      const d = `M${x0},${y0}L${cx.toFixed(1)},${cy.toFixed(1)}`;
      const colour = ctx.colour(t.color);
      return v(
        "g",
        {},
        pair(t, cells, ctx, "pair strong"),
        v("path", { d, class: "look-halo" }),
        v("path", { d, class: "look", stroke: colour }),
        v("circle", { cx, cy, r: cells.size * 0.1, class: "look-end", fill: colour }),
      );
    });
}

/**
 * @param {number} state
 * @param {Grid} picture
 * @param {(value: number) => string} colour
 * @param {Context} ctx
 * @returns {TipRow[]}
 */
function tipRows(state, picture, colour, ctx) {
  const { action_values: q, state_values: values, policy } = picture;
  const { actions } = ctx.theme;
  const name = (/** @type {number} */ a) => labelText(picture.action_names[a] ?? `action ${a}`);
  const value = values
    ? [{ colour: colour(num(values[state])), name: picture.value_label, text: amount(values[state]) }]
    : [];
  const ofActions = q?.[state].map((raw, a) => {
    const text = amount(raw) + (isSeen(picture, state, a) ? "" : " – not in the data");
    return { colour: actions[a], name: name(a), text };
  });
  const likely = (policy?.[state] ?? []).flatMap((p, a) =>
    num(p) > 0 ? [{ colour: actions[a], name: `π ${name(a)}`, text: amount(p, "", 3) }] : [],
  );
  const targets = picture.targets
    .filter((t) => t.sources.includes(state))
    .map((t) => ({ colour: ctx.colour(t.color), name: `its target reads: ${t.label}`, text: "" }));
  return [...(ofActions ?? value), ...likely, ...targets];
}

/**
 * A policy: in each cell an arrow per action, as long as the action is likely.
 * @param {readonly (readonly Numeral[])[]} policy
 * @param {Cells} cells
 */
function arrows(policy, cells) {
  const { layout, size } = cells;
  return layout.state_of_cell.flatMap((state, cell) => {
    if (state < 0) return [];
    const [x, y] = cells.centre(cell);
    return layout.directions.map(([down, right], a) => {
      const p = num(policy[state][a]);
      const norm = Math.hypot(down, right);
      if (!(p > 0.02) || norm === 0) return null;
      const [dx, dy] = [right / norm, down / norm];
      const [length, w] = [size * 0.46 * Math.sqrt(p), Math.max(size * 0.1, 1.5)];
      return v("path", { d: outline(arrowCorners(x, y, dx, dy, length, w)), class: "arrow" });
    });
  });
}

/**
 * The letters of a world, and what they mean beside them.
 * @param {Cells} cells
 * @param {Labels} labels
 * @param {number} em
 */
function signs(cells, labels, em) {
  const { layout, size } = cells;
  const meaning = new Map(layout.labels);
  return layout.state_of_cell.map((state, cell) => {
    const sign = layout.cells[cell];
    if (state < 0 || sign === "." || sign === " ") return null;
    const [x, y] = cells.centre(cell);
    const corners = [
      place(x - size / 2, y + size / 2 + em, "start"),
      place(x + size / 2, y - size / 2 - em * 0.4, "end"),
      place(x - size / 2, y - size / 2 - em * 0.4, "start"),
      place(x + size / 2, y + size / 2 + em, "end"),
    ];
    labels.put(meaning.get(sign) ?? "", "mark-label", [...around(x, y, size / 2, em).slice(4), ...corners]);
    const style = `font-size:${Math.max(size * 0.48, 9).toFixed(1)}px`;
    return v("text", { x, y: y + size * 0.17, class: "sign-letter", style, "text-anchor": "middle" }, sign);
  });
}

/** @type {Record<string, readonly [dx: number, dy: number]>} */
const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/**
 * The chosen state, moved by keys.
 * @param {number} state
 * @param {Grid} picture
 * @param {Cells} cells
 * @param {Context} ctx
 */
function selection(state, picture, cells, ctx) {
  const [x, y] = cells.place(state);
  const control = ctx.control(picture.control);
  return v("rect", {
    key: "selected",
    x: x + 1,
    y: y + 1,
    width: cells.size - 2,
    height: cells.size - 2,
    class: "selected",
    tabindex: control ? 0 : null,
    role: control ? "slider" : null,
    "aria-label": control ? control.text : null,
    "aria-valuenow": state,
    "aria-valuemin": control?.low,
    "aria-valuemax": control?.high,
    "aria-valuetext": nameOf(picture, state),
    onkeydown: (event) => {
      const step = STEPS[event.key];
      if (!step || !control) return;
      event.preventDefault();
      event.stopPropagation();
      const next = cells.grid.neighbour(state, ...step);
      if (next !== state) ctx.set({ [control.name]: next }, true);
    },
  });
}
