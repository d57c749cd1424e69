// The foot of every page: the glossary and the keys. On pages that have no keys of their own, "?" opens this list.

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

/** @type {WeakMap<ParentNode, KeyList>} */
const lists = new WeakMap();

/** @param {Component<object>} component */
export function mount({ parentElement }) {
  if (!lists.has(parentElement)) {
    const root = parentElement.querySelector(".footer");
    if (!(root instanceof HTMLElement)) throw new Error("the foot of the page has no element to draw into");
    const keys = KEYS.map(([name, does]) => ({ keys: [], name, does, act: () => false }));
    const list = new KeyList(root, keys, { last: true });
    root.replaceChildren(
      h("button", { type: "button", onclick: () => list.showGlossary() }, "Glossary"),
      h("button", { type: "button", onclick: () => listOfPage()?.show() }, "Keys (?)"),
    );
    lists.set(parentElement, list);
  }
  return () => {
    lists.get(parentElement)?.remove();
    lists.delete(parentElement);
  };
}
