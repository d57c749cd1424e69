// The buttons and keys that take changes of controls and picked cards back and make them again.

import { bus } from "../shared/bus.js";
import { h, setText } from "../shared/dom.js";
import { focusedElement, isWriting } from "../shared/key_list.js";

/** @param {string} path */
const drawn = (path) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
const BACK = drawn("M6 3 2.5 6.5 6 10M3 6.5h6.5a4 4 0 0 1 0 8H7");
const AGAIN = drawn("M10 3l3.5 3.5L10 10M13 6.5H6.5a4 4 0 0 0 0 8H9");

export class UndoBar {
  constructor() {
    /** @param {string} html @param {string} title @param {() => void} onclick */
    const button = (html, title, onclick) =>
      h("button", { type: "button", class: "undo", html, title, "aria-label": title, onclick });
    this.back = button(BACK, "Undo (Ctrl + Z)", () => this.undo());
    this.again = button(AGAIN, "Redo (Ctrl + Shift + Z)", () => this.redo());
    this.told = h("span", { class: "told", role: "status" });
    this.node = h(
      "div",
      { class: "undo-bar", role: "group", "aria-label": "Changes" },
      this.back,
      this.again,
      this.told,
    );
    this.off = bus.undo.on(() => this.mark());
    this.onkey = (/** @type {KeyboardEvent} */ event) => this.key(event);
    addEventListener("keydown", this.onkey, true);
    this.mark();
  }

  /** What cannot be done is said to be so, and keeps the focus. */
  mark() {
    const { done, undone } = bus.undo;
    this.back.setAttribute("aria-disabled", String(!done.length));
    this.again.setAttribute("aria-disabled", String(!undone.length));
  }

  undo() {
    bus.undo.when(() => this.tell(bus.undo.undo(), "Undone", "Nothing to undo here"));
  }

  redo() {
    bus.undo.when(() => this.tell(bus.undo.redo(), "Redone", "Nothing to redo here"));
  }

  /** @param {{ what: string, value: unknown } | null} moved @param {string} word @param {string} none */
  tell(moved, word, none) {
    setText(this.told, moved ? `${word}: ${moved.what} is ${moved.value}` : none);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { key, ctrlKey, metaKey, shiftKey, altKey } = event;
    if (!(ctrlKey || metaKey) || altKey || isWriting(focusedElement())) return;
    const letter = key.toLowerCase();
    if (letter === "z" && !shiftKey) this.undo();
    else if ((letter === "z" && shiftKey) || (letter === "y" && ctrlKey)) this.redo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  stop() {
    this.off();
    removeEventListener("keydown", this.onkey, true);
  }
}
