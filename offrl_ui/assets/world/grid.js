// A grid world: every cell is cut into one wedge per action (four triangles for up, right, down, left), coloured by the
// mode's numbers. Cells whose actions have no direction of their own are cut into bars. Unseen actions are hatched.

import { actionColour, arrowPath, hatchStyle, withAlpha } from "../shared/palette.js";

// Polygons in the unit square, one per action; null where directions do not tell the actions apart.
export function wedges(directions) {
  const moving = [];
  const still = [];
  directions.forEach(([row, col], action) =>
    (row || col ? moving : still).push({ action, angle: Math.atan2(row, col) }),
  );
  const distinct = new Set(moving.map(({ angle }) => angle.toFixed(6)));
  if (still.length > 1 || distinct.size < moving.length || moving.length === 0) return null;
  moving.sort((a, b) => a.angle - b.angle);
  const shapes = new Array(directions.length);
  const edge = (angle) => {
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    const reach = 0.5 / Math.max(Math.abs(x), Math.abs(y));
    return [0.5 + x * reach, 0.5 + y * reach];
  };
  moving.forEach(({ action, angle }, i) => {
    if (moving.length === 1) {
      shapes[action] = [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
      ];
      return;
    }
    const before = moving[(i - 1 + moving.length) % moving.length].angle;
    const after = moving[(i + 1) % moving.length].angle;
    const turn = 2 * Math.PI;
    const from = angle - ((((angle - before) % turn) + turn) % turn || turn) / 2;
    const to = angle + ((((after - angle) % turn) + turn) % turn || turn) / 2;
    const polygon = [[0.5, 0.5], edge(from)];
    for (
      let k = Math.floor((from - Math.PI / 4) / (Math.PI / 2)) + 1;
      k * (Math.PI / 2) + Math.PI / 4 < to - 1e-9;
      k++
    ) {
      const corner = k * (Math.PI / 2) + Math.PI / 4;
      if (corner > from + 1e-9) polygon.push(edge(corner));
    }
    polygon.push(edge(to));
    shapes[action] = polygon;
  });
  for (const { action } of still)
    shapes[action] = [
      [0.5, 0.28],
      [0.72, 0.5],
      [0.5, 0.72],
      [0.28, 0.5],
    ];
  return shapes;
}

// The part of the grid that has states, with half a cell of wall around it: outer rings of wall tell nothing.
function bounds({ rows, cols, cells, state_of_cell: states }) {
  const free = states.map((state, cell) => (state >= 0 || cells[cell] !== "#" ? cell : -1)).filter((cell) => cell >= 0);
  const [r, c] = [free.map((cell) => Math.floor(cell / cols)), free.map((cell) => cell % cols)];
  const range = (numbers, most) => {
    const low = Math.max(Math.min(...numbers) - 0.5, 0);
    return [low, Math.min(Math.max(...numbers) + 1.5, most) - low];
  };
  const [[top, height], [left, width]] = [range(r, rows), range(c, cols)];
  return { top, left, rows: height, cols: width };
}

const bars = (n) =>
  Array.from({ length: n }, (_, i) => [
    [i / n, 0],
    [(i + 1) / n, 0],
    [(i + 1) / n, 1],
    [i / n, 1],
  ]);

const inside = (polygon, x, y) => {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
};

export class GridScene {
  constructor(store) {
    this.store = store;
    const { layout, nActions } = store.hello;
    this.layout = layout;
    this.crop = bounds(layout);
    this.aspect = this.crop.cols / this.crop.rows;
    const directions = layout.directions ?? [];
    this.directions = directions;
    const cut = directions.length === nActions ? wedges(directions) : null;
    this.shapes = cut ?? bars(nActions);
    this.asBars = !cut;
    // A resting action lies on top of the wedges: it is hit first.
    this.hitOrder = [...this.shapes.keys()].sort((a, b) => this.still(b) - this.still(a));
    this.cellOf = new Map();
    layout.state_of_cell.forEach((state, cell) => {
      if (state >= 0 && !this.cellOf.has(state)) this.cellOf.set(state, cell);
    });
    this.labels = new Map(layout.labels ?? []);
  }

  still(action) {
    const [row, col] = this.directions[action] ?? [1, 1];
    return Number(!row && !col);
  }

  geometry(box) {
    const { top, left, rows, cols } = this.crop;
    const size = Math.max(Math.floor(Math.min(box.width / cols, box.height / rows)), 2);
    const frame = {
      x: box.x + Math.floor((box.width - size * cols) / 2),
      y: box.y + Math.floor((box.height - size * rows) / 2),
      width: size * cols,
      height: size * rows,
    };
    return { size, x: Math.round(frame.x - left * size), y: Math.round(frame.y - top * size), frame };
  }

  corner(geo, state) {
    const cell = this.cellOf.get(state);
    const { cols } = this.layout;
    return [geo.x + (cell % cols) * geo.size, geo.y + Math.floor(cell / cols) * geo.size];
  }

  trace(ctx, [x, y], size, polygon) {
    polygon.forEach(([px, py], i) => ctx[i ? "lineTo" : "moveTo"](x + px * size, y + py * size));
    ctx.closePath();
  }

  // Colours: one path per wedge, or one square per state.
  draw(ctx, geo, { values, scale, theme, perState, arrows, policy }) {
    const { nActions: A } = this.store.hello;
    for (const [state] of this.cellOf) {
      if (this.store.terminal[state]) continue;
      const corner = this.corner(geo, state);
      if (arrows) {
        this.arrows(ctx, geo, corner, state, policy, theme);
        continue;
      }
      if (perState) {
        if (Number.isNaN(values[state])) continue;
        ctx.fillStyle = scale.colour(values[state], theme.dark);
        ctx.fillRect(corner[0], corner[1], geo.size, geo.size);
        continue;
      }
      for (let a = 0; a < A; a++) {
        const value = values[state * A + a];
        if (Number.isNaN(value)) continue;
        ctx.fillStyle = scale.colour(value, theme.dark);
        ctx.beginPath();
        this.trace(ctx, corner, geo.size, this.shapes[a]);
        ctx.fill();
      }
    }
  }

  arrows(ctx, geo, [x, y], state, policy, theme) {
    const { nActions: A } = this.store.hello;
    const { size } = geo;
    for (let a = 0; a < A; a++) {
      const p = policy[state * A + a];
      if (!(p > 0.01)) continue;
      ctx.fillStyle = actionColour(theme, a, this.layout.action_grid);
      if (this.asBars) {
        ctx.fillRect(x + ((a + 0.14) * size) / A, y + size * (1 - 0.92 * p), (0.72 * size) / A, size * 0.92 * p);
        continue;
      }
      const [dy, dx] = this.directions[a];
      if (this.still(a)) {
        ctx.beginPath();
        ctx.arc(x + size / 2, y + size / 2, Math.sqrt(p) * size * 0.2, 0, 2 * Math.PI);
        ctx.fill();
        continue;
      }
      const norm = Math.hypot(dx, dy);
      arrowPath(
        ctx,
        x + size / 2,
        y + size / 2,
        dx / norm,
        dy / norm,
        size * (0.1 + 0.37 * p),
        size * (0.03 + 0.09 * p),
      );
      ctx.fill();
    }
  }

  // What never changes: walls, hatches, letters, lines between cells.
  drawStatic(ctx, geo, theme, ratio, small) {
    const { layout, store } = this;
    const { counts } = store.static;
    const { nActions: A } = store.hello;
    const { size } = geo;
    const hatched = () => {
      for (const [state] of this.cellOf) {
        if (store.terminal[state] || !counts) continue;
        const corner = this.corner(geo, state);
        for (let a = 0; a < A; a++) if (!counts[state * A + a]) this.trace(ctx, corner, size, this.shapes[a]);
      }
    };
    ctx.beginPath();
    hatched();
    ctx.fillStyle = hatchStyle(ctx, theme, ratio, size);
    ctx.fill();
    if (size >= 14) {
      ctx.strokeStyle = withAlpha(theme.background, 0.75);
      ctx.lineWidth = 0.8;
      ctx.beginPath();
      for (const [state] of this.cellOf)
        if (!store.terminal[state])
          this.shapes.forEach((shape) => this.trace(ctx, this.corner(geo, state), size, shape));
      ctx.stroke();
    }
    this.walls(ctx, geo, theme);
    const gap = size >= 14 ? 1.6 : 0.6;
    ctx.strokeStyle = theme.background;
    ctx.lineWidth = gap;
    for (const [state] of this.cellOf) {
      const [x, y] = this.corner(geo, state);
      ctx.strokeRect(x, y, size, size);
    }
    for (const [state, cell] of this.cellOf) {
      const letter = layout.cells[cell];
      const terminal = store.terminal[state];
      if (terminal) {
        const [x, y] = this.corner(geo, state);
        ctx.fillStyle = theme.surface;
        ctx.fillRect(x + 0.8, y + 0.8, size - 1.6, size - 1.6);
        ctx.strokeStyle = theme.muted;
        ctx.lineWidth = Math.max(1, size / 20);
        ctx.strokeRect(x + 2, y + 2, size - 4, size - 4);
      }
      if (!/[.#\s]/.test(letter)) this.letter(ctx, geo, state, letter, terminal, theme, small);
    }
  }

  // Everything that is no state is wall, up to the edge of the picture.
  walls(ctx, geo, theme) {
    const { layout } = this;
    const { size, frame } = geo;
    ctx.fillStyle = theme.wall;
    ctx.beginPath();
    ctx.rect(frame.x, frame.y, frame.width, frame.height);
    layout.state_of_cell.forEach((state, cell) => {
      if (state < 0 && layout.cells[cell] === "#") return;
      // The other way round than the frame: under the nonzero rule of fill() these are holes.
      const [x, y] = [geo.x + (cell % layout.cols) * size, geo.y + Math.floor(cell / layout.cols) * size];
      ctx.moveTo(x, y);
      ctx.lineTo(x, y + size);
      ctx.lineTo(x + size, y + size);
      ctx.lineTo(x + size, y);
      ctx.closePath();
    });
    ctx.fill();
  }

  letter(ctx, geo, state, letter, terminal, theme, small) {
    const [x, y] = this.corner(geo, state);
    const { size } = geo;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    if (terminal) {
      ctx.font = `700 ${Math.max(size * 0.5, 7)}px ${theme.font}`;
      ctx.fillStyle = theme.text;
      ctx.fillText(letter, x + size / 2, y + size / 2 + size * 0.03);
      return;
    }
    if (small || size < 16) return;
    // A start is a cell like any other: its letter sits in a corner and leaves the wedges visible.
    const chip = Math.max(size * 0.36, 11);
    ctx.fillStyle = theme.background;
    ctx.fillRect(x + 1, y + 1, chip, chip);
    ctx.font = `700 ${chip * 0.82}px ${theme.font}`;
    ctx.fillStyle = theme.text;
    ctx.fillText(letter, x + 1 + chip / 2, y + 1 + chip / 2 + chip * 0.06);
  }

  outline(ctx, geo, state, { colour, inner, width, action }) {
    if (!this.cellOf.has(state)) return;
    const corner = this.corner(geo, state);
    ctx.lineJoin = "round";
    if (action !== null && action !== undefined) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = Math.max(1.5, width * 0.7);
      ctx.beginPath();
      this.trace(ctx, corner, geo.size, this.shapes[action]);
      ctx.stroke();
    }
    for (const [stroke, thick] of [
      [inner, width + 2],
      [colour, width],
    ]) {
      if (!stroke) continue;
      ctx.strokeStyle = stroke;
      ctx.lineWidth = thick;
      ctx.strokeRect(corner[0], corner[1], geo.size, geo.size);
    }
  }

  // A state whose greedy action differs between the worlds shown: a ringed dot in the corner.
  markDifference(ctx, geo, state, theme) {
    const [x, y] = this.corner(geo, state);
    const radius = Math.max(geo.size * 0.11, 1.6);
    ctx.beginPath();
    ctx.arc(x + geo.size - radius * 1.7, y + radius * 1.7, radius, 0, 2 * Math.PI);
    ctx.fillStyle = theme.warning;
    ctx.fill();
    ctx.lineWidth = Math.max(1, radius * 0.45);
    ctx.strokeStyle = theme.background;
    ctx.stroke();
  }

  hit(geo, x, y) {
    const { rows, cols } = this.layout;
    const col = Math.floor((x - geo.x) / geo.size);
    const row = Math.floor((y - geo.y) / geo.size);
    if (row < 0 || col < 0 || row >= rows || col >= cols) return null;
    const state = this.layout.state_of_cell[row * cols + col];
    if (state < 0) return null;
    if (this.store.terminal[state]) return { state, action: null };
    const [px, py] = [(x - geo.x) / geo.size - col, (y - geo.y) / geo.size - row];
    return { state, action: this.hitOrder.find((a) => inside(this.shapes[a], px, py)) ?? null };
  }

  name(state) {
    const cell = this.cellOf.get(state);
    if (cell === undefined) return `state ${state}`;
    const { cols } = this.layout;
    const letter = this.layout.cells[cell];
    const what = /[.#\s]/.test(letter)
      ? ""
      : ` ${letter}${this.labels.has(letter) ? `, ${this.labels.get(letter)}` : ""}`;
    return `cell (${Math.floor(cell / cols)}, ${cell % cols})${what}`;
  }

  // The neighbour in a direction, for the arrow keys on the picture.
  neighbour(state, dx, dy) {
    const cell = this.cellOf.get(state);
    if (cell === undefined) return state;
    const { rows, cols } = this.layout;
    let [row, col] = [Math.floor(cell / cols), cell % cols];
    for (;;) {
      row += dy;
      col += dx;
      if (row < 0 || col < 0 || row >= rows || col >= cols) return state;
      const next = this.layout.state_of_cell[row * cols + col];
      if (next >= 0) return next;
    }
  }
}
