"""Where the target's maximum looks, and what happens to `Ā` when states become continuous.

The target of a row `(s, a, r, s')` is `r + γ max_{a'} Q(s', a')`. The maximum runs over pairs `(s', a')`, many of which
the data never show: there `Q` is a guess that no row corrects. Constrained Q-learning lets it run over
`Ā(s') = {a' : (s', a') ∈ X}` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Array, Dataset
from offrl_core.evaluation.empirical import behavior_values, constrained_values
from offrl_core.worlds.maze import DIRECTIONS, Maze
from offrl_core.worlds.world import Rollout
from offrl_lecture.constraining_q.binning import binned, choices_per_state, seen_twice
from offrl_lecture.training.datasets import maze


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One data pair of a state and the target that its rows make.

    Attributes:
        action, count: the pair's action and how often the data show it.
        reward, next_state, terminated: of its (most frequent) row.
        chosen: the `a'` that the unconstrained maximum picks at `next_state`, None where the episode ended.
        chosen_seen: whether `(next_state, chosen)` stands in the data.
        naive, constrained: the target's `max Q(s', a')` over all actions and over `Ā(s')`; 0 where the episode ended.
    """

    action: int
    count: int
    reward: float
    next_state: int
    terminated: bool
    chosen: int | None
    chosen_seen: bool
    naive: float
    constrained: float


def outgoing(dataset: Dataset, q: npt.ArrayLike, state: int) -> list[Outgoing]:
    """What the targets of `state`'s rows read from `q (S, A)`, one entry per action that the data show there."""
    values, counts = np.asarray(q, dtype=np.float64), dataset.counts
    found = []
    for action in np.flatnonzero(counts[state]):
        rows = np.flatnonzero((dataset.observations == state) & (dataset.actions == action))
        nexts, number = np.unique(dataset.next_observations[rows], return_counts=True)
        ahead = int(nexts[number.argmax()])
        row = int(rows[np.argmax(dataset.next_observations[rows] == ahead)])
        ended = bool(dataset.terminations[row])
        chosen = None if ended else int(values[ahead].argmax())
        allowed = counts[ahead] > 0
        found.append(
            Outgoing(
                int(action),
                int(counts[state, action]),
                float(dataset.rewards[row]),
                ahead,
                ended,
                chosen,
                chosen is not None and bool(allowed[chosen]),
                0.0 if ended else float(values[ahead].max()),
                0.0 if ended or not allowed.any() else float(values[ahead][allowed].max()),
            )
        )
    return found


def unseen_share(dataset: Dataset, q: npt.ArrayLike) -> float:
    """The share of bootstrapping rows whose maximum picks a pair `(s', a')` that the data never show."""
    goes = ~dataset.terminations
    ahead = dataset.next_observations[goes]
    chosen = np.asarray(q)[ahead].argmax(axis=1)
    return float((dataset.counts[ahead, chosen] == 0).mean())


def candidates_unseen(dataset: Dataset) -> float:
    """Of all pairs `(s', a')` that bootstrapping rows' maxima may choose from, the share that the data never show."""
    ahead = np.unique(dataset.next_observations[~dataset.terminations])
    return float((dataset.counts[ahead] == 0).mean())


# --- from a grid to continuous states -----------------------------------------------------------------------------

WIDTHS = (2.0, 1.5, 1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Cell widths that the continuous maze is seen through, in cells of its grid."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Constrained Q-learning's fixed point on the maze seen through square cells of one width.

    Attributes:
        width: the cells' width.
        states: how many cells the data visit.
        seen_twice: share of rows whose cell stands in another row too.
        choices: mean number of actions in `Ā(s)`, over rows.
        believed: `V_Ā` at the recorded starts in `S`.
        evaluated: the value of the empirical `π_β` in the same cells, at the same starts.
        values: `(N,)` `V_Ā` of each row's state.
        true: return of the greedy policy, by rollouts in the maze (uniform in cells that the data never visit).
        true_error: the standard error of `true`.
        blocked: of the moves that this policy makes, the share that a wall stops.
        lost: the share of its steps that it makes in cells without data.
    """

    width: float
    states: int
    seen_twice: float
    choices: float
    believed: float
    evaluated: float
    values: Array
    true: float
    true_error: float
    blocked: float
    lost: float


@lru_cache(maxsize=64)
def resolution(width: float, rollouts: int = 300) -> Resolution:
    """Solve the maze's data at one resolution, exactly, and try the policy in the maze."""
    data = maze()
    world = data.world
    assert isinstance(world, Maze)
    table, cells = binned(data, width)
    values, v = constrained_values(table, data.gamma)
    _, behavior = behavior_values(table, data.gamma)
    first = from_start(data)
    starts = table.observations[data.episode_starts][first]
    lookup = {tuple(cell): state for state, cell in enumerate(cells.tolist())}

    def cell_of(observations: Array) -> tuple[Array, Array]:
        """Each position's cell, and whether the data act there."""
        keys = np.floor(observations.astype(np.float64) / width).astype(np.intp).tolist()
        at = np.array([lookup.get(tuple(key), -1) for key in keys])
        return at, (at >= 0) & np.isfinite(values[at]).any(axis=1)

    def act(observations: Array, rng: np.random.Generator) -> Array:
        at, known = cell_of(observations)
        actions = rng.integers(0, data.n_actions, size=len(at))
        if known.any():
            actions[known] = np.nanargmax(values[at[known]], axis=1)
        return actions

    walks = world.rollout(act, rollouts, world.time_limit, 0)
    returns = walks.returns(data.gamma)
    return Resolution(
        width,
        len(cells),
        seen_twice(table),
        choices_per_state(table),
        float(v[starts].mean()),
        float(behavior[starts].mean()),
        v[table.observations],
        float(returns.mean()),
        float(returns.std(ddof=1) / np.sqrt(len(returns))),
        blocked_share(world, walks),
        float((~cell_of(walks.observations[:-1][walks.alive])[1]).mean()),
    )


def blocked_share(world: Maze, walks: Rollout) -> float:
    """Of the moves in a direction, the share that came less than half as far as a move goes: a wall stopped them."""
    moves = walks.alive & np.any(np.array(DIRECTIONS)[walks.actions] != 0, axis=-1)
    far = np.linalg.norm(np.diff(walks.observations, axis=0), axis=-1)
    return float((far < world.step_length / 2)[moves].mean())


@lru_cache(maxsize=1)
def exactly_twice() -> float:
    """The share of the maze's rows whose very position stands in another row too."""
    return seen_twice(maze())


def from_start(data: Dataset) -> Array:
    """`(E,)` bool: episodes that began where the maze's own episodes begin (the data also hold others)."""
    world = data.world
    assert isinstance(world, Maze)
    return np.asarray(world.twin.initial[world.cell_of(data.initial_observations)] > 0)


def behavior_return(data: Dataset) -> float:
    """The mean recorded return of the episodes that began at the maze's start."""
    return float(data.episode_returns(data.gamma)[from_start(data)].mean())


# --- the soft maximum ---------------------------------------------------------------------------------------------


def soft_maximum(q: npt.ArrayLike, temperature: float = 1.0) -> tuple[Array, Array]:
    """`τ log Σ_a exp(Q_a/τ)` over the last axis, and its gradient, the softmax of `Q/τ`.

    It lies between `max Q` and `max Q + τ log A`. A penalty on `max Q` pushes down one action, one on `Σ Q` pushes all
    alike, and this one pushes each by its softmax share.
    """
    scaled = np.asarray(q, dtype=np.float64) / temperature
    top = scaled.max(axis=-1, keepdims=True)
    weights = np.exp(scaled - top)
    total = weights.sum(axis=-1, keepdims=True)
    return temperature * (top + np.log(total))[..., 0], weights / total
