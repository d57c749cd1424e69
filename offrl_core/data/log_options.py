"""What may be chosen of every log, also of one that nobody can record again: its episodes and its rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offrl_core.data.episodes import EPISODES, without_left_out
from offrl_core.data.rewards import REWARD, rewarded
from offrl_core.dataset import Dataset

LOG_OPTIONS = (*EPISODES, *REWARD)


def with_log_options(dataset: Dataset, chosen: Mapping[str, Any]) -> Dataset:
    """A log with every option of `LOG_OPTIONS` as chosen.

    Raises:
        HyperparameterError: they do not fit this log.
    """
    return rewarded(without_left_out(dataset, chosen), chosen)
