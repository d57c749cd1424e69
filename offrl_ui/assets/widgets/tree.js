// The tree of branches of this visit: each run with what was changed and when; fold, name, go there.
//
// Told to the script: `went` = { id, event }, `named` = { id, name, event }.

/** @import { Component } from "../shared/component.d.ts" */
/** @typedef {{ id: string, parent: string | null, name: string, text: string, step: number, state: string }} Branch */
/** Parents come before their branches. @typedef {{ label: string, shown: string, nodes: Branch[] }} TreeData */

import { patch, v } from "../shared/patch.js";

/** @type {WeakMap<Node, Tree>} */
const trees = new WeakMap();
let events = 0;

/** @param {Component<TreeData>} component */
export function mount(component) {
  const { parentElement } = component;
  const tree = trees.get(parentElement) ?? new Tree(component);
  trees.set(parentElement, tree);
  tree.update(component);
  return () => trees.delete(parentElement);
}

class Tree {
  /** @param {Component<TreeData>} component */
  constructor(component) {
    this.root = /** @type {HTMLElement} */ (component.parentElement.querySelector(".tree"));
    this.component = component;
    /** @type {Set<string>} */
    this.folded = new Set();
  }

  /** @param {Component<TreeData>} component */
  update(component) {
    this.component = component;
    // A name that is being typed stays.
    const root = this.root.getRootNode();
    const active = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
    if (!(active instanceof HTMLInputElement && this.root.contains(active))) this.draw();
  }

  draw() {
    const { label } = this.component.data;
    patch(this.root, [v("ul", { "aria-label": label }, this.entries(null))]);
  }

  /**
   * The runs that began at `parent`; those whose parent is not here stand at the root.
   * @param {string | null} parent
   */
  branches(parent) {
    const { nodes } = this.component.data;
    const known = new Set(nodes.map(({ id }) => id));
    return nodes.filter((node) => (node.parent !== null && known.has(node.parent) ? node.parent : null) === parent);
  }

  /** @param {string | null} parent @returns {ReturnType<typeof v>[]} */
  entries(parent) {
    return this.branches(parent).map((branch) => this.entry(branch));
  }

  /** @param {Branch} branch */
  entry({ id, name, text }) {
    const open = !this.folded.has(id);
    const inside = this.entries(id);
    const shown = id === this.component.data.shown;
    const tell = (/** @type {string} */ event, /** @type {object} */ what) => {
      events += 1;
      this.component.setTriggerValue(event, { id, ...what, event: events });
    };
    return v(
      "li",
      { key: id },
      v(
        "div",
        { class: "line" },
        v(
          "button",
          {
            type: "button",
            class: "fold",
            disabled: !inside.length,
            "aria-expanded": String(open),
            "aria-label": `${open ? "Fold" : "Unfold"} the branches of ${name}`,
            onclick: () => {
              if (open) this.folded.add(id);
              else this.folded.delete(id);
              this.draw();
            },
          },
          inside.length ? (open ? "▾" : "▸") : "•",
        ),
        v("input", {
          type: "text",
          maxlength: 40,
          value: name,
          "aria-label": "Name of this branch",
          onchange: (event) => tell("named", { name: event.currentTarget.value.trim() }),
        }),
        v(
          "button",
          {
            type: "button",
            class: "go",
            "aria-current": shown ? "true" : null,
            title: shown ? "Shown above" : "Show this run above; the one that is shown now becomes the ghost",
            onclick: () => tell("went", {}),
          },
          text,
        ),
      ),
      open && inside.length > 0 && v("ul", {}, inside),
    );
  }
}
