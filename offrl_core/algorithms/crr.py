"""9. Critic-regularised regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algorithms.base import Weighting
from offrl_core.algorithms.batch import Array, Batch
from offrl_core.algorithms.cloning import CriticCloning
from offrl_core.algorithms.explaining import Look, Step, number
from offrl_core.algorithms.hyperparameters import CRITIC, temperature, weight_max
from offrl_core.algorithms.weights import exponential
from offrl_core.hyperparameters import Hyperparameter, Value


class CRR(CriticCloning):
    """Clone only what the critic finds better than the policy.

    `binary`: `w = 1[A > 0]`; `exp`: `w = min(exp(A/β), w_max)`. Baseline `mean`: `A = Q(s,a) − E_{b~π} Q(s,b)`; `max`:
    `A = Q(s,a) − E max_{j≤m} Q(s, b_j)` with `m` draws from the policy. The critic evaluates the policy, as in AWAC.
    `temperature` is the paper's `β`, which divides.

    Implementation notes: the paper draws `m = 4` actions for either baseline; here both expectations are exact (the
    expected maximum from the order of the values: `Σ_k q_(k) (F_k^m − F_{k−1}^m)`). The critic is not distributional.
    """

    name = "crr"
    title = "CRR"
    number = 9
    summary = "Cloning of only those rows whose action a critic finds better than the policy."
    equation = (
        r"\mathcal{L}(\theta) = -\mathbb{E}_{(s,a)\sim X}\left[w \log\pi_\theta(a\mid s)\right] \qquad "
        r"w = \mathbf{1}[A > 0] \qquad "
        r"A = Q(s,a) - \mathbb{E}_{b\sim\pi_\theta}Q(s,b)"
    )
    source = "Wang et al. 2020"
    hyperparameters = (
        *CRITIC,
        Hyperparameter(
            "filter",
            "w",
            "binary",
            "How the advantage becomes a weight: take it or leave it (binary), or its capped exponential (exp).",
            choices=("binary", "exp"),
            paper="both (Wang et al. 2020)",
        ),
        Hyperparameter(
            "baseline",
            "A",
            "mean",
            "What an action must beat: the policy's average, or the best of a few draws from it (max), which lets "
            "fewer rows pass.",
            choices=("mean", "max"),
            paper="both (Wang et al. 2020)",
        ),
        Hyperparameter(
            "baseline_draws",
            "m",
            4,
            "How many draws the max baseline takes the best of: 1 is the mean, up lets fewer rows pass.",
            low=1,
            high=64,
            integer=True,
            greedier="up",
            paper="4 (Wang et al. 2020)",
        ),
        temperature(
            0.1,
            "For the exp filter, how sharply weights tell good from bad: up approaches plain cloning.",
            paper="1 (Wang et al. 2020)",
        ),
        weight_max(20, paper="20 (Wang et al. 2020)"),
    )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        equation = self.equation
        if choices["filter"] == "exp":
            equation = equation.replace(r"\mathbf{1}[A > 0]", r"\min\left(e^{A/\tau}, w_{\max}\right)")
        if choices["baseline"] == "max":
            equation = equation.replace(r"b\sim\pi_\theta}Q(s,b)", r"b_j\sim\pi_\theta}\max_{j\le m}Q(s,b_j)")
        return equation

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        q = batch["q"]
        policy = self.policy(batch, hp)
        best = hp.baseline == "max"
        baseline = expected_maximum(policy, q, hp.baseline_draws) if best else (policy * q).sum(axis=1)
        advantage = batch.take(q) - batch.at(baseline)
        if hp.filter == "binary":
            # A value that is not a number must not pass for "worse".
            passes = np.where(np.isnan(advantage), advantage, (advantage > 0).astype(np.float32))
            return Weighting(passes, advantage)
        return exponential(batch, hp, advantage, advantage / hp.temperature)

    def judge(self, look: Look, hp: Any) -> list[Step]:
        advantage = look.row(self.weighting(look.batch, hp).advantage)
        return [*super().judge(look, hp), Step("advantage", "advantage", advantage, f"A = {number(advantage)}")]


def expected_maximum(policy: Array, q: Array, draws: Array) -> Array:
    """`E max_{j≤m} q(b_j)` over `m` independent draws `b_j ~ policy`: `(M, A, U) → (M, U)`; `draws (M, 1)` is `m`.

    With `F_k` the probability that one draw is among the `k` smallest values, the best of `m` is with probability
    `F_k^m`.
    """
    order = np.argsort(q, axis=1)
    values = np.take_along_axis(q, order, axis=1)
    below = np.minimum(np.cumsum(np.take_along_axis(policy, order, axis=1), axis=1), 1)
    reached = below ** draws[:, :, None]
    result: Array = values[:, -1] - (reached[:, :-1] * np.diff(values, axis=1)).sum(axis=1)
    return result
