"""12. Naive offline Q-learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from offrl_core.algos.base import Algorithm, Head, Loss, Reads
from offrl_core.algos.batch import Array, Batch, once
from offrl_core.algos.equations import copy_rule, greedy_loss, greedy_target, greedy_value, together
from offrl_core.algos.explaining import Step, Transition, number, one_step, term
from offrl_core.algos.losses import squared_error
from offrl_core.algos.shared_hyperparameters import NETWORK_TARGETS, Q_LEARNING
from offrl_core.algos.targets import best_next, chosen_next, greedy, masked_max, q_heads, target_prefix, td_target
from offrl_core.declarations import Hyperparameter, Value


class ActionValues(Algorithm):
    """A system that acts greedily on its `Q`."""

    group = "q-learning"
    table_learning_rate = 0.5

    def policy(self, batch: Batch, hp: Any) -> Array:
        """Greedy over the allowed actions, ties shared equally."""
        return greedy(batch["q"], self.allowed(batch, hp))

    @once
    def value(self, batch: Batch, hp: Any) -> Array:
        """`max_{a ∈ Ā} Q(s, a)`."""
        return masked_max(batch["q"], self.allowed(batch, hp))

    def advantages(self, batch: Batch, hp: Any) -> Array:
        return batch["q"] - self.value(batch, hp)[:, None, :]


def error_steps(q: Array, action: int, target: Step, second: Array | None = None) -> list[Step]:
    """`Q(s,a)`, the target, and how far they are apart; the same of a `second` network that shares the target."""
    steps = [
        Step("q", "Q of this action", float(q[action]), f"Q(s,a) = {number(float(q[action]))}"),
        Step("q_all", "Q of every action at s", q.tolist()),
        target,
        *_loss_steps(float(q[action]), target.value),
    ]
    if second is not None:
        taken = float(second[action])
        steps.append(Step("q2", "second Q of this action", taken, f"Q_2(s,a) = {number(taken)}"))
        steps += _loss_steps(taken, target.value, "2", "_2", " of the second Q")
    return steps


def _loss_steps(taken: float, target: float, name: str = "", index: str = "", of: str = "") -> list[Step]:
    delta = target - taken
    difference = rf"\delta{index} = y - Q{index}(s,a) = {number(target)} - {term(taken)} = {number(delta)}"
    square = rf"\tfrac12\delta{index}^2 = {number(delta**2 / 2)}"
    return [
        Step(f"delta{name}", f"TD error{of}", delta, difference),
        Step(f"loss{name}", f"this row's loss{of}", delta**2 / 2, square),
    ]


class QLearning(ActionValues):
    """Put the data in the replay buffer, delete the environment code, and run Q-learning.

    `y = r + γ max_{a' ∈ A} Q(s', a')`, loss `½(Q(s,a) − y)²`. The maximum runs over actions that the data may never
    show.

    Implementation notes: rows are drawn uniformly; the loss is the squared error, not Huber's. `double` = `clipped`
    lets the online network pick the action and takes the smaller of two target values; both networks share that target.
    """

    name = "q-learning"
    title = "Naive Q-learning"
    short_title = "Naive Q"
    number = 12
    summary = "Q-learning on a fixed dataset: its maximum trusts values of actions that nobody ever took."
    source = "Watkins & Dayan 1992; Mnih et al. 2015 (target network)"
    hyperparameters: ClassVar[tuple[Hyperparameter, ...]] = Q_LEARNING
    defaults = NETWORK_TARGETS

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        return together(greedy_target(choices, "A"), greedy_loss(choices), copy_rule(choices))

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return q_heads(choices)

    def allowed_next(self, batch: Batch, hp: Any) -> Array | None:
        """`Ā(s')`, `(M, A, U)` bool; None: every action."""
        return None

    def reads(self, batch: Batch, hp: Any) -> Reads:
        return Reads(chosen_next(batch, hp, self.allowed_next(batch, hp)))

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        target = td_target(batch, hp, best_next(batch, hp, self.allowed_next(batch, hp)))
        losses = {"td": squared_error(batch, "q", target)}
        if hp.double == "clipped":
            losses["td2"] = squared_error(batch, "q2", target)
        return losses

    def steps(self, transition: Transition, hp: Any) -> list[Step]:
        batch, gamma = transition.batch, float(hp.gamma[0, 0])
        mask = self.allowed_next(batch, hp)
        every = np.ones(batch.actions, bool)
        allowed = every if mask is None else transition.next(np.broadcast_to(mask, batch["q"].shape))
        next_value = transition.row(best_next(batch, hp, mask))
        actions = "A" if mask is None else r"\bar A"
        target = one_step(transition, gamma, next_value, "y", greedy_value(hp.target_update, hp.double, actions))
        found: list[Step] = []
        goes_on = transition.continues and transition.has_target
        if goes_on and not allowed.any():  # the data leaves s′ by no action: there is nothing to choose
            found.append(Step("allowed", "actions that it could choose", []))
        elif goes_on:
            star = int(transition.next(self.reads(batch, hp).action))
            found.append(Step("chosen", "the action that the target chose at s′", star, f"a^* = {star}"))
            found.append(Step("allowed", "actions that it could choose", np.flatnonzero(allowed).tolist()))
            if batch.counts_next is not None:
                counts = transition.next(batch.counts_next)
                found.append(Step("chosen_count", "rows of the data that show that pair", int(counts[star])))
                seen = counts > 0
                if seen.any():
                    values = transition.next(batch[f"{target_prefix(hp)}q_next"])
                    best = float(np.where(seen, values, -np.inf).max())
                    within = greedy_value(hp.target_update, "none", r"\bar A")
                    step = one_step(transition, gamma, best, r"\bar y", within)
                    found.append(Step("constrained", "the target within the data's actions", step.value, step.latex))
        second = transition.s(batch["q2"]) if hp.double == "clipped" else None
        return [*found, *error_steps(transition.s(batch["q"]), transition.action, target, second)]
