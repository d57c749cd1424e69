// The words inside a drawing. Every word has places it may stand in, the best first, and takes the one that covers the
// fewest other words, points and curves; what was placed first stays.

import { v } from "../shared/patch.js";

// Height of a word above and below its baseline, in ems of its own size.
const [ABOVE, BELOW] = [0.76, 0.24];
const SMALL = 0.72;

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();
// A word that was measured before the page's own font came is measured again; `measures()` tells that it has to be.
let fonts = 0;
export const measures = () => fonts;
document.fonts.addEventListener("loadingdone", () => {
  fonts += 1;
  widths.clear();
});

// How wide a label is, in ems of its own size: its text, or its pieces `[text, "" | "i" | "sub" | "sup"]`.
export function labelWidth(content, font = "sans-serif", weight = 400) {
  if (typeof content !== "string")
    return content.reduce(
      (sum, [text, kind]) => sum + labelWidth(text, font, weight) * (kind === "sub" || kind === "sup" ? SMALL : 1),
      0,
    );
  const key = `${weight} 100px ${font}|${content}`;
  if (!widths.has(key)) {
    pen.font = `${weight} 100px ${font}`;
    widths.set(key, pen.measureText(content).width / 100);
  }
  return widths.get(key);
}

export const labelText = (content) => (typeof content === "string" ? content : content.map(([text]) => text).join(""));

// A label as SVG: text, or pieces of it with subscripts and superscripts.
export function label(content, { fill, ...props } = {}) {
  // As a style: the sheet's own colour of text would win over an attribute.
  if (fill) props.style = `fill:${fill}`;
  if (typeof content === "string") return v("text", props, content);
  let shift = 0;
  const pieces = content.map(([text, kind]) => {
    const wanted = kind === "sub" ? 0.28 : kind === "sup" ? -0.42 : 0;
    const dy = wanted - shift;
    shift = wanted;
    const small = kind === "sub" || kind === "sup";
    return v("tspan", { dy: `${dy}em`, class: small ? "small" : kind === "i" ? "math" : null }, text);
  });
  return v("text", props, pieces);
}

// The kinds of words: their size in ems of the drawing, and their weight; `scene.css` sets the same.
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

const overlap = (a, b) =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

export class Labels {
  // `ctx`: em, theme, width and height of the drawing, which no word should leave; `memory`: the places chosen before.
  constructor(ctx) {
    Object.assign(this, { ctx, taken: [], points: [], wanted: [] });
  }

  width(content, kind) {
    const [size, weight] = KINDS[kind];
    return labelWidth(content, this.ctx.theme.font, weight) * size * this.ctx.em;
  }

  // A rectangle that words keep clear of: a point, a bar, a word with its place.
  block(left, top, right, bottom) {
    this.taken.push({ left, top, right, bottom });
  }

  // A curve that words keep clear of, as corners `[x, y]` in pixels; a break is a corner that is not finite.
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

  // Words with their places `[x, y of the baseline, text-anchor]`; `optional` ones are left out where there is no room.
  put(content, kind, places, { fill = null, optional = false } = {}) {
    if (labelText(content)) this.wanted.push({ content, kind, places, fill, optional });
  }

  box({ content, kind }, [x, y, anchor]) {
    const size = KINDS[kind][0] * this.ctx.em;
    const wide = this.width(content, kind);
    const left = x - (anchor === "end" ? wide : anchor === "middle" ? wide / 2 : 0);
    return { left, right: left + wide, top: y - ABOVE * size, bottom: y + BELOW * size };
  }

  cost(box) {
    const { width, height } = this.ctx;
    const area = (box.right - box.left) * (box.bottom - box.top);
    const outside =
      Math.max(0, -box.left) +
      Math.max(0, box.right - width) +
      Math.max(0, -box.top) +
      Math.max(0, box.bottom - height);
    const words = this.taken.reduce((sum, other) => sum + overlap(box, other), 0) / area;
    const crossed = this.points.reduce(
      (sum, [x, y]) => sum + (x > box.left - 2 && x < box.right + 2 && y > box.top - 1 && y < box.bottom + 1),
      0,
    );
    return 10 * outside + 60 * words + (16 * 4 * crossed) / (box.right - box.left + 12);
  }

  // All words that were put, each in its place.
  nodes() {
    const count = {};
    return this.wanted.map((word) => {
      // A word that has a place keeps it while that is about as good: nothing jumps while a slider moves.
      const key = `${word.kind} ${(count[word.kind] = (count[word.kind] ?? 0) + 1)}`;
      const kept = this.ctx.memory.get(key);
      let best = null;
      word.places.forEach((place, i) => {
        const box = this.box(word, place);
        const cost = this.cost(box) + i * 0.5 - (i === kept ? 3 : 0);
        if (best === null || cost < best.cost) best = { cost, place, box, i };
      });
      this.ctx.memory.set(key, best.i);
      if (word.optional && best.cost > 9) return null;
      // Words side by side keep a space between them.
      const space = word.kind === "value" ? 0 : 0.4 * this.ctx.em;
      this.block(best.box.left - space, best.box.top, best.box.right + space, best.box.bottom);
      const [x, y, anchor] = best.place;
      return label(word.content, {
        x,
        y,
        class: word.kind === "category" ? "tick category" : word.kind,
        "text-anchor": anchor,
        fill: word.fill,
      });
    });
  }
}

// Around a point of radius `r`: the places its name may stand in.
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
