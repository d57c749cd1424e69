// Outcome against one hyperparameter, as a curve for each metric, or against two, as a heat map.

import { fitting, leastRoom } from "../shared/axis.js";
import { number, setting } from "../shared/format.js";
import { rampOf, withAlpha } from "../shared/palette.js";
import { Scale } from "../shared/scale.js";
import { groupColour } from "./panels.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Axis, Group } from "../run/groups.js"
 * @import { Store } from "../run/store.js"
 * @import { Pen, Theme } from "../shared/types.d.ts"
 */

/** A metric over the axis; `references`: with the best and the behaviour's return; `share`: a share, with zero in the
 * picture. @typedef {{ index: number, title: string, unit?: string, references?: boolean, share?: boolean }}
 *   OutcomeMetric */
/**
 * @typedef {{ store: Store, theme: Theme, frame: Frame, width: number, height: number, metrics: OutcomeMetric[] }}
 *   Drawn
 */
/** A cell of the map. @typedef {{ group: Group, x: number, y: number, w: number, h: number }} MapCell */

/** Place of each value on the axis, 0 to 1. @param {Axis} axis */
function positionsOf(axis) {
  const { values } = axis;
  if (!axis.numeric) return values.map((_, i) => (i + 0.5) / values.length);
  const numbers = values.map(Number);
  const logarithmic = axis.scale === "log" && numbers.every((value) => value > 0);
  const mapped = numbers.map((value) => (logarithmic ? Math.log(value) : value));
  const [low, high] = [Math.min(...mapped), Math.max(...mapped)];
  return mapped.map((value) => 0.04 + (0.92 * (value - low)) / (high - low));
}

/**
 * A picture for each metric, above each other. Returns where each value stands, and what its marks are.
 * @param {Pen} pen
 * @param {Drawn} what
 */
export function drawAxis(pen, { store, theme, frame, width, height, metrics }) {
  const [axis] = store.axes;
  const positions = positionsOf(axis);
  const [left, right, bottom, top] = [48, 10, 34, 20];
  const each = (height - bottom) / metrics.length;
  /** @param {number} i */
  const xOf = (i) => left + positions[i] * (width - left - right);
  pen.font = `11px ${theme.font}`;
  const groups = store.groups.filter((group) => axis.name in group.values);
  const current = store.groupOf(store.view.member);
  metrics.forEach((metric, m) => {
    const [y0, y1] = [each * (m + 1) - 8, each * m + top];
    const stats = groups.map((group) => [...store.lastStats(frame, group, metric.index)]);
    const refs = metric.references && store.truthHoldsForAll ? referencesOf(store) : [];
    const all = [...stats.flat(), ...refs.map(({ value }) => value)].filter(Number.isFinite);
    if (metric.share) all.push(0);
    const [least, most] = [Math.min(...all), Math.max(...all)];
    const sort = metric.share ? "plain" : "value";
    const scale = fitting(sort, least, most, store.usual);
    const [a, b] = [scale.forward(least), scale.forward(most)];
    const room = scale.kind === "linear" ? leastRoom(sort, least, most, store.usual) : [0.05, 0.05];
    const [below, above] = room.map((size) => Math.max((b - a) * 0.1, size));
    const [low, high] = [a - below, b + above];
    /** @param {number} value */
    const yOf = (value) => y0 - ((scale.forward(value) - low) / (high - low)) * (y0 - y1);
    chartTitle(pen, theme, metric, scale.words, y1 - 8);
    for (const { at: tick, text } of scale.ticks(scale.backward(low), scale.backward(high), 3)) {
      pen.fillStyle = theme.line;
      pen.fillRect(left, yOf(tick), width - left - right, 1);
      pen.fillStyle = theme.muted;
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      pen.fillText(text, left - 6, yOf(tick));
    }
    for (const { name, value, dash } of refs) {
      pen.setLineDash(dash);
      pen.strokeStyle = theme.text;
      pen.beginPath();
      pen.moveTo(left, yOf(value));
      pen.lineTo(width - right, yOf(value));
      pen.stroke();
      pen.setLineDash([]);
      pen.fillStyle = theme.muted;
      pen.textAlign = "right";
      pen.textBaseline = "bottom";
      pen.fillText(name, width - right, yOf(value) - 1);
    }
    pen.strokeStyle = withAlpha(theme.text, 0.3);
    pen.beginPath();
    groups.forEach((group, i) => {
      if (Number.isFinite(stats[i][0])) pen.lineTo(xOf(axis.values.indexOf(group.values[axis.name])), yOf(stats[i][0]));
    });
    pen.stroke();
    groups.forEach((group, i) => {
      const x = xOf(axis.values.indexOf(group.values[axis.name]));
      const [median, lower, upper] = stats[i];
      if (!Number.isFinite(median)) return;
      pen.fillStyle = pen.strokeStyle = groupColour(store, group, theme);
      if (Number.isFinite(lower)) {
        pen.lineWidth = 2;
        pen.beginPath();
        pen.moveTo(x, yOf(lower));
        pen.lineTo(x, yOf(upper));
        pen.stroke();
        pen.lineWidth = 1;
      }
      pen.beginPath();
      pen.arc(x, yOf(median), group === current ? 5.5 : 3.8, 0, 2 * Math.PI);
      pen.fill();
      if (group === current) {
        pen.strokeStyle = theme.text;
        pen.lineWidth = 1.5;
        pen.stroke();
        pen.lineWidth = 1;
      }
    });
  });
  axisLabels(pen, theme, axis, xOf, height - bottom + 12, width);
  return { xOf, about: seedsOf(groups, "median and quartiles") };
}

/** @param {Store} store */
function referencesOf(store) {
  const { optimal, behavior } = store.run.truth;
  const known = [
    { name: "best", value: optimal ?? NaN, dash: [5, 4] },
    { name: "behaviour", value: behavior ?? NaN, dash: [2, 3] },
  ];
  return known.filter(({ value }) => Number.isFinite(value));
}

/** @param {Pen} pen @param {Theme} theme @param {OutcomeMetric} metric @param {string} scale - in words
 * @param {number} y */
function chartTitle(pen, theme, { title, unit }, scale, y) {
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
  pen.font = `600 11.5px ${theme.font}`;
  pen.fillStyle = theme.text;
  pen.fillText([title, unit, scale].filter(Boolean).join(", "), 4, y);
  pen.font = `11px ${theme.font}`;
}

/** @param {Group[]} groups @param {string} what */
function seedsOf(groups, what) {
  const seeds = groups[0]?.members.length ?? 1;
  return seeds === 1 ? "1 seed each" : `${what} of ${seeds} seeds`;
}

/**
 * @param {Pen} pen
 * @param {Theme} theme
 * @param {Axis} axis
 * @param {(i: number) => number} xOf
 * @param {number} y
 * @param {number} width
 */
function axisLabels(pen, theme, axis, xOf, y, width) {
  pen.fillStyle = theme.muted;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  let free = -Infinity;
  axis.values.forEach((value, i) => {
    const text = setting(value);
    const half = pen.measureText(text).width / 2;
    if (xOf(i) - half < free) return;
    free = xOf(i) + half + 4;
    pen.fillText(text, xOf(i), y);
  });
  pen.fillStyle = theme.text;
  pen.fillText(axis.symbol, width / 2, y + 16);
}

/** The first metric over two axes. Returns the cells. @param {Pen} pen @param {Drawn} what */
export function drawMap(pen, { store, theme, frame, width, height, metrics }) {
  const [across, up] = store.axes;
  const [metric] = metrics;
  /** @type {MapCell[]} */
  const cells = [];
  if (!metric) return { cells, about: "" };
  const [left, bottom, top] = [56, 36, 20];
  const [w, hgt] = [(width - left - 8) / across.values.length, (height - bottom - top) / up.values.length];
  const values = store.groups.map((group) => store.lastStat(frame, group, metric.index));
  const known = store.truthHoldsForAll ? referencesOf(store).map(({ value }) => value) : [];
  const all = [...values, ...known].filter(Number.isFinite);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const scale = new Scale({ kind: "value", low: least, high: most, usual: store.usual });
  scale.include(least, most, frame.step);
  chartTitle(pen, theme, metric, scale.axis.words, 12);
  mapLegend(pen, theme, scale, width);
  const current = store.groupOf(store.view.member);
  store.groups.forEach((group, i) => {
    const x = left + across.values.indexOf(group.values[across.name]) * w;
    const y = top + (up.values.length - 1 - up.values.indexOf(group.values[up.name])) * hgt;
    cells.push({ group, x, y, w, h: hgt });
    if (Number.isNaN(values[i])) return;
    pen.fillStyle = scale.colour(values[i], theme.dark);
    pen.fillRect(x, y, w - 1, hgt - 1);
    pen.fillStyle = scale.at(values[i]) > 0.6 ? "#111" : "#fff";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    if (w > 34 && hgt > 13) pen.fillText(number(values[i], 2), x + w / 2, y + hgt / 2);
    if (group === current) {
      pen.strokeStyle = theme.accent;
      pen.lineWidth = 2.5;
      pen.strokeRect(x + 1, y + 1, w - 3, hgt - 3);
    }
  });
  axisLabels(pen, theme, across, (i) => left + (i + 0.5) * w, height - bottom + 14, width);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillStyle = theme.muted;
  up.values.forEach((value, i) => {
    pen.fillText(setting(value), left - 6, top + (up.values.length - 0.5 - i) * hgt);
  });
  pen.fillStyle = theme.text;
  pen.textAlign = "left";
  pen.fillText(up.symbol, 2, top + 8);
  return { cells, about: seedsOf(store.groups, "median") };
}

/**
 * The colours with their two ends, at the right of the title.
 * @param {Pen} pen
 * @param {Theme} theme
 * @param {Scale} scale
 * @param {number} width
 */
function mapLegend(pen, theme, scale, width) {
  const [low, high] = [number(scale.low), number(scale.high)];
  const [bar, right] = [90, width - 8 - pen.measureText(high).width - 5];
  const { css } = rampOf(scale.kind, theme.dark);
  for (let i = 0; i < bar; i += 2) {
    pen.fillStyle = css[Math.round((255 * i) / bar)];
    pen.fillRect(right - bar + i, 4, 2.4, 9);
  }
  pen.fillStyle = theme.muted;
  pen.fillText(high, right + 5, 12);
  pen.fillText(low, right - bar - 5 - pen.measureText(low).width, 12);
}
