"""Options that many datasets share, declared once."""

from __future__ import annotations

from offrl_core.hyperparameters import Hyperparameter


def episodes(default: int, high: int = 100_000) -> Hyperparameter:
    """How many episodes are recorded."""
    return Hyperparameter(
        "episodes",
        "|X|",
        default,
        "More episodes cover more actions and states; fewer leave more for the learner to guess.",
        low=1,
        high=high,
        scale="log",
        integer=True,
        live=False,
    )


def behavior(default: str, choices: tuple[str, ...]) -> Hyperparameter:
    """Which policy records the data."""
    return Hyperparameter("behavior", r"\pi_\beta", default, "Who collected the data.", choices=choices, live=False)


def epsilon(default: float) -> Hyperparameter:
    """Noise of the behaviour."""
    return Hyperparameter(
        "epsilon",
        r"\epsilon",
        default,
        "Share of random actions in the behaviour: up covers more actions, down records purer behaviour.",
        low=0.0,
        high=1.0,
        live=False,
    )


def gamma(default: float) -> Hyperparameter:
    """The discount the dataset's story is told at."""
    return Hyperparameter(
        "gamma",
        r"\gamma",
        default,
        "Discount: up looks further ahead, down prefers early reward.",
        low=0.0,
        high=1.0,
        live=False,
    )


SLIP = Hyperparameter(
    "slip",
    r"p_{\text{slip}}",
    0.0,
    "Probability that a move goes to one side instead: up makes the world riskier.",
    low=0.0,
    high=1.0,
    live=False,
)
