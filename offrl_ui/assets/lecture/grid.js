// A grid world: values painted on a canvas; walks, arrows, pairs and names above them as SVG.

import { v } from "../shared/patch.js";
import { amount, num } from "./axes.js";
import { colourScale, legendOf } from "./colours.js";
import { Labels, around, labelText } from "./labels.js";
import { hatchStyle } from "../shared/palette.js";

// The corners of an action's triangle in the cell at (x, y), by the direction it intends; the middle for staying.
function actionCorners([dr, dc], x, y, s) {
  const [cx, cy] = [x + s / 2, y + s / 2];
  if (dr === 0 && dc === 0) return [-1, 1].flatMap((i) => [-i, i].map((j) => [cx + s * 0.16 * j, cy + s * 0.16 * i]));
  const edge =
    dr < 0
      ? [
          [x, y],
          [x + s, y],
        ]
      : dr > 0
        ? [
            [x, y + s],
            [x + s, y + s],
          ]
        : dc > 0
          ? [
              [x + s, y],
              [x + s, y + s],
            ]
          : [
              [x, y],
              [x, y + s],
            ];
  return [[cx, cy], ...edge];
}

const middleOf = (corners) => [0, 1].map((i) => corners.reduce((sum, c) => sum + c[i], 0) / corners.length);
const outline = (corners) => `M${corners.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}Z`;

// Rows and columns of walls around everything else take room and say nothing.
function inner(layout) {
  const there = layout.state_of_cell
    .map((state, k) => [Math.floor(k / layout.cols), k % layout.cols, state])
    .filter(([, , state]) => state >= 0);
  const [rows, cols] = [there.map(([r]) => r), there.map(([, c]) => c)];
  const [top, left] = [Math.min(...rows), Math.min(...cols)];
  return { top, left, rows: Math.max(...rows) - top + 1, cols: Math.max(...cols) - left + 1 };
}

// Where cells stand, and which state is where.
function geometry(layout, { width, height }) {
  const part = inner(layout);
  const s = Math.floor(Math.min(width / part.cols, height / part.rows) * 10) / 10;
  const [left, top] = [(width - s * part.cols) / 2, (height - s * part.rows) / 2];
  const place = (k) => [left + ((k % layout.cols) - part.left) * s, top + (Math.floor(k / layout.cols) - part.top) * s];
  const cellOf = new Map();
  layout.state_of_cell.forEach((state, k) => state >= 0 && !cellOf.has(state) && cellOf.set(state, k));
  const stateAt = (px, py) => {
    const [i, j] = [Math.floor((px - left) / s), Math.floor((py - top) / s)];
    return i < 0 || j < 0 || i >= part.cols || j >= part.rows
      ? -1
      : layout.state_of_cell[(j + part.top) * layout.cols + i + part.left];
  };
  const centre = (k) => place(k).map((at) => at + s / 2);
  return { s, left, top, right: left + s * part.cols, bottom: top + s * part.rows, place, centre, cellOf, stateAt };
}

export function drawGrid(picture, ctx) {
  const { layout } = picture;
  const { em } = ctx;
  const g = geometry(layout, ctx);
  const { s } = g;
  const labels = new Labels(ctx);
  const values = picture.action_values?.flat() ?? picture.state_values ?? [];
  const scale = colourScale({ ...picture, log: false }, values, ctx);
  const seen = (state, a) => picture.seen === null || picture.seen[state][a];
  const paint = (pen, ratio) => {
    const hatch = hatchStyle(pen, ctx.theme, ratio);
    pen.fillStyle = ctx.theme.wall;
    pen.fillRect(g.left, g.top, g.right - g.left, g.bottom - g.top);
    layout.state_of_cell.forEach((state, k) => {
      if (state < 0) return;
      const [x, y] = g.place(k);
      const whole = num(picture.state_values?.[state] ?? null);
      pen.fillStyle = Number.isFinite(whole) ? scale.of(whole) : ctx.theme.background;
      pen.fillRect(x, y, s + 0.4, s + 0.4);
      if (picture.action_values) {
        layout.directions.forEach((direction, a) => {
          const value = num(picture.action_values[state][a]);
          const shape = new Path2D(outline(actionCorners(direction, x, y, s)));
          if (Number.isFinite(value)) {
            pen.fillStyle = scale.of(value);
            pen.fill(shape);
          }
          if (!seen(state, a)) {
            pen.fillStyle = hatch;
            pen.fill(shape);
          }
          pen.strokeStyle = ctx.theme.background;
          pen.lineWidth = 0.6;
          pen.stroke(shape);
        });
      }
      pen.strokeStyle = ctx.theme.line;
      pen.lineWidth = 0.7;
      pen.strokeRect(x, y, s, s);
    });
  };
  const pair = (t) => {
    const corners = actionCorners(layout.directions[t.action], ...g.place(g.cellOf.get(t.state)), s);
    return { corners, node: v("path", { d: outline(corners), class: "pair", stroke: ctx.colour(t.color) }) };
  };
  // From a cell to the pairs that its targets read.
  const looks = (state) =>
    picture.targets
      .filter((t) => t.sources.includes(state))
      .map((t) => {
        const { corners } = pair(t);
        const [[x0, y0], [x1, y1]] = [g.centre(g.cellOf.get(state)), middleOf(corners)];
        const d = `M${x0},${y0}L${x1.toFixed(1)},${y1.toFixed(1)}`;
        return v(
          "g",
          {},
          v("path", { d: outline(corners), class: "pair strong", stroke: ctx.colour(t.color) }),
          v("path", { d, class: "look-halo" }),
          v("path", { d, class: "look", stroke: ctx.colour(t.color) }),
          v("circle", { cx: x1, cy: y1, r: s * 0.1, class: "look-end", fill: ctx.colour(t.color) }),
        );
      });
  layout.state_of_cell.forEach((state, k) => {
    if (state >= 0) {
      const [x, y] = g.place(k);
      labels.block(x, y, x + s, y + s);
    }
  });
  const control = ctx.control(picture.control);
  const nodes = [
    v("rect", {
      x: g.left,
      y: g.top,
      width: g.right - g.left,
      height: g.bottom - g.top,
      class: "surface",
      onpointerdown:
        control &&
        ((event) => {
          const state = g.stateAt(...ctx.pointer(event));
          if (state >= 0) ctx.set({ [control.name]: state }, true);
        }),
    }),
    walks(picture.paths, (path) => path.cells.map(g.centre), ctx, { size: s, labels }),
    picture.policy && arrows(picture, g, ctx),
    picture.targets.map((t) => pair(t).node),
    signs(layout, g, labels, em),
    picture.selected !== null &&
      g.cellOf.has(picture.selected) && [looks(picture.selected), selection(picture, g, control, ctx)],
  ];
  const probe = (px, py) => {
    const state = g.stateAt(px, py);
    if (state < 0) return null;
    const rows = [];
    if (picture.action_values) {
      picture.action_values[state].forEach((q, a) =>
        rows.push({
          colour: ctx.actions[a],
          name: labelText(picture.action_names[a] ?? `action ${a}`),
          text: amount(q) + (seen(state, a) ? "" : " – not in the data"),
        }),
      );
    } else if (picture.state_values)
      rows.push({
        colour: scale.of(num(picture.state_values[state])),
        name: picture.value_label,
        text: amount(picture.state_values[state]),
      });
    if (picture.policy)
      picture.policy[state].forEach(
        (p, a) =>
          num(p) > 0 &&
          rows.push({
            colour: ctx.actions[a],
            name: `π ${labelText(picture.action_names[a] ?? `action ${a}`)}`,
            text: amount(p, "", 3),
          }),
      );
    picture.targets
      .filter((t) => t.sources.includes(state))
      .forEach((t) =>
        rows.push({ colour: ctx.colour(t.color), name: `its target reads: ${labelText(t.label)}`, text: "" }),
      );
    return {
      x: px,
      y: py,
      line: false,
      title: labelText(picture.state_names[state] ?? `state ${state}`),
      rows,
      overlay: looks(state),
    };
  };
  const legend = values.length ? legendOf(scale, picture.value_label, "") : { name: "", stops: null };
  legend.hatch =
    picture.seen !== null && picture.action_values !== null && picture.seen.some((row) => row.some((ok) => !ok));
  legend.paths = legendOfPaths(picture.paths, ctx);
  return { nodes: [...nodes, labels.nodes()], probe, paint, legend };
}

// What a colour of line means is said once.
export function legendOfPaths(paths, ctx) {
  const named = new Map(paths.filter((p) => p.name).map((p) => [`${p.color}|${p.dash}|${p.name}`, p]));
  return [...named.values()].map((p) => ({ name: p.name, colour: ctx.colour(p.color), dash: p.dash }));
}

// A policy: in each cell an arrow per action, as long as the action is likely.
function arrows(picture, g, ctx) {
  const { layout, policy } = picture;
  return layout.state_of_cell.flatMap((state, k) =>
    state < 0
      ? []
      : layout.directions.map(([dr, dc], a) => {
          const p = num(policy[state][a]);
          if (!(p > 0.02) || (dr === 0 && dc === 0)) return null;
          const norm = Math.hypot(dr, dc);
          const [dx, dy] = [dc / norm, dr / norm];
          const [x, y] = g.centre(k);
          const [length, w] = [g.s * 0.46 * Math.sqrt(p), Math.max(g.s * 0.1, 1.5)];
          const at = (along, across) => [x + dx * along - dy * across, y + dy * along + dx * across];
          const neck = Math.max(length - 2.2 * w, 0);
          return v("path", {
            d: outline([
              at(0, w / 2),
              at(neck, w / 2),
              at(neck, 1.3 * w),
              at(length, 0),
              at(neck, -1.3 * w),
              at(neck, -w / 2),
              at(0, -w / 2),
            ]),
            class: "arrow",
          });
        }),
  );
}

// The letters of a world, and what they mean beside them.
function signs(layout, g, labels, em) {
  const meaning = new Map(layout.labels);
  return layout.state_of_cell.map((state, k) => {
    const sign = layout.cells[k];
    if (state < 0 || sign === "." || sign === " ") return null;
    const [x, y] = g.centre(k);
    if (meaning.has(sign))
      labels.put(
        meaning.get(sign),
        "mark-label",
        around(x, y, g.s / 2, em)
          .slice(4)
          .concat([
            [x - g.s / 2, y + g.s / 2 + em, "start"],
            [x + g.s / 2, y - g.s / 2 - em * 0.4, "end"],
            [x - g.s / 2, y - g.s / 2 - em * 0.4, "start"],
            [x + g.s / 2, y + g.s / 2 + em, "end"],
          ]),
      );
    return v(
      "text",
      {
        x,
        y: y + g.s * 0.17,
        class: "sign-letter",
        style: `font-size:${Math.max(g.s * 0.48, 9).toFixed(1)}px`,
        "text-anchor": "middle",
      },
      sign,
    );
  });
}

function selection(picture, g, control, ctx) {
  const { layout } = picture;
  const [x, y] = g.place(g.cellOf.get(picture.selected));
  return v("rect", {
    key: "selected",
    x: x + 1,
    y: y + 1,
    width: g.s - 2,
    height: g.s - 2,
    class: "selected",
    tabindex: control ? 0 : null,
    role: control ? "slider" : null,
    "aria-label": control ? control.text : null,
    "aria-valuenow": picture.selected,
    "aria-valuemin": control?.low,
    "aria-valuemax": control?.high,
    "aria-valuetext": labelText(picture.state_names[picture.selected] ?? `state ${picture.selected}`),
    onkeydown: (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step || !control) return;
      event.preventDefault();
      event.stopPropagation();
      // Over walls, to the next state in that direction.
      let k = g.cellOf.get(picture.selected);
      for (;;) {
        const [row, col] = [Math.floor(k / layout.cols) + step[0], (k % layout.cols) + step[1]];
        if (row < 0 || col < 0 || row >= layout.rows || col >= layout.cols) return;
        k = row * layout.cols + col;
        if (layout.state_of_cell[k] >= 0) break;
      }
      ctx.set({ [control.name]: layout.state_of_cell[k] }, true);
    },
  });
}

// Walks through the middles of cells, several through one cell in lanes beside each other. The last one is drawn above
// the others, and its name comes first.
export function walks(paths, pointsOf, ctx, { size, labels }) {
  const drawn = paths.map((path, k) =>
    walk(path, pointsOf(path), ctx, { shift: ((k % 5) - 2) * size * 0.11, size, labels }),
  );
  for (const path of [...paths].reverse()) {
    const [x, y] = pointsOf(path).at(-1) ?? [0, 0];
    labels.put(path.label, "end-label", around(x, y, size / 2, ctx.em), { fill: ctx.colour(path.color) });
  }
  return drawn;
}

function walk(path, points, ctx, { shift, size, labels }) {
  if (points.length < 2) return null;
  const at = points.map(([x, y]) => [x + shift, y + shift]);
  // It ends before the middle of its last cell, where a letter may stand.
  const [[ax, ay], [bx, by]] = at.slice(-2);
  const short = Math.min(1, (0.34 * size) / (Math.hypot(bx - ax, by - ay) || 1));
  const [x1, y1] = (at[at.length - 1] = [bx + (ax - bx) * short, by + (ay - by) * short]);
  const angle = Math.atan2(y1 - ay, x1 - ax);
  const wide = (1.6 + 1.6 * Math.min(Math.max(path.weight, 0), 3)) * Math.max(1, size / 40);
  const head = 4 + 2.2 * wide;
  const tip = (turn) =>
    `${(x1 - head * Math.cos(angle + turn)).toFixed(1)},${(y1 - head * Math.sin(angle + turn)).toFixed(1)}`;
  const stroke = ctx.colour(path.color);
  const d = at.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
  labels.curve(at);
  return v(
    "g",
    {},
    v("path", { d, class: "path-halo", "stroke-width": wide + 2.5 }),
    v("path", { d, class: "path", stroke, "stroke-width": wide, "stroke-dasharray": path.dash ? "6 5" : null }),
    v("path", {
      d: `M${tip(0.5)}L${x1.toFixed(1)},${y1.toFixed(1)}L${tip(-0.5)}`,
      class: "path",
      stroke,
      "stroke-width": wide,
    }),
  );
}
