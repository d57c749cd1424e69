// A world of one state: a bar for each action on one axis, with its number. Worlds side by side have the same axis, so
// that a bar means the same in all of them.

import { number } from "../shared/format.js";
import { actionColour, infiniteColour, withAlpha } from "../shared/palette.js";
import { drawAction, hatchStyle } from "../shared/signs.js";

/**
 * @import { Store } from "../run/store.js"
 * @import { Box, Pen, Theme } from "../shared/types.d.ts"
 * @import { Outline, Painted, Scene } from "./scenes.d.ts"
 */

/** Where the bars stand: the inside of the axis, the room of one bar, and the size of type.
 * @typedef {Box & { slot: number, font: number }} BarsPlace */

const EDGE = { left: 52, right: 8, top: 40, bottom: 26 };
const WIDEST = 190;

/**
 * The state that is drawn, where a world has only one that goes on.
 * @param {Store} store
 * @param {{ order: number[] }} layout
 */
export function onlyState(store, { order }) {
  const living = order.filter((state) => !store.terminal[state]);
  return living.length === 1 ? living[0] : null;
}

/** @implements {Scene<BarsPlace>} */
export class BarsScene {
  /** @param {Store} store @param {number} state */
  constructor(store, state) {
    this.store = store;
    this.state = state;
    this.A = store.run.nActions;
    this.aspect = 1.1;
    /** Numbers and bars lie above the hatch. */
    this.above = true;
    this.ratio = 1;
  }

  /** @param {Box} box @returns {BarsPlace} */
  geometry(box) {
    const font = box.width < 200 ? 9.5 : 11.5;
    const left = box.width < 200 ? 40 : EDGE.left;
    const slot = Math.min((box.width - left - EDGE.right) / this.A, WIDEST);
    const width = slot * this.A;
    const x = box.x + left + (box.width - left - EDGE.right - width) / 2;
    return { x, y: box.y + EDGE.top, width, height: box.height - EDGE.top - EDGE.bottom, slot, font };
  }

  /** @param {Pen} pen @param {BarsPlace} geo @param {Painted} what */
  draw(pen, geo, { values, scale, theme, perState, theta }) {
    const { A, state } = this;
    const { x, y, width, height, slot, font } = geo;
    /** @param {number} value */
    const up = (value) => y + height * (1 - scale.at(value));
    const zero = up(Math.max(Math.min(0, scale.high), scale.low));
    pen.font = `${font}px ${theme.font}`;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const tick of scale.low === scale.high ? [0] : scale.ticks(4)) {
      pen.fillStyle = theme.line;
      pen.fillRect(x, up(tick), width, 1);
      pen.fillStyle = theme.muted;
      pen.fillText(scale.tickText(tick), x - 6, up(tick));
    }
    pen.fillStyle = theme.muted;
    pen.fillRect(x, zero, width, 1);
    if (theta) {
      pen.fillStyle = theme.text;
      pen.textAlign = "left";
      pen.fillText(thetaText(theta), x, y - 26);
    }
    for (let a = 0; a < (perState ? 1 : A); a++) {
      const value = values[perState ? state : state * A + a];
      const room = perState ? width : slot;
      const [left, wide] = [x + a * slot + 0.16 * room, 0.68 * room];
      if (Number.isNaN(value)) continue;
      const finite = Number.isFinite(value);
      const end = finite ? up(value) : value > 0 ? y : y + height;
      const [top, tall] = [Math.min(end, zero), Math.abs(end - zero)];
      pen.fillStyle = !finite
        ? infiniteColour(theme.dark)
        : perState
          ? scale.colour(value, theme.dark)
          : actionColour(theme, a, this.store.run.layout.action_grid);
      pen.fillRect(left, top, wide, tall);
      if (!perState && this.unseen(a)) {
        pen.fillStyle = hatchStyle(pen, theme, this.ratio);
        pen.fillRect(left, top, wide, tall);
      }
      pen.strokeStyle = withAlpha(theme.text, 0.35);
      pen.lineWidth = 1;
      if (tall > 1) pen.strokeRect(left + 0.5, top + 0.5, wide - 1, tall - 1);
      const below = end > zero;
      const text = number(value);
      const half = Math.min(pen.measureText(text).width, room - 4) / 2 + 3;
      const at = end + (below ? 0.8 : -0.8) * font;
      pen.fillStyle = withAlpha(theme.background, 0.85);
      pen.fillRect(left + wide / 2 - half, at - 0.6 * font, 2 * half, 1.2 * font);
      pen.fillStyle = theme.text;
      pen.textAlign = "center";
      pen.font = `600 ${font}px ${theme.font}`;
      pen.fillText(text, left + wide / 2, at, room - 4);
      pen.font = `${font}px ${theme.font}`;
    }
  }

  /** @param {number} action */
  unseen(action) {
    const { counts } = this.store.static;
    return Boolean(counts && !counts[this.state * this.A + action]);
  }

  /** @param {Pen} pen @param {BarsPlace} geo @param {Theme} theme @param {number} ratio */
  drawStatic(pen, geo, theme, ratio) {
    const { actionNames, layout } = this.store.run;
    const { x, y, height, slot, font } = geo;
    this.ratio = ratio;
    actionNames.forEach((name, a) => {
      if (this.unseen(a)) {
        pen.fillStyle = hatchStyle(pen, theme, ratio);
        pen.fillRect(x + a * slot + 2, y, slot - 4, height);
      }
      pen.font = `${font + 0.5}px ${theme.font}`;
      const half = Math.min(pen.measureText(name).width, slot - 22) / 2;
      const middle = x + (a + 0.5) * slot;
      drawAction(pen, a, layout, theme, [middle - half - 3, y + height + 15], 0.5 * font);
      pen.fillStyle = theme.text;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(name, middle + 7, y + height + 15, slot - 18);
    });
  }

  /** The bar's room; the state alone is all there is. @param {Pen} pen @param {BarsPlace} geo @param {number} state
   * @param {Outline} style */
  outline(pen, { x, y, height, slot }, state, { colour, width, action }) {
    if (state !== this.state || action === null) return;
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.strokeRect(x + action * slot + 1, y - 18, slot - 2, height + 42);
  }

  /** @param {Pen} pen @param {BarsPlace} geo @param {number} state @param {Theme} theme */
  markDifference(pen, { x, y, width }, state, theme) {
    if (state !== this.state) return;
    pen.beginPath();
    pen.arc(x + width - 4, y - 26, 4, 0, 2 * Math.PI);
    pen.fillStyle = theme.warning;
    pen.fill();
  }

  /** @param {BarsPlace} geo @param {number} x @param {number} y */
  hit(geo, x, y) {
    const action = Math.floor((x - geo.x) / geo.slot);
    const inside = action >= 0 && action < this.A && y >= geo.y - 18 && y <= geo.y + geo.height + EDGE.bottom;
    return inside ? { state: this.state, action } : null;
  }

  /** @param {number} state */
  name(state) {
    return state === this.state ? "the one state" : `state ${state}, terminal`;
  }

  neighbour() {
    return this.state;
  }
}

/** The parameters of a linear Q, as text. @param {ArrayLike<number>} theta */
export function thetaText(theta) {
  const numbers = Array.from(theta, (value) => number(value));
  const text = numbers.length === 1 ? numbers[0] : `(${numbers.join(", ")})`;
  return text.startsWith("≈") ? `θ ${text}` : `θ = ${text}`;
}
