// The words inside a drawing. Every word has places it may stand in, the best first, and takes the one that covers the
// fewest other words, points and curves; what was placed first stays.

/** @import { Context, Corner, WordPlace } from "./drawing.d.ts" */
/** @import { Label } from "./protocol.d.ts" */
/** @import { Child, Properties } from "../shared/element.d.ts" */

import { textWidth } from "../shared/dom.js";
import { v } from "../shared/patch.js";

// Height of a word above and below its baseline, in ems of its own size.
const [ABOVE, BELOW] = [0.76, 0.24];
const SMALL = 0.72;

/** @type {Map<string, number>} */
const widths = new Map();
let fonts = 0;

/** Changes whenever words have to be measured again. */
export const measures = () => fonts;

/** A word that was measured before the page's own font came is measured again. */
export function fontsCame() {
  fonts += 1;
  widths.clear();
}

/**
 * How wide a label is, in ems of its own size.
 *
 * @param {Label} content
 * @returns {number}
 */
export function labelWidth(content, font = "sans-serif", weight = 400) {
  if (typeof content !== "string") {
    const parts = content.map(([text, kind]) => labelWidth(text, font, weight) * (isSmall(kind) ? SMALL : 1));
    return parts.reduce((sum, part) => sum + part, 0);
  }
  const face = `${weight} 100px ${font}`;
  const key = `${face}|${content}`;
  const known = widths.get(key) ?? textWidth(content, face) / 100;
  widths.set(key, known);
  return known;
}

/** @param {string} kind */
const isSmall = (kind) => kind === "sub" || kind === "sup";

/** @param {Label} content */
export const labelText = (content) => (typeof content === "string" ? content : content.map(([text]) => text).join(""));

/**
 * A label as SVG: text, or pieces of it with subscripts and superscripts.
 *
 * @param {Label} content
 * @param {Properties<SVGTextElement> & { fill?: string | null }} props
 */
export function label(content, { fill, ...props }) {
  // As a style: the sheet's own colour of text would win over an attribute.
  const own = fill ? { ...props, style: `fill:${fill}` } : props;
  if (typeof content === "string") return v("text", own, content);
  let shift = 0;
  const pieces = content.map(([text, kind]) => {
    const wanted = kind === "sub" ? 0.28 : kind === "sup" ? -0.42 : 0;
    const dy = wanted - shift;
    shift = wanted;
    return v("tspan", { dy: `${dy}em`, class: isSmall(kind) ? "small" : kind === "i" ? "math" : null }, text);
  });
  return v("text", own, pieces);
}

/** @typedef {keyof typeof KINDS} Kind */
/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box */
/** @typedef {{ content: Label, kind: Kind, places: WordPlace[], fill: string | null, optional: boolean }} Word */

// The kinds of words: their size in ems of the drawing, and their weight; `pictures.css` sets the same.
const KINDS = {
  tick: [0.9, 400],
  category: [1, 400],
  "mark-label": [0.88, 400],
  "zone-label": [0.88, 400],
  value: [0.95, 600],
  "end-label": [0.95, 600],
  "point-label": [0.95, 600],
  "contour-label": [0.9, 600],
};

/** @param {Box} a @param {Box} b */
const overlap = (a, b) =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

/** The words of one drawing, which none of them should leave. */
export class Labels {
  /** @param {Pick<Context, "em" | "theme" | "width" | "height" | "memory">} ctx */
  constructor(ctx) {
    this.ctx = ctx;
    /** @type {Box[]} */
    this.taken = [];
    /** @type {Corner[]} */
    this.points = [];
    /** @type {Word[]} */
    this.wanted = [];
  }

  /** Pixels that a word takes. @param {Label} content @param {Kind} kind */
  width(content, kind) {
    const [size, weight] = KINDS[kind];
    return labelWidth(content, this.ctx.theme.font, weight) * size * this.ctx.em;
  }

  /**
   * A rectangle that words keep clear of: a point, a bar, a word with its place.
   *
   * @param {number} left
   * @param {number} top
   * @param {number} right
   * @param {number} bottom
   */
  block(left, top, right, bottom) {
    this.taken.push({ left, top, right, bottom });
  }

  /** A curve that words keep clear of; a break is a corner that is not finite. @param {readonly Corner[]} corners */
  curve(corners) {
    const step = 4;
    corners.forEach(([x, y], i) => {
      if (!Number.isFinite(y)) return;
      this.points.push([x, y]);
      const [x0, y0] = corners[i - 1] ?? [NaN, NaN];
      const pieces = Math.min(Math.floor(Math.hypot(x - x0, y - y0) / step), 400);
      for (let k = 1; k < pieces; k++) this.points.push([x0 + ((x - x0) * k) / pieces, y0 + ((y - y0) * k) / pieces]);
    });
  }

  /**
   * A word with the places it may stand in; an `optional` one is left out where there is no room.
   *
   * @param {Label} content
   * @param {Kind} kind
   * @param {WordPlace[]} places
   * @param {{ fill?: string | null, optional?: boolean }} [look]
   */
  put(content, kind, places, { fill = null, optional = false } = {}) {
    if (labelText(content)) this.wanted.push({ content, kind, places, fill, optional });
  }

  /** @param {Word} word @param {WordPlace} place @returns {Box} */
  box({ content, kind }, [x, y, anchor]) {
    const size = KINDS[kind][0] * this.ctx.em;
    const wide = this.width(content, kind);
    const left = x - (anchor === "end" ? wide : anchor === "middle" ? wide / 2 : 0);
    return { left, right: left + wide, top: y - ABOVE * size, bottom: y + BELOW * size };
  }

  /** @param {Box} box */
  cost(box) {
    const { width, height } = this.ctx;
    const area = (box.right - box.left) * (box.bottom - box.top);
    const beyond = [-box.left, box.right - width, -box.top, box.bottom - height];
    const outside = beyond.reduce((sum, by) => sum + Math.max(0, by), 0);
    const words = this.taken.reduce((sum, other) => sum + overlap(box, other), 0) / area;
    let crossed = 0;
    for (const [x, y] of this.points)
      if (x > box.left - 2 && x < box.right + 2 && y > box.top - 1 && y < box.bottom + 1) crossed += 1;
    return 10 * outside + 60 * words + (16 * 4 * crossed) / (box.right - box.left + 12);
  }

  /** All words that were put, each in its place. @returns {Child[]} */
  nodes() {
    /** @type {Map<Kind, number>} */
    const count = new Map();
    return this.wanted.map((word) => {
      const { kind } = word;
      count.set(kind, (count.get(kind) ?? 0) + 1);
      const key = `${kind} ${count.get(kind)}`;
      // A word that has a place keeps it while that is about as good: nothing jumps while a slider moves.
      const kept = this.ctx.memory.get(key);
      const choices = word.places.map((place, i) => {
        const box = this.box(word, place);
        return { place, box, i, cost: this.cost(box) + i * 0.5 - (i === kept ? 3 : 0) };
      });
      const best = choices.reduce((a, b) => (b.cost < a.cost ? b : a));
      this.ctx.memory.set(key, best.i);
      if (word.optional && best.cost > 9) return null;
      // Words side by side keep a space between them.
      const space = kind === "value" ? 0 : 0.4 * this.ctx.em;
      this.block(best.box.left - space, best.box.top, best.box.right + space, best.box.bottom);
      const [x, y, anchor] = best.place;
      const name = kind === "category" ? "tick category" : kind;
      return label(word.content, { x, y, class: name, "text-anchor": anchor, fill: word.fill });
    });
  }
}

/**
 * Around a point of radius `r`: the places its name may stand in.
 *
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {number} em
 * @returns {WordPlace[]}
 */
export function around(x, y, r, em) {
  const [near, up, down] = [r + 0.35 * em, r * 0.75, r * 0.75 + 0.6 * em];
  return [
    [x + near, y - up, "start"],
    [x - near, y - up, "end"],
    [x + near, y + down, "start"],
    [x - near, y + down, "end"],
    [x, y - r - 0.4 * em, "middle"],
    [x, y + r + 1.05 * em, "middle"],
    [x + near, y + 0.3 * em, "start"],
    [x - near, y + 0.3 * em, "end"],
  ];
}
