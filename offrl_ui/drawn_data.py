"""Components to make data by hand: a board to draw a grid or a policy on, and a world to play in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from offrl_core.worlds.layouts import LABELS
from offrl_ui.panel import component
from offrl_ui.stage import asset_root


def board(
    rows: int,
    cols: int,
    cells: str,
    arrows: str | None,
    tools: Sequence[Mapping[str, str]],
    *,
    key: str,
    on_draw: Callable[[int, int, str], None],
    most: int,
) -> None:
    """Show a grid to draw on.

    Args:
        rows, cols, cells: the grid, row by row.
        arrows: one character of `^>v<.` a cell: the policy to draw; None to draw the cells.
        tools: what can be drawn into a cell: `letter` and `label`.
        on_draw: called before the script runs again, after each stroke, with rows, columns and the new text.
        most: the largest side.
    """
    memory = f"{key}-seq"

    def drawn() -> None:
        answer = (st.session_state.get(key) or {}).get("drawn")
        if not isinstance(answer, Mapping) or not isinstance(answer.get("text"), str):
            return
        height, width = answer.get("rows"), answer.get("cols")
        if not (isinstance(height, int) and isinstance(width, int) and len(answer["text"]) == height * width):
            return
        if isinstance(answer.get("seq"), int):
            st.session_state[memory] = answer["seq"]
        on_draw(height, width, answer["text"])

    data = {
        "rows": rows,
        "cols": cols,
        "cells": cells,
        "arrows": arrows,
        "tools": list(tools),
        "names": dict(LABELS),
        "most": most,
        "assets": asset_root(),
        "seq": st.session_state.get(memory, 0),
    }
    component("widgets/grid_editor")(key=key, data=data, on_drawn_change=drawn)


def player_keys(*, key: str, on_move: Callable[[int, str], None], **shown: Any) -> None:
    """Show a world to act in with keys and buttons.

    Args:
        on_move: called before the script runs again, with the episode's number and everything pressed in it.
        shown: `episode, played, over, actions, digits, keys, picture, shot, told`, see `assets/player_keys.js`.
    """

    def moved() -> None:
        answer = (st.session_state.get(key) or {}).get("moves")
        if not isinstance(answer, Mapping) or not isinstance(answer.get("text"), str) or len(answer["text"]) > 1000:
            return
        if isinstance(answer.get("episode"), int):
            on_move(answer["episode"], answer["text"])

    component("film/player_keys")(key=key, data={"assets": asset_root(), **shown}, on_moves_change=moved)
