// Legends, drawn into the picture itself so that they are part of what is saved.

import { arrowPath, rampOf } from "./palette.js";

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
  for (const tick of scale.ticks(5)) {
    const at = x + barWidth * scale.at(tick);
    ctx.fillRect(Math.min(at, x + barWidth - 1), barTop + barHeight, 1, 3);
    ctx.textAlign = at < x + 8 ? "left" : at > x + barWidth - 8 ? "right" : "center";
    ctx.fillText(scale.tickText(tick), at, barTop + barHeight + 3 + font);
  }
  if (scale.grew) {
    // The end of the scale before it grew.
    ctx.fillStyle = theme.warning;
    for (const edge of [scale.grew.from.low, scale.grew.from.high]) {
      if (edge > scale.low && edge < scale.high && edge !== 0) ctx.fillRect(x + barWidth * scale.at(edge) - 1, barTop - 3, 2, barHeight + 3);
    }
  }
  explain(ctx, theme, { x: x + barWidth + 18, y: barTop, font, hatch, note });
}

// What the hatch means, and a note.
function explain(ctx, theme, { x, y, font, hatch, note }) {
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
  ctx.fillStyle = note.startsWith("●") ? theme.warning : theme.muted;
  ctx.fillText(note.slice(0, 1), x, y + 12 + font);
  ctx.fillStyle = theme.muted;
  ctx.fillText(note.slice(1), x + ctx.measureText(note.slice(0, 1)).width, y + 12 + font);
}

// The legend of a policy drawn as arrows: what their size means.
export function drawArrowLegend(ctx, theme, { x, y, font, hatch, note, label }) {
  ctx.font = `600 ${font}px ${theme.font}`;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.fillStyle = theme.text;
  ctx.fillText(label, x, y + 11);
  const size = 32;
  ctx.font = `${font}px ${theme.font}`;
  [0.1, 0.5, 1].forEach((p, i) => {
    const left = x + 4 + i * 76 * (font / 11);
    ctx.fillStyle = theme.muted;
    arrowPath(ctx, left, y + 8 + 1.7 * font, 1, 0, size * (0.1 + 0.37 * p), size * (0.03 + 0.09 * p));
    ctx.fill();
    ctx.fillText(p === 1 ? "certain" : `p = ${p}`, left + 20, y + 12 + 1.7 * font);
  });
  explain(ctx, theme, { x: x + 250 * (font / 11), y: y + 9 + font, font, hatch, note });
}
