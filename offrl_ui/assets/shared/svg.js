// A drawing context that writes SVG: the few calls of CanvasRenderingContext2D that the scenes use, so that the same code
// draws the screen and the file.

const round = (x) => Math.round(x * 100) / 100;
const escape = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

export class SvgContext {
  constructor(width, height, background) {
    this.isSvg = true;
    this.size = [width, height];
    this.background = background;
    this.parts = [];
    this.path = "";
    this.transforms = [];
    this.transform = "";
    this.weaves = new Map();
    Object.assign(this, {
      fillStyle: "#000",
      strokeStyle: "#000",
      lineWidth: 1,
      font: "10px sans-serif",
      textAlign: "left",
      textBaseline: "alphabetic",
      lineJoin: "miter",
      dash: [],
    });
  }

  // A hatch becomes a pattern of the file.
  hatch(weave) {
    const key = JSON.stringify(weave);
    if (!this.weaves.has(key)) this.weaves.set(key, `hatch${this.weaves.size}`);
    return `url(#${this.weaves.get(key)})`;
  }

  beginPath() {
    this.path = "";
  }
  moveTo(x, y) {
    this.path += `M${round(x)} ${round(y)}`;
  }
  lineTo(x, y) {
    this.path += `${this.path ? "L" : "M"}${round(x)} ${round(y)}`;
  }
  closePath() {
    this.path += "Z";
  }
  rect(x, y, w, h) {
    this.path += `M${round(x)} ${round(y)}h${round(w)}v${round(h)}h${round(-w)}Z`;
  }

  arc(x, y, r, from, to) {
    const [sx, sy] = [x + r * Math.cos(from), y + r * Math.sin(from)];
    this.lineTo(sx, sy);
    if (to - from >= 2 * Math.PI - 1e-6) {
      this.path += `A${round(r)} ${round(r)} 0 1 1 ${round(2 * x - sx)} ${round(2 * y - sy)}A${round(r)} ${round(r)} 0 1 1 ${round(sx)} ${round(sy)}`;
      return;
    }
    this.path += `A${round(r)} ${round(r)} 0 ${to - from > Math.PI ? 1 : 0} 1 ${round(x + r * Math.cos(to))} ${round(y + r * Math.sin(to))}`;
  }

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
    return `stroke="${this.strokeStyle}" stroke-width="${round(this.lineWidth)}" stroke-linejoin="${this.lineJoin}"${this.dash.length ? ` stroke-dasharray="${this.dash}"` : ""}`;
  }

  setLineDash(dash) {
    this.dash = dash;
  }
  fillRect(x, y, w, h) {
    this.add(
      `<rect x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" fill="${this.fillStyle}"/>`,
    );
  }
  strokeRect(x, y, w, h) {
    this.add(
      `<rect x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" fill="none" ${this.pen()}/>`,
    );
  }

  fillText(text, x, y) {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    const baseline = this.textBaseline === "middle" ? ' dominant-baseline="central"' : "";
    const [, style, size, family] = this.font.match(/^(.*?)\s*([\d.]+)px (.*)$/);
    this.add(
      `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${baseline} font-size="${round(Number(size))}"${style.trim() ? ` font-weight="${style.trim()}"` : ""} font-family="${escape(family)}" fill="${this.fillStyle}">${escape(text)}</text>`,
    );
  }

  // An estimate, for laying out a legend: 0.55 em a letter.
  measureText(text) {
    return { width: text.length * Number(this.font.match(/([\d.]+)px/)[1]) * 0.55 };
  }
  save() {
    this.transforms.push(this.transform);
  }
  restore() {
    this.transform = this.transforms.pop() ?? "";
  }
  translate(x, y) {
    this.transform += `translate(${round(x)} ${round(y)})`;
  }
  rotate(angle) {
    this.transform += `rotate(${round((angle * 180) / Math.PI)})`;
  }

  toString() {
    const [width, height] = this.size;
    const patterns = [...this.weaves].map(([key, id]) => {
      const { pitch, lines } = JSON.parse(key);
      const strokes = lines.flatMap(({ colour, width: w, shift }) =>
        [-pitch, 0, pitch].map(
          (o) =>
            `<path d="M${o + shift - 2} ${pitch + 2}L${o + shift + pitch + 2} -2" stroke="${colour}" stroke-width="${w}"/>`,
        ),
      );
      return `<pattern id="${id}" width="${pitch}" height="${pitch}" patternUnits="userSpaceOnUse">${strokes.join("")}</pattern>`;
    });
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
      `<defs>${patterns.join("")}</defs>` +
      `<rect width="${width}" height="${height}" fill="${this.background}"/>${this.parts.join("")}</svg>`
    );
  }
}
