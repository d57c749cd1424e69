"""Finds and adds metrics, and computes those that a finished snapshot gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset
from offrl_core.learning.metric import Metric
from offrl_core.learning.metric_list import METRICS
from offrl_core.learning.snapshot import Snapshot
from offrl_core.names import Named

_added: dict[str, Metric] = {}


def metrics() -> dict[str, Metric]:
    """Every metric by name; those added at run time stand at the end."""
    return Named("metric", {metric.name: metric for metric in METRICS} | _added)


def find_metric(name: str) -> Metric:
    """The metric of that name; for a number that nobody declared, such as a new algorithm's loss, one made from it."""
    declared = metrics().get(name)
    if declared is not None:
        return declared
    words = name.replace("_", " ")
    if name.startswith("loss_"):
        title = f"{words.removeprefix('loss ')} loss"
        return Metric(name, title, "", rf"\mathcal{{L}}_{{\mathrm{{{title[:-5]}}}}}", _LOSS_HELP, _LOSS_BAD, "loss")
    return Metric(name, words, "", rf"\mathrm{{{words}}}", _OTHER_HELP, _OTHER_BAD, "policy")


_LOSS_HELP = "If this falls, the algorithm comes closer to what this loss asks for."
_LOSS_BAD = "Growing steadily: divergence."
_OTHER_HELP = "A number that the algorithm reports of itself."
_OTHER_BAD = "Growing without end."


def add_metric(metric: Metric) -> None:
    """Add a metric to those of this process; one that is declared anew takes its former place.

    Raises:
        ValueError: its name is no identifier, or a metric of the program has it.
    """
    if not metric.name.isidentifier():
        raise ValueError(f"name = {metric.name!r} is not allowed: it must be letters, digits and underscores")
    if any(metric.name == other.name for other in METRICS):
        raise ValueError(f"there already is a metric {metric.name!r}: give this one another name")
    _added[metric.name] = metric


def measured(snapshot: Snapshot, dataset: Dataset) -> dict[str, npt.NDArray[Any]]:
    """Every metric that is computed from a finished snapshot, `(M,)` float32 each.

    Raises:
        ValueError: a metric's function returned another shape.
    """
    found = {}
    for name, metric in metrics().items():
        value = metric.measure(snapshot, dataset) if metric.measure is not None else None
        if value is not None:
            found[name] = np.asarray(value, dtype=np.float32)
            if found[name].shape != (len(snapshot.policy),):
                raise ValueError(f"metric {name} has shape {found[name].shape}; it must be one number per member")
    return found
