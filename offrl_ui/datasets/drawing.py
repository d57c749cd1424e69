"""Components to make data by hand: a board to draw a grid or a policy on, and a world to play in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offrl_core.worlds.lecture_grids import LABELS
from offrl_ui.shared import component


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

    def drawn() -> None:
        answer = component.told(key, "drawn")
        if not isinstance(answer.get("text"), str):
            return
        height, width = answer.get("rows"), answer.get("cols")
        if not (isinstance(height, int) and isinstance(width, int) and len(answer["text"]) == height * width):
            return
        component.last_heard(key, answer)
        on_draw(height, width, answer["text"])

    data = {
        "rows": rows,
        "cols": cols,
        "cells": cells,
        "arrows": arrows,
        "tools": list(tools),
        "names": dict(LABELS),
        "most": most,
        "seq": component.last_heard(key),
    }
    component.show(
        "widgets/grid_editor",
        key=key,
        data=data,
        styles=("shared/buttons.css", "widgets/grid_editor.css"),
        on_drawn_change=drawn,
    )


def player_keys(*, key: str, on_move: Callable[[int, str], None], **shown: Any) -> None:
    """Show a world to act in with keys and buttons.

    Args:
        on_move: called before the script runs again, with the episode's number and everything pressed in it.
        shown: `episode, played, over, actions, digits, keys, picture, shot, told`, see `assets/film/player_keys.js`.
    """

    def moved() -> None:
        answer = component.told(key, "moves")
        if not isinstance(answer.get("text"), str) or len(answer["text"]) > 1000:
            return
        if isinstance(answer.get("episode"), int):
            on_move(answer["episode"], answer["text"])

    component.show(
        "film/player_keys",
        key=key,
        data=shown,
        styles=("shared/buttons.css", "film/player_keys.css"),
        on_moves_change=moved,
    )
