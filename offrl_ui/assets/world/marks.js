// What every scene marks alike: the outline of a state that is selected or pointed at, and a number on its picture.

import { withAlpha } from "../shared/palette.js";

/**
 * @import { Pen, Theme } from "../shared/types.d.ts"
 * @import { Outline } from "./scenes.d.ts"
 */

/**
 * The outline is drawn twice: its inner colour, if it has one, a little wider, so that it stands out from any picture.
 * @param {Pen} pen @param {Outline} style @param {(thick: number) => void} trace - draws it once
 */
export function outlined(pen, { colour, inner, width }, trace) {
  for (const [stroke, thick] of /** @type {const} */ ([
    [inner, width + 2],
    [colour, width],
  ])) {
    if (!stroke) continue;
    pen.strokeStyle = stroke;
    pen.lineWidth = thick;
    trace(thick);
  }
}

/**
 * A word around a point, on a ground of its own of `height` pixels; the pen's type is centred.
 * @param {Pen} pen @param {string} text @param {number} x @param {number} y @param {number} height
 * @param {Theme} theme
 */
export function onGround(pen, text, x, y, height, theme) {
  const half = pen.measureText(text).width / 2 + 3;
  pen.fillStyle = withAlpha(theme.background, 0.85);
  pen.fillRect(x - half, y - height / 2, 2 * half, height);
  pen.fillStyle = theme.text;
  pen.fillText(text, x, y);
}
