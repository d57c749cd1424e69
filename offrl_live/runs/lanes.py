"""Lanes of a run, and the live changes made to them: plain records, validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from offrl_core.algos import algorithm as find_algorithm
from offrl_core.algos.shared_hyperparameters import canonical_approximator
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value

MAX_LANES = 4
MAX_SEEDS = 8
MAX_VALUES = 16
MAX_AXES = 2
MAX_BUDGET = 10_000_000
Setting = Value | tuple[Value, ...]


class ConfigError(ValueError):
    """A configuration that is not allowed; the message names the value and what is allowed."""


@dataclass(frozen=True)
class Lane:
    """One learner of a run.

    Attributes:
        algorithm, approximator: names in the catalogue of algorithms; `table`, `linear` or `mlp`.
        seeds: how many seeds, 1 to 8.
        hyperparameters: name → value, or a tuple of up to 16 values that opens an axis (at most two axes a lane).
            What is not named has the default that suits the dataset. They are validated by the `RunConfig`.
    """

    algorithm: str
    approximator: str = "table"
    seeds: int = 1
    hyperparameters: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            find_algorithm(self.algorithm)
            object.__setattr__(self, "approximator", canonical_approximator(self.approximator))
        except HyperparameterError as error:
            raise ConfigError(str(error)) from error
        whole("seeds", self.seeds, 1, MAX_SEEDS)
        if not isinstance(self.hyperparameters, Mapping):
            raise ConfigError(f"hyperparameters = {self.hyperparameters!r} is not allowed: it must map names to values")
        if len(self.axes) > MAX_AXES:
            raise ConfigError(
                f"{', '.join(self.axes)} are {len(self.axes)} axes: at most {MAX_AXES} may be open at once"
            )

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the hyperparameters that are opened into an axis, in the order of the members."""
        return tuple(str(name) for name, value in self.hyperparameters.items() if isinstance(value, (tuple, list)))

    @property
    def members(self) -> int:
        """How many models this lane trains."""
        count = self.seeds
        for value in self.hyperparameters.values():
            count *= len(value) if isinstance(value, (tuple, list)) else 1
        return count

    def validated(self, declared: Mapping[str, Hyperparameter]) -> Lane:
        """This lane with every value in its proper type."""
        values = {str(name): setting(declared, str(name), value) for name, value in self.hyperparameters.items()}
        return replace(self, hyperparameters=MappingProxyType(dict(sorted(values.items()))))

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse is `from_json`."""
        return {
            "algorithm": self.algorithm,
            "approximator": self.approximator,
            "seeds": self.seeds,
            "hyperparameters": {k: list(v) if isinstance(v, tuple) else v for k, v in self.hyperparameters.items()},
        }

    @classmethod
    def from_json(cls, data: object) -> Lane:
        """A lane from plain data.

        Raises:
            ConfigError: a field is unknown or missing, or a value is not allowed.
        """
        return cls(**entries("a lane", data, {"algorithm", "approximator", "seeds", "hyperparameters"}, {"algorithm"}))


@dataclass(frozen=True)
class Change:
    """A live change: from `step` on, lane `lane` trains with `values`."""

    step: int
    lane: int
    values: Mapping[str, Value]

    def __post_init__(self) -> None:
        whole("step", self.step, 0, MAX_BUDGET * 10)
        whole("lane", self.lane, 0, MAX_LANES - 1)
        if not isinstance(self.values, Mapping):
            raise ConfigError(f"values = {self.values!r} is not allowed: it must map names to values")
        object.__setattr__(self, "values", MappingProxyType(dict(sorted(self.values.items()))))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"step": self.step, "lane": self.lane, "values": dict(self.values)}

    @classmethod
    def from_json(cls, data: object) -> Change:
        """A change from plain data; its values are validated by the `RunConfig`.

        Raises:
            ConfigError: a field is unknown or missing, or has the wrong type.
        """
        return cls(**entries("a change", data, {"step", "lane", "values"}, {"step", "lane", "values"}))


def setting(declared: Mapping[str, Hyperparameter], name: str, value: object) -> Setting:
    """One validated value, or the tuple of validated values that opens an axis."""
    if name not in declared:
        raise ConfigError(f"unknown hyperparameter {name!r}; this system has {', '.join(sorted(declared))}")
    try:
        if not isinstance(value, (list, tuple)):
            return declared[name].validate(value)
        if not 1 <= len(value) <= MAX_VALUES:
            raise ConfigError(f"{name} has {len(value)} values: an axis has 1 to {MAX_VALUES}")
        values = tuple(declared[name].validate(item) for item in value)
    except HyperparameterError as error:
        raise ConfigError(str(error)) from error
    if len(set(values)) < len(values):
        raise ConfigError(f"{name} = {list(values)} is not allowed: an axis names each value once")
    return values


def whole(name: str, value: object, low: int, high: int) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} = {value!r} is not allowed: it must be a whole number from {low} to {high}")
    return value


def entries(what: str, data: object, allowed: set[str], needed: set[str]) -> dict[str, Any]:
    """The fields of an object from outside, none unknown and none missing."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{what} must be an object, not {type(data).__name__}")
    unknown = set(map(str, data)) - allowed
    if unknown or not needed <= set(data):
        wrong = f"has the unknown field {min(unknown)!r}" if unknown else f"lacks {min(needed - set(data))!r}"
        raise ConfigError(f"{what} {wrong}; it may have {', '.join(sorted(allowed))}")
    return dict(data)


def listed(name: str, data: object, most: int) -> list[Any]:
    """A list from outside of at most `most` items."""
    if not isinstance(data, (list, tuple)) or len(data) > most:
        raise ConfigError(f"{name} must be a list of at most {most}")
    return list(data)
