"""The runs of one visit as a tree: which came from which, at which step, and by what change."""

from __future__ import annotations

from typing import Any

import streamlit as st

from offrl_live.runs.config import Change, RunConfig
from offrl_live.runs.live_runs import UnknownRun
from offrl_live.serving.hub import get_hub
from offrl_ui.playground.session_run import MEMORY
from offrl_ui.shared.widgets import tree

NAMES = "branches"
MOST = 40
LONGEST_NAME = 40


def remember(run_id: str) -> None:
    """Note a run that this visit has seen, in order; the oldest are let go.

    A page calls it as soon as it knows its run: what the viewer does next may cut the script short.
    """
    names: dict[str, str] = st.session_state.setdefault(NAMES, {})
    if run_id not in names:
        names[run_id] = "start" if not names else f"branch {len(names)}"
        while len(names) > MOST:
            del names[next(iter(names))]


def show(run_id: str, *, key: str) -> None:
    """The tree of what this visit has branched, once there is more than one run in it."""
    nodes = _nodes()
    if len(nodes) < 2:
        st.caption(
            "Scrub back and press “branch here”, or move a live control while others watch: "
            "each branch is kept here, with what was changed and when."
        )
        return
    tree(nodes, run_id, key=key, on_go=_go, on_name=_name)


def _nodes() -> list[dict[str, Any]]:
    nodes = []
    for run_id, name in list(st.session_state[NAMES].items()):
        try:
            info = get_hub().info(run_id)
        except UnknownRun:
            del st.session_state[NAMES][run_id]
            continue
        parent = info["parent"] or {}
        nodes.append(
            {
                "id": run_id,
                "parent": parent.get("id"),
                "name": name,
                "text": _text(info, parent),
                "step": parent.get("step", 0),
                "state": info["state"],
            }
        )
    return nodes


def _text(info: dict[str, Any], parent: dict[str, Any]) -> str:
    config: RunConfig = info["config"]
    if parent:
        own = [change for change in config.changes if change.step >= parent["step"] and change not in _changes(parent)]
        at_once = [_what(config, change) for change in own if change.step == parent["step"]]
        anew = f"{parent['saved']} was saved" if "saved" in parent else "begun again"
        text = f"from step {parent['step']}, nothing changed" if parent["step"] else anew
        if at_once:
            text = f"from step {parent['step']}: {', '.join(at_once)}"
        later = [change for change in own if change.step > parent["step"]]
    else:
        text, later = info["title"] or "run", list(config.changes)
    few = [f"{change.step}: {_what(config, change)}" for change in later[-3:]]
    return "; ".join([text, *(["…"] if len(later) > 3 else []), *few])


def _changes(parent: dict[str, Any]) -> tuple[Change, ...]:
    """The live changes of the run that another one came from; none where it is forgotten."""
    try:
        config: RunConfig = get_hub().info(parent["id"])["config"]
    except UnknownRun:
        return ()
    return config.changes


def _what(config: RunConfig, change: Change) -> str:
    lane = f"{change.lane + 1}. " if len(config.lanes) > 1 else ""
    return ", ".join(f"{lane}{name} → {_plain(value)}" for name, value in change.values.items())


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _go(run_id: str) -> None:
    if run_id in st.session_state[NAMES] and MEMORY in st.session_state:
        st.session_state[MEMORY]["id"] = run_id


def _name(run_id: str, name: str) -> None:
    if run_id in st.session_state[NAMES] and name:
        st.session_state[NAMES][run_id] = name[:LONGEST_NAME]
