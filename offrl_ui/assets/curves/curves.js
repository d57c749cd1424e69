// The curves: one Plotly figure with a panel for each kind of metric, updated in place. While frames arrive,
// `Plotly.animate` moves decimated lines without a redraw and ranges move rarely; on pause one `Plotly.react` brings
// every point, hover and zoom. The playhead is a plain element above the plot and never touches it.

import { h, textWidth } from "../shared/dom.js";
import { Figure } from "./figure.js";
import { PanelHeaders } from "./panel_headers.js";
import { annotations, axisNames, layoutKey, movingLayout, plotlyLayout, plotlyTraces } from "./plotly_figure.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { PlotlyLibrary, Span, Theme } from "../shared/types.d.ts"
 * @import { Points } from "./figure.js"
 */

/** What Plotly makes of the element that it draws into.
 * @typedef {HTMLElement & { on(event: string, listener: () => void): void, _fullLayout: Record<string, { range: Span }>
 *   }} Plot */

const INSTANT = { mode: "immediate", frame: { duration: 0, redraw: false }, transition: { duration: 0 } };
const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset", showTips: false };

export class Curves {
  /**
   * @param {HTMLElement} host
   * @param {Store} store
   * @param {{ onSeek: (step: number) => void, onHover: () => void }} actions - a click on a curve; the pointer moved to
   *   another step
   */
  constructor(host, store, { onSeek, onHover }) {
    this.host = host;
    this.store = store;
    this.onHover = onHover;
    /** The key of a single panel that is shown. @type {string | null} */
    this.only = null;
    /** How much larger than usual type is. */
    this.factor = 1;
    /** Whether the step axis is logarithmic; null for whatever shows the run best. @type {boolean | null} */
    this.logSteps = null;
    /** Whether the stage has gone. */
    this.ended = false;
    /** @type {PlotlyLibrary | null} */
    this.plotly = null;
    /** @type {Theme | null} */
    this.theme = null;
    /** @type {Figure | null} */
    this.figure = null;
    this.plot = /** @type {Plot} */ (/** @type {unknown} */ (h("div", { class: "plot" })));
    this.overlay = h("div", { class: "plot-overlay", "aria-hidden": "true" });
    const headers = h("div", { class: "plot-heads" });
    this.wait = h("p", { class: "plot-wait" }, "Curves are being prepared …");
    host.append(this.plot, this.overlay, headers, this.wait);
    this.headers = new PanelHeaders(headers);
    /** The playhead in each panel. @type {HTMLElement[]} */
    this.cursors = [];
    /** @type {Frame | null} */
    this.hovered = null;
    this.version = -1;
    this.updates = 0;
    this.built = false;
    this.settled = false;
    // Plotly is at work, and has to build anew afterwards.
    this.moving = false;
    this.again = false;
    host.addEventListener("pointermove", (event) => this.hover(event));
    host.addEventListener("pointerleave", () => this.hover(null));
    host.addEventListener("click", (event) => {
      const frame = this.frameAt(event);
      if (frame) onSeek(frame.step);
    });
  }

  /** Plotly arrives late on purpose: the world is drawn first. @param {PlotlyLibrary} plotly */
  attach(plotly) {
    this.plotly = plotly;
    this.wait.remove();
    this.build();
  }

  /** No library, no lines: the numbers at the step that is looked at still stand beside their names.
   * @param {string} why */
  fail(why) {
    this.wait.textContent = `The curves cannot be drawn: ${why}.`;
    this.host.classList.add("without-lines");
  }

  /** Everything anew: another run, size or theme. @param {Theme | null} [theme] */
  build(theme = this.theme) {
    this.theme = theme;
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!this.store.hello || !theme || !width) return;
    if (this.moving) {
      // Plotly is still at work on the old figure: a new one beneath its hands would break it.
      this.again = true;
      return;
    }
    const { factor, only, plotly } = this;
    const logSteps = this.logSteps ?? this.early();
    const figure = new Figure(this.store, theme, { width, height, factor, only, logSteps, textWidth });
    this.figure = figure;
    const data = figure.data(true);
    figure.fit(data, true);
    this.headers.build(figure);
    this.placeMarks();
    if (!plotly || !figure.panels.length) return;
    this.settled = false;
    this.run(async () => {
      await plotly.newPlot(this.plot, plotlyTraces(figure, data), plotlyLayout(figure, false), CONFIG);
      this.plot.on("plotly_relayout", () => this.zoomed());
    });
    this.built = true;
  }

  /** Whether nearly all that moved did so in the first seventh of the run: then a logarithmic step axis shows it. */
  early() {
    const { store } = this;
    const { list } = store.frames;
    const last = store.frames.last?.step ?? 0;
    if (list.length < 20 || last < 50) return false;
    let [before, all] = [0, 0];
    for (const name of ["return", "value_start", "q_data", "loss_policy", "loss_td"]) {
      const metric = store.metricIndex(name);
      if (metric < 0) continue;
      const values = list.map((frame) => store.stat(frame, store.groups[0], metric)[0]);
      const finite = values.filter(Number.isFinite);
      const range = Math.max(...finite) - Math.min(...finite);
      if (!(range > 0)) continue;
      let previous = NaN;
      values.forEach((value, i) => {
        const moved = Math.abs(value - previous) / range;
        if (Number.isFinite(moved)) {
          all += moved;
          if (list[i].step <= last / 7) before += moved;
        }
        if (Number.isFinite(value)) previous = value;
      });
    }
    return before > 0.9 * all;
  }

  get traces() {
    return this.figure?.traces.length ?? 0;
  }

  /** While frames arrive: move the lines. Returns false while the plot is still busy with the last move. */
  update() {
    const { figure, plotly } = this;
    if (!figure || !plotly || !this.built || this.moving || this.version === this.store.frames.version) return false;
    const data = figure.data(false);
    const moved = figure.fit(data);
    // Leaving the rest state switches hover and zoom off again; only a full layout can do that.
    if (this.settled) return this.react(data, false);
    const update = {
      data: figure.traces.map((trace, i) => ({ x: data[i].x, y: figure.y(trace, data[i].y) })),
      traces: figure.traces.map((_, i) => i),
      ...(moved ? { layout: movingLayout(figure) } : {}),
    };
    if (moved) this.placeMarks();
    return this.run(() => plotly.animate(this.plot, update, INSTANT));
  }

  /** At rest: every point, hover and zoom. */
  settle() {
    const { figure } = this;
    if (!figure || !this.built || this.moving) return;
    if (this.settled && this.version === this.store.frames.version) return;
    if (this.logSteps === null && this.early() !== figure.steps.logarithmic) {
      this.build();
      return;
    }
    const data = figure.data(true);
    figure.fit(data, true);
    this.react(data, true);
  }

  /** The viewer has zoomed into a panel: what is drawn over the plot goes along. */
  zoomed() {
    const { figure } = this;
    if (!figure) return;
    const { _fullLayout: layout } = this.plot;
    /** @param {string} axis @returns {Span} */
    const rangeOf = (axis) => [...layout[layoutKey(axis)].range];
    figure.zoom = figure.panels.map((_, p) => ({ x: rangeOf(axisNames(p).x), y: rangeOf(axisNames(p).y) }));
    this.placeMarks();
    this.onHover();
  }

  /** @param {Points[]} data @param {boolean} atRest */
  react(data, atRest) {
    const { figure, plotly } = this;
    if (!figure || !plotly) return false;
    this.settled = atRest;
    figure.zoom = [];
    this.placeMarks();
    return this.run(() => plotly.react(this.plot, plotlyTraces(figure, data), plotlyLayout(figure, atRest)));
  }

  /** @param {() => Promise<unknown>} change */
  run(change) {
    this.version = this.store.frames.version;
    this.updates += 1;
    this.moving = true;
    const done = () => {
      this.moving = false;
      if (this.ended) this.plotly?.purge(this.plot);
      if (this.updates === 1) performance.mark("offrl:curves");
      if (!this.again) return;
      this.again = false;
      this.build();
    };
    change().then(done, done);
    return true;
  }

  /** Numbers of the headers, and the playhead, at a frame. @param {Frame} frame */
  show(frame) {
    const { figure } = this;
    if (!figure) return;
    const at = this.hovered ?? frame;
    this.headers.update(at);
    figure.boxes.forEach((box, p) => {
      this.cursors[p] ??= this.overlay.appendChild(h("div", { class: "plot-cursor" }));
      const cursor = this.cursors[p];
      const x = figure.pixel(p, at.step);
      cursor.hidden = x === null;
      cursor.style.transform = `translate(${(x ?? 0).toFixed(1)}px, ${box.y0}px)`;
      cursor.style.height = `${box.y1 - box.y0}px`;
    });
  }

  /** Live changes as dashed lines on every step axis, the names of the lines that run across, where a line becomes
   * infinite, and at rest the best and the last step of the true return. */
  placeMarks() {
    const { figure } = this;
    this.overlay.replaceChildren();
    this.cursors = [];
    if (!figure) return;
    this.headers.placeLines();
    figure.boxes.forEach((box, p) => {
      for (const mark of this.store.marks) {
        const x = mark.step > figure.last ? null : figure.pixel(p, mark.step);
        if (x === null) continue;
        const style = `left:${x.toFixed(1)}px;top:${box.y0}px;height:${box.y1 - box.y0}px`;
        this.overlay.append(h("div", { class: "plot-mark", style }));
      }
    });
    for (const { panel, step, up, colour } of figure.infinities()) {
      const [box, x] = [figure.boxes[panel], step > figure.last ? null : figure.pixel(panel, step)];
      if (x === null) continue;
      const style = `left:${x.toFixed(1)}px;top:${(up ? box.y0 : box.y1 - 14).toFixed(1)}px;color:${colour}`;
      this.overlay.append(h("div", { class: "plot-infinite", style }, up ? "∞" : "−∞"));
    }
    for (const { panel, step, value, best, colour } of this.settled ? figure.ends() : []) {
      const [x, y] = [figure.pixel(panel, step), figure.level(panel, value)];
      if (x === null || y === null) continue;
      const style = `left:${x.toFixed(1)}px;top:${y.toFixed(1)}px;color:${colour}`;
      this.overlay.append(h("div", { class: "plot-end", style }, best ? "★" : "●"));
    }
  }

  /** The frame nearest to the pointer. @param {MouseEvent} event */
  frameAt(event) {
    const { frames } = this.store;
    if (!this.figure || !frames.length) return null;
    const bounds = this.host.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const p = this.figure.boxes.findIndex((b) => x >= b.x0 - 4 && x <= b.x1 + 4 && y >= b.y0 && y <= b.y1);
    if (p < 0) return null;
    const step = this.figure.step(p, x);
    const index = frames.indexAt(step);
    const [here, next] = [frames.list[index], frames.list[index + 1]];
    return next && next.step - step < step - here.step ? next : here;
  }

  /** @param {MouseEvent | null} event */
  hover(event) {
    const frame = event ? this.frameAt(event) : null;
    if (frame === this.hovered) return;
    this.hovered = frame;
    this.onHover();
  }

  resize() {
    const { figure, host } = this;
    if (!figure || host.clientWidth !== figure.width || host.clientHeight !== figure.height) this.build();
  }

  /** Save as a file. @param {string} format - png or svg @param {string} filename */
  async save(format, filename) {
    const { figure, plotly } = this;
    if (!figure || !plotly) return;
    const { width, height, theme } = figure;
    const look = { annotations: annotations(figure), paper_bgcolor: theme.background };
    const layout = { ...plotlyLayout(figure, false), ...look };
    const options = { format, width, height, filename, scale: format === "png" ? 2 : 1 };
    await plotly.downloadImage({ data: plotlyTraces(figure, figure.data(true)), layout }, options);
  }

  /** What Plotly is still at work on is taken away only when it is done. */
  destroy() {
    this.again = false;
    this.ended = true;
    if (this.built && !this.moving) this.plotly?.purge(this.plot);
  }
}
