"""A lecture page in Streamlit: reads the link, mounts the component that draws the scenes, writes the link back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import streamlit as st

from offrl_core.declarations import HyperparameterError
from offrl_lecture.base.encode import scene_json
from offrl_lecture.base.scene import RESERVED, Scene
from offrl_lecture.registry import Page, pages, scenes
from offrl_ui.lecture.passage import go_to_playground
from offrl_ui.lecture.rooms import ALPHABET, CODE_LENGTH
from offrl_ui.lecture.scene_results import SceneFailure, scene_results
from offrl_ui.shared import component

# Lecture mode and embedding in slides: nothing but the scene.
_BARE = """<style>
[data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stToolbar"], header { display: none !important; }
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
        query = _query_of(page, reported)
        if query is not None:
            _write_link(memory, query, params)
            if reported.get("offline") is True:
                memory["opening"] = _opening(page, query, memory["opening"])
    elif memory["opening"] is None or _shown(params) != memory["query"]:
        # A link was opened, or the browser went back. Without a link, the scene that was left last is shown.
        wanted = _shown(params) or memory["query"] or {}
        memory["opening"] = _opening(page, wanted, memory["opening"])
        _write_link(memory, wanted, params)
    options, notes = _options(params, page)
    if options["present"] or options["embed"]:
        st.html(_BARE % ("0" if options["present"] else "0.8rem 1.2rem"))
    result = component.show(
        "lecture/scene",
        html='<div class="lecture"></div>',
        styles=("lecture/pictures.css", "lecture/scene.css", "shared/key_list.css"),
        key=key,
        data={
            "page": page.name,
            "title": page.title,
            "pages": [{"name": p.name, "title": p.title} for p in pages().values()],
            "scenes": _declarations(page.name),
            "opening": memory["opening"],
            "options": options,
            "notes": notes,
        },
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
    scene, state = scenes().get(str(told.get("scene"))), told.get("state")
    if scene is None or not isinstance(state, dict):
        return
    try:
        state = scene.resolve(state)
    except HyperparameterError:
        # The picture came from the socket, which explains what it refuses.
        return
    memory["opening"] = None  # whoever comes back opens the scene anew
    shown = {**scene.query(state), **({"reveal": "1"} if told.get("revealed") is True else {})}
    go_to_playground(scene.run(state), scene.id, {**shown, **_beside(params)})


def _write_link(memory: dict[str, Any], query: dict[str, str], params: dict[str, str]) -> None:
    memory["query"] = query
    if {**query, **_beside(params)} != params:
        st.query_params.from_dict({**query, **_beside(params)})


def _beside(params: dict[str, str]) -> dict[str, str]:
    """The part of the link that says how a scene is shown."""
    return {k: v for k, v in params.items() if k in ("present", "hide", "fix", "follow")}


def _nothing() -> None:
    """A callback must be named for a state or trigger to exist."""


@cache
def _declarations(name: str) -> list[dict[str, Any]]:
    return [scene_json(scene) for scene in pages()[name].scenes]


def _shown(params: dict[str, str]) -> dict[str, str]:
    """The part of the link that says what is shown."""
    return {k: v for k, v in params.items() if k not in RESERVED or k in ("scene", "v", "reveal")}


def _opening(page: Page, params: dict[str, str], before: dict[str, Any] | None) -> dict[str, Any]:
    by_id = {scene.id: scene for scene in page.scenes}
    scene, notes = page.scenes[0], []
    if (asked := params.get("scene")) in by_id:
        scene = by_id[asked]
    elif asked is not None:
        notes.append(f"There is no scene {asked[:40]!r} on this page; the first one is shown.")
        params = {}
    state, refused = scene.from_query(params)
    try:
        result = scene_results().first(scene, state)
    except SceneFailure as failure:
        result = None
        notes.append(f"{failure}; its data could not be drawn.")
    return {
        "number": before["number"] + 1 if before else 1,
        "scene": scene.id,
        "state": state,
        "revealed": params.get("reveal") == "1",
        "notes": notes + refused,
        "result": result,
    }


def _options(params: dict[str, str], page: Page) -> tuple[dict[str, Any], list[str]]:
    known = {control.name for scene in page.scenes for control in scene.controls}
    notes, lists = [], {}
    for option in ("hide", "fix"):
        names = [name for name in params.get(option, "").split(",") if name]
        lists[option] = [name for name in names if name in known]
        notes += [f"{option}: {name[:40]!r} is no control of this page" for name in names if name not in known]
    code = params.get("follow", "").strip().upper()
    if code and not re.fullmatch(f"[{ALPHABET}]{{{CODE_LENGTH}}}", code):
        notes.append(f"{code[:12]!r} is no code: it has {CODE_LENGTH} letters and digits")
        code = ""
    present, embed = params.get("present") == "1", bool(st.context.is_embedded)
    return {"present": present, "embed": embed, "follow": code, **lists}, notes


def _query_of(page: Page, reported: Mapping[str, Any]) -> dict[str, str] | None:
    scene: Scene | None = next((s for s in page.scenes if s.id == reported.get("scene")), None)
    state = reported.get("state")
    if scene is None or not isinstance(state, dict):
        return None
    try:
        query = scene.query(scene.resolve(state))
    except HyperparameterError:
        # The picture came from the socket, which explains what it refuses; the link stays as it was.
        return None
    return {**query, "reveal": "1"} if reported.get("revealed") is True else query
