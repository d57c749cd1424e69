// Which row of the data is looked at: its number to type, its neighbours in the data, episode after episode, and among
// the rows of the same pair, and what was recorded in it.

/** @import { Explanation } from "../run/protocol.d.ts" */
/**
 * How a state, an action or a vector is called; the shape of an observation that is an image.
 *
 * @typedef {{ state: (state: number) => string, action: (action: number) => string, vector: (x: number[]) => string,
 *   image: readonly [rows: number, cols: number] | null }} Names
 */

import { h, setText } from "../shared/dom.js";
import { integer, number } from "../shared/format.js";

export class RowPicker {
  /** @param {(row: number) => void} onRow another row is asked for */
  constructor(onRow) {
    this.onRow = onRow;
    this.rows = 0;
    this.shown = "";
    this.field = h("input", {
      type: "text",
      inputmode: "numeric",
      class: "row-number",
      autocomplete: "off",
      "aria-label": "Row number",
      onchange: () => this.typed(),
      onkeydown: (event) => {
        if (event.key === "Escape") this.field.value = this.shown;
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
    if (/^\d{1,9}$/.test(text)) {
      this.onRow(Number(text));
      return;
    }
    const end = this.rows ? ` to ${integer(this.rows - 1)}` : "";
    const what = text === "" ? "An empty field" : text;
    this.refuse(`${what} is not allowed: a row is a whole number from 0${end}.`);
  }

  /** @param {string} sentence */
  refuse(sentence) {
    setText(this.message, sentence);
    this.message.hidden = !sentence;
    this.field.toggleAttribute("aria-invalid", Boolean(sentence));
  }

  /** @param {Explanation} data @param {Names} names */
  show(data, names) {
    const { row, episode, pair } = data;
    this.rows = data.rows;
    this.shown = row === null ? "" : String(row);
    const root = this.field.getRootNode();
    const active = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
    if (active !== this.field) this.field.value = this.shown;
    this.refuse("");
    setText(this.of, `of 0 to ${integer(data.rows - 1)}`);
    this.pair.node.hidden = Boolean(data.observation);
    const place = pair ? `${integer(pair.at + 1)} of ${integer(pair.of)} with this s and a` : "no row has this s and a";
    this.pair.show(place, [pair?.previous ?? null, pair?.following ?? null]);
    const step = episode && `episode ${integer(episode.number)}, step ${episode.step + 1} of ${episode.length}`;
    const beside = [-1, 1].map((by) => (row === null ? -1 : row + by));
    this.episode.show(
      step ?? "",
      beside.map((other) => (other >= 0 && other < data.rows ? other : null)),
    );
    this.episode.node.hidden = !episode;
    const { observation, next_observation: following } = data;
    this.image.hidden = !(names.image && observation && following);
    if (names.image && observation && following) drawPair(this.image, names.image, [observation, following]);
    setText(this.facts, row === null ? "" : facts(data, names));
  }
}

/** ‹ text › */
class Neighbours {
  /** @param {string} name @param {string} what @param {(row: number) => void} onRow */
  constructor(name, what, onRow) {
    /** @type {(number | null)[]} */
    this.rows = [null, null];
    const button = (/** @type {string} */ sign, /** @type {string} */ word, /** @type {number} */ i) => {
      const label = `${word} ${what}`;
      const onclick = () => {
        const row = this.rows[i];
        if (row !== null) onRow(row);
      };
      const props = { "data-go": `${name}${i}`, "aria-label": label, title: label, onclick };
      return h("button", { type: "button", ...props }, sign);
    };
    this.buttons = [button("‹", "Previous", 0), button("›", "Next", 1)];
    this.text = h("span", { class: "row-text" });
    this.node = h("span", { class: "row-neighbours" }, this.buttons[0], this.text, this.buttons[1]);
  }

  /** @param {string} text @param {(number | null)[]} rows the one before and the one after */
  show(text, rows) {
    this.rows = rows;
    setText(this.text, text);
    this.buttons.forEach((button, i) => {
      button.disabled = rows[i] === null;
    });
  }
}

/**
 * The transition as it was recorded: s, a, r, s′, and how it went on.
 * @param {Explanation} data
 * @param {Names} names
 */
function facts(data, { state, action, vector, image }) {
  const { observation, next_observation: following } = data;
  const named = (/** @type {string} */ sign, /** @type {number[] | null} */ x, /** @type {number} */ s) =>
    `${sign} = ${x ? `(${vector(x)})` : state(s)}`;
  const here = observation && image ? "s, left" : named("s", observation, data.state);
  const known = data.next_known !== false;
  const seen = following && image ? "s′, right" : named("s′", following, data.next_state);
  const there = known ? seen : "s′ was not recorded";
  const counts = known ? "the value of s′ counts" : "no value is learned from this row";
  const truncated = data.truncated ? `truncated: the recording stops, ${counts}` : "";
  const ends = data.terminated ? "terminated: nothing is bootstrapped" : truncated;
  const next = data.next_action === null ? "" : `a′ = ${action(data.next_action)}`;
  const cut = data.episode?.cut ? "its return stops where the recording stops" : "";
  const all = [here, `a = ${action(data.action)}`, `r = ${number(data.reward)}`, there, next, ends, cut];
  return all.filter(Boolean).join(" · ");
}

/**
 * Two observations that are images, beside each other.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {readonly [rows: number, cols: number]} shape
 * @param {number[][]} images
 */
function drawPair(canvas, [rows, cols], images) {
  const size = 8;
  Object.assign(canvas, { width: (2 * cols + 2) * size, height: rows * size });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = getComputedStyle(canvas).color;
  images.forEach((pixels, k) => {
    const most = Math.max(...pixels) || 1;
    pixels.forEach((pixel, i) => {
      pen.globalAlpha = Math.max(pixel / most, 0);
      pen.fillRect((k * (cols + 2) + (i % cols)) * size, Math.floor(i / cols) * size, size, size);
    });
  });
}
