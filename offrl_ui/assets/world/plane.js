// Continuous states: the probe states as points in a plane of two chosen axes. Each is a small pie with one wedge
// per action, so that it reads like a cell of a grid; the greedy action's shape stands in the middle for the policy.

import { AxisScale } from "../shared/axis.js";
import { actionColour, withAlpha } from "../shared/palette.js";
import { SHAPES, arrowPath, fitted, hatchStyle, shapePath } from "../shared/signs.js";
import { inWords, ownNames } from "../shared/vectors.js";
import { outlined } from "./marks.js";

/**
 * @import { PlaneLayout } from "../run/protocol.d.ts"
 * @import { Store } from "../run/store.js"
 * @import { Box, Numbers, Pen, Point, Theme } from "../shared/types.d.ts"
 * @import { Outline, Painted, Scene } from "./scenes.d.ts"
 */

/** @typedef {Box & { small: boolean, radius: number }} PlanePlace - the plane, and the size of a probe */
/** @typedef {(value: number) => number} Along */

const FULL = 2 * Math.PI;
/** A turn between 0 (not included) and a full one. @param {number} angle */
const wrap = (angle) => ((angle % FULL) + FULL) % FULL || FULL;
const AXIS = { left: 40, bottom: 32, top: 6, right: 8 };
// Numbers of an observation that its name tells.
const NAMED = 4;

/** The axes that are drawn: those chosen, where this layout has them, else its first. @param {Store} store
 * @param {PlaneLayout} layout @returns {readonly [x: number, y: number]} */
export function axesOf({ view: { axes } }, layout) {
  const there = axes?.every((axis) => axis < layout.names.length) ? axes : null;
  return there ?? [layout.x ?? 0, layout.y ?? 1];
}

/** @implements {Scene<PlanePlace>} */
export class PlaneScene {
  /** @param {Store} store @param {PlaneLayout} layout */
  constructor(store, layout) {
    this.store = store;
    this.layout = layout;
    this.probes = store.static.probes ?? null;
    this.D = store.staticShapes.probes?.[1] ?? layout.names.length;
    /** The first axes are the numbers of an observation, the others its projections. */
    this.own = ownNames(layout).length;
    const [x, y] = axesOf(store, layout);
    this.x = x;
    this.y = y;
    this.spatial = (this.layout.walls ?? []).length > 0 || (this.layout.regions ?? []).length > 0;
    const [w, h] = [this.span(this.x), this.span(this.y)];
    this.aspect = this.spatial ? w / h : 1.35;
    this.A = store.run.nActions;
    const directions = this.layout.directions ?? [];
    this.directions = directions.length === this.A ? directions : null;
    this.turn = this.wedgeTurns();
  }

  /** @param {number} dimension */
  span(dimension) {
    return this.layout.high[dimension] - this.layout.low[dimension];
  }

  get count() {
    return this.probes ? this.probes.length / this.D : 0;
  }

  /**
   * Coordinate of a probe along an axis.
   * @param {number} state
   * @param {number} dimension
   */
  coordinate(state, dimension) {
    const { probes, D } = this;
    const { projection, origin } = this.layout;
    if (!probes) return NaN;
    const projected = dimension - this.own;
    if (!projection || projected < 0) return probes[state * D + dimension];
    const start = -(origin?.[projected] ?? 0);
    return projection[projected].reduce((sum, weight, d) => sum + weight * probes[state * D + d], start);
  }

  // Start angle and width of each action's wedge: around its direction where directions differ, else in order from the
  // top.
  wedgeTurns() {
    /** @type {[start: number, width: number][]} */
    const even = Array.from({ length: this.A }, (_, a) => [
      -Math.PI / 2 + (2 * Math.PI * (a - 0.5)) / this.A,
      (2 * Math.PI) / this.A,
    ]);
    if (!this.directions) return even;
    const angles = this.directions.map(([dx, dy]) => (dx || dy ? Math.atan2(-dy, dx) : NaN));
    if (new Set(angles).size < this.A || angles.some(Number.isNaN)) return even;
    const sorted = angles.map((angle, a) => ({ angle, a })).sort((p, q) => p.angle - q.angle);
    /** @type {[start: number, width: number][]} */
    const turns = new Array(this.A);
    sorted.forEach(({ angle, a }, i) => {
      const before = wrap(angle - sorted[(i - 1 + sorted.length) % sorted.length].angle) / 2;
      const after = wrap(sorted[(i + 1) % sorted.length].angle - angle) / 2;
      turns[a] = [angle - before, before + after];
    });
    return turns;
  }

  /** @param {Box} box */
  geometry(box) {
    const small = box.width < 240;
    const edge = small ? { left: 2, bottom: 2, top: 2, right: 2 } : AXIS;
    let [width, height] = [box.width - edge.left - edge.right, box.height - edge.top - edge.bottom];
    let [x, y] = [box.x + edge.left, box.y + edge.top];
    if (this.spatial) {
      const unit = Math.min(width / this.span(this.x), height / this.span(this.y));
      x += (width - unit * this.span(this.x)) / 2;
      y += (height - unit * this.span(this.y)) / 2;
      [width, height] = [unit * this.span(this.x), unit * this.span(this.y)];
    }
    const geo = { x, y, width, height, small };
    return { ...geo, radius: Math.min(Math.max(this.spacing(geo) * 0.9, 3.6), 13) };
  }

  /** Typical distance of a probe to its nearest neighbour, in pixels. @param {Box} geo */
  spacing(geo) {
    if (!this.probes) return 8;
    const points = Array.from({ length: this.count }, (_, s) => this.at(geo, s));
    const nearest = points.map(([px, py], i) => {
      let best = Infinity;
      points.forEach(([qx, qy], j) => {
        if (i !== j) best = Math.min(best, (px - qx) ** 2 + (py - qy) ** 2);
      });
      return Math.sqrt(best);
    });
    return nearest.sort((a, b) => a - b)[Math.floor(nearest.length / 2)] ?? 8;
  }

  /** @param {Box} geo @param {number} state @returns {Point} */
  at(geo, state) {
    const { low } = this.layout;
    return [
      geo.x + ((this.coordinate(state, this.x) - low[this.x]) / this.span(this.x)) * geo.width,
      geo.y + (1 - (this.coordinate(state, this.y) - low[this.y]) / this.span(this.y)) * geo.height,
    ];
  }

  /** @param {Pen} pen @param {Point} point @param {number} radius @param {number} a */
  pie(pen, [x, y], radius, a) {
    const [start, width] = this.turn[a];
    if (this.A > 1) pen.moveTo(x, y);
    pen.arc(x, y, radius, start, start + width);
    pen.closePath();
  }

  /** @param {Pen} pen @param {PlanePlace} geo @param {Painted} what */
  draw(pen, geo, { values, scale, theme, perState, arrows, policy }) {
    if (!this.probes) return;
    const { A } = this;
    for (let s = 0; s < this.count; s++) {
      const point = this.at(geo, s);
      if (arrows) {
        if (policy) this.glyph(pen, geo, point, s, policy, theme);
        continue;
      }
      for (let a = 0; a < (perState ? 1 : A); a++) {
        const value = values[perState ? s : s * A + a];
        if (Number.isNaN(value)) continue;
        pen.fillStyle = scale.colour(value, theme.dark);
        pen.beginPath();
        if (perState) pen.arc(...point, geo.radius, 0, 2 * Math.PI);
        else this.pie(pen, point, geo.radius, a);
        pen.fill();
      }
      if (policy && geo.radius >= 6 && !this.layout.image)
        this.greedyGlyph(pen, geo.radius * 0.34, point, s, policy, theme);
    }
  }

  /** @param {Numbers} policy @param {number} s */
  best(policy, s) {
    let best = 0;
    for (let a = 1; a < this.A; a++) if (policy[s * this.A + a] > policy[s * this.A + best]) best = a;
    return best;
  }

  /**
   * @param {Pen} pen
   * @param {number} radius
   * @param {Point} point
   * @param {number} s
   * @param {Numbers} policy
   * @param {Theme} theme
   */
  greedyGlyph(pen, radius, [x, y], s, policy, theme) {
    shapePath(pen, SHAPES[this.best(policy, s) % SHAPES.length], x, y, radius);
    pen.fillStyle = theme.background;
    pen.fill();
  }

  /**
   * The policy: an arrow or a shape in the action's own colour, as large as the action is probable.
   * @param {Pen} pen
   * @param {PlanePlace} geo
   * @param {Point} point
   * @param {number} s
   * @param {Numbers} policy
   * @param {Theme} theme
   */
  glyph(pen, geo, [x, y], s, policy, theme) {
    if (this.layout.image) {
      // The picture lies above: a disc in the chosen action's colour shows around it.
      const best = this.best(policy, s);
      pen.fillStyle = actionColour(theme, best);
      pen.beginPath();
      pen.arc(x, y, geo.radius * (0.75 + 0.45 * policy[s * this.A + best]), 0, 2 * Math.PI);
      pen.fill();
      return;
    }
    for (let a = 0; a < this.A; a++) {
      const p = policy[s * this.A + a];
      if (!(p > 0.01)) continue;
      pen.fillStyle = actionColour(theme, a);
      const [dx, dy] = this.directions?.[a] ?? [0, 0];
      const size = Math.max(geo.radius, geo.small ? 3 : 7);
      if (dx || dy) {
        const norm = Math.hypot(dx, dy);
        arrowPath(pen, x, y, dx / norm, -dy / norm, size * (0.3 + 1.1 * p), size * (0.1 + 0.2 * p));
      } else if (a === this.best(policy, s)) shapePath(pen, SHAPES[a % SHAPES.length], x, y, size * (0.2 + 0.4 * p));
      else continue;
      pen.fill();
    }
  }

  /** @param {Pen} pen @param {PlanePlace} geo @param {Theme} theme @param {number} ratio @param {boolean} small */
  drawStatic(pen, geo, theme, ratio, small) {
    const { layout } = this;
    pen.strokeStyle = theme.line;
    pen.lineWidth = 1;
    pen.strokeRect(geo.x, geo.y, geo.width, geo.height);
    const { counts } = this.store.static;
    if (counts && this.probes) {
      pen.beginPath();
      for (let s = 0; s < this.count; s++) {
        for (let a = 0; a < this.A; a++) if (!counts[s * this.A + a]) this.pie(pen, this.at(geo, s), geo.radius, a);
      }
      pen.fillStyle = hatchStyle(pen, theme, ratio);
      pen.fill();
    }
    /** @type {Along} */
    const px = (v) => geo.x + ((v - layout.low[this.x]) / this.span(this.x)) * geo.width;
    /** @type {Along} */
    const py = (v) => geo.y + (1 - (v - layout.low[this.y]) / this.span(this.y)) * geo.height;
    if (this.x === (layout.x ?? 0) && this.y === (layout.y ?? 1)) {
      for (const [x0, y0, x1, y1] of layout.walls ?? []) {
        pen.fillStyle = theme.wall;
        pen.fillRect(px(x0), py(y1), px(x1) - px(x0), py(y0) - py(y1));
      }
      for (const [label, x0, y0, x1, y1] of layout.regions ?? []) {
        pen.strokeStyle = theme.text;
        pen.setLineDash([4, 3]);
        pen.strokeRect(px(x0), py(y1), px(x1) - px(x0), py(y0) - py(y1));
        pen.setLineDash([]);
        if (small) continue;
        // Beside the region, where there is wall: the probes inside stay visible.
        pen.font = `600 11px ${theme.font}`;
        pen.textAlign = "center";
        pen.textBaseline = "middle";
        pen.fillStyle = theme.text;
        const below = py(y0) + 9 < geo.y + geo.height;
        pen.fillText(label, (px(x0) + px(x1)) / 2, below ? py(y0) + 9 : py(y1) - 9);
      }
    }
    if (layout.image && geo.radius > 4)
      for (let s = 0; s < this.count; s++) this.drawImage(pen, s, ...this.at(geo, s), geo.radius * 0.62, theme);
    if (!geo.small && !small) this.drawAxes(pen, geo, theme, px, py);
  }

  /**
   * The observation itself, where it is an image, as a small square around (x, y).
   * @param {Pen} pen
   * @param {number} state
   * @param {number} x
   * @param {number} y
   * @param {number} half
   * @param {Theme} theme
   */
  drawImage(pen, state, x, y, half, theme) {
    if (!this.layout.image || !this.probes) return;
    const [rows, cols] = this.layout.image;
    const pixels = this.probes.subarray(state * this.D, (state + 1) * this.D);
    const size = (2 * half) / Math.max(rows, cols);
    pen.fillStyle = theme.background;
    pen.fillRect(x - half, y - half, size * cols, size * rows);
    const most = Math.max(...pixels) || 1;
    for (let i = 0; i < rows * cols; i++) {
      if (pixels[i] < 0.05 * most) continue;
      pen.fillStyle = withAlpha(theme.text, pixels[i] / most);
      pen.fillRect(x - half + (i % cols) * size, y - half + Math.floor(i / cols) * size, size + 0.2, size + 0.2);
    }
  }

  /** @param {Pen} pen @param {Box} geo @param {Theme} theme @param {Along} px @param {Along} py */
  drawAxes(pen, geo, theme, px, py) {
    const { layout } = this;
    pen.font = `10.5px ${theme.font}`;
    pen.fillStyle = theme.muted;
    pen.textBaseline = "alphabetic";
    pen.textAlign = "center";
    for (const { at, text } of new AxisScale().ticks(layout.low[this.x], layout.high[this.x], 6))
      pen.fillText(text, px(at), geo.y + geo.height + 13);
    pen.fillText(fitted(pen, layout.names[this.x], geo.width), geo.x + geo.width / 2, geo.y + geo.height + 26);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const { at, text } of new AxisScale().ticks(layout.low[this.y], layout.high[this.y], 5))
      pen.fillText(text, geo.x - 5, py(at));
    pen.save();
    pen.translate(geo.x - 32, geo.y + geo.height / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(fitted(pen, layout.names[this.y], geo.height), 0, 0);
    pen.restore();
  }

  /** @param {Pen} pen @param {PlanePlace} geo @param {number} state @param {Outline} style */
  outline(pen, geo, state, style) {
    if (!this.probes || (state + 1) * this.D > this.probes.length) return;
    const point = this.at(geo, state);
    outlined(pen, style, () => {
      pen.beginPath();
      pen.arc(...point, geo.radius + 1.5, 0, 2 * Math.PI);
      pen.stroke();
      if (style.action === null) return;
      pen.beginPath();
      this.pie(pen, point, geo.radius + 1.5, style.action);
      pen.stroke();
    });
  }

  /** @param {Pen} pen @param {PlanePlace} geo @param {number} state @param {Theme} theme */
  markDifference(pen, geo, state, theme) {
    const [x, y] = this.at(geo, state);
    pen.beginPath();
    pen.arc(x + geo.radius * 0.8, y - geo.radius * 0.8, Math.max(geo.radius * 0.28, 1.5), 0, 2 * Math.PI);
    pen.fillStyle = theme.warning;
    pen.fill();
  }

  /** @param {PlanePlace} geo @param {number} x @param {number} y */
  hit(geo, x, y) {
    if (!this.probes) return null;
    /** @type {{ state: number, dx: number, dy: number } | null} */
    let best = null;
    let nearest = (geo.radius + 5) ** 2;
    for (let s = 0; s < this.count; s++) {
      const [px, py] = this.at(geo, s);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < nearest) {
        nearest = distance;
        best = { state: s, dx: x - px, dy: y - py };
      }
    }
    if (!best) return null;
    const angle = Math.atan2(best.dy, best.dx);
    const action = this.turn.findIndex(([start, width]) => wrap(angle - start) % FULL < width);
    return { state: best.state, action: action < 0 ? null : action };
  }

  /** @param {number} state */
  name(state) {
    const { probes, D } = this;
    const names = ownNames(this.layout);
    if (this.layout.image || !probes || (state + 1) * D > probes.length) return `probe ${state}`;
    const shown = probes.subarray(state * D, state * D + Math.min(D, NAMED));
    return `probe ${state}: ${inWords(shown, names, 2)}${D > NAMED ? ", …" : ""}`;
  }

  /** The nearest probe in a direction of the picture. @param {number} state @param {number} dx @param {number} dy */
  neighbour(state, dx, dy) {
    if (!this.probes) return state;
    const geo = { x: 0, y: 0, width: 1000, height: 1000 / this.aspect, small: false, radius: 0 };
    const [x, y] = this.at(geo, state);
    let best = state;
    let cost = Infinity;
    for (let s = 0; s < this.count; s++) {
      const [px, py] = this.at(geo, s);
      const along = (px - x) * dx + (py - y) * dy;
      const across = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      if (along <= 1 || along + 3 * across >= cost) continue;
      cost = along + 3 * across;
      best = s;
    }
    return best;
  }
}
