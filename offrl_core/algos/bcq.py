"""16. Discrete batch-constrained Q-learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algos.base import Head, Loss
from offrl_core.algos.batch import Array, Batch, once
from offrl_core.algos.equations import BEHAVIOR_CLONE, copy_rule, greedy_loss, greedy_target, together
from offrl_core.algos.losses import softmax, weighted_cross_entropy
from offrl_core.algos.q_learning import QLearning
from offrl_core.algos.shared_hyperparameters import Q_LEARNING
from offrl_core.declarations import Effect, Hyperparameter, Value


class BCQ(QLearning):
    """Clone the behaviour first, and let the maximum choose only among actions that the clone finds likely.

    1. `π_β` by behaviour cloning. 2. `y = r + γ max_{a' ∈ Ā(s')} Q(s', a')` with `Ā(s) = {a : π_β(a|s) > ρ}`.

    Implementation notes: both steps run at once, on the same batches, as in the paper's code. Where no action passes
    (at `ρ` = 1 none can), the most likely ones do. The clone only comes near the data's frequencies, so that rounding
    decides about an action whose frequency is `ρ` itself: in a table where every action occurs it mostly passes, since
    the clone ends a rounding error above; beside actions that do not occur it does not, since they keep a little
    probability. `relative` is the paper's rule, `π_β(a|s) / max π_β(·|s) > ρ`; the lecture's is `absolute`. In the
    paper the online network picks the maximum (`double` = `double`), the loss is Huber's, the networks share an
    encoder, and the clone's logits carry a penalty; here the maximum is plain by default, the loss is the squared
    error, and the networks share nothing.
    """

    name = "bcq"
    title = "BCQ"
    number = 16
    summary = "Q-learning whose maximum is limited to actions that a clone of the behaviour finds likely."
    source = "Fujimoto, Meger & Precup 2019; discrete form: Fujimoto, Conti et al. 2019"
    hyperparameters = (
        *Q_LEARNING,
        Hyperparameter(
            "rho",
            r"\rho",
            0.1,
            "Minimum probability for an action to be allowed: 0 is naive Q-learning, up leaves the maximum fewer "
            "actions, at 1 it repeats the likeliest one.",
            low=0.0,
            high=1.0,
            effect=Effect(lowers=("value_start",)),
            paper=".3 with the relative rule (Fujimoto, Conti et al. 2019)",
            label="threshold",
        ),
        Hyperparameter(
            "rule",
            r"\bar A",
            "absolute",
            "What is compared with ρ: the probability itself, or its ratio to the likeliest action's (relative, as in "
            "the paper).",
            choices=("absolute", "relative"),
        ),
    )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        level = r"\pi_\beta(a\mid s)"
        if choices["rule"] == "relative":
            level += r"/\max_b\pi_\beta(b\mid s)"
        return together(
            BEHAVIOR_CLONE,
            rf"\bar A(s) = \{{a : {level} > \rho\}}",
            greedy_target(choices, r"\bar A(s')"),
            greedy_loss(choices),
            copy_rule(choices),
        )

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return (*super().heads(choices), Head("behavior", reads=("s", "next")))

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        return {**super().losses(batch, hp), "behavior": weighted_cross_entropy(batch, "behavior")}

    def stays_on_data(self, values: Mapping[str, Value]) -> bool:
        # In a table; what has an encoding generalises, and then the clone lets through what the data never showed.
        return float(values["rho"]) > 0 and "encoding" not in values

    @once
    def allowed(self, batch: Batch, hp: Any) -> Array:
        return likely(batch["behavior"], hp)

    def allowed_next(self, batch: Batch, hp: Any) -> Array:
        return likely(batch["behavior_next"], hp)


def likely(logits: Array, hp: Any) -> Array:
    """`Ā = {a : π_β(a|s) > ρ}`, `(M, A, U)` bool; where none passes, the most likely actions."""
    behavior = softmax(logits)
    top = behavior.max(axis=1, keepdims=True)
    level = behavior / top if hp.rule == "relative" else behavior
    allowed = level > hp.rho[:, :, None]
    result: Array = np.where(allowed.any(axis=1, keepdims=True), allowed, behavior == top)
    return result
