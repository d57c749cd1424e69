// Keys: arrows and page keys walk through the scenes, space reveals, 0 or Backspace resets. In lecture mode they work
// wherever the focus is, otherwise only inside the scene; a focused control keeps the keys that it uses itself.

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

/** @param {Lecture} app @returns {() => void} takes the keys away again */
export function bindKeys(app) {
  /** @type {Record<string, () => void>} */
  const actions = {
    ArrowRight: () => app.step(1),
    ArrowLeft: () => app.step(-1),
    n: () => app.step(1),
    b: () => app.step(-1),
    PageDown: () => app.step(1),
    PageUp: () => app.step(-1),
    " ": () => app.reveal(),
    v: () => app.reveal(),
    0: () => app.reset(),
    Backspace: () => app.reset(),
    p: () => (app.player.playing ? app.player.pause() : app.player.play()),
    f: () => app.toggleCode(),
  };
  const onkeydown = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || app.sharing.open) return;
    const path = event.composedPath();
    if (!path.includes(app.root) && !app.options.present) return;
    const focused = path[0] instanceof Element ? path[0] : null;
    const action = actions[event.key];
    if (!action || needs(focused, event.key, app.options.present)) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  document.addEventListener("keydown", onkeydown, true);
  return () => document.removeEventListener("keydown", onkeydown, true);
}
