"""2 and 3. Expectation-maximisation RL, and the weight function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offrl_core.algos.base import Weighting
from offrl_core.algos.batch import Batch
from offrl_core.algos.cloning import Cloning
from offrl_core.algos.equations import RETURN, WEIGHTED_CLONING, together
from offrl_core.algos.explaining import Step, Transition, number
from offrl_core.algos.shared_hyperparameters import RETURN_GAMMA, signal_choice
from offrl_core.algos.weights import WEIGHT_EQUATIONS, WEIGHT_FUNCTIONS, signal, weight_function
from offrl_core.declarations import Hyperparameter, Value


class EMRL(Cloning):
    """Clone each row as much as it was rewarded: `w = f(r)`, with the identity by default.

    With positive weights a table ends at `π_θ ∝ π_β · E[f(r)]`. A negative weight pushes the action's probability down,
    the loss `−w log π` has no lower bound, and the policy runs away: that happens here on purpose. The weight function
    `f` must be positive and monotonic: `abs` is positive but rewards failure, `exp` has both.

    Implementation notes: Dayan & Hinton weigh by the reward of the whole sequence, here `signal` = `return`; the
    lecture's default is the reward. `shifted` subtracts the smallest signal in the data.
    """

    name = "emrl"
    title = "EMRL"
    number = 2
    summary = "Cloning weighted by the reward itself; negative rewards make it run away."
    source = "Dayan & Hinton 1997"
    hyperparameters = (
        RETURN_GAMMA,
        signal_choice("reward"),
        Hyperparameter(
            "weight_function",
            "f",
            "identity",
            "How a reward becomes a weight: never negative and growing with the reward are shifted, softplus and exp; "
            "identity turns negative, abs rewards failure, relu is blind below 0.",
            choices=WEIGHT_FUNCTIONS,
            paper="identity (Dayan & Hinton 1997)",
        ),
    )

    def equation_for(self, choices: Mapping[str, Value]) -> str:
        x = "G" if choices["signal"] == "return" else "r"
        f = WEIGHT_EQUATIONS[str(choices["weight_function"])]
        return together(WEIGHTED_CLONING, f"w = f({x})", f"f(x) = {f}", RETURN if x == "G" else "")

    def columns(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        return ("return",) if choices["signal"] == "return" else ()

    def weighting(self, batch: Batch, hp: Any) -> Weighting:
        x, lowest = signal(batch, hp)
        return Weighting(weight_function(hp.weight_function, x, lowest), x)

    def weight_steps(self, transition: Transition, hp: Any) -> list[Step]:
        x = transition.row(signal(transition.batch, hp)[0])
        symbol = "G" if hp.signal == "return" else "r"
        return [Step("signal", f"the {hp.signal}", x, f"{symbol} = {number(x)}")]
