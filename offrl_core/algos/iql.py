"""10. Implicit Q-learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algos.base import Head, Loss, Weighting
from offrl_core.algos.batch import Array, Batch
from offrl_core.algos.cloning import Cloning
from offrl_core.algos.equations import Q_LOSS, WEIGHTED_CLONING, capped_weight, copy_rule, in_target, together
from offrl_core.algos.explaining import Step, Transition, exponential_step, number, one_step
from offrl_core.algos.losses import expectile_loss, squared_error
from offrl_core.algos.shared_hyperparameters import CRITIC, NETWORK_TARGETS, beta, weight_max
from offrl_core.algos.targets import target_prefix, target_reads, td_target
from offrl_core.algos.weights import capped, exponential
from offrl_core.declarations import Effect, Hyperparameter, Value

EXPECTILE = r"\left|\tau - \mathbf{1}[u<0]\right| \tfrac12 u^2"


class IQL(Cloning):
    """Find the best action in the data without ever asking about one that is not in it.

    `V` is an upper expectile of `Q` over the data's own actions, `L = E[|τ − 1[u < 0]| · ½u²]` with `u = Q'(s,a) −
    V(s)`; then `Q ← r + γ V(s')`; then clone with `w = min(exp(β (Q'(s,a) − V(s))), w_max)`. At `τ = .5` this evaluates
    `π_β`; as `τ → 1` `V` becomes the value of the best policy within the data. The cloned policy follows it only as far
    as `β` lets it: in the four rooms at `τ` = .999 and `β` = 10 `V` at the start is .377, the best value there is, and
    the policy earns .13.

    Implementation notes: one critic where the paper takes the smaller of two. The expectile loss carries the `½` of all
    squared errors here, which only scales the step. Some code caps the exponent instead of the weight, `exp(min(β A,
    100))` (`clip` = `exponent`): float32 is infinite from 88.73 on, so that this is no cap at all.
    """

    name = "iql"
    title = "IQL"
    number = 10
    summary = (
        "An upper expectile over the data's own actions stands in for the maximum; no other action is ever queried."
    )
    source = "Kostrikov, Nair & Levine 2021"
    hyperparameters = (
        *CRITIC,
        Hyperparameter(
            "expectile",
            r"\tau",
            0.9,
            "How close V comes to the best action in the data: .5 is the behaviour's value, up approaches the maximum. "
            "The policy becomes greedier only where the order of actions changes with it: a higher V makes all "
            "advantages smaller, which is closer to cloning.",
            low=0.5,
            high=0.999,
            effect=Effect(raises=("value_start",)),
            paper=".7, and .9 on mazes (Kostrikov et al. 2021)",
        ),
        beta(10.0, paper="3, and 10 on mazes (Kostrikov et al. 2021)"),
        weight_max(100, paper="100 (Kostrikov et al. 2021)"),
        Hyperparameter(
            "clip",
            r"w_{\max}",
            "weight",
            "What the cap limits: the weight, which then cannot overflow, or the exponent before exp, as some code "
            "does: at 100 that is no cap at all.",
            choices=("weight", "exponent"),
            paper="weight (Kostrikov et al. 2021); exponent in some code",
        ),
    )
    table_learning_rate = 0.5
    defaults = NETWORK_TARGETS

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        weight = capped_weight(r"e^{\beta u}", choices)
        if choices["clip"] == "exponent" and choices["weight_max"]:
            weight = r"e^{\min\left(\beta u, w_{\max}\right)}"
        return together(
            rf"\mathcal{{L}}_V = {EXPECTILE}",
            self.advantage_equation(choices),
            Q_LOSS,
            r"y = r + \gamma V(s')",
            WEIGHTED_CLONING,
            f"w = {weight}",
            copy_rule(choices),
        )

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return (
            Head("policy"),
            Head("q", copied=True, target_reads=target_reads(choices, "s"), starts=True),
            Head("value", scalar=True, reads=("s", "next")),
        )

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        target = td_target(batch, hp, batch.at_next(batch["value_next"][:, 0]))
        return {
            **super().losses(batch, hp),
            "td": squared_error(batch, "q", target),
            "value": expectile_loss(batch, "value", self.taken(batch, hp), hp.expectile),
        }

    def stays_on_data(self, values: Mapping[str, Value]) -> bool:
        return True

    def formulas(self, choices: Mapping[str, Value]) -> dict[str, str]:
        return {"loss_value": rf"\mathbb{{E}}\left[{EXPECTILE}\right],\ {self.advantage_equation(choices)}"}

    def advantage_equation(self, choices: Mapping[str, Value]) -> str:
        """What the expectile and the weight are taken of, LaTeX."""
        return f"u = {in_target(choices['target_update'])}(s,a) - V(s)"

    def taken(self, batch: Batch, hp: Any) -> Array:
        """`Q'(s, a)` of each row, `(M, B)`."""
        return batch.take(batch[f"{target_prefix(hp)}q"])

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        advantage = self.taken(batch, hp) - batch.at(batch["value"][:, 0])
        if hp.clip == "weight":
            return exponential(hp, advantage, hp.beta * advantage)
        exponent, clipped = capped(hp.beta * advantage, hp.weight_max)
        return Weighting(np.exp(exponent), advantage, clipped)

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        batch, beta, tau = transition.batch, float(hp.beta[0, 0]), float(hp.expectile[0, 0])
        q, taken = float(transition.s(batch["q"])[transition.action]), transition.row(self.taken(batch, hp))
        value, following = float(transition.s(self.value(batch, hp))), float(transition.next(batch["value_next"][:, 0]))
        target = one_step(transition, float(hp.gamma[0, 0]), following, "y", "V(s')")
        u = taken - value
        pull = tau if u >= 0 else 1 - tau
        return [
            Step("value", "V at s", value, f"V(s) = {number(value)}"),
            Step("q", "Q of this action", q, f"Q(s,a) = {number(q)}"),
            target,
            Step("delta", "TD error", target.value - q, rf"\delta = y - Q(s,a) = {number(target.value - q)}"),
            Step("advantage", "advantage", u, f"u = {in_target(hp.target_update)}(s,a) - V(s) = {number(u)}"),
            Step("pull", "how hard V is pulled", pull, rf"\left|\tau - \mathbf{{1}}[u<0]\right| = {number(pull)}"),
            exponential_step(r"\beta u", beta * u),
        ]

    def value(self, batch: Batch, hp: Any) -> Array:
        return batch["value"][:, 0]

    def advantages(self, batch: Batch, hp: Any) -> Array:
        """`u` of every action: what the weights are made of."""
        return batch[f"{target_prefix(hp)}q"] - batch["value"]
