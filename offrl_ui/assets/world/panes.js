// Panes of the world's picture: one for the chosen member, or one for each of several.

/** @import { Box } from "../shared/types.d.ts" */
/** @import { Scene } from "./scenes.d.ts" */

/** @typedef {{ member: number, box: Box, title: Pick<Box, "x" | "y" | "width"> | null, geo: unknown }} Pane */

export const TITLE = 17;
const GAP = 10;

/**
 * The arrangement in rows and columns that gives the largest pictures.
 * @param {Scene} scene
 * @param {number[]} members
 * @param {number} width
 * @param {number} height
 * @param {number} factor - of type
 * @returns {Pane[]}
 */
export function arrange(scene, members, width, height, factor) {
  const n = members.length;
  const title = n > 1 ? TITLE * factor : 0;
  const gap = n > 1 ? GAP : 0;
  let best = { cols: 1, w: 0, h: 0, scale: -Infinity };
  for (let cols = 1; cols <= n; cols++) {
    const rows = Math.ceil(n / cols);
    const w = (width - gap * (cols - 1)) / cols;
    const h = (height - gap * (rows - 1)) / rows - title;
    const scale = Math.min(w / scene.aspect, h);
    if (scale > best.scale) best = { cols, w, h, scale };
  }
  return members.map((member, i) => {
    const x = (i % best.cols) * (best.w + gap);
    const y = Math.floor(i / best.cols) * (best.h + title + gap);
    const box = { x, y: y + title, width: best.w, height: best.h };
    return { member, box, title: title ? { x, y, width: best.w } : null, geo: scene.geometry(box) };
  });
}
