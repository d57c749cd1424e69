"""What learners are given for a reward: options that every dataset has, a log that was uploaded too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from offrl_core.data.options import DatasetOption
from offrl_core.dataset import Dataset, DatasetError
from offrl_core.declarations import HyperparameterError

REWARD = (
    DatasetOption(
        "reward_clip",
        r"r_{\max}",
        0.0,
        "Every reward is cut to ± this size first: down makes large rewards alike, and what is best may change.",
        low=0.001,
        high=1000.0,
        scale="log",
        special={0: "no clip"},
        label="clip",
        section="reward",
    ),
    DatasetOption(
        "reward_unit",
        "",
        "log",
        "The unit that learners count in: the log's own, or the range of the recorded returns at the dataset's "
        "discount, so that the best and the worst episode lie 1 apart. The best policy stays the same.",
        choices=("log", "return-range"),
        label="unit",
        section="reward",
    ),
    DatasetOption(
        "reward_scale",
        "k",
        1.0,
        "Multiplies every reward: up makes values larger and exponential weights greedier, down milder; what is best "
        "stays the same.",
        low=0.001,
        high=1000.0,
        scale="log",
        label="scale",
        section="reward",
    ),
    DatasetOption(
        "reward_shift",
        "c",
        0.0,
        "Added to every reward at the end: down makes rewards negative, which breaks EMRL, makes 0 optimistic and long "
        "episodes costly; where lengths differ, what is best may change.",
        low=-10.0,
        high=10.0,
        label="shift",
        section="reward",
    ),
)


def rewarded(dataset: Dataset, chosen: Mapping[str, Any]) -> Dataset:
    """The dataset with the rewards that the options of `REWARD` say.

    Raises:
        HyperparameterError: `reward_unit` is the range of returns that are all equal.
    """
    try:
        return dataset.with_rewards(
            scale=chosen["reward_scale"],
            shift=chosen["reward_shift"],
            clip=chosen["reward_clip"] or math.inf,
            unit=chosen["reward_unit"],
        )
    except DatasetError as error:
        raise HyperparameterError(f"reward_{error}") from None
