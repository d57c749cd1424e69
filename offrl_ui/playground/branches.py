"""The tree of this visit's branches on the page."""

from __future__ import annotations

import streamlit as st

from offrl_live.serving.hub import get_hub
from offrl_ui.playground.session_run import go_to
from offrl_ui.playground.tree import NOTHING_YET, Branches
from offrl_ui.shared.widgets import tree

KEY = "branches"


def _seen() -> Branches:
    seen: Branches = st.session_state.setdefault(KEY, Branches())
    return seen


def remember(run_id: str) -> None:
    """Note a run that this visit has seen.

    A page calls it as soon as it knows its run: what the viewer does next may cut the script short.
    """
    _seen().remember(run_id)


def show(run_id: str, *, key: str) -> None:
    """The tree of what this visit has branched, once there is more than one run in it."""
    nodes = _seen().nodes(get_hub().info)
    if len(nodes) < 2:
        st.caption(NOTHING_YET)
    else:
        tree(nodes, run_id, key=key, on_go=_go, on_name=_seen().rename)


def _go(run_id: str) -> None:
    if run_id in _seen().names:
        go_to(run_id)
