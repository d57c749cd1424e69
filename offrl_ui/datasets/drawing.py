"""Components to make data by hand: a board to draw a grid or a policy on, and a world to play in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from offrl_ui.datasets.own_grids import drawn_lines
from offrl_ui.shared import component


def board(shown: Mapping[str, Any], *, key: str, on_draw: Callable[[str], None]) -> None:
    """Show a grid to draw on.

    Args:
        shown: what it shows, see `own_grids.board`.
        on_draw: called before the script runs again, after each stroke, with the new text, its rows parted by `/`.
    """

    def drawn() -> None:
        answer = component.told(key, "drawn")
        lines = drawn_lines(answer)
        if lines is None:
            return
        component.last_heard(key, answer)
        on_draw(lines)

    component.show(
        "widgets/grid_editor",
        key=key,
        data={**shown, "seq": component.last_heard(key)},
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
