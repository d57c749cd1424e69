// What the figure of curves consists of: boxes, traces, axes and their ranges. Nothing here touches the page.

import { AxisScale, fitting, leastRoom } from "../shared/axis.js";
import { legendOf } from "./panel_legend.js";
import { isLens, metricsOf, panelsOf, planTraces, references } from "./panels.js";
import { decimate, decimateBand } from "./series.js";
import { StepScale } from "./steps.js";

/**
 * @import { Group } from "../run/groups.js"
 * @import { RunHistory } from "../run/history.js"
 * @import { Store } from "../run/store.js"
 * @import { Span, Theme } from "../shared/types.d.ts"
 * @import { Key } from "./panel_legend.js"
 * @import { Panel, Trace } from "./panels.js"
 */

/**
 * `factor` of type; `only`: the key of a single panel; `logSteps`: whether the step axis is logarithmic; `textWidth`:
 * pixels
 * that a text takes in a font.
 * @typedef {object} FigureOptions
 * @property {number} width
 * @property {number} height
 * @property {number} factor
 * @property {string | null} only
 * @property {boolean} logSteps
 * @property {(text: string, font: string) => number} textWidth
 */

/**
 * A panel in pixels: its place, the height of its head, the columns of names there, and the inside of its axes.
 * @typedef {object} PanelBox
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} head
 * @property {number} line - the height of a line of names
 * @property {number} cells
 * @property {boolean} right - whether there is an axis at the right
 * @property {number} x0
 * @property {number} x1
 * @property {number} y0
 * @property {number} y1
 */

/**
 * @typedef {{ scale: AxisScale, range: Span | null, right: Span | null }} PanelAxis - ranges are of places on the axis
 */
/** @typedef {{ x: number[], y: number[] }} Points - x is a place on the step axis */

// Pixels around each panel at ordinary type size; the title of its head, a line of names there (high enough for a
// finger where the curves keep so much height, else as low as type can be), and the least width of a name.
const MARGIN = { left: 44, right: 12, rightAxis: 34, bottom: 20, gap: 14 };
const HEAD = {
  title: 17,
  line: 24,
  low: 17,
  curves: 84,
  pad: 5,
  font: 11.5,
  cell: "its truth −0.0000",
  swatch: 20,
  gap: 8,
};
// Points of a curve while it moves, and at rest.
const MOVING = 200;
const AT_REST = 4000;

export class Figure {
  /** @param {Store} store @param {Theme} theme @param {FigureOptions} options */
  constructor(store, theme, { width, height, factor, only, logSteps, textWidth }) {
    this.store = store;
    this.theme = theme;
    this.width = width;
    this.height = height;
    this.factor = factor;
    this.panels = panelsOf(store).filter((panel) => !only || panel.key === only);
    this.traces = planTraces(store, this.panels, theme);
    this.legends = this.panels.map((panel, p) =>
      legendOf(
        store,
        panel,
        this.traces.filter((trace) => trace.panel === p),
        theme,
      ),
    );
    this.boxes = this.place(textWidth);
    /** @type {PanelAxis[]} */
    this.axes = this.panels.map(() => ({ scale: new AxisScale(), range: null, right: null }));
    this.steps = new StepScale(logSteps);
    this.last = 0;
    /** What the viewer has zoomed into, by panel. @type {{ x: Span, y: Span }[]} */
    this.zoom = [];
  }

  /**
   * Two columns where they fit, in pixels. Panels of a row have heads of one height: as many lines as their names need.
   * @param {FigureOptions["textWidth"]} textWidth
   * @returns {PanelBox[]}
   */
  place(textWidth) {
    const { width, height, factor } = this;
    const n = this.panels.length;
    const cols = n > 1 && (width >= 420 || height / n < 130) ? 2 : 1;
    const boxWidth = (width - (cols - 1) * MARGIN.gap) / cols;
    const boxHeight = height / Math.max(Math.ceil(n / cols), 1);
    /** @param {string} text */
    const wide = (text) =>
      textWidth(text, `550 ${HEAD.font * factor}px ${this.theme.font}`) + (HEAD.swatch + HEAD.gap) * factor;
    const cells = Math.max(Math.floor(boxWidth / wide(HEAD.cell)), 1);
    const lines = this.legends.map(({ keys }) => linesOf(keys, boxWidth / cells, cells, wide));
    return this.panels.map((panel, i) => {
      const left = (i % cols) * (boxWidth + MARGIN.gap);
      const top = Math.floor(i / cols) * boxHeight;
      const right = metricsOf(this.store, panel).some((metric) => metric.right);
      const row = lines.slice(i - (i % cols), i - (i % cols) + cols);
      const most = (boxHeight - MARGIN.bottom * factor - HEAD.curves * factor) / factor - HEAD.title - HEAD.pad;
      const line = (HEAD.line * Math.max(...row) <= most ? HEAD.line : HEAD.low) * factor;
      const head = (HEAD.title + HEAD.pad) * factor + line * Math.max(...row);
      return {
        left,
        top,
        width: boxWidth,
        head,
        line,
        cells,
        right,
        x0: left + MARGIN.left * factor,
        x1: left + boxWidth - (right ? MARGIN.rightAxis : MARGIN.right) * factor,
        y0: top + head,
        y1: top + boxHeight - MARGIN.bottom * factor,
      };
    });
  }

  /** Pixel of a step within panel p; null outside of what is zoomed into. @param {number} p @param {number} step */
  pixel(p, step) {
    const box = this.boxes[p];
    const [low, high] = this.span(p);
    const share = (this.steps.forward(Math.min(step, Math.max(this.last, 1))) - low) / (high - low);
    return share >= -1e-9 && share <= 1 + 1e-9 ? box.x0 + share * (box.x1 - box.x0) : null;
  }

  /** The step at a pixel. @param {number} p @param {number} x */
  step(p, x) {
    const box = this.boxes[p];
    const [low, high] = this.span(p);
    return this.steps.backward(low + ((x - box.x0) / (box.x1 - box.x0)) * (high - low));
  }

  /** @param {number} p @returns {Span} */
  span(p) {
    return this.zoom[p]?.x ?? [0, this.steps.forward(Math.max(this.last, 1))];
  }

  /** Pixel of a number on the left axis of panel p; null outside. @param {number} p @param {number} value */
  level(p, value) {
    const { scale, range } = this.axes[p];
    const [box, y] = [this.boxes[p], scale.forward(value)];
    const [low, high] = this.zoom[p]?.y ?? range ?? [0, 1];
    return y >= low && y <= high ? box.y1 - ((y - low) / (high - low)) * (box.y1 - box.y0) : null;
  }

  /** Numbers of every trace, decimated; `full` at rest. @param {boolean} full @returns {Points[]} */
  data(full) {
    const points = full ? AT_REST : MOVING;
    /** @type {Map<string, Float64Array[]>} */
    const cache = new Map();
    /** @param {RunHistory} source @param {Group} group @param {number} metric */
    const columns = (source, group, metric) => {
      const key = `${source === this.store ? "run" : "ghost"}:${group.index}:${metric}`;
      const known = cache.get(key);
      if (known) return known;
      const { list } = source.frames;
      const found = [0, 1, 2].map(() => new Float64Array(list.length));
      list.forEach((frame, i) => {
        const stat = source.stat(frame, group, metric);
        for (let c = 0; c < 3; c++) found[c][i] = stat[c];
      });
      cache.set(key, found);
      return found;
    };
    /** @param {RunHistory | null} source */
    const stepsOf = (source) => source?.frames.list.map((frame) => this.steps.forward(frame.step)) ?? [];
    const [steps, ghostSteps] = [stepsOf(this.store), stepsOf(this.store.ghost)];
    return this.traces.map(({ kind, source, sourceGroup, sourceMetric, interval }) => {
      const [median, lower, upper] = columns(source, sourceGroup, sourceMetric);
      if (kind === "ghost") return decimate(ghostSteps, median, MOVING);
      if (kind === "line") return decimate(steps, median, points);
      const [low, high] = interval?.map((end) => columns(source, sourceGroup, end)[0]) ?? [lower, upper];
      const band = decimateBand(steps, low, high, points);
      return { x: band.x, y: kind === "low" ? band.low : band.high };
    });
  }

  /**
   * Scales and ranges that hold the data. They grow with room to spare, so that they move rarely; `fit` takes the room
   * away. True if anything moved.
   * @param {Points[]} data
   * @param {boolean} [fit]
   */
  fit(data, fit = false) {
    const newest = Math.max(this.store.frames.last?.step ?? 0, 1);
    const budget = this.store.state?.budget ?? 0;
    let moved = false;
    if (fit ? newest !== this.last : newest > this.last) {
      this.last = fit ? newest : Math.max(Math.min(newest * 1.5, budget > newest ? budget : Infinity), 12);
      moved = true;
    }
    this.panels.forEach((panel, p) => {
      const left = rangeOf(
        this.traces.flatMap((trace, i) => (trace.panel === p && !trace.metric.right ? [data[i]] : [])),
      );
      const right = rangeOf(
        this.traces.flatMap((trace, i) => (trace.panel === p && trace.metric.right ? [data[i]] : [])),
      );
      if (left[0] <= left[1]) moved = this.fitLeft(panel, this.axes[p], left, fit) || moved;
      if (right[0] <= right[1]) moved = this.fitRight(this.axes[p], right[1]) || moved;
    });
    return moved;
  }

  /** @param {Panel} panel @param {PanelAxis} axis @param {Span} values @param {boolean} fit */
  fitLeft({ key, sort, base = [] }, axis, [low, high], fit) {
    const { usual } = this.store;
    const scale = fitting(sort, low, high, usual);
    const changed = scale.kind !== axis.scale.kind;
    if (changed) Object.assign(axis, { scale, range: null });
    const size = Math.max(Math.abs(low), Math.abs(high));
    const held = references(this.store, key, this.theme)
      .filter((line) => line.show || Math.abs(line.value) <= 2 * size)
      .map((line) => line.value);
    if (scale.kind !== "log") held.push(...base);
    const [least, most] = [Math.min(low, ...held), Math.max(high, ...held)];
    const [a, b] = [scale.forward(least), scale.forward(most)];
    const before = fit ? null : axis.range;
    if (before && a >= before[0] && b <= before[1]) return changed;
    const room = scale.kind === "linear" ? leastRoom(sort, least, most, usual) : [0.05, 0.05];
    const [below, above] = room.map((size) => Math.max((b - a) * 0.08, size) + (before ? (b - a) * 0.25 : 0));
    axis.range = [before && a >= before[0] ? before[0] : a - below, before && b <= before[1] ? before[1] : b + above];
    return true;
  }

  /** @param {PanelAxis} axis @param {number} high */
  fitRight(axis, high) {
    const top = Math.max(high * 1.06, axis.right?.[1] ?? 1.04);
    if (top === axis.right?.[1]) return false;
    axis.right = [-0.02 * top, top];
    return true;
  }

  /**
   * Where lines leave the numbers: the first step at which each is infinite.
   * @returns {{ panel: number, step: number, up: boolean, colour: string }[]}
   */
  infinities() {
    const { list } = this.store.frames;
    return this.traces.flatMap(({ kind, panel, source, sourceGroup, sourceMetric, style }) => {
      if (kind !== "line") return [];
      /** @param {(typeof list)[number]} frame */
      const read = (frame) => source.stat(frame, sourceGroup, sourceMetric)[0];
      const first = list.find((frame) => Math.abs(read(frame)) === Infinity);
      return first ? [{ panel, step: first.step, up: read(first) > 0, colour: style.colour }] : [];
    });
  }

  /**
   * The best and the last step of each line of the true return: where stopping would have paid most, which only playing
   * every policy tells, and where the run stands. Nothing where the lines are too many to tell apart.
   * @returns {{ panel: number, step: number, value: number, best: boolean, colour: string }[]}
   */
  ends() {
    const { list } = this.store.frames;
    if (list.length < 2 || isLens(this.store)) return [];
    return this.traces.flatMap(({ kind, panel, source, sourceGroup, sourceMetric, metric, style }) => {
      if (kind !== "line" || metric.name !== "return") return [];
      const values = list.map((frame) => source.stat(frame, sourceGroup, sourceMetric)[0]);
      const known = values.flatMap((value, i) => (Number.isFinite(value) ? [i] : []));
      if (known.length < 2) return [];
      const first = known.reduce((best, i) => (values[i] > values[best] ? i : best), known[0]);
      const last = known[known.length - 1];
      /** @param {number} i @param {boolean} best */
      const mark = (i, best) => ({ panel, step: list[i].step, value: values[i], best, colour: style.colour });
      return [mark(first, true), mark(last, false)];
    });
  }

  /** Numbers of a trace as places on its axis. @param {Trace} trace @param {number[]} values */
  y(trace, values) {
    const { scale } = this.axes[trace.panel];
    return trace.metric.right || scale.kind === "linear" ? values : values.map((value) => scale.forward(value));
  }
}

/** @param {Points[]} curves @returns {Span} */
function rangeOf(curves) {
  let [low, high] = [Infinity, -Infinity];
  for (const { y: values } of curves) {
    for (const y of values) {
      if (y < low) low = y;
      if (y > high) high = y;
    }
  }
  return [low, high];
}

/**
 * Lines that the names of a head take, in a grid of `cells` columns; what does not fit into one cell gets two.
 * @param {Key[]} keys
 * @param {number} width
 * @param {number} cells
 * @param {(text: string) => number} wide
 */
function linesOf(keys, width, cells, wide) {
  let [line, at] = [0, cells];
  for (const key of keys) {
    const needed = wide(key.label + (key.valued || key.value !== undefined ? " 0.0000" : ""));
    key.wide = cells > 1 && (Boolean(key.stroke.ramp) || needed > width);
    const takes = key.wide ? 2 : 1;
    if (at + takes > cells) [line, at] = [line + 1, 0];
    at += takes;
  }
  return line;
}
