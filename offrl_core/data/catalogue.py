"""The catalogue: every dataset by name, with its options declared as data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from threading import Lock
from types import MappingProxyType
from typing import Any

from offrl_core.data.degrade import DEGRADE, degrade
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value, resolve

Builder = Callable[[int, dict[str, Any]], Dataset]


@dataclass(frozen=True, eq=False, repr=False)
class DatasetSpec:
    """One entry of the catalogue.

    Attributes:
        name: what `load_dataset` takes.
        title: the name on screen.
        description: what the world is, with its source.
        lesson: what it teaches, in two sentences.
        options: what may be chosen, as declarations; those of degrading stand at the end of every entry.
        builder: `(seed, resolved options) -> Dataset`, before degrading.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", (*self.options, *DEGRADE))

    def __repr__(self) -> str:
        return f"<DatasetSpec {self.name!r}: {', '.join(option.name for option in self.options)}>"

    @property
    def sections(self) -> dict[str, tuple[Hyperparameter, ...]]:
        """The options under the headings that a screen shows them by: `world`, `collecting`, `degrade`."""
        headings = [(h, _section(h.name)) for h in self.options]
        return {title: tuple(h for h, of in headings if of == title) for title in ("world", "collecting", "degrade")}

    def resolve(self, options: Mapping[str, object]) -> dict[str, Value]:
        """Every option with its given or default value.

        Raises:
            HyperparameterError: an option is unknown, or its value is not allowed.
        """
        try:
            return resolve(self.options, options)
        except HyperparameterError as error:
            raise HyperparameterError(f"dataset {self.name}: {error}") from None

    def build(self, seed: int = 0, **options: object) -> Dataset:
        """Make the dataset; the same seed and options always make the same one.

        Raises:
            HyperparameterError: the seed or an option is not allowed, or the options do not go together.
        """
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise HyperparameterError(f"seed = {seed!r} is not allowed: it must be a whole number from 0 to 2^32 − 1")
        chosen = self.resolve(options)
        try:
            dataset = replace(
                self.builder(seed, chosen),
                name=self.name,
                gamma=float(chosen["gamma"]),
                options=MappingProxyType({**chosen, "seed": seed}),
            )
            return degrade(dataset, chosen, seed)
        except HyperparameterError as error:
            raise HyperparameterError(f"dataset {self.name}: {error}") from None


def _section(name: str) -> str:
    if name in {h.name for h in DEGRADE}:
        return "degrade"
    collecting = ("episodes", "behavior", "epsilon", "horizon", "softness", "drawn", "own", "quality")
    return "collecting" if name in collecting or name.startswith(("mix_", "count_")) else "world"


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
    key = (name, repr(seed), tuple(sorted(spec.resolve(options).items())))
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
