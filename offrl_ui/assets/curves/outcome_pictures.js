// Outcome against one hyperparameter, as a curve for each metric, or against two, as a heat map.

import { niceTicks, number, plain } from "../shared/format.js";
import { groupColour } from "./panels.js";
import { withAlpha } from "../shared/palette.js";
import { Scale } from "../shared/scale.js";

// Place of each value on the axis, 0 to 1.
function positionsOf(axis) {
  const { values } = axis;
  if (!axis.numeric) return values.map((_, i) => (i + 0.5) / values.length);
  const logarithmic = axis.scale === "log" && values.every((value) => value > 0);
  const mapped = values.map((value) => (logarithmic ? Math.log(value) : value));
  const [low, high] = [Math.min(...mapped), Math.max(...mapped)];
  return mapped.map((value) => 0.04 + (0.92 * (value - low)) / (high - low));
}

// A picture for each metric, above each other. Returns where each value stands, and what its marks are.
export function drawAxis(ctx, { store, theme, frame, width, height, metrics }) {
  const [axis] = store.axes;
  const positions = positionsOf(axis);
  const [left, right, bottom, top] = [48, 10, 34, 20];
  const each = (height - bottom) / metrics.length;
  const xOf = (i) => left + positions[i] * (width - left - right);
  ctx.font = `11px ${theme.font}`;
  const groups = store.groups.filter((group) => axis.name in group.values);
  const current = store.groupOf(store.view.member);
  metrics.forEach((metric, m) => {
    const [y0, y1] = [each * (m + 1) - 8, each * m + top];
    const stats = groups.map((group) => [...store.lastStats(frame, group, metric.index)]);
    const refs =
      metric.references && store.truthHoldsForAll
        ? [
            ["best", store.hello.truth.optimal, [5, 4]],
            ["behaviour", store.hello.truth.behavior, [2, 3]],
          ].filter(([, value]) => Number.isFinite(value))
        : [];
    const all = [...stats.flat(), ...refs.map(([, value]) => value)].filter(Number.isFinite);
    if (metric.zero) all.push(0);
    let [low, high] = [Math.min(...all), Math.max(...all)];
    const pad = Math.max((high - low) * 0.1, 1e-9);
    [low, high] = [low - pad, high + pad];
    const yOf = (value) => y0 - ((value - low) / (high - low)) * (y0 - y1);
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.font = `600 11.5px ${theme.font}`;
    ctx.fillStyle = theme.text;
    ctx.fillText(`${metric.title}${metric.unit ? `, ${metric.unit}` : ""}`, 4, y1 - 8);
    ctx.font = `11px ${theme.font}`;
    for (const tick of niceTicks(low, high, 3)) {
      ctx.fillStyle = theme.line;
      ctx.fillRect(left, yOf(tick), width - left - right, 1);
      ctx.fillStyle = theme.muted;
      ctx.textAlign = "right";
      ctx.textBaseline = "middle";
      ctx.fillText(number(Math.abs(tick) < (high - low) * 1e-9 ? 0 : tick, 2), left - 6, yOf(tick));
    }
    for (const [name, value, dash] of refs) {
      ctx.setLineDash(dash);
      ctx.strokeStyle = theme.text;
      ctx.beginPath();
      ctx.moveTo(left, yOf(value));
      ctx.lineTo(width - right, yOf(value));
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.fillStyle = theme.muted;
      ctx.textAlign = "right";
      ctx.textBaseline = "bottom";
      ctx.fillText(name, width - right, yOf(value) - 1);
    }
    ctx.strokeStyle = withAlpha(theme.text, 0.3);
    ctx.beginPath();
    groups.forEach((group, i) => {
      if (Number.isFinite(stats[i][0])) ctx.lineTo(xOf(axis.values.indexOf(group.values[axis.name])), yOf(stats[i][0]));
    });
    ctx.stroke();
    groups.forEach((group, i) => {
      const x = xOf(axis.values.indexOf(group.values[axis.name]));
      const [median, lower, upper] = stats[i];
      if (!Number.isFinite(median)) return;
      ctx.fillStyle = ctx.strokeStyle = groupColour(store, group, theme);
      if (Number.isFinite(lower)) {
        ctx.lineWidth = 2;
        ctx.beginPath();
        ctx.moveTo(x, yOf(lower));
        ctx.lineTo(x, yOf(upper));
        ctx.stroke();
        ctx.lineWidth = 1;
      }
      ctx.beginPath();
      ctx.arc(x, yOf(median), group === current ? 5.5 : 3.8, 0, 2 * Math.PI);
      ctx.fill();
      if (group === current) {
        ctx.strokeStyle = theme.text;
        ctx.lineWidth = 1.5;
        ctx.stroke();
        ctx.lineWidth = 1;
      }
    });
  });
  axisLabels(ctx, theme, axis, xOf, height - bottom + 12, width);
  return { xOf, about: seedsOf(groups, "median and quartiles") };
}

function seedsOf(groups, what) {
  const seeds = groups[0]?.members.length ?? 1;
  return seeds === 1 ? "1 seed each" : `${what} of ${seeds} seeds`;
}

function axisLabels(ctx, theme, axis, xOf, y, width) {
  ctx.fillStyle = theme.muted;
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  let free = -Infinity;
  axis.values.forEach((value, i) => {
    const text = plain(value);
    const half = ctx.measureText(text).width / 2;
    if (xOf(i) - half < free) return;
    free = xOf(i) + half + 4;
    ctx.fillText(text, xOf(i), y);
  });
  ctx.fillStyle = theme.text;
  ctx.fillText(axis.symbol, width / 2, y + 16);
}

// The first metric over two axes. Returns the cells.
export function drawMap(ctx, { store, theme, frame, width, height, metrics }) {
  const [across, up] = store.axes;
  const [metric] = metrics;
  const cells = [];
  if (!metric) return { cells, about: "" };
  const [left, bottom, top] = [56, 36, 20];
  const [w, hgt] = [(width - left - 8) / across.values.length, (height - bottom - top) / up.values.length];
  const values = store.groups.map((group) => store.lastStat(frame, group, metric.index));
  const { behavior, optimal } = store.hello.truth;
  const all = [...values, ...(store.truthHoldsForAll ? [behavior, optimal] : [])].filter(Number.isFinite);
  const scale = new Scale({ kind: "value", low: Math.min(...all), high: Math.max(...all) });
  ctx.font = `600 11.5px ${theme.font}`;
  ctx.fillStyle = theme.text;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.fillText(`${metric.title}${metric.unit ? `, ${metric.unit}` : ""}`, 4, 12);
  ctx.font = `11px ${theme.font}`;
  mapLegend(ctx, theme, scale, width);
  const current = store.groupOf(store.view.member);
  store.groups.forEach((group, i) => {
    const x = left + across.values.indexOf(group.values[across.name]) * w;
    const y = top + (up.values.length - 1 - up.values.indexOf(group.values[up.name])) * hgt;
    cells.push({ group, x, y, w, h: hgt });
    if (!Number.isFinite(values[i])) return;
    ctx.fillStyle = scale.colour(values[i], theme.dark);
    ctx.fillRect(x, y, w - 1, hgt - 1);
    ctx.fillStyle = scale.at(values[i]) > 0.6 ? "#111" : "#fff";
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    if (w > 34 && hgt > 13) ctx.fillText(number(values[i], 2), x + w / 2, y + hgt / 2);
    if (group === current) {
      ctx.strokeStyle = theme.accent;
      ctx.lineWidth = 2.5;
      ctx.strokeRect(x + 1, y + 1, w - 3, hgt - 3);
    }
  });
  axisLabels(ctx, theme, across, (i) => left + (i + 0.5) * w, height - bottom + 14, width);
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.fillStyle = theme.muted;
  up.values.forEach((value, i) => ctx.fillText(plain(value), left - 6, top + (up.values.length - 0.5 - i) * hgt));
  ctx.fillStyle = theme.text;
  ctx.textAlign = "left";
  ctx.fillText(up.symbol, 2, top + 8);
  return { cells, about: seedsOf(store.groups, "median") };
}

// The colours with their two ends, at the right of the title.
function mapLegend(ctx, theme, scale, width) {
  const [low, high] = [number(scale.low), number(scale.high)];
  const [bar, right] = [90, width - 8 - ctx.measureText(high).width - 5];
  for (let i = 0; i < bar; i += 2) {
    ctx.fillStyle = scale.colour(scale.low + ((scale.high - scale.low) * i) / bar, theme.dark);
    ctx.fillRect(right - bar + i, 4, 2.4, 9);
  }
  ctx.fillStyle = theme.muted;
  ctx.fillText(high, right + 5, 12);
  ctx.fillText(low, right - bar - 5 - ctx.measureText(low).width, 12);
}
