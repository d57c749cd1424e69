// Outcome against hyperparameter: for a lens with one axis, true return, value gap and effective sample size over the axis'
// values (median and quartiles of the seeds); for two axes a heat map of the true return; for algorithms side by side a
// table. Dragging along an axis goes through models that are all alive.

import { h, setText } from "./dom.js";
import { niceTicks, number, plain } from "./format.js";
import { groupColour } from "./panels.js";
import { withAlpha } from "./palette.js";
import { Scale } from "./scale.js";
import { bootstrapInterval, interquartileMean } from "./statistics.js";

export class Outcome {
  // onPick(member): a point, cell or row was chosen.
  constructor(host, store, { onPick }) {
    Object.assign(this, { host, store, onPick });
    this.canvas = h("canvas", { class: "outcome-canvas", tabindex: "0", role: "img" });
    this.table = h("table", { class: "outcome-table" });
    this.note = h("p", { class: "outcome-note" });
    host.append(this.canvas, this.table, this.note);
    const pick = (event) => { const group = this.groupAt(event); if (group) onPick(this.memberOf(group)); };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      pick(event);
      this.canvas.onpointermove = pick;
    });
    this.canvas.addEventListener("pointerup", () => { this.canvas.onpointermove = null; });
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
    const named = (name, title) => {
      const index = store.metricIndex(name);
      return index < 0 ? null : { index, title };
    };
    const first = store.metricIndex("return");
    return [
      first >= 0 ? { index: first, title: "true return", references: true } : null,
      named("gap", "estimate − true return"),
      named("effective_sample_size", "effective sample size"),
    ].filter(Boolean);
  }

  update(frame, theme) {
    if (!frame || this.host.hidden || !this.store.hello) return;
    const { clientWidth: width, clientHeight: height } = this.host;
    const key = [frame.step, frame.seq, this.store.view.member, width, height, theme.dark, this.kind].join();
    if (key === this.drawn) return;
    this.drawn = key;
    this.theme = theme;
    if (this.kind === "table") return this.fill(frame);
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const tall = height - 22;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(tall * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(tall * ratio);
    }
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, tall);
    if (this.kind === "axis") this.drawAxis(ctx, frame, width, tall);
    else this.drawMap(ctx, frame, width, tall);
    return undefined;
  }

  // Place of each value on the axis, 0 to 1.
  positions(axis) {
    const { values } = axis;
    if (!axis.numeric) return values.map((_, i) => (i + 0.5) / values.length);
    const logarithmic = axis.scale === "log" && values.every((value) => value > 0);
    const mapped = values.map((value) => (logarithmic ? Math.log(value) : value));
    const [low, high] = [Math.min(...mapped), Math.max(...mapped)];
    return mapped.map((value) => 0.04 + (0.92 * (value - low)) / (high - low));
  }

  drawAxis(ctx, frame, width, height) {
    const { store, theme } = this;
    const [axis] = store.axes;
    const metrics = this.metrics();
    const positions = this.positions(axis);
    const [left, right, bottom, top] = [48, 10, 34, 20];
    const each = (height - bottom) / metrics.length;
    this.xOf = (i) => left + positions[i] * (width - left - right);
    ctx.font = `11px ${theme.font}`;
    const groups = store.groups.filter((group) => axis.name in group.values);
    const current = store.groupOf(store.view.member);
    metrics.forEach((metric, m) => {
      const [y0, y1] = [each * (m + 1) - 8, each * m + top];
      const stats = groups.map((group) => [...this.store.lastStats(frame, group, metric.index)]);
      const refs = metric.references && store.truthHoldsForAll ? [["best", store.hello.truth.optimal, [5, 4]], ["behaviour", store.hello.truth.behavior, [2, 3]]].filter(([, value]) => Number.isFinite(value)) : [];
      const all = [...stats.flat(), ...refs.map(([, value]) => value)].filter(Number.isFinite);
      if (metric.title.includes("sample")) all.push(0);
      let [low, high] = [Math.min(...all), Math.max(...all)];
      const pad = Math.max((high - low) * 0.1, 1e-9);
      [low, high] = [low - pad, high + pad];
      const yOf = (value) => y0 - ((value - low) / (high - low)) * (y0 - y1);
      ctx.textAlign = "left";
      ctx.textBaseline = "alphabetic";
      ctx.font = `600 11.5px ${theme.font}`;
      ctx.fillStyle = theme.text;
      ctx.fillText(metric.title, 4, y1 - 8);
      ctx.font = `11px ${theme.font}`;
      for (const tick of niceTicks(low, high, 3)) {
        ctx.fillStyle = theme.line;
        ctx.fillRect(left, yOf(tick), width - left - right, 1);
        ctx.fillStyle = theme.muted;
        ctx.textAlign = "right";
        ctx.textBaseline = "middle";
        ctx.fillText(number(Math.abs(tick) < (high - low) * 1e-9 ? 0 : tick, 2), left - 6, yOf(tick));
      }
      for (const [name, value, dash] of refs) {
        ctx.setLineDash(dash);
        ctx.strokeStyle = theme.text;
        ctx.beginPath();
        ctx.moveTo(left, yOf(value));
        ctx.lineTo(width - right, yOf(value));
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.fillStyle = theme.muted;
        ctx.textAlign = "right";
        ctx.textBaseline = "bottom";
        ctx.fillText(name, width - right, yOf(value) - 1);
      }
      ctx.strokeStyle = withAlpha(theme.text, 0.3);
      ctx.beginPath();
      groups.forEach((group, i) => { if (Number.isFinite(stats[i][0])) ctx.lineTo(this.xOf(axis.values.indexOf(group.values[axis.name])), yOf(stats[i][0])); });
      ctx.stroke();
      groups.forEach((group, i) => {
        const x = this.xOf(axis.values.indexOf(group.values[axis.name]));
        const [median, lower, upper] = stats[i];
        if (!Number.isFinite(median)) return;
        ctx.fillStyle = ctx.strokeStyle = groupColour(store, group, theme);
        if (Number.isFinite(lower)) {
          ctx.lineWidth = 2;
          ctx.beginPath();
          ctx.moveTo(x, yOf(lower));
          ctx.lineTo(x, yOf(upper));
          ctx.stroke();
          ctx.lineWidth = 1;
        }
        ctx.beginPath();
        ctx.arc(x, yOf(median), group === current ? 5.5 : 3.8, 0, 2 * Math.PI);
        ctx.fill();
        if (group === current) {
          ctx.strokeStyle = theme.text;
          ctx.lineWidth = 1.5;
          ctx.stroke();
          ctx.lineWidth = 1;
        }
      });
    });
    this.axisLabels(ctx, axis, (i) => this.xOf(i), height - bottom + 12, width);
    const seeds = groups[0]?.members.length ?? 1;
    setText(this.note, `${seeds === 1 ? "1 seed each" : `median and quartiles of ${seeds} seeds`} at step ${frame.step}; drag to look at another value`);
  }

  axisLabels(ctx, axis, xOf, y, width) {
    const { theme } = this;
    ctx.fillStyle = theme.muted;
    ctx.textAlign = "center";
    ctx.textBaseline = "alphabetic";
    let free = -Infinity;
    axis.values.forEach((value, i) => {
      const text = plain(value);
      const half = ctx.measureText(text).width / 2;
      if (xOf(i) - half < free) return;
      free = xOf(i) + half + 4;
      ctx.fillText(text, xOf(i), y);
    });
    ctx.fillStyle = theme.text;
    ctx.fillText(axis.symbol, width / 2, y + 16);
  }

  drawMap(ctx, frame, width, height) {
    const { store, theme } = this;
    const [across, up] = store.axes;
    const [metric] = this.metrics();
    if (!metric) return;
    const [left, bottom, top] = [56, 36, 20];
    const [w, hgt] = [(width - left - 8) / across.values.length, (height - bottom - top) / up.values.length];
    const values = store.groups.map((group) => this.store.lastStat(frame, group, metric.index));
    const { behavior, optimal } = store.hello.truth;
    const all = [...values, ...(store.truthHoldsForAll ? [behavior, optimal] : [])].filter(Number.isFinite);
    const scale = new Scale({ kind: "value", low: Math.min(...all), high: Math.max(...all) });
    this.cells = [];
    ctx.font = `600 11.5px ${theme.font}`;
    ctx.fillStyle = theme.text;
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "left";
    ctx.fillText(`true return (${number(scale.low)} dark to ${number(scale.high)} bright)`, 4, 12);
    ctx.font = `11px ${theme.font}`;
    const current = store.groupOf(store.view.member);
    store.groups.forEach((group, i) => {
      const x = left + across.values.indexOf(group.values[across.name]) * w;
      const y = top + (up.values.length - 1 - up.values.indexOf(group.values[up.name])) * hgt;
      this.cells.push({ group, x, y, w, h: hgt });
      if (!Number.isFinite(values[i])) return;
      ctx.fillStyle = scale.colour(values[i], theme.dark);
      ctx.fillRect(x, y, w - 1, hgt - 1);
      ctx.fillStyle = scale.at(values[i]) > 0.6 ? "#111" : "#fff";
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      if (w > 34 && hgt > 13) ctx.fillText(number(values[i], 2), x + w / 2, y + hgt / 2);
      if (group === current) {
        ctx.strokeStyle = theme.accent;
        ctx.lineWidth = 2.5;
        ctx.strokeRect(x + 1, y + 1, w - 3, hgt - 3);
      }
    });
    this.axisLabels(ctx, across, (i) => left + (i + 0.5) * w, height - bottom + 14, width);
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    ctx.fillStyle = theme.muted;
    up.values.forEach((value, i) => ctx.fillText(plain(value), left - 6, top + (up.values.length - 0.5 - i) * hgt));
    ctx.fillStyle = theme.text;
    ctx.textAlign = "left";
    ctx.fillText(up.symbol, 2, top + 8);
    setText(this.note, `at step ${frame.step}; click a cell to look at it`);
  }

  groupAt(event) {
    const { store } = this;
    const bounds = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    if (this.kind === "map") return this.cells?.find((cell) => x >= cell.x && x < cell.x + cell.w && y >= cell.y && y < cell.y + cell.h)?.group;
    if (!this.xOf) return null;
    const [axis] = store.axes;
    const nearest = axis.values.reduce((best, _, i) => (Math.abs(this.xOf(i) - x) < Math.abs(this.xOf(best) - x) ? i : best), 0);
    return store.groups.find((group) => group.values[axis.name] === axis.values[nearest]);
  }

  // Algorithms side by side: interquartile mean of the true return with its bootstrap interval.
  fill(frame) {
    const { store } = this;
    const [main, gap] = this.metrics();
    if (!main) return;
    const K = store.hello.metrics.length;
    const rows = store.groups.map((group) => {
      const values = [...group.members].map((member) => frame.metrics[member * K + main.index]).filter(Number.isFinite);
      const [low, high] = bootstrapInterval(values);
      const dot = h("i", { class: "swatch-dot" });
      dot.style.background = groupColour(store, group, this.theme);
      return h("tr", {}, h("th", { scope: "row" }, dot, group.label), h("td", {}, number(interquartileMean(values))),
        h("td", {}, values.length > 1 ? `${number(low)} to ${number(high)}` : "1 seed"),
        h("td", {}, gap ? number(this.store.lastStat(frame, group, gap.index)) : "–"), h("td", {}, String(group.members.length)));
    });
    this.table.replaceChildren(
      h("thead", {}, h("tr", {}, ...["", "true return (IQM)", "95 % interval", gap?.title ?? "", "seeds"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...rows));
    setText(this.note, `at step ${frame.step}; IQM: mean of the middle half of the seeds, interval by 2 000 bootstrap resamples`);
  }
}
