// The foot of every page: the glossary and the keys. On pages that have no keys of their own, "?" opens this list. It
// also tells the script when the system turns dark or light: charts that the script draws have their page's colours.

import { h } from "../shared/dom.js";
import { KeyList, listOfPage } from "../shared/key_list.js";

/** @import { Component } from "../shared/component.d.ts" */

const KEYS = [
  ["Tab", "to the next control; with Shift, to the one before"],
  ["Arrows", "among cards, tabs and the values of a slider"],
  ["Space, Enter", "press what has the focus"],
  ["Esc", "close what is open"],
  ["?", "this list"],
];

const SCHEME = matchMedia("(prefers-color-scheme: dark)");
const PAGE_TURNS = 200; // milliseconds: what the script hears of the page is then its new theme

/** @type {WeakMap<ParentNode, { latest: Component<object>, list: KeyList, turned: () => void }>} */
const feet = new WeakMap();

/** @param {Component<object>} component */
export function mount(component) {
  const { parentElement } = component;
  const foot = feet.get(parentElement);
  if (foot) foot.latest = component;
  else {
    const root = parentElement.querySelector(".footer");
    if (!(root instanceof HTMLElement)) throw new Error("the foot of the page has no element to draw into");
    const keys = KEYS.map(([name, does]) => ({ keys: [], name, does, act: () => false }));
    const list = new KeyList(root, keys, { last: true });
    root.replaceChildren(
      h("button", { type: "button", onclick: () => list.showGlossary() }, "Glossary"),
      h("button", { type: "button", onclick: () => listOfPage()?.show() }, "Keys (?)"),
    );
    const tell = () => feet.get(parentElement)?.latest.setTriggerValue("scheme", SCHEME.matches ? "dark" : "light");
    const turned = () => setTimeout(tell, PAGE_TURNS);
    SCHEME.addEventListener("change", turned);
    feet.set(parentElement, { latest: component, list, turned });
  }
  return () => {
    const { list, turned } = feet.get(parentElement) ?? {};
    list?.remove();
    if (turned) SCHEME.removeEventListener("change", turned);
    feet.delete(parentElement);
  };
}
