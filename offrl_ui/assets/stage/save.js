// Pictures as files, drawn by the code that draws the screen.

import { clearCanvas, download, h } from "../shared/dom.js";
import { SvgContext } from "../shared/svg.js";

/** @import { Stage } from "./stage.js" */

/** What can be saved. @type {[what: string, text: string][]} */
export const SAVES = [
  ["world-png", "world as PNG"],
  ["world-svg", "world as SVG"],
  ["curves-png", "curves as PNG"],
  ["curves-svg", "curves as SVG"],
  ["outcome-png", "outcome as PNG"],
  ["outcome-svg", "outcome as SVG"],
];

/** @param {Stage} stage @param {string} what - one of SAVES */
export function save(stage, what) {
  const { store, playback } = stage;
  const [picture, format] = what.split("-");
  const title = (store.hello?.run?.title || "run").replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase();
  if (picture === "curves") {
    stage.curves.save(format, `${title}-curves`);
    return;
  }
  const shown = picture === "world" ? "" : `-${picture}`;
  const name = `${title}${shown}-step-${playback.frame?.step ?? 0}.${format}`;
  if (format === "svg") {
    download(new Blob([svgOf(stage, picture)], { type: "image/svg+xml" }), name);
    return;
  }
  canvasOf(stage, picture).toBlob((blob) => {
    if (blob) download(blob, name);
  }, "image/png");
}

/** The drawing as text. @param {Stage} stage @param {string} picture - world or outcome */
export function svgOf({ world, outcome, store, playback: { frame }, theme }, picture) {
  const [width, height] = picture === "world" ? world.size : outcome.measure();
  const pen = new SvgContext(width, height, theme.background);
  if (picture === "world") {
    const { scene, panes, small, size } = world;
    world.paint(pen, frame, world.pictures(frame, store.shownMembers()), () => {
      for (const pane of panes) scene?.drawStatic(pen, pane.geo, theme, size[2], small);
    });
  } else if (frame) outcome.paint(pen, frame, theme, width, height);
  return pen.toString();
}

/** What is on the screen, film included, at twice the size. @param {Stage} stage @param {string} picture */
function canvasOf({ world, film, outcome, playback: { frame }, theme }, picture) {
  const [width, height, ratio] = picture === "world" ? world.size : [...outcome.measure(), 2];
  const canvas = h("canvas");
  const context = clearCanvas(canvas, width, height, ratio);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  if (picture === "world") {
    context.drawImage(world.canvas, 0, 0, width, height);
    if (film.on && !film.canvas.hidden) context.drawImage(film.canvas, 0, 0, width, height);
  } else if (frame) outcome.paint(context, frame, theme, width, height);
  return canvas;
}
