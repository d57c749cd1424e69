// Continuous states: the probe states as points in a plane of two chosen dimensions. Each is a small pie with one wedge
// per action, so that it reads like a cell of a grid; the greedy action's shape stands in the middle for the policy.

import { SHAPES, actionColour, arrowPath, hatchStyle, shapePath, withAlpha } from "../shared/palette.js";
import { niceTicks, number } from "../shared/format.js";

const AXIS = { left: 40, bottom: 32, top: 6, right: 8 };

export class PlaneScene {
  constructor(store) {
    this.store = store;
    this.layout = store.hello.layout;
    this.x = this.layout.x ?? 0;
    this.y = this.layout.y ?? 1;
    this.spatial = (this.layout.walls ?? []).length > 0 || (this.layout.regions ?? []).length > 0;
    const [w, h] = [this.span(this.x), this.span(this.y)];
    this.aspect = this.spatial ? w / h : 1.35;
    this.A = store.hello.nActions;
    const directions = this.layout.directions ?? [];
    this.directions = directions.length === this.A ? directions : null;
    this.turn = this.wedgeTurns();
  }

  span(dimension) {
    return this.layout.high[dimension] - this.layout.low[dimension];
  }

  get probes() {
    return this.store.static.probes;
  }
  get D() {
    return this.store.staticShapes.probes?.[1] ?? this.layout.names.length;
  }
  get count() {
    return this.probes ? this.probes.length / this.D : 0;
  }

  // Coordinate of a probe along a drawn dimension: one of the observation's own, or a projection of all of them.
  coordinate(state, dimension) {
    const { projection } = this.layout;
    if (!projection) return this.probes[state * this.D + dimension];
    return projection[dimension].reduce((sum, weight, d) => sum + weight * this.probes[state * this.D + d], 0);
  }

  // Start angle and width of each action's wedge: around its direction where directions differ, else in order from the top.
  wedgeTurns() {
    const even = Array.from({ length: this.A }, (_, a) => [
      -Math.PI / 2 + (2 * Math.PI * (a - 0.5)) / this.A,
      (2 * Math.PI) / this.A,
    ]);
    if (!this.directions) return even;
    const angles = this.directions.map(([dx, dy]) => (dx || dy ? Math.atan2(-dy, dx) : null));
    const distinct = new Set(angles.map(String));
    if (distinct.size < this.A || angles.includes(null)) return even;
    const sorted = angles.map((angle, a) => ({ angle, a })).sort((p, q) => p.angle - q.angle);
    const turns = new Array(this.A);
    sorted.forEach(({ angle, a }, i) => {
      const wrap = (d) => ((d % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI) || 2 * Math.PI;
      const before = wrap(angle - sorted.at(i - 1).angle) / 2;
      const after = wrap(sorted[(i + 1) % sorted.length].angle - angle) / 2;
      turns[a] = [angle - before, before + after];
    });
    return turns;
  }

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

  // Typical distance of a probe to its nearest neighbour, in pixels.
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

  at(geo, state) {
    const { low } = this.layout;
    return [
      geo.x + ((this.coordinate(state, this.x) - low[this.x]) / this.span(this.x)) * geo.width,
      geo.y + (1 - (this.coordinate(state, this.y) - low[this.y]) / this.span(this.y)) * geo.height,
    ];
  }

  pie(ctx, [x, y], radius, a) {
    const [start, width] = this.turn[a];
    if (this.A > 1) ctx.moveTo(x, y);
    ctx.arc(x, y, radius, start, start + width);
    ctx.closePath();
  }

  draw(ctx, geo, { values, scale, theme, perState, arrows, policy }) {
    if (!this.probes) return;
    const { A } = this;
    for (let s = 0; s < this.count; s++) {
      const point = this.at(geo, s);
      if (arrows) {
        this.glyph(ctx, geo, point, s, policy, theme);
        continue;
      }
      for (let a = 0; a < (perState ? 1 : A); a++) {
        const value = values[perState ? s : s * A + a];
        if (Number.isNaN(value)) continue;
        ctx.fillStyle = scale.colour(value, theme.dark);
        ctx.beginPath();
        if (perState) ctx.arc(...point, geo.radius, 0, 2 * Math.PI);
        else this.pie(ctx, point, geo.radius, a);
        ctx.fill();
      }
      if (policy && geo.radius >= 6 && !this.layout.image)
        this.greedyGlyph(ctx, geo.radius * 0.34, point, s, policy, theme);
    }
  }

  best(policy, s) {
    let best = 0;
    for (let a = 1; a < this.A; a++) if (policy[s * this.A + a] > policy[s * this.A + best]) best = a;
    return best;
  }

  greedyGlyph(ctx, radius, [x, y], s, policy, theme) {
    shapePath(ctx, SHAPES[this.best(policy, s) % SHAPES.length], x, y, radius);
    ctx.fillStyle = theme.background;
    ctx.fill();
  }

  // The policy: an arrow or a shape in the action's own colour, as large as the action is probable.
  glyph(ctx, geo, [x, y], s, policy, theme) {
    if (this.layout.image) {
      // The picture lies above: a disc in the chosen action's colour shows around it.
      const best = this.best(policy, s);
      ctx.fillStyle = actionColour(theme, best);
      ctx.beginPath();
      ctx.arc(x, y, geo.radius * (0.75 + 0.45 * policy[s * this.A + best]), 0, 2 * Math.PI);
      ctx.fill();
      return;
    }
    for (let a = 0; a < this.A; a++) {
      const p = policy[s * this.A + a];
      if (!(p > 0.01)) continue;
      ctx.fillStyle = actionColour(theme, a);
      const [dx, dy] = this.directions?.[a] ?? [0, 0];
      const size = Math.max(geo.radius, geo.small ? 3 : 7);
      if (dx || dy) {
        const norm = Math.hypot(dx, dy);
        arrowPath(ctx, x, y, dx / norm, -dy / norm, size * (0.3 + 1.1 * p), size * (0.1 + 0.2 * p));
      } else if (a === this.best(policy, s)) shapePath(ctx, SHAPES[a % SHAPES.length], x, y, size * (0.2 + 0.4 * p));
      else continue;
      ctx.fill();
    }
  }

  drawStatic(ctx, geo, theme, ratio, small) {
    const { layout } = this;
    ctx.strokeStyle = theme.line;
    ctx.lineWidth = 1;
    ctx.strokeRect(geo.x, geo.y, geo.width, geo.height);
    const { counts } = this.store.static;
    if (counts && this.probes) {
      ctx.beginPath();
      for (let s = 0; s < this.count; s++) {
        for (let a = 0; a < this.A; a++) if (!counts[s * this.A + a]) this.pie(ctx, this.at(geo, s), geo.radius, a);
      }
      ctx.fillStyle = hatchStyle(ctx, theme, ratio);
      ctx.fill();
    }
    const [px, py] = [
      (v) => geo.x + ((v - layout.low[this.x]) / this.span(this.x)) * geo.width,
      (v) => geo.y + (1 - (v - layout.low[this.y]) / this.span(this.y)) * geo.height,
    ];
    if (this.x === (layout.x ?? 0) && this.y === (layout.y ?? 1)) {
      for (const [x0, y0, x1, y1] of layout.walls ?? []) {
        ctx.fillStyle = theme.wall;
        ctx.fillRect(px(x0), py(y1), px(x1) - px(x0), py(y0) - py(y1));
      }
      for (const [label, x0, y0, x1, y1] of layout.regions ?? []) {
        ctx.strokeStyle = theme.text;
        ctx.setLineDash([4, 3]);
        ctx.strokeRect(px(x0), py(y1), px(x1) - px(x0), py(y0) - py(y1));
        ctx.setLineDash([]);
        if (small) continue;
        // Beside the region, where there is wall: the probes inside stay visible.
        ctx.font = `600 11px ${theme.font}`;
        ctx.textAlign = "center";
        ctx.textBaseline = "middle";
        ctx.fillStyle = theme.text;
        const below = py(y0) + 9 < geo.y + geo.height;
        ctx.fillText(label, (px(x0) + px(x1)) / 2, below ? py(y0) + 9 : py(y1) - 9);
      }
    }
    if (layout.image && geo.radius > 4)
      for (let s = 0; s < this.count; s++) this.drawImage(ctx, s, ...this.at(geo, s), geo.radius * 0.62, theme);
    if (!geo.small && !small) this.drawAxes(ctx, geo, theme, px, py);
  }

  // The observation itself, where it is an image, as a small square around (x, y).
  drawImage(ctx, state, x, y, half, theme) {
    const [rows, cols] = this.layout.image;
    const pixels = this.probes.subarray(state * this.D, (state + 1) * this.D);
    const size = (2 * half) / Math.max(rows, cols);
    ctx.fillStyle = theme.background;
    ctx.fillRect(x - half, y - half, size * cols, size * rows);
    const most = Math.max(...pixels) || 1;
    for (let i = 0; i < rows * cols; i++) {
      if (pixels[i] < 0.05 * most) continue;
      ctx.fillStyle = withAlpha(theme.text, pixels[i] / most);
      ctx.fillRect(x - half + (i % cols) * size, y - half + Math.floor(i / cols) * size, size + 0.2, size + 0.2);
    }
  }

  drawAxes(ctx, geo, theme, px, py) {
    const { layout } = this;
    ctx.font = `10.5px ${theme.font}`;
    ctx.fillStyle = theme.muted;
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "center";
    for (const tick of niceTicks(layout.low[this.x], layout.high[this.x], 6))
      ctx.fillText(number(tick, 2), px(tick), geo.y + geo.height + 13);
    ctx.fillText(layout.names[this.x], geo.x + geo.width / 2, geo.y + geo.height + 26);
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    for (const tick of niceTicks(layout.low[this.y], layout.high[this.y], 5))
      ctx.fillText(number(tick, 2), geo.x - 5, py(tick));
    ctx.save();
    ctx.translate(geo.x - 32, geo.y + geo.height / 2);
    ctx.rotate(-Math.PI / 2);
    ctx.textAlign = "center";
    ctx.fillText(layout.names[this.y], 0, 0);
    ctx.restore();
  }

  outline(ctx, geo, state, { colour, inner, width, action }) {
    if (!this.probes || (state + 1) * this.D > this.probes.length) return;
    const point = this.at(geo, state);
    for (const [stroke, thick] of [
      [inner, width + 2],
      [colour, width],
    ]) {
      if (!stroke) continue;
      ctx.strokeStyle = stroke;
      ctx.lineWidth = thick;
      ctx.beginPath();
      ctx.arc(...point, geo.radius + 1.5, 0, 2 * Math.PI);
      ctx.stroke();
      if (action === null || action === undefined) continue;
      ctx.beginPath();
      this.pie(ctx, point, geo.radius + 1.5, action);
      ctx.stroke();
    }
  }

  markDifference(ctx, geo, state, theme) {
    const [x, y] = this.at(geo, state);
    ctx.beginPath();
    ctx.arc(x + geo.radius * 0.8, y - geo.radius * 0.8, Math.max(geo.radius * 0.28, 1.5), 0, 2 * Math.PI);
    ctx.fillStyle = theme.warning;
    ctx.fill();
  }

  hit(geo, x, y) {
    if (!this.probes) return null;
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
    const action = this.turn.findIndex(
      ([start, width]) => (((angle - start) % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI) < width,
    );
    return { state: best.state, action: action < 0 ? null : action };
  }

  name(state) {
    if (!this.probes || (state + 1) * this.D > this.probes.length) return `probe ${state}`;
    const { names, image } = this.layout;
    if (image) return `probe ${state}`;
    const parts = names.slice(0, 4).map((name, d) => {
      const [, title, unit] = name.match(/^(.*?)(?: \((.*)\))?$/);
      return `${title} ${number(this.probes[state * this.D + d], 2)}${unit ? ` ${unit}` : ""}`;
    });
    return `probe ${state}: ${parts.join(", ")}`;
  }

  // The nearest probe in a direction of the picture.
  neighbour(state, dx, dy) {
    if (!this.probes) return state;
    const geo = { x: 0, y: 0, width: 1000, height: 1000 / this.aspect };
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
