"""A grid of your own: cells, rewards and slip as options, so that it travels in the link."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from offrl_core.data import options as opt
from offrl_core.data.entries.grids import build_grid
from offrl_core.data.spec import DatasetSpec
from offrl_core.dataset import Array, Dataset
from offrl_core.declarations import HyperparameterError
from offrl_core.worlds.lecture_grids import LABELS, REWARDS, TERMINALS, Grid

OWN_GRID = "custom-grid"
OWN_LAYOUT = "###########/#S..#.....#/#.#.#.###.#/#.#...#.#.#/#.###.#D#.#/#.....#...#/#####.###G#/###########"

_REWARD_OPTIONS = tuple(
    opt.DatasetOption(
        name,
        rf"r_{{{letter}}}",
        REWARDS[letter],
        f"Reward on arriving at {letter} ({LABELS[letter]}), which ends the episode.",
        low=-10.0,
        high=10.0,
    )
    for name, letter in (("goal_reward", "G"), ("small_reward", "D"), ("dead_end_reward", "T"), ("cliff_reward", "X"))
)

STEP_REWARD = opt.DatasetOption(
    "step_reward",
    r"r_{\text{step}}",
    0.0,
    "Reward of every step: below 0 every step costs, above 0 it pays to stay.",
    low=-1.0,
    high=1.0,
)


def layout_option(default: str = "", name: str = "layout") -> opt.DatasetOption:
    """The cells of a grid as a text."""
    return opt.DatasetOption(
        name,
        "",
        default,
        "The cells, rows separated by /: # wall, . floor, S start, G goal, D small reward, T dead end, X cliff.",
        max_length=(opt.MAX_SIDE + 1) * opt.MAX_SIDE,
    )


def parse_layout(text: str) -> tuple[str, ...]:
    """The rows of a layout text (parted by `/` or line breaks), checked.

    Raises:
        HyperparameterError: no cells, more than 24 × 24, rows of unequal length, a letter that is not allowed, no
            start, or a start from which nothing that ends the episode can be reached.
    """
    rows = tuple(re.split(r"/|\r?\n", text.strip("/\r\n")))
    if not rows[0]:
        raise HyperparameterError("layout is empty: it needs rows of cells parted by /")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        odd = next(i for i, row in enumerate(rows) if len(row) != len(rows[0]))
        raise HyperparameterError(
            f"layout, row {odd} has {len(rows[odd])} cells, row 0 has {len(rows[0])}: all rows must be equally long"
        )
    if len(rows) > opt.MAX_SIDE or len(rows[0]) > opt.MAX_SIDE:
        raise HyperparameterError(
            f"layout is {len(rows)} × {len(rows[0])}: at most {opt.MAX_SIDE} × {opt.MAX_SIDE} cells are allowed"
        )
    for r, row in enumerate(rows):
        for c, letter in enumerate(row):
            if letter not in LABELS:
                raise HyperparameterError(
                    f"layout, cell ({r},{c}): {letter!r} is not allowed: it must be one of {' '.join(LABELS)}"
                )
    if "S" not in text:
        raise HyperparameterError("layout has no start: it needs a cell S")
    for r, c in _starts_without_end(np.array([list(row) for row in rows])):
        raise HyperparameterError(
            f"layout: from the start ({r},{c}) nothing that ends the episode can be reached: it needs one of G D T X"
        )
    return rows


def _starts_without_end(cells: Array) -> list[tuple[int, int]]:
    """Starts that no terminal cell can be reached from: what a search backwards from the ends does not find."""
    ends = np.isin(cells, list(TERMINALS))
    free = ~ends & (cells != "#")
    found = np.pad(ends, 1)
    while True:
        near = found[:-2, 1:-1] | found[2:, 1:-1] | found[1:-1, :-2] | found[1:-1, 2:]
        grown = found.copy()
        grown[1:-1, 1:-1] |= near & free
        if (grown == found).all():
            return [(int(r), int(c)) for r, c in np.argwhere((cells == "S") & ~found[1:-1, 1:-1])]
        found = grown


def _custom(seed: int, chosen: dict[str, Any]) -> Dataset:
    rewards = {
        "G": chosen["goal_reward"],
        "D": chosen["small_reward"],
        "T": chosen["dead_end_reward"],
        "X": chosen["cliff_reward"],
    }
    grid = Grid(OWN_GRID, parse_layout(chosen["layout"]), rewards, chosen["step_reward"])
    return build_grid(grid.world(chosen["slip"]), (), seed, chosen)


CUSTOM_GRID = DatasetSpec(
    name=OWN_GRID,
    title="Your own grid",
    description="A grid that you draw: walls, starts, goals, cliffs, rewards and slip; all of it travels in the link.",
    lesson="Build the trap yourself: where must the data have been for the learner to find the way?"
    " Move one wall and see which algorithms still find it.",
    options=(
        layout_option(OWN_LAYOUT),
        *_REWARD_OPTIONS,
        STEP_REWARD,
        *opt.collecting(
            ("random", "optimal", "softmax", "drawn"),
            "mix",
            n_episodes=100,
            horizon=200,
            epsilon=0.2,
            mix={"random": 0.5, "optimal": 0.5},
        ),
        opt.SLIP,
        opt.gamma(0.95),
    ),
    builder=_custom,
)
