// A grid world: every cell is cut into one part per action (for four directions, triangles), coloured by the mode's
// numbers. Unseen actions are hatched.

import { GridCells, tracePolygon } from "../shared/grid.js";
import { actionColour, withAlpha } from "../shared/palette.js";
import { arrowPath, hatchStyle } from "../shared/signs.js";
import { outlined } from "./marks.js";
import { drawReads } from "./reads.js";

/**
 * @import { GridLayout } from "../run/protocol.d.ts"
 * @import { Store } from "../run/store.js"
 * @import { GridPlace } from "../shared/grid.js"
 * @import { Box, Pen, Point, Theme } from "../shared/types.d.ts"
 * @import { Read } from "./reads.js"
 * @import { Outline, Painted, Scene } from "./scenes.d.ts"
 */

/** @implements {Scene<GridPlace>} */
export class GridScene {
  /** @param {Store} store @param {GridLayout} layout */
  constructor(store, layout) {
    this.store = store;
    this.layout = layout;
    this.grid = new GridCells(layout, store.run.nActions, 0.5);
    this.aspect = this.grid.crop.cols / this.grid.crop.rows;
    this.labels = new Map(layout.labels ?? []);
  }

  /** @param {Box} box */
  geometry(box) {
    return this.grid.fit(box);
  }

  /** @param {GridPlace} geo @param {number} state */
  corner(geo, state) {
    return this.grid.corner(geo, state);
  }

  /**
   * Colours: one path per wedge, or one square per state.
   * @param {Pen} pen
   * @param {GridPlace} geo
   * @param {Painted} what
   */
  draw(pen, geo, { values, scale, theme, perState, arrows, policy }) {
    const { nActions: A } = this.store.run;
    for (const state of this.grid.cellOf.keys()) {
      if (this.store.terminal[state]) continue;
      const corner = this.corner(geo, state);
      if (arrows) {
        if (policy) this.arrows(pen, geo, corner, state, policy, theme);
        continue;
      }
      if (perState) {
        if (Number.isNaN(values[state])) continue;
        pen.fillStyle = scale.colour(values[state], theme.dark);
        pen.fillRect(corner[0], corner[1], geo.size, geo.size);
        continue;
      }
      for (let a = 0; a < A; a++) {
        const value = values[state * A + a];
        if (Number.isNaN(value)) continue;
        pen.fillStyle = scale.colour(value, theme.dark);
        pen.beginPath();
        tracePolygon(pen, corner, geo.size, this.grid.shapes[a]);
        pen.fill();
      }
    }
  }

  /**
   * @param {Pen} pen
   * @param {GridPlace} geo
   * @param {Point} corner
   * @param {number} state
   * @param {ArrayLike<number>} policy
   * @param {Theme} theme
   */
  arrows(pen, { size }, [x, y], state, policy, theme) {
    const { nActions: A } = this.store.run;
    const [centreX, centreY] = [x + size / 2, y + size / 2];
    for (let a = 0; a < A; a++) {
      const p = policy[state * A + a];
      if (!(p > 0.01)) continue;
      pen.fillStyle = actionColour(theme, a);
      if (this.grid.asBars) {
        pen.fillRect(x + ((a + 0.14) * size) / A, y + size * (1 - 0.92 * p), (0.72 * size) / A, size * 0.92 * p);
        continue;
      }
      if (this.grid.rests(a)) {
        pen.beginPath();
        pen.arc(centreX, centreY, Math.sqrt(p) * size * 0.2, 0, 2 * Math.PI);
      } else {
        const [dy, dx] = this.grid.directions[a];
        const norm = Math.hypot(dx, dy);
        arrowPath(pen, centreX, centreY, dx / norm, dy / norm, size * (0.1 + 0.37 * p), size * (0.03 + 0.09 * p));
      }
      pen.fill();
    }
  }

  /** @param {Pen} pen @param {GridPlace} geo @param {readonly Read[]} reads @param {Theme} theme
   * @param {{ pointed: number | null, still: boolean }} how */
  drawReads(pen, geo, reads, theme, how) {
    drawReads(pen, this.grid, geo, reads, theme, how);
  }

  /** @param {Pen} pen @param {GridPlace} geo @param {Theme} theme @param {number} ratio @param {boolean} small */
  drawStatic(pen, geo, theme, ratio, small) {
    const { store, grid, layout } = this;
    const { counts } = store.static;
    const { nActions: A } = store.run;
    const { size } = geo;
    const living = [...grid.cellOf.keys()].filter((state) => !store.terminal[state]);
    /** @param {(state: number, action: number) => boolean} wanted */
    const trace = (wanted) => {
      pen.beginPath();
      for (const state of living) {
        for (let a = 0; a < A; a++)
          if (wanted(state, a)) tracePolygon(pen, this.corner(geo, state), size, grid.shapes[a]);
      }
    };
    if (counts) {
      trace((state, a) => !counts[state * A + a]);
      pen.fillStyle = hatchStyle(pen, theme, ratio, size);
      pen.fill();
    }
    if (size >= 14) {
      pen.strokeStyle = withAlpha(theme.background, 0.75);
      pen.lineWidth = 0.8;
      trace(() => true);
      pen.stroke();
    }
    grid.drawWalls(pen, geo, theme);
    pen.strokeStyle = theme.background;
    pen.lineWidth = size >= 14 ? 1.6 : 0.6;
    for (const state of grid.cellOf.keys()) pen.strokeRect(...this.corner(geo, state), size, size);
    for (const [state, cell] of grid.cellOf) {
      const letter = layout.cells[cell];
      if (store.terminal[state]) this.drawEnd(pen, geo, state, theme);
      if (!/[.#\s]/.test(letter)) this.drawLetter(pen, geo, state, letter, theme, small);
    }
  }

  /** @param {Pen} pen @param {GridPlace} geo @param {number} state @param {Theme} theme */
  drawEnd(pen, geo, state, theme) {
    const [x, y] = this.corner(geo, state);
    const { size } = geo;
    pen.fillStyle = theme.surface;
    pen.fillRect(x + 0.8, y + 0.8, size - 1.6, size - 1.6);
    pen.strokeStyle = theme.muted;
    pen.lineWidth = Math.max(1, size / 20);
    pen.strokeRect(x + 2, y + 2, size - 4, size - 4);
  }

  /**
   * @param {Pen} pen
   * @param {GridPlace} geo
   * @param {number} state
   * @param {string} letter
   * @param {Theme} theme
   * @param {boolean} small
   */
  drawLetter(pen, geo, state, letter, theme, small) {
    const [x, y] = this.corner(geo, state);
    const { size } = geo;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    if (this.store.terminal[state]) {
      pen.font = `700 ${Math.max(size * 0.5, 7)}px ${theme.font}`;
      pen.fillStyle = theme.text;
      pen.fillText(letter, x + size / 2, y + size / 2 + size * 0.03);
      return;
    }
    if (small || size < 16) return;
    // A start is a cell like any other: its letter sits in a corner and leaves the wedges visible.
    const chip = Math.max(size * 0.36, 11);
    pen.fillStyle = theme.background;
    pen.fillRect(x + 1, y + 1, chip, chip);
    pen.font = `700 ${chip * 0.82}px ${theme.font}`;
    pen.fillStyle = theme.text;
    pen.fillText(letter, x + 1 + chip / 2, y + 1 + chip / 2 + chip * 0.06);
  }

  /** @param {Pen} pen @param {GridPlace} geo @param {number} state @param {Outline} style */
  outline(pen, geo, state, style) {
    if (!this.grid.cellOf.has(state)) return;
    const { action, colour, width } = style;
    const corner = this.corner(geo, state);
    pen.lineJoin = "round";
    if (action !== null) {
      pen.strokeStyle = colour;
      pen.lineWidth = Math.max(1.5, width * 0.7);
      pen.beginPath();
      tracePolygon(pen, corner, geo.size, this.grid.shapes[action]);
      pen.stroke();
    }
    outlined(pen, style, () => pen.strokeRect(...corner, geo.size, geo.size));
  }

  /** A ringed dot in the corner. @param {Pen} pen @param {GridPlace} geo @param {number} state @param {Theme} theme */
  markDifference(pen, geo, state, theme) {
    const [x, y] = this.corner(geo, state);
    const radius = Math.max(geo.size * 0.11, 1.6);
    pen.beginPath();
    pen.arc(x + geo.size - radius * 1.7, y + radius * 1.7, radius, 0, 2 * Math.PI);
    pen.fillStyle = theme.warning;
    pen.fill();
    pen.lineWidth = Math.max(1, radius * 0.45);
    pen.strokeStyle = theme.background;
    pen.stroke();
  }

  /** @param {GridPlace} geo @param {number} x @param {number} y */
  hit(geo, x, y) {
    const hit = this.grid.hit(geo, [x, y]);
    return hit && this.store.terminal[hit.state] ? { ...hit, action: null } : hit;
  }

  /** @param {number} state */
  name(state) {
    const cell = this.grid.cellOf.get(state);
    if (cell === undefined) return `state ${state}`;
    const { cols, cells } = this.layout;
    const letter = cells[cell];
    const meaning = this.labels.has(letter) ? `, ${this.labels.get(letter)}` : "";
    return `cell (${Math.floor(cell / cols)}, ${cell % cols})${/[.#\s]/.test(letter) ? "" : ` ${letter}${meaning}`}`;
  }

  /** @param {number} state @param {number} dx @param {number} dy */
  neighbour(state, dx, dy) {
    return this.grid.neighbour(state, dx, dy);
  }
}
