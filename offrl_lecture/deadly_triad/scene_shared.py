"""What the scenes of the toy MDP share: its controls, its numbers, and how they are written."""

from __future__ import annotations

from offrl_core.declarations import Hyperparameter
from offrl_lecture.base.scene import Control, State
from offrl_lecture.deadly_triad import toy as triad
from offrl_lecture.deadly_triad.toy import Toy

THETA = Control(
    Hyperparameter("theta", r"\theta_0", 1.0, "Where the parameter starts; below 0 the max picks action 1.", -3.0, 3.0),
    step=0.1,
    label="start value",
)
SHARE = Control(
    Hyperparameter(
        "share",
        "p",
        0.0,
        "Share of the rows that show action 2: up is closer to the greedy policy's own data.",
        0.0,
        1.0,
    ),
    step=0.01,
    label="share of $a=2$ in the data",
)


def gamma_control(default: float) -> Control:
    """The toy's discount."""
    return Control(
        Hyperparameter(
            "gamma", r"\gamma", default, "Discount: up bootstraps more; above the border it diverges.", 0.0, 1.0
        ),
        step=0.01,
        label="discount",
    )


def rate_control(default: float, high: float = 1.0) -> Control:
    """The toy's learning rate."""
    return Control(
        Hyperparameter("learning_rate", r"\mathrm{lr}", default, "Step size: down is slower, up faster.", 0.01, high),
        step=0.01,
        label="learning rate",
    )


def toy_of(state: State) -> Toy:
    """The toy with the scene's numbers."""
    return Toy(
        float(state["theta"]), float(state["gamma"]), float(state["learning_rate"]), float(state.get("share", 0.0))
    )


def factors(toy: Toy) -> tuple[float, float]:
    """Growth for positive and for negative `θ`."""
    return tuple(float(triad.growth(toy.gamma, toy.learning_rate, toy.share, sign)) for sign in (1, -1))  # type: ignore[return-value]


def factor_here(toy: Toy) -> float:
    """Growth at the start value."""
    up, down = factors(toy)
    return up if toy.theta > 0 else down
