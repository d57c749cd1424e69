// Legends: what the colours and strokes of a picture mean, as HTML above it.

/** @import { Env, MapLegend } from "./drawing.d.ts" */
/** @import { Description } from "../shared/element.d.ts" */
/** @import { Axis, Bar, Bars, Drawing, Line, Lines, Panels } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { amount } from "./axes.js";

/** @param {string} colour @param {string} kind */
export const swatch = (colour, kind) =>
  v("span", { class: `swatch ${kind}`, style: `--swatch:${colour}`, "aria-hidden": "true" });

/** @param {...Parameters<typeof v>[2]} children */
const item = (...children) => v("span", { class: "item" }, children);

/** The name of an axis with its unit. @param {Axis} axis */
export const axisName = (axis) =>
  axis.label && v("span", { html: axis.unit ? `${axis.label} <span class="unit">(${axis.unit})</span>` : axis.label });

/** @param {Drawing} picture */
export function yLabel(picture) {
  const axis = "y" in picture && !("bare" in picture && picture.bare) ? picture.y : null;
  return axis && v("span", { class: "y-label", key: "y" }, axisName(axis));
}

/** One colour, or a stripe for each category's own. @param {Bar} bar @param {Env} env */
function stripes(bar, env) {
  if (!bar.colors.length) return env.colour(bar.color);
  const share = 100 / bar.colors.length;
  const stops = bar.colors.map((c, i) => `${env.colour(c)} ${i * share}% ${(i + 1) * share}%`);
  return `linear-gradient(90deg,${stops.join(",")})`;
}

/** @param {readonly Line[]} lines @param {Env} env @returns {Description[]} */
function legendOfLines(lines, env) {
  // On a projector a name at the curve's end is enough.
  const named = lines.filter((line) => line.name && !(env.present && line.label.length));
  const strokes = named.map((line) => {
    const kind = line.dash ? "dashed" : line.mode === "points" ? "dot" : "stroke";
    return item(swatch(env.colour(line.color), kind), v("span", { html: line.name }));
  });
  const bands = new Set(lines.filter((line) => line.band && line.band_name).map((line) => line.band_name));
  return [
    ...strokes,
    ...[...bands].map((band) => item(swatch(env.colour("muted"), "area"), v("span", { html: band }))),
  ];
}

/** @param {readonly Bar[]} bars @param {Env} env */
function legendOfBars(bars, env) {
  const named = bars.filter((bar) => bar.name);
  const exact = bars.find((bar) => bar.targets.length);
  return [
    named.map((bar) => item(swatch(stripes(bar, env), "box"), v("span", { html: bar.name }))),
    exact && item(swatch(env.colour("truth"), "dashed"), v("span", { html: exact.target_name || "exact" })),
  ];
}

/** @param {Lines | Bars | { kind: string }} picture @param {Env} env */
export function legend(picture, env) {
  if ("lines" in picture && picture.legend) return legendOfLines(picture.lines, env);
  if ("bars" in picture && picture.legend) return legendOfBars(picture.bars, env);
  return [];
}

/** What the lines and edges of small pictures mean, said once above them. @param {Panels} picture @param {Env} env */
export function legendOfPanels(picture, env) {
  const { lines, x, y } = picture.panels[0].lines;
  const reach = (/** @type {string} */ sign, /** @type {Axis} */ axis) =>
    item(
      sign,
      v("span", { html: axis.label }),
      ` ${amount(axis.low, "", 3)} … ${amount(axis.high, axis.unit, 3)}${axis.scale === "linear" ? "" : ", log scale"}`,
    );
  const unnamed = lines.map((line) => ({ ...line, label: "" }));
  return v("div", { class: "legend", key: "legend" }, reach("↑ ", y), reach("→ ", x), legendOfLines(unnamed, env));
}

/** @param {MapLegend} info */
export function mapLegend({ name, unit, low, high, stops, hatch, paths }) {
  return [
    stops &&
      item(
        v("span", { html: name }),
        v("span", {}, amount(low, "", 3)),
        v("span", { class: "ramp", style: `background:linear-gradient(90deg,${stops.join(",")})` }),
        v("span", {}, amount(high, unit, 3)),
      ),
    hatch && item(v("span", { class: "swatch hatch" }), "not in the data"),
    paths.map((path) => item(swatch(path.colour, path.dash ? "dashed" : "stroke"), v("span", { html: path.name }))),
  ];
}
