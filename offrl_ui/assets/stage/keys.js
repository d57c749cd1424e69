// Keyboard: space plays and pauses, arrows go back and forward, Home and End to the ends, r starts again, f films, p is
// for the projector. Within the stage all of them; with nothing focused, space and the sideways arrows too, for a
// lecturer's remote control.

/** @import { Stage } from "./stage.js" */

/** @type {Record<string, [dx: number, dy: number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {Element} element */
const typing = (element) => element.matches("input:not([type=range]), textarea, select, [contenteditable=true]");

/** @param {Stage} stage - returns the function that lets go of the keys */
export function bindKeys(stage) {
  const { root, playback, world, store } = stage;

  /** @param {KeyboardEvent} event @param {boolean} inside */
  function act(event, inside) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    const element = target instanceof Element ? target : root;
    if (typing(element)) return;
    const slider = element.matches("input[type=range]");
    const button = element.matches("button, summary, a");
    const { key } = event;
    let done = true;
    if (inside && event.shiftKey && key in ARROWS && world.scene) {
      const state = world.scene.neighbour(store.view.state ?? 0, ...ARROWS[key]);
      stage.select({ state, action: null });
    } else if (event.shiftKey) done = false;
    else if (key === " " && !button) playback.toggle();
    else if (key === "ArrowLeft" && !slider) playback.back();
    else if (key === "ArrowRight" && !slider) playback.forward(stage.transport.unit.value);
    else if (!inside) done = false;
    else if (key === "Home" && !slider) playback.first();
    else if (key === "End" && !slider) playback.newest();
    else if (key === "r") playback.reset();
    else if (key === "f") stage.film.show(!stage.film.on);
    else if (key === "p") stage.present(!stage.presenting);
    else done = false;
    if (!done) return;
    event.preventDefault();
    // Streamlit listens for single letters on the page (r runs the script again): here they belong to the stage.
    event.stopPropagation();
    stage.invalidate();
  }

  /** @param {KeyboardEvent} event */
  const within = (event) => act(event, true);
  /** @param {KeyboardEvent} event */
  const anywhere = (event) => {
    const nothing = document.activeElement === document.body || document.activeElement === null;
    if (nothing && root.isConnected) act(event, false);
  };
  root.addEventListener("keydown", within);
  document.addEventListener("keydown", anywhere);
  return () => {
    root.removeEventListener("keydown", within);
    document.removeEventListener("keydown", anywhere);
  };
}
