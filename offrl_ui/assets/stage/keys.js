// The stage's keys. Within the stage and, as long as nothing else has the focus, on the whole page: after loading, and
// for a lecturer's remote control.

import { KeyList, keysAreFree, takeFocusAfterClicks } from "../shared/key_list.js";

/** @import { Key } from "../shared/key_list.js" */
/** @import { Stage } from "./stage.js" */

/** @type {Record<string, [dx: number, dy: number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {Element} element */
const typing = (element) => element.matches("input:not([type=range]), textarea, select, [contenteditable=true]");

/** @param {Stage} stage @returns {Key[]} */
function keysOf(stage) {
  const { playback } = stage;
  return [
    { keys: [" "], name: "Space", does: "play or pause", act: () => playback.toggle() },
    { keys: ["ArrowLeft"], name: "←", does: "one snapshot back", act: () => playback.back() },
    {
      keys: ["ArrowRight"],
      name: "→",
      does: "one step forward",
      act: () => playback.forward(stage.transport.unit.value),
    },
    { keys: ["Home"], name: "Home", does: "to the first snapshot", act: () => playback.first() },
    { keys: ["End"], name: "End", does: "to the newest snapshot", act: () => playback.newest() },
    { keys: ["r"], name: "R", does: "start again from step 0", act: () => playback.reset() },
    { keys: [], name: "Shift + arrows", does: "select a neighbouring state", act: () => false },
    { keys: ["f"], name: "F", does: "film: the policy walks its world", act: () => stage.film.show(!stage.film.on) },
    { keys: ["a"], name: "A", does: "arrows: what each target reads, in a grid", act: () => stage.toggleReads() },
    {
      keys: ["p"],
      name: "P",
      does: "projector: the world and one curve, large",
      act: () => stage.present(!stage.presenting),
    },
    ...(stage.options.share
      ? [
          {
            keys: [],
            name: "Ctrl + Z",
            does: "undo: the last change of a control, a card or a grid",
            act: () => false,
          },
          { keys: [], name: "Ctrl + Shift + Z", does: "redo", act: () => false },
          { keys: ["s"], name: "S", does: "share: a link to what is shown", act: () => stage.openShare() },
        ]
      : []),
    { keys: ["Escape"], name: "Esc", does: "close what is open; leave film and projector", act: () => stage.leave() },
    { keys: ["?"], name: "?", does: "this list, and the first steps again", act: () => false },
  ];
}

/**
 * Arrows within a group of radio buttons choose the next one that can be chosen.
 * @param {Element} radio
 * @param {number} by
 */
function choose(radio, by) {
  const group = [...(radio.parentElement?.children ?? [])].filter(
    (one) => one instanceof HTMLButtonElement && !one.disabled && !one.hidden,
  );
  const next = group[(group.indexOf(radio) + by + group.length) % group.length];
  if (!(next instanceof HTMLElement)) return;
  next.focus();
  next.click();
}

/** @param {Stage} stage @returns {{ list: KeyList, unbind: () => void }} */
export function bindKeys(stage) {
  const { root, world, store } = stage;
  const keys = keysOf(stage);
  const list = new KeyList(root, keys, { onshow: () => stage.hints.again() });

  /** @param {KeyboardEvent} event */
  function act(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || list.open || stage.share?.open)
      return;
    const target = event.composedPath()[0];
    const element = target instanceof Element ? target : root;
    if (typing(element)) return;
    const { key, shiftKey } = event;
    const slides = element.matches("input[type=range]") && /^(Arrow|Home|End)/.test(key);
    const presses = element.matches("button, summary, a") && key === " ";
    if (slides || presses) return;
    if (key in ARROWS && shiftKey && world.scene) {
      const state = world.scene.neighbour(store.view.state ?? 0, ...ARROWS[key]);
      stage.select({ state, action: null });
    } else if (key in ARROWS && element.matches("[role=radio]")) choose(element, ARROWS[key][0] + ARROWS[key][1]);
    else {
      const found = keys.find((one) => one.keys.includes(key) && !shiftKey);
      if (!found || found.act() === false) return;
    }
    event.preventDefault();
    // Streamlit listens for single letters on the page (r runs the script again): here they belong to the stage.
    event.stopPropagation();
    stage.invalidate();
  }

  /** @param {KeyboardEvent} event */
  const anywhere = (event) => {
    if (root.isConnected && keysAreFree()) act(event);
  };
  const leaveFocus = takeFocusAfterClicks(root);
  root.addEventListener("keydown", act);
  addEventListener("keydown", anywhere, true);
  return {
    list,
    unbind: () => {
      leaveFocus();
      list.remove();
      root.removeEventListener("keydown", act);
      removeEventListener("keydown", anywhere, true);
    },
  };
}
