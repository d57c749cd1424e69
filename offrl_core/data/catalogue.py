"""The catalogue: every dataset by name."""

from __future__ import annotations

import re
from typing import Any

from offrl_core.data.entries import ENTRIES
from offrl_core.data.spec import DatasetSpec
from offrl_core.dataset import Dataset, forget_kept
from offrl_core.declarations import HyperparameterError
from offrl_core.names import Named, unknown
from offrl_core.recent import Recent

CATALOGUE = {spec.name: spec for spec in ENTRIES}


def datasets() -> dict[str, DatasetSpec]:
    """The catalogue, in the order of the lecture; those registered at run time stand at the end."""
    return Named("dataset", CATALOGUE)


def add_dataset(spec: DatasetSpec) -> None:
    """Add a dataset to the catalogue of this process; one that is added again takes its former place.

    Raises:
        HyperparameterError: the name does not fit into a link, or a dataset that comes with the program has it.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.name):
        raise HyperparameterError(
            f"name = {spec.name!r} is not allowed: it must be lowercase letters, digits and hyphens"
        )
    if spec.name in [known.name for known in ENTRIES if known is not spec]:
        raise HyperparameterError(f"the catalogue already has a dataset {spec.name!r}: give this one another name")
    CATALOGUE[spec.name] = spec


def withdraw_dataset(name: str) -> None:
    """Leave a dataset out of the catalogue of this process, as if there were none of this name."""
    CATALOGUE.pop(name, None)


def load_dataset(name: str, *, seed: int = 0, **options: object) -> Dataset:
    """The dataset `name` of the catalogue; recently loaded ones are kept.

    Args:
        name: one of `datasets()`.
        seed: of the behaviour's and the world's randomness.
        options: as declared in `datasets()[name].options`; the rest keeps its default.

    Raises:
        HyperparameterError: the name or an option is unknown, or a value is not allowed.
    """
    if not isinstance(name, str) or name not in CATALOGUE:
        raise HyperparameterError(unknown("dataset", name, CATALOGUE))
    spec = CATALOGUE[name]
    key = (spec, repr(seed), tuple(sorted(spec.resolve(options).items())))
    return _recent.of(key, lambda: spec.build(seed, **options))


def usual_approximator(dataset: Dataset) -> str:
    """The approximator of the dataset's lesson, else a table where states are numbered, else an MLP."""
    spec = CATALOGUE.get(dataset.name)
    named = spec.approximator if spec is not None else ""
    return named if named and (dataset.tabular or named != "table") else "table" if dataset.tabular else "mlp"


_recent: Recent[Any, Dataset] = Recent(128_000_000, lambda dataset: dataset.nbytes, forget_kept)
