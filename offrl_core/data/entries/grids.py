"""Grid worlds: the project's own layouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from offrl_core.data import options as opt
from offrl_core.data.behaviors import Behavior, noisy, record, tabular_behaviors
from offrl_core.data.spec import DatasetSpec
from offrl_core.dataset import Array, Dataset
from offrl_core.declarations import Value
from offrl_core.worlds.grids import route_policy, state_at
from offrl_core.worlds.lecture_grids import GRIDS as LAYOUTS
from offrl_core.worlds.lecture_grids import Walk
from offrl_core.worlds.tabular import TabularMDP


def walking(world: TabularMDP, walks: Sequence[Walk], epsilon: float) -> list[Behavior]:
    """The walks of a grid's story; one that does not begin in the world's initial state has its own start."""
    behaviors = []
    for walk in walks:
        state = state_at(world, walk.corners[0])
        elsewhere = world.initial[state] < 1.0
        behaviors.append(
            Behavior(
                walk.name,
                noisy(route_policy(world, walk.corners), epsilon),
                walk.share,
                _standing(state) if elsewhere else None,
            )
        )
    return behaviors


def _standing(state: int) -> Callable[[int, np.random.Generator], Array]:
    return lambda number, rng: np.full(number, state)


def build_grid(world: TabularMDP, walks: Sequence[Walk], seed: int, chosen: dict[str, Any]) -> Dataset:
    available = tabular_behaviors(world, chosen)
    if walks:
        available["walks"] = lambda: walking(world, walks, chosen["epsilon"])
    return record(world, available, chosen, seed)


@lru_cache(maxsize=32)
def _world(name: str, slip: float) -> TabularMDP:
    # One for all datasets of it: what was solved in it for one of them is known to the others.
    return LAYOUTS[name].world(slip)


def _spec(
    name: str,
    title: str,
    description: str,
    lesson: str,
    *,
    default: str,
    n_episodes: int,
    horizon: int = 200,
    epsilon: float = 0.0,
    gamma: float = 0.95,
    slip: float = 0.0,
    mix: dict[str, float] | None = None,
    recommended: Mapping[str, Mapping[str, Value]] | None = None,
) -> DatasetSpec:
    walks = LAYOUTS[name].walks
    names = (*(("walks",) if walks else ()), "random", "optimal", "softmax", "drawn")
    return DatasetSpec(
        name=name,
        title=title,
        description=description,
        lesson=lesson,
        options=(
            *opt.collecting(names, default, n_episodes=n_episodes, horizon=horizon, epsilon=epsilon, mix=mix),
            replace(opt.SLIP, default=slip),
            opt.gamma(gamma),
        ),
        builder=lambda seed, chosen: build_grid(_world(name, chosen["slip"]), walks, seed, chosen),
        recommended=recommended or {},
    )


#: No walk ever comes back to its start: penalties at s′ never touch it, and a table has no neighbours to learn from.
_NO_WAY_BACK: Mapping[str, Mapping[str, Value]] = {"table": {"cql.form": "paper"}}

DOUBLE_CROSSING = _spec(
    "double-crossing",
    "Double crossing",
    "Two roads cross. From S five walks in eight turn to the small reward D, the others run into the dead end T;"
    " only walks that start at B reach the goal G.",
    "No recorded walk goes from the start to the goal, yet the pieces join at the second crossing."
    " Cloning takes that road three times in twenty; Q-learning restricted to recorded actions always does.",
    default="walks",
    n_episodes=100,
    recommended=_NO_WAY_BACK,
)

SINGLE_CROSSING = _spec(
    "single-crossing",
    "Single crossing",
    "Walks from S run straight into the dead end T, walks from B straight to the goal G; they cross once.",
    "One good turn at the crossing is enough, so a single step of improvement over the data (MARWIL, one-step methods)"
    " already stitches. Compare with the double crossing, where it is not enough.",
    default="walks",
    n_episodes=50,
    recommended=_NO_WAY_BACK,
)

FOUR_ROOMS = _spec(
    "four-rooms",
    "Four rooms",
    "Four rooms joined by narrow doors; reward 1 at the goal in the far corner. Most episodes are optimal with a little"
    " noise, the rest are random.",
    "Where the data is thin, the values are guesses: the heat map of counts explains the heat map of errors."
    " With so little data only a learner that stays within it arrives; with a larger ε and more episodes the naive"
    " one does, too.",
    default="mix",
    n_episodes=20,
    epsilon=0.1,
    mix={"random": 0.3, "optimal": 0.7},
)

U_MAZE = _spec(
    "u-maze",
    "U-maze",
    "A corridor bent like a U, the goal at its far end. The data is a random walk.",
    "An optimal policy can be learned from a random walk: every piece of the way is somewhere in the data."
    " Cloning the random walk only gives a random walk.",
    default="random",
    n_episodes=400,
)

CLIFF = _spec(
    "cliff",
    "Cliff",
    "The short way to the goal leads along a cliff of reward −1; every move slips to the side one time in ten.",
    "With slip the way along the edge is not the best one, and only recorded falls can say so."
    " Rarely taken actions look better than they are: a learner that trusts them walks too near the edge.",
    default="optimal",
    n_episodes=200,
    epsilon=0.1,
    slip=0.1,
)

BRIDGE = _spec(
    "bridge",
    "Bridge",
    "A narrow bridge between two cliffs leads straight to the goal; two long ways lead around them.",
    "Slip decides between the bridge and the way around: with it the bridge is deadly, without it it is best."
    " Only data that tried both can tell.",
    default="mix",
    n_episodes=300,
    epsilon=0.2,
    slip=0.1,
    mix={"random": 0.5, "optimal": 0.5},
)

GRIDS = (DOUBLE_CROSSING, SINGLE_CROSSING, FOUR_ROOMS, U_MAZE, CLIFF, BRIDGE)
