"""17. Conservative Q-learning, in the lecture's four steps and in the paper's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from offrl_core.algos.base import Head, Loss
from offrl_core.algos.batch import Array, Batch, once
from offrl_core.algos.constrained_q import shown
from offrl_core.algos.equations import SHOWN, copy_rule, greedy_loss, greedy_target, together
from offrl_core.algos.explaining import Step, Transition, number, term
from offrl_core.algos.losses import conservative_penalty, next_state_penalty
from offrl_core.algos.q_learning import QLearning
from offrl_core.algos.shared_hyperparameters import Q_LEARNING, constraint
from offrl_core.algos.targets import q_heads
from offrl_core.declarations import Hyperparameter, Value


class CQL(QLearning):
    """Q-learning with a penalty that pushes all values down and those of the data's actions back up.

    The loss is the TD error plus `α` times (lecture, at `s'` with the data's next action `a'`)
    (a) `Σ_a Q(s',a)`; (b) `Σ_a Q(s',a) − Q(s',a')`; (c) `z = log Σ_a exp Q(s',a) − Q(s',a')`; (d) `z²`; or (paper, at
    `s`) `log Σ_a exp Q(s,a) − Q(s,a)`.

    In the paper's form a table's pair moves by `α (π_β(a|s) − softmax Q(a|s))`: an action that the data never shows
    sinks as long as the softmax gives it anything, and one that the data takes more often than the softmax is lifted.
    The greedy value is that of a lifted action, so that it need not be an underestimate: value less true return after
    3 000 updates at `α` = .01, .1, 1 is .04, .31, 2.44 in the four rooms and .01, −.07, .11 on the double crossing.

    A state that is no `s'` of any row has no penalty in forms (a) to (d). On both crossings that is the start: its
    missing actions keep the values that they began with, and the value there may be nothing but initial noise.

    Implementation notes: a row without a next action (the end of an episode) has no penalty in forms (a) to (d). Where
    the next state of a row is not known, nothing holds the value of its pair, and no penalty pushes it up. The paper's
    form is its `CQL(H)` for discrete actions, `α` fixed. `α` multiplies the penalty; some code multiplies the TD term
    instead, by what would be `1/α` here, so values of `α` are not comparable. `constraint` = `counted` puts the maximum
    of constrained Q-learning under the penalty.
    """

    name = "cql"
    title = "CQL"
    number = 17
    summary = "Q-learning that pushes the values of all actions down and those of the data's actions back up."
    penalties: ClassVar[Mapping[str, str]] = {
        "lecture-a": r"\sum_{b} Q(s',b)",
        "lecture-b": r"\sum_{b} Q(s',b) - Q(s',a')",
        "lecture-c": r"\log\sum_{b} e^{Q(s',b)} - Q(s',a')",
        "lecture-d": r"\left(\log\sum_{b} e^{Q(s',b)} - Q(s',a')\right)^2",
        "paper": r"\log\sum_{b} e^{Q(s,b)} - Q(s,a)",
    }
    source = "the lecture; Kumar et al. 2020, equation 4"
    hyperparameters = (
        *Q_LEARNING,
        Hyperparameter(
            "alpha",
            r"\alpha",
            0.1,
            "How much the penalty counts: 0 is Q-learning. In forms c, d and paper up takes value from actions that a "
            "softmax of Q prefers more than the data does, first of all from missing ones, and gives it to the others: "
            "the value ends below the true return on some data, above it on others.",
            low=0.0,
            high=100.0,
            paper=".5 to 5 (Kumar et al. 2020)",
            label="penalty",
        ),
        Hyperparameter(
            "form",
            r"\mathcal{R}",
            "lecture-d",
            "The penalty: the lecture's four steps from a to d, or the paper's; in a and b nothing stops values "
            "from sinking.",
            choices=("lecture-a", "lecture-b", "lecture-c", "lecture-d", "paper"),
            paper="paper: CQL(H), equation 4 (Kumar et al. 2020)",
        ),
        constraint(
            "Which actions the target's maximum may choose: all, or only those that the data shows in that state "
            "(counted)."
        ),
    )

    def uses_counts(self, choices: Mapping[str, Value]) -> bool:
        return choices["constraint"] == "counted"

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        counted = choices["constraint"] == "counted"
        return together(
            greedy_loss(choices, r" + \alpha\left(\mathcal{R} + \mathcal{R}_2\right)")
            if choices["double"] == "clipped"
            else greedy_loss(choices, r" + \alpha\,\mathcal{R}"),
            rf"\mathcal{{R}} = {self.penalties[str(choices['form'])]}",
            SHOWN if counted else "",
            greedy_target(choices, r"\bar A(s')" if counted else "A"),
            copy_rule(choices),
        )

    def formulas(self, choices: Mapping[str, Value]) -> dict[str, str]:
        mean = rf"\alpha\,\mathbb{{E}}\left[{self.penalties[str(choices['form'])]}\right]"
        second = {"loss_penalty2": mean.replace("Q(", "Q_2(")} if choices["double"] == "clipped" else {}
        return {"loss_penalty": mean, **second}

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return q_heads(choices, penalty_at_next=choices["form"] != "paper")

    def columns(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        return () if choices["form"] == "paper" else ("next_action",)

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        losses = super().losses(batch, hp)
        for output in ("q", "q2") if hp.double == "clipped" else ("q",):
            if hp.form == "paper":
                penalty = conservative_penalty(batch, output, hp.alpha)
            else:
                penalty = next_state_penalty(batch, output, hp.alpha, hp.form)
            losses["penalty" if output == "q" else "penalty2"] = penalty
        return losses

    def steps(self, transition: Transition, hp: Any) -> list[Step]:
        steps = [*super().steps(transition, hp), *self.penalty_steps(transition, hp, "q")]
        return steps + self.penalty_steps(transition, hp, "q2") if hp.double == "clipped" else steps

    def penalty_steps(self, transition: Transition, hp: Any, output: str) -> list[Step]:
        """The penalty on one of the networks, `q` or `q2`, at this row."""
        batch = transition.batch
        at_s = hp.form == "paper"
        name, index, of = ("", "", "") if output == "q" else ("2", "_2", " of the second Q")
        q = transition.s(batch[output]) if at_s else transition.next(batch[f"{output}_next"])
        action = transition.action if at_s else int(batch.columns["next_action"][0, transition.column])
        if at_s and not transition.has_target:
            return [*super().steps(transition, hp), Step("penalty", "penalty: a row without a target has none", 0.0)]
        if action < 0:
            return [Step(f"penalty{name}", f"penalty{of}: the data shows no next action", 0.0)]
        total = float(q.sum()) if hp.form in ("lecture-a", "lecture-b") else float(np.logaddexp.reduce(q))
        gap = total - (0.0 if hp.form == "lecture-a" else float(q[action]))
        alpha, power = float(hp.alpha[0, 0]), 2 if hp.form == "lecture-d" else 1
        price = alpha * gap**power
        square = "^2" if power == 2 else ""
        return [
            Step(
                f"gap{name}",
                f"what the penalty{of} pushes down",
                gap,
                f"z{index} = {number(total)} - {term(total - gap)} = {number(gap)}",
            ),
            Step(f"penalty{name}", f"penalty{of}", price, rf"\alpha z{index}{square} = {number(price)}"),
        ]

    def stays_on_data(self, values: Mapping[str, Value]) -> bool:
        return values["constraint"] == "counted"

    @once
    def allowed(self, batch: Batch, hp: Any) -> Array | None:
        return shown(batch.counts) if hp.constraint == "counted" else None

    def allowed_next(self, batch: Batch, hp: Any) -> Array | None:
        return shown(batch.counts_next) if hp.constraint == "counted" else None
