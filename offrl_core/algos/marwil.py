"""6. Monotonic advantage re-weighted imitation learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algos.base import Loss, Weighting
from offrl_core.algos.batch import Array, Batch
from offrl_core.algos.cloning import ValueCloning
from offrl_core.algos.equations import RETURN, V_LOSS, WEIGHTED_CLONING, capped_weight, together
from offrl_core.algos.explaining import Step, Transition, advantage_step, exponential_step, number, one_step
from offrl_core.algos.losses import squared_error
from offrl_core.algos.shared_hyperparameters import GAMMA, beta, weight_max
from offrl_core.algos.targets import td_target
from offrl_core.algos.weights import exponential
from offrl_core.declarations import Effect, Hyperparameter, Value

RUNNING = ("normalization", ("running",))


class MARWIL(ValueCloning):
    """Clone what turned out better than expected.

    1. `V` of the behaviour, by TD (`y = r + γ V(s')`) or Monte Carlo (`y = G`): allowed, because it is the value of
    `π_β`, not of `π_θ`. 2. Clone with `w = exp(β A)`, `A = −V(s) + r + γ V(s')`. With fixed `V` a table ends at `π_θ ∝
    π_β · E[exp(β A)]`.

    Implementation notes: both steps run at once, on the same batches. The paper takes `A = G − V(s)` (`advantage` =
    `mc`) and divides it by a running estimate of its size, `w = exp(β A / (10⁻⁸ + √c²))`, `c² ← c² + rate · (mean A² −
    c²)` (`normalization` = `running`, updated before it is used); `norm_start` 100 and `norm_rate` 10⁻⁸ are the
    constants of a widely used implementation, with which `c` stays at 10. The paper has no cap on the weight, so
    float32 overflows above `βA` = 88.72.
    """

    name = "marwil"
    title = "MARWIL"
    number = 6
    summary = "Cloning weighted by the exponential of the advantage over the behaviour's own value."
    source = "Wang et al. 2018"
    hyperparameters = (
        GAMMA,
        beta(10.0, paper="1 with the running normalisation (Wang et al. 2018)"),
        Hyperparameter(
            "value_target",
            "y",
            "td",
            "How V is learned: from the next state's V (td), or from the whole recorded return (mc); both estimate "
            "the behaviour's value.",
            choices=("td", "mc"),
            paper="mc (Wang et al. 2018)",
        ),
        Hyperparameter(
            "advantage",
            "A",
            "td",
            "What a row is judged by: one step, r + γV(s′) − V(s) (td), or all that followed, G − V(s) (mc).",
            choices=("td", "mc"),
            paper="mc (Wang et al. 2018)",
        ),
        weight_max(0, paper="none (Wang et al. 2018)"),
        Hyperparameter(
            "normalization",
            "c",
            "none",
            "Whether advantages are divided by a running estimate of their size. Once that has followed them, β no "
            "longer depends on the rewards' unit.",
            choices=("none", "running"),
            paper="running (Wang et al. 2018)",
        ),
        Hyperparameter(
            "norm_start",
            "c^2_0",
            100.0,
            "First estimate of the squared advantage: up keeps weights closer to 1, until the estimate has followed "
            "the data.",
            low=1e-6,
            high=1e6,
            scale="log",
            live=False,
            paper="100 in a widely used implementation",
            effect=Effect(raises=("entropy",), lowers=("kl_behavior",)),
            needs=RUNNING,
        ),
        Hyperparameter(
            "norm_rate",
            r"\nu",
            1e-8,
            "Share of the way to the batch's own mean square that the estimate moves at each update: at 1 it is that "
            "mean, at 1e-8 it moves by a hundredth in a million updates.",
            low=1e-8,
            high=1.0,
            scale="log",
            paper="1e-8 in a widely used implementation",
            needs=RUNNING,
        ),
    )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        exponent = r"\beta A"
        scale = ""
        if choices["normalization"] == "running":
            exponent = r"\beta A/(10^{-8} + \sqrt{c^2})"
            scale = r"c^2 \leftarrow c^2 + \nu\left(\overline{A^2} - c^2\right) \qquad c^2 = c^2_0 \text{ at first}"
        monte_carlo = "mc" in (choices["value_target"], choices["advantage"])
        return together(
            WEIGHTED_CLONING,
            "w = " + capped_weight(f"e^{{{exponent}}}", choices),
            "A = G - V(s)" if choices["advantage"] == "mc" else r"A = -V(s) + r + \gamma V(s')",
            scale,
            V_LOSS,
            "y = G" if choices["value_target"] == "mc" else r"y = r + \gamma V(s')",
            RETURN if monte_carlo else "",
        )

    def columns(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        return ("return",) if "mc" in (choices["value_target"], choices["advantage"]) else ()

    def memory(self, choices: Mapping[str, Value]) -> dict[str, float | str]:
        return {"square": "norm_start"}

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        if hp.normalization == "running":
            square = batch.memory["square"]
            shares = batch.shares if hp.advantage == "mc" else batch.target_shares
            mean = batch.mean(np.square(self.advantage(batch, hp)), shares)[:, None]
            moved = (square + hp.norm_rate * (mean - square)).astype(np.float32)
            batch.memory["square"] = np.where(shares.any(axis=1, keepdims=True), moved, square)
        monte_carlo = hp.value_target == "mc"
        target = batch.columns["return"] if monte_carlo else self.one_step(batch, hp)
        value = squared_error(batch, "value", target, bootstrapped=not monte_carlo)
        return {**super().losses(batch, hp), "value": value}

    def one_step(self, batch: Batch, hp: Any) -> Array:
        """`r + γ V(s')`, `(M, B)`."""
        return td_target(batch, hp, batch.at_next(batch["value_next"][:, 0]))

    def advantage(self, batch: Batch, hp: Any) -> Array:
        """`A` of each row, `(M, B)`; 0 in a row without a target, of which nobody knows what followed."""
        value = batch.at(batch["value"][:, 0])
        if hp.advantage == "mc":
            return batch.columns["return"] - value
        return batch.with_target(self.one_step(batch, hp) - value)

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        advantage = self.advantage(batch, hp)
        log_weight = hp.beta * advantage
        if hp.normalization == "running":
            log_weight = log_weight / (np.float32(1e-8) + np.sqrt(batch.memory["square"]))
        return exponential(hp, advantage, log_weight)

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        batch, beta = transition.batch, float(hp.beta[0, 0])
        values = self.state_values(transition)
        advantage = transition.row(self.advantage(batch, hp))
        if hp.advantage == "mc":
            ahead = transition.row(batch.columns["return"])
            target = Step("target", "what followed", ahead, f"G = {number(ahead)}")
        else:
            target = one_step(transition, float(hp.gamma[0, 0]), values[1].value, "y", "V(s')")
        exponent = advantage * beta
        if hp.normalization == "running":
            exponent /= 1e-8 + float(np.sqrt(batch.memory["square"][0, 0]))
        size = r"/\sqrt{c^2}" if hp.normalization == "running" else ""
        symbol = "G" if hp.advantage == "mc" else "y"
        known = hp.advantage == "mc" or transition.has_target
        return [
            *values,
            target,
            advantage_step(advantage, f"{symbol} - V(s)", known),
            exponential_step(rf"\beta A{size}", exponent),
        ]

    def reports(self, batch: Batch, hp: Any) -> dict[str, Array]:
        return {"advantage_scale": np.sqrt(batch.memory["square"])} if hp.normalization == "running" else {}
