// A film over the world's own picture: the walker's way through the cells of a grid, or through a plane.

import { GridScene } from "../world/grid.js";
import { PlaneScene } from "../world/plane.js";
import { between, drawLabel, drawTrail, drawWalker } from "./drawing.js";

/**
 * @import { GridPlace } from "../shared/grid.js"
 * @import { Point } from "../shared/types.d.ts"
 * @import { PlanePlace } from "../world/plane.js"
 * @import { Shot } from "./types.d.ts"
 */

/** @typedef {CanvasRenderingContext2D} Context */

/**
 * @param {Context} pen
 * @param {Shot} shot
 * @param {(k: number) => Point} point - where the walker stands at a step
 * @param {number} radius
 * @param {(t: number, share: number) => Point | null} [nudge] - where it is within a step that leads nowhere
 */
function drawWay(pen, { episode, at, layout, theme, box }, point, radius, nudge = () => null) {
  const t = Math.min(Math.floor(at), episode.length);
  const over = t >= episode.length;
  const points = Array.from({ length: t + 1 }, (_, k) => point(k));
  if (!over) points.push(nudge(t, at - t) ?? between(point(t), point(t + 1), at - t));
  drawTrail(pen, points, theme, Math.min(Math.max(radius * 0.26, 1.6), 3));
  const [x, y] = points[t + (over ? 0 : 1)];
  drawWalker(pen, [x, y], radius, over ? -1 : episode.action(t), layout, theme);
  if (over) drawLabel(pen, episode.ending, [x, y - radius], theme, box);
}

/** @param {Context} pen @param {Shot} shot */
export function drawOnGrid(pen, shot) {
  const { scene, episode, layout } = shot;
  if (!(scene instanceof GridScene) || layout.kind !== "grid") return;
  const geo = /** @type {GridPlace} */ (shot.geo);
  /** @param {number} k @returns {Point} */
  const point = (k) => {
    const [x, y] = scene.corner(geo, episode.state(k));
    return [x + geo.size / 2, y + geo.size / 2];
  };
  // Against a wall: a step towards it and back.
  /** @param {number} t @param {number} share @returns {Point | null} */
  const nudge = (t, share) => {
    const [dy, dx] = layout.directions[episode.action(t)] ?? [0, 0];
    if (episode.state(t) !== episode.state(t + 1) || (!dx && !dy)) return null;
    const [x, y] = point(t);
    const push = 0.24 * geo.size * Math.sin(Math.PI * share);
    return [x + dx * push, y + dy * push];
  };
  drawWay(pen, shot, point, Math.min(Math.max(geo.size * 0.3, 6), 17), nudge);
}

/** @param {Context} pen @param {Shot} shot */
export function drawOnPlane(pen, shot) {
  const { scene, episode, layout } = shot;
  if (!(scene instanceof PlaneScene) || layout.kind !== "plane") return;
  const geo = /** @type {PlanePlace} */ (shot.geo);
  /** @param {number} value @param {number} d */
  const place = (value, d) => (value - layout.low[d]) / scene.span(d);
  drawWay(
    pen,
    shot,
    (k) => {
      const seen = episode.observation(k);
      return [
        geo.x + place(seen[scene.x], scene.x) * geo.width,
        geo.y + (1 - place(seen[scene.y], scene.y)) * geo.height,
      ];
    },
    geo.small ? 6 : 10,
  );
}
