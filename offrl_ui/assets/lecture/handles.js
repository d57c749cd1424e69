// Points of a drawing, and handles that are dragged or moved with keys.

/** @import { Child, Context, Frame, WordPlace } from "./drawing.d.ts" */
/** @import { Control, Point } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { amount, num } from "./axes.js";
import { around, labelText } from "./labels.js";

/**
 * A point; with controls it is a slider of one or two dimensions.
 *
 * @param {Point} point
 * @param {Frame} f
 * @param {Context} ctx
 * @param {{ lineY?: number, places?: WordPlace[] }} [given] its height on a number line, and where its name may stand
 */
export function handle(point, f, ctx, { lineY, places } = {}) {
  const [x, y] = [num(point.x), num(point.y)];
  const px = Math.min(Math.max(f.x.at(x), f.left), f.right);
  const py = lineY ?? Math.min(Math.max(f.y.at(y), f.top), f.bottom);
  const fill = ctx.colour(point.color);
  const cx = ctx.control(point.control_x);
  const cy = ctx.control(point.control_y);
  const r = ctx.em * (cx || cy ? 0.56 : 0.42);
  f.labels.block(px - r, py - r, px + r, py + r);
  f.labels.put(point.label, "point-label", places ?? around(px, py, r, ctx.em), { fill, optional: point.optional });
  const sign = shape(point.shape, px, py, r, fill);
  if (!cx && !cy) return sign;
  const area = v("circle", { cx: px, cy: py, r: Math.max(r * 2, 16), class: "catch" });
  const key = `${point.control_x}|${point.control_y}`;
  return draggable(ctx, { cx, cy, name: labelText(point.label), x, y, f }, [area, sign], key);
}

/** @param {Point["shape"]} name @param {number} x @param {number} y @param {number} r @param {string} fill */
function shape(name, x, y, r, fill) {
  switch (name) {
    case "circle":
      return v("circle", { cx: x, cy: y, r, fill, class: "knob" });
    case "square":
      return v("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, fill, class: "knob" });
    case "diamond": {
      const d = `M${x},${y - 1.25 * r}L${x + 1.25 * r},${y}L${x},${y + 1.25 * r}L${x - 1.25 * r},${y}Z`;
      return v("path", { d, fill, class: "knob" });
    }
    case "cross": {
      const d = `M${x - r},${y - r}L${x + r},${y + r}M${x - r},${y + r}L${x + r},${y - r}`;
      return v("path", { d, stroke: fill, class: "cross" });
    }
  }
}

/** Steps of a key, to the side and upwards. @type {Record<string, [across: number, up: number]>} */
const KEYS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
  PageUp: [0, 10],
  PageDown: [0, -10],
};

/**
 * A group that moves one or two controls; a key of a direction without a control moves the other one.
 *
 * @param {Context} ctx
 * @param {{ cx: Control | null, cy: Control | null, name: string, x: number, y: number, f: Frame }} what
 * @param {Child[]} children
 * @param {string} key
 */
export function draggable(ctx, { cx, cy, name, x, y, f }, children, key) {
  const said = [cx && `${cx.text} ${amount(x, cx.unit)}`, cy && `${cy.text} ${amount(y, cy.unit)}`];
  return v(
    "g",
    {
      key,
      class: cx && cy ? "handle both" : cx ? "handle across" : "handle along",
      tabindex: 0,
      role: "slider",
      "aria-label": [name, cx?.text, cy?.text].filter(Boolean).join(", "),
      "aria-valuemin": (cx ?? cy)?.low,
      "aria-valuemax": (cx ?? cy)?.high,
      "aria-valuenow": cx ? x : y,
      "aria-valuetext": said.filter(Boolean).join(", "),
      "aria-orientation": cx ? "horizontal" : "vertical",
      onpointerdown: (event) =>
        ctx.drag(event, (e, final) => {
          const [px, py] = ctx.pointer(e);
          ctx.set({ ...(cx && { [cx.name]: f.x.invert(px) }), ...(cy && { [cy.name]: f.y.invert(py) }) }, final);
        }),
      onkeydown: (event) => {
        if (!(event.key in KEYS)) return;
        const [across, up] = KEYS[event.key];
        const control = across ? (cx ?? cy) : (cy ?? cx);
        if (!control) return;
        event.preventDefault();
        event.stopPropagation();
        ctx.nudge(control.name, (across || up) * (event.shiftKey ? 10 : 1));
      },
    },
    children,
  );
}
