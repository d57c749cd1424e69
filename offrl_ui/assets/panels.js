// What the four panels of curves hold: which metrics, in which style, on which scale, with which reference lines.

import { number } from "./format.js";
import { mix, rampOf, withAlpha } from "./palette.js";

export const PANELS = [
  { key: "return", title: "True return", title2: "return of the current policy" },
  { key: "q", title: "Mean Q", title2: "mean Q" },
  { key: "loss", title: "Loss", title2: "loss" },
  { key: "weights", title: "Weights", title2: "weights" },
];

const DASHES = ["solid", "dot", "dashdot", "longdash"];
const isTruth = (metric) => /(^|_)(true|truth|star|exact)(_|$)/.test(metric.name) && metric.panel === "q";

// Metrics of a panel, as they are drawn; with many groups only the first, or the picture would be a thicket.
export function metricsOf(store, panel) {
  const all = store.hello.metrics.map((metric, index) => ({ ...metric, index })).filter((metric) => metric.panel === panel);
  if (store.groups.length > 4) {
    const chosen = panel === "q" ? all.find((metric) => /missing|unseen/.test(metric.name)) ?? all[0] : all[0];
    return chosen ? [chosen] : [];
  }
  return all.slice(0, 5);
}

// Colour along the lens' axis: the sequential ramp without the end that vanishes into the page.
export function lensColour(share, theme) {
  const at = theme.dark ? 0.22 + 0.78 * share : 0.86 * share;
  return rampOf("value", theme.dark).css[Math.round(at * 255)];
}

export function groupColour(store, group, theme) {
  const laneGroups = store.groups.filter((other) => other.lane === group.lane);
  if (laneGroups.length > 1) return lensColour(laneGroups.indexOf(group) / (laneGroups.length - 1), theme);
  return theme.lanes[group.lane % theme.lanes.length];
}

// Line of a metric of a group: { colour, dash, width }.
export function styleOf(store, group, metric, order, theme) {
  if (isTruth(metric)) return { colour: theme.text, dash: "dash", width: 1.4, truth: true };
  if (store.groups.length === 1) return { colour: theme.lanes[order % theme.lanes.length], dash: "solid", width: 1.9 };
  return { colour: groupColour(store, group, theme), dash: DASHES[order % DASHES.length], width: store.groups.length > 4 ? 1.3 : 1.8 };
}

// Horizontal reference lines of a panel. The best there is has the dashes of every truth.
export function references(store, panel, theme) {
  const { truth } = store.hello;
  const line = (value, label, dash, colour, show) => (Number.isFinite(value) ? [{ value, label, dash, colour, show }] : []);
  if (panel === "return") {
    return [
      ...line(truth.optimal, "best", "dash", theme.text, true),
      ...(Math.abs((truth.in_support ?? NaN) - (truth.optimal ?? NaN)) > 1e-6 || truth.optimal == null
        ? line(truth.in_support, "best in data", "longdash", theme.muted, true) : []),
      ...line(truth.behavior, "behaviour", "dot", theme.muted, true),
    ];
  }
  if (panel === "q") {
    const [low, high] = Array.isArray(truth.q_bound) ? truth.q_bound : [undefined, truth.q_bound];
    const colour = mix(theme.warning, theme.background, 0.2);
    return [...line(high, "bound", "dashdot", colour, false), ...line(low, "lower bound", "dashdot", colour, false)];
  }
  return [];
}

// The traces of the figure, in drawing order: ghosts, bands, lines. Each knows where its numbers come from.
export function planTraces(store, panels, theme) {
  const ghosts = [];
  const bands = [];
  const lines = [];
  panels.forEach((panel, p) => {
    const metrics = metricsOf(store, panel.key);
    metrics.forEach((metric, order) => {
      const right = metric.unit !== metrics[0].unit && ["share", "fraction", "%"].includes(metric.unit);
      store.groups.forEach((group) => {
        const style = styleOf(store, group, metric, order, theme);
        // The truth does not depend on who learns: one line is enough where all groups share a dataset.
        if (style.truth && group.index > 0 && store.groups.length > 1) return;
        const base = { panel: p, metric, group, style, right };
        if (group.members.length > 1 && (store.groups.length <= 4 || panel.key === "return") && !style.truth) {
          bands.push({ ...base, kind: "low" }, { ...base, kind: "high" });
        }
        lines.push({ ...base, kind: "line" });
        const ghostMetric = store.ghost?.hello.metrics.findIndex((other) => other.name === metric.name) ?? -1;
        const ghostGroup = store.ghost?.groups.find((other) => other.label === group.label) ?? store.ghost?.groups[group.index];
        if (ghostMetric >= 0 && ghostGroup && !style.truth) {
          ghosts.push({ ...base, kind: "ghost", ghostMetric, ghostGroup });
        }
      });
    });
  });
  return [...ghosts, ...bands, ...lines];
}

export function traceStyle(trace, axis, theme) {
  const { colour, dash, width } = trace.style;
  const { metric, group, kind } = trace;
  const base = { type: "scatter", mode: "lines", showlegend: false, connectgaps: true, hoverinfo: "skip", xaxis: axis.x, yaxis: axis.y };
  if (kind === "low") return { ...base, line: { width: 0 }, fill: "none" };
  if (kind === "high") return { ...base, line: { width: 0 }, fill: "tonexty", fillcolor: withAlpha(colour, theme.dark ? 0.22 : 0.16) };
  if (kind === "ghost") return { ...base, line: { color: withAlpha(colour, theme.dark ? 0.5 : 0.42), width: 1.2, dash: "solid" } };
  const name = `${metric.title ?? metric.name.replaceAll("_", " ")}${group.label ? ` · ${group.label}` : ""}`;
  return {
    ...base, name, line: { color: colour, width, dash, simplify: false },
    hoverinfo: "all", hovertemplate: `${name}: %{customdata}<br>step %{x:,}<extra></extra>`,
  };
}

// Text of a metric's value with its spread, for the panel's head: "0.569 (0.55–0.57)".
export function valueText(stat, spread) {
  const text = number(stat[0]);
  return spread && stat[1] !== stat[2] && Number.isFinite(stat[1]) ? `${text} (${number(stat[1])} to ${number(stat[2])})` : text;
}
