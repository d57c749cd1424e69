// Bars, grouped by category.

/** @import { Child, Context, Drawn, Frame, TipRow } from "./drawing.d.ts" */
/** @import { Axis, Bar, Bars } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { amount, num } from "./axes.js";
import { across, frame, marks, place, yGrid } from "./frame.js";
import { draggable } from "./handles.js";
import { Labels, label, labelText } from "./labels.js";

/** One place per category. @param {number} count @returns {Axis} */
const categories = (count) => ({
  label: "",
  unit: "",
  scale: "linear",
  low: -0.5,
  high: count - 0.5,
  threshold: 1,
  ticks: [],
  tick_labels: [],
});

/** @param {Bars} picture @param {Context} ctx @returns {Drawn} */
export function drawBars(picture, ctx) {
  const { em } = ctx;
  const { bars } = picture;
  const count = picture.categories.length;
  const rules = picture.marks.filter((m) => m.axis === "y");
  const values = bars.flatMap((b) => [...b.values, ...b.targets]).concat(rules.map((m) => m.at));
  if (picture.y.scale !== "log") values.push(0);
  // Names that are too wide for their bars stand in two lines, in turn.
  const measure = new Labels(ctx);
  const broadest = Math.max(...picture.categories.map((c) => measure.width(c, "category")));
  const crowded = broadest > ((ctx.width - 3 * em) / count) * 0.94;
  const axes = { x: categories(count), y: picture.y };
  const f = frame(axes, [], values, ctx, { right: 12, categories: crowded ? 2 : 1 });
  const slot = (f.right - f.left) / count;
  const gap = Math.min(slot * 0.28, em * 3);
  const wide = Math.min((slot - gap) / bars.length, em * 6);
  const base = picture.y.scale === "log" ? f.bottom : clipped(0, f);
  // As many digits as all bars have room for.
  const small = values.every((value) => Math.abs(num(value)) < 100 || !Number.isFinite(num(value)));
  const fit = (/** @type {string} */ text) => f.labels.width(text, "value") < (slot / bars.length) * 0.98;
  const digits = (small ? [4, 3, 2] : [4, 3]).find((n) =>
    bars.every((bar) => bar.values.every((value) => fit(amount(value, "", n)))),
  );
  const size = em * Math.min(1, Math.max(0.72, (slot * (crowded ? 1.9 : 0.98)) / broadest));
  const grid = yGrid(f, em);
  const groups = picture.categories.map((category, i) => {
    const left = (/** @type {number} */ k) => f.x.at(i) + (k - bars.length / 2) * wide;
    const at = { category: labelText(category), i, wide, base, digits };
    return [
      bars.map((bar, k) => drawBar(bar, { ...at, left: left(k) }, f, ctx)),
      label(category, {
        x: f.x.at(i),
        y: f.bottom + em * (crowded && i % 2 ? 2.4 : 1.3),
        class: "category",
        style: `font-size:${size}px`,
        "text-anchor": "middle",
      }),
    ];
  });
  return {
    nodes: [grid, groups, across(f, base, { class: "zero" }), marks(rules, f, ctx), f.labels.nodes()],
    probe(px) {
      const i = Math.floor((px - f.left) / slot);
      if (i < 0 || i >= count) return null;
      const rows = bars.flatMap((bar) => tipRows(bar, i, picture.y.unit, ctx));
      return { x: f.x.at(i), title: labelText(picture.categories[i]), rows, line: null };
    },
  };
}

/** The height of a value, within the picture. @param {number} value @param {Frame} f */
const clipped = (value, f) => Math.min(Math.max(f.y.at(value), f.top), f.bottom);

/**
 * @param {Bar} bar
 * @param {{ category: string, i: number, left: number, wide: number, base: number, digits: number | undefined }} at
 * @param {Frame} f
 * @param {Context} ctx
 * @returns {Child[]}
 */
function drawBar(bar, { category, i, left, wide, base, digits }, f, ctx) {
  const { em } = ctx;
  const value = num(bar.values[i]);
  const missing = Number.isNaN(value);
  const end = missing ? base : clipped(value, f);
  const box = { x: left + wide * 0.06, width: wide * 0.88 };
  const height = Math.max(Math.abs(end - base), missing ? 0 : 1);
  const fill = ctx.colour(bar.colors[i] ?? bar.color);
  const target = num(bar.targets[i]);
  const exact = Number.isFinite(target) ? clipped(target, f) : end;
  if (Number.isFinite(target)) {
    f.labels.curve([
      [left, exact],
      [left + wide, exact],
    ]);
  }
  const above = value >= 0 || missing;
  // Outside the bar's end; else beyond the exact value's line, or inside the bar.
  const [out, beside] = above ? [-0.4 * em, 1.1 * em] : [1.05 * em, -0.4 * em];
  const heights = [end + out, (above ? Math.min : Math.max)(exact, end) + out, end + beside];
  const middle = box.x + box.width / 2;
  const places = heights.map((y) => place(middle, Math.min(Math.max(y, em * 0.75), f.bottom + em * 0.2), "middle"));
  const sign = !missing && !f.y.inside(value) ? "↑ " : "";
  if (digits) f.labels.put(missing ? "–" : sign + amount(value, "", digits), "value", places);
  const control = ctx.control(bar.controls[i]);
  const line = { x1: left - wide * 0.02, x2: left + wide * 1.02, y1: exact, y2: exact };
  return [
    v("rect", { ...box, y: Math.min(base, end), height, fill, rx: 2, class: "bar" }),
    Number.isFinite(target) && v("line", { ...line, stroke: ctx.colour("truth"), class: "target" }),
    control &&
      draggable(
        ctx,
        { cx: null, cy: control, name: category, x: 0, y: value, f },
        [
          v("rect", { ...box, y: end - 14, height: 28, class: "catch" }),
          v("rect", { x: middle - em, width: em * 2, y: end - 3, height: 6, rx: 3, class: "grip" }),
        ],
        control.name,
      ),
  ];
}

/** @param {Bar} bar @param {number} i @param {string} unit @param {Context} ctx @returns {TipRow[]} */
function tipRows(bar, i, unit, ctx) {
  const own = { colour: ctx.colour(bar.colors[i] ?? bar.color), name: bar.name, text: amount(bar.values[i], unit) };
  if (!bar.targets.length) return [own];
  const text = amount(bar.targets[i], unit);
  return [own, { colour: ctx.colour("truth"), name: bar.target_name || "exact", text, dash: true }];
}
