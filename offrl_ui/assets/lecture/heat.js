// A heat map: values painted on a canvas, everything that can be pointed at is SVG.

/** @import { Context, Drawn, Frame } from "./drawing.d.ts" */
/** @import { Axis, Heat, Line } from "./protocol.d.ts" */

import { luminance } from "../shared/palette.js";
import { hatchStyle } from "../shared/signs.js";
import { v } from "../shared/patch.js";
import { amount, num, numbersAcross, PictureAxis } from "./axes.js";
import { colourScale, legendOf } from "./colours.js";
import { place, xTicks, yNumbers } from "./frame.js";
import { handle } from "./handles.js";
import { Labels, labelText } from "./labels.js";

/** An axis with names has one place for each. @param {Axis} axis @param {number} count @returns {Axis} */
function spread(axis, count) {
  if (!axis.tick_labels.length) return axis;
  return { ...axis, low: -0.5, high: count - 0.5, ticks: [...Array(count).keys()] };
}

/** @param {Heat} picture @param {Context} ctx @returns {Drawn} */
export function drawHeat(picture, ctx) {
  const { width, height, em } = ctx;
  const [rows, cols] = [picture.z.length, picture.z[0]?.length ?? 0];
  const [top, bottom] = [em * 0.6, height - em * 1.9];
  // Rows of a matrix read downwards, a number grows upwards.
  const down = picture.y.tick_labels.length > 0;
  const lines = Math.max(2, Math.round((bottom - top) / (em * 2.4)));
  const y = new PictureAxis(spread(picture.y, rows), [], down ? top : bottom, down ? bottom : top, lines);
  const labels = new Labels(ctx);
  const left = Math.max(...y.ticks.map((t) => labels.width(t.text, "tick")), em) + em * 0.7;
  const right = width - 12;
  const x = new PictureAxis(spread(picture.x, cols), [], left, right, numbersAcross(right - left, em));
  const f = { x, y, left, right, top, bottom, width, labels };
  const scale = colourScale(picture, picture.z.flat(), ctx, picture);
  const movable = picture.points.find((p) => ctx.control(p.control_x) || ctx.control(p.control_y));
  yNumbers(f, em);
  // The names of points come first: those of curves have more places to go.
  const dots = picture.points.map((p) => handle(p, f, ctx));
  const contours = picture.contours.map((line) => contour(line, f, ctx));
  const clip = `clip-${ctx.id}`;
  const room = { x: left, y: top, width: right - left, height: bottom - top };
  return {
    nodes: [
      v("defs", {}, v("clipPath", { id: clip }, v("rect", room))),
      xTicks(f, em),
      v("rect", {
        ...room,
        class: movable ? "surface movable" : "surface",
        onpointerdown:
          movable &&
          ((event) =>
            ctx.drag(event, (e, final) => {
              const [px, py] = ctx.pointer(e);
              const { control_x: across, control_y: along } = movable;
              ctx.set({ ...(across && { [across]: x.invert(px) }), ...(along && { [along]: y.invert(py) }) }, final);
            })),
      }),
      v("g", { "clip-path": `url(#${clip})` }, contours),
      dots,
      labels.nodes(),
    ],
    probe(px, py) {
      if (px < left || px > right || py < top || py > bottom || !cols) return null;
      const share = (py - top) / (bottom - top);
      const i = Math.min(Math.floor(((px - left) / (right - left)) * cols), cols - 1);
      const j = Math.min(Math.floor((down ? share : 1 - share) * rows), rows - 1);
      const gone = picture.missing[j]?.[i];
      const colour = gone ? "transparent" : scale.of(num(picture.z[j][i]));
      const text = gone ? "not in the data" : amount(picture.z[j][i], picture.z_unit);
      const title = `${at(picture.x, i, x.invert(px))} · ${at(picture.y, j, y.invert(py))}`;
      return { x: px, y: py, line: null, title, rows: [{ colour, name: picture.z_label, text }] };
    },
    paint: (pen, ratio) => paint(pen, ratio, picture, f, scale.of, ctx),
    legend: legendOf(
      scale,
      { name: picture.z_label, unit: picture.z_unit, hatch: picture.missing.some((row) => row.some(Boolean)) },
      ctx,
    ),
  };
}

/** Where the pointer is along an axis. @param {Axis} axis @param {number} k @param {number} value */
function at(axis, k, value) {
  const place = axis.tick_labels.length ? labelText(axis.tick_labels[k] ?? String(k)) : amount(value, axis.unit, 3);
  return `${axis.label}: ${place}`;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} ratio
 * @param {Heat} picture
 * @param {Frame} f
 * @param {(value: number) => string} colour
 * @param {Context} ctx
 */
function paint(pen, ratio, picture, { left, right, top, bottom }, colour, { em, theme }) {
  const hatch = picture.missing.length ? hatchStyle(pen, theme, ratio) : null;
  const down = picture.y.tick_labels.length > 0;
  const height = (bottom - top) / picture.z.length;
  picture.z.forEach((row, j) => {
    const width = (right - left) / row.length;
    const y = down ? top + j * height : bottom - (j + 1) * height;
    row.forEach((raw, i) => {
      const value = num(raw);
      const x = left + i * width;
      const missing = picture.missing[j]?.[i] || Number.isNaN(value);
      pen.fillStyle = missing ? theme.surface : colour(value);
      pen.fillRect(x, y, width + 0.5, height + 0.5);
      if (missing && hatch) {
        pen.fillStyle = hatch;
        pen.fillRect(x, y, width + 0.5, height + 0.5);
      }
      if (missing || !picture.show_values) return;
      pen.fillStyle = luminance(colour(value)) > 0.5 ? "#111" : "#fff";
      pen.font = `${em * 0.95}px ${theme.font}`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(amount(value, "", 3), x + width / 2, y + height / 2);
    });
  });
}

/**
 * A curve on the map; its name stands beside it, from its last point on backwards.
 * @param {Line} line
 * @param {Frame} f
 * @param {Context} ctx
 */
function contour(line, { x, y, left, right, top, bottom, labels }, { em, theme }) {
  const corners = line.x.map((cx, i) => /** @type {const} */ ([x.at(num(cx)), y.at(num(line.y[i]))]));
  const d = corners.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`).join("");
  const inside = corners.filter(([px, py]) => px >= left && px <= right && py >= top && py <= bottom);
  labels.curve(inside);
  const wide = labels.width(line.label, "contour-label");
  const places = [1, 0.85, 0.7, 0.5, 0.3].flatMap((share) => {
    const [px, py] = inside[Math.round(share * (inside.length - 1))] ?? [NaN, NaN];
    return [
      ...(px - em * 0.5 - wide > left ? [place(px - em * 0.5, py + em * 0.9, "end")] : []),
      ...(px + em * 0.5 + wide < right ? [place(px + em * 0.5, py + em * 0.9, "start")] : []),
    ];
  });
  if (places.length) labels.put(line.label, "contour-label", places);
  const dash = line.dash ? "7 5" : null;
  return v(
    "g",
    {},
    v("path", { d, class: "contour-halo" }),
    v("path", { d, class: "contour", stroke: theme.text, "stroke-dasharray": dash }),
  );
}
