// Keys: arrows and page keys walk through the scenes, space reveals, 0 or Backspace resets. In lecture mode they work wherever the focus is,
// otherwise only inside the scene; a focused control keeps its own keys.

const TYPING = "input, select, textarea, [role=slider], [contenteditable]";

export function bindKeys(app) {
  const onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || app.sharing) return;
    const path = event.composedPath();
    const inside = path.includes(app.root);
    if (!inside && !app.options.present) return;
    const focused = path[0] instanceof Element ? path[0] : null;
    const busy = focused?.closest?.(TYPING);
    const slides = busy && focused.matches("[type=range], [type=radio], select, [role=slider]");
    const pageKeys = { PageDown: () => app.step(1), PageUp: () => app.step(-1) };
    const sceneKeys = {
      ArrowRight: () => app.step(1), ArrowLeft: () => app.step(-1), n: () => app.step(1), b: () => app.step(-1),
      v: () => app.reveal(), 0: () => app.reset(), Backspace: () => app.reset(), p: () => (app.playing ? app.pause() : app.play()), f: () => app.toggleCode(),
    };
    // Space belongs to a focused button.
    if (!focused?.closest?.("button, summary, a")) sceneKeys[" "] = () => app.reveal();
    const action = slides ? (app.options.present ? pageKeys[event.key] : null) : busy ? null : sceneKeys[event.key] ?? pageKeys[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  document.addEventListener("keydown", onkeydown, true);
  return () => document.removeEventListener("keydown", onkeydown, true);
}
