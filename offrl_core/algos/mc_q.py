"""14. Monte Carlo Q."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from offrl_core.algos.base import Head, Loss
from offrl_core.algos.batch import Batch
from offrl_core.algos.equations import RETURN, together
from offrl_core.algos.explaining import Step, Transition, number
from offrl_core.algos.losses import squared_error
from offrl_core.algos.q_learning import ActionValues, error_steps
from offrl_core.algos.shared_hyperparameters import INITIAL, RETURN_GAMMA
from offrl_core.declarations import Value


class MCQ(ActionValues):
    """Regress `Q` on the recorded returns: no bootstrap, so that no value feeds on itself, but the value of `π_β` only.

    `y = G`, loss `½(Q(s,a) − G)²`. A table ends at each pair's average return-to-go. Acting greedily on it improves on
    the behaviour by one step, where it takes an action of the data. Others keep their first value, and where returns
    are negative 0 is the best of all: on cliff walking this policy never arrives.

    Implementation notes: of an episode that was cut off the return holds only what was recorded. The initial values do
    not scatter by default, since nothing here ever corrects the values of unseen actions.
    """

    name = "mc-q"
    title = "Monte Carlo Q"
    short_title = "MC Q"
    number = 14
    summary = (
        "Regresses Q on recorded returns: no value feeds on itself, and it only knows what the behaviour is worth."
    )
    source = "Sutton & Barto 2018, chapter 5"
    hyperparameters = (RETURN_GAMMA, INITIAL[0], replace(INITIAL[1], default=0.0))

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        return together("y = G", RETURN, r"\mathcal{L} = \tfrac12\left(Q(s,a) - y\right)^2")

    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        return (Head("q", starts=True),)

    def columns(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        return ("return",)

    def stays_on_data(self, values: Mapping[str, Value]) -> bool:
        return True

    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        return {"td": squared_error(batch, "q", batch.columns["return"], bootstrapped=False)}

    def steps(self, transition: Transition, hp: Any) -> list[Step]:
        q, ahead = transition.s(transition.batch["q"]), transition.row(transition.batch.columns["return"])
        return [
            *error_steps(
                q, transition.action, Step("target", "target: the recorded return", ahead, f"y = G = {number(ahead)}")
            )
        ]
