"""What an experiment chooses from: one dataset or one algorithm, from plain data or from a dataset in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from offrl_core.algos import algorithms
from offrl_core.algos.shared_hyperparameters import canonical_approximator
from offrl_core.data.catalogue import datasets
from offrl_core.dataset import Dataset
from offrl_core.declarations import HyperparameterError, Value
from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.carrying import catalogued, key_of
from offrl_core.learning.members import as_python
from offrl_core.names import unknown

USUAL = "usual"
"""The approximator that suits each dataset: the one of its lesson, else a table where states are numbered, else an
MLP."""


@dataclass(frozen=True)
class DatasetChoice:
    """One dataset of a design.

    Attributes:
        name: in the catalogue, or what an own dataset is called.
        options: those that are not to have their default, the data's `seed` among them; of an own one `LOG_OPTIONS`.
        own: the hash of an own dataset, else empty.
    """

    name: str
    options: Mapping[str, Value] = field(default_factory=dict)
    own: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        found: dict[str, Any] = {"name": self.name}
        found |= {"own": self.own} if self.own else {}
        return found | ({"options": dict(self.options)} if self.options else {})


@dataclass(frozen=True)
class AlgorithmChoice:
    """One algorithm of a design.

    Attributes:
        name: among `algorithms()`.
        approximator: `table`, `linear`, `mlp`, or `usual`.
        hyperparameters: those that are not to have the default that suits the dataset.
    """

    name: str
    approximator: str = USUAL
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        found: dict[str, Any] = {"name": self.name, "approximator": self.approximator}
        return found | ({"hyperparameters": dict(self.hyperparameters)} if self.hyperparameters else {})


def dataset_choice(given: object) -> DatasetChoice:
    """A dataset of a design from its name, or from `name` and `options` (or `own`)."""
    entry = _entry("dataset", given, ("name", "options", "own"))
    options, own = _values(f"dataset {entry['name']}: options", entry.get("options")), entry.get("own", "")
    if not isinstance(own, str):
        raise ExperimentError(f"dataset {entry['name']}: own = {own!r} is not allowed: it must be a hash, as text")
    return DatasetChoice(entry["name"], options, own)


def algorithm_choice(given: object) -> AlgorithmChoice:
    """An algorithm of a design from its name, or from `name`, `approximator` and `hyperparameters`."""
    entry = _entry("algorithm", given, ("name", "approximator", "hyperparameters"))
    values = _values(f"algorithm {entry['name']}: hyperparameters", entry.get("hyperparameters"))
    if entry["name"] not in algorithms():
        raise ExperimentError(unknown("algorithm", entry["name"], algorithms()))
    approximator = entry.get("approximator", USUAL)
    if not isinstance(approximator, str):
        raise ExperimentError(f"approximator = {approximator!r} is not allowed: it must be a name")
    if approximator != USUAL:
        try:
            approximator = canonical_approximator(approximator)
        except HyperparameterError as error:
            raise ExperimentError(f"algorithm {entry['name']}: {error}, or {USUAL}") from error
    return AlgorithmChoice(entry["name"], approximator, values)


def _entry(kind: str, given: object, allowed: Sequence[str]) -> dict[str, Any]:
    if isinstance(given, str):
        return {"name": given}
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise ExperimentError(f"{given!r} is no {kind}: it must be a name, or an object with a name")
    for name in given:
        if name not in allowed:
            raise ExperimentError(unknown(f"part of a choice of {kind}s", name, allowed))
    return dict(given)


def _values(where: str, given: object) -> dict[str, Value]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ExperimentError(f"{where} must map names to values, not be {given!r}")
    found = {}
    for name, value in given.items():
        value = as_python(value)
        if isinstance(value, list) and not all(type(part) is int for part in value):
            raise ExperimentError(f"{where}: {name} = {value!r} is a list: open it as an axis, axes={{'{name}': …}}")
        if isinstance(value, list):
            value = "-".join(map(str, value))
        if not isinstance(value, (bool, int, float, str)) or (isinstance(value, float) and not math.isfinite(value)):
            raise ExperimentError(
                f"{where}: {name} = {value!r} is not allowed: it must be a finite number, text or boolean"
            )
        found[str(name)] = value
    return dict(sorted(found.items()))


def of_dataset(dataset: Dataset) -> tuple[DatasetChoice, dict[str, Dataset]]:
    """A dataset of a design from a dataset in memory: by its name and options where the catalogue makes the same one,
    else by its hash, with itself."""
    if catalogued(dataset):
        spec = datasets()[dataset.name]
        defaults = {**spec.resolve({}), "seed": 0}
        changed = {name: value for name, value in dataset.options.items() if defaults.get(name) != value}
        return DatasetChoice(dataset.name, dict(sorted(changed.items()))), {}
    try:
        key = key_of(dataset)
    except HyperparameterError as error:
        raise ExperimentError(str(error)) from error
    return DatasetChoice(dataset.name, {}, key), {key: dataset}
