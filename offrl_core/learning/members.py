"""Members: the models of a learner, one for each point of the opened axes and each seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from offrl_core.declarations import Hyperparameter, HyperparameterError, Value, resolve
from offrl_core.names import unknown

MAX_MEMBERS = 1024


@dataclass(frozen=True, slots=True)
class Member:
    """One model of a learner.

    Attributes:
        index: its place on the leading axis of every array.
        label: what tells it from the others ("rho=0.1 seed=2"), empty for a single one.
        values: its hyperparameters at the start.
        seed: of its initial parameters and its rows.
    """

    index: int
    label: str
    values: Mapping[str, Value]
    seed: int


class Axes:
    """Hyperparameters given as lists, in the order given, then the seeds: members are the product, the last fastest.

    Args:
        declared: the hyperparameters by name.
        seeds: how many seeds (0, 1, …), or the seeds themselves.
        given: values, or lists of values.
        points: configurations instead of axes, each with values of its own; the product is then of these and the seeds.

    Raises:
        HyperparameterError: a name, a value or a seed is not allowed, a list is empty, there are too many members, or
            there are points beside opened axes.
    """

    def __init__(
        self,
        declared: Mapping[str, Hyperparameter],
        seeds: int | Sequence[int],
        given: Mapping[str, Any],
        points: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.declared = declared
        self.seeds = _seeds(seeds)
        self.values: dict[str, list[Value]] = {}
        fixed: dict[str, object] = {}
        for name, value in given.items():
            value = self.find(name).written(as_python(value))
            if isinstance(value, list):
                self.values[name] = self._validated(name, value)
            else:
                fixed[name] = value
        base = resolve(declared.values(), fixed)
        every = [{**base, **point} for point in (self._product() if points is None else self._listed(points))]
        if len(every) * len(self.seeds) > MAX_MEMBERS:
            raise HyperparameterError(f"{len(every) * len(self.seeds)} members are too many: at most {MAX_MEMBERS}")
        telling = [name for name in base if any(values[name] != every[0][name] for values in every)]
        if points is None:
            telling = list(self.values)
        self.members = [
            Member(number, self._label(values, seed, telling), values, seed)
            for number, (values, seed) in enumerate((v, s) for v in every for s in self.seeds)
        ]

    def _product(self) -> list[dict[str, Value]]:
        return [dict(zip(self.values, point, strict=True)) for point in product(*self.values.values())]

    def _listed(self, points: Sequence[Mapping[str, Any]]) -> list[dict[str, Value]]:
        if self.values:
            raise HyperparameterError(f"{', '.join(self.values)}: axes cannot be opened beside a list of points")
        if not points:
            raise HyperparameterError("points is an empty list; give at least one configuration")
        return [
            {name: (h := self.find(name)).validate(h.written(as_python(value))) for name, value in point.items()}
            for point in points
        ]

    def _validated(self, name: str, given: Sequence[object]) -> list[Value]:
        declared = self.find(name)
        values = [declared.validate(declared.written(v)) for v in given]
        if not values:
            raise HyperparameterError(f"{name} is an empty list; give at least one value")
        return values

    def _label(self, values: Mapping[str, Value], seed: int, names: Iterable[str]) -> str:
        told = [(name, values[name]) for name in names]
        words = [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in told]
        return " ".join([*words, f"seed={seed}"] if len(self.seeds) > 1 else words)

    def find(self, name: str) -> Hyperparameter:
        """The declaration of that name.

        Raises:
            HyperparameterError: there is none.
        """
        if name not in self.declared:
            raise HyperparameterError(unknown("hyperparameter", name, sorted(self.declared)))
        return self.declared[name]

    def spread(self, name: str, given: object) -> list[Value]:
        """One value per member, from one for all or a list along the axis of that name.

        Raises:
            HyperparameterError: a value is not allowed, or the list has another length than the axis.
        """
        declared = self.find(name)
        given = declared.written(as_python(given))
        if not isinstance(given, list):
            return [declared.validate(given)] * len(self.members)
        length = len(self.values.get(name, ()))
        if len(given) != length:
            raise HyperparameterError(
                f"{name}: {len(given)} values given, but it is "
                + (f"an axis of {length}" if length else "not an opened axis: give one value")
            )
        values = [declared.validate(v) for v in given]
        return [values[(m.index // self._stride(name)) % length] for m in self.members]

    def move(self, name: str, column: Sequence[Value]) -> None:
        """Take over the values of an axis from one value per member."""
        if name in self.values:
            self.values[name] = [column[i * self._stride(name)] for i in range(len(self.values[name]))]

    def _stride(self, name: str) -> int:
        """How many members pass until this axis moves on."""
        after = list(self.values)[list(self.values).index(name) + 1 :]
        return len(self.seeds) * int(np.prod([len(self.values[other]) for other in after], dtype=int))


def as_python(value: object) -> object:
    """A list where a value opens an axis (list, tuple, range, array, pandas column), else the value; numpy's numbers as
    Python's."""
    if isinstance(value, (list, tuple, range)):
        return [as_python(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _seeds(seeds: object) -> list[int]:
    listed = as_python(seeds)
    if isinstance(listed, int) and not isinstance(listed, bool):
        if listed > MAX_MEMBERS:
            raise HyperparameterError(f"{listed} members are too many: at most {MAX_MEMBERS}")
        listed = list(range(listed))
    if not isinstance(listed, list) or not listed:
        raise HyperparameterError(f"seeds = {seeds!r} is not allowed: it must be a number from 1 or a list of seeds")
    for seed in listed:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise HyperparameterError(f"seed {seed!r} is not allowed: it must be a whole number from 0 to 2^32 − 1")
    return listed
