"""Grid worlds: the project's own layouts, a layout of your own, and the continuous twin of any of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from offrl_core.data.behaviors import (
    Behavior,
    drawn,
    noisy,
    noisy_act,
    random_act,
    record,
    softmax,
    uniform,
)
from offrl_core.data.catalogue import DatasetSpec
from offrl_core.data.dataset import Array, Dataset
from offrl_core.data.entries import options as opt
from offrl_core.hyperparameters import Hyperparameter, HyperparameterError
from offrl_core.worlds.grids import route_policy, state_at
from offrl_core.worlds.layouts import GRIDS as LAYOUTS
from offrl_core.worlds.layouts import LABELS, REWARDS, TERMINALS, Grid, Walk
from offrl_core.worlds.maze import Maze
from offrl_core.worlds.tabular import TabularMDP

Available = dict[str, Callable[[], Sequence[Behavior]]]


def tabular_behaviors(world: TabularMDP, chosen: dict[str, Any]) -> Available:
    """What can collect in any world whose optimum is known."""
    gamma, epsilon = chosen["gamma"], chosen["epsilon"]
    return {
        "random": lambda: [Behavior("random", uniform(world))],
        "optimal": lambda: [Behavior("optimal", noisy(world.optimal_policy(gamma), epsilon))],
        "softmax": lambda: [Behavior("softmax", softmax(world.optimal(min(gamma, 0.999))[0], chosen["softness"]))],
        "drawn": lambda: [Behavior("drawn", noisy(drawn(world, chosen["drawn"]), epsilon))],
    }


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
                (lambda number, rng, state=state: np.full(number, state)) if elsewhere else None,
            )
        )
    return behaviors


def _build(grid: Grid, seed: int, chosen: dict[str, Any]) -> Dataset:
    world = grid.world(chosen["slip"])
    available = tabular_behaviors(world, chosen)
    if grid.walks:
        available["walks"] = lambda: walking(world, grid.walks, chosen["epsilon"])
    return record(world, available, chosen, seed)


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
) -> DatasetSpec:
    grid = LAYOUTS[name]
    names = (*(("walks",) if grid.walks else ()), "random", "optimal", "softmax", "drawn")
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
        builder=lambda seed, chosen: _build(grid, seed, chosen),
        group="grids",
    )


DOUBLE_CROSSING = _spec(
    "double-crossing",
    "Double crossing",
    "Two roads cross. From S five walks in eight turn to the small reward D, the others run into the dead end T;"
    " only walks that start at B reach the goal G.",
    "No recorded walk goes from the start to the goal, yet the pieces join at the second crossing."
    " Cloning cannot take that road; Q-learning restricted to recorded actions does.",
    default="walks",
    n_episodes=100,
)

SINGLE_CROSSING = _spec(
    "single-crossing",
    "Single crossing",
    "Walks from S run straight into the dead end T, walks from B straight to the goal G; they cross once.",
    "One good turn at the crossing is enough, so a single step of improvement over the data (MARWIL, one-step methods)"
    " already stitches. Compare with the double crossing, where it is not enough.",
    default="walks",
    n_episodes=50,
)

FOUR_ROOMS = _spec(
    "four-rooms",
    "Four rooms",
    "Four rooms joined by narrow doors; reward 1 at the goal in the far corner. Half the episodes are optimal with"
    " noise, half are random.",
    "Where the data is thin, the values are guesses: the heat map of counts explains the heat map of errors."
    " Random walks fill the rooms, the optimal ones show the doors.",
    default="mix",
    n_episodes=100,
    epsilon=0.3,
    mix={"random": 0.5, "optimal": 0.5},
)

U_MAZE = _spec(
    "u-maze",
    "U-maze",
    "A corridor bent like a U, the goal at its far end. The data is a random walk.",
    "An optimal policy can be learnt from a random expert: every piece of the way is somewhere in the data."
    " Cloning the random walk stays a random walk.",
    default="random",
    n_episodes=400,
)

CLIFF = _spec(
    "cliff",
    "Cliff",
    "The short way to the goal leads along a cliff of reward −1; every move slips to the side one time in ten.",
    "With slip the shortest way is not the best one, and the recorded falls say so."
    " Data without falls teaches nothing about the cliff, and a naive learner walks over it.",
    default="optimal",
    n_episodes=200,
    epsilon=0.3,
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

_OWN_LAYOUT = "###########/#S..#.....#/#.#.#.###.#/#.#...#.#.#/#.###.#D#.#/#.....#...#/#####.###G#/###########"

_REWARD_OPTIONS = tuple(
    Hyperparameter(
        name,
        rf"r_{{{letter}}}",
        REWARDS[letter],
        f"Reward on arriving at {letter} ({LABELS[letter]}), which ends the episode.",
        low=-10.0,
        high=10.0,
        live=False,
    )
    for name, letter in (("goal_reward", "G"), ("small_reward", "D"), ("dead_end_reward", "T"), ("cliff_reward", "X"))
)

STEP_REWARD = Hyperparameter(
    "step_reward",
    r"r_{\text{step}}",
    0.0,
    "Reward of every step: below 0 hurries the walker on, above 0 makes it linger.",
    low=-1.0,
    high=1.0,
    live=False,
)


def layout_option(default: str = "", name: str = "layout") -> Hyperparameter:
    """The cells of a grid as a text."""
    return Hyperparameter(
        name,
        "",
        default,
        "The cells, rows parted by /: # wall, . floor, S start, G goal, D small reward, T dead end, X cliff.",
        max_length=(opt.MAX_SIDE + 1) * opt.MAX_SIDE,
        live=False,
    )


def parse_layout(text: str) -> tuple[str, ...]:
    """The rows of a layout text (parted by `/` or line breaks), checked.

    Raises:
        HyperparameterError: no cells, more than 24 × 24, rows of unequal length, a letter that is not allowed, no start,
            or a start from which nothing that ends the episode can be reached.
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
    """Starts that no terminal cell can be reached from: those that stay dark when light spreads from the ends."""
    ends = np.isin(cells, list(TERMINALS))
    free = ~ends & (cells != "#")
    lit = np.pad(ends, 1)
    while True:
        near = lit[:-2, 1:-1] | lit[2:, 1:-1] | lit[1:-1, :-2] | lit[1:-1, 2:]
        grown = lit.copy()
        grown[1:-1, 1:-1] |= near & free
        if (grown == lit).all():
            return [(int(r), int(c)) for r, c in np.argwhere((cells == "S") & ~lit[1:-1, 1:-1])]
        lit = grown


def _custom(seed: int, chosen: dict[str, Any]) -> Dataset:
    rewards = {
        "G": chosen["goal_reward"],
        "D": chosen["small_reward"],
        "T": chosen["dead_end_reward"],
        "X": chosen["cliff_reward"],
    }
    grid = Grid("custom-grid", parse_layout(chosen["layout"]), rewards, chosen["step_reward"])
    return _build(grid, seed, chosen)


CUSTOM_GRID = DatasetSpec(
    name="custom-grid",
    title="Your own grid",
    description="A grid that you draw: walls, starts, goals, cliffs, rewards and slip are all yours, and travel in the link.",
    lesson="Build the trap yourself: where must the data have been for the learner to find the way?"
    " Move one wall and see which algorithms still do.",
    options=(
        layout_option(_OWN_LAYOUT),
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
    group="grids",
)


def _maze(seed: int, chosen: dict[str, Any]) -> Dataset:
    if chosen["layout"] == "custom":
        grid = Grid("custom-grid", parse_layout(chosen["cells"]))
    else:
        grid = LAYOUTS[chosen["layout"]]
    world = Maze(grid, chosen["step"], chosen["noise"])
    actions, epsilon = world.n_actions, chosen["epsilon"]

    def walks() -> list[Behavior]:
        if not grid.walks:
            raise HyperparameterError(f"behavior = 'walks' is not allowed: the layout {chosen['layout']} has no walks")
        return [
            Behavior(
                walk.name,
                noisy_act(world.by_cell(route_policy(world.twin, walk.corners)), epsilon, actions),
                walk.share,
                None
                if walk.corners[0] in world.start_cells
                else (lambda number, rng, cell=walk.corners[0]: world.start_in(cell, number, rng)),
            )
            for walk in grid.walks
        ]

    def optimal() -> list[Behavior]:
        return [Behavior("optimal", noisy_act(world.controller(chosen["gamma"]), epsilon, actions))]

    def by_hand() -> list[Behavior]:
        arrows = world.by_cell(drawn(world.twin, chosen["drawn"]))
        return [Behavior("drawn", noisy_act(arrows, epsilon, actions))]

    available: Available = {
        "walks": walks,
        "random": lambda: [Behavior("random", random_act(actions))],
        "optimal": optimal,
        "drawn": by_hand,
    }
    return record(world, available, chosen, seed)


MAZE = DatasetSpec(
    name="maze",
    title="Maze",
    description="The continuous twin of a grid: the state is a position, five actions move it with noise, walls stop it."
    " As a rule the bent corridor, a double crossing with a longer way in.",
    lesson="No state is seen twice, so nothing can be looked up and every value is a guess between neighbours."
    " Where actions are missing the network extrapolates: naive Q-learning's estimate grows while its policy fails.",
    options=(
        Hyperparameter(
            "layout",
            "",
            "bent-corridor",
            "Which grid the maze is made from; custom takes the cells below.",
            choices=(*LAYOUTS, "custom"),
            live=False,
        ),
        layout_option(_OWN_LAYOUT, "cells"),
        Hyperparameter(
            "step", "", 0.4, "Length of a move in cells: down makes episodes longer.", low=0.1, high=0.7, live=False
        ),
        Hyperparameter(
            "noise", r"\sigma", 0.05, "Deviation of the noise of a move in cells.", low=0.0, high=0.09, live=False
        ),
        *opt.collecting(
            ("walks", "random", "optimal", "drawn"),
            "walks",
            n_episodes=400,
            horizon=200,
            epsilon=0.1,
            mix={"random": 0.5, "optimal": 0.5},
        ),
        opt.gamma(0.97),
    ),
    builder=_maze,
    group="continuous",
)

GRIDS = (DOUBLE_CROSSING, SINGLE_CROSSING, FOUR_ROOMS, U_MAZE, CLIFF, BRIDGE, CUSTOM_GRID, MAZE)
