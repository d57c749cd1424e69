"""8. Advantage-weighted actor-critic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algorithms.base import Weighting
from offrl_core.algorithms.batch import Array, Batch
from offrl_core.algorithms.cloning import CriticCloning
from offrl_core.algorithms.explaining import Look, Step, number
from offrl_core.algorithms.hyperparameters import CRITIC, temperature, weight_max
from offrl_core.algorithms.weights import batch_softmax, exponential
from offrl_core.hyperparameters import Hyperparameter, Value


class AWAC(CriticCloning):
    """Clone with `w = exp(A/λ)`, `A = Q(s,a) − E_{a~π_θ} Q(s,a)`, where the critic evaluates the policy being learned.

    `y = r + γ E_{a'~π_θ} Q'(s', a')`. `temperature` is the paper's `λ`, which divides.

    Implementation notes: with few actions the expectation is exact; the paper samples it. `normalization` = `batch`
    divides the weights by their batch mean, in log space, as `softmax(A/λ)` times the batch size in the authors' code;
    without it they are capped at `weight_max`. One critic where the paper takes the smaller of two.
    """

    name = "awac"
    title = "AWAC"
    number = 8
    summary = (
        "Cloning weighted by how much better an action is than the policy's average, by a critic of that very policy."
    )
    equation = (
        r"\mathcal{L}(\theta) = -\mathbb{E}_{(s,a)\sim X}\left[w \log\pi_\theta(a\mid s)\right] \qquad "
        r"w = e^{A/\tau} \qquad A = Q(s,a) - \mathbb{E}_{b\sim\pi_\theta}Q(s,b) \qquad "
        r"y = r + \gamma\,\mathbb{E}_{a'\sim\pi_\theta}Q(s',a')"
    )
    source = "Nair et al. 2020"
    hyperparameters = (
        *CRITIC,
        temperature(
            0.1,
            "How sharply weights tell good from bad: up approaches plain cloning, down copies only what beats the "
            "policy's average.",
            paper="1 and .3 by task (Nair et al. 2020)",
        ),
        weight_max(100, paper="none; 100 in common implementations"),
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
        if choices["normalization"] == "batch":
            return self.equation.replace("w = e^{A/\\tau}", r"w = \frac{e^{A/\tau}}{\mathrm{mean}(e^{A/\tau})}")
        return self.equation.replace("w = e^{A/\\tau}", r"w = \min\left(e^{A/\tau}, w_{\max}\right)")

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        advantage = self.advantage(batch, hp)
        log_weight = advantage / hp.temperature
        if hp.normalization == "batch":
            return Weighting(batch_softmax(batch, log_weight), advantage)
        return exponential(batch, hp, advantage, log_weight)

    def judge(self, look: Look, hp: Any) -> list[Step]:
        advantage, tau = look.row(self.advantage(look.batch, hp)), float(hp.temperature[0, 0])
        raw = float(np.exp(np.float32(advantage / tau)))
        return [
            *super().judge(look, hp),
            Step("advantage", "advantage", advantage, f"A = {number(advantage)}"),
            Step(
                "raw_weight", "its exponential", raw, rf"e^{{A/\tau}} = e^{{{number(advantage / tau)}}} = {number(raw)}"
            ),
        ]

    def advantage(self, batch: Batch, hp: Any) -> Array:
        """`A(s, a)` of each row, `(M, B)`."""
        return batch.take(batch["q"]) - batch.at(self.value(batch, hp))
