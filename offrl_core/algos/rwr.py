"""4 and 5. Reward-weighted regression, on rewards or on returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algos.base import Weighting
from offrl_core.algos.batch import Batch
from offrl_core.algos.cloning import Cloning
from offrl_core.algos.equations import RETURN, WEIGHTED_CLONING, together
from offrl_core.algos.explaining import Step, Transition, exponential_step, number
from offrl_core.algos.shared_hyperparameters import RETURN_GAMMA, signal_choice, temperature
from offrl_core.algos.weights import batch_softmax, signal
from offrl_core.declarations import Effect, Hyperparameter, Value


class RWR(Cloning):
    """Clone with weights `w = exp(r/τ)`: positive and monotonic.

    A table ends at `π_θ ∝ π_β · E[exp(r/τ)]`: where all actions were taken equally often and rewards are certain, at
    the Boltzmann distribution of the rewards. With `signal` = `return` the whole Monte Carlo return `G` stands in the
    exponent: right in theory, but float32 `exp` is `inf` above 88.72 and 0 below −103.97.

    Implementation notes: Peters & Schaal (2007) weigh immediate rewards and adapt the temperature; here it is fixed, as
    in the lecture. `normalization`: `none` is the lecture's; `naive` divides by the batch's mean weight in float32, so
    that overflow becomes `inf/inf` and underflow `0/0`; `log-sum-exp` does the same in log space, where neither
    happens.
    """

    name = "rwr"
    title = "RWR"
    number = 4
    summary = "Cloning weighted by the exponential of the reward, or of the whole return."
    source = "Peters & Schaal 2007"
    hyperparameters = (
        RETURN_GAMMA,
        signal_choice("return"),
        temperature(
            0.1,
            "How sharply weights tell good from bad: up approaches plain cloning, down copies only the best rows, "
            "until exp overflows, or vanishes where all of them are negative.",
            paper="adapted by EM (Peters & Schaal 2007)",
            effect=Effect(raises=("entropy",), lowers=("kl_behavior",), where=("normalization", ("none",))),
        ),
        Hyperparameter(
            "normalization",
            "",
            "none",
            "What weights are divided by: nothing, their mean in plain float32 (naive), or their mean in log space "
            "(log-sum-exp), which cannot overflow.",
            choices=("none", "naive", "log-sum-exp"),
        ),
    )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        x = "G" if choices["signal"] == "return" else "r"
        weight = rf"e^{{{x}/\tau}}"
        if choices["normalization"] != "none":
            weight = rf"\frac{{{weight}}}{{\mathrm{{mean}}({weight})}}"
        return together(WEIGHTED_CLONING, f"w = {weight}", RETURN if x == "G" else "")

    def columns(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        return ("return",) if choices["signal"] == "return" else ()

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        x, _ = signal(batch, hp)
        log_weight = x / hp.temperature
        if hp.normalization == "log-sum-exp":
            return Weighting(batch_softmax(batch, log_weight), x)
        weight = np.exp(log_weight)
        if hp.normalization == "naive":
            weight = weight / (weight * batch.share).sum(axis=1, keepdims=True)
        return Weighting(weight, x)

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        x, tau = transition.row(signal(transition.batch, hp)[0]), float(hp.temperature[0, 0])
        symbol = "G" if hp.signal == "return" else "r"
        return [
            Step("signal", f"the {hp.signal}", x, f"{symbol} = {number(x)}"),
            exponential_step(rf"{symbol}/\tau", x / tau, f"{number(x)}/{number(tau)}"),
        ]
