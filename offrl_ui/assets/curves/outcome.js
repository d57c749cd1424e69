// Outcome against hyperparameter: for a lens with one axis, true return, value gap and effective sample size over the axis'
// values (median and quartiles of the seeds); for two axes a heat map of the true return; for algorithms side by side a
// table. Dragging along an axis goes through models that are all alive.

import { h, setText } from "../shared/dom.js";
import { integer, number } from "../shared/format.js";
import { drawAxis, drawMap } from "./outcome_pictures.js";
import { groupColour } from "./panels.js";
import { bootstrapInterval, interquartileMean } from "../shared/statistics.js";

const NOTE = 22;

export class Outcome {
  // onPick(member): a value along the axis was chosen; onOpen(member): a cell of the map, to be seen alone.
  constructor(host, store, { onPick, onOpen }) {
    Object.assign(this, { host, store, onPick, onOpen });
    this.canvas = h("canvas", { class: "outcome-canvas", tabindex: "0", role: "img" });
    this.table = h("table", { class: "outcome-table" });
    this.note = h("p", { class: "outcome-note" });
    host.append(this.canvas, this.table, this.note);
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

  choose(group) {
    if (!group) return;
    const member = this.memberOf(group);
    if (this.kind === "map") this.onOpen(member);
    else this.onPick(member);
  }

  // The arrows go along the axes, from value to value.
  key(event) {
    const way = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowDown: [0, -1],
      ArrowUp: [0, 1],
      Home: [-Infinity, 0],
      End: [Infinity, 0],
    }[event.key];
    if (!way || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    const { store } = this;
    const own = store.groupOf(store.view.member).values;
    const wanted = store.axes.map(
      ({ name, values }, i) => values[Math.min(Math.max(values.indexOf(own[name]) + way[i], 0), values.length - 1)],
    );
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

  // The member of a group that has the same seed as the one that is looked at.
  memberOf(group) {
    const { members } = this.store.hello;
    const seed = members[this.store.view.member].seed;
    return group.members.find((member) => members[member].seed === seed) ?? group.members[0];
  }

  metrics() {
    const { store } = this;
    const named = (name, title, more) => {
      const index = store.metricIndex(name);
      return index < 0 ? null : { index, title, unit: store.hello.metrics[index].unit, ...more };
    };
    return [
      named("return", "true return", { references: true }),
      named("gap", "estimate − true return"),
      named("effective_sample_size", "effective sample size", { zero: true }),
    ].filter(Boolean);
  }

  update(frame, theme) {
    if (!frame || this.host.hidden || !this.store.hello) return;
    const [width, tall] = this.measure();
    const key = [frame.step, frame.seq, this.store.view.member, width, tall, theme.dark, this.kind].join();
    if (key === this.drawn) return;
    this.drawn = key;
    this.theme = theme;
    if (this.kind === "table") return this.fill(frame);
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(tall * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(tall * ratio);
    }
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, tall);
    this.paint(ctx, frame, width, tall);
    setText(
      this.note,
      `${this.about} at step ${integer(frame.step)}; ${this.kind === "axis" ? "drag to look at another value" : "click a cell to see it alone"}`,
    );
    this.canvas.setAttribute("aria-label", this.words(frame));
    return undefined;
  }

  // Size of the picture; while the curves lie in its place it is as large as they are.
  measure() {
    const { clientWidth: width, clientHeight: height } = this.host.parentElement;
    return [width, height - NOTE];
  }

  // The picture into any context: the screen's canvas, or the one that writes SVG.
  paint(ctx, frame, width, height) {
    const { store, theme, kind } = this;
    const draw = kind === "axis" ? drawAxis : drawMap;
    Object.assign(this, draw(ctx, { store, theme, frame, width, height, metrics: this.metrics() }));
  }

  // The same in words: the true return of every value.
  words(frame) {
    const { store } = this;
    const [metric] = this.metrics();
    if (!metric) return "";
    const numbers = store.groups.map(
      (group) => `${group.label}: ${number(store.lastStat(frame, group, metric.index))}`,
    );
    return `${metric.title} at step ${integer(frame.step)}. ${numbers.join("; ")}. Arrow keys go from value to value.`;
  }

  groupAt(event) {
    const { store } = this;
    const bounds = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    if (this.kind === "map")
      return this.cells?.find((cell) => x >= cell.x && x < cell.x + cell.w && y >= cell.y && y < cell.y + cell.h)
        ?.group;
    if (!this.xOf) return null;
    const [axis] = store.axes;
    const nearest = axis.values.reduce(
      (best, _, i) => (Math.abs(this.xOf(i) - x) < Math.abs(this.xOf(best) - x) ? i : best),
      0,
    );
    return store.groups.find((group) => group.values[axis.name] === axis.values[nearest]);
  }

  // Algorithms side by side: interquartile mean of the true return with its bootstrap interval.
  fill(frame) {
    const { store } = this;
    const [main, gap] = this.metrics();
    if (!main) return;
    const rows = store.groups.map((group) => {
      const values = [...group.members]
        .map((member) => store.lastValue(frame, member, main.index))
        .filter(Number.isFinite);
      const [low, high] = bootstrapInterval(values);
      const dot = h("i", { class: "swatch-dot" });
      dot.style.background = groupColour(store, group, this.theme);
      const button = h(
        "button",
        {
          type: "button",
          class: "outcome-name",
          title: "Look at this one",
          onclick: () => this.onPick(this.memberOf(group)),
        },
        dot,
        group.label,
      );
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, button),
        h("td", {}, number(interquartileMean(values))),
        h("td", {}, values.length > 1 ? `${number(low)} to ${number(high)}` : values.length ? "1 seed" : "–"),
        h("td", {}, gap ? number(store.lastStat(frame, group, gap.index)) : "–"),
        h("td", {}, String(values.length)),
      );
    });
    this.table.replaceChildren(
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...["", "true return (IQM)", "95 % interval", gap?.title ?? "", "seeds"].map((text) =>
            h("th", { scope: "col" }, text),
          ),
        ),
      ),
      h("tbody", {}, ...rows),
    );
    setText(
      this.note,
      `at step ${integer(frame.step)}; IQM: mean of the middle half of the seeds, interval by 2 000 bootstrap resamples`,
    );
  }
}
