// An axis of values by its ends, how many, and how they lie between them: another way to write the list above it.

/** @import { Item } from "./declared.d.ts" */

import { h } from "../shared/dom.js";
import { spread, written } from "../shared/slider.js";
import { numberOf } from "./typed.js";

export class AxisFields {
  /** @param {Item} item @param {(values: number[]) => void} take @param {(why: string) => void} say */
  constructor(item, take, say) {
    this.item = item;
    this.take = take;
    this.say = say;
    /** @param {string} name @param {string} inputmode */
    const field = (name, inputmode) =>
      h("input", {
        type: "text",
        inputmode,
        autocomplete: "off",
        "aria-label": `${item.label}: ${name}`,
        onchange: () => this.apply(),
      });
    this.from = field("from", "decimal");
    this.to = field("to", "decimal");
    this.count = field("count", "numeric");
    this.scale = h(
      "select",
      { "aria-label": `${item.label}: scale`, onchange: () => this.apply() },
      h("option", { value: "linear" }, "linear"),
      h("option", { value: "log" }, "log"),
    );
    this.scale.value = item.scale;
    /** @param {string} word @param {HTMLElement} control */
    const labelled = (word, control) => h("label", {}, h("span", {}, word), control);
    this.node = h(
      "div",
      { class: "axis-fields", hidden: true },
      labelled("from", this.from),
      labelled("to", this.to),
      labelled("count", this.count),
      labelled("scale", this.scale),
    );
  }

  /** Say the ends of the list that stands above. @param {readonly number[] | null} values - null where there is none */
  show(values) {
    this.node.hidden = !values;
    if (!values) return;
    this.from.value = written(Math.min(...values), this.item);
    this.to.value = written(Math.max(...values), this.item);
    this.count.value = String(values.length);
  }

  apply() {
    const { from, to, count, scale, item } = this;
    /** @param {HTMLInputElement} field */
    const read = ({ value }) => numberOf(value.trim().replace(",", "."));
    const found = spread(read(from), read(to), read(count), scale.value === "log" ? "log" : "linear", item);
    if ("why" in found) this.say(found.why);
    else this.take(found.values);
  }
}
