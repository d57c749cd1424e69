"""Options of datasets: how one is declared, and those that many datasets share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from offrl_core.declarations import Hyperparameter

Section = Literal["world", "collecting", "episodes", "degrade", "reward"]


@dataclass(frozen=True, slots=True)
class DatasetOption(Hyperparameter):
    """A `Hyperparameter` of a dataset: changing it makes another dataset.

    Args:
        section: the heading a panel shows it under.
    """

    live: bool = False
    section: Section = "world"


MAX_OWN = 8000
MAX_SIDE = 24


def episodes(default: int, high: int = 100_000) -> DatasetOption:
    """How many episodes are recorded."""
    return DatasetOption(
        "episodes",
        "|X|",
        default,
        "More episodes cover more actions and states; fewer leave more for the learner to guess.",
        low=1,
        high=high,
        scale="log",
        integer=True,
        section="collecting",
    )


def gamma(default: float) -> DatasetOption:
    """The discount the dataset's story is told at."""
    return DatasetOption(
        "gamma",
        r"\gamma",
        default,
        "Discount: up looks further ahead, down prefers early reward.",
        low=0.0,
        high=1.0,
        label="discount",
    )


def collecting(
    names: Sequence[str],
    default: str,
    *,
    n_episodes: int,
    horizon: int,
    epsilon: float = 0.0,
    mix: Mapping[str, float] | None = None,
) -> tuple[DatasetOption, ...]:
    """The options of collecting: the behaviour, its noise, the length of episodes, and the shares of a mix.

    Args:
        names: the behaviours on offer; `mix` and `own` are always there too.
        default: the behaviour of the lesson.
        n_episodes, horizon, epsilon: their defaults.
        mix: the default shares of a mix; equal shares by default.
    """
    option = partial(DatasetOption, section="collecting")
    shares = {name: 1.0 for name in names if name != "drawn"} if mix is None else dict(mix)
    declared = [
        episodes(n_episodes),
        option(
            "behavior",
            r"\pi_\beta",
            default,
            "Who collects the data; mix takes several in the shares below, own is what you played yourself.",
            choices=(*names, "mix", "own"),
        ),
        option(
            "epsilon",
            r"\epsilon",
            epsilon,
            "Share of random actions in the behaviour: up covers more actions, down records purer behaviour.",
            low=0.0,
            high=1.0,
            label="random actions",
        ),
        option(
            "horizon",
            "T",
            horizon,
            "Longest episode; one that has not ended by then is truncated, not terminated.",
            low=1,
            high=1000,
            scale="log",
            integer=True,
        ),
    ]
    if "softmax" in names:
        declared.append(
            option(
                "softness",
                r"\tau_\beta",
                0.1,
                "Temperature of the softmax behaviour, exp(Q*/temperature): up is more random, down more optimal.",
                low=0.001,
                high=100.0,
                scale="log",
                needs=("behavior", ("softmax", "mix")),
            )
        )
    if "drawn" in names:
        declared.append(
            option(
                "drawn",
                "",
                "",
                "The policy you drew: one character per cell, ^ > v < or . for any action; rows may be separated by /.",
                max_length=(MAX_SIDE + 1) * MAX_SIDE,
                needs=("behavior", ("drawn", "mix")),
            )
        )
    declared += [
        option(
            f"mix_{name}",
            "",
            shares.get(name, 0.0),
            f"Share of the episodes collected by {name} when the behaviour is a mix.",
            low=0.0,
            high=1.0,
            needs=("behavior", ("mix",)),
        )
        for name in names
    ]
    declared.append(
        option(
            "own",
            "",
            "",
            "The episodes you played: seed:actions, separated by semicolons; each is replayed in the world.",
            max_length=MAX_OWN,
            needs=("behavior", ("own", "mix")),
        )
    )
    return tuple(declared)


SLIP = DatasetOption(
    "slip",
    r"p_{\text{slip}}",
    0.0,
    "Probability that a move goes to one side instead: up makes the world riskier.",
    low=0.0,
    high=1.0,
)
