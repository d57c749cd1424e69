"""Axes of an experiment: lists of values or ranges, and the points that a grid or a sampled design takes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

import numpy as np

from offrl_core.declarations import Value
from offrl_core.learning.members import as_python

Sampling = Literal["grid", "random", "sobol"]
MAX_POINTS = 100_000


class ExperimentError(ValueError):
    """An experiment that cannot be run, or a question that its results cannot answer."""


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers between two ends, for the sampled designs.

    Attributes:
        low, high: inclusive ends.
        scale: whether `linear` or `log` distances are alike.
    """

    low: float
    high: float
    scale: str = "linear"

    def __post_init__(self) -> None:
        for name, end in (("low", self.low), ("high", self.high)):
            if isinstance(end, bool) or not isinstance(end, (int, float)) or not math.isfinite(end):
                raise ExperimentError(f"{name} = {end!r} is not allowed: it must be a finite number")
        if self.scale not in ("linear", "log"):
            raise ExperimentError(f"scale = {self.scale!r} is not allowed: it must be one of linear, log")
        if not self.low < self.high:
            raise ExperimentError(f"low = {self.low!r} must be below high = {self.high!r}")
        if self.scale == "log" and self.low <= 0:
            raise ExperimentError(f"low = {self.low!r} is not allowed on a log scale: it must be above 0")

    def at(self, share: float, *, integer: bool) -> Value:
        """The number at a share of the way, 0 ≤ share < 1; whole ones are each as likely as their distances say."""
        low, high = self.low, self.high
        if integer and self.scale == "linear":
            return int(min(math.floor(low) + math.floor(share * (math.floor(high) - math.floor(low) + 1)), high))
        if self.scale == "log":
            number = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            number = low + share * (high - low)
        number = min(max(number, low), high)
        # Seven digits are more than any setting needs, and stay short in links and tables.
        return round(number) if integer else min(max(float(f"{number:.7g}"), low), high)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"low": self.low, "high": self.high, "scale": self.scale}


Axis = tuple[Value, ...] | Range


def axis_of(name: str, given: object) -> Axis:
    """An axis from plain data: a list of values, or a mapping with `low`, `high` and `scale`.

    Raises:
        ExperimentError: it is neither, it is empty, it names a value twice, or a number is not finite.
    """
    if isinstance(given, Range):
        return given
    if isinstance(given, Mapping):
        if not {"low", "high"} <= set(given) <= {"low", "high", "scale"}:
            raise ExperimentError(f"axis {name}: a range has low, high and scale, not {', '.join(map(str, given))}")
        try:
            return Range(**{key: as_python(value) for key, value in given.items()})  # type: ignore[arg-type]
        except ExperimentError as error:
            raise ExperimentError(f"axis {name}: {error}") from error
    values = as_python(given)
    if not isinstance(values, list):
        raise ExperimentError(f"axis {name} = {given!r} is not allowed: it must be a list of values, or a range")
    if not values:
        raise ExperimentError(f"axis {name} is an empty list; give at least one value")
    for value in values:
        if not isinstance(value, (bool, int, float, str)) or (isinstance(value, float) and not math.isfinite(value)):
            raise ExperimentError(
                f"axis {name}: {value!r} is not allowed: values are finite numbers, texts or booleans"
            )
    kept = tuple(dict.fromkeys(values))
    if len(kept) < len(values):
        twice = next(value for value in kept if values.count(value) > 1)
        raise ExperimentError(f"axis {name} names {twice!r} more than once: an axis names each value once")
    return kept


def grid_size(axes: Mapping[str, Axis]) -> int:
    """How many points the grid of these axes has."""
    return math.prod(len(axis) for axis in axes.values() if isinstance(axis, tuple))


def points(
    axes: Mapping[str, Axis], sampling: Sampling, count: int, seed: int, integers: frozenset[str] = frozenset()
) -> list[dict[str, Value]]:
    """The points of a design, name → value each.

    A grid is the product of all values. A random design draws each axis by itself, uniformly (or so on a log scale); a
    Sobol design does so with a scrambled low-discrepancy sequence, which fills every plane of two axes evenly.

    Args:
        axes: name → values or range; a sampled list is a choice among its values.
        sampling: `grid`, `random` or `sobol`.
        count: how many points a sampled design has.
        seed: of the sampled designs.
        integers: the axes whose numbers are whole.

    Raises:
        ExperimentError: a grid of a range, a sampled design without axes, or a count or seed that is not allowed.

    Source: `scipy.stats.qmc.Sobol`; Sobol 1967, scrambled as in Owen 1998.
    """
    if sampling not in get_args(Sampling):
        raise ExperimentError(
            f"sampling = {sampling!r} is not allowed: it must be one of {', '.join(get_args(Sampling))}"
        )
    if sampling == "grid":
        ranges = [name for name, axis in axes.items() if isinstance(axis, Range)]
        if ranges:
            raise ExperimentError(f"axis {ranges[0]} is a range, of which a grid takes no values: list them, or sample")
        return [dict(zip(axes, point, strict=True)) for point in product(*axes.values())]  # type: ignore[arg-type]
    if not axes:
        raise ExperimentError(f"a {sampling} design needs at least one axis to sample from")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_POINTS:
        raise ExperimentError(f"points = {count!r} is not allowed: a {sampling} design has 1 to {MAX_POINTS:,} points")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ExperimentError(f"sampling_seed = {seed!r} is not allowed: it must be a whole number from 0 to 2^32 − 1")
    shares = _shares(sampling, len(axes), count, seed)
    found = [
        {name: _at(axis, share, name in integers) for (name, axis), share in zip(axes.items(), row, strict=True)}
        for row in shares
    ]
    return list({tuple(point.values()): point for point in found}.values())  # whole numbers and choices may meet


def _at(axis: Axis, share: float, integer: bool) -> Value:
    if isinstance(axis, Range):
        return axis.at(share, integer=integer)
    return axis[min(int(share * len(axis)), len(axis) - 1)]


def _shares(sampling: Sampling, dimensions: int, count: int, seed: int) -> Sequence[Sequence[float]]:
    rng = np.random.default_rng(seed)
    if sampling == "random":
        return rng.random((count, dimensions)).tolist()  # type: ignore[no-any-return]
    from scipy.stats import qmc

    # A power of two keeps the sequence's balance; of more than are wanted the first ones are taken.
    return qmc.Sobol(dimensions, rng=rng).random_base2(max(0, math.ceil(math.log2(count))))[:count].tolist()  # type: ignore[no-any-return]
