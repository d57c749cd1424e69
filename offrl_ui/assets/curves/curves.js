// The curves: one Plotly figure with a panel for each kind of metric, updated in place.
// While frames arrive, `Plotly.animate` moves decimated lines without a redraw and ranges move rarely; on pause one
// `Plotly.react` brings every point, hover and zoom. The playhead is a plain element above the plot and never touches it.

import { h } from "../shared/dom.js";
import { Figure, axisNames, layoutKey } from "./figure.js";
import { Heads } from "./heads.js";

const INSTANT = { mode: "immediate", frame: { duration: 0, redraw: false }, transition: { duration: 0 } };
const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset", showTips: false };

export class Curves {
  // onSeek(step): a click on a curve; onHover(): the pointer moved to another step.
  constructor(host, store, { onSeek, onHover }) {
    Object.assign(this, { host, store, onHover });
    this.only = null;
    this.scaleFactor = 1;
    this.logSteps = null;
    this.plot = h("div", { class: "plot" });
    this.overlay = h("div", { class: "plot-overlay", "aria-hidden": "true" });
    const heads = h("div", { class: "plot-heads" });
    this.wait = h("p", { class: "plot-wait" }, "Curves are being prepared …");
    host.append(this.plot, this.overlay, heads, this.wait);
    this.heads = new Heads(heads);
    this.version = -1;
    this.updates = 0;
    host.addEventListener("pointermove", (event) => this.hover(event));
    host.addEventListener("pointerleave", () => this.hover(null));
    host.addEventListener("click", (event) => {
      const frame = this.frameAt(event);
      if (frame) onSeek(frame.step);
    });
  }

  // Plotly arrives late on purpose: the world is drawn first.
  attach(plotly) {
    this.plotly = plotly;
    this.wait.remove();
    this.build();
  }

  // No library, no lines: the numbers at the step that is looked at still stand beside their names.
  fail(why) {
    this.wait.textContent = `The curves cannot be drawn: ${why}.`;
    this.host.classList.add("without-lines");
  }

  // Everything anew: another run, size or theme.
  build(theme = this.theme) {
    this.theme = theme;
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!this.store.hello || !theme || !width) return;
    if (this.moving) {
      // Plotly is still at work on the old figure: a new one beneath its hands would break it.
      this.again = true;
      return;
    }
    this.figure = new Figure(this.store, theme, {
      width,
      height,
      factor: this.scaleFactor,
      only: this.only,
      logSteps: this.logSteps ?? this.early(),
    });
    const data = this.figure.data(true);
    this.figure.fit(data, true);
    this.heads.build(this.figure);
    this.placeMarks();
    if (!this.plotly || !this.figure.panels.length) return;
    this.settled = false;
    this.run(() =>
      this.plotly.newPlot(this.plot, this.figure.plotly(data), this.figure.layout(false), CONFIG).then(() => {
        this.plot.on("plotly_relayout", () => this.zoomed());
      }),
    );
    this.built = true;
  }

  // Whether nearly all that moved did so in the first seventh of the run: then a logarithmic step axis shows it.
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
      const range = Math.max(...values.filter(Number.isFinite)) - Math.min(...values.filter(Number.isFinite));
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

  // While frames arrive: move the lines. Returns false while the plot is still busy with the last move.
  update() {
    const { figure } = this;
    if (!this.built || this.moving || this.version === this.store.frames.version) return false;
    const data = figure.data(false);
    const moved = figure.fit(data);
    // Leaving the rest state switches hover and zoom off again; only a full layout can do that.
    if (this.settled) return this.react(data, false);
    const update = {
      data: figure.traces.map((trace, i) => ({ x: data[i].x, y: figure.y(trace, data[i].y) })),
      traces: figure.traces.map((_, i) => i),
      ...(moved ? { layout: figure.movingLayout() } : {}),
    };
    if (moved) this.placeMarks();
    return this.run(() => this.plotly.animate(this.plot, update, INSTANT));
  }

  // At rest: every point, hover and zoom.
  settle() {
    if (!this.built || this.moving || (this.settled && this.version === this.store.frames.version)) return;
    if (this.logSteps === null && this.early() !== this.figure.steps.logarithmic) {
      this.build();
      return;
    }
    const data = this.figure.data(true);
    this.figure.fit(data, true);
    this.react(data, true);
  }

  // The viewer has zoomed into a panel: what is drawn over the plot goes along.
  zoomed() {
    const { figure, plot } = this;
    figure.zoom = figure.panels.map((_, p) => {
      const { x, y } = axisNames(p);
      return { x: plot._fullLayout[layoutKey(x)].range.slice(), y: plot._fullLayout[layoutKey(y)].range.slice() };
    });
    this.placeMarks();
    this.onHover();
  }

  react(data, atRest) {
    this.settled = atRest;
    this.figure.zoom = [];
    this.placeMarks();
    return this.run(() => this.plotly.react(this.plot, this.figure.plotly(data), this.figure.layout(atRest)));
  }

  run(change) {
    this.version = this.store.frames.version;
    this.updates += 1;
    this.moving = true;
    const done = () => {
      this.moving = false;
      if (this.updates === 1) performance.mark("offrl:curves");
      if (!this.again) return;
      this.again = false;
      this.build();
    };
    change().then(done, done);
    return true;
  }

  // Numbers of the heads, and the playhead, at a frame.
  show(frame) {
    const { figure } = this;
    if (!figure || !frame) return;
    const at = this.hovered ?? frame;
    this.heads.update(at);
    figure.boxes.forEach((box, p) => {
      const cursor = (this.cursors[p] ??= this.overlay.appendChild(h("div", { class: "plot-cursor" })));
      const x = figure.pixel(p, at.step);
      cursor.hidden = x === null;
      cursor.style.transform = `translate(${(x ?? 0).toFixed(1)}px, ${box.y0}px)`;
      cursor.style.height = `${box.y1 - box.y0}px`;
    });
  }

  // Live changes as dashed lines on every step axis, and the names of the lines that run across.
  placeMarks() {
    this.overlay.replaceChildren();
    this.cursors = [];
    if (!this.figure) return;
    this.heads.placeLines();
    this.figure.boxes.forEach((box, p) => {
      for (const mark of this.store.marks) {
        const x = mark.step > this.figure.last ? null : this.figure.pixel(p, mark.step);
        if (x === null) continue;
        this.overlay.append(
          h("div", { class: "plot-mark", style: `left:${x.toFixed(1)}px;top:${box.y0}px;height:${box.y1 - box.y0}px` }),
        );
      }
    });
  }

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

  hover(event) {
    const frame = event ? this.frameAt(event) : null;
    if (frame === (this.hovered ?? null)) return;
    this.hovered = frame;
    this.onHover();
  }

  resize() {
    const { figure, host } = this;
    if (!figure || host.clientWidth !== figure.width || host.clientHeight !== figure.height) this.build();
  }

  image(format, filename) {
    const { figure, theme } = this;
    const { width, height } = figure;
    const annotations = figure.annotations();
    const layout = { ...figure.layout(false), annotations, paper_bgcolor: theme.background };
    return this.plotly.downloadImage(
      { data: figure.plotly(figure.data(true)), layout },
      { format, width, height, filename, scale: format === "png" ? 2 : 1 },
    );
  }

  destroy() {
    this.again = false;
    if (this.built) this.plotly.purge(this.plot);
  }
}
