// Maps: a heat map, a grid world and a continuous plane. Cells are painted on a canvas, everything that can be pointed at is SVG.

import { v, label, labelText, labelWidth } from "./scene_dom.js";
import { amount, axisScale, num } from "./scene_axes.js";
import { hatchStyle, luminance, rampOf, arrowPath } from "./palette.js";
import { handle } from "./scene_charts.js";

// value → colour, with the limits that the legend shows.
function colourScale(picture, values, ctx) {
  const finite = values.map(num).filter(Number.isFinite);
  let low = picture.low ?? Math.min(...finite);
  let high = picture.high ?? Math.max(...finite);
  if (!finite.length && picture.low === null) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const diverging = picture.palette === "diverging";
  const f = picture.log ? (x) => Math.log(Math.max(x, 1e-300)) : (x) => x;
  const ramp = rampOf(diverging ? "diverging" : "value", ctx.theme.dark);
  const middle = f(picture.middle || (picture.log ? 1 : 0));
  const reach = Math.max(Math.abs(f(high) - middle), Math.abs(f(low) - middle)) || 1;
  const share = diverging ? (x) => 0.5 + (f(x) - middle) / (2 * reach) : (x) => (f(x) - f(low)) / (f(high) - f(low) || 1);
  const of = (x) => ramp.css[Math.round(255 * Math.min(Math.max(share(x), 0), 1))];
  const stops = [0, 0.25, 0.5, 0.75, 1].map((s) => {
    const y = f(low) + s * (f(high) - f(low));
    return of(picture.log ? Math.exp(y) : y);
  });
  return { of, low, high, stops, middle: diverging ? picture.middle : null };
}

const legendOf = (scale, name, unit) => ({ name, unit, low: scale.low, high: scale.high, stops: scale.stops });

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
  const y = axisScale(yAxis, [], matrixY ? top : bottom, matrixY ? bottom : top, Math.max(2, Math.round((bottom - top) / (em * 2.4))));
  const left = Math.max(...y.ticks.map((t) => labelWidth(t.text)), 1.2) * em * 0.92 + em * 0.7;
  const right = width - 12;
  const x = axisScale(xAxis, [], left, right, Math.max(2, Math.round((right - left) / (em * 5))));
  const f = { x, y, left, right, top, bottom };
  const scale = colourScale(picture, picture.z.flat(), ctx);
  const paint = (pen, ratio) => {
    const hatch = picture.missing.length ? hatchStyle(pen, ctx.theme, ratio) : null;
    const [w, h] = [(right - left) / cols, (bottom - top) / rows];
    picture.z.forEach((row, j) => row.forEach((raw, i) => {
      const value = num(raw);
      const cellTop = matrixY ? top + j * h : bottom - (j + 1) * h;
      const cell = [left + i * w, cellTop, w + 0.5, h + 0.5];
      if (picture.missing[j]?.[i] || Number.isNaN(value)) {
        pen.fillStyle = ctx.theme.surface;
        pen.fillRect(...cell);
        if (hatch) { pen.fillStyle = hatch; pen.fillRect(...cell); }
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
    }));
  };
  const movable = picture.points.find((p) => ctx.control(p.control_x) || ctx.control(p.control_y));
  const cell = (px, py) => [
    Math.min(Math.max(Math.floor(((px - left) / (right - left)) * cols), 0), cols - 1),
    Math.min(Math.max(Math.floor((matrixY ? (py - top) / (bottom - top) : (bottom - py) / (bottom - top)) * rows), 0), rows - 1),
  ];
  const lines = picture.contours.map((c) => {
    const d = c.x.map((cx, i) => `${i ? "L" : "M"}${x.at(num(cx)).toFixed(1)},${y.at(num(c.y[i])).toFixed(1)}`).join("");
    const last = c.x.length - 1;
    return v("g", {}, v("path", { d, class: "contour-halo" }), v("path", { d, class: "contour", stroke: ctx.theme.text, "stroke-dasharray": c.dash ? "7 5" : null }),
      labelWidth(c.label) > 0 && label(c.label, { x: Math.min(x.at(num(c.x[last])), right - 4), y: y.at(num(c.y[last])) + em * 1.1, class: "contour-label", "text-anchor": "end" }));
  });
  const clip = `clip-${ctx.id}`;
  const nodes = [
    v("defs", {}, v("clipPath", { id: clip }, v("rect", { x: left, y: top, width: right - left, height: bottom - top }))),
    y.ticks.filter((t) => y.inside(t.at)).map((t) => label(t.text, { x: left - em * 0.45, y: y.at(t.at) + em * 0.32, class: "tick", "text-anchor": "end" })),
    x.ticks.filter((t) => x.inside(t.at)).map((t) => label(t.text, { x: x.at(t.at), y: bottom + em * 1.25, class: "tick", "text-anchor": "middle" })),
    v("rect", { x: left, y: top, width: right - left, height: bottom - top, class: movable ? "surface movable" : "surface",
      onpointerdown: movable && ((event) => ctx.drag(event, (e, final) => {
        const [px, py] = ctx.pointer(e);
        const values = {};
        if (movable.control_x) values[movable.control_x] = x.invert(px);
        if (movable.control_y) values[movable.control_y] = y.invert(py);
        ctx.set(values, final);
      })) }),
    v("g", { "clip-path": `url(#${clip})` }, lines),
    picture.points.map((p) => handle(p, f, ctx)),
  ];
  const probe = (px, py) => {
    if (px < left || px > right || py < top || py > bottom || !cols) return null;
    const [i, j] = cell(px, py);
    const at = (axis, matrix, k, s, pixel) => `${axis.label}: ${matrix ? labelText(axis.tick_labels[k] ?? String(k)) : amount(s.invert(pixel), axis.unit, 3)}`;
    const gone = picture.missing[j]?.[i];
    return { x: px, y: py, line: false, title: `${at(picture.x, matrixX, i, x, px)} · ${at(picture.y, matrixY, j, y, py)}`,
      rows: [{ colour: gone ? "transparent" : scale.of(num(picture.z[j][i])), name: picture.z_label, text: gone ? "not in the data" : amount(picture.z[j][i], picture.z_unit) }] };
  };
  const legend = legendOf(scale, picture.z_label, picture.z_unit);
  if (picture.missing.some((row) => row.some(Boolean))) legend.hatch = true;
  return { nodes, probe, paint, legend };
}

// The triangle of an action inside its cell, by the direction it intends; the middle for staying.
function actionShape(pen, [dr, dc], x, y, s) {
  const [cx, cy] = [x + s / 2, y + s / 2];
  pen.beginPath();
  if (dr === 0 && dc === 0) pen.rect(cx - s * 0.16, cy - s * 0.16, s * 0.32, s * 0.32);
  else {
    const corners = dr < 0 ? [[x, y], [x + s, y]] : dr > 0 ? [[x, y + s], [x + s, y + s]] : dc > 0 ? [[x + s, y], [x + s, y + s]] : [[x, y], [x, y + s]];
    pen.moveTo(cx, cy);
    for (const c of corners) pen.lineTo(...c);
    pen.closePath();
  }
}

export function drawGrid(picture, ctx) {
  const { layout } = picture;
  const { em, width, height } = ctx;
  const s = Math.floor(Math.min(width / layout.cols, height / layout.rows) * 10) / 10;
  const [left, top] = [(width - s * layout.cols) / 2, (height - s * layout.rows) / 2];
  const place = (k) => [left + (k % layout.cols) * s, top + Math.floor(k / layout.cols) * s];
  const cellOf = new Map();
  layout.state_of_cell.forEach((state, k) => state >= 0 && !cellOf.has(state) && cellOf.set(state, k));
  const values = picture.action_values?.flat() ?? picture.state_values ?? [];
  const scale = colourScale({ ...picture, log: false }, values, ctx);
  const seen = (state, a) => picture.seen === null || picture.seen[state][a];
  const paint = (pen, ratio) => {
    const hatch = hatchStyle(pen, ctx.theme, ratio);
    layout.state_of_cell.forEach((state, k) => {
      const [x, y] = place(k);
      pen.fillStyle = state < 0 ? ctx.theme.wall : ctx.theme.surface;
      pen.fillRect(x, y, s + 0.4, s + 0.4);
      if (state < 0) return;
      if (picture.state_values && Number.isFinite(num(picture.state_values[state]))) {
        pen.fillStyle = scale.of(num(picture.state_values[state]));
        pen.fillRect(x, y, s + 0.4, s + 0.4);
      }
      if (picture.action_values) {
        layout.directions.forEach((direction, a) => {
          const value = num(picture.action_values[state][a]);
          actionShape(pen, direction, x, y, s);
          if (Number.isFinite(value)) { pen.fillStyle = scale.of(value); pen.fill(); }
          if (!seen(state, a)) { pen.fillStyle = hatch; pen.fill(); }
        });
        pen.strokeStyle = ctx.theme.background;
        pen.lineWidth = 0.6;
        pen.beginPath();
        pen.moveTo(x, y); pen.lineTo(x + s, y + s); pen.moveTo(x + s, y); pen.lineTo(x, y + s);
        pen.stroke();
      }
      if (picture.policy) {
        layout.directions.forEach(([dr, dc], a) => {
          const p = num(picture.policy[state][a]);
          if (!(p > 0.02) || (dr === 0 && dc === 0)) return;
          const norm = Math.hypot(dr, dc);
          arrowPath(pen, x + s / 2, y + s / 2, dc / norm, dr / norm, s * 0.46 * Math.sqrt(p), Math.max(s * 0.09, 1.5));
          pen.fillStyle = ctx.theme.text;
          pen.strokeStyle = ctx.theme.background;
          pen.lineWidth = 1;
          pen.stroke();
          pen.fill();
        });
      }
      pen.strokeStyle = ctx.theme.line;
      pen.lineWidth = 0.7;
      pen.strokeRect(x, y, s, s);
      const sign = layout.cells[k];
      if (sign !== "." && sign !== "#" && sign !== " ") {
        pen.font = `700 ${Math.max(s * 0.42, 9)}px ${ctx.theme.font}`;
        pen.textAlign = "center";
        pen.textBaseline = "middle";
        pen.lineWidth = 3;
        pen.strokeStyle = ctx.theme.background;
        pen.fillStyle = ctx.theme.text;
        pen.strokeText(sign, x + s / 2, y + s / 2);
        pen.fillText(sign, x + s / 2, y + s / 2);
      }
    });
  };
  const centre = (k) => { const [x, y] = place(k); return [x + s / 2, y + s / 2]; };
  const control = ctx.control(picture.control);
  const stateAt = (px, py) => {
    const [i, j] = [Math.floor((px - left) / s), Math.floor((py - top) / s)];
    return i < 0 || j < 0 || i >= layout.cols || j >= layout.rows ? -1 : layout.state_of_cell[j * layout.cols + i];
  };
  const nodes = [
    v("rect", { x: left, y: top, width: s * layout.cols, height: s * layout.rows, class: "surface",
      onpointerdown: control && ((event) => { const state = stateAt(...ctx.pointer(event)); if (state >= 0) ctx.set({ [control.name]: state }, true); }) }),
    picture.paths.map((path, k) => walk(path, path.cells.map(centre), ctx, k, s)),
    picture.targets.map((t) => {
      const [x, y] = place(cellOf.get(t.state));
      const [dr, dc] = layout.directions[t.action];
      const corners = dr < 0 ? [[x, y], [x + s, y]] : dr > 0 ? [[x, y + s], [x + s, y + s]] : dc > 0 ? [[x + s, y], [x + s, y + s]] : dc < 0 ? [[x, y], [x, y + s]] : null;
      const d = corners ? `M${x + s / 2},${y + s / 2}L${corners[0]}L${corners[1]}Z` : `M${x + s * 0.34},${y + s * 0.34}h${s * 0.32}v${s * 0.32}h${-s * 0.32}Z`;
      return v("path", { d, class: "pair", stroke: ctx.colour(t.color) });
    }),
  ];
  if (picture.selected !== null && cellOf.has(picture.selected)) {
    const [x, y] = place(cellOf.get(picture.selected));
    nodes.push(v("rect", {
      key: "selected", x: x + 1, y: y + 1, width: s - 2, height: s - 2, class: "selected", tabindex: control ? 0 : null, role: control ? "slider" : null,
      "aria-label": control ? control.text : null, "aria-valuenow": picture.selected, "aria-valuemin": control?.low, "aria-valuemax": control?.high,
      "aria-valuetext": `state ${picture.selected}`,
      onkeydown: (event) => {
        const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (!step || !control) return;
        event.preventDefault();
        event.stopPropagation();
        // Over walls, to the next state in that direction.
        let k = cellOf.get(picture.selected);
        for (;;) {
          const [row, col] = [Math.floor(k / layout.cols) + step[0], (k % layout.cols) + step[1]];
          if (row < 0 || col < 0 || row >= layout.rows || col >= layout.cols) return;
          k = row * layout.cols + col;
          if (layout.state_of_cell[k] >= 0) break;
        }
        ctx.set({ [control.name]: layout.state_of_cell[k] }, true);
      },
    }));
  }
  const probe = (px, py) => {
    const state = stateAt(px, py);
    if (state < 0) return null;
    const rows = [];
    if (picture.action_values) {
      picture.action_values[state].forEach((q, a) => rows.push({ colour: ctx.actions[a], name: labelText(picture.action_names[a] ?? `action ${a}`),
        text: amount(q) + (seen(state, a) ? "" : " – not in the data") }));
    } else if (picture.state_values) rows.push({ colour: scale.of(num(picture.state_values[state])), name: picture.value_label, text: amount(picture.state_values[state]) });
    if (picture.policy) picture.policy[state].forEach((p, a) => num(p) > 0 && rows.push({ colour: ctx.actions[a], name: `π ${labelText(picture.action_names[a] ?? `action ${a}`)}`, text: amount(p, "", 3) }));
    picture.targets.filter((t) => t.state === state).forEach((t) => rows.push({ colour: ctx.colour(t.color), name: labelText(t.label), text: "" }));
    return { x: px, y: py, line: false, title: `state ${state}`, rows };
  };
  const legend = values.length ? legendOf(scale, picture.value_label, "") : { name: "", stops: null };
  legend.hatch = picture.seen !== null && picture.seen.some((row) => row.some((ok) => !ok));
  legend.paths = picture.paths.filter((p) => p.name).map((p) => ({ name: p.name, colour: ctx.colour(p.color), dash: p.dash }));
  // Walls and floor explain themselves.
  legend.signs = layout.labels.filter(([sign]) => sign !== "#" && sign !== ".");
  return { nodes, probe, paint, legend };
}

function walk(path, points, ctx, k, size) {
  if (points.length < 2) return null;
  // Several paths through one cell run beside each other.
  const shift = ((k % 5) - 2) * size * 0.09;
  const d = points.map(([x, y], i) => `${i ? "L" : "M"}${(x + shift).toFixed(1)},${(y + shift).toFixed(1)}`).join("");
  const [[x0, y0], [x1, y1]] = points.slice(-2);
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const tip = (turn) => `${(x1 + shift - 9 * Math.cos(angle + turn)).toFixed(1)},${(y1 + shift - 9 * Math.sin(angle + turn)).toFixed(1)}`;
  const colour = ctx.colour(path.color);
  const wide = 1.6 + 1.6 * Math.min(Math.max(path.weight, 0), 3);
  return v("g", {}, v("path", { d, class: "path-halo", "stroke-width": wide + 2.5 }),
    v("path", { d, class: "path", stroke: colour, "stroke-width": wide, "stroke-dasharray": path.dash ? "6 5" : null }),
    v("path", { d: `M${tip(0.5)}L${x1 + shift},${y1 + shift}L${tip(-0.5)}`, class: "path", stroke: colour, "stroke-width": wide }));
}

export function drawPlane(picture, ctx) {
  const { em, width, height } = ctx;
  const xs = picture.dots.map((d) => d[0]);
  const ys = picture.dots.map((d) => d[1]);
  const top = em * 0.6;
  const bottom = height - em * 1.9;
  const x = axisScale(picture.x, xs, em * 2.6, width - 10, Math.round(width / (em * 6)));
  const y = axisScale(picture.y, ys, bottom, top, Math.round(height / (em * 3)));
  const f = { x, y, left: em * 2.6, right: width - 10, top, bottom };
  const scale = colourScale({ ...picture, log: false }, picture.dots.map((d) => d[2]), ctx);
  const box = (x0, y0, x1, y1) => ({ x: Math.min(x.at(x0), x.at(x1)), y: Math.min(y.at(y0), y.at(y1)), width: Math.abs(x.at(x1) - x.at(x0)), height: Math.abs(y.at(y1) - y.at(y0)) });
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
    v("rect", { x: f.left, y: top, width: f.right - f.left, height: bottom - top, class: "surface outlined" }),
    picture.regions.map(([name, ...r]) => { const b = box(...r.map(num)); return v("g", {}, v("rect", { ...b, class: "region" }), label(name, { x: b.x + b.width / 2, y: b.y + b.height / 2 + em * 0.3, "text-anchor": "middle", class: "mark-label" })); }),
    picture.walls.map((w) => v("rect", { ...box(...w.map(num)), fill: ctx.theme.wall })),
    y.ticks.filter((t) => y.inside(t.at)).map((t) => label(t.text, { x: f.left - em * 0.45, y: y.at(t.at) + em * 0.32, class: "tick", "text-anchor": "end" })),
    x.ticks.filter((t) => x.inside(t.at)).map((t) => label(t.text, { x: x.at(t.at), y: bottom + em * 1.25, class: "tick", "text-anchor": "middle" })),
    picture.paths.map((path, k) => walk(path, path.xy.map(([a, b]) => [x.at(num(a)), y.at(num(b))]), ctx, 2, 0)),
    picture.points.map((p) => handle(p, f, ctx)),
  ];
  const probe = (px, py) => {
    let best = null;
    for (const d of picture.dots) {
      const away = Math.hypot(x.at(num(d[0])) - px, y.at(num(d[1])) - py);
      if (away < 16 && (best === null || away < best.away)) best = { d, away };
    }
    if (!best) return null;
    return { x: px, y: py, line: false, title: `${picture.x.label} ${amount(best.d[0], picture.x.unit, 3)} · ${picture.y.label} ${amount(best.d[1], picture.y.unit, 3)}`,
      rows: [{ colour: scale.of(num(best.d[2])), name: picture.dots_label, text: amount(best.d[2]) }] };
  };
  const legend = picture.dots.length ? legendOf(scale, picture.dots_label, "") : { name: "", stops: null };
  legend.paths = picture.paths.filter((p) => p.name).map((p) => ({ name: p.name, colour: ctx.colour(p.color), dash: p.dash }));
  return { nodes, probe, paint, legend };
}
