// A continuous plane: coloured dots and arrows painted on a canvas; walls, walks and points above them as SVG.

/** @import { Context, Drawn } from "./drawing.d.ts" */
/** @import { Numeral, Plane } from "./protocol.d.ts" */
/** @import { PictureAxis as Laid } from "./axes.js" */

import { arrowPath } from "../shared/signs.js";
import { v } from "../shared/patch.js";
import { amount, num, numbersAcross, PictureAxis } from "./axes.js";
import { colourScale, legendOf } from "./colours.js";
import { xTicks, yNumbers } from "./frame.js";
import { handle } from "./handles.js";
import { Labels, label } from "./labels.js";
import { walks } from "./walks.js";

/** @param {Plane} picture @param {Context} ctx @returns {Drawn} */
export function drawPlane(picture, ctx) {
  const { em, width, height } = ctx;
  const { dots, bare } = picture;
  const room = bare
    ? { left: 2, right: width - 2, top: 2, bottom: height - 2 }
    : { left: em * 2.6, right: width - 10, top: em * 0.6, bottom: height - em * 1.9 };
  const { left, right, top, bottom } = room;
  const xs = dots.map((d) => d[0]);
  const ys = dots.map((d) => d[1]);
  const x = new PictureAxis(picture.x, xs, left, right, numbersAcross(right - left, em));
  const y = new PictureAxis(picture.y, ys, bottom, top, Math.round(height / (em * 3)));
  const labels = new Labels(ctx);
  const f = { x, y, ...room, width, labels };
  const values = dots.map((d) => d[2]);
  const scale = colourScale(picture, values, ctx);
  const box = (/** @type {readonly Numeral[]} */ corners) => between(corners, x, y);
  const frame = { x: left, y: top, width: right - left, height: bottom - top };
  if (!bare) yNumbers(f, em);
  const regions = picture.regions.map(([name, ...corners]) => {
    const b = box(corners);
    const middle = { x: b.x + b.width / 2, y: b.y + b.height / 2 + em * 0.3, "text-anchor": "middle" };
    return v("g", {}, v("rect", { ...b, class: "region" }), label(name, { ...middle, class: "region-label" }));
  });
  const painted = dots.length + picture.arrows.length > 0;
  return {
    nodes: [
      !bare && v("rect", { ...frame, class: "surface outlined" }),
      regions,
      picture.walls.map((wall) => v("rect", { ...box(wall), fill: ctx.theme.wall })),
      !bare && xTicks(f, em),
      walks(picture.paths, (path) => path.xy.map(([a, b]) => [x.at(num(a)), y.at(num(b))]), ctx, 0, labels),
      picture.points.map((p) => handle(p, f, ctx)),
      labels.nodes(),
    ],
    probe(px, py) {
      const away = dots.map((d) => Math.hypot(x.at(num(d[0])) - px, y.at(num(d[1])) - py));
      const best = away.indexOf(Math.min(...away));
      if (!(away[best] < 16)) return null;
      const [dx, dy, value] = dots[best];
      const at = [
        `${picture.x.label} ${amount(dx, picture.x.unit, 3)}`,
        `${picture.y.label} ${amount(dy, picture.y.unit, 3)}`,
      ];
      const rows = [{ colour: scale.of(num(value)), name: picture.dots_label, text: amount(value) }];
      return { x: px, y: py, line: null, title: at.join(" · "), rows };
    },
    paint: painted ? (pen) => paint(pen, picture, x, y, scale.of, ctx) : null,
    legend: legendOf(
      values.some((value) => Number.isFinite(num(value))) ? scale : null,
      { name: picture.dots_label, paths: picture.paths },
      ctx,
    ),
  };
}

/** A rectangle in pixels. @param {readonly Numeral[]} corners @param {Laid} x @param {Laid} y */
function between(corners, x, y) {
  const [x0, y0, x1, y1] = corners.map(num);
  const [left, right, top, bottom] = [x.at(x0), x.at(x1), y.at(y0), y.at(y1)];
  return {
    x: Math.min(left, right),
    y: Math.min(top, bottom),
    width: Math.abs(right - left),
    height: Math.abs(bottom - top),
  };
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Plane} picture
 * @param {Laid} x
 * @param {Laid} y
 * @param {(value: number) => string} colour
 * @param {Context} ctx
 */
function paint(pen, { dots, arrows }, x, y, colour, { em, theme }) {
  for (const [dx, dy, value] of dots) {
    pen.beginPath();
    pen.arc(x.at(num(dx)), y.at(num(dy)), em * 0.3, 0, 2 * Math.PI);
    pen.fillStyle = Number.isFinite(num(value)) ? colour(num(value)) : theme.muted;
    pen.fill();
  }
  for (const [ax, ay, dx, dy] of arrows) {
    const [px, py] = [x.at(ax), y.at(ay)];
    const [ex, ey] = [x.at(ax + dx) - px, y.at(ay + dy) - py];
    const length = Math.hypot(ex, ey);
    if (length < 1) continue;
    arrowPath(pen, px, py, ex / length, ey / length, length, Math.max(1.5, em * 0.16));
    pen.fillStyle = theme.text;
    pen.fill();
  }
}
