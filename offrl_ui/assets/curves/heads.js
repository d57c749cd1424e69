// Above each panel of curves: its title and units, what the lines are, and their numbers at the step that is looked at. A name
// is a button: it opens what the number is, its formula, and what a bad curve looks like.

import { h, setText, textWidth } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { typeset } from "../shared/math.js";
import { references } from "./panels.js";

export class Heads {
  constructor(host) {
    this.host = host;
    this.values = [];
    this.tags = [];
    this.about = h("div", { class: "plot-about", role: "dialog", "aria-label": "What this line is", hidden: true });
    host.closest(".stage")?.addEventListener("pointerdown", (event) => this.outside(event));
    host.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.about.hidden) return;
      event.stopPropagation();
      this.close();
    });
  }

  build(figure) {
    this.figure = figure;
    this.values = [];
    this.tags = [];
    this.lines = [];
    this.close();
    this.host.replaceChildren(
      ...figure.legends.map((legend, p) => this.head(legend, p)),
      ...figure.boxes.map((box) => this.axisName(box)),
      ...this.references(),
      this.about,
    );
    this.placeLines();
  }

  // What runs along the bottom, left of its first number.
  axisName(box) {
    return h(
      "span",
      { class: "plot-axis", style: `left:${box.left}px;top:${box.y1 + 3}px;width:${box.x0 - box.left - 8}px` },
      this.figure.steps.name,
    );
  }

  head({ title, units, keys }, p) {
    const box = this.figure.boxes[p];
    const tag = h("span", { class: "plot-tag" });
    this.tags.push(tag);
    return h(
      "div",
      { class: "plot-head", style: `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.head}px` },
      h(
        "p",
        { class: "plot-title" },
        h("strong", {}, title),
        tag,
        h("span", { class: "plot-units", title: units }, units),
      ),
      h("div", { class: "plot-keys", style: `--cells:${box.cells}` }, ...keys.map((key) => this.key(key, box))),
    );
  }

  key({ label, stroke, trace, valued, value, wide, plain }, box) {
    const shown =
      valued || value !== undefined
        ? h("span", { class: "plot-value" }, value === undefined ? "" : number(value))
        : null;
    if (valued) this.values.push({ value: shown, trace });
    const parts = [swatch(stroke), h("span", { class: "plot-label" }, label), shown];
    const place = { class: wide ? "plot-key wide" : "plot-key" };
    if (!trace || plain) return h("span", { ...place, title: label }, ...parts);
    return h(
      "button",
      {
        type: "button",
        ...place,
        title: `${trace.metric.title ?? label}: what it is`,
        "aria-expanded": "false",
        onclick: (event) => this.explain(event.currentTarget, trace, box),
      },
      ...parts,
    );
  }

  // Names of the lines that run across a panel, written at them.
  references() {
    const { store, theme, panels } = this.figure;
    panels.forEach((panel, p) =>
      references(store, panel.key, theme)
        .filter((line) => line.show)
        .forEach((line) => {
          this.lines.push({
            p,
            line,
            node: h(
              "span",
              { class: "plot-line", title: `${line.label} ${number(line.value)}` },
              `${line.label} ${number(line.value)}`,
            ),
          });
        }),
    );
    return this.lines.map(({ node }) => node);
  }

  // At the right end, above or below its line, else at the left end: wherever no other name stands.
  placeLines() {
    const { boxes, factor, theme } = this.figure;
    const [tall, taken] = [13 * factor, []];
    for (const { p, line, node } of this.lines) {
      const [box, at] = [boxes[p], this.figure.level(p, line.value)];
      node.hidden = at === null;
      if (at === null) continue;
      const wide = textWidth(node.textContent, `${10.5 * factor}px ${theme.font}`) + 4;
      const places = [box.x1 - wide, box.x0 + 2].flatMap((x) => [at - tall, at + 1].map((y) => ({ p, x, y, wide })));
      const free =
        places.find(
          (one) =>
            one.y >= box.y0 - 2 &&
            one.y + tall <= box.y1 + 2 &&
            !taken.some(
              (other) =>
                other.p === p &&
                Math.abs(other.x - one.x) < Math.max(wide, other.wide) &&
                Math.abs(other.y - one.y) < tall - 1,
            ),
        ) ?? places[0];
      taken.push(free);
      node.style.transform = `translate(${free.x.toFixed(1)}px, ${free.y.toFixed(1)}px)`;
      node.style.width = `${wide}px`;
      node.style.textAlign = free.x > box.x0 + 2 ? "right" : "left";
    }
  }

  update(frame) {
    const { store, axes } = this.figure;
    for (const { value, trace } of this.values)
      setText(value, number(store.lastStat(frame, trace.group, trace.metric.index)));
    axes.forEach(({ scale }, p) => setText(this.tags[p], { linear: "", log: "log", symlog: "symlog" }[scale.kind]));
  }

  // What a line is: its name and unit, the formula that this run computes, and how to read it.
  async explain(button, { metric, group }, box) {
    const again = this.open === button;
    this.close();
    if (again) return;
    this.open = button;
    button.setAttribute("aria-expanded", "true");
    const lane = this.figure.store.hello.lanes[group.lane];
    const formula = h("div", { class: "plot-formula" });
    this.about.replaceChildren(
      h("strong", {}, `${metric.title ?? metric.label}${metric.unit ? `, in ${metric.unit}` : ""}`),
      formula,
      ...[metric.help, metric.bad && `A bad curve: ${metric.bad}`].filter(Boolean).map((text) => h("p", {}, text)),
    );
    const { width } = this.figure;
    Object.assign(this.about.style, {
      left: `${Math.min(box.left, Math.max(width - 300, 0))}px`,
      top: `${box.y0 + 2}px`,
      maxWidth: `${Math.min(width, 300)}px`,
    });
    this.about.hidden = false;
    const latex = lane?.formulas?.[metric.name] ?? metric.formula;
    if (latex) formula.innerHTML = (await typeset([latex])).get(latex) ?? "";
  }

  outside(event) {
    if (!this.about.hidden && !event.composedPath().some((node) => node === this.about || node === this.open))
      this.close();
  }

  close() {
    this.open?.setAttribute("aria-expanded", "false");
    this.open = null;
    this.about.hidden = true;
  }

  // Point at a panel.
  flash(key) {
    const head = this.host.children[this.figure?.panels.findIndex((panel) => panel.key === key)];
    head?.classList.remove("flash");
    requestAnimationFrame(() => head?.classList.add("flash"));
  }
}

// A piece of the line, the band, or the colours of an axis with its two ends.
function swatch({ colour, dash, faint, band, ramp, ends }) {
  if (ramp) {
    const bar = h("i", { class: "swatch-ramp" });
    bar.style.background = `linear-gradient(90deg, ${ramp.join(",")})`;
    return h("span", { class: "swatch-ends" }, ends[0], bar, ends[1]);
  }
  if (band) {
    const box = h("i", { class: "swatch-band" });
    box.style.background = colour;
    return box;
  }
  const line = h("i", { class: faint ? "swatch faint" : "swatch" });
  const style = dash === "solid" ? "solid" : dash === "dot" || dash === "dashdot" ? "dotted" : "dashed";
  line.style.borderTop = `2px ${style} ${colour}`;
  return line;
}
