// Signs of actions (arrows and shapes), and the hatch that stands for "not in the data".

import { contextOf } from "./dom.js";
import { actionColour, withAlpha } from "./palette.js";
import { SvgContext } from "./svg.js";

/** @import { ActionSigns, Pen, Point, Polygon, Theme } from "./types.d.ts" */

export const SHAPES = ["circle", "square", "triangle", "diamond", "down", "cross", "pentagon", "star"];

/** @param {Pen} pen @param {Polygon} points */
function closedPath(pen, points) {
  points.forEach(([x, y], i) => {
    if (i) pen.lineTo(x, y);
    else pen.moveTo(x, y);
  });
  pen.closePath();
}

/**
 * A shape of `size` (radius) around (x, y) as a path.
 * @param {Pen} pen
 * @param {string} shape - one of SHAPES
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
export function shapePath(pen, shape, x, y, size) {
  /** @param {number} n @param {number} turn @param {(corner: number) => number} [radius] */
  const polygon = (n, turn, radius = () => 1.1 * size) => {
    /** @param {number} i @returns {Point} */
    const corner = (i) => {
      const angle = turn + (2 * Math.PI * i) / n;
      return [x + radius(i) * Math.cos(angle), y + radius(i) * Math.sin(angle)];
    };
    closedPath(
      pen,
      Array.from({ length: n }, (_, i) => corner(i)),
    );
  };
  const up = -Math.PI / 2;
  pen.beginPath();
  if (shape === "circle") pen.arc(x, y, size * 0.92, 0, 2 * Math.PI);
  else if (shape === "square") polygon(4, Math.PI / 4);
  else if (shape === "triangle") polygon(3, up);
  else if (shape === "down") polygon(3, -up);
  else if (shape === "diamond") polygon(4, 0);
  else if (shape === "pentagon") polygon(5, up, () => size);
  else if (shape === "star") polygon(10, up, (i) => (i % 2 ? 0.45 : 1.05) * size);
  else {
    const [s, t] = [size, size * 0.36];
    /** @type {Polygon} */
    const cross = [
      [-t, -s],
      [t, -s],
      [t, -t],
      [s, -t],
      [s, t],
      [t, t],
      [t, s],
      [-t, s],
      [-t, t],
      [-s, t],
      [-s, -t],
      [-t, -t],
    ];
    closedPath(
      pen,
      cross.map(([dx, dy]) => [x + dx, y + dy]),
    );
  }
}

/**
 * Corners of an arrow from (x, y) outwards, along (dx, dy) of unit length.
 * @param {number} x
 * @param {number} y
 * @param {number} dx
 * @param {number} dy
 * @param {number} length
 * @param {number} width
 * @returns {Polygon}
 */
export function arrowCorners(x, y, dx, dy, length, width) {
  const shaft = length - Math.min(length * 0.62, width * 2.6);
  /** @param {number} along @param {number} across @returns {Point} */
  const at = (along, across) => [x + dx * along - dy * across, y + dy * along + dx * across];
  return [
    at(0, width / 2),
    at(shaft, width / 2),
    at(shaft, width * 1.35),
    at(length, 0),
    at(shaft, -width * 1.35),
    at(shaft, -width / 2),
    at(0, -width / 2),
  ];
}

/**
 * The same as a path.
 * @param {Pen} pen
 * @param {Parameters<typeof arrowCorners>} arrow
 */
export function arrowPath(pen, ...arrow) {
  pen.beginPath();
  closedPath(pen, arrowCorners(...arrow));
}

/**
 * The fixed sign of an action around (x, y): an arrow where it has a direction, else its shape, in its colour.
 * @param {Pen} pen
 * @param {number} action
 * @param {ActionSigns} layout
 * @param {Theme} theme
 * @param {Point} place
 * @param {number} size
 */
export function drawAction(pen, action, layout, theme, [x, y], size) {
  pen.fillStyle = actionColour(theme, action, layout.action_grid);
  const given = layout.directions?.[action];
  const [dx, dy] = !given ? [0, 0] : layout.kind === "grid" ? [given[1], given[0]] : [given[0], -given[1]];
  const norm = Math.hypot(dx, dy);
  if (norm) arrowPath(pen, x - (dx / norm) * size, y - (dy / norm) * size, dx / norm, dy / norm, size * 2, size * 0.4);
  else shapePath(pen, SHAPES[action % SHAPES.length], x, y, size * 0.75);
  pen.fill();
}

/** A text, cut where it is wider than there is room, in the pen's font. @param {Pen} pen @param {string} text
 * @param {number} room - in pixels */
export function fitted(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let [short, long] = [0, text.length];
  while (long - short > 1) {
    const middle = (short + long) >> 1;
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= room) short = middle;
    else long = middle;
  }
  return short ? `${text.slice(0, short).trimEnd()}…` : "";
}

/**
 * "Unseen" is a hatch and never a colour: light and dark strokes side by side, so that it reads on any colour beneath.
 * Small cells get a finer hatch that covers more, so that what was seen stands out.
 * @param {Pen} pen
 * @param {Theme} theme
 * @param {number} ratio - pixels of the screen for one of the page
 * @param {number} [cell] - side of a cell
 */
export function hatchStyle(pen, theme, ratio, cell = 32) {
  const hatch = hatchLines(theme, cell);
  if (pen instanceof SvgContext) return pen.hatch(hatch);
  const size = Math.max(Math.round(hatch.pitch * ratio), 2);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const context = contextOf(tile);
  for (const { colour, width, shift } of hatch.lines) {
    context.strokeStyle = colour;
    context.lineWidth = width * ratio;
    for (const offset of [-size, 0, size]) {
      context.beginPath();
      context.moveTo(offset + (shift - 2) * ratio, size + 2 * ratio);
      context.lineTo(offset + shift * ratio + size + 2 * ratio, -2 * ratio);
      context.stroke();
    }
  }
  const pattern = /** @type {CanvasPattern} */ (pen.createPattern(tile, "repeat"));
  pattern.setTransform(new DOMMatrix().scale(hatch.pitch / size));
  return pattern;
}

/** @typedef {{ pitch: number, lines: { colour: string, width: number, shift: number }[] }} Hatch */

/** @param {Theme} theme @param {number} cell @returns {Hatch} */
function hatchLines({ background, text }, cell) {
  if (cell >= 13) {
    const light = { colour: withAlpha(background, 0.92), width: 1.15, shift: 1.1 };
    return { pitch: 6, lines: [light, { colour: withAlpha(text, 0.5), width: 1.15, shift: 0 }] };
  }
  // The thin dark line keeps it a hatch where no colour lies beneath.
  const light = { colour: withAlpha(background, 0.9), width: 2.15, shift: 0 };
  return { pitch: 4, lines: [light, { colour: withAlpha(text, 0.3), width: 0.7, shift: 0 }] };
}
