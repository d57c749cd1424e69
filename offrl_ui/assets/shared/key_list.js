// Keys: which ones there are stands in one table, which both acts and fills the list that "?" opens.

import { h } from "./dom.js";
import { glossaryDialog, watchTerms } from "./glossary.js";

/**
 * `keys` as in `KeyboardEvent.key`; `name` and `does` are what the list says. `act` answers false where there was
 * nothing to do: then the key is left to others.
 *
 * @typedef {{ keys: string[], name: string, does: string, act: () => unknown }} Key
 */

/** What has the focus, within whatever part of the page. */
export function focusedElement() {
  let focused = document.activeElement;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return focused;
}

/** Whether keys write into an element: letters, and what takes them back. @param {Element | null} element */
export const isWriting = (element) =>
  Boolean(element?.matches("input:not([type=range], [type=radio], [type=checkbox]), textarea, [contenteditable=true]"));

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

/** The page's lists; the last one counts. @type {KeyList[]} */
let lists = [];

/** The list of this page. */
export const listOfPage = () => lists.findLast((one) => one.root.isConnected);

/** "?" opens it wherever the focus is, unless one is writing there. @param {KeyboardEvent} event */
function onquestion(event) {
  const { key, ctrlKey, metaKey, altKey } = event;
  if (key !== "?" || ctrlKey || metaKey || altKey || event.defaultPrevented) return;
  const focused = focusedElement();
  const list = listOfPage();
  if (!list || isWriting(focused) || focused?.closest("dialog, [role=dialog]")) return;
  event.preventDefault();
  event.stopPropagation();
  list.show();
}

export class KeyList {
  /**
   * @param {HTMLElement} root whose keys they are
   * @param {Key[]} keys
   * @param {{ note?: string, onshow?: () => void, last?: boolean }} [more] - `last`: only where the page has no other
   */
  constructor(root, keys, { note = "", onshow, last = false } = {}) {
    const rows = keys.map(({ name, does }) => h("div", {}, h("dt", {}, h("kbd", {}, name)), h("dd", {}, does)));
    const close = () => this.dialog.close();
    this.root = root;
    this.onshow = onshow;
    /** @type {HTMLDialogElement} */
    this.dialog = h(
      "dialog",
      {
        class: "key-list",
        "aria-label": "Keys",
        onclick: (event) => event.target === this.dialog && close(),
        onkeydown: (event) => event.key === "?" && close(),
      },
      h("h2", {}, "Keys"),
      h("dl", {}, ...rows),
      note ? h("p", {}, note) : null,
      h(
        "div",
        { class: "key-buttons" },
        h("button", { type: "button", onclick: close }, "Close"),
        h("button", { type: "button", onclick: () => this.showGlossary() }, "Glossary"),
      ),
    );
    (root.parentElement ?? root.getRootNode()).appendChild(this.dialog);
    /** @type {HTMLDialogElement | null} */
    this.glossary = null;
    lists = last ? [this, ...lists] : [...lists, this];
    addEventListener("keydown", onquestion); // the same listener is added once
    watchTerms();
  }

  get open() {
    return this.dialog.open || Boolean(this.glossary?.open);
  }

  show() {
    if (this.open) return;
    this.onshow?.();
    this.dialog.showModal();
  }

  /** All terms, in a dialog of their own. */
  showGlossary() {
    this.dialog.close();
    this.glossary ??= glossaryDialog(this.root);
    this.glossary.showModal();
  }

  remove() {
    lists = lists.filter((one) => one !== this);
    this.dialog.remove();
    this.glossary?.remove();
  }
}
