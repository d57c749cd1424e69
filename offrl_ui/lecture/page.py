"""A lecture page in Streamlit: reads the link, mounts the component that draws the scenes, writes the link back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from offrl_lecture.registry import Page, pages
from offrl_ui.lecture import opened
from offrl_ui.lecture.passage import go_to_playground
from offrl_ui.lecture.scene_results import scene_results
from offrl_ui.shared import component

# Lecture mode and embedding in slides: nothing but the scene.
_BARE = """<style>
[data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stToolbar"], header, .st-key-footer
{ display: none !important; }
[data-testid="stMainBlockContainer"] { padding: %s !important; max-width: none !important; }
</style>"""


def lecture_page(name: str) -> None:
    """The whole of a lecture page; `name` as in `registry.pages()`."""
    page = pages()[name]
    key = f"lecture-{name}"
    memory = st.session_state.setdefault(f"{key}-memory", {"query": None, "seen": 0, "opening": None})
    params = st.query_params.to_dict()
    reported = component.told(key, "view")
    if isinstance(reported.get("n"), int) and reported["n"] > memory["seen"]:
        memory["seen"] = reported["n"]
        query = opened.query_of(page, reported)
        if query is not None:
            _write_link(memory, query, params)
            if reported.get("offline") is True:
                memory["opening"] = _opening(page, query, memory)
    elif memory["opening"] is None or opened.shown(params) != memory["query"]:
        # A link was opened, or the browser went back. Without a link, the scene that was left last is shown.
        wanted = opened.shown(params) or memory["query"] or {}
        memory["opening"] = _opening(page, wanted, memory)
        _write_link(memory, wanted, params)
    data = opened.page_data(page, memory["opening"], params, embedded=bool(st.context.is_embedded), rooms=True)
    options = data["options"]
    if options["present"] or options["embed"]:
        st.html(_BARE % ("0" if options["present"] else "0.8rem 1.2rem"))
    result = component.show(
        "lecture/scene",
        html='<div class="lecture"></div>',
        styles=("lecture/pictures.css", "lecture/scene.css", "shared/key_list.css", "shared/share.css"),
        key=key,
        data=data,
        on_view_change=_nothing,
        on_go_change=_nothing,
        on_open_change=_nothing,
        on_leave_change=_nothing,
    )
    if result.leave and "present" in params:
        del st.query_params["present"]
        st.rerun()
    if result.go in pages():
        keep = {k: v for k, v in params.items() if k in ("present", "follow")}
        st.switch_page(f"pages/{result.go}.py", query_params=keep)
    if isinstance(result.open, Mapping):
        _open(result.open, memory, params)


def _open(told: Mapping[str, Any], memory: dict[str, Any], params: dict[str, str]) -> None:
    """Open what a scene trains in the playground."""
    asked = opened.asked_to_open(told, params)
    if asked is not None:
        memory["opening"] = None  # whoever comes back opens the scene anew
        go_to_playground(*asked)


def _write_link(memory: dict[str, Any], query: dict[str, str], params: dict[str, str]) -> None:
    memory["query"] = query
    if {**query, **opened.beside(params)} != params:
        st.query_params.from_dict({**query, **opened.beside(params)})


def _opening(page: Page, query: dict[str, str], memory: dict[str, Any]) -> dict[str, Any]:
    return opened.opened(page, query, memory["opening"], scene_results().first)


def _nothing() -> None:
    """A callback must be named for a state or trigger to exist."""
