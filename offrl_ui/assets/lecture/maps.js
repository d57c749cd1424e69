// Maps: a heat map and a continuous plane. Values are painted on a canvas, everything that can be pointed at is SVG.

import { v } from "../shared/patch.js";
import { amount, PictureAxis, num } from "./axes.js";
import { Labels, label, labelText } from "./labels.js";
import { hatchStyle, luminance, arrowPath } from "../shared/palette.js";
import { colourScale, legendOf } from "./colours.js";
import { handle, xTicks, yNumbers } from "./charts.js";
import { legendOfPaths, walks } from "./grid.js";

export function drawHeat(picture, ctx) {
  const { width, height, em } = ctx;
  const rows = picture.z.length;
  const cols = picture.z[0]?.length ?? 0;
  const matrixX = picture.x.tick_labels.length > 0;
  const matrixY = picture.y.tick_labels.length > 0;
  const xAxis = matrixX ? { ...picture.x, low: -0.5, high: cols - 0.5, ticks: [...Array(cols).keys()] } : picture.x;
  const yAxis = matrixY ? { ...picture.y, low: -0.5, high: rows - 0.5, ticks: [...Array(rows).keys()] } : picture.y;
  const top = em * 0.6;
  const bottom = height - em * 1.9;
  // Rows of a matrix read downwards, a number grows upwards.
  const y = new PictureAxis(
    yAxis,
    [],
    matrixY ? top : bottom,
    matrixY ? bottom : top,
    Math.max(2, Math.round((bottom - top) / (em * 2.4))),
  );
  const labels = new Labels(ctx);
  const left = Math.max(...y.ticks.map((t) => labels.width(t.text, "tick")), em) + em * 0.7;
  const right = width - 12;
  const x = new PictureAxis(xAxis, [], left, right, Math.max(2, Math.round((right - left) / (em * 5))));
  const f = { x, y, left, right, top, bottom, labels };
  const scale = colourScale(picture, picture.z.flat(), ctx);
  const paint = (pen, ratio) => {
    const hatch = picture.missing.length ? hatchStyle(pen, ctx.theme, ratio) : null;
    const [w, h] = [(right - left) / cols, (bottom - top) / rows];
    picture.z.forEach((row, j) =>
      row.forEach((raw, i) => {
        const value = num(raw);
        const cellTop = matrixY ? top + j * h : bottom - (j + 1) * h;
        const cell = [left + i * w, cellTop, w + 0.5, h + 0.5];
        if (picture.missing[j]?.[i] || Number.isNaN(value)) {
          pen.fillStyle = ctx.theme.surface;
          pen.fillRect(...cell);
          if (hatch) {
            pen.fillStyle = hatch;
            pen.fillRect(...cell);
          }
          return;
        }
        pen.fillStyle = scale.of(value);
        pen.fillRect(...cell);
        if (picture.show_values) {
          pen.fillStyle = luminance(scale.of(value)) > 0.5 ? "#111" : "#fff";
          pen.font = `${em * 0.95}px ${ctx.theme.font}`;
          pen.textAlign = "center";
          pen.textBaseline = "middle";
          pen.fillText(amount(value, "", 3), cell[0] + w / 2, cell[1] + h / 2);
        }
      }),
    );
  };
  const movable = picture.points.find((p) => ctx.control(p.control_x) || ctx.control(p.control_y));
  const cell = (px, py) => [
    Math.min(Math.max(Math.floor(((px - left) / (right - left)) * cols), 0), cols - 1),
    Math.min(
      Math.max(Math.floor((matrixY ? (py - top) / (bottom - top) : (bottom - py) / (bottom - top)) * rows), 0),
      rows - 1,
    ),
  ];
  // The names of points come first: those of curves have more places to go.
  const dots = picture.points.map((p) => handle(p, f, ctx));
  const lines = picture.contours.map((c) => {
    const corners = c.x.map((cx, i) => [x.at(num(cx)), y.at(num(c.y[i]))]);
    const d = corners.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`).join("");
    const inside = corners.filter(([px, py]) => px >= left && px <= right && py >= top && py <= bottom);
    labels.curve(inside);
    // Beside the curve, from its last point on backwards.
    const places = [1, 0.85, 0.7, 0.5, 0.3]
      .map((share) => inside[Math.round(share * (inside.length - 1))])
      .filter(Boolean)
      .flatMap(([px, py]) => [
        [px - em * 0.5, py + em * 0.9, "end"],
        [px + em * 0.5, py + em * 0.9, "start"],
      ])
      .filter(([px, , anchor]) =>
        anchor === "end"
          ? px - labels.width(c.label, "contour-label") > left
          : px + labels.width(c.label, "contour-label") < right,
      );
    if (places.length) labels.put(c.label, "contour-label", places);
    return v(
      "g",
      {},
      v("path", { d, class: "contour-halo" }),
      v("path", { d, class: "contour", stroke: ctx.theme.text, "stroke-dasharray": c.dash ? "7 5" : null }),
    );
  });
  const clip = `clip-${ctx.id}`;
  const nodes = [
    v(
      "defs",
      {},
      v("clipPath", { id: clip }, v("rect", { x: left, y: top, width: right - left, height: bottom - top })),
    ),
    yNumbers(f, em),
    xTicks(f, em),
    v("rect", {
      x: left,
      y: top,
      width: right - left,
      height: bottom - top,
      class: movable ? "surface movable" : "surface",
      onpointerdown:
        movable &&
        ((event) =>
          ctx.drag(event, (e, final) => {
            const [px, py] = ctx.pointer(e);
            const values = {};
            if (movable.control_x) values[movable.control_x] = x.invert(px);
            if (movable.control_y) values[movable.control_y] = y.invert(py);
            ctx.set(values, final);
          })),
    }),
    v("g", { "clip-path": `url(#${clip})` }, lines),
    dots,
    labels.nodes(),
  ];
  const probe = (px, py) => {
    if (px < left || px > right || py < top || py > bottom || !cols) return null;
    const [i, j] = cell(px, py);
    const at = (axis, matrix, k, s, pixel) =>
      `${axis.label}: ${matrix ? labelText(axis.tick_labels[k] ?? String(k)) : amount(s.invert(pixel), axis.unit, 3)}`;
    const gone = picture.missing[j]?.[i];
    return {
      x: px,
      y: py,
      line: false,
      title: `${at(picture.x, matrixX, i, x, px)} · ${at(picture.y, matrixY, j, y, py)}`,
      rows: [
        {
          colour: gone ? "transparent" : scale.of(num(picture.z[j][i])),
          name: picture.z_label,
          text: gone ? "not in the data" : amount(picture.z[j][i], picture.z_unit),
        },
      ],
    };
  };
  const legend = legendOf(scale, picture.z_label, picture.z_unit);
  if (picture.missing.some((row) => row.some(Boolean))) legend.hatch = true;
  return { nodes, probe, paint, legend };
}

export function drawPlane(picture, ctx) {
  const { em, width, height } = ctx;
  const xs = picture.dots.map((d) => d[0]);
  const ys = picture.dots.map((d) => d[1]);
  const room = picture.bare
    ? { left: 2, right: width - 2, top: 2, bottom: height - 2 }
    : { left: em * 2.6, right: width - 10, top: em * 0.6, bottom: height - em * 1.9 };
  const { left, right, top, bottom } = room;
  const x = new PictureAxis(picture.x, xs, left, right, Math.round(width / (em * 6)));
  const y = new PictureAxis(picture.y, ys, bottom, top, Math.round(height / (em * 3)));
  const labels = new Labels(ctx);
  const f = { x, y, ...room, labels };
  const scale = colourScale(
    { ...picture, log: false },
    picture.dots.map((d) => d[2]),
    ctx,
  );
  const box = (x0, y0, x1, y1) => ({
    x: Math.min(x.at(x0), x.at(x1)),
    y: Math.min(y.at(y0), y.at(y1)),
    width: Math.abs(x.at(x1) - x.at(x0)),
    height: Math.abs(y.at(y1) - y.at(y0)),
  });
  const paint = (pen) => {
    for (const [dx, dy, value] of picture.dots) {
      pen.beginPath();
      pen.arc(x.at(num(dx)), y.at(num(dy)), em * 0.3, 0, 2 * Math.PI);
      pen.fillStyle = Number.isFinite(num(value)) ? scale.of(num(value)) : ctx.theme.muted;
      pen.fill();
    }
    for (const [ax, ay, dx, dy] of picture.arrows) {
      const [px, py] = [x.at(ax), y.at(ay)];
      const [ex, ey] = [x.at(ax + dx) - px, y.at(ay + dy) - py];
      const length = Math.hypot(ex, ey);
      if (length < 1) continue;
      arrowPath(pen, px, py, ex / length, ey / length, length, Math.max(1.5, em * 0.16));
      pen.fillStyle = ctx.theme.text;
      pen.fill();
    }
  };
  const nodes = [
    !picture.bare &&
      v("rect", { x: left, y: top, width: right - left, height: bottom - top, class: "surface outlined" }),
    picture.regions.map(([name, ...r]) => {
      const b = box(...r.map(num));
      return v(
        "g",
        {},
        v("rect", { ...b, class: "region" }),
        label(name, {
          x: b.x + b.width / 2,
          y: b.y + b.height / 2 + em * 0.3,
          "text-anchor": "middle",
          class: "region-label",
        }),
      );
    }),
    picture.walls.map((w) => v("rect", { ...box(...w.map(num)), fill: ctx.theme.wall })),
    !picture.bare && [yNumbers(f, em), xTicks(f, em)],
    walks(picture.paths, (path) => path.xy.map(([a, b]) => [x.at(num(a)), y.at(num(b))]), ctx, { size: 0, labels }),
    picture.points.map((p) => handle(p, f, ctx)),
    labels.nodes(),
  ];
  const probe = (px, py) => {
    let best = null;
    for (const d of picture.dots) {
      const away = Math.hypot(x.at(num(d[0])) - px, y.at(num(d[1])) - py);
      if (away < 16 && (best === null || away < best.away)) best = { d, away };
    }
    if (!best) return null;
    return {
      x: px,
      y: py,
      line: false,
      title: `${picture.x.label} ${amount(best.d[0], picture.x.unit, 3)} · ${picture.y.label} ${amount(best.d[1], picture.y.unit, 3)}`,
      rows: [{ colour: scale.of(num(best.d[2])), name: picture.dots_label, text: amount(best.d[2]) }],
    };
  };
  const legend = picture.dots.some((d) => Number.isFinite(num(d[2])))
    ? legendOf(scale, picture.dots_label, "")
    : { name: "", stops: null };
  legend.paths = legendOfPaths(picture.paths, ctx);
  return { nodes, probe, paint: picture.dots.length + picture.arrows.length ? paint : null, legend };
}
