// Legends of the world's picture, drawn into it so that they are part of what is saved.

import { infiniteColour, rampOf } from "../shared/palette.js";
import { drawAction } from "../shared/signs.js";

/**
 * @import { Run } from "../run/history.js"
 * @import { Scale } from "../shared/scale.js"
 * @import { Pen, Theme } from "../shared/types.d.ts"
 */

/**
 * Where a legend stands, its font's size, the hatch and the colour of the infinite that it explains, and a note.
 * @typedef {object} LegendPlace
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} font
 * @property {Pen["fillStyle"] | null} hatch
 * @property {boolean} infinite
 * @property {string} note
 */

/**
 * The legend of a scale: name, ramp, numbers, the hatch's meaning, and where it grew.
 * @param {Pen} pen
 * @param {Scale} scale
 * @param {string} label
 * @param {Theme} theme
 * @param {LegendPlace} place
 * @param {boolean} coloured - whether colours have a meaning in the picture: else its axis has the numbers
 */
export function drawScaleLegend(pen, scale, label, theme, { x, y, width, font, ...notes }, coloured) {
  const [top, height, length] = [y + 7 + font, Math.round(font * 0.8), coloured ? Math.min(width * 0.62, 340) : 0];
  drawTitle(pen, label, theme, x, y, font);
  let from = x + pen.measureText(label).width + 8;
  pen.font = `${font}px ${theme.font}`;
  if (scale.axis.words) {
    pen.fillStyle = theme.muted;
    pen.fillText(scale.axis.words, from, y + 11);
    from += pen.measureText(scale.axis.words).width + 8;
  }
  if (scale.grew) {
    pen.fillStyle = theme.warning;
    pen.textAlign = "right";
    const words = [`▲ scale grew at step ${scale.grew.step}`, `▲ grew at step ${scale.grew.step}`, "▲ grew"];
    const fits = words.find((text) => pen.measureText(text).width <= x + width - from);
    pen.fillText(fits ?? "▲", x + width, y + 11);
  }
  if (coloured) drawRamp(pen, scale, theme, x, top, length, height, font);
  const left = coloured ? x + length + 18 : x;
  explain(pen, theme, { x: left, y: top, right: x + width, font, ...notes });
}

/**
 * The ramp with its numbers, and the ends that it had before it grew.
 * @param {Pen} pen
 * @param {Scale} scale
 * @param {Theme} theme
 * @param {number} x
 * @param {number} top
 * @param {number} length
 * @param {number} height
 * @param {number} font
 */
function drawRamp(pen, scale, theme, x, top, length, height, font) {
  const ramp = rampOf(scale.kind, theme.dark);
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
}

/**
 * The legend of a policy drawn as signs of the actions: which sign is which, and what their size means.
 * @param {Pen} pen
 * @param {Run} run
 * @param {string} label
 * @param {Theme} theme
 * @param {LegendPlace} place
 */
export function drawPolicyLegend(pen, run, label, theme, { x, y, width, font, ...notes }) {
  drawTitle(pen, label, theme, x, y, font);
  pen.font = `${font}px ${theme.font}`;
  const row = y + 13 + font;
  let at = x + 7;
  const end = x + width - (notes.hatch ? 10.5 * font : 0);
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
  explain(pen, theme, { x: end, y: row - 0.4 * font, right: x + width, font, ...notes });
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
 * What the hatch and the colour of the infinite mean, and a note; none goes beyond `right`.
 * @param {Pen} pen
 * @param {Theme} theme
 * @param {Omit<LegendPlace, "width"> & { right: number }} place
 */
function explain(pen, theme, { x, y, right, font, hatch, infinite, note }) {
  pen.font = `${font}px ${theme.font}`;
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  let [left, row] = [x, y];
  /** The place of a text after a sign of so many pixels, in the next row where this one is full. @param {number} sign
   * @param {string} text */
  const place = (sign, text) => {
    const width = sign + pen.measureText(text).width;
    if (left > x && left + width > right) [left, row] = [x, row + 1.4 * font];
    const at = Math.min(left, right - width);
    left = at + width + font;
    return at;
  };
  /** @param {Pen["fillStyle"][]} styles @param {string} text */
  const swatch = (styles, text) => {
    const at = place(2.4 * font, text);
    for (const style of styles) {
      pen.fillStyle = style;
      pen.fillRect(at, row - 2, 1.8 * font, 1.2 * font);
    }
    pen.fillStyle = theme.muted;
    pen.fillText(text, at + 2.4 * font, row + 0.75 * font);
  };
  if (hatch) swatch([theme.surface, hatch], "not in the data");
  if (infinite) swatch([infiniteColour(theme.dark)], "∞");
  if (!note) return;
  const sign = note.slice(0, 1);
  const wide = pen.measureText(sign).width;
  const at = place(wide, note.slice(1));
  pen.fillStyle = sign === "●" ? theme.warning : theme.muted;
  pen.fillText(sign, at, row + 0.75 * font);
  pen.fillStyle = theme.muted;
  pen.fillText(note.slice(1), at + wide, row + 0.75 * font);
}
