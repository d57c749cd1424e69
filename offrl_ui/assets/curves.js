// The curves: one Plotly figure with a panel for each kind of metric, updated in place.
// While frames arrive, `Plotly.animate` moves decimated lines without a redraw; x and y ranges move rarely; on pause one
// `Plotly.react` brings every point, hover and zoom. The playhead is a plain element above the plot and never touches it.

import { h, setText } from "./dom.js";
import { niceTicks, number, plain } from "./format.js";
import { lensColour, metricsOf, panelsOf, planTraces, references, traceStyle } from "./panels.js";
import { AxisScale, decimate, decimateBand } from "./series.js";

// Pixels around each panel at ordinary type size.
const MARGIN = { head: 40, left: 44, right: 12, rightAxis: 34, bottom: 20, gap: 14 };
const INSTANT = { mode: "immediate", frame: { duration: 0, redraw: false }, transition: { duration: 0 } };

export class Curves {
  constructor(host, store, { onSeek, only = null }) {
    Object.assign(this, { host, store, onSeek, only });
    this.plot = h("div", { class: "plot" });
    this.overlay = h("div", { class: "plot-overlay", "aria-hidden": "true" });
    this.heads = h("div", { class: "plot-heads" });
    this.wait = h("p", { class: "plot-wait" }, "Curves are being prepared …");
    host.append(this.plot, this.overlay, this.heads, this.wait);
    this.plotly = null;
    this.drawn = { version: -1 };
    this.updates = 0;
    host.addEventListener("pointermove", (event) => this.hover(event));
    host.addEventListener("pointerleave", () => this.hover(null));
    host.addEventListener("click", (event) => this.seek(event));
  }

  // Plotly arrives late on purpose: the world is drawn first.
  attach(plotly) {
    this.plotly = plotly;
    this.wait.remove();
    this.build();
  }

  // Everything anew: another run, size or theme.
  build(theme = this.theme) {
    this.theme = theme;
    if (!this.store.hello || !theme) return;
    this.panels = panelsOf(this.store).filter((panel) => !this.only || panel.key === this.only);
    this.geometry();
    this.traces = planTraces(this.store, this.panels, theme);
    this.axes = this.panels.map(() => ({ scale: new AxisScale(), range: null, right: null }));
    this.xMax = 0;
    this.makeHeads();
    this.placeMarks();
    if (!this.plotly || !this.panels.length) return;
    const data = this.data(true);
    this.ranges(data, true);
    this.busy = this.plotly.newPlot(this.plot, this.figureData(data), this.layout(false), {
      displayModeBar: false, responsive: false, doubleClick: "reset", showTips: false,
    });
    this.settled = false;
    this.drawn.version = this.store.frames.version;
    this.built = true;
  }

  geometry() {
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    const factor = this.scaleFactor ?? 1;
    const n = this.panels.length;
    const cols = n > 1 && (width >= 420 || height / n < 130) ? 2 : 1;
    const rows = Math.ceil(n / cols);
    const boxWidth = (width - (cols - 1) * MARGIN.gap) / cols;
    const boxHeight = height / Math.max(rows, 1);
    this.size = { width, height };
    this.boxes = this.panels.map((panel, i) => {
      const left = (i % cols) * (boxWidth + MARGIN.gap);
      const top = Math.floor(i / cols) * boxHeight;
      const right = metricsOf(this.store, panel).some((metric) => metric.right);
      return {
        left, top, width: boxWidth,
        x0: left + MARGIN.left * factor, x1: left + boxWidth - (right ? MARGIN.rightAxis : MARGIN.right) * factor,
        y0: top + MARGIN.head * factor, y1: top + boxHeight - MARGIN.bottom * factor, right,
      };
    });
  }

  // Numbers of every trace: { x, y (transformed), raw }, decimated unless the figure is at rest.
  data(full) {
    const points = full ? 4000 : 200;
    const cache = new Map();
    const columns = (source, group, metric) => {
      const key = `${source === this.store ? "run" : "ghost"}:${group.index}:${metric}`;
      if (!cache.has(key)) {
        const { list } = source.frames;
        const columns = [new Float64Array(list.length), new Float64Array(list.length), new Float64Array(list.length)];
        list.forEach((frame, i) => {
          const stat = source.stat(frame, group, metric);
          for (let c = 0; c < 3; c++) columns[c][i] = stat[c];
        });
        cache.set(key, columns);
      }
      return cache.get(key);
    };
    const steps = this.store.frames.list.map((frame) => frame.step);
    const ghostSteps = this.store.ghost?.frames.list.map((frame) => frame.step) ?? [];
    return this.traces.map((trace) => {
      const { kind, group, metric } = trace;
      if (kind === "ghost") return decimate(ghostSteps, columns(this.store.ghost, trace.ghostGroup, trace.ghostMetric)[0], 200);
      const [median, lower, upper] = columns(this.store, group, metric.index);
      if (kind === "line") return decimate(steps, median, points);
      const band = decimateBand(steps, lower, upper, points);
      return { x: band.x, y: kind === "low" ? band.low : band.high };
    });
  }

  // Scales and ranges that hold the data. They only grow, with room to spare, so that they move rarely. True if one moved.
  ranges(data, fit = false) {
    const last = Math.max(this.store.frames.last?.step ?? 0, 1);
    const budget = this.store.state?.budget;
    let moved = false;
    if (fit || last > this.xMax) {
      this.xMax = fit ? last : Math.max(Math.min(last * 1.5, budget > last ? budget : Infinity), 12);
      moved = true;
    }
    this.panels.forEach((panel, p) => {
      const axis = this.axes[p];
      const refs = references(this.store, panel.key, this.theme);
      for (const right of [false, true]) {
        let low = Infinity;
        let high = -Infinity;
        let smallest = Infinity;
        this.traces.forEach((trace, i) => {
          if (trace.panel !== p || Boolean(trace.right) !== right) return;
          for (const y of data[i].y) {
            if (y < low) low = y;
            if (y > high) high = y;
            if (y > 0 && y < smallest) smallest = y;
          }
        });
        if (low > high) continue;
        if (right) {
          const top = Math.max(high * 1.06, axis.right?.[1] ?? 1.04);
          if (top !== axis.right?.[1]) { axis.right = [-0.02 * top, top]; moved = true; }
          continue;
        }
        const scale = this.scaleFor(panel.key, low, high, smallest);
        if (scale.kind !== axis.scale.kind) { axis.scale = scale; axis.range = null; moved = true; }
        for (const ref of refs) {
          if (!ref.show && Math.abs(ref.value) > 2 * Math.max(Math.abs(low), Math.abs(high))) continue;
          low = Math.min(low, ref.value);
          high = Math.max(high, ref.value);
        }
        for (const value of panel.base && axis.scale.kind !== "log" ? panel.base : []) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
        const floor = axis.scale.kind === "log" ? smallest : low;
        const [a, b] = [axis.scale.forward(floor), axis.scale.forward(high)];
        if (!fit && axis.range && a >= axis.range[0] && b <= axis.range[1]) continue;
        // Never closer than a twentieth of the value itself: rounding noise is not a curve.
        const pad = Math.max((b - a) * 0.08, axis.scale.kind === "linear" ? Math.abs(b) * 0.025 : 0.05, 1e-9);
        const room = fit ? 0 : (b - a) * 0.25;
        const before = fit ? null : axis.range;
        axis.range = [before && a >= before[0] ? before[0] : a - pad - (before ? room : 0), before && b <= before[1] ? before[1] : b + pad + (before ? room : 0)];
        moved = true;
      }
    });
    return moved;
  }

  // Linear; logarithmic for losses; symmetric logarithmic once values leave the truth's order of magnitude behind.
  scaleFor(panel, low, high, smallest) {
    const size = Math.max(Math.abs(low), Math.abs(high));
    if (panel === "loss") {
      return low > 0 && high / smallest > 20 ? new AxisScale("log") : size > 1e3 && low < 0 ? new AxisScale("symlog", 1) : new AxisScale();
    }
    const { q_bound: bound, optimal } = this.store.hello.truth;
    const usual = Math.max(Math.abs(Array.isArray(bound) ? bound[1] : bound ?? 0), Math.abs(optimal ?? 0)) || 1;
    if ((panel === "q" || panel === "return") && size > 20 * usual) return new AxisScale("symlog", usual);
    if (panel === "weights" && low > 0 && high / low > 200) return new AxisScale("log");
    return new AxisScale();
  }

  axisNames(p, right) {
    const n = p === 0 ? "" : p + 1;
    return { x: `x${n}`, y: right ? `y${p + 11}` : `y${n}` };
  }

  figureData(data) {
    return this.traces.map((trace, i) => ({
      ...traceStyle(trace, this.axisNames(trace.panel, trace.right), this.theme),
      x: data[i].x, y: this.transformed(trace, data[i].y),
      ...(trace.kind === "line" ? { customdata: data[i].y.map((y) => number(y, 4)) } : {}),
    }));
  }

  transformed(trace, y) {
    const { scale } = this.axes[trace.panel];
    return trace.right || scale.kind === "linear" ? y : y.map((value) => scale.forward(value));
  }

  layout(atRest) {
    const { theme, size } = this;
    const layout = {
      width: size.width, height: size.height, margin: { l: 0, r: 0, t: 0, b: 0, pad: 0 }, autosize: false,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      font: { family: theme.font, size: this.fontSize(), color: theme.muted },
      hovermode: atRest ? "closest" : false, dragmode: atRest ? "zoom" : false, hoverdistance: 24,
      hoverlabel: { bgcolor: theme.surface, bordercolor: theme.line, font: { color: theme.text, size: this.fontSize() + 1, family: theme.font } },
      shapes: [],
    };
    this.boxes.forEach((box, p) => {
      const { x, y } = this.axisNames(p);
      const domainX = [box.x0 / size.width, box.x1 / size.width];
      const domainY = [1 - box.y1 / size.height, 1 - box.y0 / size.height];
      const common = { zeroline: false, showline: false, ticks: "", automargin: false, fixedrange: !atRest, ticklabelstandoff: 3 };
      layout[x.replace("x", "xaxis")] = { ...common, anchor: y, domain: domainX, range: [0, this.xMax], nticks: 5, showgrid: false, showline: true, linecolor: theme.line, tickformat: "~s" };
      layout[y.replace("y", "yaxis")] = { ...common, anchor: x, domain: domainY, ...this.yAxis(p), gridcolor: theme.line, gridwidth: 1 };
      if (box.right) {
        const own = this.axisNames(p, true).y;
        layout[own.replace("y", "yaxis")] = {
          ...common, anchor: x, overlaying: y, side: "right", showgrid: false,
          tickmode: "array", ...rightTicks(this.axes[p].right),
        };
      }
      for (const ref of references(this.store, this.panels[p].key, theme)) {
        const at = this.axes[p].scale.forward(ref.value);
        layout.shapes.push({ type: "line", xref: `${x} domain`, x0: 0, x1: 1, yref: y, y0: at, y1: at, layer: "below", line: { color: ref.colour, width: 1.3, dash: ref.dash } });
      }
    });
    return layout;
  }

  yAxis(p) {
    const { scale, range } = this.axes[p];
    const shown = range ?? [0, 1];
    const { values, texts } = scale.ticks(shown, this.boxes[p].y1 - this.boxes[p].y0 < 110 ? 3 : 4);
    return { range: shown, tickmode: "array", tickvals: values, ticktext: texts };
  }

  fontSize() {
    return Math.round(11 * (this.scaleFactor ?? 1));
  }

  // While frames arrive: move the lines. Returns false while the plot is still busy with the last move.
  update() {
    if (!this.built || this.moving || this.drawn.version === this.store.frames.version) return false;
    const data = this.data(false);
    const moved = this.ranges(data);
    const update = {
      data: this.traces.map((trace, i) => ({ x: data[i].x, y: this.transformed(trace, data[i].y) })),
      traces: this.traces.map((_, i) => i),
    };
    if (moved || this.settled) {
      // Leaving the rest state switches hover and zoom off again; only a full layout can do that.
      if (this.settled) return this.react(data, false);
      update.layout = {};
      this.boxes.forEach((box, p) => {
        const { x, y } = this.axisNames(p);
        update.layout[x.replace("x", "xaxis")] = { range: [0, this.xMax] };
        update.layout[y.replace("y", "yaxis")] = this.yAxis(p);
        if (box.right) update.layout[this.axisNames(p, true).y.replace("y", "yaxis")] = rightTicks(this.axes[p].right);
      });
    }
    this.drawn.version = this.store.frames.version;
    this.updates += 1;
    this.moving = true;
    if (moved) this.placeMarks();
    this.plotly.animate(this.plot, update, INSTANT).then(() => { this.moving = false; }, () => { this.moving = false; });
    return true;
  }

  // At rest: every point, hover and zoom.
  settle() {
    if (!this.built || this.moving || (this.settled && this.drawn.version === this.store.frames.version)) return;
    const data = this.data(true);
    this.ranges(data, true);
    this.react(data, true);
  }

  react(data, atRest) {
    this.drawn.version = this.store.frames.version;
    this.settled = atRest;
    this.updates += 1;
    this.moving = true;
    this.plotly.react(this.plot, this.figureData(data), this.layout(atRest)).then(() => { this.moving = false; }, () => { this.moving = false; });
    this.placeMarks();
    return true;
  }

  makeHeads() {
    this.heads.replaceChildren();
    this.values = [];
    this.panels.forEach((panel, p) => {
      const box = this.boxes[p];
      const head = h("div", { class: "plot-head", style: `left:${box.left}px;top:${box.top}px;width:${box.width}px` });
      const tag = h("span", { class: "plot-tag" });
      head.append(h("strong", {}, panel.title), tag);
      const metrics = metricsOf(this.store, panel);
      const lines = this.traces.filter((trace) => trace.panel === p && trace.kind === "line");
      const { groups, axes } = this.store;
      const one = groups.length === 1;
      // Side by side, systems without such a metric are left out of its key.
      const known = (line) => metrics.some((metric) => !Number.isNaN(this.store.frames.last?.metrics[line.group.members[0] * this.store.hello.metrics.length + metric.index] ?? NaN));
      const keyed = one ? lines : groups.length <= 4 ? lines.filter((line) => line.metric.index === metrics[0].index && known(line)) : [];
      for (const trace of keyed) {
        const dashedTruth = trace.style.truth;
        if (dashedTruth && trace.metric.order > 0) continue;
        const value = dashedTruth ? null : h("span", { class: "plot-value" });
        head.append(h("span", { class: "plot-key", title: [trace.metric.title, trace.metric.help].filter(Boolean).join(": ") },
          swatch(trace.style), one ? `${dashedTruth ? "their truth" : trace.metric.label} ` : `${trace.group.label} `, value));
        if (value) this.values.push({ value, trace });
      }
      if (groups.length > 4) {
        const ends = axes.length === 1 && axes[0].numeric ? [plain(axes[0].values[0]), plain(axes[0].values.at(-1))] : ["first", "last"];
        const ramp = h("i", { class: "swatch-ramp" });
        ramp.style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map((share) => lensColour(share, this.theme)).join(",")})`;
        head.append(h("span", { class: "plot-key" }, `${metrics[0].label} · ${axes.length === 1 ? axes[0].symbol : "settings"} ${ends[0]} `, ramp, ` ${ends[1]}`));
      } else if (!one) head.append(h("span", { class: "plot-key" }, metrics.map((metric, i) => `${["━", "┈", "╍", "╌"][Math.min(i, 3)]} ${metric.label}`).join("  ")));
      for (const ref of references(this.store, panel.key, this.theme)) {
        head.append(h("span", { class: "plot-key" }, swatch(ref), ref.label, ref.show ? "" : ` ${number(ref.value)}`));
      }
      this.heads.append(head);
      panel.tag = tag;
    });
  }

  // Numbers of the heads at a frame, and the playhead.
  show(frame) {
    if (!this.boxes || !frame) return;
    this.shownStep = frame.step;
    const at = this.hovered ?? frame;
    for (const { value, trace } of this.values ?? []) {
      setText(value, number(this.store.lastStat(at, trace.group, trace.metric.index)));
    }
    this.panels.forEach((panel, p) => {
      const { kind } = this.axes[p].scale;
      setText(panel.tag, kind === "linear" ? "" : kind === "log" ? "log" : "symmetric log");
    });
    this.cursors ??= [];
    this.boxes.forEach((box, p) => {
      const cursor = (this.cursors[p] ??= this.overlay.appendChild(h("div", { class: "plot-cursor" })));
      const share = Math.min(at.step / Math.max(this.xMax, 1), 1);
      cursor.style.transform = `translate(${(box.x0 + share * (box.x1 - box.x0)).toFixed(1)}px, ${box.y0}px)`;
      cursor.style.height = `${box.y1 - box.y0}px`;
    });
  }

  placeMarks() {
    this.overlay.replaceChildren();
    this.cursors = [];
    if (!this.boxes) return;
    for (const box of this.boxes) {
      for (const mark of this.store.marks) {
        const x = box.x0 + (mark.step / Math.max(this.xMax, 1)) * (box.x1 - box.x0);
        if (x <= box.x1) this.overlay.append(h("div", { class: "plot-mark", style: `left:${x.toFixed(1)}px;top:${box.y0}px;height:${box.y1 - box.y0}px` }));
      }
    }
  }

  frameAt(event) {
    if (!this.boxes || !this.store.frames.length) return null;
    const bounds = this.host.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const box = this.boxes.find((b) => x >= b.x0 - 4 && x <= b.x1 + 4 && y >= b.y0 && y <= b.y1);
    if (!box) return null;
    const step = ((x - box.x0) / (box.x1 - box.x0)) * this.xMax;
    const { list } = this.store.frames;
    const index = this.store.frames.indexAt(step);
    const next = list[index + 1];
    return next && next.step - step < step - list[index].step ? next : list[index];
  }

  hover(event) {
    this.hovered = event ? this.frameAt(event) : null;
    this.onHover?.(this.hovered);
  }

  seek(event) {
    const frame = this.frameAt(event);
    if (frame) this.onSeek(frame.step);
  }

  // Point at a panel.
  flash(key) {
    const head = this.heads.children[this.panels.findIndex((panel) => panel.key === key)];
    head?.classList.remove("flash");
    requestAnimationFrame(() => head?.classList.add("flash"));
  }

  resize(factor) {
    this.scaleFactor = factor;
    if (!this.size || this.host.clientWidth !== this.size.width || this.host.clientHeight !== this.size.height) this.build();
  }

  image(format) {
    const { width, height } = this.size;
    const annotations = this.panels.map((panel, p) => ({
      text: `<b>${panel.title}</b>`, xref: "paper", yref: "paper", x: this.boxes[p].x0 / width, y: 1 - (this.boxes[p].y0 - 4) / height,
      xanchor: "left", yanchor: "bottom", showarrow: false, font: { color: this.theme.text, size: 12 },
    }));
    const layout = { ...this.layout(false), annotations, paper_bgcolor: this.theme.background };
    return this.plotly.downloadImage({ data: this.figureData(this.data(true)), layout }, { format, width, height, filename: "curves", scale: 2 });
  }

  destroy() {
    if (this.built) this.plotly.purge(this.plot);
  }
}

function rightTicks(range) {
  const shown = range ?? [-0.02, 1.04];
  const values = niceTicks(0, shown[1] / 1.03, 3);
  return { range: shown, tickvals: values, ticktext: values.map((value) => number(value, 2)) };
}

function swatch({ colour, dash }) {
  const line = h("i", { class: "swatch" });
  const style = dash === "solid" ? "solid" : dash === "dot" || dash === "dashdot" ? "dotted" : "dashed";
  line.style.borderTop = `2px ${style} ${colour}`;
  return line;
}

