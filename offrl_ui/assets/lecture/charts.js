// Curves, and what the other drawings share with them: room, grid, marks, points that can be dragged.

import { v } from "../shared/patch.js";
import { amount, PictureAxis, num } from "./axes.js";
import { Labels, around, label, labelText, labelWidth } from "./labels.js";

// Room for the numbers of both axes, then the two scales. A miniature has neither numbers nor room for them. `categories`
// are lines of names below a picture without an x axis.
export function frame(picture, xs, ys, ctx, { right = 12, categories = 0 } = {}) {
  const { width, height, em } = ctx;
  const labels = new Labels(ctx);
  const top = ctx.mini ? 4 : em * 0.9;
  const bottom = height - (ctx.mini ? 4 : em * (categories ? 0.55 + 1.15 * categories : 1.9));
  const y = new PictureAxis(picture.y, ys, bottom, top, Math.max(2, Math.round((bottom - top) / (em * 2.6))));
  const left = ctx.mini ? 2 : Math.max(...y.ticks.map((t) => labels.width(t.text, "tick")), em) + em * 0.7;
  const end = width - (ctx.mini ? 2 : right);
  const x = categories
    ? null
    : new PictureAxis(picture.x, xs, left, end, Math.max(2, Math.round((end - left) / (em * 5.2))));
  return { x, y, left, right: end, top, bottom, width, labels };
}

// Zero first: numbers that would touch another one are left out.
export function yNumbers({ y, left, labels }, em) {
  const taken = [];
  for (const t of y.ticks.filter((t) => y.inside(t.at)).sort((a, b) => (b.at === 0) - (a.at === 0))) {
    const at = y.at(t.at);
    if (taken.some((other) => Math.abs(other - at) < em * 0.95)) continue;
    taken.push(at);
    labels.put(t.text, "tick", [[left - em * 0.45, at + em * 0.32, "end"]]);
  }
}

export function yGrid(f, em) {
  yNumbers(f, em);
  return f.y.ticks
    .filter((t) => f.y.inside(t.at))
    .map((t) =>
      v("line", { x1: f.left, x2: f.right, y1: f.y.at(t.at), y2: f.y.at(t.at), class: t.at === 0 ? "zero" : "grid" }),
    );
}

// Numbers that would touch the one before them are left out; their ticks stay. The last one moves in where the picture ends.
export function xTicks({ x, bottom, width, labels }, em) {
  let free = -Infinity;
  return x.ticks
    .filter((t) => x.inside(t.at))
    .map((t) => {
      const half = labels.width(t.text, "tick") / 2;
      const middle = Math.min(x.at(t.at), width - half);
      if (middle - half > free) {
        labels.put(t.text, "tick", [[middle, bottom + em * 1.25, "middle"]]);
        free = middle + half + em * 0.4;
      }
      return v("line", { x1: x.at(t.at), x2: x.at(t.at), y1: bottom, y2: bottom + 4, class: "axis" });
    });
}

export function zones(list, { x, y, left, right, top, bottom, labels }, ctx) {
  const { em } = ctx;
  return list.map((zone) => {
    const [low, high] = [num(zone.low), num(zone.high)];
    const [a, b] =
      zone.axis === "y"
        ? [Math.max(y.at(high), top), Math.min(y.at(low), bottom)]
        : [Math.max(x.at(low), left), Math.min(x.at(high), right)];
    if (b <= a) return null;
    const fill = ctx.colour(zone.color);
    if (zone.axis === "y") {
      labels.put(
        zone.label,
        "zone-label",
        [
          [right - 6, a + em * 1.1, "end"],
          [right - 6, b - em * 0.5, "end"],
          [left + 6, a + em * 1.1, "start"],
          [left + 6, b - em * 0.5, "start"],
          [(left + right) / 2, b - em * 0.5, "middle"],
        ],
        { fill },
      );
      return v("rect", { x: left, width: right - left, y: a, height: b - a, fill, class: "zone" });
    }
    labels.put(
      zone.label,
      "zone-label",
      [0.5, 1.9, 3.2].map((up) => [(a + b) / 2, bottom - em * up, "middle"]),
      { fill },
    );
    return v("rect", { x: a, width: b - a, y: top, height: bottom - top, fill, class: "zone" });
  });
}

export function marks(list, { x, y, left, right, top, bottom, labels }, ctx) {
  const { em } = ctx;
  return list.map((mark) => {
    const stroke = ctx.colour(mark.color);
    const dash = mark.dash ? "5 4" : null;
    const at = num(mark.at);
    if (mark.axis === "y") {
      if (!y.inside(at)) return null;
      const py = y.at(at);
      const ends = [
        [right - 4, "end"],
        [left + 6, "start"],
        [(left + right) / 2, "middle"],
      ];
      labels.put(
        mark.label,
        "mark-label",
        [
          ...ends.map(([px, anchor]) => [px, py - em * 0.35, anchor]),
          ...ends.map(([px, anchor]) => [px, py + em * 1, anchor]),
        ],
        { fill: stroke },
      );
      return v("line", { x1: left, x2: right, y1: py, y2: py, stroke, "stroke-dasharray": dash, class: "mark" });
    }
    if (!x.inside(at)) return null;
    const px = x.at(at);
    const rows = Math.max(1, Math.floor((bottom - top) / (em * 1.2)));
    labels.put(
      mark.label,
      "mark-label",
      [...Array(rows).keys()].flatMap((row) =>
        [
          [px + 5, "start"],
          [px - 5, "end"],
        ].map(([p, anchor]) => [p, top + em * (0.75 + 1.15 * row), anchor]),
      ),
      { fill: stroke },
    );
    return v("line", { x1: px, x2: px, y1: top, y2: bottom, stroke, "stroke-dasharray": dash, class: "mark" });
  });
}

export function drawLines(picture, ctx) {
  const { em } = ctx;
  const xs = picture.lines.flatMap((l) => l.x).concat(picture.points.map((p) => p.x));
  const ys = picture.lines
    .flatMap((l) => (l.band ? [...l.y, ...l.band[0], ...l.band[1]] : l.y))
    .concat(picture.points.map((p) => p.y));
  const named = ctx.mini ? [] : picture.lines.filter((l) => labelText(l.label));
  const widest = Math.max(0, ...named.map((l) => labelWidth(l.label, ctx.theme.font, 600) * 0.95));
  const f = frame(picture, xs, ys, ctx, { right: widest ? Math.min(widest * em + 12, ctx.width * 0.34) : 14 });
  const clip = `clip-${ctx.id}`;
  const drawn = picture.lines.map((line) => drawLine(line, f, ctx));
  if (ctx.mini) {
    const zero = f.y.inside(0) && v("line", { x1: f.left, x2: f.right, y1: f.y.at(0), y2: f.y.at(0), class: "zero" });
    return {
      nodes: [
        clipTo(clip, f),
        zero,
        v(
          "g",
          { "clip-path": `url(#${clip})` },
          drawn.map((d) => d.body),
        ),
        drawn.map((d) => d.arrows),
      ],
      probe: null,
    };
  }
  const grid = [yGrid(f, em), xTicks(f, em)];
  endLabels(named, f, ctx);
  const dots = picture.points.map((p) => handle(p, f, ctx));
  const rules = marks(picture.marks, f, ctx);
  const nodes = [
    clipTo(clip, f),
    zones(picture.zones, f, ctx),
    grid,
    v("line", { x1: f.left, x2: f.right, y1: f.bottom, y2: f.bottom, class: "axis" }),
    v(
      "g",
      { "clip-path": `url(#${clip})` },
      drawn.map((d) => d.body),
    ),
    drawn.map((d) => d.arrows),
    rules,
    dots,
    f.labels.nodes(),
  ];
  return { nodes, probe: (px) => probeLines(picture, f, px, ctx) };
}

const clipTo = (id, f) =>
  v(
    "defs",
    {},
    v(
      "clipPath",
      { id },
      v("rect", { x: f.left - 1, y: f.top - 3, width: f.right - f.left + 2, height: f.bottom - f.top + 6 }),
    ),
  );

function drawLine(line, f, ctx) {
  const colour = ctx.colour(line.color);
  const xs = line.x.map(num);
  const ys = line.y.map(num);
  const parts = [];
  const arrows = [];
  if (line.band) {
    const [low, high] = line.band.map((b) => b.map(num));
    const keep = xs.map((_, i) => i).filter((i) => Number.isFinite(low[i]) && Number.isFinite(high[i]));
    const there = keep.map((i) => `${f.x.at(xs[i]).toFixed(1)},${f.y.at(high[i]).toFixed(1)}`);
    const back = keep.map((i) => `${f.x.at(xs[i]).toFixed(1)},${f.y.at(low[i]).toFixed(1)}`).reverse();
    if (keep.length > 1)
      parts.push(v("path", { d: `M${there.join("L")}L${back.join("L")}Z`, fill: colour, class: "band" }));
  }
  let d = "";
  let pen = false;
  const corners = [];
  xs.forEach((x, i) => {
    const y = ys[i];
    if (Number.isNaN(y) || (f.y.axis.scale === "log" && y <= 0)) {
      pen = false;
      corners.push([NaN, NaN]);
      return;
    }
    const [px, py] = [f.x.at(x), f.y.at(y)];
    corners.push([px, py]);
    if (!Number.isFinite(y)) {
      // Leaves the numbers: an arrow at the edge says so.
      if (pen) {
        d += `L${px.toFixed(1)},${py.toFixed(1)}`;
        const up = y > 0 ? -1 : 1;
        arrows.push(
          v("path", {
            d: `M${px - 6},${py - 7 * up}L${px},${py}L${px + 6},${py - 7 * up}`,
            stroke: colour,
            class: "off",
          }),
        );
        f.labels.put(
          y > 0 ? "∞" : "−∞",
          "mark-label",
          [
            [px, py + (up < 0 ? -5 : 14), "middle"],
            [px - 9, py + 5, "end"],
            [px + 9, py + 5, "start"],
          ],
          { fill: colour },
        );
      }
      pen = false;
      return;
    }
    if (line.mode === "steps" && pen) d += `H${px.toFixed(1)}`;
    d += `${pen ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`;
    pen = true;
  });
  if (line.mode !== "points" && d) {
    parts.push(
      v("path", {
        d,
        stroke: colour,
        "stroke-width": (line.width * ctx.em) / 13,
        "stroke-dasharray": line.dash ? "7 5" : null,
        class: line.faint ? "line faint" : "line",
      }),
    );
  }
  if (line.mode !== "points") f.labels.curve(corners);
  // A curve that has only begun is a dot.
  const begun = line.mode !== "points" && corners.filter(([, py]) => Number.isFinite(py)).length === 1;
  if (begun || line.mode === "points" || line.mode === "both") {
    for (const [px, py] of corners) if (Number.isFinite(py)) f.labels.block(px - 3, py - 3, px + 3, py + 3);
    xs.forEach(
      (x, i) =>
        Number.isFinite(ys[i]) &&
        parts.push(
          v("circle", {
            cx: f.x.at(x),
            cy: f.y.at(ys[i]),
            r: ctx.em * 0.24,
            fill: colour,
            class: line.faint ? "dot faint" : "dot",
          }),
        ),
    );
  }
  return { body: parts, arrows };
}

// Names at the ends of their curves, moved apart where they would touch.
function endLabels(lines, f, ctx) {
  const items = [];
  for (const line of lines) {
    let i = line.y.length - 1;
    while (i >= 0 && !Number.isFinite(num(line.y[i]))) i -= 1;
    if (i < 0) continue;
    const y = Math.min(Math.max(f.y.at(num(line.y[i])), f.top), f.bottom);
    items.push({ line, x: Math.min(f.x.at(num(line.x[i])), f.right), y });
  }
  apart(
    items.sort((a, b) => a.y - b.y),
    ctx.em * 1.1,
    f.top,
    f.bottom - ctx.em * 0.3,
  );
  for (const { line, x, place } of items)
    f.labels.put(line.label, "end-label", [[x + 6, place + ctx.em * 0.32, "start"]], { fill: ctx.colour(line.color) });
}

// Moves `items`, sorted by `y`, as little as it takes to stand `gap` apart within `low` and `high`: those that touch share their shift.
function apart(items, gap, low, high) {
  const groups = [];
  for (const item of items) {
    let group = { members: [item], middle: item.y };
    for (;;) {
      const half = ((group.members.length - 1) * gap) / 2;
      group.middle = Math.min(Math.max(group.middle, low + half), Math.max(high - half, low + half));
      const before = groups[groups.length - 1];
      if (!before || group.middle - half >= before.middle + ((before.members.length - 1) * gap) / 2 + gap) break;
      const members = [...groups.pop().members, ...group.members];
      group = { members, middle: members.reduce((sum, m) => sum + m.y, 0) / members.length };
    }
    groups.push(group);
  }
  for (const { members, middle } of groups)
    members.forEach((m, i) => {
      m.place = middle + (i - (members.length - 1) / 2) * gap;
    });
}

function probeLines(picture, f, px, ctx) {
  if (px < f.left - 8 || px > f.right + 8) return null;
  const wanted = f.x.invert(px);
  let best = null;
  for (const line of picture.lines) {
    for (const x of line.x)
      if (best === null || Math.abs(f.x.at(num(x)) - px) < Math.abs(f.x.at(best) - px)) best = num(x);
  }
  if (best === null) return null;
  const rows = [];
  for (const line of picture.lines) {
    let k = -1;
    line.x.forEach((x, i) => {
      if (k < 0 || Math.abs(num(x) - wanted) < Math.abs(num(line.x[k]) - wanted)) k = i;
    });
    if (k < 0) continue;
    const band = line.band
      ? ` (${amount(line.band[0][k])} – ${amount(line.band[1][k])}${line.band_name ? `, ${line.band_name}` : ""})`
      : "";
    rows.push({
      colour: ctx.colour(line.color),
      name: line.name,
      text: amount(line.y[k], picture.y.unit) + band,
      dash: line.dash,
    });
  }
  return {
    x: f.x.at(best),
    top: f.top,
    bottom: f.bottom,
    title: `${picture.x.label}: ${amount(best, picture.x.unit)}`,
    rows,
  };
}

// A dot; with controls it is a slider of one or two dimensions. `places`: where its name may stand.
export function handle(point, f, ctx, { lineY = null, places = null } = {}) {
  const [x, y] = [num(point.x), num(point.y)];
  const px = Math.min(Math.max(f.x.at(x), f.left), f.right);
  const py = lineY ?? Math.min(Math.max(f.y.at(y), f.top), f.bottom);
  const fill = ctx.colour(point.color);
  const cx = ctx.control(point.control_x);
  const cy = ctx.control(point.control_y);
  const r = ctx.em * (cx || cy ? 0.56 : 0.42);
  const shapes = {
    circle: v("circle", { cx: px, cy: py, r, fill, class: "knob" }),
    square: v("rect", { x: px - r, y: py - r, width: 2 * r, height: 2 * r, fill, class: "knob" }),
    diamond: v("path", {
      d: `M${px},${py - 1.25 * r}L${px + 1.25 * r},${py}L${px},${py + 1.25 * r}L${px - 1.25 * r},${py}Z`,
      fill,
      class: "knob",
    }),
    cross: v("path", {
      d: `M${px - r},${py - r}L${px + r},${py + r}M${px - r},${py + r}L${px + r},${py - r}`,
      stroke: fill,
      class: "cross",
    }),
  };
  f.labels.block(px - r, py - r, px + r, py + r);
  f.labels.put(point.label, "point-label", places ?? around(px, py, r, ctx.em), { fill, optional: point.optional });
  if (!cx && !cy) return shapes[point.shape];
  return draggable(
    ctx,
    { cx, cy, name: labelText(point.label), x, y, f },
    [v("circle", { cx: px, cy: py, r: Math.max(r * 2, 16), class: "catch" }), shapes[point.shape]],
    `${point.control_x}|${point.control_y}`,
  );
}

export function draggable(ctx, { cx, cy, name, x, y, f }, children, key) {
  const main = cx ?? cy;
  const move = (event, final) => {
    const [px, py] = ctx.pointer(event);
    const values = {};
    if (cx) values[cx.name] = f.x.invert(px);
    if (cy) values[cy.name] = f.y.invert(py);
    ctx.set(values, final);
  };
  return v(
    "g",
    {
      key,
      class: cx && cy ? "handle both" : cx ? "handle across" : "handle along",
      tabindex: 0,
      role: "slider",
      "aria-label": [name, cx?.text, cy?.text].filter(Boolean).join(", "),
      "aria-valuemin": main.low,
      "aria-valuemax": main.high,
      "aria-valuenow": cx ? x : y,
      "aria-valuetext": [cx && `${cx.text} ${amount(x, cx.unit)}`, cy && `${cy.text} ${amount(y, cy.unit)}`]
        .filter(Boolean)
        .join(", "),
      "aria-orientation": cx ? "horizontal" : "vertical",
      onpointerdown: (event) => ctx.drag(event, move),
      onkeydown: (event) => {
        const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const along = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
        const control = across !== undefined ? (cx ?? cy) : along !== undefined ? (cy ?? cx) : null;
        if (!control) return;
        event.preventDefault();
        event.stopPropagation();
        ctx.nudge(control.name, (across ?? along) * (event.shiftKey ? 10 : 1));
      },
    },
    children,
  );
}
