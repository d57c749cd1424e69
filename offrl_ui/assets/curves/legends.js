// What the lines of a panel of curves are: a name for each, its stroke, and the units. Nothing here touches the page.

import { plain } from "../shared/format.js";
import { lensColour, metricsOf, references } from "./panels.js";

// { title, units, keys: [{ label, stroke: { colour, dash, faint, band, ramp }, trace, valued (its number stands beside it),
//   plain (the name of a system, which needs no explanation) }] }
export function legendOf(store, panel, traces, theme) {
  const metrics = metricsOf(store, panel);
  const lines = traces.filter((trace) => trace.kind === "line");
  const keys = [];
  if (store.groups.length === 1) {
    for (const trace of lines) keys.push({ label: trace.metric.label, stroke: trace.style, trace, valued: true });
  } else if (store.groups.length <= 4) {
    keys.push(...groupKeys(store, lines, metrics), ...strokeKeys(lines, metrics, theme));
  } else keys.push(rampKey(store, lines[0], theme));
  for (const line of references(store, panel.key, theme))
    if (!line.show) keys.push({ label: line.label, stroke: line, value: line.value });
  const band = traces.find((trace) => trace.kind === "high");
  if (band && panel.key === "return")
    keys.push({
      label: bandText(store, band),
      stroke: { colour: store.groups.length === 1 ? band.style.colour : theme.muted, band: true },
    });
  const ghost = traces.find((trace) => trace.kind === "ghost");
  if (ghost)
    keys.push({
      label: "the run before",
      stroke: { colour: store.groups.length === 1 ? ghost.style.colour : theme.muted, dash: "solid", faint: true },
    });
  return { title: panel.title, units: unitsOf(metrics), keys };
}

// Systems side by side: one key each, with the number of the first metric that it has.
function groupKeys(store, lines, metrics) {
  return store.groups.flatMap((group) => {
    const own = lines.filter((trace) => trace.group === group && has(store, group, trace.metric));
    if (!own.length) return [];
    return [
      {
        label: group.label,
        stroke: { ...own[0].style, dash: "solid" },
        trace: own[0],
        valued: own[0].metric.index === metrics[0].index,
        plain: true,
      },
    ];
  });
}

function strokeKeys(lines, metrics, theme) {
  return metrics.map((metric) => {
    const trace = lines.find((one) => one.metric.index === metric.index);
    return { label: metric.label, stroke: { ...trace.style, colour: theme.muted }, trace };
  });
}

// A lens: the colours of its axis.
function rampKey(store, trace, theme) {
  const [axis, second] = store.axes;
  const alone = axis && !second && axis.numeric;
  const ends = alone
    ? [`${axis.symbol} = ${plain(axis.values[0])}`, plain(axis.values.at(-1))]
    : ["first setting", "last"];
  const ramp = [0, 0.25, 0.5, 0.75, 1].map((share) => lensColour(share, theme));
  return { label: trace.metric.label, stroke: { ramp, ends }, trace };
}

// Whether the run has ever had a number for this metric of a group.
function has(store, group, metric) {
  const last = store.frames.last;
  return (
    !last || [...store.frames.list.slice(-60)].some((frame) => !Number.isNaN(store.stat(frame, group, metric.index)[0]))
  );
}

function bandText(store, { group, interval }) {
  if (interval) return "95 % interval";
  return `quartiles of ${group.members.length} seeds`;
}

// One unit for all lines of an axis, or which line has which.
function unitsOf(metrics) {
  const left = unitsOfAxis(metrics.filter(({ right }) => !right));
  const right = unitsOfAxis(metrics.filter((metric) => metric.right));
  return [left, right && `right: ${right}`].filter(Boolean).join(" · ");
}

function unitsOfAxis(metrics) {
  const units = [...new Set(metrics.map(({ unit }) => unit ?? ""))];
  if (units.length === 1) return units[0];
  return units
    .filter(Boolean)
    .map(
      (unit) =>
        `${[...new Set(metrics.filter((metric) => metric.unit === unit).map(({ label }) => label))].join(", ")}: ${unit}`,
    )
    .join(" · ");
}
