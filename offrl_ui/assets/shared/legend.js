// Legends, drawn into the picture itself so that they are part of what is saved.

import { drawAction, rampOf } from "./palette.js";

// The legend of a scale, drawn into a context at (x, y): name, ramp, numbers, the hatch's meaning, and where it grew.
export function drawLegend(ctx, scale, theme, { x, y, width, font, hatch, note }) {
  const ramp = rampOf(scale.kind, theme.dark);
  const barTop = y + 7 + font;
  const barHeight = Math.round(font * 0.8);
  ctx.font = `600 ${font}px ${theme.font}`;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.fillStyle = theme.text;
  ctx.fillText(scale.label, x, y + 11);
  const barWidth = Math.min(width * 0.62, 340);
  if (scale.grew) {
    ctx.font = `${font}px ${theme.font}`;
    ctx.fillStyle = theme.warning;
    ctx.textAlign = "right";
    ctx.fillText(`▲ scale grew at step ${scale.grew.step}`, x + width, y + 11);
  }
  for (let i = 0; i < 128; i++) {
    ctx.fillStyle = ramp.css[Math.min(2 * i + 1, 255)];
    ctx.fillRect(x + (barWidth * i) / 128, barTop, barWidth / 128 + 0.6, barHeight);
  }
  ctx.font = `${font}px ${theme.font}`;
  ctx.fillStyle = theme.muted;
  const ticks = scale.ticks(5);
  // The ends are written first; between them whatever has room.
  const taken = [];
  for (const tick of [ticks[0], ticks.at(-1), ...ticks.slice(1, -1)]) {
    const at = x + barWidth * scale.at(tick);
    const text = scale.tickText(tick);
    const half = ctx.measureText(text).width / 2;
    const centre = Math.min(Math.max(at, x + half), x + barWidth - half);
    if (taken.some(([from, to]) => centre + half + 6 > from && centre - half - 6 < to)) continue;
    taken.push([centre - half, centre + half]);
    ctx.fillRect(Math.min(at, x + barWidth - 1), barTop + barHeight, 1, 3);
    ctx.textAlign = "center";
    ctx.fillText(text, centre, barTop + barHeight + 3 + font);
  }
  if (scale.grew) {
    // The end of the scale before it grew.
    ctx.fillStyle = theme.warning;
    for (const edge of [scale.grew.from.low, scale.grew.from.high]) {
      if (edge > scale.low && edge < scale.high && edge !== 0)
        ctx.fillRect(x + barWidth * scale.at(edge) - 1, barTop - 3, 2, barHeight + 3);
    }
  }
  explain(ctx, theme, { x: x + barWidth + 18, y: barTop, right: x + width, font, hatch, note });
}

// What the hatch means, and a note; neither goes beyond `right`.
function explain(ctx, theme, { x, y, right, font, hatch, note }) {
  ctx.font = `${font}px ${theme.font}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  if (hatch) {
    ctx.fillStyle = theme.surface;
    ctx.fillRect(x, y - 2, 1.8 * font, 1.2 * font);
    ctx.fillStyle = hatch;
    ctx.fillRect(x, y - 2, 1.8 * font, 1.2 * font);
    ctx.fillStyle = theme.muted;
    ctx.fillText("not in the data", x + 2.4 * font, y + 0.75 * font);
  }
  if (!note) return;
  const at = Math.min(x, right - ctx.measureText(note).width);
  ctx.fillStyle = note.startsWith("●") ? theme.warning : theme.muted;
  ctx.fillText(note.slice(0, 1), at, y + 12 + font);
  ctx.fillStyle = theme.muted;
  ctx.fillText(note.slice(1), at + ctx.measureText(note.slice(0, 1)).width, y + 12 + font);
}

// The legend of a policy drawn as signs of the actions: which sign is which, and what their size means.
export function drawPolicyLegend(ctx, theme, { x, y, width, font, hatch, note, label, hello }) {
  ctx.font = `600 ${font}px ${theme.font}`;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.fillStyle = theme.text;
  ctx.fillText(`${label}: size is probability`, x, y + 11);
  ctx.font = `${font}px ${theme.font}`;
  const row = y + 13 + font;
  let at = x + 7;
  const end = x + width - (hatch ? 10.5 * font : 0);
  for (const [action, name] of hello.actionNames.entries()) {
    const needed = 12 + ctx.measureText(name).width + font;
    if (at + needed > end) {
      ctx.fillText("…", at, row + 0.35 * font);
      break;
    }
    drawAction(ctx, action, hello.layout, theme, [at, row], 0.6 * font);
    ctx.fillStyle = theme.muted;
    ctx.fillText(name, at + 0.95 * font, row + 0.35 * font);
    at += needed;
  }
  explain(ctx, theme, { x: end, y: row - 0.4 * font, right: x + width, font, hatch, note });
}
