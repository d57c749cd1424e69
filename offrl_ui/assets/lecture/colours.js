// Colours by role: a role looks the same in every picture of every page. And colours of values, with the limits shown.

/** @import { Context, MapLegend, Theme } from "./drawing.d.ts" */
/** @import { Colouring, Html, Numeral, Path } from "./protocol.d.ts" */

import { rampOf } from "../shared/palette.js";
import { num } from "./axes.js";

const FAMILY_LIGHT = ["#0072b2", "#c2410c", "#0f8a6b", "#9333a8", "#a16207", "#0e7490", "#be185d", "#4b5563"];
const FAMILY_DARK = ["#63b3ed", "#fb9a5c", "#4fd1a9", "#d69be6", "#e3c34a", "#67d6ea", "#f58ab8", "#b3bcc8"];

/** @param {Theme} theme @returns {Record<string, string>} */
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

/**
 * The colours of a map's values, from one limit to the other; diverging ones are symmetric around their middle.
 *
 * @param {Colouring} picture
 * @param {readonly Numeral[]} values what the limits come from, where the picture sets none
 * @param {Pick<Context, "theme">} ctx
 * @param {{ log?: boolean }} [scale]
 */
export function colourScale(picture, values, ctx, { log = false } = {}) {
  const finite = values.map(num).filter(Number.isFinite);
  const empty = !finite.length && picture.low === null;
  const limit = (/** @type {Numeral} */ given, /** @type {number} */ found) => (given === null ? found : num(given));
  let low = empty ? 0 : limit(picture.low, Math.min(...finite));
  let high = empty ? 1 : limit(picture.high, Math.max(...finite));
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const f = (/** @type {number} */ x) => (log ? Math.log(Math.max(x, 1e-300)) : x);
  const diverging = picture.palette === "diverging";
  const ramp = rampOf(diverging ? "diverging" : "value", ctx.theme.dark);
  const middle = f(picture.middle || (log ? 1 : 0));
  const reach = Math.max(Math.abs(f(high) - middle), Math.abs(f(low) - middle)) || 1;
  const share = (/** @type {number} */ x) =>
    diverging ? 0.5 + (f(x) - middle) / (2 * reach) : (f(x) - f(low)) / (f(high) - f(low) || 1);
  const of = (/** @type {number} */ x) => ramp.css[Math.round(255 * Math.min(Math.max(share(x), 0), 1))];
  const stops = [0, 0.25, 0.5, 0.75, 1].map((s) => {
    const y = f(low) + s * (f(high) - f(low));
    return of(log ? Math.exp(y) : y);
  });
  return { of, low, high, stops };
}

/**
 * The legend of a map. What a colour of line means is said once.
 *
 * @param {{ low: number, high: number, stops: string[] } | null} scale null where nothing has a colour
 * @param {{ name: Html, unit?: string, hatch?: boolean, paths?: readonly Path[] }} what
 * @param {Pick<Context, "colour">} ctx
 * @returns {MapLegend}
 */
export function legendOf(scale, { name, unit = "", hatch = false, paths = [] }, ctx) {
  const named = new Map(paths.filter((p) => p.name).map((p) => [`${p.color}|${p.dash}|${p.name}`, p]));
  const lines = [...named.values()].map((p) => ({ name: p.name, colour: ctx.colour(p.color), dash: p.dash }));
  const { low, high, stops } = scale ?? { low: 0, high: 0, stops: null };
  return { name, unit, low, high, stops, hatch, paths: lines };
}
