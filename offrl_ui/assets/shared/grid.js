// A grid world's shape: which cells are states, how a cell is cut into one part for each action, and where all of it
// stands.

/** @import { Box, GridShape, Pen, Point, Polygon, Theme } from "./types.d.ts" */

/**
 * Polygons in the unit square, one for each action: wedges that meet in the middle, by the direction of their action,
 * and a
 * diamond in the middle for staying. Null where directions do not tell the actions apart.
 * @param {readonly (readonly [row: number, col: number])[]} directions
 * @returns {Polygon[] | null}
 */
export function wedges(directions) {
  /** @type {{ action: number, angle: number }[]} */
  const moving = [];
  /** @type {number[]} */
  const still = [];
  directions.forEach(([row, col], action) => {
    if (row || col) moving.push({ action, angle: Math.atan2(row, col) });
    else still.push(action);
  });
  const distinct = new Set(moving.map(({ angle }) => angle.toFixed(6)));
  if (still.length > 1 || distinct.size < moving.length || moving.length === 0) return null;
  moving.sort((a, b) => a.angle - b.angle);
  const shapes = /** @type {Polygon[]} */ (new Array(directions.length));
  moving.forEach(({ action, angle }, i) => {
    const before = moving[(i - 1 + moving.length) % moving.length].angle;
    const after = moving[(i + 1) % moving.length].angle;
    const [from, to] = [angle - turn(angle - before) / 2, angle + turn(after - angle) / 2];
    shapes[action] = moving.length === 1 ? SQUARE : wedge(from, to);
  });
  for (const action of still) shapes[action] = DIAMOND;
  return shapes;
}

/** @type {Polygon} */
const SQUARE = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];
/** @type {Polygon} */
const DIAMOND = [
  [0.5, 0.28],
  [0.72, 0.5],
  [0.5, 0.72],
  [0.28, 0.5],
];
const FULL = 2 * Math.PI;

/** A turn between 0 (not included) and a full one. @param {number} angle */
const turn = (angle) => ((angle % FULL) + FULL) % FULL || FULL;

/** @param {number} from @param {number} to @returns {Polygon} */
function wedge(from, to) {
  const quarter = Math.PI / 2;
  const corners = [];
  for (let k = Math.floor((from - quarter / 2) / quarter) + 1; k * quarter + quarter / 2 < to - 1e-9; k++) {
    if (k * quarter + quarter / 2 > from + 1e-9) corners.push(edge(k * quarter + quarter / 2));
  }
  return [[0.5, 0.5], edge(from), ...corners, edge(to)];
}

/** Where a ray from the middle leaves the unit square. @param {number} angle @returns {Point} */
function edge(angle) {
  const [x, y] = [Math.cos(angle), Math.sin(angle)];
  const reach = 0.5 / Math.max(Math.abs(x), Math.abs(y));
  return [0.5 + x * reach, 0.5 + y * reach];
}

/** Upright parts of one width. @param {number} n @returns {Polygon[]} */
const bars = (n) =>
  Array.from({ length: n }, (_, i) => [
    [i / n, 0],
    [(i + 1) / n, 0],
    [(i + 1) / n, 1],
    [i / n, 1],
  ]);

/** @param {Polygon} polygon @param {number} x @param {number} y */
function inside(polygon, x, y) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

/**
 * A path around a polygon of the unit square, drawn into a cell of `size`.
 * @param {Pick<Pen, "moveTo" | "lineTo" | "closePath">} path - a context, or a Path2D
 * @param {Point} corner
 * @param {number} size
 * @param {Polygon} polygon
 */
export function tracePolygon(path, [x, y], size, polygon) {
  polygon.forEach(([px, py], i) => {
    if (i) path.lineTo(x + px * size, y + py * size);
    else path.moveTo(x + px * size, y + py * size);
  });
  path.closePath();
}

/** Where a grid stands: the corner of its first cell, the side of a cell, and the part that is shown.
 * @typedef {{ size: number, x: number, y: number, frame: Box }} GridPlace */

/** The cells of a grid world, its states, and the parts of a cell. */
export class GridCells {
  /**
   * @param {GridShape} layout
   * @param {number} nActions
   * @param {number} margin - cells of wall that are shown around the states: rings of wall tell nothing
   */
  constructor(layout, nActions, margin) {
    this.layout = layout;
    this.directions = layout.directions ?? [];
    const cut = this.directions.length === nActions ? wedges(this.directions) : null;
    this.shapes = cut ?? bars(nActions);
    this.asBars = !cut;
    // A resting action lies on top of the wedges: it is hit first.
    this.hitOrder = [...this.shapes.keys()].sort((a, b) => Number(this.rests(b)) - Number(this.rests(a)));
    /** The first cell of each state. @type {Map<number, number>} */
    this.cellOf = new Map();
    layout.state_of_cell.forEach((state, cell) => {
      if (state >= 0 && !this.cellOf.has(state)) this.cellOf.set(state, cell);
    });
    const shown = layout.state_of_cell.flatMap((state, cell) => (state >= 0 || !this.isWall(cell) ? [cell] : []));
    const [top, rows] = range(
      shown.map((cell) => Math.floor(cell / layout.cols)),
      layout.rows,
      margin,
    );
    const [left, cols] = range(
      shown.map((cell) => cell % layout.cols),
      layout.cols,
      margin,
    );
    this.crop = { top, left, rows, cols };
  }

  /** Whether an action stays where it is. @param {number} action */
  rests(action) {
    const [row, col] = this.directions[action] ?? [1, 1];
    return !row && !col;
  }

  /** @param {number} cell */
  isWall(cell) {
    return this.layout.state_of_cell[cell] < 0 && this.layout.cells[cell] === "#";
  }

  /**
   * The largest place in a box.
   * @param {Box} box
   * @param {number} [grain] - places and sizes are multiples of this many pixels
   * @returns {GridPlace}
   */
  fit(box, grain = 1) {
    const { top, left, rows, cols } = this.crop;
    /** @param {number} value */
    const down = (value) => Math.floor(value / grain) * grain;
    const size = Math.max(down(Math.min(box.width / cols, box.height / rows)), 2);
    const [width, height] = [size * cols, size * rows];
    const frame = {
      x: box.x + down((box.width - width) / 2),
      y: box.y + down((box.height - height) / 2),
      width,
      height,
    };
    /** @param {number} value */
    const near = (value) => Math.round(value / grain) * grain;
    return { size, x: near(frame.x - left * size), y: near(frame.y - top * size), frame };
  }

  /** Upper left corner of a cell. @param {GridPlace} place @param {number} cell @returns {Point} */
  cornerOf({ x, y, size }, cell) {
    const { cols } = this.layout;
    return [x + (cell % cols) * size, y + Math.floor(cell / cols) * size];
  }

  /** Upper left corner of a state's cell. @param {GridPlace} place @param {number} state */
  corner(place, state) {
    return this.cornerOf(place, this.cellOf.get(state) ?? 0);
  }

  /** The middle of an action's part of a state's cell. @param {GridPlace} place @param {number} state
   * @param {number} action @returns {Point} */
  middle(place, state, action) {
    const [x, y] = this.corner(place, state);
    const shape = this.shapes[action];
    /** @param {0 | 1} i */
    const mean = (i) => shape.reduce((sum, corner) => sum + corner[i], 0) / shape.length;
    return [x + mean(0) * place.size, y + mean(1) * place.size];
  }

  /** The state and the action's part at a point; action null for none. @param {GridPlace} place @param {Point} point */
  hit(place, [x, y]) {
    const { rows, cols, state_of_cell: states } = this.layout;
    const [across, down] = [(x - place.x) / place.size, (y - place.y) / place.size];
    const [col, row] = [Math.floor(across), Math.floor(down)];
    if (row < 0 || col < 0 || row >= rows || col >= cols || states[row * cols + col] < 0) return null;
    const action = this.hitOrder.find((a) => inside(this.shapes[a], across - col, down - row)) ?? null;
    return { state: states[row * cols + col], action };
  }

  /** The next state in a direction, over walls. @param {number} state @param {number} dx @param {number} dy */
  neighbour(state, dx, dy) {
    const cell = this.cellOf.get(state);
    if (cell === undefined) return state;
    const { rows, cols, state_of_cell: states } = this.layout;
    let [row, col] = [Math.floor(cell / cols), cell % cols];
    for (;;) {
      row += dy;
      col += dx;
      if (row < 0 || col < 0 || row >= rows || col >= cols) return state;
      if (states[row * cols + col] >= 0) return states[row * cols + col];
    }
  }

  /**
   * All that is wall, up to the edge of what is shown.
   * @param {Pen} pen
   * @param {GridPlace} place
   * @param {Theme} theme
   */
  drawWalls(pen, place, theme) {
    const { size, frame } = place;
    pen.fillStyle = theme.wall;
    pen.beginPath();
    pen.rect(frame.x, frame.y, frame.width, frame.height);
    this.layout.state_of_cell.forEach((_, cell) => {
      if (this.isWall(cell)) return;
      // The other way round than the frame: under the nonzero rule of fill() these are holes.
      tracePolygon(pen, this.cornerOf(place, cell), size, [
        [0, 0],
        [0, 1],
        [1, 1],
        [1, 0],
      ]);
    });
    pen.fill();
  }
}

/** @param {number[]} places @param {number} most @param {number} margin @returns {[first: number, length: number]} */
function range(places, most, margin) {
  const low = Math.max(Math.min(...places) - margin, 0);
  return [low, Math.min(Math.max(...places) + 1 + margin, most) - low];
}
