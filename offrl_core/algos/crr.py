"""9. Critic-regularised regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algos.advantages import over_average, over_best_draw
from offrl_core.algos.base import Weighting
from offrl_core.algos.batch import Array, Batch, once
from offrl_core.algos.cloning import AVERAGE_ADVANTAGE, CriticCloning
from offrl_core.algos.equations import capped_weight
from offrl_core.algos.explaining import Step, Transition, exponential_step, number
from offrl_core.algos.shared_hyperparameters import CRITIC, temperature, weight_max
from offrl_core.algos.weights import exponential
from offrl_core.declarations import Effect, Hyperparameter, Value

EXPONENTIAL = ("filter", ("exp",))


class CRR(CriticCloning):
    """Clone only what the critic finds better than the policy.

    `binary`: `w = 1[A > 0]`; `exp`: `w = min(exp(A/τ), w_max)`. Baseline `mean`: `A = Q(s,a) − E_{b~π} Q(s,b)`; `max`:
    `A = Q(s,a) − E max_{j≤m} Q(s, b_j)` with `m` draws from the policy. The critic evaluates the policy, as in AWAC.
    The temperature `τ`, which divides, is the paper's `β`.

    Implementation notes: the paper draws `m = 4` actions for either baseline; here both expectations are exact (the
    expected maximum from the order of the values), and the advantage is computed without cancellation: over the max
    baseline that of the best action falls as `(1 − π)^m`, far below the rounding of `Q`, and still it is above 0. The
    critic is not distributional.
    """

    name = "crr"
    title = "CRR"
    number = 9
    summary = "Cloning of only those rows whose action a critic finds better than the policy."
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
            "How many draws the max baseline takes the best of: 1 is the mean, up lets fewer rows pass. A state where "
            "none passes keeps the policy that it began with.",
            low=1,
            high=64,
            integer=True,
            needs=("baseline", ("max",)),
            paper="4 (Wang et al. 2020)",
        ),
        temperature(
            0.1,
            "How sharply weights tell good from bad: up approaches plain cloning, down copies only what beats the "
            "baseline; where nothing does, the policy stays as it began.",
            paper="1 (Wang et al. 2020)",
            effect=Effect(lowers=("kl_behavior", "value_start"), where=("baseline", ("mean",))),
            needs=EXPONENTIAL,
        ),
        weight_max(20, paper="20 (Wang et al. 2020)", where=("baseline", ("mean",)), needs=EXPONENTIAL),
    )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        weight = r"\mathbf{1}[A > 0]" if choices["filter"] == "binary" else capped_weight(r"e^{A/\tau}", choices)
        best = r"A = Q(s,a) - \mathbb{E}_{b_1,\dots,b_m\sim\pi_\theta}\max_{j\le m}Q(s,b_j)"
        return self.with_critic(f"w = {weight}", best if choices["baseline"] == "max" else AVERAGE_ADVANTAGE, choices)

    @once
    def advantages(self, batch: Batch, hp: Any) -> Array:
        """Over the chosen baseline, `(M, A, U)`."""
        if hp.baseline == "max":
            return over_best_draw(self.policy(batch, hp), batch["q"], hp.baseline_draws)
        return over_average(self.policy(batch, hp), batch["q"])

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        advantage = batch.take(self.advantages(batch, hp))
        if hp.filter == "binary":
            # A value that is not a number must not pass for "worse".
            passes = np.where(np.isnan(advantage), advantage, advantage > 0).astype(np.float32)
            return Weighting(passes, advantage)
        return exponential(hp, advantage, (advantage / hp.temperature).astype(np.float32))

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        advantage = transition.row(self.row_advantages(transition.batch, hp))
        steps = super().weight_steps(transition, hp)
        if hp.baseline == "max":
            best = float(transition.s(transition.batch["q"])[transition.action]) - advantage
            symbol = r"\mathbb{E}\max_{j\le m} Q(s,b_j)"
            steps.append(Step("best", "the best of a few draws, on average", best, f"{symbol} = {number(best)}"))
        steps.append(Step("advantage", "advantage", advantage, f"A = {number(advantage)}"))
        if hp.filter == "exp":
            steps.append(exponential_step(r"A/\tau", advantage / float(hp.temperature[0, 0])))
        return steps
