// States × actions as a matrix, for worlds without geometry. States run from left to right in the layout's order and,
// where there are many, fold into bands like lines of text, so that every cell of a 716 × 25 world has pixels of its
// own.

import { contextOf } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { infiniteColour, rampOf, rgbOf, withAlpha } from "../shared/palette.js";
import { hatchStyle } from "../shared/signs.js";
import { SvgContext } from "../shared/svg.js";
import { onGround, outlined } from "./marks.js";

/**
 * @import { MatrixLayout } from "../run/protocol.d.ts"
 * @import { Store } from "../run/store.js"
 * @import { Box, Pen, Point, Theme } from "../shared/types.d.ts"
 * @import { Outline, Painted, Scene } from "./scenes.d.ts"
 */

/**
 * The fold: so many bands of so many columns of cells, and where they begin; `named`: the actions' names stand beside.
 * @typedef {object} Fold
 * @property {number} bands
 * @property {number} cols
 * @property {number} width
 * @property {number} height
 * @property {boolean} named
 * @property {number} label
 * @property {number} x
 * @property {number} y
 */

const LABEL = 16;
const LEFT = 14;
// Cells of this size have their number written into them.
const NUMBERED = { width: 58, height: 22 };

/** @implements {Scene<Fold>} */
export class MatrixScene {
  /** @param {Store} store @param {MatrixLayout} layout */
  constructor(store, layout) {
    this.store = store;
    this.layout = layout;
    this.order = this.layout.order;
    this.place = new Map(this.order.map((state, i) => [state, i]));
    this.A = store.run.nActions;
    /** One pixel per cell. @type {HTMLCanvasElement | null} */
    this.image = null;
    // Proportions of the best fold: the picture is about as wide as 1.5 times its height.
    this.aspect = 1.5;
  }

  /**
   * Fold into the number of bands that gives the largest cells; few states get large ones, with the actions' names.
   * @param {Box} box
   * @returns {Fold}
   */
  geometry(box) {
    const S = this.order.length;
    const most = S * this.A > 24 ? 44 : 90;
    const label = Math.min(LABEL, box.height * 0.08);
    const names = box.width > 240 ? Math.max(...this.store.run.actionNames.map((name) => name.length)) * 6 + 10 : 0;
    /** @type {Omit<Fold, "label" | "x" | "y"> & { left: number, score: number } | null} */
    let best = null;
    for (let bands = 1; bands <= Math.min(S, 24); bands++) {
      const cols = Math.ceil(S / bands);
      const height = Math.min((box.height / bands - label) / this.A, most);
      if (height <= 0) break;
      const left = LEFT + (height >= 13 ? names : 0);
      const width = Math.min((box.width - left) / cols, most * 1.5);
      const score = Math.min(width, height);
      if (!best || score > best.score * 1.001) best = { bands, cols, width, height, left, score, named: left > LEFT };
    }
    const {
      left,
      score: _,
      ...fold
    } = best ?? { bands: 1, cols: S, width: 1, height: 1, left: LEFT, score: 0, named: false };
    const total = fold.bands * (fold.height * this.A + label);
    const spare = box.width - left - fold.cols * fold.width;
    return {
      ...fold,
      label,
      x: box.x + left + Math.max(spare / 2, 0),
      y: box.y + Math.max((box.height - total) / 2, 0),
    };
  }

  /** @param {Fold} geo @param {number} index @param {number} [action] @returns {Point} */
  cell(geo, index, action = 0) {
    const band = Math.floor(index / geo.cols);
    return [
      geo.x + (index % geo.cols) * geo.width,
      geo.y + band * (geo.height * this.A + geo.label) + action * geo.height,
    ];
  }

  /** @param {Pen} pen @param {Fold} geo @param {Painted} what */
  draw(pen, geo, { values, scale, theme, perState }) {
    const { A, order } = this;
    if (pen instanceof SvgContext) {
      this.drawCells(pen, geo, { values, scale, theme, perState });
      return;
    }
    // One pixel per cell, scaled up without smoothing: 18 000 cells cost a millisecond.
    const { cols, bands } = geo;
    this.image ??= document.createElement("canvas");
    if (this.image.width !== cols || this.image.height !== bands * A)
      Object.assign(this.image, { width: cols, height: bands * A });
    const pixels = new ImageData(cols, bands * A);
    const { table } = rampOf(scale.kind, theme.dark);
    const infinite = rgbOf(infiniteColour(theme.dark));
    const { data } = pixels;
    for (let i = 0; i < order.length; i++) {
      if (this.store.terminal[order[i]]) continue;
      for (let a = 0; a < A; a++) {
        const value = perState ? values[order[i]] : values[order[i] * A + a];
        if (Number.isNaN(value)) continue;
        const at = 4 * ((Math.floor(i / cols) * A + a) * cols + (i % cols));
        const finite = Number.isFinite(value);
        const [colours, place] = finite ? [table, 3 * scale.index(value)] : [infinite, 0];
        data[at] = colours[place];
        data[at + 1] = colours[place + 1];
        data[at + 2] = colours[place + 2];
        data[at + 3] = 255;
      }
    }
    contextOf(this.image).putImageData(pixels, 0, 0);
    pen.imageSmoothingEnabled = false;
    for (let band = 0; band < bands; band++) {
      const [x, y] = this.cell(geo, band * cols);
      pen.drawImage(this.image, 0, band * A, cols, A, x, y, cols * geo.width, A * geo.height);
    }
  }

  /** @param {Pen} pen @param {Fold} geo @param {Pick<Painted, "values" | "scale" | "theme" | "perState">} what */
  drawCells(pen, geo, { values, scale, theme, perState }) {
    this.order.forEach((state, i) => {
      if (this.store.terminal[state]) return;
      for (let a = 0; a < this.A; a++) {
        const value = perState ? values[state] : values[state * this.A + a];
        if (Number.isNaN(value)) continue;
        const [x, y] = this.cell(geo, i, a);
        pen.fillStyle = scale.colour(value, theme.dark);
        pen.fillRect(x, y, geo.width + 0.2, geo.height + 0.2);
      }
    });
  }

  /** Into each cell that is large enough. @param {Pen} pen @param {Fold} geo @param {Painted} what */
  drawNumbers(pen, geo, { values, theme, perState }) {
    if (geo.width < NUMBERED.width || geo.height < NUMBERED.height) return;
    pen.font = `11px ${theme.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    this.order.forEach((state, i) => {
      if (this.store.terminal[state]) return;
      for (let a = 0; a < (perState ? 1 : this.A); a++) {
        const value = values[perState ? state : state * this.A + a];
        if (Number.isNaN(value)) continue;
        const [left, top] = this.cell(geo, i, a);
        const [x, y] = [left + geo.width / 2, top + (geo.height * (perState ? this.A : 1)) / 2];
        onGround(pen, number(value), x, y, 16, theme);
      }
    });
  }

  /** @param {Pen} pen @param {Fold} geo @param {Theme} theme @param {number} ratio @param {boolean} small */
  drawStatic(pen, geo, theme, ratio, small) {
    const { counts } = this.store.static;
    const { A, order, layout } = this;
    if (counts) {
      // Runs of unseen actions in a column are one rectangle: a tenth of the path.
      pen.beginPath();
      order.forEach((state, i) => {
        if (this.store.terminal[state]) return;
        for (let a = 0; a < A; ) {
          let end = a;
          while (end < A && !counts[state * A + end]) end++;
          if (end > a) pen.rect(...this.cell(geo, i, a), geo.width, (end - a) * geo.height);
          a = end + 1;
        }
      });
      pen.fillStyle = hatchStyle(pen, theme, ratio, Math.min(geo.width, geo.height));
      pen.fill();
    }
    pen.fillStyle = theme.line;
    order.forEach((state, i) => {
      if (this.store.terminal[state]) pen.fillRect(...this.cell(geo, i), geo.width, A * geo.height);
    });
    if (Math.min(geo.width, geo.height) >= 9) {
      pen.strokeStyle = theme.background;
      pen.lineWidth = 1;
      pen.beginPath();
      order.forEach((_, i) => {
        for (let a = 0; a < A; a++) pen.rect(...this.cell(geo, i, a), geo.width, geo.height);
      });
      pen.stroke();
    }
    if (small) return;
    const font = Math.min(10.5, geo.label - 4);
    pen.font = `${font}px ${theme.font}`;
    pen.fillStyle = theme.muted;
    pen.textBaseline = "alphabetic";
    const { row_value: value = [] } = layout;
    for (let band = 0; band < geo.bands; band++) {
      const first = band * geo.cols;
      const last = Math.min(first + geo.cols, order.length) - 1;
      const [x, top] = this.cell(geo, first);
      const y = top + A * geo.height + geo.label - 4;
      /** @param {number} i */
      const say = (i) =>
        this.store.terminal[order[i]] ? "ends" : value.length ? number(value[i], 3) : String(order[i]);
      pen.textAlign = "left";
      pen.fillText(say(first), x, y);
      pen.textAlign = "right";
      const end = x + (last - first + 1) * geo.width;
      if (last > first) pen.fillText(say(last), end, y);
      if (band === 0 && end - x > 200) {
        pen.textAlign = "center";
        pen.fillText(`${layout.row_title} →`, (x + end) / 2, y);
      }
    }
    if (geo.named) {
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      pen.font = `11px ${theme.font}`;
      this.store.run.actionNames.forEach((name, a) => {
        const [x, y] = this.cell(geo, 0, a);
        pen.fillText(name, x - 7, y + geo.height / 2);
      });
      return;
    }
    const height = geo.bands * (A * geo.height + geo.label);
    pen.save();
    pen.translate(geo.x - 5, geo.y + height / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    if (height > layout.column_title.length * 6) pen.fillText(layout.column_title, 0, 0);
    pen.restore();
  }

  /** @param {Pen} pen @param {Fold} geo @param {number} state @param {Outline} style */
  outline(pen, geo, state, style) {
    const index = this.place.get(state);
    if (index === undefined) return;
    const [x, y] = this.cell(geo, index);
    const pad = geo.width < 6 ? 1.5 : 0;
    const { action } = style;
    outlined(pen, style, (thick) => {
      if (geo.width < 6) pen.lineWidth = Math.min(thick, 2.2);
      pen.strokeRect(x - pad, y - pad, geo.width + 2 * pad, geo.height * this.A + 2 * pad);
      if (action !== null) {
        const [ax, ay] = this.cell(geo, index, action);
        pen.strokeRect(ax - pad, ay - pad, geo.width + 2 * pad, geo.height + 2 * pad);
      }
    });
  }

  /** @param {Pen} pen @param {Fold} geo @param {number} state @param {Theme} theme */
  markDifference(pen, geo, state, theme) {
    const index = this.place.get(state);
    if (index === undefined) return;
    const [x, y] = this.cell(geo, index);
    pen.fillStyle = withAlpha(theme.warning, 0.95);
    pen.fillRect(x, y - 2.5, Math.max(geo.width, 1), 2);
  }

  /** @param {Fold} geo @param {number} x @param {number} y */
  hit(geo, x, y) {
    const stride = geo.height * this.A + geo.label;
    const band = Math.floor((y - geo.y) / stride);
    const col = Math.floor((x - geo.x) / geo.width);
    if (band < 0 || band >= geo.bands || col < 0 || col >= geo.cols) return null;
    const action = Math.floor((y - geo.y - band * stride) / geo.height);
    const index = band * geo.cols + col;
    if (action >= this.A || index >= this.order.length) return null;
    const state = this.order[index];
    return { state, action: this.store.terminal[state] ? null : action };
  }

  /** @param {number} state */
  name(state) {
    const index = this.place.get(state);
    const { row_value: value = [], row_title: title } = this.layout;
    const terminal = this.store.terminal[state] ? ", terminal" : "";
    const detail =
      value.length && index !== undefined
        ? `, ${title.includes("sever") ? "severity" : title} ${number(value[index], 3)}`
        : "";
    return `state ${state}${detail}${terminal}`;
  }

  /** @param {number} state @param {number} dx */
  neighbour(state, dx) {
    const index = this.place.get(state) ?? 0;
    return this.order[Math.min(Math.max(index + dx, 0), this.order.length - 1)];
  }
}
