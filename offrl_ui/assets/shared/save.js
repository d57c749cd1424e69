// Pictures as files, drawn by the code that draws the screen.

import { download, h } from "./dom.js";
import { SvgContext } from "./svg.js";

// what: world, curves or outcome, and png or svg ("world-png")
export function save(stage, what) {
  const { store, player } = stage;
  const [picture, format] = what.split("-");
  const title = (store.hello?.run?.title || "run").replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase();
  if (picture === "curves") return stage.curves.image(format, `${title}-curves`);
  const name = `${title}${picture === "world" ? "" : `-${picture}`}-step-${player.frame?.step ?? 0}.${format}`;
  if (format === "svg") return download(new Blob([svgOf(stage, picture)], { type: "image/svg+xml" }), name);
  return pngOf(stage, picture).toBlob((blob) => download(blob, name), "image/png");
}

// The drawing as text.
export function svgOf(stage, picture) {
  return picture === "world" ? worldSvg(stage) : outcomeSvg(stage);
}

function worldSvg({ world, store, player: { frame }, theme }) {
  const [width, height, ratio] = world.size;
  const ctx = new SvgContext(width, height, theme.background);
  const still = () => {
    for (const pane of world.panes) world.scene.drawStatic(ctx, pane.geo, theme, ratio, world.small);
  };
  world.paint(ctx, frame, world.pictures(frame, store.shownMembers()), { still, ratio, width, height });
  return ctx.toString();
}

function outcomeSvg({ outcome, player, theme }) {
  const [width, height] = outcome.measure();
  const ctx = new SvgContext(width, height, theme.background);
  outcome.theme = theme;
  outcome.paint(ctx, player.frame, width, height);
  return ctx.toString();
}

// What is on the screen, film included, at twice the size.
function pngOf(stage, picture) {
  const { world, film, outcome, player, theme } = stage;
  const canvas = h("canvas");
  const ctx = canvas.getContext("2d");
  const [width, height, ratio] = picture === "world" ? world.size : [...outcome.measure(), 2];
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  if (picture === "world") {
    ctx.drawImage(world.canvas, 0, 0);
    if (film.on && !film.canvas.hidden) ctx.drawImage(film.canvas, 0, 0, canvas.width, canvas.height);
  } else {
    ctx.scale(ratio, ratio);
    outcome.theme = theme;
    outcome.paint(ctx, player.frame, width, height);
  }
  return canvas;
}
