// Keys: arrows and page keys walk through the scenes, space reveals, 0 or Backspace resets. In lecture mode they work wherever the focus is,
// otherwise only inside the scene; a focused control keeps the keys that it uses itself.

// Which keys a focused element needs: text fields all of them, buttons space, sliders and choices those that move them.
function own(element, present) {
  if (!element) return () => false;
  const moves = (key) => /^(Arrow|Home|End)/.test(key) || (!present && key.startsWith("Page"));
  if (element.closest("[type=range], [role=slider]")) return moves;
  if (element.closest("[type=radio]")) return (key) => moves(key) || key === " ";
  if (element.closest("button, summary, a, [type=checkbox]")) return (key) => key === " ";
  if (element.closest("select")) return (key) => !(present && key.startsWith("Page"));
  return () => Boolean(element.closest("input, textarea, [contenteditable]"));
}

export function bindKeys(app) {
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
    p: () => (app.playing ? app.pause() : app.play()),
    f: () => app.toggleCode(),
  };
  const onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || app.sharing) return;
    const path = event.composedPath();
    if (!path.includes(app.root) && !app.options.present) return;
    const focused = path[0] instanceof Element ? path[0] : null;
    const action = actions[event.key];
    if (!action || own(focused, app.options.present)(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  document.addEventListener("keydown", onkeydown, true);
  return () => document.removeEventListener("keydown", onkeydown, true);
}
