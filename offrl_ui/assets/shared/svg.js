// A drawing context that writes SVG: the few calls of CanvasRenderingContext2D that the pictures use, so that the same
// code draws the screen and the file.

/** @import { Hatch } from "./signs.js" */

/** @param {number} x */
const round = (x) => Math.round(x * 100) / 100;
/** @type {Record<string, string>} */
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
/** @param {string} text */
const escapeText = (text) => text.replace(/[&<>"]/g, (c) => ENTITIES[c]);
const ANCHORS = { left: "start", center: "middle", right: "end", start: "start", end: "end" };

export class SvgContext {
  /** @param {number} width @param {number} height @param {string} background */
  constructor(width, height, background) {
    this.size = [width, height];
    this.background = background;
    /** @type {string[]} */
    this.parts = [];
    this.path = "";
    /** @type {string[]} */
    this.transforms = [];
    this.transform = "";
    /** @type {Map<string, { id: string, hatch: Hatch }>} */
    this.hatches = new Map();
    /** @type {string | CanvasGradient | CanvasPattern} */
    this.fillStyle = "#000";
    /** @type {string | CanvasGradient | CanvasPattern} */
    this.strokeStyle = "#000";
    this.lineWidth = 1;
    this.font = "10px sans-serif";
    /** @type {CanvasTextAlign} */
    this.textAlign = "left";
    /** @type {CanvasTextBaseline} */
    this.textBaseline = "alphabetic";
    /** @type {CanvasLineJoin} */
    this.lineJoin = "miter";
    /** @type {Iterable<number>} */
    this.dash = [];
  }

  /** A hatch becomes a pattern of the file. @param {Hatch} hatch */
  hatch(hatch) {
    const key = JSON.stringify(hatch);
    const known = this.hatches.get(key) ?? { id: `hatch${this.hatches.size}`, hatch };
    this.hatches.set(key, known);
    return `url(#${known.id})`;
  }

  beginPath() {
    this.path = "";
  }

  /** @param {number} x @param {number} y */
  moveTo(x, y) {
    this.path += `M${round(x)} ${round(y)}`;
  }

  /** @param {number} x @param {number} y */
  lineTo(x, y) {
    this.path += `${this.path ? "L" : "M"}${round(x)} ${round(y)}`;
  }

  closePath() {
    this.path += "Z";
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  rect(x, y, w, h) {
    this.path += `M${round(x)} ${round(y)}h${round(w)}v${round(h)}h${round(-w)}Z`;
  }

  /** @param {number} x @param {number} y @param {number} r @param {number} from @param {number} to - angles */
  arc(x, y, r, from, to) {
    /** @param {number} large @param {number} endX @param {number} endY */
    const part = (large, endX, endY) => `A${round(r)} ${round(r)} 0 ${large} 1 ${round(endX)} ${round(endY)}`;
    const [sx, sy] = [x + r * Math.cos(from), y + r * Math.sin(from)];
    this.lineTo(sx, sy);
    if (to - from >= 2 * Math.PI - 1e-6) this.path += part(1, 2 * x - sx, 2 * y - sy) + part(1, sx, sy);
    else this.path += part(to - from > Math.PI ? 1 : 0, x + r * Math.cos(to), y + r * Math.sin(to));
  }

  /** @param {string} element */
  add(element) {
    this.parts.push(this.transform ? `<g transform="${this.transform}">${element}</g>` : element);
  }

  fill() {
    if (this.path) this.add(`<path d="${this.path}" fill="${this.fillStyle}"/>`);
  }

  stroke() {
    if (this.path) this.add(`<path d="${this.path}" fill="none" ${this.pen()}/>`);
  }

  pen() {
    const dash = [...this.dash];
    const width = round(this.lineWidth);
    const dashes = dash.length ? ` stroke-dasharray="${dash}"` : "";
    return `stroke="${this.strokeStyle}" stroke-width="${width}" stroke-linejoin="${this.lineJoin}"${dashes}`;
  }

  /** @param {Iterable<number>} dash */
  setLineDash(dash) {
    this.dash = dash;
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  static box(x, y, w, h) {
    return `x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}"`;
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  fillRect(x, y, w, h) {
    this.add(`<rect ${SvgContext.box(x, y, w, h)} fill="${this.fillStyle}"/>`);
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h */
  strokeRect(x, y, w, h) {
    this.add(`<rect ${SvgContext.box(x, y, w, h)} fill="none" ${this.pen()}/>`);
  }

  get fontParts() {
    const [, style, size, family] = this.font.match(/^(.*?)\s*([\d.]+)px (.*)$/) ?? ["", "", "10", "sans-serif"];
    return { style: style.trim(), size: Number(size), family };
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} [_width] - the most that a canvas takes
   */
  fillText(text, x, y, _width) {
    const { style, size, family } = this.fontParts;
    const attributes = [
      `x="${round(x)}" y="${round(y)}" text-anchor="${ANCHORS[this.textAlign]}"`,
      this.textBaseline === "middle" ? 'dominant-baseline="central"' : "",
      `font-size="${round(size)}"`,
      style ? `font-weight="${style}"` : "",
      `font-family="${escapeText(family)}" fill="${this.fillStyle}"`,
    ];
    this.add(`<text ${attributes.filter(Boolean).join(" ")}>${escapeText(text)}</text>`);
  }

  /** An estimate, for laying out a legend: 0.55 em a letter. @param {string} text */
  measureText(text) {
    return { width: text.length * this.fontParts.size * 0.55 };
  }

  save() {
    this.transforms.push(this.transform);
  }

  restore() {
    this.transform = this.transforms.pop() ?? "";
  }

  /** @param {number} x @param {number} y */
  translate(x, y) {
    this.transform += `translate(${round(x)} ${round(y)})`;
  }

  /** @param {number} angle */
  rotate(angle) {
    this.transform += `rotate(${round((angle * 180) / Math.PI)})`;
  }

  toString() {
    const [width, height] = this.size;
    const patterns = [...this.hatches.values()].map(({ id, hatch: { pitch, lines } }) => {
      const strokes = lines.flatMap(({ colour, width: w, shift }) =>
        [-pitch, 0, pitch].map((o) => {
          const d = `M${o + shift - 2} ${pitch + 2}L${o + shift + pitch + 2} -2`;
          return `<path d="${d}" stroke="${colour}" stroke-width="${w}"/>`;
        }),
      );
      const size = `width="${pitch}" height="${pitch}"`;
      return `<pattern id="${id}" ${size} patternUnits="userSpaceOnUse">${strokes.join("")}</pattern>`;
    });
    const size = `width="${width}" height="${height}"`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${width} ${height}">`,
      `<defs>${patterns.join("")}</defs>`,
      `<rect ${size} fill="${this.background}"/>`,
      ...this.parts,
      "</svg>",
    ].join("");
  }
}
