"""Making data worse on purpose: options that every dataset of the catalogue has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from offrl_core.data.options import DatasetOption
from offrl_core.dataset import Array, Dataset
from offrl_core.declarations import HyperparameterError

DEGRADE = (
    DatasetOption(
        "drop_episodes",
        "",
        0.0,
        "Share of the episodes that are lost, chosen at random: up leaves less data.",
        low=0.0,
        high=1.0,
        section="degrade",
    ),
    DatasetOption(
        "drop_best",
        r"\%",
        0.0,
        "Per cent of the episodes that are lost, those of the highest return first: up leaves only poor behaviour.",
        low=0.0,
        high=100.0,
        section="degrade",
    ),
    DatasetOption(
        "drop_action",
        "",
        -1,
        "Removes every row with this action; episodes are cut there, the piece before counts as truncated.",
        low=0,
        high=24,
        integer=True,
        special={-1: "none"},
        section="degrade",
    ),
    DatasetOption(
        "reward_noise",
        r"\sigma_r",
        0.0,
        "Standard deviation of Gaussian noise on every recorded reward: up makes single episodes less telling.",
        low=0.0,
        high=10.0,
        section="degrade",
    ),
)


def degrade(dataset: Dataset, chosen: Mapping[str, Any], seed: int) -> Dataset:
    """Apply the options of `DEGRADE`, in their order; at least one episode and one row always remain.

    The world stays as it was: true returns are those of the undisturbed rewards.

    Raises:
        HyperparameterError: `drop_action` is no action of this dataset, or leaves no row.
    """
    rng = np.random.default_rng([seed, 0xDE6])
    if chosen["drop_episodes"] > 0:
        dataset = keep_episodes(dataset, rng.permutation(dataset.n_episodes), chosen["drop_episodes"])
    if chosen["drop_best"] > 0:
        tied = rng.permutation(dataset.n_episodes)
        best = tied[np.argsort(-dataset.episode_returns(dataset.gamma)[tied], kind="stable")]
        dataset = replace(keep_episodes(dataset, best, chosen["drop_best"] / 100.0), behavior_policies=None)
    if chosen["drop_action"] >= 0:
        dataset = without_action(dataset, chosen["drop_action"])
    if chosen["reward_noise"] > 0:
        rewards = dataset.rewards + chosen["reward_noise"] * rng.standard_normal(len(dataset))
        rewards.setflags(write=False)
        dataset = replace(dataset, rewards=rewards)
    return dataset


def keep_episodes(dataset: Dataset, order: Array, share: float) -> Dataset:
    """The dataset without the first `share` of the episodes in `order`; one episode always remains."""
    lost = order[: min(int(share * len(order) + 1e-9), len(order) - 1)]
    keep = np.ones(dataset.n_episodes, dtype=bool)
    keep[lost] = False
    return dataset.subset(keep[dataset.episode_of_row])


def without_action(dataset: Dataset, action: int) -> Dataset:
    """The dataset without the rows in which `action` was taken; episodes are cut there.

    Raises:
        HyperparameterError: no such action, or no row would remain.
    """
    if action >= dataset.n_actions:
        raise HyperparameterError(
            f"drop_action = {action} is not allowed: the actions are 0 to {dataset.n_actions - 1}, or -1 for none"
        )
    keep = dataset.actions != action
    if not keep.any():
        raise HyperparameterError(f"drop_action = {action} leaves no row: the data holds no other action")
    return replace(dataset.subset(keep), behavior_policies=None) if not keep.all() else dataset
