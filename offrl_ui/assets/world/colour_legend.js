// Legends of the world's picture, drawn into it so that they are part of what is saved.

import { rampOf } from "../shared/palette.js";
import { drawAction } from "../shared/signs.js";

/**
 * @import { Run } from "../run/history.js"
 * @import { Scale } from "../shared/scale.js"
 * @import { Pen, Theme } from "../shared/types.d.ts"
 */

/**
 * Where a legend stands, its font's size, the hatch that it explains, and a note.
 * @typedef {object} LegendPlace
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} font
 * @property {Pen["fillStyle"] | null} hatch
 * @property {string} note
 */

/**
 * The legend of a scale: name, ramp, numbers, the hatch's meaning, and where it grew.
 * @param {Pen} pen
 * @param {Scale} scale
 * @param {string} label
 * @param {Theme} theme
 * @param {LegendPlace} place
 */
export function drawScaleLegend(pen, scale, label, theme, { x, y, width, font, hatch, note }) {
  const ramp = rampOf(scale.kind, theme.dark);
  const [top, height, length] = [y + 7 + font, Math.round(font * 0.8), Math.min(width * 0.62, 340)];
  drawTitle(pen, label, theme, x, y, font);
  if (scale.grew) {
    pen.font = `${font}px ${theme.font}`;
    pen.fillStyle = theme.warning;
    pen.textAlign = "right";
    pen.fillText(`▲ scale grew at step ${scale.grew.step}`, x + width, y + 11);
  }
  for (let i = 0; i < 128; i++) {
    pen.fillStyle = ramp.css[Math.min(2 * i + 1, 255)];
    pen.fillRect(x + (length * i) / 128, top, length / 128 + 0.6, height);
  }
  pen.font = `${font}px ${theme.font}`;
  pen.fillStyle = theme.muted;
  const ticks = scale.ticks(5);
  // The ends are written first; between them whatever has room.
  /** @type {[from: number, to: number][]} */
  const taken = [];
  for (const tick of [ticks[0], ticks[ticks.length - 1], ...ticks.slice(1, -1)]) {
    const at = x + length * scale.at(tick);
    const text = scale.tickText(tick);
    const half = pen.measureText(text).width / 2;
    const centre = Math.min(Math.max(at, x + half), x + length - half);
    if (taken.some(([from, to]) => centre + half + 6 > from && centre - half - 6 < to)) continue;
    taken.push([centre - half, centre + half]);
    pen.fillRect(Math.min(at, x + length - 1), top + height, 1, 3);
    pen.textAlign = "center";
    pen.fillText(text, centre, top + height + 3 + font);
  }
  if (scale.grew) {
    // The end of the scale before it grew.
    pen.fillStyle = theme.warning;
    for (const end of [scale.grew.from.low, scale.grew.from.high]) {
      if (end > scale.low && end < scale.high && end !== 0)
        pen.fillRect(x + length * scale.at(end) - 1, top - 3, 2, height + 3);
    }
  }
  explain(pen, theme, { x: x + length + 18, y: top, right: x + width, font, hatch, note });
}

/**
 * The legend of a policy drawn as signs of the actions: which sign is which, and what their size means.
 * @param {Pen} pen
 * @param {Run} run
 * @param {string} label
 * @param {Theme} theme
 * @param {LegendPlace} place
 */
export function drawPolicyLegend(pen, run, label, theme, { x, y, width, font, hatch, note }) {
  drawTitle(pen, `${label}: size is probability`, theme, x, y, font);
  pen.font = `${font}px ${theme.font}`;
  const row = y + 13 + font;
  let at = x + 7;
  const end = x + width - (hatch ? 10.5 * font : 0);
  for (const [action, name] of run.actionNames.entries()) {
    const needed = 12 + pen.measureText(name).width + font;
    if (at + needed > end) {
      pen.fillText("…", at, row + 0.35 * font);
      break;
    }
    drawAction(pen, action, run.layout, theme, [at, row], 0.6 * font);
    pen.fillStyle = theme.muted;
    pen.fillText(name, at + 0.95 * font, row + 0.35 * font);
    at += needed;
  }
  explain(pen, theme, { x: end, y: row - 0.4 * font, right: x + width, font, hatch, note });
}

/**
 * @param {Pen} pen
 * @param {string} text
 * @param {Theme} theme
 * @param {number} x
 * @param {number} y
 * @param {number} font
 */
function drawTitle(pen, text, theme, x, y, font) {
  pen.font = `600 ${font}px ${theme.font}`;
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.fillStyle = theme.text;
  pen.fillText(text, x, y + 11);
}

/**
 * What the hatch means, and a note; neither goes beyond `right`.
 * @param {Pen} pen
 * @param {Theme} theme
 * @param {Omit<LegendPlace, "width"> & { right: number }} place
 */
function explain(pen, theme, { x, y, right, font, hatch, note }) {
  pen.font = `${font}px ${theme.font}`;
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  if (hatch) {
    for (const style of [theme.surface, hatch]) {
      pen.fillStyle = style;
      pen.fillRect(x, y - 2, 1.8 * font, 1.2 * font);
    }
    pen.fillStyle = theme.muted;
    pen.fillText("not in the data", x + 2.4 * font, y + 0.75 * font);
  }
  if (!note) return;
  const at = Math.min(x, right - pen.measureText(note).width);
  pen.fillStyle = note.startsWith("●") ? theme.warning : theme.muted;
  pen.fillText(note.slice(0, 1), at, y + 12 + font);
  pen.fillStyle = theme.muted;
  pen.fillText(note.slice(1), at + pen.measureText(note.slice(0, 1)).width, y + 12 + font);
}
