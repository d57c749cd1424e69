// Above each panel of curves: its title and units, what the lines are, and their numbers at the step that is looked at.
// A name is a button: it opens what the number is, its formula, and what a bad curve looks like.

import { h, setText, textWidth } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { withTerms } from "../shared/glossary.js";
import { typeset } from "../shared/math.js";
import { references } from "./panels.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Figure, PanelBox } from "./figure.js"
 * @import { Key, PanelLegend, Swatch } from "./panel_legend.js"
 * @import { Reference, Trace } from "./panels.js"
 */

export class PanelHeaders {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
    /** @type {Figure | null} */
    this.figure = null;
    /** Elements that hold the number of a trace. @type {{ value: HTMLElement, trace: Trace }[]} */
    this.values = [];
    /** The kind of each panel's axis, in words. @type {HTMLElement[]} */
    this.tags = [];
    /** Names of the lines that run across a panel. @type {{ p: number, line: Reference, node: HTMLElement }[]} */
    this.lines = [];
    /** The name whose explanation is open. @type {HTMLElement | null} */
    this.open = null;
    this.about = h("div", { class: "plot-about", role: "dialog", "aria-label": "What this line is", hidden: true });
    const stage = /** @type {HTMLElement | null} */ (host.closest(".stage"));
    stage?.addEventListener("pointerdown", (event) => this.outside(event));
    host.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.about.hidden) return;
      event.stopPropagation();
      this.close();
    });
  }

  /** @param {Figure} figure */
  build(figure) {
    Object.assign(this, { figure, values: [], tags: [], lines: [] });
    this.close();
    this.host.replaceChildren(
      ...figure.legends.map((legend, p) => this.header(legend, figure.boxes[p])),
      ...figure.boxes.map((box) => axisName(box, figure.steps.name)),
      ...this.names(figure),
      this.about,
    );
    this.placeLines();
  }

  /** @param {PanelLegend} legend @param {PanelBox} box */
  header({ title, units, keys }, box) {
    const tag = h("span", { class: "plot-tag" });
    this.tags.push(tag);
    const place = `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.head}px`;
    const named = h("span", { class: "plot-units", title: units }, units);
    const names = keys.map((key) => this.key(key, box));
    return h(
      "div",
      { class: "plot-head", style: place },
      h("p", { class: "plot-title" }, h("strong", {}, title), tag, named),
      h("div", { class: "plot-keys", style: `--cells:${box.cells};--key-line:${box.line}px` }, ...names),
    );
  }

  /** @param {Key} key @param {PanelBox} box */
  key({ label, stroke, trace, valued, value, wide, plain }, box) {
    const text = value === undefined ? "" : number(value);
    const shown = valued || value !== undefined ? h("span", { class: "plot-value" }, text) : null;
    if (valued && trace && shown) this.values.push({ value: shown, trace });
    const parts = [swatch(stroke), h("span", { class: "plot-label" }, label), shown];
    const name = { class: wide ? "plot-key wide" : "plot-key" };
    if (!trace || plain) return h("span", { ...name, title: label }, ...parts);
    const button = h("button", { type: "button", ...name, "aria-expanded": "false" }, ...parts);
    button.title = `${trace.metric.title ?? label}: what it is`;
    button.addEventListener("click", () => this.explain(button, trace, box));
    return button;
  }

  /** Names of the lines that run across a panel, written at them. @param {Figure} figure */
  names({ store, theme, panels }) {
    panels.forEach((panel, p) => {
      for (const line of references(store, panel.key, theme)) {
        const text = `${line.label} ${number(line.value)}`;
        if (line.show) this.lines.push({ p, line, node: h("span", { class: "plot-line", title: text }, text) });
      }
    });
    return this.lines.map(({ node }) => node);
  }

  /** At the right end, above or below its line, else at the left end: wherever no other name stands. */
  placeLines() {
    if (!this.figure) return;
    const { boxes, factor, theme } = this.figure;
    const tall = 13 * factor;
    /** @type {{ p: number, x: number, y: number, wide: number }[]} */
    const taken = [];
    for (const { p, line, node } of this.lines) {
      const [box, at] = [boxes[p], this.figure.level(p, line.value)];
      node.hidden = at === null;
      if (at === null) continue;
      const wide = textWidth(node.textContent ?? "", `${10.5 * factor}px ${theme.font}`) + 4;
      const places = [box.x1 - wide, box.x0 + 2].flatMap((x) => [at - tall, at + 1].map((y) => ({ p, x, y, wide })));
      /** @param {{ x: number, y: number }} one */
      const isFree = (one) =>
        !taken.some((other) => {
          const beside = Math.abs(other.x - one.x) >= Math.max(wide, other.wide);
          return other.p === p && !beside && Math.abs(other.y - one.y) < tall - 1;
        });
      const within = places.filter((one) => one.y >= box.y0 - 2 && one.y + tall <= box.y1 + 2);
      const free = within.find(isFree) ?? places[0];
      taken.push(free);
      node.style.transform = `translate(${free.x.toFixed(1)}px, ${free.y.toFixed(1)}px)`;
      node.style.width = `${wide}px`;
      node.style.textAlign = free.x > box.x0 + 2 ? "right" : "left";
    }
  }

  /** @param {Frame} frame */
  update(frame) {
    if (!this.figure) return;
    const { store, axes } = this.figure;
    for (const { value, trace } of this.values)
      setText(value, number(store.lastStat(frame, trace.group, trace.metric.index)));
    axes.forEach(({ scale }, p) => {
      setText(this.tags[p], scale.kind === "linear" ? "" : scale.kind);
      this.tags[p].title = scale.words;
    });
  }

  /**
   * What a line is: its name and unit, the formula that this run computes, and how to read it.
   * @param {HTMLElement} button
   * @param {Trace} trace
   * @param {PanelBox} box
   */
  async explain(button, { metric, group }, box) {
    const again = this.open === button;
    this.close();
    if (again || !this.figure) return;
    this.open = button;
    button.setAttribute("aria-expanded", "true");
    const { width, store } = this.figure;
    const formula = h("div", { class: "plot-formula", tabindex: "0" });
    const texts = [metric.help ?? "", metric.bad ? `A bad curve: ${metric.bad}` : ""].filter(Boolean);
    this.about.replaceChildren(
      h("strong", {}, `${metric.title ?? metric.label}${metric.unit ? `, in ${metric.unit}` : ""}`),
      formula,
      ...texts.map((text) => h("p", {}, ...withTerms(text))),
    );
    const left = Math.min(box.left, Math.max(width - 300, 0));
    const place = { left: `${left}px`, top: `${box.y0 + 2}px`, maxWidth: `${Math.min(width, 300)}px` };
    Object.assign(this.about.style, place);
    this.about.hidden = false;
    const latex = store.run.lanes[group.lane]?.formulas?.[metric.name] ?? metric.formula;
    if (latex) formula.innerHTML = (await typeset([latex])).get(latex) ?? "";
  }

  /** @param {Event} event */
  outside(event) {
    const within = event.composedPath().some((node) => node === this.about || node === this.open);
    if (!this.about.hidden && !within) this.close();
  }

  close() {
    this.open?.setAttribute("aria-expanded", "false");
    this.open = null;
    this.about.hidden = true;
  }

  /** Point at a panel. @param {string} key */
  flash(key) {
    const place = this.figure?.panels.findIndex((panel) => panel.key === key) ?? -1;
    const header = this.host.children[place];
    header?.classList.remove("flash");
    requestAnimationFrame(() => header?.classList.add("flash"));
  }
}

/** What runs along the bottom, left of its first number. @param {PanelBox} box @param {string} name */
const axisName = ({ left, y1, x0 }, name) =>
  h("span", { class: "plot-axis", style: `left:${left}px;top:${y1 + 3}px;width:${x0 - left - 8}px` }, name);

/** @param {Swatch} stroke */
function swatch({ colour = "", dash, faint, band, ramp, ends = ["", ""] }) {
  if (ramp) {
    const bar = h("i", { class: "swatch-ramp" });
    bar.style.background = `linear-gradient(90deg, ${ramp.join(",")})`;
    return h("span", { class: "swatch-ends" }, ends[0], bar, ends[1]);
  }
  const sample = h("i", { class: band ? "swatch-band" : faint ? "swatch faint" : "swatch" });
  const style = dash === "solid" ? "solid" : dash === "dot" || dash === "dashdot" ? "dotted" : "dashed";
  if (band) sample.style.background = colour;
  else sample.style.borderTop = `2px ${style} ${colour}`;
  return sample;
}
