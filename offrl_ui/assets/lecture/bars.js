// Bars and the number line.

import { v } from "../shared/patch.js";
import { amount, PictureAxis, num } from "./axes.js";
import { draggable, frame, handle, marks, xTicks, yGrid, zones } from "./charts.js";
import { Labels, label, labelText } from "./labels.js";

export function drawBars(picture, ctx) {
  const { em } = ctx;
  const values = picture.bars
    .flatMap((b) => [...b.values, ...b.targets])
    .concat(picture.marks.filter((m) => m.axis === "y").map((m) => m.at));
  if (picture.y.scale !== "log") values.push(0);
  // Names that are too wide for their bars stand in two lines, in turn.
  const measure = new Labels(ctx);
  const broadest = Math.max(...picture.categories.map((c) => measure.width(c, "category")));
  const crowded = broadest > ((ctx.width - 3 * em) / picture.categories.length) * 0.94;
  const f = frame(picture, [], values, ctx, { categories: crowded ? 2 : 1 });
  const slot = (f.right - f.left) / picture.categories.length;
  const gap = Math.min(slot * 0.28, em * 3);
  const wide = Math.min((slot - gap) / picture.bars.length, em * 6);
  const base = picture.y.scale === "log" ? f.bottom : Math.min(Math.max(f.y.at(0), f.top), f.bottom);
  const nodes = [yGrid(f, em)];
  // As many digits as all bars have room for.
  const small = values.every((value) => Math.abs(num(value)) < 100 || !Number.isFinite(num(value)));
  const digits = (small ? [4, 3, 2] : [4, 3]).find((n) =>
    picture.bars.every((bar) =>
      bar.values.every((value) => f.labels.width(amount(value, "", n), "value") < (slot / picture.bars.length) * 0.98),
    ),
  );
  const size = em * Math.min(1, Math.max(0.72, (slot * (crowded ? 1.9 : 0.98)) / broadest));
  picture.categories.forEach((category, i) => {
    const middle = f.left + slot * (i + 0.5);
    picture.bars.forEach((bar, k) => {
      const value = num(bar.values[i]);
      const x = middle + (k - picture.bars.length / 2) * wide;
      const colour = ctx.colour(bar.colors[i] ?? bar.color);
      const inner = wide * 0.88;
      const off = x + wide * 0.06;
      const missing = Number.isNaN(value);
      const end = missing ? base : Math.min(Math.max(f.y.at(value), f.top), f.bottom);
      const [top, bottom] = [Math.min(base, end), Math.max(base, end)];
      nodes.push(
        v("rect", {
          x: off,
          width: inner,
          y: top,
          height: Math.max(bottom - top, missing ? 0 : 1),
          fill: colour,
          rx: 2,
          class: "bar",
        }),
      );
      const beyond = !missing && !f.y.inside(value);
      const above = value >= 0 || missing;
      let at = end;
      if (bar.targets.length && Number.isFinite(num(bar.targets[i]))) {
        at = Math.min(Math.max(f.y.at(num(bar.targets[i])), f.top), f.bottom);
        nodes.push(
          v("line", {
            x1: x - wide * 0.02,
            x2: x + wide * 1.02,
            y1: at,
            y2: at,
            stroke: ctx.colour("truth"),
            class: "target",
          }),
        );
        f.labels.curve([
          [x, at],
          [x + wide, at],
        ]);
      }
      // Outside the bar's end; else beyond the exact value's line, or inside the bar.
      const [out, beside] = above ? [-0.4 * em, 1.1 * em] : [1.05 * em, -0.4 * em];
      const places = [end + out, (above ? Math.min : Math.max)(at, end) + out, end + beside].map((py) => [
        off + inner / 2,
        Math.min(Math.max(py, em * 0.75), f.bottom + em * 0.2),
        "middle",
      ]);
      if (digits) f.labels.put(missing ? "–" : (beyond ? "↑ " : "") + amount(value, "", digits), "value", places);
      const control = ctx.control(bar.controls[i]);
      if (control) {
        const y = end;
        nodes.push(
          draggable(
            ctx,
            { cx: null, cy: control, name: labelText(category), x: 0, y: value, f },
            [
              v("rect", { x: off, width: inner, y: y - 14, height: 28, class: "catch" }),
              v("rect", { x: off + inner / 2 - em, width: em * 2, y: y - 3, height: 6, rx: 3, class: "grip" }),
            ],
            control.name,
          ),
        );
      }
    });
    nodes.push(
      label(category, {
        x: middle,
        y: f.bottom + em * (crowded && i % 2 ? 2.4 : 1.3),
        class: "category",
        style: `font-size:${size}px`,
        "text-anchor": "middle",
      }),
    );
  });
  nodes.push(
    v("line", { x1: f.left, x2: f.right, y1: base, y2: base, class: "zero" }),
    marks(picture.marks, { ...f, x: { inside: () => false } }, ctx),
    f.labels.nodes(),
  );
  const probe = (px) => {
    const i = Math.floor((px - f.left) / slot);
    if (i < 0 || i >= picture.categories.length) return null;
    const rows = picture.bars.flatMap((bar) => {
      const own = {
        colour: ctx.colour(bar.colors[i] ?? bar.color),
        name: bar.name,
        text: amount(bar.values[i], picture.y.unit),
      };
      return bar.targets.length
        ? [
            own,
            {
              colour: ctx.colour("truth"),
              name: bar.target_name || "exact",
              text: amount(bar.targets[i], picture.y.unit),
              dash: true,
            },
          ]
        : [own];
    });
    return { x: f.left + slot * (i + 0.5), title: labelText(picture.categories[i]), rows, line: false };
  };
  return { nodes, probe };
}

export function drawNumberLine(picture, ctx) {
  const { width, height, em } = ctx;
  const labels = new Labels(ctx);
  const line = height - em * 1.9;
  const x = new PictureAxis(
    picture.axis,
    picture.points.map((p) => p.x),
    em,
    width - em,
    Math.max(2, Math.round(width / (em * 5.5))),
  );
  const f = { x, y: x, left: em, right: width - em, top: em * 0.4, bottom: line, labels };
  // Names of points that stand close together climb above one another.
  const rows = [];
  const leaders = [];
  const places = new Map();
  for (const p of [...picture.points].sort((a, b) => num(a.x) - num(b.x))) {
    const at = Math.min(Math.max(x.at(num(p.x)), f.left), f.right);
    const wide = labels.width(p.label, "point-label");
    let row = 0;
    while (rows[row] !== undefined && at - wide / 2 < rows[row] + 6) row += 1;
    rows[row] = at + wide / 2;
    const up = em * (0.95 + 1.25 * row);
    if (row)
      leaders.push(
        v("line", { x1: at, x2: at, y1: line - em, y2: line - up, stroke: ctx.colour(p.color), class: "leader" }),
      );
    places.set(p, [[Math.min(Math.max(at, wide / 2), width - wide / 2), line - up, "middle"]]);
  }
  const points = picture.points.map((p) => handle(p, f, ctx, { lineY: line, places: places.get(p) }));
  const nodes = [
    zones(picture.zones, f, ctx),
    xTicks(f, em),
    v("line", { x1: f.left, x2: f.right, y1: line, y2: line, class: "axis strong" }),
    marks(picture.marks, f, ctx),
    leaders,
    points,
    labels.nodes(),
  ];
  const probe = (px) => {
    let best = null;
    for (const p of picture.points)
      if (best === null || Math.abs(x.at(num(p.x)) - px) < Math.abs(x.at(num(best.x)) - px)) best = p;
    if (!best || Math.abs(x.at(num(best.x)) - px) > 24) return null;
    return {
      x: x.at(num(best.x)),
      title: labelText(best.label),
      rows: [{ colour: ctx.colour(best.color), name: picture.axis.label, text: amount(best.x, picture.axis.unit) }],
      line: false,
    };
  };
  return { nodes, probe };
}
