// Above each panel of curves: its title, what the lines are, and their numbers at the step that is looked at.

import { h, setText } from "./dom.js";
import { number, plain } from "./format.js";
import { lensColour, metricsOf, references } from "./panels.js";

const STROKES = ["━", "┈", "╍", "╌"];

export class Heads {
  constructor(host) {
    this.host = host;
    this.values = [];
    this.tags = [];
  }

  build(figure) {
    this.figure = figure;
    this.values = [];
    this.tags = [];
    this.host.replaceChildren(...figure.panels.map((panel, p) => this.head(panel, p)), ...figure.boxes.map((box) => this.axisName(box)));
  }

  // What runs along the bottom, left of its first number.
  axisName(box) {
    const text = this.figure.steps.logarithmic ? "log step" : "step";
    return h("span", { class: "plot-axis", style: `left:${box.left}px;top:${box.y1 + 3}px;width:${box.x0 - box.left - 8}px` }, text);
  }

  head(panel, p) {
    const { store, theme, boxes } = this.figure;
    const box = boxes[p];
    const tag = h("span", { class: "plot-tag" });
    this.tags.push(tag);
    const head = h("div", { class: "plot-head", style: `left:${box.left}px;top:${box.top}px;width:${box.width}px` }, h("strong", {}, panel.title), tag);
    const metrics = metricsOf(store, panel);
    if (store.groups.length === 1) this.metricKeys(head, p);
    else if (store.groups.length <= 4) this.groupKeys(head, p, metrics);
    else head.append(this.rampKey(metrics[0]));
    for (const line of references(store, panel.key, theme)) {
      head.append(h("span", { class: "plot-key" }, swatch(line), line.label, line.show ? "" : ` ${number(line.value)}`));
    }
    return head;
  }

  lines(p) {
    return this.figure.traces.filter((trace) => trace.panel === p && trace.kind === "line");
  }

  // One model or one group of seeds: a key for each metric; the truths of several metrics share one.
  metricKeys(head, p) {
    let truths = 0;
    for (const trace of this.lines(p)) {
      if (trace.style.truth && truths++) continue;
      this.key(head, trace, trace.style.truth ? "their truth" : trace.metric.label, !trace.style.truth);
    }
  }

  // Systems side by side: a key for each that has the metric, and the strokes' meaning.
  groupKeys(head, p, metrics) {
    const { store } = this.figure;
    const last = store.frames.last?.metrics;
    const known = (group) => metrics.some((metric) => !Number.isNaN(last?.[group.members[0] * store.hello.metrics.length + metric.index] ?? NaN));
    for (const trace of this.lines(p)) {
      if (trace.metric.index === metrics[0].index && known(trace.group)) this.key(head, trace, trace.group.label, true);
    }
    head.append(h("span", { class: "plot-key" }, metrics.map((metric, i) => `${STROKES[Math.min(i, 3)]} ${metric.label}`).join("  ")));
  }

  // A lens: the colours of its axis.
  rampKey(metric) {
    const { store, theme } = this.figure;
    const [axis, second] = store.axes;
    const alone = axis && !second && axis.numeric;
    const ends = alone ? [plain(axis.values[0]), plain(axis.values.at(-1))] : ["first", "last"];
    const ramp = h("i", { class: "swatch-ramp" });
    ramp.style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map((share) => lensColour(share, theme)).join(",")})`;
    return h("span", { class: "plot-key" }, `${metric.label} · ${alone ? axis.symbol : "settings"} ${ends[0]} `, ramp, ` ${ends[1]}`);
  }

  key(head, trace, label, withValue) {
    const value = withValue ? h("span", { class: "plot-value" }) : null;
    const title = [trace.metric.title, trace.metric.help].filter(Boolean).join(": ");
    head.append(h("span", { class: "plot-key", title }, swatch(trace.style), `${label} `, value));
    if (value) this.values.push({ value, trace });
  }

  update(frame) {
    const { store, axes } = this.figure;
    for (const { value, trace } of this.values) setText(value, number(store.lastStat(frame, trace.group, trace.metric.index)));
    axes.forEach(({ scale }, p) => setText(this.tags[p], { linear: "", log: "log", symlog: "symmetric log" }[scale.kind]));
  }

  // Point at a panel.
  flash(key) {
    const head = this.host.children[this.figure?.panels.findIndex((panel) => panel.key === key)];
    head?.classList.remove("flash");
    requestAnimationFrame(() => head?.classList.add("flash"));
  }
}

function swatch({ colour, dash }) {
  const line = h("i", { class: "swatch" });
  const style = dash === "solid" ? "solid" : dash === "dot" || dash === "dashdot" ? "dotted" : "dashed";
  line.style.borderTop = `2px ${style} ${colour}`;
  return line;
}
