// Curves over a common axis, with zones, marks and points.

/** @import { Child, Context, Corner, Drawn, Found, Frame, TipRow } from "./drawing.d.ts" */
/** @import { Line, Lines } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { amount, num } from "./axes.js";
import { across, frame, marks, xTicks, yGrid, zones } from "./frame.js";
import { handle } from "./handles.js";
import { labelText, labelWidth } from "./labels.js";

/** @param {Lines} picture @param {Context} ctx @returns {Drawn} */
export function drawLines(picture, ctx) {
  const { em } = ctx;
  const xs = picture.lines.flatMap((l) => l.x).concat(picture.points.map((p) => p.x));
  const ys = picture.lines
    .flatMap((l) => (l.band ? [...l.y, ...l.band[0], ...l.band[1]] : l.y))
    .concat(picture.points.map((p) => p.y));
  const named = ctx.mini ? [] : picture.lines.filter((l) => labelText(l.label));
  const widest = Math.max(0, ...named.map((l) => labelWidth(l.label, ctx.theme.font, 600) * 0.95));
  const f = frame(picture, xs, ys, ctx, { right: widest ? Math.min(widest * em + 12, ctx.width * 0.34) : 14 });
  const drawn = picture.lines.map((line) => drawLine(line, f, ctx));
  const clip = `clip-${ctx.id}`;
  const box = { x: f.left - 1, y: f.top - 3, width: f.right - f.left + 2, height: f.bottom - f.top + 6 };
  const bodies = drawn.map((d) => d.body);
  const curves = [v("g", { "clip-path": `url(#${clip})` }, bodies), drawn.map((d) => d.arrows)];
  const clipping = v("defs", {}, v("clipPath", { id: clip }, v("rect", box)));
  if (ctx.mini)
    return { nodes: [clipping, f.y.inside(0) && across(f, f.y.at(0), { class: "zero" }), curves], probe: null };
  // In the order in which words get their places.
  const grid = [yGrid(f, em), xTicks(f, em)];
  endLabels(named, f, ctx);
  const dots = picture.points.map((p) => handle(p, f, ctx));
  const rules = marks(picture.marks, f, ctx);
  const shaded = zones(picture.zones, f, ctx);
  const axis = across(f, f.bottom, { class: "axis" });
  return {
    nodes: [clipping, shaded, grid, axis, curves, rules, dots, f.labels.nodes()],
    probe: (px) => probeLines(picture, f, px, ctx),
  };
}

/** @param {Line} line @param {Frame} f @param {Context} ctx */
function drawLine(line, f, ctx) {
  const colour = ctx.colour(line.color);
  /** @type {Child[]} */
  const body = line.band ? [drawBand(line, line.band, f, colour)] : [];
  const { d, corners, arrows } = trace(line, f, colour);
  if (line.mode !== "points") {
    const width = (line.width * ctx.em) / 13;
    const look = { "stroke-dasharray": line.dash ? "7 5" : null, class: line.faint ? "line faint" : "line" };
    if (d) body.push(v("path", { d, stroke: colour, "stroke-width": width, ...look }));
    f.labels.curve(corners);
  }
  const there = corners.filter(([, y]) => Number.isFinite(y));
  // A curve that has only begun is a dot.
  const begun = line.mode !== "points" && there.length === 1;
  if (begun || line.mode === "points" || line.mode === "both") {
    for (const [x, y] of there) f.labels.block(x - 3, y - 3, x + 3, y + 3);
    const look = { r: ctx.em * 0.24, fill: colour, class: line.faint ? "dot faint" : "dot" };
    const seen = corners.filter(([, y], i) => Number.isFinite(y) && Number.isFinite(num(line.y[i])));
    body.push(seen.map(([cx, cy]) => v("circle", { cx, cy, ...look })));
  }
  return { body, arrows };
}

/** @param {Line} line @param {NonNullable<Line["band"]>} band @param {Frame} f @param {string} fill */
function drawBand(line, band, f, fill) {
  const [low, high] = band.map((edge) => edge.map(num));
  const keep = [...line.x.keys()].filter((i) => Number.isFinite(low[i]) && Number.isFinite(high[i]));
  if (keep.length < 2) return null;
  const corner = (/** @type {number} */ i, /** @type {number} */ y) =>
    `${f.x.at(num(line.x[i])).toFixed(1)},${f.y.at(y).toFixed(1)}`;
  const there = keep.map((i) => corner(i, high[i]));
  const back = keep.map((i) => corner(i, low[i])).reverse();
  return v("path", { d: `M${there.join("L")}L${back.join("L")}Z`, fill, class: "band" });
}

/**
 * The path of a line, its corners, and arrows where it leaves the numbers.
 * @param {Line} line
 * @param {Frame} f
 * @param {string} colour
 */
function trace(line, f, colour) {
  let d = "";
  let pen = false;
  /** @type {Child[]} */
  const arrows = [];
  const corners = line.x.map((x, i) => {
    const y = num(line.y[i]);
    if (Number.isNaN(y) || (f.y.axis.scale === "log" && y <= 0)) {
      pen = false;
      return /** @type {Corner} */ ([NaN, NaN]);
    }
    const [px, py] = [f.x.at(num(x)), f.y.at(y)];
    if (Number.isFinite(y)) {
      if (line.mode === "steps" && pen) d += `H${px.toFixed(1)}`;
      d += `${pen ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`;
      pen = true;
    } else {
      // Leaves the numbers: an arrow at the edge says so.
      if (pen) {
        d += `L${px.toFixed(1)},${py.toFixed(1)}`;
        arrows.push(leaving(px, py, y > 0, f, colour));
      }
      pen = false;
    }
    return /** @type {Corner} */ ([px, py]);
  });
  return { d, corners, arrows };
}

/** @param {number} x @param {number} y @param {boolean} upwards @param {Frame} f @param {string} colour */
function leaving(x, y, upwards, f, colour) {
  const up = upwards ? -1 : 1;
  f.labels.put(
    upwards ? "∞" : "−∞",
    "mark-label",
    [
      [x, y + (upwards ? -5 : 14), "middle"],
      [x - 9, y + 5, "end"],
      [x + 9, y + 5, "start"],
    ],
    { fill: colour },
  );
  return v("path", { d: `M${x - 6},${y - 7 * up}L${x},${y}L${x + 6},${y - 7 * up}`, stroke: colour, class: "off" });
}

/**
 * Names at the ends of their curves, moved apart where they would touch.
 * @param {Line[]} lines
 * @param {Frame} f
 * @param {Context} ctx
 */
function endLabels(lines, f, ctx) {
  const items = lines.flatMap((line) => {
    const i = line.y.findLastIndex((y) => Number.isFinite(num(y)));
    if (i < 0) return [];
    const y = Math.min(Math.max(f.y.at(num(line.y[i])), f.top), f.bottom);
    return [{ line, x: Math.min(f.x.at(num(line.x[i])), f.right), y }];
  });
  items.sort((a, b) => a.y - b.y);
  const heights = items.map(({ y }) => y);
  apart(heights, ctx.em * 1.1, f.top, f.bottom - ctx.em * 0.3).forEach((y, i) => {
    const { line, x } = items[i];
    const fill = ctx.colour(line.color);
    f.labels.put(line.label, "end-label", [[x + 6, y + ctx.em * 0.32, "start"]], { fill });
  });
}

/**
 * Heights in ascending order, moved as little as it takes to stand `gap` apart within `low` and `high`: those that
 * touch share their shift.
 *
 * @param {number[]} heights
 * @param {number} gap
 * @param {number} low
 * @param {number} high
 */
export function apart(heights, gap, low, high) {
  /** @type {{ members: number[], middle: number }[]} */
  const groups = [];
  const half = (/** @type {{ members: number[] }} */ group) => ((group.members.length - 1) * gap) / 2;
  for (const y of heights) {
    let group = { members: [y], middle: y };
    for (;;) {
      group.middle = Math.min(
        Math.max(group.middle, low + half(group)),
        Math.max(high - half(group), low + half(group)),
      );
      const before = groups.at(-1);
      if (!before || group.middle - half(group) >= before.middle + half(before) + gap) break;
      groups.pop();
      const members = [...before.members, ...group.members];
      group = { members, middle: members.reduce((sum, m) => sum + m, 0) / members.length };
    }
    groups.push(group);
  }
  return groups.flatMap(({ members, middle }) => members.map((_, i) => middle + (i - (members.length - 1) / 2) * gap));
}

/** @param {Lines} picture @param {Frame} f @param {number} px @param {Context} ctx @returns {Found | null} */
function probeLines(picture, f, px, ctx) {
  if (px < f.left - 8 || px > f.right + 8) return null;
  const all = picture.lines.flatMap((line) => line.x.map(num));
  if (!all.length) return null;
  const away = (/** @type {number} */ x) => Math.abs(f.x.at(x) - px);
  const best = all.reduce((a, b) => (away(b) < away(a) ? b : a));
  const wanted = f.x.invert(px);
  /** @type {TipRow[]} */
  const rows = picture.lines
    .filter((line) => line.x.length)
    .map((line) => {
      const off = (/** @type {number} */ i) => Math.abs(num(line.x[i]) - wanted);
      const k = [...line.x.keys()].reduce((a, b) => (off(b) < off(a) ? b : a));
      const [low, high] = line.band ?? [];
      const name = line.band_name ? `, ${line.band_name}` : "";
      const band = low && high ? ` (${amount(low[k])} – ${amount(high[k])}${name})` : "";
      const text = amount(line.y[k], picture.y.unit) + band;
      return { colour: ctx.colour(line.color), name: line.name, text, dash: line.dash };
    });
  const title = `${picture.x.label}: ${amount(best, picture.x.unit)}`;
  return { x: f.x.at(best), line: { top: f.top, bottom: f.bottom }, title, rows };
}
