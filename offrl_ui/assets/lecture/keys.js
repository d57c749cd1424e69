// The keys of a lecture page. In lecture mode they work wherever the focus is, otherwise inside the scene and while
// nothing has the focus; then those that scroll a page are left to it. A focused control keeps the keys that it uses
// itself.

import { KeyList, keysAreFree, takeFocusAfterClicks } from "../shared/key_list.js";

/** @import { Key } from "../shared/key_list.js" */
/** @import { Lecture } from "./scene.js" */

/**
 * Whether a focused element needs a key: text fields all of them, buttons space, sliders and choices those that move
 * them.
 *
 * @param {Element | null} element
 * @param {string} key
 * @param {boolean} present
 */
export function needs(element, key, present) {
  const paging = key.startsWith("Page");
  const moves = /^(Arrow|Home|End)/.test(key) || (!present && paging);
  if (!element) return false;
  if (element.closest("[type=range], [role=slider]")) return moves;
  if (element.closest("[type=radio]")) return moves || key === " ";
  if (element.closest("button, summary, a, [type=checkbox]")) return key === " ";
  if (element.closest("select")) return !(present && paging);
  return Boolean(element.closest("input, textarea, [contenteditable]"));
}

/** @param {Lecture} app @returns {Key[]} */
const keysOf = (app) => [
  { keys: ["ArrowRight", "n", "PageDown"], name: "→, N, Page Down", does: "the next scene", act: () => app.step(1) },
  { keys: ["ArrowLeft", "b", "PageUp"], name: "←, B, Page Up", does: "the previous scene", act: () => app.step(-1) },
  { keys: [" ", "v"], name: "Space, V", does: "show the answer", act: () => app.reveal() },
  { keys: ["0", "Backspace"], name: "0, Backspace", does: "start the scene again", act: () => app.reset() },
  {
    keys: ["p"],
    name: "P",
    does: "play or pause, where a control can be played",
    act: () => (app.player.playing ? app.player.pause() : app.player.play()),
  },
  { keys: ["f"], name: "F", does: "the code of your room, large", act: () => app.toggleCode() },
  { keys: ["Escape"], name: "Esc", does: "close what is open; leave lecture mode", act: () => app.leave() },
  { keys: ["?"], name: "?", does: "this list; on a control, what it means", act: () => false },
];

/** @param {Lecture} app @returns {{ list: KeyList, unbind: () => void }} */
export function bindKeys(app) {
  const keys = keysOf(app);
  const note = "Space and the page keys scroll, until you have clicked into the scene or in lecture mode.";
  const list = new KeyList(app.root, keys, { note });
  const onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || app.sharing.open || list.open) return;
    const path = event.composedPath();
    const scrolls = key === " " || key.startsWith("Page");
    if (!path.includes(app.root) && !app.options.present && (scrolls || !keysAreFree())) return;
    const focused = path[0] instanceof Element ? path[0] : null;
    const found = keys.find((one) => one.keys.includes(key));
    if (!found || needs(focused, key, app.options.present) || found.act() === false) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const leaveFocus = takeFocusAfterClicks(app.root);
  document.addEventListener("keydown", onkeydown, true);
  return {
    list,
    unbind: () => {
      leaveFocus();
      list.remove();
      document.removeEventListener("keydown", onkeydown, true);
    },
  };
}
