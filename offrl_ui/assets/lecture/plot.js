// A drawing in its room: SVG above a canvas, dragged and pointed at.

/** @import { Context, Drawn, Env, MapLegend } from "./drawing.d.ts" */
/** @import { Description } from "../shared/element.d.ts" */
/** @import { Drawing } from "./protocol.d.ts" */

import { flat, patch, v } from "../shared/patch.js";
import { drawBars } from "./bars.js";
import { drawGrid } from "./grid.js";
import { drawHeat } from "./heat.js";
import { mapLegend, swatch, yLabel } from "./legends.js";
import { drawLines } from "./lines.js";
import { drawNumberLine } from "./number_line.js";
import { drawPlane } from "./plane.js";

/** @param {Drawing} picture @param {Context} ctx @returns {Drawn} */
function draw(picture, ctx) {
  switch (picture.kind) {
    case "lines":
      return drawLines(picture, ctx);
    case "bars":
      return drawBars(picture, ctx);
    case "number-line":
      return drawNumberLine(picture, ctx);
    case "heat":
      return drawHeat(picture, ctx);
    case "grid":
      return drawGrid(picture, ctx);
    case "plane":
      return drawPlane(picture, ctx);
  }
}

/**
 * What was drawn last into each plot, and where its words stand.
 *
 * @type {WeakMap<Element, { picture: Drawing | null, sign: string, memory: Map<string, number> }>}
 */
const plots = new WeakMap();

/**
 * Draw a picture into `element`, in the size that it has; what is drawn already is left alone, since a slider moves
 * many times before its answer comes.
 *
 * @param {HTMLElement} element
 * @param {string} name
 * @param {Drawing} picture
 * @param {Env} env
 */
export function drawPlot(element, name, picture, env) {
  env.watch(element);
  const [width, height] = [element.clientWidth, element.clientHeight];
  if (width < 20 || height < 20) return;
  const sign = `${width}|${height}|${env.look}`;
  const before = plots.get(element) ?? { picture: null, sign: "", memory: new Map() };
  if (before.picture === picture && before.sign === sign) return;
  plots.set(element, { ...before, picture, sign });
  const svg = () => /** @type {SVGSVGElement} */ (element.querySelector("svg"));
  /** @type {Context} */
  const ctx = {
    ...env,
    id: name,
    width,
    height,
    em: env.em * 0.88,
    mini: element.classList.contains("mini"),
    memory: before.memory,
    pointer: (event) => {
      const box = svg().getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    },
    drag: (event, move) => startDrag(event, svg(), move),
  };
  const { nodes, probe, paint, legend } = draw(picture, ctx);
  patch(element, [
    paint &&
      v("canvas", { key: "canvas", "aria-hidden": "true", draw: (canvas) => repaint(canvas, width, height, paint) }),
    v(
      "svg",
      {
        key: "svg",
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        style: `font-size:${ctx.em}px`,
        role: "group",
        "aria-label": "drawing",
        onpointermove: (event) => hover(event, element, ctx, probe),
        onpointerleave: () => showTip(element, []),
      },
      flat(nodes).map(silent),
    ),
    v("div", { key: "tip", class: "tip-place", draw: () => {} }),
  ]);
  if (legend) showLegend(element, picture, legend);
}

/** Only what can be used is read out. @param {Description | string} node @returns {Description | string} */
function silent(node) {
  if (typeof node === "string" || hasRole(node)) return node;
  return { ...node, props: { ...node.props, "aria-hidden": "true" } };
}

/** @param {Description | string} node @returns {boolean} */
const hasRole = (node) => typeof node !== "string" && (Boolean(node.props.role) || node.children.some(hasRole));

/**
 * The legend of a map stands above it, and is known once it has been drawn.
 * @param {Element} element
 * @param {Drawing} picture
 * @param {MapLegend} legend
 */
function showLegend(element, picture, legend) {
  const place = element.parentElement?.querySelector(":scope > .head > .legend");
  if (place) patch(place, [yLabel(picture), mapLegend(legend)]);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {NonNullable<Drawn["paint"]>} paint
 */
function repaint(canvas, width, height, paint) {
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  paint(pen, ratio);
}

/**
 * @param {Parameters<Context["drag"]>[0]} event
 * @param {SVGSVGElement} svg
 * @param {Parameters<Context["drag"]>[1]} move
 */
function startDrag(event, svg, move) {
  if (event.button > 0) return;
  event.preventDefault();
  const grabbed = event.currentTarget;
  if (grabbed instanceof SVGElement) grabbed.focus({ preventScroll: true });
  const pointer = event.pointerId;
  svg.setPointerCapture(pointer);
  svg.classList.add("dragging");
  const ondrag = (/** @type {PointerEvent} */ e) => {
    if (e.pointerId === pointer) move(e, false);
  };
  const end = (/** @type {PointerEvent} */ e) => {
    if (e.pointerId !== pointer) return;
    svg.removeEventListener("pointermove", ondrag);
    svg.removeEventListener("pointerup", end);
    svg.removeEventListener("pointercancel", end);
    svg.classList.remove("dragging");
    move(e, true);
  };
  svg.addEventListener("pointermove", ondrag);
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
  move(event, false);
}

/** @param {Element} element @param {Parameters<typeof patch>[1]} nodes */
function showTip(element, nodes) {
  const place = element.querySelector(".tip-place");
  if (place) patch(place, nodes);
}

/**
 * The box beside the pointer.
 * @param {PointerEvent} event
 * @param {Element} element
 * @param {Context} ctx
 * @param {Drawn["probe"]} probe
 */
function hover(event, element, ctx, probe) {
  const [px, py] = ctx.pointer(event);
  const found = event.buttons ? null : probe?.(px, py);
  if (!found) {
    showTip(element, []);
    return;
  }
  const { width, height } = ctx;
  const { line, overlay } = found;
  const left = found.x > width * 0.55;
  const away = left ? `right:${(width - found.x + 12).toFixed(0)}px` : `left:${(found.x + 12).toFixed(0)}px`;
  showTip(element, [
    overlay?.length && v("svg", { class: "overlay", width, height, viewBox: `0 0 ${width} ${height}` }, overlay),
    line &&
      v("div", { class: "crosshair", style: `left:${found.x}px;top:${line.top}px;height:${line.bottom - line.top}px` }),
    v(
      "div",
      { class: "tip", style: `${away};top:${Math.max(0, (found.y ?? py) - 20)}px` },
      v("div", { class: "tip-title", html: found.title }),
      found.rows.map((row) =>
        v(
          "div",
          { class: "tip-row" },
          swatch(row.colour, row.dash ? "dashed" : "box"),
          v("span", { class: "tip-name", html: row.name }),
          v("span", { class: "tip-value" }, row.text),
        ),
      ),
    ),
  ]);
}
