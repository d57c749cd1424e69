"""Base classes of weighted cloning, `−E[w · log π_θ(a|s)]`: the systems of the lecture's first part differ in `w`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algos.advantages import over_average
from offrl_core.algos.base import Algorithm, Head, Loss, Reads
from offrl_core.algos.batch import Array, Batch, once
from offrl_core.algos.equations import Q_LOSS, WEIGHTED_CLONING, copy_rule, in_target, policy_target, together
from offrl_core.algos.explaining import Step, Transition, number, one_step, term
from offrl_core.algos.losses import softmax, squared_error, weighted_cross_entropy
from offrl_core.algos.shared_hyperparameters import NETWORK_TARGETS
from offrl_core.algos.targets import target_prefix, target_reads, td_target
from offrl_core.declarations import Value

AVERAGE_ADVANTAGE = r"A = Q(s,a) - \mathbb{E}_{b\sim\pi_\theta}Q(s,b)"


class Cloning(Algorithm):
    """A system whose policy is a network of its own, fitted by weighted cloning."""

    group = "cloning"

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return (Head("policy"),)

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        weighting = self.weighting(batch, hp)
        return {"policy": weighted_cross_entropy(batch, "policy", None if weighting is None else weighting.weight)}

    @once
    def policy(self, batch: Batch, hp: Any) -> Array:
        """`softmax` of the policy network."""
        return softmax(batch["policy"])

    def row_advantages(self, batch: Batch, hp: Any) -> Array:
        """What the weights of the rows are made of, `(M, B)`."""
        weighting = self.weighting(batch, hp)
        assert weighting is not None
        assert weighting.advantage is not None
        return weighting.advantage

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        """How this row came to its weight; nothing where every row weighs 1."""
        return []

    def steps(self, transition: Transition, hp: Any) -> list[Step]:
        batch = transition.batch
        weighting = self.weighting(batch, hp)
        rows = np.ones((1, batch.rows), np.float32) if weighting is None else weighting.weight
        weight = transition.row(rows)
        part = float(np.float64(abs(weight)) / (np.abs(rows) * batch.shares).sum() / batch.total)
        pi = transition.s(self.policy(batch, hp))
        taken = float(pi[transition.action])
        gradient = weight * (pi - np.eye(len(pi))[transition.action]) + 0.0
        loss = -weight * float(np.log(taken)) if weight else 0.0
        among = "all weights" if transition.whole else "its own and the probe rows' weights"
        clipped = weighting is not None and weighting.clipped is not None and transition.row(weighting.clipped) > 0
        return [
            *self.weight_steps(transition, hp),
            Step("weight", "weight, at its cap" if clipped else "weight", weight, f"w = {number(weight)}"),
            Step("share", f"this row's share of {among}", part),
            Step("probability", "probability now", taken, rf"\pi_\theta(a\mid s) = {number(taken)}"),
            Step(
                "loss",
                "this row's loss",
                loss,
                rf"-w \log\pi_\theta(a\mid s) = -{term(weight)} \cdot \log {number(taken)} = {number(loss)}",
            ),
            Step(
                "gradient",
                "gradient at the logits, one per action",
                gradient.tolist(),
                rf"\partial/\partial\,\mathrm{{logit}}_a = w\,(\pi_\theta(a\mid s) - 1) = "
                rf"{number(float(gradient[transition.action]))}",
            ),
        ]


class ValueCloning(Cloning):
    """A system that judges rows against a learned `V(s)`, the value of the behaviour."""

    table_learning_rate = 0.5

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return (Head("policy"), Head("value", scalar=True, reads=("s", "next")))

    def value(self, batch: Batch, hp: Any) -> Array:
        return batch["value"][:, 0]

    def state_values(self, transition: Transition) -> list[Step]:
        """`V(s)` and `V(s')` of the row."""
        batch = transition.batch
        here, there = float(transition.s(batch["value"][:, 0])), float(transition.next(batch["value_next"][:, 0]))
        if not transition.has_target:
            there = math.nan
        return [
            Step("value", "V at s", here, f"V(s) = {number(here)}"),
            Step("next_value", "V at s′", there, f"V(s') = {number(there)}" if transition.continues else ""),
        ]


class CriticCloning(Cloning):
    """A system that judges actions by a learned `Q(s,a)` of its own policy, `y = r + γ E_{a'~π} Q'(s', a')`."""

    table_learning_rate = 0.5
    defaults = NETWORK_TARGETS
    evaluated = r"\pi_\theta"
    """The policy that the critic evaluates, LaTeX."""

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        reads = ("s", "next") if choices["target_update"] == "none" else ("s",)
        return (
            Head("policy", reads=("s", "next")),
            Head("q", reads=reads, copied=True, target_reads=target_reads(choices, "next"), starts=True),
        )

    def with_critic(self, weight: str, advantage: str, choices: Mapping[str, Value]) -> str:
        """The equation of cloning by such a weight, with the critic's."""
        target = policy_target(choices, self.evaluated)
        return together(WEIGHTED_CLONING, weight, advantage, Q_LOSS, target, copy_rule(choices))

    def next_policy(self, batch: Batch, hp: Any) -> Array:
        """The policy that the critic evaluates, at `s'`: `(M, A, U)`."""
        return softmax(batch["policy_next"])

    def reads(self, batch: Batch, hp: Any) -> Reads:
        """The likeliest action of the policy that the critic evaluates."""
        policy = self.next_policy(batch, hp)
        share = policy.max(axis=1)
        return Reads(np.where(share > 0, policy.argmax(axis=1), -1), share)

    def critic_loss(self, batch: Batch, hp: Any) -> Loss:
        """`½E[(Q(s,a) − y)²]` with the expectation over the policy taken exactly."""
        next_value = (self.next_policy(batch, hp) * batch[f"{target_prefix(hp)}q_next"]).sum(axis=1)
        return squared_error(batch, "q", td_target(batch, hp, batch.at_next(next_value)))

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        return {**super().losses(batch, hp), "td": self.critic_loss(batch, hp)}

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        batch = transition.batch
        q = transition.s(batch["q"])
        taken = float(q[transition.action])
        mean = float(transition.s(self.value(batch, hp)))
        q_next = float(transition.next((self.next_policy(batch, hp) * batch[f"{target_prefix(hp)}q_next"]).sum(axis=1)))
        expected = rf"\mathbb{{E}}_{{a'\sim{self.evaluated}}}{in_target(hp.target_update)}(s',a')"
        target = one_step(transition, float(hp.gamma[0, 0]), q_next, "y", expected)
        delta = target.value - taken
        return [
            Step("q", "Q of this action", taken, f"Q(s,a) = {number(taken)}"),
            Step("q_all", "Q of every action at s", q.tolist()),
            target,
            Step("delta", "TD error", delta, rf"\delta = y - Q(s,a) = {number(delta)}"),
            Step("mean", "the policy's average", mean, rf"\mathbb{{E}}_{{b\sim\pi_\theta}} Q(s,b) = {number(mean)}"),
        ]

    @once
    def value(self, batch: Batch, hp: Any) -> Array:
        """`E_{a~π} Q(s, a)`."""
        result: Array = (self.policy(batch, hp) * batch["q"]).sum(axis=1)
        return result

    @once
    def advantages(self, batch: Batch, hp: Any) -> Array:
        """What the weights are made of: here `Q(s,a) − E_{b~π_θ} Q(s,b)`."""
        return over_average(self.policy(batch, hp), batch["q"])
