"""Components of the page around the stage: cards to pick from, the panel of hyperparameters, the look inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from offrl_ui.stage import asset_root

ASSETS = Path(__file__).parent / "assets"

# The modules are imported from the server, where they are cached and share one bus with the stage; this part only hands
# the element over. Streamlit calls it again on every rerun, and its cleanup once.
_LOADER = """
const mounted = new WeakMap();
export default function (component) {
  const root = component.parentElement;
  let entry = mounted.get(root);
  if (!entry) {
    entry = { latest: component, mount: null, close: null, gone: false };
    mounted.set(root, entry);
    import(new URL(component.data.assets + "PATH.js", location.origin)).then(({ mount }) => {
      if (entry.gone) return;
      entry.mount = mount;
      entry.close = mount(entry.latest);
    });
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


@cache
def component(path: str) -> Any:
    """The component whose module and style are `assets/{path}.js` and `.css`; it draws into a div of that name."""
    name = path.rpartition("/")[2]
    css = (ASSETS / f"{path}.css").read_text()
    return st.components.v2.component(
        f"offrl-{name}", html=f'<div class="{name}"></div>', css=css, js=_LOADER.replace("PATH", path)
    )


def panel(
    sections: Sequence[Mapping[str, Any]],
    *,
    key: str,
    scope: str,
    on_change: Callable[[dict[str, Any]], None],
    lane: int = 0,
    refused: Mapping[str, str] | None = None,
) -> None:
    """Show controls made from declarations (`controls.data_sections`, `controls.lane_sections`).

    Live hyperparameters of sections marked `run` act on the page's run while they are dragged; the script hears of any
    change when the control is let go.

    Args:
        scope: what the values belong to; an answer for another scope comes too late and is dropped.
        on_change: called before the script runs again, with section → name → value.
        lane: the lane of the run that live values are sent to.
        refused: `section.name` → why its last value was not taken.
    """
    memory = f"{key}-seq"

    def changed() -> None:
        answer = (st.session_state.get(key) or {}).get("changed")
        if not isinstance(answer, Mapping) or not isinstance(answer.get("values"), Mapping):
            return
        if isinstance(answer.get("seq"), int):
            st.session_state[memory] = max(st.session_state.get(memory, 0), answer["seq"])
        if answer.get("scope") == scope:
            on_change({str(section): part for section, part in answer["values"].items()})

    data = {
        "assets": asset_root(),
        "scope": scope,
        "seq": st.session_state.get(memory, 0),
        "lane": lane,
        "sections": list(sections),
        "refused": dict(refused or {}),
    }
    component("widgets/settings")(key=key, data=data, on_changed_change=changed)


def picker(
    groups: Sequence[Mapping[str, Any]],
    value: str | None,
    *,
    key: str,
    label: str,
    on_pick: Callable[[str], None],
    columns: int = 4,
    few: int = 0,
) -> None:
    """Show cards to choose one from.

    Args:
        groups: `{"title", "cards": [{"id", "title", "text", "picture" (SVG)}]}`.
        value: the chosen card's id.
        label: what is chosen, for screen readers.
        on_pick: called before the script runs again, with the id of a card that exists.
        columns: cards in a row; 0 for as many as fit.
        few: how many cards of a group are shown before "show all"; 0 for all.
    """
    ids = {card["id"] for group in groups for card in group["cards"]}
    memory = f"{key}-seq"

    def picked() -> None:
        answer = (st.session_state.get(key) or {}).get("picked")
        if not isinstance(answer, Mapping) or answer.get("id") not in ids:
            return
        if isinstance(answer.get("seq"), int):
            st.session_state[memory] = max(st.session_state.get(memory, 0), answer["seq"])
        on_pick(answer["id"])

    data = {
        "assets": asset_root(),
        "label": label,
        "value": value,
        "seq": st.session_state.get(memory, 0),
        "columns": columns,
        "few": few,
        "groups": list(groups),
    }
    component("widgets/picker")(key=key, data=data, on_picked_change=picked)


def tree(
    nodes: Sequence[Mapping[str, Any]],
    shown: str,
    *,
    key: str,
    on_go: Callable[[str], None],
    on_name: Callable[[str, str], None],
) -> None:
    """Show runs as a tree to fold, name and go to.

    Args:
        nodes: `{"id", "parent", "name", "text", "step", "state"}`.
        shown: the id of the run that is on the stage.
        on_go: called before the script runs again, with the id of a node.
        on_name: the same with its new name.
    """
    ids = {node["id"] for node in nodes}

    def event(name: str) -> Mapping[str, Any]:
        given = (st.session_state.get(key) or {}).get(name)
        return given if isinstance(given, Mapping) and given.get("id") in ids else {}

    def went() -> None:
        if given := event("went"):
            on_go(given["id"])

    def named() -> None:
        given = event("named")
        if isinstance(given.get("name"), str):
            on_name(given["id"], given["name"])

    data = {"assets": asset_root(), "label": "Branches of this visit", "shown": shown, "nodes": list(nodes)}
    component("widgets/tree")(key=key, data=data, on_went_change=went, on_named_change=named)


def inside(*, key: str) -> None:
    """Show the numbers of the selected state and an action through the next update, as the algorithm reports them."""
    component("widgets/transition")(key=key, data={"assets": asset_root()})


_PICTURE_HTML = '<figure class="picture"><figcaption></figcaption><div class="drawing"></div></figure>'
_PICTURE_JS = """
export default function ({ parentElement, data }) {
  const caption = parentElement.querySelector("figcaption");
  const parts = [Object.assign(document.createElement("strong"), { textContent: data.title })];
  for (const [colour, name] of data.legend) {
    const part = Object.assign(document.createElement("span"), { className: "key", textContent: name });
    part.prepend(Object.assign(document.createElement("i"), { style: `background:${colour}` }));
    parts.push(part);
  }
  caption.replaceChildren(...parts);
  const drawing = parentElement.querySelector(".drawing");
  if (drawing.innerHTML !== data.svg) drawing.innerHTML = data.svg;
}
"""
_PICTURE_CSS = """
.picture { margin: 0; font-family: var(--st-font); color: var(--st-text-color); }
figcaption { display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; margin-bottom: 0.5rem; }
.key { display: inline-flex; align-items: center; gap: 0.35rem; }
.key i { width: 1.1rem; height: 0.25rem; border-radius: 0.1rem; }
.drawing svg { display: block; width: 100%; max-height: 30rem; }
"""


@cache
def _picture() -> Any:
    return st.components.v2.component("offrl-picture", html=_PICTURE_HTML, css=_PICTURE_CSS, js=_PICTURE_JS)


def picture(svg: str, title: str, *, key: str, legend: Sequence[tuple[str, str]] = ()) -> None:
    """Show a drawing made by `pictures.svg` in the colours of the page; `legend` are colours and what they mean."""
    _picture()(key=key, data={"svg": svg, "title": title, "legend": [list(entry) for entry in legend]})
