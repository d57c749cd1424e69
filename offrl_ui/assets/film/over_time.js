// A film of numbered states without a place: the way through them over time.

import { number } from "../shared/format.js";
import { mix } from "../shared/palette.js";
import { drawAction } from "../shared/signs.js";
import { between, drawLabel, drawTrail, drawWalker } from "./drawing.js";

/**
 * @import { Box, Point, Theme } from "../shared/types.d.ts"
 * @import { Shot } from "./types.d.ts"
 */

/** @typedef {CanvasRenderingContext2D} Context */

// The way through numbered states over time: up is the state's number of its own (severity), else its place in the
// order.
/** @param {Context} pen @param {Shot} shot */
export function drawOverTime(pen, shot) {
  const { episode, theme, at, box, steps, layout, names } = shot;
  if (layout.kind !== "matrix") return;
  const doses = layout.action_grid;
  const side = doses ? Math.min(box.width * 0.3, 190) : 0;
  const chart = { x: box.x + 48, y: box.y + 22, width: box.width - 62 - side, height: box.height - 66 };
  const place = new Map(layout.order.map((state, i) => [state, i]));
  const values = layout.row_value?.length ? layout.row_value : layout.order.map((_, i) => i);
  const ends = new Set(layout.terminal);
  const living = layout.order
    .map((state, i) => (ends.has(state) ? NaN : values[i]))
    .filter((value) => !Number.isNaN(value));
  let [low, high] = [Math.min(...living), Math.max(...living)];
  if (low === high) [low, high] = [low - 1, high + 1];
  /** @param {number} k @returns {number} */
  const height = (k) => {
    const state = episode.state(k);
    return ends.has(state) && k > 0 ? height(k - 1) : (values[place.get(state) ?? -1] ?? low);
  };
  /** @param {number} k @returns {Point} */
  const point = (k) => [
    chart.x + (k / Math.max(steps, 4)) * chart.width,
    chart.y + chart.height * (1 - (height(k) - low) / (high - low)),
  ];
  axes(pen, chart, theme, { low, high, steps: Math.max(steps, 4), title: layout.row_title });
  const t = Math.min(Math.floor(at), episode.length);
  const over = t >= episode.length;
  const points = Array.from({ length: t + 1 }, (_, k) => point(k));
  if (!over) points.push(between(point(t), point(t + 1), at - t));
  drawTrail(pen, points, theme, 2);
  for (let k = 0; k < t; k++) drawAction(pen, episode.action(k), layout, theme, point(k), 7);
  const here = points[points.length - 1];
  drawWalker(pen, here, 11, over ? -1 : episode.action(t), layout, theme);
  if (over) drawLabel(pen, episode.ending, here, theme, box, 13);
  const given = Array.from({ length: t }, (_, k) => episode.action(k));
  const now = over ? -1 : episode.action(t);
  const beside = { x: chart.x + chart.width + 26, y: chart.y + 18, size: side - 34 };
  if (doses) drawDoses(pen, theme, doses, given, now, beside);
  pen.font = `12px ${theme.font}`;
  pen.fillStyle = theme.text;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  if (!over) pen.fillText(names[episode.action(t)], box.x + box.width / 2, box.y + box.height - 8);
}

/** @param {Context} pen @param {Box} box @param {Theme} theme
 * @param {{ low: number, high: number, steps: number, title: string }} axis */
function axes(pen, { x, y, width, height }, theme, { low, high, steps, title }) {
  pen.strokeStyle = theme.line;
  pen.lineWidth = 1;
  pen.strokeRect(x, y, width, height);
  pen.font = `11px ${theme.font}`;
  pen.fillStyle = theme.muted;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  pen.fillText(number(high, 3), x - 6, y + 6);
  pen.fillText(number(low, 3), x - 6, y + height - 6);
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.fillText(`↑ ${title}`, x, y - 7, width);
  pen.fillText("0", x, y + height + 15);
  pen.textAlign = "right";
  pen.fillText(`${steps} steps →`, x + width, y + height + 15);
}

// Treatments as a grid of two doses: how often each was given so far, and the one given now.
/**
 * @param {Context} pen
 * @param {Theme} theme
 * @param {[rows: number, cols: number]} doses
 * @param {number[]} before - actions so far
 * @param {number} now - the action that is being given, −1 for none
 * @param {{ x: number, y: number, size: number }} place
 */
function drawDoses(pen, theme, [rows, cols], before, now, { x, y, size }) {
  const cell = size / Math.max(rows, cols);
  const given = new Float32Array(rows * cols);
  for (const action of before) given[action] += 1;
  const most = Math.max(...given, 1);
  for (let a = 0; a < rows * cols; a++) {
    const [cx, cy] = [x + (a % cols) * cell, y + (rows - 1 - Math.floor(a / cols)) * cell];
    pen.fillStyle = given[a] ? mix(theme.surface, theme.series[0], 0.25 + (0.75 * given[a]) / most) : theme.surface;
    pen.fillRect(cx + 1, cy + 1, cell - 2, cell - 2);
    if (a !== now) continue;
    pen.strokeStyle = theme.accent;
    pen.lineWidth = 2.5;
    pen.strokeRect(cx + 1.5, cy + 1.5, cell - 3, cell - 3);
  }
  pen.font = `11px ${theme.font}`;
  pen.fillStyle = theme.muted;
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  pen.fillText("↑ fluids", x, y - 6);
  pen.textAlign = "right";
  pen.fillText("vasopressor →", x + cols * cell, y + rows * cell + 14);
}
