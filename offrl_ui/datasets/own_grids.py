"""A grid of one's own: what it begins as, the board that it is drawn on, and what is drawn as a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from offrl_core.data.catalogue import datasets
from offrl_core.data.entries.custom import OWN_GRID
from offrl_core.data.options import MAX_SIDE
from offrl_core.declarations import HyperparameterError
from offrl_core.worlds.layout import GridLayout
from offrl_core.worlds.lecture_grids import LABELS
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import RunConfig
from offrl_ui.setup.selection import other_dataset

OFFER = "Draw your own grid"
ABOUT = "The grid that is shown, or another one, to be drawn; the same algorithms train on it"
TITLE = "Your own grid"
HOW = "A click puts a wall or takes it away; the run starts anew."
TOOLS = [{"letter": letter, "label": label} for letter, label in LABELS.items() if letter != "B"]


def offered(config: RunConfig) -> bool:
    """Whether one can be drawn instead of what is chosen."""
    return config.dataset != OWN_GRID and OWN_GRID in datasets()


def editable(layout: GridLayout) -> str:
    """The cells of any grid in the letters of a grid of one's own: holes become cliffs, what is unknown floor."""
    known = {tool["letter"] for tool in TOOLS}
    others = {"H": "X", "C": "X"}
    return "".join(cell if cell in known else others.get(cell, ".") for cell in layout.cells)


def own_grid(config: RunConfig) -> RunConfig:
    """The same algorithms on a grid of one's own, which begins as the one that is shown, where that can be drawn."""
    layout = config.data.layout
    if config.dataset != OWN_GRID and isinstance(layout, GridLayout) and config.data.tabular:
        options = {"layout": _lines(editable(layout), layout.rows, layout.cols)}
        try:
            return replace(config, dataset=OWN_GRID, options=options, changes=())
        except (ConfigError, HyperparameterError):
            pass  # it is no grid that one could draw, as without a way to its goal
    return other_dataset(config, OWN_GRID)


def board(layout: GridLayout, *, arrows: str | None = None) -> dict[str, Any]:
    """What the board shows (`assets/widgets/grid_editor.js`): the cells to be drawn, or the arrows of a policy."""
    return {
        "rows": layout.rows,
        "cols": layout.cols,
        "cells": editable(layout) if arrows is None else layout.cells,
        "arrows": arrows,
        "tools": TOOLS if arrows is None else [],
        "names": dict(LABELS),
        "most": MAX_SIDE,
    }


def shown_board(config: RunConfig) -> dict[str, Any] | None:
    """The board of the grid that is chosen; None where it is none of one's own."""
    layout = config.data.layout
    return board(layout) if config.dataset == OWN_GRID and isinstance(layout, GridLayout) else None


def drawn_lines(told: Mapping[str, Any]) -> str | None:
    """What the board has told as links have it, rows parted by `/`; None where it is no such thing."""
    rows, cols, text = told.get("rows"), told.get("cols"), told.get("text")
    if not (isinstance(rows, int) and isinstance(cols, int) and isinstance(text, str) and len(text) == rows * cols):
        return None
    return _lines(text, rows, cols)


def _lines(cells: str, rows: int, cols: int) -> str:
    return "/".join(cells[row * cols : (row + 1) * cols] for row in range(rows))


def redrawn(config: RunConfig, lines: str) -> RunConfig:
    """The same algorithms on the grid of these lines, with the options of the grid before if that was one's own, too.

    Raises:
        ConfigError: it is no grid to learn in, as without a start, or too large.
    """
    before = {**config.options, "drawn": ""} if config.dataset == OWN_GRID else {}
    return replace(config, dataset=OWN_GRID, options={**before, "layout": lines}, changes=())
