// The few helpers that build the page: elements, icons, downloads.

/** @import { Properties } from "./element.d.ts" */

/** What else listens on an element: one listener a type, whose handler may change. */
/** @type {WeakMap<Element, Map<string, ((event: Event) => void) | null>>} */
const handlers = new WeakMap();

const SVG = "http://www.w3.org/2000/svg";

// Written as properties: the attribute holds only what they began as.
const LIVE = new Set(["value", "checked", "disabled", "open", "indeterminate"]);

/**
 * Write one property of a description; `before` is what was written last, and the same is not written again.
 *
 * @param {Element} element
 * @param {string} name an attribute, `on…` (a listener), `html`, or one of LIVE; `key` and `draw` are not the element's
 * @param {unknown} value
 * @param {unknown} [before]
 */
export function write(element, name, value, before) {
  if (name === "key" || name === "draw" || (value === before && !LIVE.has(name))) return;
  const nothing = value === null || value === undefined || value === false;
  if (name.startsWith("on")) listen(element, name.slice(2), typeof value === "function" ? value : null);
  else if (name === "html") element.innerHTML = nothing ? "" : String(value);
  else if (LIVE.has(name) && name in element) {
    const next = value ?? (name === "value" ? "" : false);
    if (Reflect.get(element, name) !== next) Reflect.set(element, name, next);
  } else if (nothing) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** @param {Element} element @param {string} type @param {Function | null} handler */
function listen(element, type, handler) {
  const own = handlers.get(element) ?? new Map();
  handlers.set(element, own);
  if (!own.has(type)) element.addEventListener(type, (event) => own.get(type)?.(event));
  own.set(type, handler);
}

/**
 * An element of the page that the caller keeps: h("button", { class: "x", onclick: f, "aria-label": "…" }, "text",
 * child).
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Properties<HTMLElementTagNameMap[T]>} props
 * @param {(Node | string | null | undefined)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  for (const [name, value] of Object.entries(props)) write(element, name, value);
  return element;
}

/**
 * Text is written only where it changed: a write of the same text still costs a layout.
 * @param {Node} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLCanvasElement} canvas */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no room for another canvas");
  return context;
}

/**
 * Size a canvas and clear it; its context draws in pixels of the page.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {number} ratio - pixels of the screen for one of the page
 */
export function clearCanvas(canvas, width, height, ratio) {
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const context = contextOf(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** @type {CanvasRenderingContext2D | null} */
let ruler = null;

/**
 * Pixels that a text takes in a font ("11px Source Sans"): pages have different ones.
 * @param {string} text
 * @param {string} font
 */
export function textWidth(text, font) {
  ruler ??= contextOf(document.createElement("canvas"));
  ruler.font = font;
  return ruler.measureText(text).width;
}

const PATHS = {
  play: "M7 4.8v14.4L19 12z",
  pause: "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z",
  back: "M18 5.5v13L9 12zM6 5.5h2.4v13H6z",
  forward: "M6 5.5v13l9-6.5zM15.6 5.5H18v13h-2.4z",
  first: "M19 5.5v13L11.5 12zM12 5.5v13L4.5 12z",
  live: "M5 5.5v13l7.5-6.5zM12 5.5v13l7.5-6.5z",
  reset: "M12 5V1.8L7.2 6.2 12 10.6V7.2a5 5 0 1 1-5 5H4.8A7.2 7.2 0 1 0 12 5z",
  save: "M11 3h2v9.2l3.3-3.3 1.4 1.4L12 16l-5.7-5.7 1.4-1.4 3.3 3.3zM5 18h14v2H5z",
  share:
    "M17 15.5a3 3 0 0 0-2.1.9l-6-3.4a3 3 0 0 0 0-2l6-3.4a3 3 0 1 0-.9-1.8L8 9.3a3 3 0 1 0 0 5.4l6 3.5a3 3 0 1 0 3-2.7z",
  one: "M4 5h16v14H4zm2 2v10h12V7z",
  reads: "M2.5 12a3.2 3.2 0 0 1 6.2-1.1H14V6.6l7.5 5.4-7.5 5.4v-4.3H8.7A3.2 3.2 0 0 1 2.5 12z",
  present: "M3 4h18v12H3zm2 2v8h14V6zM8 18h8v2H8z",
  many: "M4 4h7v7H4zm9 0h7v7h-7zm-9 9h7v7H4zm9 0h7v7h-7z",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of [
    ["viewBox", "0 0 24 24"],
    ["aria-hidden", "true"],
    ["class", "icon"],
  ])
    svg.setAttribute(key, value);
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/**
 * @param {keyof typeof PATHS} name
 * @param {string} label
 * @param {() => void} onclick
 * @param {Properties<HTMLButtonElement>} [extra]
 */
export function iconButton(name, label, onclick, extra = {}) {
  const props = { type: "button", class: "button icon-button", "aria-label": label, title: label, onclick, ...extra };
  return h("button", props, icon(name));
}

/**
 * Another icon and label on a button that has both; nothing is written where they are the same.
 * @param {HTMLButtonElement} button
 * @param {keyof typeof PATHS} name
 * @param {string} label
 */
export function setIcon(button, name, label) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.replaceChildren(icon(name));
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
