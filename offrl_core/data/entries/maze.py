"""The continuous twin of any grid."""

from __future__ import annotations

from functools import partial
from typing import Any

from offrl_core.data import options as opt
from offrl_core.data.behaviors import Behavior, Collecting, drawn_policy, noisy_act, random_act, record
from offrl_core.data.entries.custom import OWN_LAYOUT, layout_option, parse_layout
from offrl_core.data.spec import DatasetSpec
from offrl_core.dataset import Dataset
from offrl_core.declarations import HyperparameterError
from offrl_core.worlds.grids import route_policy
from offrl_core.worlds.lecture_grids import GRIDS as LAYOUTS
from offrl_core.worlds.lecture_grids import Grid
from offrl_core.worlds.maze import Maze


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
                None if walk.corners[0] in world.start_cells else partial(world.start_in, walk.corners[0]),
            )
            for walk in grid.walks
        ]

    def optimal() -> list[Behavior]:
        return [Behavior("optimal", noisy_act(world.controller(chosen["gamma"]), epsilon, actions))]

    def by_hand() -> list[Behavior]:
        arrows = world.by_cell(drawn_policy(world.twin, chosen["drawn"]))
        return [Behavior("drawn", noisy_act(arrows, epsilon, actions))]

    available: dict[str, Collecting] = {
        "walks": walks,
        "random": lambda: [Behavior("random", random_act(actions))],
        "optimal": optimal,
        "drawn": by_hand,
    }
    return record(world, available, chosen, seed)


MAZE = DatasetSpec(
    name="maze",
    title="Maze",
    description="The continuous twin of a grid: the state is a position, five actions move it noisily, walls stop it."
    " By default the bent corridor, a double crossing with a longer way in.",
    lesson="No state is seen twice, so nothing can be looked up and every value is a guess between neighbours."
    " Where actions are missing the network extrapolates: naive Q-learning's estimate grows while its policy fails.",
    options=(
        opt.DatasetOption(
            "layout",
            "",
            "bent-corridor",
            "Which grid the maze is made from; custom takes the cells below.",
            choices=(*LAYOUTS, "custom"),
        ),
        layout_option(OWN_LAYOUT, "cells"),
        opt.DatasetOption("step", "", 0.4, "Length of a move in cells: down makes episodes longer.", low=0.1, high=0.7),
        opt.DatasetOption("noise", r"\sigma", 0.05, "Deviation of the noise of a move in cells.", low=0.0, high=0.09),
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
    recommended={"mlp": {"bcq.rho": 0.2}},
)
