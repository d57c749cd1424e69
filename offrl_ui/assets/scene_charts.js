// Curves, bars and the number line, as SVG.

import { v, label, labelText, labelWidth } from "./scene_dom.js";
import { amount, axisScale, num } from "./scene_axes.js";

// Room for the numbers of both axes, then the two scales.
function frame(picture, xs, ys, ctx, { right = 12, categorical = false } = {}) {
  const { width, height, em } = ctx;
  const top = em * 0.9;
  const bottom = height - em * (categorical ? 1.7 : 1.9);
  const y = axisScale(picture.y, ys, bottom, top, Math.max(2, Math.round((bottom - top) / (em * 2.6))));
  const left = Math.max(...y.ticks.map((t) => labelWidth(t.text)), 1.2) * em * 0.92 + em * 0.7;
  const x = categorical ? null : axisScale(picture.x, xs, left, width - right, Math.max(2, Math.round((width - left - right) / (em * 5.2))));
  return { x, y, left, right: width - right, top, bottom };
}

function yGrid({ y, left, right }, em) {
  return y.ticks.filter((t) => y.inside(t.at)).map((t) => v("g", {},
    v("line", { x1: left, x2: right, y1: y.at(t.at), y2: y.at(t.at), class: t.at === 0 ? "zero" : "grid" }),
    label(t.text, { x: left - em * 0.45, y: y.at(t.at) + em * 0.32, class: "tick", "text-anchor": "end" })));
}

function xTicks({ x, bottom }, em) {
  return x.ticks.filter((t) => x.inside(t.at)).map((t) => v("g", {},
    v("line", { x1: x.at(t.at), x2: x.at(t.at), y1: bottom, y2: bottom + 4, class: "axis" }),
    label(t.text, { x: x.at(t.at), y: bottom + em * 1.25, class: "tick", "text-anchor": "middle" })));
}

function zones(list, { x, y, left, right, top, bottom }, ctx) {
  return list.map((zone) => {
    const [low, high] = [num(zone.low), num(zone.high)];
    if (zone.axis === "y") {
      const [a, b] = [Math.max(y.at(high), top), Math.min(y.at(low), bottom)];
      return b > a && v("g", {}, v("rect", { x: left, width: right - left, y: a, height: b - a, fill: ctx.colour(zone.color), class: "zone" }),
        label(zone.label, { x: right - 6, y: a + ctx.em * 1.1, class: "zone-label", "text-anchor": "end", fill: ctx.colour(zone.color) }));
    }
    const [a, b] = [Math.max(x.at(low), left), Math.min(x.at(high), right)];
    if (!(b > a)) return null;
    const fits = labelWidth(zone.label) * ctx.em * 0.9 < b - a;
    return v("g", {}, v("rect", { x: a, width: b - a, y: top, height: bottom - top, fill: ctx.colour(zone.color), class: "zone" }),
      fits && label(zone.label, { x: (a + b) / 2, y: bottom - ctx.em * 0.5, class: "zone-label", "text-anchor": "middle", fill: ctx.colour(zone.color) }));
  });
}

function marks(list, { x, y, left, right, top, bottom }, ctx) {
  const taken = [];
  return list.map((mark) => {
    const colour = ctx.colour(mark.color);
    const dash = mark.dash ? "5 4" : null;
    const at = num(mark.at);
    if (mark.axis === "y") {
      if (!y.inside(at)) return null;
      return v("g", {}, v("line", { x1: left, x2: right, y1: y.at(at), y2: y.at(at), stroke: colour, "stroke-dasharray": dash, class: "mark" }),
        label(mark.label, { x: right - 4, y: y.at(at) - ctx.em * 0.35, class: "mark-label", "text-anchor": "end", fill: colour }));
    }
    if (!x.inside(at)) return null;
    const px = x.at(at);
    const wide = labelWidth(mark.label) * ctx.em * 0.9;
    const flip = px + wide + 6 > right;
    const span = flip ? [px - wide - 6, px] : [px, px + wide + 6];
    let row = 0;
    while (taken.some((t) => t.row === row && t.span[0] < span[1] && t.span[1] > span[0])) row += 1;
    taken.push({ row, span });
    return v("g", {}, v("line", { x1: px, x2: px, y1: top, y2: bottom, stroke: colour, "stroke-dasharray": dash, class: "mark" }),
      label(mark.label, { x: flip ? px - 5 : px + 5, y: top + ctx.em * (0.75 + 1.15 * row), class: "mark-label", "text-anchor": flip ? "end" : "start", fill: colour }));
  });
}

export function drawLines(picture, ctx) {
  const { em } = ctx;
  const xs = picture.lines.flatMap((l) => l.x).concat(picture.points.map((p) => p.x));
  const ys = picture.lines.flatMap((l) => (l.band ? [...l.y, ...l.band[0], ...l.band[1]] : l.y)).concat(picture.points.map((p) => p.y));
  const widest = Math.max(0, ...picture.lines.map((l) => labelWidth(l.label)));
  const f = frame(picture, xs, ys, ctx, { right: widest ? Math.min(widest * em * 0.92 + 10, ctx.width * 0.3) : 14 });
  const clip = `clip-${ctx.id}`;
  const drawn = picture.lines.map((line) => drawLine(line, f, ctx));
  const nodes = [
    v("defs", {}, v("clipPath", { id: clip }, v("rect", { x: f.left - 1, y: f.top - 3, width: f.right - f.left + 2, height: f.bottom - f.top + 6 }))),
    zones(picture.zones, f, ctx), yGrid(f, em), xTicks(f, em),
    v("line", { x1: f.left, x2: f.right, y1: f.bottom, y2: f.bottom, class: "axis" }),
    v("g", { "clip-path": `url(#${clip})` }, drawn.map((d) => d.body)),
    drawn.map((d) => d.arrows), marks(picture.marks, f, ctx), endLabels(picture.lines, f, ctx),
    picture.points.map((p) => handle(p, f, ctx)),
  ];
  return { nodes, probe: (px) => probeLines(picture, f, px, ctx) };
}

function drawLine(line, f, ctx) {
  const colour = ctx.colour(line.color);
  const xs = line.x.map(num);
  const ys = line.y.map(num);
  const parts = [];
  const arrows = [];
  if (line.band) {
    const [low, high] = line.band.map((b) => b.map(num));
    const keep = xs.map((_, i) => i).filter((i) => Number.isFinite(low[i]) && Number.isFinite(high[i]));
    const there = keep.map((i) => `${f.x.at(xs[i]).toFixed(1)},${f.y.at(high[i]).toFixed(1)}`);
    const back = keep.map((i) => `${f.x.at(xs[i]).toFixed(1)},${f.y.at(low[i]).toFixed(1)}`).reverse();
    if (keep.length > 1) parts.push(v("path", { d: `M${there.join("L")}L${back.join("L")}Z`, fill: colour, class: "band" }));
  }
  let d = "";
  let pen = false;
  xs.forEach((x, i) => {
    const y = ys[i];
    if (Number.isNaN(y) || (f.y.axis.scale === "log" && y <= 0)) { pen = false; return; }
    const [px, py] = [f.x.at(x), f.y.at(y)];
    if (!Number.isFinite(y)) {
      // Leaves the numbers: an arrow at the edge says so.
      if (pen) {
        d += `L${px.toFixed(1)},${py.toFixed(1)}`;
        const up = y > 0 ? -1 : 1;
        arrows.push(v("path", { d: `M${px - 6},${py - 7 * up}L${px},${py}L${px + 6},${py - 7 * up}`, stroke: colour, class: "off" }),
          label(y > 0 ? "∞" : "−∞", { x: px, y: py + (up < 0 ? -5 : 14), "text-anchor": "middle", class: "mark-label", fill: colour }));
      }
      pen = false;
      return;
    }
    if (line.mode === "steps" && pen) d += `H${px.toFixed(1)}`;
    d += `${pen ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`;
    pen = true;
  });
  if (line.mode !== "points" && d) {
    parts.push(v("path", { d, stroke: colour, "stroke-width": line.width * ctx.em / 13, "stroke-dasharray": line.dash ? "7 5" : null, class: line.faint ? "line faint" : "line" }));
  }
  if (line.mode === "points" || line.mode === "both") {
    xs.forEach((x, i) => Number.isFinite(ys[i]) && parts.push(v("circle", { cx: f.x.at(x), cy: f.y.at(ys[i]), r: ctx.em * 0.24, fill: colour, class: line.faint ? "dot faint" : "dot" })));
  }
  return { body: parts, arrows };
}

// Names at the ends of their curves, moved apart where they would touch.
function endLabels(lines, f, ctx) {
  const items = [];
  for (const line of lines) {
    if (!labelWidth(line.label)) continue;
    let i = line.y.length - 1;
    while (i >= 0 && !Number.isFinite(num(line.y[i]))) i -= 1;
    if (i < 0) continue;
    const y = Math.min(Math.max(f.y.at(num(line.y[i])), f.top), f.bottom);
    items.push({ line, x: Math.min(f.x.at(num(line.x[i])), f.right), y });
  }
  items.sort((a, b) => a.y - b.y);
  const gap = ctx.em * 1.15;
  for (let i = 1; i < items.length; i++) items[i].y = Math.max(items[i].y, items[i - 1].y + gap);
  const over = items.length ? items[items.length - 1].y - (f.bottom + ctx.em * 0.3) : 0;
  if (over > 0) for (let i = items.length - 1, limit = f.bottom + ctx.em * 0.3; i >= 0; i--, limit -= gap) items[i].y = Math.min(items[i].y, limit);
  return items.map(({ line, x, y }) => label(line.label, { x: x + 6, y: y + ctx.em * 0.32, class: "end-label", fill: ctx.colour(line.color) }));
}

function probeLines(picture, f, px, ctx) {
  if (px < f.left - 8 || px > f.right + 8) return null;
  const wanted = f.x.invert(px);
  let best = null;
  for (const line of picture.lines) {
    for (const x of line.x) if (best === null || Math.abs(f.x.at(num(x)) - px) < Math.abs(f.x.at(best) - px)) best = num(x);
  }
  if (best === null) return null;
  const rows = [];
  for (const line of picture.lines) {
    let k = -1;
    line.x.forEach((x, i) => { if (k < 0 || Math.abs(num(x) - wanted) < Math.abs(num(line.x[k]) - wanted)) k = i; });
    if (k < 0) continue;
    const band = line.band ? ` (${amount(line.band[0][k])} – ${amount(line.band[1][k])}${line.band_name ? `, ${line.band_name}` : ""})` : "";
    rows.push({ colour: ctx.colour(line.color), name: line.name, text: amount(line.y[k], picture.y.unit) + band, dash: line.dash });
  }
  return { x: f.x.at(best), top: f.top, bottom: f.bottom, title: `${picture.x.label}: ${amount(best, picture.x.unit)}`, rows };
}

// A dot; with controls it is a slider of one or two dimensions.
export function handle(point, f, ctx, { lineY = null } = {}) {
  const [x, y] = [num(point.x), num(point.y)];
  const px = Math.min(Math.max(f.x.at(x), f.left), f.right);
  const py = lineY ?? Math.min(Math.max(f.y.at(y), f.top), f.bottom);
  const colour = ctx.colour(point.color);
  const cx = ctx.control(point.control_x);
  const cy = ctx.control(point.control_y);
  const r = ctx.em * (cx || cy ? 0.56 : 0.42);
  const shapes = {
    circle: v("circle", { cx: px, cy: py, r, fill: colour, class: "knob" }),
    square: v("rect", { x: px - r, y: py - r, width: 2 * r, height: 2 * r, fill: colour, class: "knob" }),
    diamond: v("path", { d: `M${px},${py - 1.25 * r}L${px + 1.25 * r},${py}L${px},${py + 1.25 * r}L${px - 1.25 * r},${py}Z`, fill: colour, class: "knob" }),
    cross: v("path", { d: `M${px - r},${py - r}L${px + r},${py + r}M${px - r},${py + r}L${px + r},${py - r}`, stroke: colour, class: "cross" }),
  };
  const flip = px + labelWidth(point.label) * ctx.em > f.right + 6;
  const text = labelWidth(point.label) > 0 && label(point.label, {
    x: lineY === null ? px + (flip ? -1 : 1) * (r + 5) : px, y: lineY === null ? py - r * 0.7 : py - r - ctx.em * 0.4,
    "text-anchor": lineY !== null ? "middle" : flip ? "end" : "start", class: "point-label", fill: colour,
  });
  if (!cx && !cy) return v("g", {}, shapes[point.shape], text);
  return draggable(ctx, { cx, cy, name: labelText(point.label), x, y, f }, [
    v("circle", { cx: px, cy: py, r: Math.max(r * 2, 16), class: "catch" }), shapes[point.shape], text,
  ], `${point.control_x}|${point.control_y}`);
}

function draggable(ctx, { cx, cy, name, x, y, f }, children, key) {
  const main = cx ?? cy;
  const move = (event, final) => {
    const [px, py] = ctx.pointer(event);
    const values = {};
    if (cx) values[cx.name] = f.x.invert(px);
    if (cy) values[cy.name] = f.y.invert(py);
    ctx.set(values, final);
  };
  return v("g", {
    key, class: cx && cy ? "handle both" : cx ? "handle across" : "handle along", tabindex: 0, role: "slider",
    "aria-label": [name, cx?.text, cy?.text].filter(Boolean).join(", "),
    "aria-valuemin": main.low, "aria-valuemax": main.high, "aria-valuenow": cx ? x : y,
    "aria-valuetext": [cx && `${cx.text} ${amount(x, cx.unit)}`, cy && `${cy.text} ${amount(y, cy.unit)}`].filter(Boolean).join(", "),
    "aria-orientation": cx ? "horizontal" : "vertical",
    onpointerdown: (event) => ctx.drag(event, move),
    onkeydown: (event) => {
      const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const along = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      const control = across !== undefined ? cx ?? cy : along !== undefined ? cy ?? cx : null;
      if (!control) return;
      event.preventDefault();
      event.stopPropagation();
      ctx.nudge(control.name, (across ?? along) * (event.shiftKey ? 10 : 1));
    },
  }, children);
}

export function drawBars(picture, ctx) {
  const { em } = ctx;
  const values = picture.bars.flatMap((b) => [...b.values, ...b.targets]).concat(picture.marks.filter((m) => m.axis === "y").map((m) => m.at));
  if (picture.y.scale !== "log") values.push(0);
  const f = frame(picture, [], values, ctx, { categorical: true });
  const slot = (f.right - f.left) / picture.categories.length;
  const gap = Math.min(slot * 0.28, em * 3);
  const wide = Math.min((slot - gap) / picture.bars.length, em * 6);
  const base = picture.y.scale === "log" ? f.bottom : Math.min(Math.max(f.y.at(0), f.top), f.bottom);
  const nodes = [yGrid(f, em)];
  picture.categories.forEach((category, i) => {
    const middle = f.left + slot * (i + 0.5);
    picture.bars.forEach((bar, k) => {
      const value = num(bar.values[i]);
      const x = middle + (k - picture.bars.length / 2) * wide;
      const colour = ctx.colour(bar.colors[i] ?? bar.color);
      const inner = wide * 0.88;
      const off = x + wide * 0.06;
      const missing = Number.isNaN(value);
      const end = missing ? base : Math.min(Math.max(f.y.at(value), f.top), f.bottom);
      const [top, bottom] = [Math.min(base, end), Math.max(base, end)];
      nodes.push(v("rect", { x: off, width: inner, y: top, height: Math.max(bottom - top, missing ? 0 : 1), fill: colour, rx: 2, class: "bar" }));
      const beyond = !missing && !f.y.inside(value);
      const above = value >= 0 || missing;
      if (wide > em * 1.9 || picture.bars.length === 1) {
        const crowded = inner < em * 2.6 && picture.categories.length > 6;
        if (!crowded) nodes.push(label(missing ? "–" : (beyond ? "↑ " : "") + amount(value, "", inner < em * 3 ? 3 : 4), {
          x: off + inner / 2, y: above ? Math.max(end - em * 0.4, em * 0.75) : Math.min(end + em * 1.05, f.bottom + em * 0.2), class: "value", "text-anchor": "middle",
        }));
      }
      if (bar.targets.length && Number.isFinite(num(bar.targets[i]))) {
        const at = Math.min(Math.max(f.y.at(num(bar.targets[i])), f.top), f.bottom);
        nodes.push(v("line", { x1: x - wide * 0.02, x2: x + wide * 1.02, y1: at, y2: at, stroke: ctx.colour("truth"), class: "target" }));
      }
      const control = ctx.control(bar.controls[i]);
      if (control) {
        const y = end;
        nodes.push(draggable(ctx, { cx: null, cy: control, name: labelText(category), x: 0, y: value, f }, [
          v("rect", { x: off, width: inner, y: y - 14, height: 28, class: "catch" }),
          v("rect", { x: off + inner / 2 - em, width: em * 2, y: y - 3, height: 6, rx: 3, class: "grip" }),
        ], control.name));
      }
    });
    nodes.push(label(category, { x: middle, y: f.bottom + em * 1.3, class: "tick category", "text-anchor": "middle" }));
  });
  nodes.push(v("line", { x1: f.left, x2: f.right, y1: base, y2: base, class: "zero" }), marks(picture.marks, { ...f, x: { inside: () => false } }, ctx));
  const probe = (px) => {
    const i = Math.floor((px - f.left) / slot);
    if (i < 0 || i >= picture.categories.length) return null;
    const rows = picture.bars.flatMap((bar) => {
      const own = { colour: ctx.colour(bar.colors[i] ?? bar.color), name: bar.name, text: amount(bar.values[i], picture.y.unit) };
      return bar.targets.length ? [own, { colour: ctx.colour("truth"), name: bar.target_name || "exact", text: amount(bar.targets[i], picture.y.unit), dash: true }] : [own];
    });
    return { x: f.left + slot * (i + 0.5), title: labelText(picture.categories[i]), rows, line: false };
  };
  return { nodes, probe };
}

export function drawNumberLine(picture, ctx) {
  const { width, height, em } = ctx;
  const bottom = height - em * 1.9;
  const x = axisScale(picture.axis, picture.points.map((p) => p.x), em, width - em, Math.max(2, Math.round(width / (em * 5.5))));
  const f = { x, y: x, left: em, right: width - em, top: em * 0.4, bottom };
  const line = bottom;
  // Labels of points that stand close together climb above one another.
  const sorted = [...picture.points].map((p, i) => ({ p, i, px: x.at(num(p.x)), wide: labelWidth(p.label) * em })).sort((a, b) => a.px - b.px);
  const rows = [];
  for (const item of sorted) {
    let row = 0;
    while (rows[row] !== undefined && item.px - item.wide / 2 < rows[row] + 6) row += 1;
    rows[row] = item.px + item.wide / 2;
    item.row = row;
  }
  const nodes = [
    zones(picture.zones, f, ctx), xTicks(f, em),
    v("line", { x1: f.left, x2: f.right, y1: line, y2: line, class: "axis strong" }),
    marks(picture.marks, f, ctx),
    sorted.sort((a, b) => a.i - b.i).map(({ p, row }) => {
      const level = row * em * 1.25;
      const at = Math.min(Math.max(x.at(num(p.x)), f.left), f.right);
      return v("g", {}, row > 0 && v("line", { x1: at, x2: at, y1: line - em, y2: line - em - level, stroke: ctx.colour(p.color), class: "leader" }),
        handle({ ...p, label: "" }, f, ctx, { lineY: line }),
        label(p.label, { x: Math.min(Math.max(at, labelWidth(p.label) * em * 0.46), width - labelWidth(p.label) * em * 0.46), y: line - em * 0.95 - level, "text-anchor": "middle", class: "point-label", fill: ctx.colour(p.color) }));
    }),
  ];
  const probe = (px) => {
    let best = null;
    for (const p of picture.points) if (best === null || Math.abs(x.at(num(p.x)) - px) < Math.abs(x.at(num(best.x)) - px)) best = p;
    if (!best || Math.abs(x.at(num(best.x)) - px) > 24) return null;
    return { x: x.at(num(best.x)), title: labelText(best.label), rows: [{ colour: ctx.colour(best.color), name: picture.axis.label, text: amount(best.x, picture.axis.unit) }], line: false };
  };
  return { nodes, probe };
}
