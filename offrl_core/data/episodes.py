"""Leaving episodes out: options that every dataset has, a log that was uploaded too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from offrl_core.data.options import DatasetOption
from offrl_core.dataset import Dataset, DatasetError
from offrl_core.declarations import HyperparameterError
from offrl_core.episodes import EpisodeRule

NO_RETURN = 1e9
"""Stands for a bound that no return is beyond; returns are compared up to a million."""

EPISODES = (
    DatasetOption(
        "leave_out",
        "",
        "",
        "Episodes that are left out, by their numbers in the recording, counted from 0: 3, 7-12.",
        max_length=400,
        label="leave out",
        section="episodes",
    ),
    DatasetOption(
        "shorter_than",
        "",
        0,
        "Episodes of fewer rows are left out: up leaves the longer ones.",
        low=1,
        high=1_000_000,
        scale="log",
        integer=True,
        special={0: "no bound"},
        section="episodes",
    ),
    DatasetOption(
        "longer_than",
        "",
        0,
        "Episodes of more rows are left out: down leaves the shorter ones.",
        low=1,
        high=1_000_000,
        scale="log",
        integer=True,
        special={0: "no bound"},
        section="episodes",
    ),
    DatasetOption(
        "return_below",
        "",
        -NO_RETURN,
        "Episodes whose recorded return is below are left out: up leaves the better ones, and a policy that looks as "
        "good as chance was in them.",
        low=-1_000_000,
        high=1_000_000,
        special={-NO_RETURN: "no bound"},
        section="episodes",
    ),
    DatasetOption(
        "return_above",
        "",
        NO_RETURN,
        "Episodes whose recorded return is above are left out: down leaves the worse ones.",
        low=-1_000_000,
        high=1_000_000,
        special={NO_RETURN: "no bound"},
        section="episodes",
    ),
)


def without_left_out(dataset: Dataset, chosen: Mapping[str, Any]) -> Dataset:
    """The dataset without the episodes that the options of `EPISODES` leave out.

    Raises:
        HyperparameterError: the list is none, names an episode that there is not, or no episode would stay.
    """
    try:
        rule = rule_of(chosen)
        return dataset if rule == EpisodeRule() else dataset.without_episodes(rule)
    except DatasetError as error:
        raise HyperparameterError(f"leaving episodes out: {error}") from None


def rule_of(chosen: Mapping[str, Any]) -> EpisodeRule:
    """What the options of `EPISODES` leave out.

    Raises:
        DatasetError: the list is none.
    """
    below, above = chosen["return_below"], chosen["return_above"]
    return EpisodeRule(
        chosen["leave_out"],
        chosen["shorter_than"],
        chosen["longer_than"] or math.inf,
        -math.inf if below == -NO_RETURN else below,
        math.inf if above == NO_RETURN else above,
    )
