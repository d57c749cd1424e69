"""Bins of continuous numbers: quantiles of one number after the other, or clusters of all of them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offrl_core.columns import Array

_FITTED_ROWS = 20_000
_ITERATIONS = 100
_BLOCK_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class Bins:
    """Rows of numbers, sorted into bins.

    Attributes:
        numbers: `(N,)` intp, the bin of each row, from 0.
        centres: `(K, D)` what the bins stand for: the mean of the rows in each.
    """

    numbers: Array
    centres: Array

    def kept(self, values: Array) -> float:
        """How much of the numbers' variance their bins' centres keep: `1 − Σ_d E[(x_d − c_d)²]/Var[x_d] / D`.

        The mean goes over the numbers that vary at all; 1 where none does.

        Args:
            values: `(N, D)` what was sorted.
        """
        varies = np.ptp(values, axis=0) > 0
        if not varies.any():
            return 1.0
        lost = ((values - self.centres[self.numbers]) ** 2).mean(axis=0)[varies] / values.var(axis=0)[varies]
        return float(1.0 - lost.mean())

    def distance(self, values: Array) -> Array:
        """`(D,)` the mean distance `E|x_d − c_d|` of the numbers from their bins' centres.

        Args:
            values: `(N, D)` what was sorted.
        """
        return np.asarray(np.abs(values - self.centres[self.numbers]).mean(axis=0))


def quantiles(values: Array, bins: int) -> Bins:
    """`K ≤ bins` bins of one number that hold equally many rows, as far as equal values allow.

    Bin `k` holds the values above the quantile `k/bins` up to the quantile `(k+1)/bins`; bins that would be empty,
    because many values are equal, are left out. Values of which there are no more than `bins` have a bin each.

    Args:
        values: `(N,)` finite numbers.
        bins: 1 or more.
    """
    kinds, numbers = np.unique(values, return_inverse=True)
    if len(kinds) <= bins:
        return Bins(numbers.astype(np.intp), kinds[:, None].astype(np.float64))
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf"))
    found, numbers = np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)
    return Bins(numbers.astype(np.intp), _means(values[:, None], numbers, len(found)))


def clusters(values: Array, bins: int) -> Bins:
    """`K ≤ bins` clusters by k-means, in which numbers count in units of their standard deviation.

    The centres begin as k-means++ draws them, from one seed, and are ordered by their first number, then the next. The
    same rows always make the same clusters. Of many rows, 20,000 at equal distances place the centres.

    Args:
        values: `(N, D)` finite numbers.
        bins: 1 or more.

    Source: Lloyd 1982; Arthur, Vassilvitskii 2007.
    """
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    few = scaled[np.unique(np.linspace(0, len(scaled) - 1, min(len(scaled), _FITTED_ROWS)).round().astype(int))]
    centres = _first_centres(few, bins)
    for _ in range(_ITERATIONS):
        found, numbers = np.unique(_nearest(few, centres), return_inverse=True)
        before, centres = centres, _means(few, numbers, len(found))
        if np.array_equal(before, centres):
            break
    found, numbers = np.unique(_nearest(scaled, np.unique(centres, axis=0)), return_inverse=True)
    return Bins(numbers.astype(np.intp), _means(values, numbers, len(found)))


def _nearest(values: Array, centres: Array) -> Array:
    """`(N,)` the centre that each row is nearest to, block by block, so that few distances are held at once."""
    lengths = (centres**2).sum(axis=1)
    blocks = range(0, len(values), _BLOCK_ROWS)
    return np.concatenate(
        [(lengths - 2.0 * (values[start : start + _BLOCK_ROWS] @ centres.T)).argmin(axis=1) for start in blocks]
    )


def _first_centres(values: Array, bins: int) -> Array:
    """k-means++: each further centre is a row, drawn in proportion to its squared distance from the nearest centre."""
    rng = np.random.default_rng(0)
    centres = [values[rng.integers(len(values))]]
    nearest = ((values - centres[0]) ** 2).sum(axis=1)
    while len(centres) < bins and (total := nearest.sum()) > 0:
        place = np.searchsorted(np.cumsum(nearest), rng.random() * total, side="right")
        centres.append(values[min(int(place), len(values) - 1)])
        nearest = np.minimum(nearest, ((values - centres[-1]) ** 2).sum(axis=1))
    return np.array(centres)


def _means(values: Array, numbers: Array, bins: int) -> Array:
    counts = np.bincount(numbers, minlength=bins)
    sums = [np.bincount(numbers, weights=column, minlength=bins) for column in values.T]
    return np.stack(sums, axis=1) / counts[:, None]
