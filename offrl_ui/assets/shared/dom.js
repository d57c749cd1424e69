// The few helpers that build the page: elements, icons, downloads.

// h("button", { class: "x", onclick: f, "aria-label": "…" }, "text", child)
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Text is written only where it changed: a write of the same text still costs a layout.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let ruler = null;

// Pixels that a text takes in a font ("11px Source Sans"): pages have different ones.
export function textWidth(text, font) {
  ruler ??= document.createElement("canvas").getContext("2d");
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
  one: "M4 5h16v14H4zm2 2v10h12V7z",
  present: "M3 4h18v12H3zm2 2v8h14V6zM8 18h8v2H8z",
  many: "M4 4h7v7H4zm9 0h7v7h-7zm-9 9h7v7H4zm9 0h7v7h-7z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onclick, extra = {}) {
  return h(
    "button",
    { type: "button", class: "button icon-button", "aria-label": label, title: label, onclick, ...extra },
    icon(name),
  );
}

export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
