// Colours by role: a role looks the same in every picture of every page. And colours of values, with the limits shown.

import { num } from "./axes.js";
import { rampOf } from "../shared/palette.js";

const FAMILY_LIGHT = ["#0072b2", "#c2410c", "#0f8a6b", "#9333a8", "#a16207", "#0e7490", "#be185d", "#4b5563"];
const FAMILY_DARK = ["#63b3ed", "#fb9a5c", "#4fd1a9", "#d69be6", "#e3c34a", "#67d6ea", "#f58ab8", "#b3bcc8"];

export function rolesOf(theme) {
  const { dark, actions } = theme;
  const family = dark ? FAMILY_DARK : FAMILY_LIGHT;
  return {
    ...Object.fromEntries(actions.map((colour, i) => [`a${i + 1}`, colour])),
    ...Object.fromEntries(family.map((colour, i) => [`c${i + 1}`, colour])),
    learned: dark ? "#8ea6ff" : "#3457d5",
    truth: theme.text,
    behavior: dark ? "#c9b48f" : "#7c6238",
    data: dark ? "#4fd1a9" : "#0f8a6b",
    missing: dark ? "#fb9a5c" : "#c2410c",
    good: dark ? "#4fd1a9" : "#0a7a5c",
    bad: dark ? "#ff8f6b" : "#b93815",
    muted: theme.muted,
  };
}

// value → colour, with the limits that the legend shows.
export function colourScale(picture, values, ctx) {
  const finite = values.map(num).filter(Number.isFinite);
  let low = picture.low ?? Math.min(...finite);
  let high = picture.high ?? Math.max(...finite);
  if (!finite.length && picture.low === null) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const diverging = picture.palette === "diverging";
  const f = picture.log ? (x) => Math.log(Math.max(x, 1e-300)) : (x) => x;
  const ramp = rampOf(diverging ? "diverging" : "value", ctx.theme.dark);
  const middle = f(picture.middle || (picture.log ? 1 : 0));
  const reach = Math.max(Math.abs(f(high) - middle), Math.abs(f(low) - middle)) || 1;
  const share = diverging
    ? (x) => 0.5 + (f(x) - middle) / (2 * reach)
    : (x) => (f(x) - f(low)) / (f(high) - f(low) || 1);
  const of = (x) => ramp.css[Math.round(255 * Math.min(Math.max(share(x), 0), 1))];
  const stops = [0, 0.25, 0.5, 0.75, 1].map((s) => {
    const y = f(low) + s * (f(high) - f(low));
    return of(picture.log ? Math.exp(y) : y);
  });
  return { of, low, high, stops, middle: diverging ? picture.middle : null };
}

export const legendOf = (scale, name, unit) => ({ name, unit, low: scale.low, high: scale.high, stops: scale.stops });
