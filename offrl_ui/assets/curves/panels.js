// What the panels of curves hold: which metrics, in which style, with which reference lines.

import { colourAt, mix, rampOf } from "../shared/palette.js";

/**
 * @import { Metric } from "../run/protocol.d.ts"
 * @import { Group } from "../run/groups.js"
 * @import { RunHistory } from "../run/history.js"
 * @import { Store } from "../run/store.js"
 * @import { Theme } from "../shared/types.d.ts"
 */

/** @import { Sort } from "../shared/axis.js" */
/** @typedef {"solid" | "dash" | "longdash" | "dot" | "dashdot"} Dash */
/**
 * @typedef {{ name: string, label: string, colour: number, dash?: Dash, right?: boolean }} Line - how a metric is drawn
 */

/**
 * A panel, with the lines that it knows, in order, and what sort of numbers its left axis has. Other metrics that the
 * run declares for it follow under their own titles. `also` names metrics that do so in every run, `undrawn` those that
 * are only sent and exported; `base` has numbers that a linear axis always holds; `note` stands behind the units. The
 * truth is always dashed, in the colour of what it is the truth of.
 * @typedef {object} Panel
 * @property {string} key
 * @property {string} title
 * @property {Sort} sort
 * @property {Line[]} lines
 * @property {string[]} [also]
 * @property {string[]} [undrawn]
 * @property {number[]} [base]
 * @property {string} [note]
 * @property {string} [marks] - what is marked on its lines, where these are few
 */

/** @typedef {Metric & { index: number, label: string, colour: number, dash: Dash, right: boolean }} DrawnMetric */
/** @typedef {{ colour: string, dash: Dash, width: number, truth: boolean }} Stroke */
/** @typedef {{ value: number, label: string, dash: Dash, colour: string, show: boolean }} Reference */

/**
 * A line of the figure, or an edge of a band, and where its numbers come from.
 * @typedef {object} Trace
 * @property {"low" | "high" | "line" | "ghost"} kind
 * @property {number} panel
 * @property {RunHistory} source - the run, or its ghost
 * @property {Group} sourceGroup - the group in that source
 * @property {number} sourceMetric - the metric in that source
 * @property {DrawnMetric} metric
 * @property {Group} group
 * @property {Stroke} style
 * @property {[low: number, high: number] | null} interval - metrics that hold the band, instead of the quartiles
 */

/** @type {Panel[]} */
export const PANELS = [
  {
    key: "return",
    title: "True return",
    sort: "value",
    lines: [
      { name: "return", label: "J(π)", colour: 0 },
      { name: "value_start", label: "estimate", colour: 1 },
    ],
    marks: "★ best step, ● last",
  },
  {
    key: "q",
    title: "Mean Q",
    sort: "value",
    lines: [
      { name: "q_data", label: "data", colour: 0 },
      { name: "q_data_true", label: "its truth", colour: 0, dash: "dash" },
      { name: "q_missing", label: "missing", colour: 1 },
      { name: "q_missing_true", label: "its truth", colour: 1, dash: "dash" },
      // Here where learners are given other rewards than those of the true return.
      { name: "value_start", label: "start", colour: 2 },
      { name: "return_given", label: "its truth", colour: 2, dash: "dash" },
    ],
    undrawn: ["q_max", "q_min"],
  },
  {
    key: "loss",
    title: "Loss",
    sort: "amount",
    lines: [
      { name: "loss_policy", label: "policy", colour: 0 },
      { name: "loss_td", label: "Q", colour: 1 },
      { name: "loss_value", label: "V", colour: 2 },
      { name: "loss_behavior", label: "behaviour", colour: 3 },
      { name: "td_error", label: "TD error", colour: 4 },
    ],
    also: ["loss_td2", "loss_penalty", "loss_penalty2", "loss_dual"],
    base: [0],
  },
  {
    key: "weights",
    title: "Weights",
    sort: "amount",
    lines: [
      { name: "weight_median", label: "median", colour: 0 },
      { name: "weight_p90", label: "90 %", colour: 2 },
      { name: "weight_max", label: "largest", colour: 1 },
      { name: "effective_sample_size", label: "effective →", colour: 3, right: true },
    ],
    undrawn: ["weight_max_share", "clipped"],
    base: [0],
  },
  {
    key: "policy",
    title: "Policy",
    sort: "plain",
    lines: [
      { name: "mass_unseen", label: "mass on unseen", colour: 1 },
      { name: "entropy", label: "entropy →", colour: 0, right: true },
    ],
    undrawn: ["temperature", "kl", "multiplier", "advantage_scale"],
    base: [0, 0.05],
  },
];
// What stands in the place of the true return where nobody can play.
const UNPLAYED = { title: "Estimated return", note: "no world to play in", marks: "" };
// Panels of the protocol that are no curves of their own: bounds of a return, and what the outcome shows.
const NO_CURVES = ["interval", "gap"];
/** @type {Dash[]} */
const DASHES = ["solid", "dot", "dashdot", "longdash"];
// Side by side each system has two lines in a panel: not these.
const SECONDARY = ["weight_median", "weight_p90", "td_error", "entropy"];
/** The line that stands for a panel where many settings share it. @type {Record<string, string>} */
const MAIN = { q: "q_data", loss: "loss_td", weights: "effective_sample_size" };
const MOST_PANELS = 4;
const MOST_LINES = 5;
const FEW_GROUPS = 4;

/** Whether so many groups are drawn that each has its place on a ramp. @param {Store} store */
export const isLens = (store) => store.groups.length > FEW_GROUPS;

/** All panels that a run's metrics name: those above, and its own. @param {Store} store @returns {Panel[]} */
export function panelsDeclared(store) {
  const known = new Set([...PANELS.map(({ key }) => key), ...NO_CURVES]);
  const own = new Set(store.run.metrics.map(({ panel }) => panel).filter((key) => key && !known.has(key)));
  const titled = [...own].map((key) => ({
    key,
    title: key[0].toUpperCase() + key.slice(1).replaceAll("_", " "),
    sort: /** @type {Sort} */ ("plain"),
    lines: [],
  }));
  const played = store.metricIndex("return") >= 0;
  const usual = PANELS.map((panel) => (panel.key === "return" && !played ? { ...panel, ...UNPLAYED } : panel));
  return [...usual, ...titled];
}

/** The panels of a run: where there are four without the policy's, it has no room. @param {Store} store */
export function panelsOf(store) {
  const there = panelsDeclared(store).filter((panel) => metricsOf(store, panel).some(({ dash }) => dash === "solid"));
  if (there.length <= MOST_PANELS) return there;
  return there.filter(
    (panel) => panel.key !== "policy" || othersOf(store, panel).some(({ name }) => isNew(panel, name)),
  );
}

/** Metrics of a panel that none of its lines draws. @param {Store} store @param {Panel} panel */
function othersOf(store, { key, lines, undrawn = [] }) {
  return indexed(store).filter(
    ({ panel, name }) => panel === key && !undrawn.includes(name) && !lines.some((line) => line.name === name),
  );
}

/** @param {Store} store */
const indexed = (store) => store.run.metrics.map((metric, index) => ({ ...metric, index }));

/** Whether the panel has never heard of a metric. @param {Panel} panel @param {string} name */
const isNew = ({ lines, also = [] }, name) => !also.includes(name) && !lines.some((line) => line.name === name);

/**
 * Metrics of a panel, as they are drawn; with many groups only the main one.
 * @param {Store} store
 * @param {Panel} panel
 * @returns {DrawnMetric[]}
 */
export function metricsOf(store, panel) {
  const all = indexed(store).filter((metric) => metric.panel === panel.key);
  const named = panel.lines.flatMap(({ name, label, colour, dash = "solid", right = false }) =>
    all.filter((metric) => metric.name === name).map((metric) => ({ ...metric, label, colour, dash, right })),
  );
  const free = [0, 1, 2, 3, 4].filter((colour) => !named.some((metric) => metric.colour === colour));
  const others = othersOf(store, panel).map((metric, i) => ({
    ...metric,
    label: metric.title ?? metric.name.replaceAll("_", " "),
    colour: free[i] ?? MOST_LINES + i - free.length,
    dash: /** @type {Dash} */ ("solid"),
    right: false,
  }));
  const drawn = [...named, ...others];
  if (isLens(store)) {
    const main = drawn.find((metric) => metric.name === MAIN[panel.key]) ?? drawn[0];
    return main ? [{ ...main, right: false, dash: "solid" }] : [];
  }
  // What a panel has never heard of is always drawn: somebody declared it to be seen.
  const usual = drawn.filter(({ name }) => !isNew(panel, name));
  const added = drawn.filter(({ name }) => isNew(panel, name));
  if (store.groups.length === 1) return [...usual.slice(0, Math.max(MOST_LINES, panel.lines.length)), ...added];
  const main = usual.filter((metric) => metric.dash === "solid" && !SECONDARY.includes(metric.name));
  return [...main.slice(0, 2), ...added];
}

/** Colour along the lens' axis: the sequential ramp without the end that vanishes into the page.
 * @param {number} share @param {Theme} theme */
export function lensColour(share, theme) {
  const at = theme.dark ? 0.22 + 0.78 * share : 0.86 * share;
  return rampOf("value", theme.dark).css[Math.round(at * 255)];
}

/** @param {Store} store @param {Group} group @param {Theme} theme */
export function groupColour(store, group, theme) {
  const laneGroups = store.groups.filter((other) => other.lane === group.lane);
  if (laneGroups.length > 1) return lensColour(laneGroups.indexOf(group) / (laneGroups.length - 1), theme);
  return colourAt(theme.lanes, group.lane, theme);
}

/**
 * How a metric of a group is drawn; `position` is the metric's place in its panel.
 * @param {Store} store
 * @param {Group} group
 * @param {DrawnMetric} metric
 * @param {number} position
 * @param {Theme} theme
 * @returns {Stroke}
 */
function strokeOf(store, group, metric, position, theme) {
  const truth = metric.dash === "dash";
  if (store.groups.length === 1) {
    const colour = colourAt(theme.series, metric.colour, theme);
    return { colour, dash: metric.dash, width: truth ? 1.4 : 1.9, truth };
  }
  const dash = truth ? "dash" : DASHES[Math.min(position, DASHES.length - 1)];
  return { colour: groupColour(store, group, theme), dash, width: isLens(store) ? 1.3 : 1.8, truth };
}

/**
 * Horizontal reference lines of a panel; those with `show` are always in the picture, others only where the curves come
 * near. The best there is has the dashes of every truth.
 * @param {Store} store
 * @param {string} panel
 * @param {Theme} theme
 * @returns {Reference[]}
 */
export function references(store, panel, theme) {
  const { optimal, in_support: supported, behavior, q_bound: bound } = store.run.truth;
  if (!store.truthHoldsForAll) return [];
  /**
   * @param {number | null | undefined} value
   * @param {string} label
   * @param {Dash} dash
   * @param {string} colour
   * @param {boolean} show
   * @returns {Reference[]}
   */
  const line = (value, label, dash, colour, show) =>
    typeof value === "number" && Number.isFinite(value) ? [{ value, label, dash, colour, show }] : [];
  if (panel === "q") return line(bound, "bound", "dashdot", mix(theme.warning, theme.background, 0.2), false);
  if (panel !== "return") return [];
  const apart = optimal == null || Math.abs((supported ?? NaN) - optimal) > 1e-6;
  return [
    ...line(optimal, "best", "dash", theme.text, true),
    ...(apart ? line(supported, "best in data", "longdash", theme.muted, true) : []),
    ...line(behavior, "behaviour", "dot", theme.muted, true),
  ];
}

/**
 * The traces of the figure, in drawing order: ghosts, bands, lines.
 * @param {Store} store
 * @param {Panel[]} panels
 * @param {Theme} theme
 */
export function planTraces(store, panels, theme) {
  /** @type {Trace[]} */
  const ghosts = [];
  /** @type {Trace[]} */
  const bands = [];
  /** @type {Trace[]} */
  const lines = [];
  const { ghost } = store;
  const few = !isLens(store);
  panels.forEach((panel, p) => {
    metricsOf(store, panel).forEach((metric, position) => {
      for (const group of store.groups) {
        const style = strokeOf(store, group, metric, position, theme);
        const from = { source: store, sourceGroup: group, sourceMetric: metric.index };
        const base = { panel: p, metric, group, style, ...from };
        const alone = group.members.length === 1;
        // A single model's return that was measured by playing has the interval of that measurement.
        const interval = alone && few ? intervalOf(store, metric.name) : null;
        const quartiles = !alone && (few || panel.key === "return") && !style.truth;
        if (interval || quartiles) bands.push({ ...base, kind: "low", interval }, { ...base, kind: "high", interval });
        lines.push({ ...base, kind: "line", interval: null });
        const sourceMetric = ghost ? ghost.metricIndex(metric.name) : -1;
        const twin = ghost?.groups.find((other) => other.label === group.label) ?? ghost?.groups[group.index];
        if (!ghost || sourceMetric < 0 || !twin || style.truth) continue;
        ghosts.push({ ...base, source: ghost, sourceGroup: twin, sourceMetric, kind: "ghost", interval: null });
      }
    });
  });
  return [...ghosts, ...bands, ...lines];
}

/**
 * The metrics that hold the two ends of a metric's interval, where it is measured.
 * @param {Store} store
 * @param {string} name
 * @returns {[low: number, high: number] | null}
 */
export function intervalOf(store, name) {
  const [low, high] = [store.metricIndex(`${name}_low`), store.metricIndex(`${name}_high`)];
  return low < 0 || high < 0 ? null : [low, high];
}
