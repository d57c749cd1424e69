"""Part 1 of the lecture: one objective, `−E[w · log π_θ(a|s)]`; the systems differ in the weight `w`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offrl_core.algorithms.base import Algorithm, Head, Loss
from offrl_core.algorithms.batch import Array, Batch
from offrl_core.algorithms.hyperparameters import NETWORK_TARGETS
from offrl_core.algorithms.losses import softmax, squared_error, weighted_cross_entropy
from offrl_core.algorithms.targets import target_prefix, target_reads, td_target
from offrl_core.hyperparameters import Value


class Cloning(Algorithm):
    """A system whose policy is a network of its own, fitted by weighted cloning."""

    group = "cloning"

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return (Head("policy"),)

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        weighting = self.weighting(batch, hp)
        return {"policy": weighted_cross_entropy(batch, "policy", None if weighting is None else weighting.weight)}

    def policy(self, batch: Batch, hp: Any) -> Array:
        """`softmax` of the policy network."""
        return softmax(batch["policy"])


class ValueCloning(Cloning):
    """A system that judges rows against a learned `V(s)`, the value of the behaviour."""

    table_learning_rate = 0.5

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return (Head("policy"), Head("value", scalar=True, reads=("s", "next")))

    def value(self, batch: Batch, hp: Any) -> Array:
        return batch["value"][:, 0]


class CriticCloning(Cloning):
    """A system that judges actions by a learned `Q(s,a)` of its own policy, `y = r + γ E_{a'~π} Q'(s', a')`."""

    table_learning_rate = 0.5
    defaults = NETWORK_TARGETS

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        reads = ("s", "next") if choices["target_update"] == "none" else ("s",)
        return (
            Head("policy", reads=("s", "next")),
            Head("q", reads=reads, copied=True, target_reads=target_reads(choices, "next"), starts=True),
        )

    def next_policy(self, batch: Batch, hp: Any) -> Array:
        """The policy that the critic evaluates, at `s'`: `(M, A, U)`."""
        return softmax(batch["policy_next"])

    def critic_loss(self, batch: Batch, hp: Any) -> Loss:
        """`½E[(Q(s,a) − y)²]` with the expectation over the policy taken exactly."""
        next_value = (self.next_policy(batch, hp) * batch[f"{target_prefix(hp)}q_next"]).sum(axis=1)
        return squared_error(batch, "q", td_target(batch, hp, batch.at_next(next_value)))

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        return {**super().losses(batch, hp), "td": self.critic_loss(batch, hp)}

    def value(self, batch: Batch, hp: Any) -> Array:
        """`E_{a~π} Q(s, a)`."""
        return (self.policy(batch, hp) * batch["q"]).sum(axis=1)

    def advantages(self, batch: Batch, hp: Any) -> Array:
        return batch["q"] - self.value(batch, hp)[:, None, :]
