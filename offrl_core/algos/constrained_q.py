"""15. Tabular constrained Q-learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algos.batch import Array, Batch, once
from offrl_core.algos.equations import copy_rule, greedy_loss, greedy_target, together
from offrl_core.algos.q_learning import QLearning
from offrl_core.algos.shared_hyperparameters import Q_LEARNING
from offrl_core.declarations import Effect, Hyperparameter, Value


class ConstrainedQ(QLearning):
    """Q-learning whose maximum ignores actions that the data does not show in that state.

    `Ā(s) = {a : n(s,a) ≥ n_min}`, `y = r + γ max_{a' ∈ Ā(s')} Q(s', a')`. With every state and action counted this is
    dynamic programming on the MDP that the data shows.

    Implementation notes: where no action reaches the minimum count, the most frequent ones stay. Rows whose next state
    is not known are not counted. A state from which the data shows no counted action (reached when a recording was cut)
    has nothing to bootstrap from: its value counts as 0, and the policy there keeps to the actions that were recorded.
    Continuous observations are counted by equality, so that almost every state is seen once, `Ā` holds one action, and
    this learns the value of `π_β`. At an observation that is not in the data the policy chooses among all actions.
    """

    name = "constrained-q"
    title = "Constrained Q-learning"
    short_title = "Ā-Q"
    number = 15
    summary = "Q-learning whose maximum ignores every action that the data does not show in that state."
    source = "the lecture; Fujimoto, Meger & Precup 2019, section 4.1"
    hyperparameters = (
        *Q_LEARNING,
        Hyperparameter(
            "min_count",
            r"n_{\min}",
            1,
            "How often an action must have been taken to count: up leaves the maximum fewer actions; above all counts "
            "it repeats the most frequent action.",
            low=1,
            high=1000,
            scale="log",
            integer=True,
            effect=Effect(lowers=("value_start",)),
        ),
    )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        return together(
            r"\bar A(s) = \{a : n(s,a) \ge n_{\min}\}",
            greedy_target(choices, r"\bar A(s')"),
            greedy_loss(choices),
            copy_rule(choices),
        )

    def uses_counts(self, choices: Mapping[str, Value]) -> bool:
        return True

    def stays_on_data(self, values: Mapping[str, Value]) -> bool:
        return True

    @once
    def allowed(self, batch: Batch, hp: Any) -> Array:
        assert batch.counts is not None
        return counted(batch.counts, hp.min_count)

    def allowed_next(self, batch: Batch, hp: Any) -> Array:
        assert batch.counts_next is not None
        return counted(batch.counts_next, hp.min_count)


def shown(counts: Array | None) -> Array | None:
    """`Ā = {a : n(s,a) ≥ 1}`, `(1 or M, A, U)` bool; None where nothing was counted."""
    return None if counts is None else counts > 0


def counted(counts: Array, least: Array) -> Array:
    """`Ā`: actions counted at least `least (M, 1)` times, else the most frequent ones: `(1 or M, A, U) → (M, A, U)`."""
    allowed = counts >= least[:, :, None]
    most = (counts == counts.max(axis=1, keepdims=True)) & (counts > 0)
    return np.where(allowed.any(axis=1, keepdims=True), allowed, most)
