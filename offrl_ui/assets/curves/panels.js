// What the four panels of curves hold: which metrics, in which style, on which scale, with which reference lines.

import { number } from "../shared/format.js";
import { mix, rampOf, withAlpha } from "../shared/palette.js";

// Metrics drawn in each panel, in order: [name, label, colour number, dash]. Metrics of the panel that are not named here
// follow in their own order. `base`: numbers that a linear axis always holds. The truth is always dashed, in the colour of what it is the truth of.
export const PANELS = [
  {
    key: "return",
    title: "True return",
    lines: [
      ["return", "J(π)", 0],
      ["value_start", "estimate", 1],
    ],
  },
  {
    key: "q",
    title: "Mean Q",
    lines: [
      ["q_data", "data", 0],
      ["q_data_true", "its truth", 0, "dash"],
      ["q_missing", "missing", 1],
      ["q_missing_true", "its truth", 1, "dash"],
    ],
    only: true,
  },
  {
    key: "loss",
    title: "Loss",
    lines: [
      ["loss_policy", "policy", 0],
      ["loss_td", "Q", 1],
      ["loss_value", "V", 2],
      ["loss_behavior", "behaviour", 3],
      ["td_error", "TD error", 4],
    ],
    base: [0],
  },
  {
    key: "weights",
    title: "Weights",
    lines: [
      ["weight_median", "median", 0],
      ["weight_p90", "90 %", 2],
      ["weight_max", "largest", 1],
      ["effective_sample_size", "effective →", 3, "solid", true],
    ],
    only: true,
    base: [0],
  },
  {
    key: "policy",
    title: "Policy",
    lines: [
      ["mass_unseen", "mass on unseen", 1],
      ["entropy", "entropy →", 0, "solid", true],
    ],
    only: true,
    base: [0, 0.05],
  },
];
const DASHES = ["solid", "dot", "dashdot", "longdash"];
const MANY = { q: "q_data", loss: "loss_td", weights: "effective_sample_size" };

// The four panels of a run: where a system has no weights, its policy's panel takes the place.
export function panelsOf(store) {
  const there = PANELS.filter((panel) => metricsOf(store, panel).some((metric) => metric.dash === "solid"));
  return there.length > 4 ? there.filter((panel) => panel.key !== "policy") : there;
}

// Metrics of a panel, as they are drawn: { …metric, index, label, order, dash, right }. With many groups only the main one.
export function metricsOf(store, panel) {
  const all = store.hello.metrics
    .map((metric, index) => ({ ...metric, index }))
    .filter((metric) => metric.panel === panel.key);
  const named = panel.lines.flatMap(([name, label, order, dash = "solid", right = false]) =>
    all.filter((metric) => metric.name === name).map((metric) => ({ ...metric, label, order, dash, right })),
  );
  const free = [0, 1, 2, 3, 4].filter((order) => !named.some((metric) => metric.order === order));
  const others = panel.only
    ? []
    : all
        .filter((metric) => !panel.lines.some(([name]) => name === metric.name))
        .map((metric, i) => ({
          ...metric,
          label: metric.title ?? metric.name.replaceAll("_", " "),
          order: free[i] ?? i,
          dash: "solid",
          right: false,
        }));
  const drawn = [...named, ...others];
  if (store.groups.length === 1) return drawn.slice(0, 5);
  if (store.groups.length <= 4)
    return drawn
      .filter(
        (metric) =>
          metric.dash === "solid" && !["weight_median", "weight_p90", "td_error", "entropy"].includes(metric.name),
      )
      .slice(0, 2);
  const main = drawn.find((metric) => metric.name === MANY[panel.key]) ?? drawn[0];
  return main ? [{ ...main, right: false, dash: "solid" }] : [];
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
export function styleOf(store, group, metric, position, theme) {
  const truth = metric.dash === "dash";
  if (store.groups.length === 1)
    return {
      colour: theme.series[metric.order % theme.series.length],
      dash: metric.dash,
      width: truth ? 1.4 : 1.9,
      truth,
    };
  const dash = truth ? "dash" : DASHES[Math.min(position, DASHES.length - 1)];
  return { colour: groupColour(store, group, theme), dash, width: store.groups.length > 4 ? 1.3 : 1.8, truth };
}

// Horizontal reference lines of a panel: { value, label, dash, colour, show }; those with `show` are always in the picture,
// others only where the curves come near. The best there is has the dashes of every truth.
export function references(store, panel, theme) {
  const { truth } = store.hello;
  if (!store.truthHoldsForAll) return [];
  const line = (value, label, dash, colour, show) =>
    Number.isFinite(value) ? [{ value, label, dash, colour, show }] : [];
  if (panel === "return") {
    return [
      ...line(truth.optimal, "best", "dash", theme.text, true),
      ...(Math.abs((truth.in_support ?? NaN) - (truth.optimal ?? NaN)) > 1e-6 || truth.optimal == null
        ? line(truth.in_support, "best in data", "longdash", theme.muted, true)
        : []),
      ...line(truth.behavior, "behaviour", "dot", theme.muted, true),
    ];
  }
  if (panel === "q") {
    return line(truth.q_bound, "bound", "dashdot", mix(theme.warning, theme.background, 0.2), false);
  }
  return [];
}

// The traces of the figure, in drawing order: ghosts, bands, lines. Each knows where its numbers come from.
export function planTraces(store, panels, theme) {
  const ghosts = [];
  const bands = [];
  const lines = [];
  panels.forEach((panel, p) => {
    metricsOf(store, panel).forEach((metric, position) => {
      store.groups.forEach((group) => {
        const style = styleOf(store, group, metric, position, theme);
        const base = { panel: p, metric, group, style, right: metric.right };
        if (group.members.length > 1 && (store.groups.length <= 4 || panel.key === "return") && !style.truth) {
          bands.push({ ...base, kind: "low" }, { ...base, kind: "high" });
        }
        // A single model's return that was measured by playing has the interval of that measurement.
        const interval = group.members.length === 1 && store.groups.length <= 4 ? intervalOf(store, metric.name) : null;
        if (interval) bands.push({ ...base, kind: "low", interval }, { ...base, kind: "high", interval });
        lines.push({ ...base, kind: "line" });
        const ghostMetric = store.ghost?.hello.metrics.findIndex((other) => other.name === metric.name) ?? -1;
        const ghostGroup =
          store.ghost?.groups.find((other) => other.label === group.label) ?? store.ghost?.groups[group.index];
        if (ghostMetric >= 0 && ghostGroup && !style.truth) {
          ghosts.push({ ...base, kind: "ghost", ghostMetric, ghostGroup });
        }
      });
    });
  });
  return [...ghosts, ...bands, ...lines];
}

// The metrics that hold the two ends of a metric's interval, where it is measured: [index, index].
export function intervalOf(store, name) {
  const ends = ["low", "high"].map((end) => store.metricIndex(`${name}_${end}`));
  return ends.includes(-1) ? null : ends;
}

export function traceStyle(trace, axis, theme) {
  const { colour, dash, width } = trace.style;
  const { metric, group, kind } = trace;
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
  if (kind === "high")
    return { ...base, line: { width: 0 }, fill: "tonexty", fillcolor: withAlpha(colour, theme.dark ? 0.22 : 0.16) };
  if (kind === "ghost")
    return { ...base, line: { color: withAlpha(colour, theme.dark ? 0.5 : 0.42), width: 1.2, dash: "solid" } };
  const name = [metric.title ?? metric.label, group.label].filter(Boolean).join(" · ");
  return {
    ...base,
    name,
    line: { color: colour, width, dash, simplify: false },
    hoverinfo: "all",
    hovertemplate: `${name}: %{customdata[0]}<br>step %{customdata[1]:,}<extra></extra>`,
  };
}
