// The figure of curves as Plotly takes it: traces, layout, and the names that a saved picture needs.

import { niceTicks, number, trimmed } from "../shared/format.js";
import { withAlpha } from "../shared/palette.js";
import { references } from "./panels.js";

/**
 * @import { Theme } from "../shared/types.d.ts"
 * @import { Figure, Points } from "./figure.js"
 * @import { Key } from "./panel_legend.js"
 * @import { Trace } from "./panels.js"
 */

/** Names of the axes of panel p. @param {number} p @param {boolean} [right] */
export function axisNames(p, right = false) {
  const n = p === 0 ? "" : p + 1;
  return { x: `x${n}`, y: right ? `y${p + 11}` : `y${n}` };
}

/** The key of an axis in a layout. @param {string} axis */
export const layoutKey = (axis) => axis.replace(/^([xy])/, "$1axis");

/** @param {Figure} figure @param {Points[]} data */
export function plotlyTraces(figure, data) {
  return figure.traces.map((trace, i) => {
    const drawn = { ...traceStyle(trace, figure.theme), x: data[i].x, y: figure.y(trace, data[i].y) };
    if (trace.kind !== "line") return drawn;
    const steps = data[i].x.map((x) => Math.round(figure.steps.backward(x)));
    return { ...drawn, customdata: data[i].y.map((y, k) => [number(y, 4), steps[k]]) };
  });
}

/** @param {Trace} trace @param {Theme} theme */
function traceStyle({ kind, panel, style, metric, group }, theme) {
  const { colour, dash, width } = style;
  const axis = axisNames(panel, metric.right);
  const base = {
    type: "scatter",
    mode: "lines",
    showlegend: false,
    connectgaps: true,
    hoverinfo: "skip",
    xaxis: axis.x,
    yaxis: axis.y,
  };
  if (kind === "low") return { ...base, line: { width: 0 }, fill: "none" };
  if (kind === "high") {
    const fillcolor = withAlpha(colour, theme.dark ? 0.22 : 0.16);
    return { ...base, line: { width: 0 }, fill: "tonexty", fillcolor };
  }
  if (kind === "ghost") {
    const color = withAlpha(colour, theme.dark ? 0.5 : 0.42);
    return { ...base, line: { color, width: 1.2, dash: "solid" } };
  }
  const name = [metric.title ?? metric.label, group.label].filter(Boolean).join(" · ");
  return {
    ...base,
    name,
    line: { color: colour, width, dash, simplify: false },
    hoverinfo: "all",
    hovertemplate: `${name}: %{customdata[0]}<br>step %{customdata[1]:,}<extra></extra>`,
  };
}

/** @param {Figure} figure */
const fontSize = ({ factor }) => Math.round(11 * factor);

/** @param {Figure} figure @param {boolean} atRest - hover and zoom work only then */
export function plotlyLayout(figure, atRest) {
  const { theme, width, height } = figure;
  const size = fontSize(figure);
  const font = { family: theme.font, size, color: theme.muted };
  const moving = movingLayout(figure);
  const common = {
    zeroline: false,
    tickangle: 0,
    showline: false,
    ticks: "",
    automargin: false,
    fixedrange: !atRest,
    ticklabelstandoff: 3,
  };
  /** @type {object[]} */
  const shapes = [];
  figure.boxes.forEach((box, p) => {
    const { x, y } = axisNames(p);
    const domainX = [box.x0 / width, box.x1 / width];
    const domainY = [1 - box.y1 / height, 1 - box.y0 / height];
    const line = { showgrid: false, showline: true, linecolor: theme.line };
    Object.assign(moving[layoutKey(x)], common, { anchor: y, domain: domainX, ...line });
    Object.assign(moving[layoutKey(y)], common, { anchor: x, domain: domainY, gridcolor: theme.line, gridwidth: 1 });
    const over = { anchor: x, overlaying: y, side: "right", showgrid: false };
    if (box.right) Object.assign(moving[layoutKey(axisNames(p, true).y)], common, over);
    for (const { value, colour, dash } of references(figure.store, figure.panels[p].key, theme)) {
      const at = figure.axes[p].scale.forward(value);
      const place = { xref: `${x} domain`, x0: 0, x1: 1, yref: y, y0: at, y1: at };
      shapes.push({ type: "line", ...place, layer: "below", line: { color: colour, width: 1.3, dash } });
    }
  });
  return {
    width,
    height,
    margin: { l: 0, r: 0, t: 0, b: 0, pad: 0 },
    autosize: false,
    showlegend: false,
    font,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: atRest ? "closest" : false,
    dragmode: atRest ? "zoom" : false,
    hoverdistance: 24,
    hoverlabel: {
      bgcolor: theme.surface,
      bordercolor: theme.line,
      font: { ...font, color: theme.text, size: size + 1 },
    },
    shapes,
    ...moving,
  };
}

/**
 * The part of the layout that moves with the data: ranges and ticks.
 * @param {Figure} figure
 */
export function movingLayout(figure) {
  /** @type {Record<string, object>} */
  const layout = {};
  const last = Math.max(figure.last, 1);
  figure.boxes.forEach((box, p) => {
    const { scale, range, right } = figure.axes[p];
    const shown = range ?? [0, 1];
    const steps = figure.steps.ticks(last, Math.max(Math.floor((box.x1 - box.x0) / (33 * figure.factor)), 2));
    const [low, high] = [scale.backward(shown[0]), scale.backward(shown[1])];
    const left = scale.ticks(low, high, box.y1 - box.y0 < 110 ? 3 : 4);
    layout[layoutKey(axisNames(p).x)] = ticked([0, figure.steps.forward(last)], steps.values, steps.texts);
    const places = left.map(({ at }) => scale.forward(at));
    layout[layoutKey(axisNames(p).y)] = ticked(
      shown,
      places,
      left.map(({ text }) => text),
    );
    if (!box.right) return;
    const top = right ?? [-0.02, 1.04];
    const values = niceTicks(0, top[1] / 1.03, 3);
    layout[layoutKey(axisNames(p, true).y)] = ticked(
      top,
      values,
      values.map((value) => trimmed(value, 2)),
    );
  });
  return layout;
}

/** @param {number[]} range @param {number[]} tickvals @param {string[]} ticktext */
const ticked = (range, tickvals, ticktext) => ({ range, tickmode: "array", tickvals, ticktext });

/**
 * Titles, names of the lines, of what runs across and of the axis, and marks, as text of a saved picture.
 * @param {Figure} figure
 */
export function annotations(figure) {
  const { theme, width, height, boxes, legends } = figure;
  // A saved picture does not have the page's font: it may be wider.
  const font = { family: theme.font, size: fontSize(figure) - 1, color: theme.muted };
  const base = { xref: "paper", yref: "paper", xanchor: "left", align: "left", showarrow: false, font };
  const heads = legends.map(({ title, units, keys }, p) => {
    const lines = [
      `<b>${title}</b> ${units}`,
      ...chunks(keys.filter(({ wide }) => !wide).map(inWords), boxes[p].cells).map((names) => names.join("   ")),
      ...keys.filter(({ wide }) => wide).map(inWords),
    ];
    const place = { x: boxes[p].left / width, y: 1 - boxes[p].top / height, yanchor: "top" };
    return { ...base, text: lines.join("<br>"), ...place };
  });
  const across = figure.panels.flatMap((panel, p) =>
    references(figure.store, panel.key, theme)
      .filter((line) => line.show)
      .map((line) => {
        const at = figure.level(p, line.value);
        const place = { xanchor: "right", x: boxes[p].x1 / width, y: 1 - (at ?? 0) / height, yanchor: "bottom" };
        return { ...base, text: `${line.label} ${number(line.value)}`, ...place, visible: at !== null };
      }),
  );
  const axes = boxes.map((box) => {
    const place = { xanchor: "right", x: (box.x0 - 6) / width, y: 1 - (box.y1 + 3) / height, yanchor: "top" };
    return { ...base, text: figure.steps.name, ...place };
  });
  const ends = figure.ends().flatMap(({ panel, step, value, best, colour }) => {
    const [x, y] = [figure.pixel(panel, step), figure.level(panel, value)];
    if (x === null || y === null) return [];
    const place = { xanchor: "center", x: x / width, y: 1 - y / height, yanchor: "middle" };
    return [{ ...base, text: best ? "★" : "●", font: { ...font, color: colour }, ...place }];
  });
  return [...heads, ...across, ...axes, ...ends];
}

const GLYPHS = { solid: "━", dash: "╍", longdash: "╍", dot: "┈", dashdot: "┅" };

/** A name with a sign of its line, for text that has colours but no strokes. @param {Key} key */
function inWords({ label, stroke: { ramp, ends = ["", ""], colour, dash = "solid", band } }) {
  /** @param {string | undefined} ink @param {string} glyph */
  const sign = (ink, glyph) => `<span style="color:${ink}">${glyph}</span>`;
  if (ramp) return `${label} ${ends[0]} ${ramp.map((ink) => sign(ink, "━")).join("")} ${ends[1]}`;
  return `${sign(colour, band ? "▒" : GLYPHS[dash])} ${label}`;
}

/** @param {string[]} list @param {number} size */
const chunks = (list, size) =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
