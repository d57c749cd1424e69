// Outcome against hyperparameter: for a lens with one axis, true return (of a log without a world, the learned value at
// the start), value gap and effective sample size over the
// axis' values (median and quartiles of the seeds); for two axes a heat map of the true return; for algorithms side by
// side a table. Dragging along an axis goes through models that are all alive.

import { clearCanvas, h, setText } from "../shared/dom.js";
import { integer, number } from "../shared/format.js";
import { bootstrapInterval, interquartileMean } from "../shared/statistics.js";
import { drawAxis, drawMap } from "./outcome_charts.js";
import { groupColour } from "./panels.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Group } from "../run/groups.js"
 * @import { Store } from "../run/store.js"
 * @import { Pen, Theme } from "../shared/types.d.ts"
 * @import { MapCell, OutcomeMetric } from "./outcome_charts.js"
 */

const NOTE = 22;
/** @type {Record<string, [across: number, up: number]>} */
const WAYS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowDown: [0, -1],
  ArrowUp: [0, 1],
  Home: [-Infinity, 0],
  End: [Infinity, 0],
};

export class Outcome {
  /**
   * @param {HTMLElement} host
   * @param {Store} store
   * @param {{ onPick: (member: number) => void, onOpen: (member: number) => void }} actions - a value along the axis
   *   was
   *   chosen; a cell of the map, to be seen alone
   */
  constructor(host, store, { onPick, onOpen }) {
    this.host = host;
    this.store = store;
    this.onPick = onPick;
    this.onOpen = onOpen;
    /** @type {"table" | "axis" | "map"} */
    this.kind = "table";
    this.drawn = "";
    this.about = "";
    /** @type {MapCell[]} */
    this.cells = [];
    /** Where each value of the axis stands. @type {((i: number) => number) | null} */
    this.xOf = null;
    this.canvas = h("canvas", { class: "outcome-canvas", tabindex: "0", role: "img" });
    this.table = h("table", { class: "outcome-table" });
    this.note = h("p", { class: "outcome-note" });
    host.append(this.canvas, this.table, this.note);
    /** @param {PointerEvent} event */
    const pick = (event) => this.choose(this.groupAt(event));
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      pick(event);
      if (this.kind === "axis") this.canvas.onpointermove = pick;
    });
    this.canvas.addEventListener("pointerup", () => {
      this.canvas.onpointermove = null;
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {Group | undefined} group */
  choose(group) {
    if (!group) return;
    const member = this.memberOf(group);
    if (this.kind === "map") this.onOpen(member);
    else this.onPick(member);
  }

  /** The arrows go along the axes, from value to value. @param {KeyboardEvent} event */
  key(event) {
    const way = WAYS[event.key];
    if (!way || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    const { store } = this;
    const own = store.groupOf(store.view.member).values;
    const wanted = store.axes.map(({ name, values }, i) => {
      const next = values.indexOf(own[name]) + way[i];
      return values[Math.min(Math.max(next, 0), values.length - 1)];
    });
    const group = store.groups.find(({ values }) => store.axes.every(({ name }, i) => values[name] === wanted[i]));
    event.preventDefault();
    event.stopPropagation();
    this.choose(group);
  }

  begin() {
    const { axes } = this.store;
    this.kind = axes.length === 0 ? "table" : axes.length === 1 ? "axis" : "map";
    this.canvas.hidden = this.kind === "table";
    this.table.hidden = this.kind !== "table";
    setText(this.note, "");
    this.drawn = "";
  }

  /** The member of a group that has the same seed as the one that is looked at. @param {Group} group */
  memberOf(group) {
    const { members } = this.store.run;
    const { seed } = members[this.store.view.member];
    return group.members.find((member) => members[member].seed === seed) ?? group.members[0];
  }

  metrics() {
    const { store } = this;
    const played = store.metricIndex("return") >= 0;
    /** @type {[name: string, metric: Omit<OutcomeMetric, "index" | "unit">][]} */
    const shown = [
      played
        ? ["return", { title: "true return", references: true }]
        : ["value_start", { title: "learned value at the start", references: true }],
      ["gap", { title: "estimate − true return" }],
      ["effective_sample_size", { title: "effective sample size", share: true }],
    ];
    return shown.flatMap(([name, metric]) => {
      const index = store.metricIndex(name);
      return index < 0 ? [] : [{ ...metric, index, unit: store.run.metrics[index].unit }];
    });
  }

  /** @param {Frame} frame @param {Theme} theme */
  update(frame, theme) {
    if (this.host.hidden || !this.store.hello) return;
    const [width, height] = this.measure();
    const key = [frame.step, frame.seq, this.store.view.member, width, height, theme.dark, this.kind].join();
    if (key === this.drawn) return;
    this.drawn = key;
    if (this.kind === "table") {
      this.fill(frame, theme);
      return;
    }
    const context = clearCanvas(this.canvas, width, height, Math.min(window.devicePixelRatio || 1, 2));
    this.paint(context, frame, theme, width, height);
    const hint = this.kind === "axis" ? "drag to look at another value" : "click a cell to see it alone";
    setText(this.note, `${this.about} at step ${integer(frame.step)}; ${hint}`);
    this.canvas.setAttribute("aria-label", this.words(frame));
  }

  /** Size of the picture; while the curves lie in its place it is as large as they are. @returns {[number, number]} */
  measure() {
    const { clientWidth: width, clientHeight: height } = this.host.parentElement ?? this.host;
    return [width, height - NOTE];
  }

  /**
   * The picture: onto the screen's canvas, or as SVG.
   * @param {Pen} pen
   * @param {Frame} frame
   * @param {Theme} theme
   * @param {number} width
   * @param {number} height
   */
  paint(pen, frame, theme, width, height) {
    const draw = this.kind === "axis" ? drawAxis : drawMap;
    Object.assign(this, draw(pen, { store: this.store, theme, frame, width, height, metrics: this.metrics() }));
  }

  /** The same in words: the first metric at every value. @param {Frame} frame */
  words(frame) {
    const { store } = this;
    const [metric] = this.metrics();
    if (!metric) return "";
    const numbers = store.groups.map((g) => `${g.label}: ${number(store.lastStat(frame, g, metric.index))}`);
    return `${metric.title} at step ${integer(frame.step)}. ${numbers.join("; ")}. Arrow keys go from value to value.`;
  }

  /** @param {MouseEvent} event */
  groupAt(event) {
    const { store, cells, xOf } = this;
    const bounds = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    if (this.kind === "map")
      return cells.find((cell) => x >= cell.x && x < cell.x + cell.w && y >= cell.y && y < cell.y + cell.h)?.group;
    if (!xOf) return undefined;
    const [{ name, values }] = store.axes;
    const distances = values.map((_, i) => Math.abs(xOf(i) - x));
    const nearest = values[distances.indexOf(Math.min(...distances))];
    return store.groups.find((group) => group.values[name] === nearest);
  }

  /** Algorithms side by side: interquartile mean of the first metric with its bootstrap interval.
   * @param {Frame} frame @param {Theme} theme */
  fill(frame, theme) {
    const { store } = this;
    const [main, second] = this.metrics();
    if (!main) return;
    const rows = store.groups.map((group) => {
      const values = group.members.map((member) => store.lastValue(frame, member, main.index)).filter(Number.isFinite);
      const [low, high] = bootstrapInterval(values);
      const dot = h("i", { class: "swatch-dot" });
      dot.style.background = groupColour(store, group, theme);
      const onclick = () => this.onPick(this.memberOf(group));
      const look = { type: "button", class: "outcome-name", title: "Look at this one", onclick };
      const interval = values.length > 1 ? `${number(low)} to ${number(high)}` : values.length ? "1 seed" : "–";
      const other = second ? number(store.lastStat(frame, group, second.index)) : "–";
      const cells = [number(interquartileMean(values)), interval, other, String(values.length)];
      const name = h("th", { scope: "row" }, h("button", look, dot, group.label));
      return h("tr", {}, name, ...cells.map((cell) => h("td", {}, cell)));
    });
    const heads = ["", `${main.title} (IQM)`, "95 % interval", second?.title ?? "", "seeds"];
    const head = h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)));
    this.table.replaceChildren(h("thead", {}, head), h("tbody", {}, ...rows));
    const method = "IQM: mean of the middle half of the seeds, interval by 2,000 bootstrap resamples";
    setText(this.note, `at step ${integer(frame.step)}; ${method}`);
  }
}
