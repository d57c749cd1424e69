// What one of the first steps looks like, wherever it stands.

import { h } from "./dom.js";

/** @import { Hint } from "./bus.js" */

/** @param {Hint} hint @param {() => void} hide */
export function hintElement({ number, text }, hide) {
  const close = { type: /** @type {const} */ ("button"), "aria-label": `Hide hint ${number}`, title: "Hide this hint" };
  return h("p", { class: "hint" }, h("b", {}, String(number)), text, h("button", { ...close, onclick: hide }, "×"));
}
