"""Gymnasium's tabular worlds: FrozenLake, CliffWalking and Taxi, with the transition tables of version 1.3.

Tests compare every entry of the tables with Gymnasium's own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from offrl_core import sparse
from offrl_core.columns import Array
from offrl_core.worlds.grids import arrivals, cell_names, coordinates
from offrl_core.worlds.layout import GridLayout, MatrixLayout
from offrl_core.worlds.tabular import TabularMDP

LAKES = {
    "4x4": ("S...", ".H.H", "...H", "H..G"),
    "8x8": ("S.......", "........", "...H....", ".....H..", "...H....", ".HH...H.", ".H..H.H.", "...H...G"),
}
CLIFF = ("............", "............", "............", "SXXXXXXXXXXG")
STOPS = {"red": (0, 0), "green": (0, 4), "yellow": (4, 0), "blue": (4, 3)}
WALLS_WEST = ("10100", "10100", "10000", "11010", "11010")
"""Taxi: where a wall stands at the west side of a cell; the outer one at the east is not in this list."""


@lru_cache(maxsize=4)
def frozen_lake(size: str = "4x4", slippery: bool = True) -> TabularMDP:
    """`FrozenLake-v1` (`4x4`) and `FrozenLake8x8-v1` (`8x8`): reward 1 at the goal, holes end the episode."""
    directions = ((0, -1), (1, 0), (0, 1), (-1, 0))
    cells = np.array([list(row) for row in LAKES[size]])
    letters = cells.ravel()
    nexts = _outcomes(cells, directions, slippery)
    straight = 1.0 / 3.0
    aside = (1.0 - straight) / 2.0
    return _mdp(
        nexts,
        (aside, straight, aside) if slippery else (1.0,),
        np.where(letters[nexts] == "G", 1.0, 0.0),
        letters == "S",
        np.isin(letters, ["H", "G"]),
        action_names=("left", "down", "right", "up"),
        name="frozen-lake",
        **_drawn(cells, directions, (("S", "start"), ("H", "hole"), ("G", "goal, 1"))),
    )


@lru_cache(maxsize=2)
def cliff_walking(slippery: bool = False) -> TabularMDP:
    """`CliffWalking-v1`: −1 a step, −100 and back to the start for stepping into the cliff."""
    directions = ((-1, 0), (0, 1), (1, 0), (0, -1))
    cells = np.array([list(row) for row in CLIFF])
    letters = cells.ravel()
    nexts = _outcomes(cells, directions, slippery)
    fallen = letters[nexts] == "X"
    return _mdp(
        np.where(fallen, np.flatnonzero(letters == "S"), nexts),
        (1 / 3,) * 3 if slippery else (1.0,),
        np.where(fallen, -100.0, -1.0),
        letters == "S",
        letters == "G",
        action_names=("up", "right", "down", "left"),
        name="cliff-walking",
        **_drawn(cells, directions, (("S", "start"), ("X", "cliff, −100"), ("G", "goal"))),
    )


@lru_cache(maxsize=1)
def taxi() -> TabularMDP:
    """`Taxi-v4`: −1 a step, −10 for a wrong pick-up or drop-off, 20 for the right drop-off; 300 equally likely starts.

    States are numbered by row, column, passenger (at one of four stops, or 4 in the taxi) and destination.
    """
    shape = (5, 5, 5, 4)
    row, column, passenger, destination = np.unravel_index(np.arange(500), shape)
    stops = np.array(list(STOPS.values()))
    stop_here = np.full((5, 5), -1)
    stop_here[stops[:, 0], stops[:, 1]] = range(4)
    here = stop_here[row, column]
    wall = np.pad(np.array([list(line) for line in WALLS_WEST]) == "1", ((0, 0), (0, 1)), constant_values=True)
    riding = passenger == 4
    picked, delivered, dropped = here == passenger, riding & (here == destination), riding & (here >= 0)

    def arriving(**changed: Array) -> Array:
        parts = {"row": row, "column": column, "passenger": passenger, **changed}
        return np.ravel_multi_index((*parts.values(), destination), shape)

    moves = (
        (arriving(row=np.minimum(row + 1, 4)), -1.0),
        (arriving(row=np.maximum(row - 1, 0)), -1.0),
        (arriving(column=column + ~wall[row, column + 1]), -1.0),
        (arriving(column=column - ~wall[row, column]), -1.0),
        (arriving(passenger=np.where(picked, 4, passenger)), np.where(picked, -1.0, -10.0)),
        (arriving(passenger=np.where(dropped, here, passenger)), np.select([delivered, dropped], [20.0, -1.0], -10.0)),
    )
    waiting = ~riding & (passenger != destination)
    order = np.lexsort((column, row, destination, passenger))
    names = (*STOPS, "taxi")
    return _mdp(
        np.stack([nexts for nexts, _ in moves], axis=1)[..., None],
        (1.0,),
        np.stack([np.broadcast_to(reward, 500) for _, reward in moves], axis=1)[..., None],
        waiting,
        (here == destination) & (passenger == destination),
        action_names=("south", "north", "east", "west", "pick up", "drop off"),
        state_names=tuple(
            f"({r},{c}) {names[p]}→{names[d]}" if p != d else f"({r},{c}) delivered to {names[d]}"
            for r, c, p, d in zip(row, column, passenger, destination, strict=True)
        ),
        layout=MatrixLayout(
            order=tuple(order[(passenger != destination)[order]].tolist()),
            row_title="states, by passenger, destination, row, column",
        ),
        features={
            "decoded": np.concatenate(
                [coordinates(row, column), np.eye(5)[passenger], np.eye(4)[destination]], axis=1
            ).astype(np.float32)
        },
        name="taxi",
    )


def _outcomes(cells: Array, directions: tuple[tuple[int, int], ...], slippery: bool) -> Array:
    """`(S, A, K)`: where each action leads, cells numbered row by row; on ice the outcomes are one turn to the left,
    straight on, and one turn to the right in the order of the directions.
    """
    ahead = arrivals(np.arange(cells.size).reshape(cells.shape), directions)
    return np.stack([np.roll(ahead, -turn, axis=1) for turn in ((-1, 0, 1) if slippery else (0,))], axis=2)


def _mdp(
    nexts: Array, chances: tuple[float, ...], rewards: Array, starts: Array, terminal: Array, **details: Any
) -> TabularMDP:
    """The MDP of `nexts (S, A, K)`, where outcome `k` has probability `chances[k]` and reward `rewards (S, A, K)`.

    Outcomes that share their next state are merged; their rewards are averaged by probability.
    """
    states, actions, outcomes = nexts.shape
    pairs = np.repeat(np.arange(states * actions), outcomes)
    weights = np.tile(chances, states * actions)
    shape = (states * actions, states)
    P = sparse.csr_matrix((weights, (pairs, nexts.ravel())), shape=shape)
    R = sparse.csr_matrix((weights * rewards.ravel(), (pairs, nexts.ravel())), shape=shape)
    P.sum_duplicates()
    R.sum_duplicates()
    R.data /= P.data
    return TabularMDP(P, R, starts / starts.sum(), terminal, **details)


def _drawn(
    cells: Array, directions: tuple[tuple[int, int], ...], labels: tuple[tuple[str, str], ...]
) -> dict[str, Any]:
    """Layout, features and state names where every cell is a state."""
    rows, cols = cells.shape
    row, column = np.divmod(np.arange(rows * cols), cols)
    return {
        "layout": GridLayout(rows, cols, "".join(cells.ravel()), tuple(range(rows * cols)), directions, labels),
        "features": {"coordinates": coordinates(row, column)},
        "state_names": cell_names(row, column),
    }
