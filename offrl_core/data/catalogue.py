"""The catalogue: every dataset by name, with its options declared as data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any

from offrl_core.data.dataset import Dataset
from offrl_core.hyperparameters import Hyperparameter, HyperparameterError, Value, resolve

Builder = Callable[[int, dict[str, Any]], Dataset]


@dataclass(frozen=True, eq=False)
class DatasetSpec:
    """One entry of the catalogue.

    Attributes:
        name: what `load_dataset` takes.
        title: the name on screen.
        description: what the world is, in a sentence or two, with its source.
        lesson: what it teaches, in two sentences.
        options: what may be chosen, as declarations.
        builder: `(seed, resolved options) -> Dataset`.
        recommended: approximator (`table`, `linear`, `mlp`) → hyperparameters that show the lesson.
        group: the family it stands in on screen.
    """

    name: str
    title: str
    description: str
    lesson: str
    options: tuple[Hyperparameter, ...]
    builder: Builder
    recommended: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    group: str = "grids"

    def build(self, seed: int = 0, **options: object) -> Dataset:
        """Make the dataset; the same seed and options always make the same one.

        Raises:
            HyperparameterError: an option is unknown, or its value is not allowed.
        """
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise HyperparameterError(f"seed = {seed!r} is not allowed: it must be a whole number from 0 to 2^32 − 1")
        try:
            chosen = resolve(self.options, options)
        except HyperparameterError as error:
            raise HyperparameterError(f"dataset {self.name}: {error}") from None
        return self.builder(seed, {**chosen, "_options": chosen, "_name": self.name})


@cache
def datasets() -> dict[str, DatasetSpec]:
    """The catalogue, in the order of the lecture."""
    from offrl_core.data.entries import ENTRIES

    return {spec.name: spec for spec in ENTRIES}


def load_dataset(name: str, *, seed: int = 0, **options: object) -> Dataset:
    """The dataset `name` of the catalogue; recently loaded ones are kept.

    Args:
        name: one of `datasets()`.
        seed: of the behaviour's and the world's randomness.
        options: as declared in `datasets()[name].options`; the rest keeps its default.

    Raises:
        HyperparameterError: the name or an option is unknown, or a value is not allowed.
    """
    catalogue = datasets()
    if name not in catalogue:
        raise HyperparameterError(f"unknown dataset {name!r}; the catalogue has {', '.join(catalogue)}")
    spec = catalogue[name]
    try:
        key = (name, seed, tuple(sorted(resolve(spec.options, options).items())))
    except HyperparameterError as error:
        raise HyperparameterError(f"dataset {name}: {error}") from None
    with _lock:
        if key in _recent:
            _recent.move_to_end(key)
            return _recent[key]
    dataset = spec.build(seed, **options)
    with _lock:
        _recent[key] = dataset
        while len(_recent) > 1 and sum(map(len, _recent.values())) > _KEPT_ROWS:
            _recent.popitem(last=False)
    return dataset


_KEPT_ROWS = 3_000_000
_recent: OrderedDict[Any, Dataset] = OrderedDict()
_lock = Lock()
