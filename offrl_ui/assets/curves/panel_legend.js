// What the lines of a panel of curves are: a name for each, its stroke, and the units. Nothing here touches the page.

import { setting } from "../shared/format.js";
import { isLens, lensColour, metricsOf, references } from "./panels.js";

/**
 * @import { Group } from "../run/groups.js"
 * @import { Store } from "../run/store.js"
 * @import { Theme } from "../shared/types.d.ts"
 * @import { Dash, DrawnMetric, Panel, Trace } from "./panels.js"
 */

/**
 * A piece of a line, a band, or the colours of an axis with the names of its two ends.
 * @typedef {object} Swatch
 * @property {string} [colour]
 * @property {Dash} [dash]
 * @property {boolean} [faint]
 * @property {boolean} [band]
 * @property {string[]} [ramp]
 * @property {[first: string, last: string]} [ends]
 */

/**
 * A name in the legend. `valued`: the number of its trace stands beside it; `value`: this number does; `plain`: the
 * name of a
 * system, which needs no explanation; `wide`: it takes two cells.
 * @typedef {object} Key
 * @property {string} label
 * @property {Swatch} stroke
 * @property {Trace} [trace]
 * @property {boolean} [valued]
 * @property {number} [value]
 * @property {boolean} [plain]
 * @property {boolean} [wide]
 */

/** @typedef {{ title: string, units: string, keys: Key[] }} PanelLegend */

/**
 * @param {Store} store
 * @param {Panel} panel
 * @param {Trace[]} traces - of the panel
 * @param {Theme} theme
 * @returns {PanelLegend}
 */
export function legendOf(store, panel, traces, theme) {
  const metrics = metricsOf(store, panel);
  const lines = traces.filter((trace) => trace.kind === "line");
  const alone = store.groups.length === 1;
  /** @type {Key[]} */
  const keys = [];
  if (alone) {
    for (const trace of lines) keys.push({ label: trace.metric.label, stroke: trace.style, trace, valued: true });
  } else if (isLens(store)) keys.push(rampKey(store, lines[0], theme));
  else keys.push(...groupKeys(store, lines, metrics), ...strokeKeys(lines, metrics, theme));
  for (const line of references(store, panel.key, theme))
    if (!line.show) keys.push({ label: line.label, stroke: line, value: line.value });
  const band = traces.find((trace) => trace.kind === "high");
  if (band && panel.key === "return")
    keys.push({ label: bandText(band), stroke: { colour: alone ? band.style.colour : theme.muted, band: true } });
  const ghost = traces.find((trace) => trace.kind === "ghost");
  const colour = alone && ghost ? ghost.style.colour : theme.muted;
  if (ghost) keys.push({ label: "the previous run", stroke: { colour, dash: "solid", faint: true } });
  const marks = isLens(store) ? "" : panel.marks;
  return { title: panel.title, units: [unitsOf(metrics), panel.note, marks].filter(Boolean).join(" · "), keys };
}

/**
 * Systems side by side: one key each, with the number of the first metric that it has.
 * @param {Store} store
 * @param {Trace[]} lines
 * @param {DrawnMetric[]} metrics
 * @returns {Key[]}
 */
function groupKeys(store, lines, metrics) {
  return store.groups.flatMap((group) => {
    const trace = lines.find((one) => one.group === group && has(store, group, one.metric));
    if (!trace) return [];
    const valued = trace.metric.index === metrics[0].index;
    return [
      {
        label: group.label,
        stroke: { ...trace.style, dash: /** @type {Dash} */ ("solid") },
        trace,
        valued,
        plain: true,
      },
    ];
  });
}

/** @param {Trace[]} lines @param {DrawnMetric[]} metrics @param {Theme} theme @returns {Key[]} */
function strokeKeys(lines, metrics, theme) {
  return metrics.flatMap((metric) => {
    const trace = lines.find((one) => one.metric.index === metric.index);
    return trace ? [{ label: metric.label, stroke: { ...trace.style, colour: theme.muted }, trace }] : [];
  });
}

/** A lens: the colours of its axis. @param {Store} store @param {Trace} trace @param {Theme} theme @returns {Key} */
function rampKey(store, trace, theme) {
  const [axis, second] = store.axes;
  const ramp = [0, 0.25, 0.5, 0.75, 1].map((share) => lensColour(share, theme));
  /** @type {[string, string]} */
  const ends = ["first setting", "last"];
  if (axis?.numeric && !second)
    ends.splice(0, 2, `${axis.symbol} = ${setting(axis.values[0])}`, setting(axis.values.at(-1)));
  return { label: trace.metric.label, stroke: { ramp, ends }, trace };
}

/** Whether the run has lately had a number for this metric of a group.
 * @param {Store} store @param {Group} group @param {DrawnMetric} metric */
function has(store, group, metric) {
  const lately = store.frames.list.slice(-60);
  return !lately.length || lately.some((frame) => !Number.isNaN(store.stat(frame, group, metric.index)[0]));
}

/** @param {Trace} band */
const bandText = ({ group, interval }) => (interval ? "95 % interval" : `quartiles of ${group.members.length} seeds`);

/** One unit for all lines of an axis, or which line has which. @param {DrawnMetric[]} metrics */
function unitsOf(metrics) {
  const left = unitsOfAxis(metrics.filter(({ right }) => !right));
  const right = unitsOfAxis(metrics.filter((metric) => metric.right));
  return [left, right && `right: ${right}`].filter(Boolean).join(" · ");
}

/** @param {DrawnMetric[]} metrics */
function unitsOfAxis(metrics) {
  const units = [...new Set(metrics.map(({ unit }) => unit ?? ""))];
  if (units.length === 1) return units[0];
  /** @param {string} unit */
  const labels = (unit) => [...new Set(metrics.filter((metric) => metric.unit === unit).map(({ label }) => label))];
  return units
    .filter(Boolean)
    .map((unit) => `${labels(unit).join(", ")}: ${unit}`)
    .join(" · ");
}
