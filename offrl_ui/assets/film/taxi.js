// A film of Gymnasium's taxi.

import { mix } from "../shared/palette.js";
import { between, disc, drawTrail, drawWalker, ending, line } from "./drawing.js";

/**
 * @import { Point } from "../shared/types.d.ts"
 * @import { Shot } from "./types.d.ts"
 */

/** @typedef {CanvasRenderingContext2D} Context */

// Gymnasium's map: 5 × 5 cells, the stops, and the walls between columns, as (rows, column to their left).
/** @type {Point[]} */
const STOPS = [
  [0, 0],
  [0, 4],
  [4, 0],
  [4, 3],
];
/** @type {[rows: Point, column: number][]} */
const WALLS = [
  [[0, 1], 1],
  [[3, 4], 0],
  [[3, 4], 2],
];
const STOP_COLOURS = ["#d1495b", "#2a9d68", "#c9a227", "#3b6fb6"];

/** @param {Context} pen @param {Shot} shot */
export function drawTaxi(pen, shot) {
  const { episode, theme, at, box, layout, names } = shot;
  const size = Math.min(box.width - 16, box.height - 40) / 5;
  const [left, top] = [box.x + (box.width - 5 * size) / 2, box.y + 8];
  /** @param {number} row @param {number} col @returns {Point} */
  const centre = (row, col) => [left + (col + 0.5) * size, top + (row + 0.5) * size];
  /** @param {number} k */
  const read = (k) => {
    const state = episode.state(k);
    return {
      row: Math.floor(state / 100),
      col: Math.floor(state / 20) % 5,
      passenger: Math.floor(state / 4) % 5,
      to: state % 4,
    };
  };
  pen.strokeStyle = theme.line;
  pen.lineWidth = 1;
  for (let i = 0; i <= 5; i++) {
    const [x, y] = [left + i * size, top + i * size];
    line(
      pen,
      [
        [x, top],
        [x, top + 5 * size],
      ],
      theme.line,
      i % 5 ? 1 : 3,
    );
    line(
      pen,
      [
        [left, y],
        [left + 5 * size, y],
      ],
      theme.line,
      i % 5 ? 1 : 3,
    );
  }
  STOPS.forEach(([row, col], i) => {
    pen.fillStyle = mix(STOP_COLOURS[i], theme.background, 0.55);
    pen.fillRect(left + col * size + 2, top + row * size + 2, size - 4, size - 4);
    pen.font = `700 ${size * 0.3}px ${theme.font}`;
    pen.fillStyle = theme.text;
    pen.textAlign = "left";
    pen.textBaseline = "top";
    pen.fillText("RGYB"[i], left + col * size + 6, top + row * size + 5);
  });
  for (const [[first, last], col] of WALLS) {
    const x = left + (col + 1) * size;
    line(
      pen,
      [
        [x, top + first * size],
        [x, top + (last + 1) * size],
      ],
      theme.text,
      4,
    );
  }
  const t = Math.min(Math.floor(at), episode.length);
  const here = read(t);
  const next = read(Math.min(t + 1, episode.length));
  const taxi = between(centre(here.row, here.col), centre(next.row, next.col), at - t);
  drawTrail(pen, [...Array.from({ length: t + 1 }, (_, k) => centre(read(k).row, read(k).col)), taxi], theme, 2);
  const [goalX, goalY] = centre(...STOPS[here.to]);
  pen.setLineDash([4, 3]);
  pen.strokeStyle = theme.text;
  pen.lineWidth = 2;
  pen.strokeRect(goalX - size / 2 + 5, goalY - size / 2 + 5, size - 10, size - 10);
  pen.setLineDash([]);
  drawWalker(pen, taxi, size * 0.26, t < episode.length ? episode.action(t) : -1, layout, theme);
  const rides = here.passenger === 4;
  const [x, y] = rides ? taxi : centre(...STOPS[here.passenger]);
  disc(pen, rides ? [x + size * 0.2, y - size * 0.2] : [x + size * 0.28, y + size * 0.28], size * 0.1, theme.accent);
  pen.font = `12px ${theme.font}`;
  pen.fillStyle = theme.muted;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  const doing = t < episode.length ? names[episode.action(t)] : "";
  const legend = `● passenger ${rides ? "in the taxi" : ""}   ▢ dashed: destination   ${doing}`;
  pen.fillText(legend, box.x + box.width / 2, top + 5 * size + 20);
  ending(pen, shot, taxi);
}
