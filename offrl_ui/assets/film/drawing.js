// What the pictures of a film share: the trail, the walker, a label, and a strip that shows one number over time.

import { AxisScale } from "../shared/axis.js";
import { withAlpha } from "../shared/palette.js";
import { drawAction } from "../shared/signs.js";

/**
 * @import { Box, Point, Theme } from "../shared/types.d.ts"
 * @import { ActionSigns } from "../shared/types.d.ts"
 * @import { Shot } from "./types.d.ts"
 */

/** @typedef {CanvasRenderingContext2D} Context */

/**
 * A line through points with a halo, so that it reads on any colour; the last stretch is the strongest.
 * @param {Context} pen
 * @param {Point[]} points
 * @param {Theme} theme
 * @param {number} [width]
 */
export function drawTrail(pen, points, theme, width = 2.4) {
  if (!points.length) return;
  pen.lineJoin = pen.lineCap = "round";
  const recent = Math.max(points.length - 14, 0);
  for (const [from, strength] of [
    [0, 0.5],
    [recent, 1],
  ]) {
    for (const [colour, thick] of /** @type {const} */ ([
      [theme.background, width + 3],
      [theme.text, width],
    ])) {
      pen.strokeStyle = withAlpha(colour, strength);
      pen.lineWidth = thick;
      pen.beginPath();
      points.slice(from).forEach((point, i) => {
        if (i) pen.lineTo(...point);
        else pen.moveTo(...point);
      });
      pen.stroke();
    }
  }
  pen.beginPath();
  pen.arc(...points[0], width * 1.8, 0, 2 * Math.PI);
  pen.fillStyle = theme.background;
  pen.fill();
  pen.lineWidth = width * 0.8;
  pen.strokeStyle = theme.text;
  pen.stroke();
}

/**
 * The walker: a disc with the sign of the action that is being taken.
 * @param {Context} pen
 * @param {Point} place
 * @param {number} radius
 * @param {number} action
 * @param {ActionSigns} layout
 * @param {Theme} theme
 */
export function drawWalker(pen, [x, y], radius, action, layout, theme) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = theme.background;
  pen.fill();
  pen.lineWidth = Math.max(radius * 0.24, 2);
  pen.strokeStyle = theme.accent;
  pen.stroke();
  if (action >= 0) drawAction(pen, action, layout, theme, [x, y], radius * 0.62);
}

/**
 * Words in a box beside (x, y), kept inside `box`.
 * @param {Context} pen
 * @param {string} text
 * @param {Point} place
 * @param {Theme} theme
 * @param {Box} box
 * @param {number} [size]
 */
export function drawLabel(pen, text, [x, y], theme, box, size = 12) {
  pen.font = `600 ${size}px ${theme.font}`;
  const width = Math.min(pen.measureText(text).width + 14, box.width);
  const height = size + 10;
  const left = Math.min(Math.max(x - width / 2, box.x), box.x + box.width - width);
  const top = Math.min(Math.max(y - height - 12, box.y), box.y + box.height - height);
  pen.fillStyle = theme.background;
  pen.strokeStyle = theme.accent;
  pen.lineWidth = 1.4;
  pen.beginPath();
  pen.roundRect(left, top, width, height, 5);
  pen.fill();
  pen.stroke();
  pen.fillStyle = theme.text;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, left + width / 2, top + height / 2 + 0.5, width - 8);
}

/**
 * A number over the steps of the episode, with its limits.
 * @typedef {object} Strip
 * @property {string} label
 * @property {number} low
 * @property {number} high
 * @property {number[]} limits
 * @property {(t: number) => number} value
 * @property {number} upto
 * @property {number} steps
 */

/** @param {Context} pen @param {Box} box @param {Theme} theme @param {Strip} strip */
export function drawStrip(pen, { x, y, width, height }, theme, { label, low, high, limits, value, upto, steps }) {
  const left = x + 40;
  /** @param {number} t */
  const across = (t) => left + (t / Math.max(steps, 1)) * (x + width - left);
  /** @param {number} v */
  const up = (v) => y + height - ((Math.min(Math.max(v, low), high) - low) / (high - low)) * height;
  pen.font = `11px ${theme.font}`;
  pen.fillStyle = theme.muted;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const { at, text } of new AxisScale().ticks(low, high, 3)) pen.fillText(text, left - 6, up(at));
  pen.strokeStyle = theme.line;
  pen.lineWidth = 1;
  pen.strokeRect(left, y, x + width - left, height);
  pen.strokeStyle = theme.warning;
  pen.setLineDash([5, 4]);
  for (const limit of limits) {
    pen.beginPath();
    pen.moveTo(left, up(limit));
    pen.lineTo(x + width, up(limit));
    pen.stroke();
  }
  pen.setLineDash([]);
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  pen.fillText(label, left + 2, y - 5);
  pen.strokeStyle = theme.series[0];
  pen.lineWidth = 1.8;
  pen.beginPath();
  for (let t = 0; t <= upto; t++) pen.lineTo(across(t), up(value(t)));
  pen.stroke();
}

/**
 * Where the walker is between two places: `share` of the way.
 * @param {Point} a
 * @param {Point} b
 * @param {number} share
 * @returns {Point}
 */
export const between = ([ax, ay], [bx, by], share) => [ax + (bx - ax) * share, ay + (by - ay) * share];

/** @param {Context} pen @param {Point[]} points @param {string} colour @param {number} width */
export function line(pen, points, colour, width) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  pen.stroke();
}

/** @param {Context} pen @param {Point} place @param {number} radius @param {string} colour */
export function disc(pen, [x, y], radius, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

/** @param {Context} pen @param {Shot} shot @param {Point} place */
export function ending(pen, shot, place) {
  if (shot.at >= shot.episode.length) drawLabel(pen, shot.episode.ending, place, shot.theme, shot.box, 13);
}
