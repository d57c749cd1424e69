// What the pictures of a film share: the trail, the walker, a label, and a strip that shows one number over time.

import { drawAction, withAlpha } from "../shared/palette.js";
import { niceTicks, number } from "../shared/format.js";

// A line through points with a halo, so that it reads on any colour; the last stretch is the strongest.
export function drawTrail(ctx, points, theme, width = 2.4) {
  if (!points.length) return;
  ctx.lineJoin = ctx.lineCap = "round";
  const recent = Math.max(points.length - 14, 0);
  for (const [from, strength] of [
    [0, 0.5],
    [recent, 1],
  ]) {
    for (const [colour, thick] of [
      [theme.background, width + 3],
      [theme.text, width],
    ]) {
      ctx.strokeStyle = withAlpha(colour, strength);
      ctx.lineWidth = thick;
      ctx.beginPath();
      for (let i = from; i < points.length; i++) ctx[i > from ? "lineTo" : "moveTo"](...points[i]);
      ctx.stroke();
    }
  }
  ctx.beginPath();
  ctx.arc(...points[0], width * 1.8, 0, 2 * Math.PI);
  ctx.fillStyle = theme.background;
  ctx.fill();
  ctx.lineWidth = width * 0.8;
  ctx.strokeStyle = theme.text;
  ctx.stroke();
}

// The walker: a disc with the sign of the action that is being taken.
export function drawWalker(ctx, [x, y], radius, action, layout, theme) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = theme.background;
  ctx.fill();
  ctx.lineWidth = Math.max(radius * 0.24, 2);
  ctx.strokeStyle = theme.accent;
  ctx.stroke();
  if (action >= 0) drawAction(ctx, action, layout, theme, [x, y], radius * 0.62);
}

// Words in a box beside (x, y), kept inside `box`.
export function drawLabel(ctx, text, [x, y], theme, box, size = 12) {
  ctx.font = `600 ${size}px ${theme.font}`;
  const width = Math.min(ctx.measureText(text).width + 14, box.width);
  const height = size + 10;
  const left = Math.min(Math.max(x - width / 2, box.x), box.x + box.width - width);
  const top = Math.min(Math.max(y - height - 12, box.y), box.y + box.height - height);
  ctx.fillStyle = theme.background;
  ctx.strokeStyle = theme.accent;
  ctx.lineWidth = 1.4;
  ctx.beginPath();
  ctx.roundRect(left, top, width, height, 5);
  ctx.fill();
  ctx.stroke();
  ctx.fillStyle = theme.text;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, left + width / 2, top + height / 2 + 0.5, width - 8);
}

// A number over the steps of the episode, with its limits: { label, low, high, limits, value(t), upto, steps }.
export function drawStrip(ctx, { x, y, width, height }, theme, { label, low, high, limits, value, upto, steps }) {
  const left = x + 40;
  const across = (t) => left + (t / Math.max(steps, 1)) * (x + width - left);
  const up = (v) => y + height - ((Math.min(Math.max(v, low), high) - low) / (high - low)) * height;
  ctx.font = `11px ${theme.font}`;
  ctx.fillStyle = theme.muted;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (const tick of niceTicks(low, high, 3)) ctx.fillText(number(tick, 2), left - 6, up(tick));
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  ctx.strokeRect(left, y, x + width - left, height);
  ctx.strokeStyle = theme.warning;
  ctx.setLineDash([5, 4]);
  for (const limit of limits) {
    ctx.beginPath();
    ctx.moveTo(left, up(limit));
    ctx.lineTo(x + width, up(limit));
    ctx.stroke();
  }
  ctx.setLineDash([]);
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.fillText(label, left + 2, y - 5);
  ctx.strokeStyle = theme.series[0];
  ctx.lineWidth = 1.8;
  ctx.beginPath();
  for (let t = 0; t <= upto; t++) ctx[t ? "lineTo" : "moveTo"](across(t), up(value(t)));
  ctx.stroke();
}
