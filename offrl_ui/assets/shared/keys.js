// Keyboard: space plays and pauses, arrows go back and forward, Home and End to the ends, r starts again, f films,
// p is for the projector.
// Within the stage all of them; with nothing focused, space and the sideways arrows too, for a lecturer's remote control.

const typing = (element) => element?.matches?.("input:not([type=range]), textarea, select, [contenteditable=true]");

export function bindKeys(stage) {
  const { root, player, world, store } = stage;

  function act(event, inside) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (typing(target)) return;
    const slider = target.matches?.("input[type=range]");
    const button = target.matches?.("button, summary, a");
    const { key } = event;
    let done = true;
    if (inside && event.shiftKey && key.startsWith("Arrow") && world.scene) {
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
      const state = world.scene.neighbour(store.view.state ?? 0, dx, dy);
      stage.select({ state, action: null });
    } else if (event.shiftKey) done = false;
    else if (key === " " && !button) player.toggle();
    else if (key === "ArrowLeft" && !slider) player.back();
    else if (key === "ArrowRight" && !slider) player.forward(stage.transport.unit.value);
    else if (!inside) done = false;
    else if (key === "Home" && !slider) player.first();
    else if (key === "End" && !slider) player.newest();
    else if (key === "r") player.reset();
    else if (key === "f") stage.film.show(!stage.film.on);
    else if (key === "p") stage.present(!stage.presenting);
    else done = false;
    if (!done) return;
    event.preventDefault();
    // Streamlit listens for single letters on the page (r runs the script again): here they belong to the stage.
    event.stopPropagation();
    stage.invalidate();
  }

  const within = (event) => act(event, true);
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
