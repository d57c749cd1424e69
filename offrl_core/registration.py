"""Adds datasets, algorithms and metrics that do not come with the program."""

from __future__ import annotations

from typing import TypeVar

from offrl_core.algos import Algorithm, add_algorithm
from offrl_core.data.catalogue import add_dataset
from offrl_core.data.spec import DatasetSpec
from offrl_core.learning.metric import Metric
from offrl_core.learning.metric_catalogue import add_metric

Added = TypeVar("Added", bound=type[Algorithm] | DatasetSpec | Metric)


def register(added: Added) -> Added:
    """Add a dataset, an algorithm (a class, so that this may decorate it) or a metric to those of this process.

    It is then among `datasets()`, `algorithms()` or `metrics()`, and wherever the program lists them: pickers, panels,
    charts, links and the generated page. What is registered again takes its former place.

    Args:
        added: a `DatasetSpec`, a subclass of `Algorithm`, or a `Metric`.

    Returns:
        `added` itself.

    Raises:
        TypeError: it is none of these.
        ValueError: it lacks something, or its name is taken or not allowed.
    """
    if isinstance(added, Metric):
        add_metric(added)
    elif isinstance(added, DatasetSpec):
        add_dataset(added)
    elif isinstance(added, type) and issubclass(added, Algorithm):
        add_algorithm(added)
    else:
        raise TypeError(f"{added!r} cannot be registered: it is not a DatasetSpec, an Algorithm class or a Metric")
    return added
