"""Gymnasium's tabular worlds: FrozenLake, CliffWalking and Taxi, exact from their own transition tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sparse

from offrl_core.worlds.grids import coordinates
from offrl_core.worlds.layout import GridLayout, Layout, MatrixLayout
from offrl_core.worlds.tabular import TabularMDP
from offrl_core.worlds.world import Array

Table = Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]]


def from_table(table: Table, initial: Array, **details: Any) -> TabularMDP:
    """The MDP of a table `P[s][a] = [(probability, next state, reward, terminated), …]`.

    States that a transition marked `terminated` arrives in are terminal. Outcomes that share their next state are
    merged; their rewards are averaged by probability.
    """
    states, actions = len(table), len(table[0])
    entries = [(s * actions + a, nxt, p, r, end) for s in table for a in table[s] for p, nxt, r, end in table[s][a]]
    pairs, nexts, chances, rewards, ended = (np.array(column) for column in zip(*entries, strict=True))
    terminal = np.zeros(states, dtype=bool)
    terminal[nexts[ended.astype(bool)]] = True
    shape = (states * actions, states)
    P = sparse.csr_matrix((chances, (pairs, nexts)), shape=shape)
    R = sparse.csr_matrix((chances * rewards, (pairs, nexts)), shape=shape)
    P.sum_duplicates()
    R.sum_duplicates()
    R.data /= P.data
    return TabularMDP(P, R, initial, terminal, **details)


@lru_cache(maxsize=4)
def frozen_lake(size: str = "4x4", slippery: bool = True) -> TabularMDP:
    """`FrozenLake-v1` (`4x4`) and `FrozenLake8x8-v1` (`8x8`): reward 1 at the goal, holes end the episode."""
    from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

    env = FrozenLakeEnv(map_name=size, is_slippery=slippery)
    cells = "".join(c.decode().replace("F", ".") for c in np.asarray(env.desc).ravel())
    layout, features, names = _grid(
        env.nrow, env.ncol, cells, ((0, -1), (1, 0), (0, 1), (-1, 0)), {"S": "start", "H": "hole", "G": "goal, 1"}
    )
    return from_table(
        env.P,
        env.initial_state_distrib,
        action_names=("left", "down", "right", "up"),
        state_names=names,
        layout=layout,
        features=features,
        name="frozen-lake",
    )


@lru_cache(maxsize=2)
def cliff_walking(slippery: bool = False) -> TabularMDP:
    """`CliffWalking-v1`: −1 a step, −100 and back to the start for stepping into the cliff."""
    from gymnasium.envs.toy_text.cliffwalking import CliffWalkingEnv

    env = CliffWalkingEnv(is_slippery=slippery)
    rows, cols = env.shape
    cells = "." * 36 + "S" + "X" * 10 + "G"
    layout, features, names = _grid(
        rows, cols, cells, ((-1, 0), (0, 1), (1, 0), (0, -1)), {"S": "start", "X": "cliff, −100", "G": "goal"}
    )
    return from_table(
        {s: env.P[s] for s in range(rows * cols)},
        env.initial_state_distrib,
        action_names=("up", "right", "down", "left"),
        state_names=names,
        layout=layout,
        features=features,
        name="cliff-walking",
    )


@lru_cache(maxsize=1)
def taxi() -> TabularMDP:
    """`Taxi-v4`: −1 a step, −10 for a wrong pick-up or drop-off, 20 for the right drop-off; 300 equally likely
    starts.
    """
    from gymnasium.envs.toy_text.taxi import TaxiEnv

    env = TaxiEnv()
    stops = ("red", "green", "yellow", "blue", "taxi")
    decoded = np.array([list(env.decode(s)) for s in range(500)])
    row, column, passenger, destination = decoded.T
    features = np.concatenate([coordinates(row, column), np.eye(5)[passenger], np.eye(4)[destination]], axis=1).astype(
        np.float32
    )
    order = np.lexsort((column, row, destination, passenger))
    return from_table(
        env.P,
        env.initial_state_distrib,
        action_names=("south", "north", "east", "west", "pick up", "drop off"),
        state_names=tuple(
            f"({r},{c}) {stops[p]}→{stops[d]}" if p != d else f"({r},{c}) delivered to {stops[d]}"
            for r, c, p, d in decoded.tolist()
        ),
        layout=MatrixLayout(
            order=tuple(order[(passenger != destination)[order]].tolist()),
            row_title="states, by passenger, destination, row, column",
        ),
        features={"decoded": features},
        name="taxi",
    )


def _grid(
    rows: int, cols: int, cells: str, directions: tuple[tuple[int, int], ...], labels: Mapping[str, str]
) -> tuple[Layout, dict[str, Array], tuple[str, ...]]:
    """Layout, features and state names of a table whose states are the cells, row by row."""
    row, column = np.divmod(np.arange(rows * cols), cols)
    layout = GridLayout(rows, cols, cells, tuple(range(rows * cols)), directions, tuple(labels.items()))
    names = tuple(f"({r},{c})" for r, c in zip(row.tolist(), column.tolist(), strict=True))
    return layout, {"coordinates": coordinates(row, column)}, names
