// Beside the table of a state: the observation where it is an image; actions that form a grid themselves (doses ×
// doses) as a small map of the selected state, in the world's mode.

import { clearCanvas } from "../shared/dom.js";
import { hatchStyle } from "../shared/signs.js";
import { modeOf, pictureOf } from "../world/modes.js";
import { PlaneScene } from "../world/plane.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { Theme } from "../shared/types.d.ts"
 * @import { Scene } from "../world/scenes.d.ts"
 */

const SIZE = 176;
const RATIO = 2;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Store} store
 * @param {Frame} frame
 * @param {Theme} theme
 * @param {Scene} scene
 */
export function drawDoseMap(canvas, store, frame, theme, scene) {
  const { state, action, member, mode: name } = store.view;
  const { layout, nActions: A } = store.run;
  const pen = clearCanvas(canvas, SIZE, SIZE, RATIO);
  if (state === null) return;
  if (scene instanceof PlaneScene) scene.drawImage(pen, state, SIZE / 2, SIZE / 2, SIZE / 2 - 8, theme);
  if (!layout.action_grid) return;
  const [rows, cols] = layout.action_grid;
  const mode = modeOf(name);
  const table = pictureOf(store, mode, frame, member);
  const scale = store.scale(mode.scale);
  const size = (SIZE - 8) / Math.max(rows, cols);
  const hatch = hatchStyle(pen, theme, RATIO, size);
  const policy = store.row(frame, "policy", member, state);
  for (let a = 0; a < A; a++) {
    const [x, y] = [4 + (a % cols) * size, 4 + Math.floor(a / cols) * size];
    const value = table ? table[mode.perState ? state : state * A + a] : NaN;
    if (!Number.isNaN(value)) {
      pen.fillStyle = scale.colour(value, theme.dark);
      pen.fillRect(x, y, size - 1, size - 1);
    }
    if (store.static.counts && !store.static.counts[state * A + a]) {
      pen.fillStyle = hatch;
      pen.fillRect(x, y, size - 1, size - 1);
    }
    if (policy && policy[a] > 0.01) {
      pen.strokeStyle = theme.text;
      pen.lineWidth = 1 + 2.5 * policy[a];
      pen.strokeRect(x + 2, y + 2, size - 5, size - 5);
    }
    if (a === action) {
      pen.strokeStyle = theme.accent;
      pen.lineWidth = 2;
      pen.strokeRect(x, y, size - 1, size - 1);
    }
  }
}
