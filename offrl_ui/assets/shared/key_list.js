// Keys: which ones there are stands in one table, which both acts and fills the list that "?" opens.

import { h } from "./dom.js";

/**
 * `keys` as in `KeyboardEvent.key`; `name` and `does` are what the list says. `act` answers false where there was
 * nothing to do: then the key is left to others.
 *
 * @typedef {{ keys: string[], name: string, does: string, act: () => unknown }} Key
 */

/** Whether no part of the page that uses keys has the focus, as after loading: then keys belong to its picture. */
export function keysAreFree() {
  const { activeElement: focused, body, documentElement } = document;
  return !focused || focused === body || focused === documentElement;
}

/**
 * Whoever clicks a button goes on with keys for the whole picture: space plays, also after a click on reset. Who moves
 * from button to button by keys stays on the one that was pressed.
 *
 * @param {HTMLElement} root
 * @returns {() => void} leaves the focus alone again
 */
export function takeFocusAfterClicks(root) {
  const onclick = (/** @type {MouseEvent} */ event) => {
    const [target] = event.composedPath();
    const button = target instanceof Element ? target.closest("button") : null;
    if (event.detail > 0 && button && root.contains(button)) root.focus({ preventScroll: true });
  };
  root.addEventListener("click", onclick);
  return () => root.removeEventListener("click", onclick);
}

export class KeyList {
  /** @param {HTMLElement} root whose keys they are @param {Key[]} keys @param {string} [note] */
  constructor(root, keys, note = "") {
    const rows = keys.map(({ name, does }) => h("div", {}, h("dt", {}, h("kbd", {}, name)), h("dd", {}, does)));
    /** @type {HTMLDialogElement} */
    this.dialog = h(
      "dialog",
      {
        class: "key-list",
        "aria-label": "Keys",
        onclick: (event) => event.target === this.dialog && this.dialog.close(),
        onkeydown: (event) => event.key === "?" && this.dialog.close(),
      },
      h("h2", {}, "Keys"),
      h("dl", {}, ...rows),
      note ? h("p", {}, note) : null,
      h("button", { type: "button", onclick: () => this.dialog.close() }, "Close"),
    );
    (root.parentElement ?? root.getRootNode()).appendChild(this.dialog);
  }

  get open() {
    return this.dialog.open;
  }

  show() {
    if (!this.open) this.dialog.showModal();
  }

  remove() {
    this.dialog.remove();
  }
}
