"""Streamlit components whose JavaScript comes from the server, and what they say to the script.

The modules are imported from the server, where browsers cache them and all components share them. A module exports
`mount(component)`, which draws into `component.parentElement`, or updates what it has drawn there, and returns a
function that takes it away. Streamlit runs the loader again on every script run, and its cleanup once.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import streamlit as st

from offrl_ui.shared.asset_files import asset_root, asset_text

# Streamlit runs this from a blob: address: modules are found beside Streamlit's own, which lie below the place where
# the app is served, whatever path a proxy puts before it.
_LOADER = """
const mounted = new WeakMap();
export default function (component) {
  const root = component.parentElement;
  let entry = mounted.get(root);
  if (!entry) {
    entry = { latest: component, mount: null, close: null, gone: false };
    mounted.set(root, entry);
    const own = document.querySelector('script[src*="static/js/"]');
    const site = own ? new URL("../../", own.src) : new URL(".", document.baseURI);
    const module = new URL(component.data.assets + "MODULE.js", site);
    import(module).then(
      ({ mount }) => {
        if (entry.gone) return;
        entry.mount = mount;
        entry.close = mount(entry.latest);
      },
      (error) => {
        const words = document.createElement("p");
        words.setAttribute("role", "alert");
        words.textContent = `This part of the page could not be loaded from ${module}: ${error.message}`;
        root.append(words);
      },
    );
  }
  entry.latest = component;
  if (entry.mount) entry.close = entry.mount(component);
  return () => {
    entry.gone = true;
    mounted.delete(root);
    entry.close?.();
  };
}
"""

TERMS = "shared/terms.css"
"""How the glossary's terms look, in every component and on the pages around them."""


@cache
def _declared(module: str, html: str, styles: tuple[str, ...]) -> Any:
    css = "".join(map(asset_text, (*styles, TERMS)))
    name = html.partition('class="')[2].partition('"')[0]
    return st.components.v2.component(f"offrl-{name}", html=html, css=css, js=_LOADER.replace("MODULE", module))


def show(
    module: str,
    *,
    key: str,
    data: Mapping[str, Any],
    html: str | None = None,
    styles: tuple[str, ...] | None = None,
    **on_change: Callable[[], None],
) -> Any:
    """Show the component of the module `assets/{module}.js`.

    Args:
        module: `folder/name`.
        key: the component's key; it lives on through script runs with the same key.
        data: given to the module as `component.data`, with the address of all modules as `assets`.
        html: the element that the module draws into; a div whose class is the module's name by default.
        styles: files of `assets` with its styles; `{module}.css` by default.
        on_change: `on_{event}_change`: called before the script runs again, when the module told that event.

    Returns:
        The events of this script run as attributes, None where nothing was told.
    """
    if html is None:
        html = f'<div class="{posixpath.basename(module)}"></div>'
    declared = _declared(module, html, (f"{module}.css",) if styles is None else styles)
    return declared(key=key, data={**data, "assets": asset_root()}, **on_change)


def told(key: str, event: str) -> Mapping[str, Any]:
    """What the component at `key` told with `event`, in a callback or later; empty where it is no mapping."""
    answer = (st.session_state.get(key) or {}).get(event)
    return answer if isinstance(answer, Mapping) else {}


def last_heard(key: str, answer: Mapping[str, Any] | None = None) -> int:
    """The number of the last answer of the component at `key` that the script has seen; `answer` is the newest one.

    A component numbers what it tells, and shows its own newer values until the script has heard of them.
    """
    memory = f"{key}-seq"
    seen = int(st.session_state.get(memory, 0))
    if answer and isinstance(answer.get("seq"), int):
        seen = st.session_state[memory] = max(seen, answer["seq"])
    return seen
