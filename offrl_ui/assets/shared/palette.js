// Colours. Colour-blind safe: viridis for values, cividis for amounts, blue–orange around zero, and for actions the
// colours of Okabe & Ito (2008), darkened or lightened for the page, each with a sign of its own (signs.js).

/** @import { RampKind, Theme } from "./types.d.ts" */

const VIRIDIS = [
  "#440154",
  "#482878",
  "#3e4989",
  "#31688e",
  "#26828e",
  "#1f9e89",
  "#35b779",
  "#6ece58",
  "#b5de2b",
  "#fde725",
];
const CIVIDIS = [
  "#00224e",
  "#123570",
  "#3b496c",
  "#575d6d",
  "#707173",
  "#8a8678",
  "#a59c74",
  "#c3b369",
  "#e1cc55",
  "#fee838",
];
const DIVERGING_LIGHT = [
  "#0b3c7d",
  "#1f6fb4",
  "#6aaed6",
  "#b9d6ea",
  "#f3f2f0",
  "#f8d3ab",
  "#f2a057",
  "#d2691e",
  "#8a3a06",
];
const DIVERGING_DARK = [
  "#9ccdf2",
  "#5ba7dd",
  "#3179b3",
  "#2a4c69",
  "#2c3036",
  "#66472d",
  "#ad6a28",
  "#e58f3c",
  "#ffc486",
];

/** @param {string[]} stops */
function ramp(stops) {
  const rgb = stops.map(rgbOf);
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (rgb.length - 1);
    const k = Math.min(Math.floor(at), rgb.length - 2);
    for (let c = 0; c < 3; c++) table[3 * i + c] = rgb[k][c] + (at - k) * (rgb[k + 1][c] - rgb[k][c]);
  }
  const css = Array.from({ length: 256 }, (_, i) => `rgb(${table[3 * i]},${table[3 * i + 1]},${table[3 * i + 2]})`);
  return { table, css };
}

/** Red, green and blue, 0 to 255, of `#rgb`, `#rrggbb` or `rgb(…)`. @param {string} colour @returns {number[]} */
export function rgbOf(colour) {
  if (colour.startsWith("#")) {
    const hex = colour.length === 4 ? [...colour.slice(1)].map((d) => d + d).join("") : colour.slice(1, 7);
    return [0, 2, 4].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));
  }
  const numbers = colour.match(/[\d.]+/g);
  return numbers && numbers.length >= 3 ? numbers.slice(0, 3).map(Number) : [128, 128, 128];
}

/** @param {string} colour @param {number} alpha */
export function withAlpha(colour, alpha) {
  return `rgba(${rgbOf(colour).join(",")},${alpha})`;
}

/** @param {string} a @param {string} b @param {number} share - of b */
export function mix(a, b, share) {
  const [x, y] = [rgbOf(a), rgbOf(b)];
  return `rgb(${x.map((value, i) => Math.round(value + (y[i] - value) * share)).join(",")})`;
}

/** @param {string} colour */
export const luminance = (colour) => {
  const [r, g, b] = rgbOf(colour);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
};

/** Relative luminance of WCAG 2, with sRGB made linear. @param {string} colour */
function brightness(colour) {
  const [r, g, b] = rgbOf(colour)
    .map((value) => value / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast of two colours, 1 to 21 (WCAG 2, "contrast ratio"). @param {string} a @param {string} b */
export function contrast(a, b) {
  const [dim, bright] = [brightness(a), brightness(b)].sort((x, y) => x - y);
  return (bright + 0.05) / (dim + 0.05);
}

/** A colour for small type: nearer to the text's colour where it needs that for 4.5 : 1, also on a tint of it.
 * @param {string} colour @param {{ text: string, background: string }} theme */
export function readable(colour, { text, background }) {
  let ink = colour;
  for (let share = 0.05; contrast(ink, background) < 5.4 && share <= 1; share += 0.05) ink = mix(colour, text, share);
  return ink;
}

const RAMPS = { value: ramp(VIRIDIS), amount: ramp(CIVIDIS) };
const DIVERGING = { light: ramp(DIVERGING_LIGHT), dark: ramp(DIVERGING_DARK) };

/** @param {RampKind} kind @param {boolean} dark */
export function rampOf(kind, dark) {
  return kind === "diverging" ? DIVERGING[dark ? "dark" : "light"] : RAMPS[kind];
}

/** The colour of what is infinite: on none of the ramps. @param {boolean} dark */
export const infiniteColour = (dark) => (dark ? "#ff5cc8" : "#c2187e");

const ACTIONS_LIGHT = [
  "#0072b2",
  "#d98200",
  "#008f68",
  "#b85c92",
  "#c44e00",
  "#3a9fd6",
  "#8a7a00",
  "#6b6b6b",
  "#6a4fb3",
  "#00a0a0",
];
const ACTIONS_DARK = [
  "#4aa8e0",
  "#f0a93a",
  "#2cc295",
  "#dd93bd",
  "#f07b3a",
  "#7cc7f0",
  "#d8cb3e",
  "#a6a6a6",
  "#b3a1ec",
  "#3ed0d0",
];

// Lines of lanes (algorithms side by side), and of a single run's metrics: blue, orange, green, purple, grey.
const LANES_LIGHT = ["#3457d5", "#c2410c", "#0f8a6b", "#9333a8"];
const LANES_DARK = ["#8ea6ff", "#fb9a5c", "#4fd1a9", "#d69be6"];
const SERIES_LIGHT = ["#1f6fb4", "#d2691e", "#0f8a6b", "#8e4bb0", "#6b6b6b"];
const SERIES_DARK = ["#62aee8", "#f5964b", "#3cc79f", "#c792e6", "#a6a6a6"];

/**
 * The look of the page, read from Streamlit's theme variables; without Streamlit, from the system's preference.
 * @param {HTMLElement} host
 * @returns {Theme}
 */
export function readTheme(host) {
  const style = getComputedStyle(host);
  /** @param {string} name @param {string} fallback */
  const variable = (name, fallback) => {
    const value = style.getPropertyValue(name).trim();
    return value && value !== "unset" ? value : fallback;
  };
  const systemDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const background = resolve(host, variable("--st-background-color", systemDark ? "#0f1318" : "#ffffff"));
  const dark = luminance(background) < 0.5;
  const text = resolve(host, variable("--st-text-color", dark ? "#e8eaed" : "#1f2430"));
  return {
    dark,
    background,
    surface: resolve(host, variable("--st-secondary-background-color", dark ? "#181d24" : "#f5f6f8")),
    text,
    muted: mix(text, background, 0.32),
    faint: mix(text, background, 0.72),
    line: mix(text, background, 0.86),
    wall: mix(text, background, dark ? 0.84 : 0.87),
    accent: resolve(host, variable("--st-primary-color", dark ? "#8ea6ff" : "#3457d5")),
    warning: dark ? "#ffb454" : "#b45309",
    font: variable("--st-font", "system-ui, sans-serif"),
    actions: dark ? ACTIONS_DARK : ACTIONS_LIGHT,
    lanes: dark ? LANES_DARK : LANES_LIGHT,
    series: dark ? SERIES_DARK : SERIES_LIGHT,
  };
}

/**
 * Any CSS colour (names, hsl, color-mix) as rgb, by asking the browser.
 * @param {HTMLElement} host
 * @param {string} colour
 */
function resolve(host, colour) {
  if (/^(#|rgb)/.test(colour)) return `rgb(${rgbOf(colour).join(",")})`;
  const probe = document.createElement("span");
  probe.style.color = colour;
  host.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return `rgb(${rgbOf(value).join(",")})`;
}

/**
 * Colour `i` of a list that goes on for ever: each time around it comes nearer to the text's colour.
 * @param {string[]} colours
 * @param {number} i
 * @param {Theme} theme
 */
export function colourAt(colours, i, theme) {
  const colour = colours[i % colours.length];
  return i < colours.length ? colour : mix(colour, theme.text, 1 - 0.6 ** Math.floor(i / colours.length));
}

/**
 * Fixed colour of an action. Where actions form a grid (doses × doses), hue follows the row and depth the column.
 * @param {Theme} theme
 * @param {number} action
 * @param {[rows: number, cols: number] | null} [actionGrid]
 */
export function actionColour(theme, action, actionGrid) {
  if (!actionGrid) return colourAt(theme.actions, action, theme);
  const [, cols] = actionGrid;
  const base = colourAt(theme.actions, Math.floor(action / cols), theme);
  return mix(base, theme.background, 0.62 * (1 - (action % cols) / Math.max(cols - 1, 1)));
}
