// A first stop of the tab key, seen only while it has the focus: it leads past the navigation and the sidebar.

import { h } from "./dom.js";
import { readTheme } from "./palette.js";

const AWAY =
  "position:fixed;left:0;top:0;width:1px;height:1px;padding:0;border:0;overflow:hidden;" +
  "clip-path:inset(50%);white-space:nowrap";
const SEEN = "position:fixed;left:12px;top:8px;z-index:1000010;padding:8px 16px;border-radius:8px;font-weight:600";

/**
 * @param {HTMLElement} target where it leads
 * @param {string} text
 * @returns {() => void} takes it away
 */
export function skipLink(target, text) {
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  const link = h("button", { type: "button", style: AWAY, "data-skip": "" }, text);
  link.addEventListener("focus", () => {
    const { background, accent, font } = readTheme(target);
    link.style.cssText = `${SEEN};font-family:${font};color:#fff;background:${accent};border:2px solid ${background}`;
  });
  link.addEventListener("blur", () => {
    link.style.cssText = AWAY;
  });
  link.addEventListener("click", () => {
    target.scrollIntoView({ block: "nearest" });
    target.focus({ preventScroll: true });
  });
  document.body.prepend(link);
  return () => link.remove();
}
