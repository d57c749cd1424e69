// Pictures as files, drawn by the code that draws the screen.

import { download } from "./dom.js";
import { SvgContext } from "./svg.js";

// what: world-png, world-svg, curves-png or curves-svg
export function save(stage, what) {
  const { world, store, player, theme } = stage;
  const [picture, format] = what.split("-");
  if (picture === "curves") return stage.curves.image(format);
  const title = (store.hello?.run?.title || "world").replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase();
  const name = `${title}-step-${player.frame?.step ?? 0}.${format}`;
  if (format === "svg") return download(new Blob([worldSvg(world, store, player.frame, theme)], { type: "image/svg+xml" }), name);
  const canvas = document.createElement("canvas");
  canvas.width = world.canvas.width;
  canvas.height = world.canvas.height;
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(world.canvas, 0, 0);
  return canvas.toBlob((blob) => download(blob, name), "image/png");
}

export function worldSvg(world, store, frame, theme) {
  const [width, height, ratio] = world.size;
  const ctx = new SvgContext(width, height, theme.background);
  const still = () => { for (const pane of world.panes) world.scene.drawStatic(ctx, pane.geo, theme, ratio, world.small); };
  world.paint(ctx, frame, world.pictures(frame, store.shownMembers()), { still, ratio, width, height });
  return ctx.toString();
}
