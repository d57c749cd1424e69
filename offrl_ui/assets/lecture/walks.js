// Walks through a grid or a plane, each ending in an arrow.

/** @import { Context, Corner } from "./drawing.d.ts" */
/** @import { Labels } from "./labels.js" */
/** @import { Path } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { around } from "./labels.js";

/**
 * Several walks through one cell lie in lanes beside each other. The last one is drawn above the others, and its name
 * comes first.
 *
 * @param {readonly Path[]} paths
 * @param {(path: Path) => Corner[]} pointsOf where a walk leads, in pixels
 * @param {Context} ctx
 * @param {number} size pixels of a cell, 0 in a plane
 * @param {Labels} labels
 */
export function walks(paths, pointsOf, ctx, size, labels) {
  const drawn = paths.map((path, k) => {
    const shift = ((k % 5) - 2) * size * 0.11;
    return walk(
      path,
      pointsOf(path).map(([x, y]) => [x + shift, y + shift]),
      ctx,
      size,
      labels,
    );
  });
  for (const path of [...paths].reverse()) {
    const [x, y] = pointsOf(path).at(-1) ?? [0, 0];
    labels.put(path.label, "end-label", around(x, y, size / 2, ctx.em), { fill: ctx.colour(path.color) });
  }
  return drawn;
}

/** @param {Path} path @param {Corner[]} points @param {Context} ctx @param {number} size @param {Labels} labels */
function walk(path, points, ctx, size, labels) {
  if (points.length < 2) return null;
  // It ends before the middle of its last cell, where a letter may stand.
  const [[ax, ay], [bx, by]] = points.slice(-2);
  const short = Math.min(1, (0.34 * size) / (Math.hypot(bx - ax, by - ay) || 1));
  const [x, y] = [bx + (ax - bx) * short, by + (ay - by) * short];
  /** @type {Corner[]} */
  const at = [...points.slice(0, -1), [x, y]];
  const angle = Math.atan2(y - ay, x - ax);
  const wide = (1.6 + 1.6 * Math.min(Math.max(path.weight, 0), 3)) * Math.max(1, size / 40);
  const head = 4 + 2.2 * wide;
  const tip = (/** @type {number} */ turn) =>
    `${(x - head * Math.cos(angle + turn)).toFixed(1)},${(y - head * Math.sin(angle + turn)).toFixed(1)}`;
  const arrow = `M${tip(0.5)}L${x.toFixed(1)},${y.toFixed(1)}L${tip(-0.5)}`;
  const d = at.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`).join("");
  const look = { class: "path", stroke: ctx.colour(path.color), "stroke-width": wide };
  labels.curve(at);
  return v(
    "g",
    {},
    v("path", { d, class: "path-halo", "stroke-width": wide + 2.5 }),
    v("path", { d, ...look, "stroke-dasharray": path.dash ? "6 5" : null }),
    v("path", { d: arrow, ...look }),
  );
}
