// The room inside a drawing: its axes with their numbers, and the zones and marks across it.

/** @import { Context, Frame, WordPlace } from "./drawing.d.ts" */
/** @import { Axis, Mark, Numeral, Zone } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { num, numbersAcross, PictureAxis } from "./axes.js";
import { Labels } from "./labels.js";

/**
 * Room for the numbers of both axes, then the two axes. A miniature has neither numbers nor room for them.
 *
 * @param {{ x: Axis, y: Axis }} picture
 * @param {readonly Numeral[]} xs
 * @param {readonly Numeral[]} ys
 * @param {Context} ctx
 * @param {{ right: number, categories?: number }} room pixels at the right, and lines of names below the picture
 * @returns {Frame}
 */
export function frame(picture, xs, ys, ctx, { right, categories = 0 }) {
  const { width, height, em } = ctx;
  const labels = new Labels(ctx);
  const top = ctx.mini ? 4 : em * 0.9;
  const bottom = height - (ctx.mini ? 4 : em * (categories ? 0.55 + 1.15 * categories : 1.9));
  const y = new PictureAxis(picture.y, ys, bottom, top, Math.max(2, Math.round((bottom - top) / (em * 2.6))));
  const left = ctx.mini ? 2 : Math.max(...y.ticks.map((t) => labels.width(t.text, "tick")), em) + em * 0.7;
  const end = width - (ctx.mini ? 2 : right);
  const x = new PictureAxis(picture.x, xs, left, end, numbersAcross(end - left, em));
  return { x, y, left, right: end, top, bottom, width, labels };
}

/**
 * Zero first: numbers that would touch another one are left out.
 *
 * @param {Frame} frame
 * @param {number} em
 */
export function yNumbers({ y, left, labels }, em) {
  /** @type {number[]} */
  const taken = [];
  const seen = y.ticks.filter((t) => y.inside(t.at));
  for (const t of seen.sort((a, b) => Number(b.at === 0) - Number(a.at === 0))) {
    const at = y.at(t.at);
    if (taken.some((other) => Math.abs(other - at) < em * 0.95)) continue;
    taken.push(at);
    labels.put(t.text, "tick", [[left - em * 0.45, at + em * 0.32, "end"]]);
  }
}

/** @param {Frame} f @param {number} em */
export function yGrid(f, em) {
  yNumbers(f, em);
  return f.y.ticks
    .filter((t) => f.y.inside(t.at))
    .map((t) => across(f, f.y.at(t.at), { class: t.at === 0 ? "zero" : "grid" }));
}

/** A line from left to right. @param {Frame} f @param {number} at @param {Parameters<typeof v<"line">>[1]} props */
export const across = (f, at, props) => v("line", { x1: f.left, x2: f.right, y1: at, y2: at, ...props });

/**
 * Numbers that would touch the one before them are left out; their ticks stay. The last one moves in where the picture
 * ends.
 *
 * @param {Frame} frame
 * @param {number} em
 */
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

/** @param {readonly Zone[]} list @param {Frame} f @param {Context} ctx */
export function zones(list, { x, y, left, right, top, bottom, labels }, ctx) {
  const { em } = ctx;
  return list.map((zone) => {
    const [low, high] = [num(zone.low), num(zone.high)];
    const fill = ctx.colour(zone.color);
    if (zone.axis === "y") {
      const [a, b] = [Math.max(y.at(high), top), Math.min(y.at(low), bottom)];
      if (b <= a) return null;
      /** @type {WordPlace[]} */
      const places = [
        [right - 6, a + em * 1.1, "end"],
        [right - 6, b - em * 0.5, "end"],
        [left + 6, a + em * 1.1, "start"],
        [left + 6, b - em * 0.5, "start"],
        [(left + right) / 2, b - em * 0.5, "middle"],
      ];
      labels.put(zone.label, "zone-label", places, { fill });
      return v("rect", { x: left, width: right - left, y: a, height: b - a, fill, class: "zone" });
    }
    const [a, b] = [Math.max(x.at(low), left), Math.min(x.at(high), right)];
    if (b <= a) return null;
    const places = [0.5, 1.9, 3.2].map((up) => place((a + b) / 2, bottom - em * up, "middle"));
    labels.put(zone.label, "zone-label", places, { fill });
    return v("rect", { x: a, width: b - a, y: top, height: bottom - top, fill, class: "zone" });
  });
}

/** @param {number} x @param {number} y @param {WordPlace[2]} anchor @returns {WordPlace} */
export const place = (x, y, anchor) => [x, y, anchor];

/** @param {readonly Mark[]} list @param {Frame} f @param {Context} ctx */
export function marks(list, f, ctx) {
  const { x, y, left, right, top, bottom, labels } = f;
  const { em } = ctx;
  return list.map((mark) => {
    const stroke = ctx.colour(mark.color);
    const line = { stroke, "stroke-dasharray": mark.dash ? "5 4" : null, class: "mark" };
    const at = num(mark.at);
    if (mark.axis === "y") {
      if (!y.inside(at)) return null;
      const py = y.at(at);
      const places = [py - em * 0.35, py + em].flatMap((base) => [
        place(right - 4, base, "end"),
        place(left + 6, base, "start"),
        place((left + right) / 2, base, "middle"),
      ]);
      labels.put(mark.label, "mark-label", places, { fill: stroke });
      return across(f, py, line);
    }
    if (!x.inside(at)) return null;
    const px = x.at(at);
    const rows = Math.max(1, Math.floor((bottom - top) / (em * 1.2)));
    const places = Array.from({ length: rows }, (_, row) => top + em * (0.75 + 1.15 * row)).flatMap((base) => [
      place(px + 5, base, "start"),
      place(px - 5, base, "end"),
    ]);
    labels.put(mark.label, "mark-label", places, { fill: stroke });
    return v("line", { x1: px, x2: px, y1: top, y2: bottom, ...line });
  });
}
