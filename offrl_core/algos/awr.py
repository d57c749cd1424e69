"""7. Advantage-weighted regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from offrl_core.algos.base import Head, Loss, Weighting
from offrl_core.algos.batch import Array, Batch
from offrl_core.algos.cloning import ValueCloning
from offrl_core.algos.equations import RETURN, V_LOSS, WEIGHTED_CLONING, capped_weight, together
from offrl_core.algos.explaining import Step, Transition, advantage_step, exponential_step, no_target, number
from offrl_core.algos.losses import squared_error
from offrl_core.algos.shared_hyperparameters import GAMMA, TARGET_NETWORK, temperature, weight_max
from offrl_core.algos.targets import td_target
from offrl_core.algos.weights import exponential
from offrl_core.declarations import Hyperparameter, Value


class AWR(ValueCloning):
    """Clone with `w = min(exp(A/τ), w_max)`, where the advantage is a whole TD(λ) return above `V`.

    `G^λ_t = r + γ[(1−λ) V(s') + λ G^λ_{t+1}]`, `A = G^λ − V(s)`, and `V` is fitted to `G^λ`. At `λ = 1` that is Monte
    Carlo, at `λ = 0` one TD step. The temperature `τ`, which divides, is the paper's `β`.

    Implementation notes: the paper alternates between computing all `G^λ` and many gradient steps; here they are
    recomputed every `target_period` updates with the `V` of that moment, and policy and `V` are fitted at once. The
    last row of a truncated episode bootstraps from `V(s')`, also at `λ = 1`. `normalization` = `standardize` subtracts
    the batch's mean advantage and divides by its deviation + 10⁻⁵, as the paper's code does; its temperature is .05 in
    the text and 1 in the code.
    """

    name = "awr"
    title = "AWR"
    number = 7
    summary = "Cloning weighted by the exponential of a TD(λ) advantage, capped."
    source = "Peng et al. 2019"
    hyperparameters = (
        GAMMA,
        temperature(
            0.05,
            "How sharply weights tell good from bad: up approaches plain cloning, down copies only rows that beat V. "
            "Those at the cap are copied alike, so that the policy may be greediest in between.",
            paper=".05 with standardised advantages; 1 in its code (Peng et al. 2019)",
        ),
        Hyperparameter(
            "value_target",
            "y",
            "lambda",
            "What V is fitted to and rows are judged by: one step (td), the whole return (mc), or the mixture of all "
            "lengths (lambda).",
            choices=("lambda", "td", "mc"),
            paper="lambda (Peng et al. 2019)",
        ),
        Hyperparameter(
            "trace_decay",
            r"\lambda",
            0.95,
            "How far the mixture reaches: 1 is the recorded return, 0 a single step; up trusts the data more "
            "and V less.",
            low=0.0,
            high=1.0,
            paper=".95 (Peng et al. 2019)",
            needs=("value_target", ("lambda",)),
        ),
        replace(
            TARGET_NETWORK[1],
            help="Updates between two computations of the λ-returns: up holds them still for longer, as one iteration "
            "of the paper.",
            needs=("value_target", ("lambda",)),
            paper="200 updates of V and 1000 of the policy per iteration (Peng et al. 2019)",
        ),
        weight_max(20, paper="20 (Peng et al. 2019)"),
        Hyperparameter(
            "normalization",
            "",
            "none",
            "Whether the batch's advantages are shifted to mean 0 and scaled to deviation 1 before the exponential.",
            choices=("none", "standardize"),
            paper="standardize, in its code (Peng et al. 2019)",
        ),
    )
    defaults: ClassVar[Mapping[str, Mapping[str, Value]]] = {"table": {"target_period": 10}}

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return (Head("policy"), Head("value", scalar=True, reads=("s", "next"), copied=True))

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        target = {
            "lambda": together(
                r"y = G^\lambda_t = r + \gamma\left[(1-\lambda)V'(s') + \lambda G^\lambda_{t+1}\right]",
                r"V' \leftarrow V \text{ every } K \text{ updates}",
            ),
            "mc": together("y = G", RETURN),
            "td": r"y = r + \gamma V(s')",
        }[str(choices["value_target"])]
        weight = capped_weight(f"e^{{{self.exponent(choices['normalization'])}}}", choices)
        return together(WEIGHTED_CLONING, f"w = {weight}", "A = y - V(s)", V_LOSS, target)

    def exponent(self, normalization: Value) -> str:
        """What stands in the exponent, LaTeX."""
        return r"\frac{A - \bar A}{(\sigma_A + 10^{-5})\,\tau}" if normalization == "standardize" else r"A/\tau"

    def columns(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        return {"lambda": ("lambda_return",), "mc": ("return",), "td": ()}[str(choices["value_target"])]

    def target(self, batch: Batch, hp: Any) -> Array:
        """What `V` is fitted to, `(M, B)`."""
        if hp.value_target == "td":
            return td_target(batch, hp, batch.at_next(batch["value_next"][:, 0]))
        return batch.columns["return" if hp.value_target == "mc" else "lambda_return"]

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        value = squared_error(batch, "value", self.target(batch, hp), bootstrapped=hp.value_target != "mc")
        return {**super().losses(batch, hp), "value": value}

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        advantages = self.row_advantages(transition.batch, hp)
        target, advantage = transition.row(self.target(transition.batch, hp)), transition.row(advantages)
        exponent = transition.row(self.log_weight(transition.batch, hp, advantages))
        symbol = {"lambda": r"G^\lambda", "mc": "G", "td": r"r + \gamma V(s')"}[hp.value_target]
        known = hp.value_target == "mc" or transition.has_target
        judged = Step("target", "the return it is judged by", target, f"{symbol} = {number(target)}")
        return [
            *self.state_values(transition),
            judged if known else no_target(symbol),
            advantage_step(advantage, f"{symbol} - V(s)", known),
            exponential_step(self.exponent(hp.normalization), exponent),
        ]

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        advantage = self.target(batch, hp) - batch.at(batch["value"][:, 0])
        if hp.value_target != "mc":  # of a row without a target nobody knows what followed
            advantage = batch.with_target(advantage)
        return exponential(hp, advantage, self.log_weight(batch, hp, advantage))

    def log_weight(self, batch: Batch, hp: Any, advantage: Array) -> Array:
        """What stands in the exponent, `(M, B)`."""
        if hp.normalization == "standardize":
            shares = batch.shares if hp.value_target == "mc" else batch.target_shares
            mean = batch.mean(advantage, shares)[:, None].astype(np.float32)
            deviation = np.sqrt(batch.mean(np.square(advantage - mean), shares))[:, None].astype(np.float32)
            advantage = (advantage - mean) / (deviation + np.float32(1e-5))
            if hp.value_target != "mc":
                advantage = batch.with_target(advantage)
        result: Array = advantage / hp.temperature
        return result
