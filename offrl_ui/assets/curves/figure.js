// What the figure of curves consists of: boxes, traces, axes and their ranges. Nothing here touches the page.

import { AxisScale } from "../shared/axis.js";
import { textWidth } from "../shared/dom.js";
import { niceTicks, number } from "../shared/format.js";
import { legendOf } from "./legends.js";
import { metricsOf, panelsOf, planTraces, references, traceStyle } from "./panels.js";
import { StepScale, decimate, decimateBand } from "./series.js";

// Pixels around each panel at ordinary type size; a line of its head, and the least width of a name in it.
const MARGIN = { left: 44, right: 12, rightAxis: 34, bottom: 20, gap: 14 };
const HEAD = { line: 17, pad: 5, font: 11.5, cell: "its truth −0.0000", swatch: 20, gap: 8 };
// Points of a curve while it moves, and at rest.
const MOVING = 200;
const AT_REST = 4000;

export class Figure {
  // size: {width, height, factor (of type)}; only: the key of a single panel, or null; logSteps: logarithmic step axis.
  constructor(store, theme, { width, height, factor, only, logSteps }) {
    Object.assign(this, { store, theme, width, height, factor });
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
    this.boxes = this.place();
    this.axes = this.panels.map(() => ({ scale: new AxisScale(), range: null, right: null }));
    this.steps = new StepScale(logSteps);
    this.last = 0;
    // What the viewer has zoomed into, by panel: { x, y }, ranges of the axes.
    this.zoom = [];
  }

  // Two columns where they fit, in pixels. Panels of a row have heads of one height: as many lines as their names need.
  place() {
    const { width, height, factor } = this;
    const n = this.panels.length;
    const cols = n > 1 && (width >= 420 || height / n < 130) ? 2 : 1;
    const boxWidth = (width - (cols - 1) * MARGIN.gap) / cols;
    const boxHeight = height / Math.max(Math.ceil(n / cols), 1);
    const wide = (text) =>
      textWidth(text, `550 ${HEAD.font * factor}px ${this.theme.font}`) + (HEAD.swatch + HEAD.gap) * factor;
    const cells = Math.max(Math.floor(boxWidth / wide(HEAD.cell)), 1);
    const lines = this.legends.map(({ keys }) => 1 + linesOf(keys, boxWidth / cells, cells, wide));
    return this.panels.map((panel, i) => {
      const left = (i % cols) * (boxWidth + MARGIN.gap);
      const top = Math.floor(i / cols) * boxHeight;
      const right = metricsOf(this.store, panel).some((metric) => metric.right);
      const row = lines.slice(i - (i % cols), i - (i % cols) + cols);
      const head = (HEAD.line * Math.max(...row) + HEAD.pad) * factor;
      return {
        left,
        top,
        width: boxWidth,
        head,
        cells,
        right,
        x0: left + MARGIN.left * factor,
        x1: left + boxWidth - (right ? MARGIN.rightAxis : MARGIN.right) * factor,
        y0: top + head,
        y1: top + boxHeight - MARGIN.bottom * factor,
      };
    });
  }

  // Pixel of a step within panel p, and back; null outside of what is zoomed into.
  pixel(p, step) {
    const box = this.boxes[p];
    const [low, high] = this.span(p);
    const share = (this.steps.forward(Math.min(step, Math.max(this.last, 1))) - low) / (high - low);
    return share >= -1e-9 && share <= 1 + 1e-9 ? box.x0 + share * (box.x1 - box.x0) : null;
  }

  step(p, x) {
    const box = this.boxes[p];
    const [low, high] = this.span(p);
    return this.steps.backward(low + ((x - box.x0) / (box.x1 - box.x0)) * (high - low));
  }

  span(p) {
    return this.zoom[p]?.x ?? [0, this.steps.forward(Math.max(this.last, 1))];
  }

  // Pixel of a number on the left axis of panel p; null outside.
  level(p, value) {
    const { scale, range } = this.axes[p];
    const [box, y] = [this.boxes[p], scale.forward(value)];
    const [low, high] = this.zoom[p]?.y ?? range ?? [0, 1];
    return y >= low && y <= high ? box.y1 - ((y - low) / (high - low)) * (box.y1 - box.y0) : null;
  }

  // Numbers of every trace: { x (transformed step), y }, decimated.
  data(full) {
    const points = full ? AT_REST : MOVING;
    const cache = new Map();
    const columns = (source, group, metric) => {
      const key = `${source === this.store ? "run" : "ghost"}:${group.index}:${metric}`;
      if (!cache.has(key)) {
        const { list } = source.frames;
        const found = [0, 1, 2].map(() => new Float64Array(list.length));
        list.forEach((frame, i) =>
          source.stat(frame, group, metric).forEach((value, c) => {
            found[c][i] = value;
          }),
        );
        cache.set(key, found);
      }
      return cache.get(key);
    };
    const stepsOf = (source) => source?.frames.list.map((frame) => this.steps.forward(frame.step)) ?? [];
    const [steps, ghostSteps] = [stepsOf(this.store), stepsOf(this.store.ghost)];
    return this.traces.map((trace) => {
      const { kind, group, metric } = trace;
      if (kind === "ghost")
        return decimate(ghostSteps, columns(this.store.ghost, trace.ghostGroup, trace.ghostMetric)[0], MOVING);
      const [median, lower, upper] = columns(this.store, group, metric.index);
      if (kind === "line") return decimate(steps, median, points);
      const ends = trace.interval ? trace.interval.map((end) => columns(this.store, group, end)[0]) : [lower, upper];
      const band = decimateBand(steps, ...ends, points);
      return { x: band.x, y: kind === "low" ? band.low : band.high };
    });
  }

  // Scales and ranges that hold the data. They grow with room to spare, so that they move rarely; `fit` takes the room
  // away. True if anything moved.
  fit(data, fit = false) {
    const newest = Math.max(this.store.frames.last?.step ?? 0, 1);
    const budget = this.store.state?.budget;
    let moved = false;
    if (fit ? newest !== this.last : newest > this.last) {
      this.last = fit ? newest : Math.max(Math.min(newest * 1.5, budget > newest ? budget : Infinity), 12);
      moved = true;
    }
    this.panels.forEach((panel, p) => {
      const ranges = { left: [Infinity, -Infinity, Infinity], right: [Infinity, -Infinity, Infinity] };
      this.traces.forEach((trace, i) => {
        if (trace.panel !== p) return;
        const range = ranges[trace.right ? "right" : "left"];
        for (const y of data[i].y) {
          if (y < range[0]) range[0] = y;
          if (y > range[1]) range[1] = y;
          if (y > 0 && y < range[2]) range[2] = y;
        }
      });
      if (ranges.left[0] <= ranges.left[1]) moved = this.fitLeft(panel, this.axes[p], ranges.left, fit) || moved;
      if (ranges.right[0] <= ranges.right[1]) moved = this.fitRight(this.axes[p], ranges.right) || moved;
    });
    return moved;
  }

  fitLeft(panel, axis, [low, high, smallest], fit) {
    const scale = this.scaleFor(panel.key, low, high, smallest);
    const changed = scale.kind !== axis.scale.kind;
    if (changed) Object.assign(axis, { scale, range: null });
    const size = Math.max(Math.abs(low), Math.abs(high));
    const held = references(this.store, panel.key, this.theme)
      .filter((line) => line.show || Math.abs(line.value) <= 2 * size)
      .map((line) => line.value);
    if (scale.kind !== "log") held.push(...(panel.base ?? []));
    const [a, b] = [Math.min(scale.kind === "log" ? smallest : low, ...held), Math.max(high, ...held)].map((y) =>
      scale.forward(y),
    );
    const before = fit ? null : axis.range;
    if (before && a >= before[0] && b <= before[1]) return changed;
    // Never closer than a twentieth of the value itself: rounding noise is not a curve.
    const pad =
      Math.max((b - a) * 0.08, scale.kind === "linear" ? Math.abs(b) * 0.025 : 0.05, 1e-9) +
      (before ? (b - a) * 0.25 : 0);
    axis.range = [before && a >= before[0] ? before[0] : a - pad, before && b <= before[1] ? before[1] : b + pad];
    return true;
  }

  fitRight(axis, [, high]) {
    const top = Math.max(high * 1.06, axis.right?.[1] ?? 1.04);
    if (top === axis.right?.[1]) return false;
    axis.right = [-0.02 * top, top];
    return true;
  }

  // Linear; logarithmic for losses; symmetric logarithmic once values leave the truth's order of magnitude behind.
  scaleFor(panel, low, high, smallest) {
    const size = Math.max(Math.abs(low), Math.abs(high));
    if (panel === "loss") {
      if (low > 0 && high / smallest > 20) return new AxisScale("log");
      return size > 1e3 && low < 0 ? new AxisScale("symlog", 1) : new AxisScale();
    }
    if (panel === "weights" && low > 0 && high / low > 200) return new AxisScale("log");
    const { q_bound: bound, optimal } = this.store.hello.truth;
    const usual = Math.max(Math.abs(bound ?? 0), Math.abs(optimal ?? 0)) || 1;
    return (panel === "q" || panel === "return") && size > 20 * usual
      ? new AxisScale("symlog", usual)
      : new AxisScale();
  }

  y(trace, values) {
    const { scale } = this.axes[trace.panel];
    return trace.right || scale.kind === "linear" ? values : values.map((value) => scale.forward(value));
  }

  // The traces as Plotly takes them; `names` gives them labels for its hover.
  plotly(data) {
    return this.traces.map((trace, i) => ({
      ...traceStyle(trace, axisNames(trace.panel, trace.right), this.theme),
      x: data[i].x,
      y: this.y(trace, data[i].y),
      ...(trace.kind === "line"
        ? { customdata: data[i].y.map((y, k) => [number(y, 4), Math.round(this.steps.backward(data[i].x[k]))]) }
        : {}),
    }));
  }

  get fontSize() {
    return Math.round(11 * this.factor);
  }

  layout(atRest) {
    const { theme, width, height } = this;
    const font = { family: theme.font, size: this.fontSize, color: theme.muted };
    const layout = {
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
        font: { ...font, color: theme.text, size: this.fontSize + 1 },
      },
      shapes: [],
      ...this.movingLayout(),
    };
    const common = {
      zeroline: false,
      tickangle: 0,
      showline: false,
      ticks: "",
      automargin: false,
      fixedrange: !atRest,
      ticklabelstandoff: 3,
    };
    this.boxes.forEach((box, p) => {
      const { x, y } = axisNames(p);
      const domainX = [box.x0 / width, box.x1 / width];
      const domainY = [1 - box.y1 / height, 1 - box.y0 / height];
      Object.assign(layout[layoutKey(x)], common, {
        anchor: y,
        domain: domainX,
        showgrid: false,
        showline: true,
        linecolor: theme.line,
      });
      Object.assign(layout[layoutKey(y)], common, { anchor: x, domain: domainY, gridcolor: theme.line, gridwidth: 1 });
      if (box.right)
        Object.assign(layout[layoutKey(axisNames(p, true).y)], common, {
          anchor: x,
          overlaying: y,
          side: "right",
          showgrid: false,
        });
      for (const line of references(this.store, this.panels[p].key, theme)) {
        const at = this.axes[p].scale.forward(line.value);
        layout.shapes.push({
          type: "line",
          xref: `${x} domain`,
          x0: 0,
          x1: 1,
          yref: y,
          y0: at,
          y1: at,
          layer: "below",
          line: { color: line.colour, width: 1.3, dash: line.dash },
        });
      }
    });
    return layout;
  }

  // Titles, names of the lines, of what runs across and of the axis, as text of a saved picture.
  annotations() {
    const { theme, width, height, boxes, legends } = this;
    // A saved picture does not have the page's font: it may be wider.
    const font = { family: theme.font, size: this.fontSize - 1, color: theme.muted };
    const text = { xref: "paper", yref: "paper", xanchor: "left", align: "left", showarrow: false, font };
    const heads = legends.map(({ title, units, keys }, p) => {
      const lines = [
        `<b>${title}</b> ${units}`,
        ...chunks(keys.filter(({ wide }) => !wide).map(inWords), boxes[p].cells).map((names) => names.join("   ")),
        ...keys.filter(({ wide }) => wide).map(inWords),
      ];
      return {
        ...text,
        text: lines.join("<br>"),
        x: boxes[p].left / width,
        y: 1 - boxes[p].top / height,
        yanchor: "top",
      };
    });
    const across = this.panels.flatMap((panel, p) =>
      references(this.store, panel.key, theme)
        .filter((line) => line.show)
        .map((line) => {
          const at = this.level(p, line.value);
          return {
            ...text,
            text: `${line.label} ${number(line.value)}`,
            xanchor: "right",
            x: boxes[p].x1 / width,
            y: 1 - at / height,
            yanchor: "bottom",
            visible: at !== null,
          };
        }),
    );
    const axes = boxes.map((box) => ({
      ...text,
      text: this.steps.name,
      xanchor: "right",
      x: (box.x0 - 6) / width,
      y: 1 - (box.y1 + 3) / height,
      yanchor: "top",
    }));
    return [...heads, ...across, ...axes];
  }

  // The part of the layout that moves with the data: ranges and ticks.
  movingLayout() {
    const layout = {};
    const end = this.steps.forward(Math.max(this.last, 1));
    this.boxes.forEach((box, p) => {
      const { scale, range, right } = this.axes[p];
      const shown = range ?? [0, 1];
      const wide = Math.max(Math.floor((box.x1 - box.x0) / (33 * this.factor)), 2);
      const steps = this.steps.ticks(Math.max(this.last, 1), wide);
      const left = scale.ticks(scale.backward(shown[0]), scale.backward(shown[1]), box.y1 - box.y0 < 110 ? 3 : 4);
      layout[layoutKey(axisNames(p).x)] = {
        range: [0, end],
        tickmode: "array",
        tickvals: steps.values,
        ticktext: steps.texts,
      };
      layout[layoutKey(axisNames(p).y)] = {
        range: shown,
        tickmode: "array",
        tickvals: left.map(({ at }) => scale.forward(at)),
        ticktext: left.map(({ text }) => text),
      };
      if (!box.right) return;
      const top = right ?? [-0.02, 1.04];
      const values = niceTicks(0, top[1] / 1.03, 3);
      layout[layoutKey(axisNames(p, true).y)] = {
        range: top,
        tickmode: "array",
        tickvals: values,
        ticktext: values.map((value) => number(value, 2)),
      };
    });
    return layout;
  }
}

const GLYPHS = { solid: "━", dash: "╍", longdash: "╍", dot: "┈", dashdot: "┅", band: "▒" };
// A name with a sign of its line, for text that has colours but no strokes.
function inWords({ label, stroke }) {
  const sign = (colour, glyph) => `<span style="color:${colour}">${glyph}</span>`;
  if (stroke.ramp)
    return `${label} ${stroke.ends[0]} ${stroke.ramp.map((colour) => sign(colour, "━")).join("")} ${stroke.ends[1]}`;
  return `${sign(stroke.colour, GLYPHS[stroke.band ? "band" : stroke.dash] ?? "━")} ${label}`;
}

const chunks = (list, size) =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));

// Lines that the names of a head take, in a grid of `cells` columns; what does not fit into one cell gets two.
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

export function axisNames(p, right = false) {
  const n = p === 0 ? "" : p + 1;
  return { x: `x${n}`, y: right ? `y${p + 11}` : `y${n}` };
}

export const layoutKey = (axis) => axis.replace(/^([xy])/, "$1axis");
