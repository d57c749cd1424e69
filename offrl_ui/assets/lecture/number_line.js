// A number line: one axis with zones, marks and points.

/** @import { Child, Context, Drawn, WordPlace } from "./drawing.d.ts" */
/** @import { NumberLine, Point } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { amount, num, numbersAcross, PictureAxis } from "./axes.js";
import { across, marks, xTicks, zones } from "./frame.js";
import { handle } from "./handles.js";
import { Labels, labelText } from "./labels.js";

/** @param {NumberLine} picture @param {Context} ctx @returns {Drawn} */
export function drawNumberLine(picture, ctx) {
  const { width, height, em } = ctx;
  const labels = new Labels(ctx);
  const line = height - em * 1.9;
  const values = picture.points.map((p) => p.x);
  const x = new PictureAxis(picture.axis, values, em, width - em, numbersAcross(width, em));
  const f = { x, y: x, left: em, right: width - em, top: em * 0.4, bottom: line, width, labels };
  /** Where each row of names is free. @type {number[]} */
  const rows = [];
  /** @type {Child[]} */
  const leaders = [];
  /** @type {Map<Point, WordPlace[]>} */
  const places = new Map();
  // Names of points that stand close together climb above one another.
  for (const p of [...picture.points].sort((a, b) => num(a.x) - num(b.x))) {
    const at = Math.min(Math.max(x.at(num(p.x)), f.left), f.right);
    const wide = labels.width(p.label, "point-label");
    let row = 0;
    while (rows[row] !== undefined && at - wide / 2 < rows[row] + 6) row += 1;
    rows[row] = at + wide / 2;
    const y = line - em * (0.95 + 1.25 * row);
    const leader = { x1: at, x2: at, y1: line - em, y2: y, stroke: ctx.colour(p.color), class: "leader" };
    if (row) leaders.push(v("line", leader));
    places.set(p, [[Math.min(Math.max(at, wide / 2), width - wide / 2), y, "middle"]]);
  }
  const points = picture.points.map((p) => handle(p, f, ctx, { lineY: line, places: places.get(p) }));
  return {
    nodes: [
      zones(picture.zones, f, ctx),
      xTicks(f, em),
      across(f, line, { class: "axis strong" }),
      marks(picture.marks, f, ctx),
      leaders,
      points,
      labels.nodes(),
    ],
    probe(px) {
      const away = (/** @type {Point} */ p) => Math.abs(x.at(num(p.x)) - px);
      const near = picture.points.filter((p) => away(p) <= 24);
      if (!near.length) return null;
      const best = near.reduce((a, b) => (away(b) < away(a) ? b : a));
      const text = amount(best.x, picture.axis.unit);
      const rows = [{ colour: ctx.colour(best.color), name: picture.axis.label, text }];
      return { x: x.at(num(best.x)), title: labelText(best.label), rows, line: null };
    },
  };
}
