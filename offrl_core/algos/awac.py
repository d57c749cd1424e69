"""8. Advantage-weighted actor-critic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offrl_core.algos.base import Weighting
from offrl_core.algos.batch import Batch
from offrl_core.algos.cloning import AVERAGE_ADVANTAGE, CriticCloning
from offrl_core.algos.equations import capped_weight
from offrl_core.algos.explaining import Step, Transition, exponential_step, number
from offrl_core.algos.shared_hyperparameters import CRITIC, temperature, weight_max
from offrl_core.algos.weights import batch_softmax, exponential
from offrl_core.declarations import Effect, Hyperparameter, Value

UNNORMALIZED = ("normalization", ("none",))


class AWAC(CriticCloning):
    """Clone with `w = exp(A/τ)`, `A = Q(s,a) − E_{a~π_θ} Q(s,a)`, where the critic evaluates the policy being learned.

    `y = r + γ E_{a'~π_θ} Q'(s', a')`. The temperature `τ`, which divides, is the paper's `λ`.

    Implementation notes: with few actions the expectation is exact; the paper samples it. `normalization` = `batch`
    divides the weights by their batch mean, in log space, as `softmax(A/τ)` times the batch size in the authors' code;
    without it they are capped at `weight_max`. One critic where the paper takes the smaller of two.
    """

    name = "awac"
    title = "AWAC"
    number = 8
    summary = (
        "Cloning weighted by how much better an action is than the policy's average, by a critic of that very policy."
    )
    source = "Nair et al. 2020"
    hyperparameters = (
        *CRITIC,
        temperature(
            0.1,
            "How sharply weights tell good from bad: up approaches plain cloning, down copies only what beats the "
            "policy's average; where nothing does, the policy stays as it began.",
            paper="1 and .3 by task (Nair et al. 2020)",
            effect=Effect(lowers=("kl_behavior", "value_start"), where=UNNORMALIZED),
        ),
        weight_max(100, paper="none; 100 in common implementations", needs=UNNORMALIZED),
        Hyperparameter(
            "normalization",
            "",
            "none",
            "Whether weights are divided by their batch mean, so that their sum stays the same however sharp they are.",
            choices=("none", "batch"),
            paper="batch, in the authors' code",
        ),
    )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        weight = r"e^{A/\tau}"
        if choices["normalization"] == "batch":
            weight = rf"\frac{{{weight}}}{{\mathrm{{mean}}({weight})}}"
        else:
            weight = capped_weight(weight, choices)
        return self.with_critic(f"w = {weight}", AVERAGE_ADVANTAGE, choices)

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        advantage = batch.take(self.advantages(batch, hp))
        log_weight = advantage / hp.temperature
        if hp.normalization == "batch":
            return Weighting(batch_softmax(batch, log_weight), advantage)
        return exponential(hp, advantage, log_weight)

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        advantage = transition.row(self.row_advantages(transition.batch, hp))
        return [
            *super().weight_steps(transition, hp),
            Step("advantage", "advantage", advantage, f"A = {number(advantage)}"),
            exponential_step(r"A/\tau", advantage / float(hp.temperature[0, 0])),
        ]
