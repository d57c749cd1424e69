// Which row of the data is looked at: its number to type, its neighbours in the data, episode after episode, and among the rows of
// the same pair, and what was recorded in it.

import { h, setText } from "../shared/dom.js";
import { integer, number } from "../shared/format.js";

export class RowPicker {
  // onRow(row): another row is asked for.
  constructor({ onRow }) {
    this.onRow = onRow;
    this.field = h("input", {
      type: "text",
      inputmode: "numeric",
      class: "row-number",
      autocomplete: "off",
      "aria-label": "Row number",
      onchange: () => this.typed(),
      onkeydown: (event) => {
        if (event.key === "Escape") this.field.value = this.shown ?? "";
        event.stopPropagation();
      },
    });
    this.of = h("span");
    this.pair = new Neighbours("pair", "row with the same state and action", onRow);
    this.episode = new Neighbours("episode", "row of the data", onRow);
    this.message = h("p", { class: "row-refused", role: "alert", hidden: true });
    this.image = h("canvas", {
      class: "row-image",
      hidden: true,
      role: "img",
      "aria-label": "The observation s of this row, and s′ that followed",
    });
    this.facts = h("p", { class: "row-facts", "aria-live": "polite" });
    this.node = h(
      "div",
      { class: "row-picker" },
      h("div", { class: "row-line" }, h("label", {}, "row ", this.field), this.of, this.pair.node, this.episode.node),
      this.message,
      this.image,
      this.facts,
    );
  }

  typed() {
    const text = this.field.value.trim();
    if (/^\d{1,9}$/.test(text)) return this.onRow(Number(text));
    return this.refuse(
      `${text === "" ? "An empty field" : text} is not allowed: a row is a whole number from 0${this.rows ? ` to ${integer(this.rows - 1)}` : ""}.`,
    );
  }

  refuse(sentence) {
    setText(this.message, sentence);
    this.message.hidden = !sentence;
    this.field.toggleAttribute("aria-invalid", Boolean(sentence));
  }

  // data: an answer to `explain`; say: how a state, an action or a vector is called.
  show(data, say) {
    const { row, episode, pair } = data;
    this.rows = data.rows;
    this.shown = row === null ? "" : String(row);
    if (this.field.getRootNode().activeElement !== this.field) this.field.value = this.shown;
    this.refuse("");
    setText(this.of, `of 0 to ${integer(data.rows - 1)}`);
    this.pair.node.hidden = Boolean(data.observation);
    this.pair.show(
      pair ? `${integer(pair.at + 1)} of ${integer(pair.of)} with this s and a` : "no row has this s and a",
      pair?.previous,
      pair?.following,
    );
    const inside = (other) => (other >= 0 && other < data.rows ? other : null);
    this.episode.show(
      episode ? `episode ${integer(episode.number)}, step ${episode.step + 1} of ${episode.length}` : "",
      inside(row - 1),
      inside(row + 1),
    );
    this.episode.node.hidden = !episode;
    this.image.hidden = !(say.image && data.observation);
    if (!this.image.hidden) drawPair(this.image, say.image, data);
    setText(this.facts, row === null ? "" : facts(data, say));
  }
}

// ‹ text ›
class Neighbours {
  constructor(name, what, onRow) {
    this.buttons = [
      ["‹", "Previous"],
      ["›", "Next"],
    ].map(([sign, word], i) =>
      h(
        "button",
        {
          type: "button",
          class: "plain",
          "data-go": `${name}${i}`,
          "aria-label": `${word} ${what}`,
          title: `${word} ${what}`,
          onclick: () => onRow(this.rows[i]),
        },
        sign,
      ),
    );
    this.text = h("span", { class: "row-text" });
    this.node = h("span", { class: "row-neighbours" }, this.buttons[0], this.text, this.buttons[1]);
  }

  show(text, ...rows) {
    this.rows = rows;
    setText(this.text, text);
    this.buttons.forEach((button, i) => {
      button.disabled = rows[i] === null || rows[i] === undefined;
    });
  }
}

// The transition as it was recorded: s, a, r, s′, and how it went on.
function facts(data, { state, action, vector, image }) {
  const here = data.observation
    ? image
      ? "s, left"
      : `s = (${vector(data.observation)})`
    : `s = ${state(data.state)}`;
  const there = data.next_observation
    ? image
      ? "s′, right"
      : `s′ = (${vector(data.next_observation)})`
    : `s′ = ${state(data.next_state)}`;
  const ends = data.terminated
    ? "terminated: nothing is bootstrapped"
    : data.truncated
      ? "truncated: the recording stops, the value of s′ counts"
      : "";
  const next = data.next_action === null ? "" : `a′ = ${action(data.next_action)}`;
  return [here, `a = ${action(data.action)}`, `r = ${number(data.reward)}`, there, next, ends]
    .filter(Boolean)
    .join(" · ");
}

// Two observations that are images, beside each other.
function drawPair(canvas, [rows, cols], { observation, next_observation: following }) {
  const size = 8;
  Object.assign(canvas, { width: (2 * cols + 2) * size, height: rows * size });
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = getComputedStyle(canvas).color;
  [observation, following].forEach((pixels, k) => {
    const most = Math.max(...pixels) || 1;
    pixels.forEach((pixel, i) => {
      ctx.globalAlpha = Math.max(pixel / most, 0);
      ctx.fillRect((k * (cols + 2) + (i % cols)) * size, Math.floor(i / cols) * size, size, size);
    });
  });
}
