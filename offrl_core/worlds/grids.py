"""Grid worlds from a text of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from offrl_core import sparse
from offrl_core.columns import Array
from offrl_core.worlds.layout import GridLayout
from offrl_core.worlds.tabular import MDPError, TabularMDP

ACTIONS = ("up", "right", "down", "left")
DIRECTIONS = ((-1, 0), (0, 1), (1, 0), (0, -1))


def grid_world(
    rows: Sequence[str] | str,
    *,
    rewards: Mapping[str, float] | None = None,
    terminals: str = "G",
    starts: str = "S",
    slip: float = 0.0,
    step_reward: float = 0.0,
    labels: Mapping[str, str] | None = None,
    name: str = "grid",
) -> TabularMDP:
    """A grid world with the four actions up, right, down, left; walking into a wall or off the grid stays in place.

    Every cell but `#` is a state, numbered row by row. The reward on arriving in (or staying in) a cell is
    `step_reward` plus the cell's own reward.

    Args:
        rows: the cells, as lines of equal length (or one text with line breaks).
        rewards: reward of each cell letter; 1 for `G` by default.
        terminals: letters of cells that end the episode.
        starts: letters of initial cells, equally likely.
        slip: probability that the move goes to one of the two sides instead (half of it to each).
        step_reward: reward of every step.
        labels: what the letters mean, for the legend.
        name: the world's name.

    Raises:
        MDPError: lines of unequal length, no start, or slip outside [0, 1].
    """
    lines = rows.splitlines() if isinstance(rows, str) else list(rows)
    if not lines or not lines[0] or any(len(line) != len(lines[0]) for line in lines):
        raise MDPError("a layout needs one line or more, all of the same length")
    if not 0.0 <= slip <= 1.0:
        raise MDPError(f"slip = {slip!r} is not allowed: it must be from 0 to 1")
    cells = np.array([list(line) for line in lines])
    state_of_cell = np.where(cells == "#", -1, np.cumsum(cells.ravel() != "#").reshape(cells.shape) - 1)
    row, column = np.nonzero(state_of_cell >= 0)
    letters = cells[row, column]
    terminal = np.isin(letters, list(terminals))
    initial = np.isin(letters, list(starts)).astype(np.float64)
    if not initial.any():
        raise MDPError(f"the layout has no start: it needs one of the letters {starts}")
    cell_reward = step_reward + np.array([(rewards or {"G": 1.0}).get(letter, 0.0) for letter in letters])
    transitions = _transitions(arrivals(state_of_cell, DIRECTIONS), slip)
    arriving = transitions.copy()
    arriving.data = cell_reward[arriving.indices]
    return TabularMDP(
        transitions,
        arriving,
        initial / initial.sum(),
        terminal,
        action_names=ACTIONS,
        state_names=cell_names(row, column),
        layout=GridLayout(
            rows=cells.shape[0],
            cols=cells.shape[1],
            cells="".join(lines),
            state_of_cell=tuple(state_of_cell.ravel().tolist()),
            directions=DIRECTIONS,
            labels=tuple({**(labels or {})}.items()),
        ),
        features={"coordinates": coordinates(row, column)},
        name=name,
    )


def coordinates(row: Array, column: Array) -> Array:
    """`(S, 2)` float32: column and row of each state, each scaled to [−1, 1] over the grid."""
    centred = [2.0 * (x - x.min()) / max(1, x.max() - x.min()) - 1.0 for x in (column, row)]
    return np.stack(centred, axis=1).astype(np.float32)


def cell_names(row: Array, column: Array) -> tuple[str, ...]:
    """`(row,column)` of each state."""
    return tuple(f"({r},{c})" for r, c in zip(row.tolist(), column.tolist(), strict=True))


def arrivals(state_of_cell: Array, directions: Sequence[tuple[int, int]]) -> Array:
    """`(S, A)`: where one step in each direction leads; out of the grid or into a wall (−1) nowhere."""
    row, column = np.nonzero(state_of_cell >= 0)
    around = np.pad(state_of_cell, 1, constant_values=-1)
    ahead = np.stack([around[row + dr + 1, column + dc + 1] for dr, dc in directions], axis=1)
    return np.where(ahead >= 0, ahead, np.arange(len(row))[:, None])


def _transitions(ahead: Array, slip: float) -> sparse.csr_matrix:
    """`(S·4, S)` transition probabilities from `ahead (S, 4)`, where each action leads without slipping."""
    states = np.arange(len(ahead))
    turns = ((0, 1.0 - slip), (1, slip / 2), (-1, slip / 2)) if slip else ((0, 1.0),)
    pairs, nexts, chance = [], [], []
    for action in range(4):
        for turn, p in turns:
            pairs.append(states * 4 + action)
            nexts.append(ahead[:, (action + turn) % 4])
            chance.append(np.full(len(states), p))
    return sparse.csr_matrix(
        (np.concatenate(chance), (np.concatenate(pairs), np.concatenate(nexts))), shape=(len(states) * 4, len(states))
    )


def state_at(world: TabularMDP, cell: tuple[int, int]) -> int:
    """The state of `cell` (row, column).

    Raises:
        MDPError: the cell is outside the grid or a wall.
    """
    layout = world.layout
    assert isinstance(layout, GridLayout)
    row, column = cell
    inside = 0 <= row < layout.rows and 0 <= column < layout.cols
    state = layout.state_of_cell[row * layout.cols + column] if inside else -1
    if state < 0:
        raise MDPError(f"cell {cell} is a wall or outside the grid")
    return state


def route_policy(world: TabularMDP, cells: Sequence[tuple[int, int]]) -> Array:
    """`(S, 4)`: a policy that walks straight from corner to corner of `cells`; uniform in all other states.

    Raises:
        MDPError: two corners are not in one row or column, or a cell of the way is a wall.
    """
    policy = np.full((world.n_states, 4), 0.25)
    for (r, c), (to_r, to_c) in pairwise(cells):
        step = (int(np.sign(to_r - r)), int(np.sign(to_c - c)))
        if step not in DIRECTIONS:
            raise MDPError(f"cells {(r, c)} and {(to_r, to_c)} are not in one row or column")
        while (r, c) != (to_r, to_c):
            policy[state_at(world, (r, c))] = np.eye(4)[DIRECTIONS.index(step)]
            r, c = r + step[0], c + step[1]
    return policy
