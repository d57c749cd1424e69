"""The smallest datasets: one state or seven, with closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from offrl_core.data import options as opt
from offrl_core.data.behaviors import split
from offrl_core.data.spec import DatasetSpec
from offrl_core.dataset import Dataset
from offrl_core.declarations import Value
from offrl_core.worlds.toys import baird, deadly_triad, two_actions


def _count(name: str, symbol: str, default: int, text: str, section: opt.Section) -> opt.DatasetOption:
    return opt.DatasetOption(name, symbol, default, text, low=1, high=1000, integer=True, scale="log", section=section)


def _two_actions(seed: int, chosen: dict[str, Any]) -> Dataset:
    world = two_actions(chosen["reward_plus"], chosen["reward_minus"])
    actions = np.repeat([0, 1], [chosen["count_plus"], chosen["count_minus"]])
    rows = len(actions)
    return Dataset.from_columns(
        np.zeros(rows, dtype=np.intp),
        actions,
        world.rewards[0, actions],
        np.ones(rows, dtype=bool),
        next_observations=np.ones(rows, dtype=np.intp),
        **{
            **world.details(),
            "behaviors": np.zeros(rows, dtype=np.intp),
            "behavior_names": ("counts",),
            "behavior_policies": np.array([[np.bincount(actions, minlength=2) / rows, [0.5, 0.5]]]),
        },
    )


TWO_ACTIONS = DatasetSpec(
    name="two-actions",
    title="Two actions",
    description="One state, actions a+ and a−, each seen as often as you say; either ends the episode with its reward.",
    lesson="Cloning copies the counts, whatever the rewards are; a weight on each row moves the policy."
    " Every reweighting has a closed form here, and the learned bars must meet it.",
    options=(
        opt.DatasetOption(
            "reward_plus", "r_+", 0.9, "Reward of a+: up makes it the better action by more.", low=-10.0, high=10.0
        ),
        opt.DatasetOption(
            "reward_minus", "r_-", 0.1, "Reward of a−: below 0 shows what EMRL cannot handle.", low=-10.0, high=10.0
        ),
        _count("count_plus", "n_+", 1, "How often the data shows a+.", "collecting"),
        _count("count_minus", "n_-", 1, "How often the data shows a−.", "collecting"),
        opt.gamma(1.0),
    ),
    builder=_two_actions,
    about=("rwr", "bc", "emrl", "marwil", "awr", "awac", "crr", "iql", "mpo"),
)


def _deadly_triad(seed: int, chosen: dict[str, Any]) -> Dataset:
    world = deadly_triad()
    rows = chosen["rows"]
    twos = round(chosen["share"] * rows)
    actions = np.random.default_rng(seed).permutation(np.repeat([0, 1], [rows - twos, twos]))
    return Dataset.from_columns(
        np.zeros(rows, dtype=np.intp),
        actions,
        np.zeros(rows),
        np.zeros(rows, dtype=bool),
        next_observations=np.zeros(rows, dtype=np.intp),
        **{
            **world.details(),
            "behaviors": np.zeros(1, dtype=np.intp),
            "behavior_names": ("given shares",),
            "behavior_policies": np.array([[[1.0 - twos / rows, twos / rows]]]),
        },
    )


_LECTURE_STEP: dict[str, Value] = {
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "batch_size": 0,
    "initial_value": 1.0,
    "initial_spread": 0.0,
}

DEADLY_TRIAD = DatasetSpec(
    name="deadly-triad",
    title="Deadly triad",
    description="One state, two actions, every reward 0, Q(s,a₁) = θ and Q(s,a₂) = 2θ, and data that holds only a₁"
    " (or a share of a₂).",
    lesson="θ doubles with every update although every reward is 0: function approximation, bootstrapping and"
    " off-policy data together. Take any one of them away and it stops.",
    options=(
        opt.DatasetOption(
            "share",
            "p",
            0.0,
            "Share of rows that show a₂: up is nearer to the greedy policy; at γ = 1 only 1 is enough.",
            low=0.0,
            high=1.0,
        ),
        _count("rows", "N", 100, "Number of rows; it changes how fine a share can be, not the update.", "world"),
        opt.gamma(1.0),
    ),
    builder=_deadly_triad,
    recommended={
        "linear": _LECTURE_STEP,
        "table": _LECTURE_STEP,
    },
    about=("q-learning",),
    approximator="linear",
)


def _baird(seed: int, chosen: dict[str, Any]) -> Dataset:
    world = baird()
    share, rows = chosen["solid"], 294
    # The behaviour's own long-run proportions, exactly: state 7 as often as solid, the other six evenly, and in each
    # state solid by its share. A full batch is then the expected update.
    often = [*split(rows - round(share * rows), [1.0] * 6), round(share * rows)]
    pieces = []
    for state, number in enumerate(often):
        solid = round(share * number)
        pieces.append(np.stack([np.full(solid, state), np.ones(solid, int), np.full(solid, 6)]))
        away = np.arange(number - solid)
        pieces.append(np.stack([np.full(len(away), state), np.zeros(len(away), int), away % 6]))
    states, actions, nexts = np.concatenate(pieces, axis=1)
    return Dataset.from_columns(
        states,
        actions,
        np.zeros(rows),
        np.zeros(rows, dtype=bool),
        np.ones(rows, dtype=bool),
        next_observations=nexts,
        **{
            **world.details(),
            "behaviors": np.zeros(rows, dtype=np.intp),
            "behavior_names": ("given shares",),
            "behavior_policies": np.tile([1.0 - share, share], (1, 7, 1)),
        },
    )


BAIRD = DatasetSpec(
    name="baird",
    title="Baird's star",
    description="Seven states, two actions, every reward 0 (Baird 1995). The data takes dashed six times in seven,"
    " the greedy policy takes solid.",
    lesson="All features needed to represent the truth are there, the truth is 0, and the weights still run away."
    " Raise the share of solid until the data follows the greedy policy, and they stop running.",
    options=(
        opt.DatasetOption(
            "solid",
            "b",
            1 / 7,
            "Share of solid in the data, and so of state 7: up brings the data nearer to the greedy policy.",
            low=0.0,
            high=1.0,
        ),
        opt.gamma(0.99),
    ),
    builder=_baird,
    recommended={
        "linear": {
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "batch_size": 0,
            "initial_value": 1.0,
            "initial_spread": 2.0,
        }
    },
    about=("q-learning",),
    approximator="linear",
)

TOYS = (TWO_ACTIONS, DEADLY_TRIAD, BAIRD)
