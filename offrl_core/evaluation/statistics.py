"""Summaries over seeds: what a handful of runs can and cannot say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity over seeds.

    Attributes:
        iqm: interquartile mean: the mean of the middle half (seeds at the border count with their share).
        low, high: percentile-bootstrap interval of the interquartile mean; NaN for a single seed.
        median, quartile_low, quartile_high: of the finite values.
        n: number of finite values.
        lost: number of values that were not finite (diverged seeds); they are left out of everything else.
    """

    iqm: float
    low: float
    high: float
    median: float
    quartile_low: float
    quartile_high: float
    n: int
    lost: int = 0


def interquartile_mean(values: npt.ArrayLike, axis: int = -1) -> Any:
    """Mean of the middle half of `values` along `axis`, with fractional weights where a quarter of `n` is not whole.

    `IQM = (2/n)·∫ of the quantile function over [¼, ¾]`, scaled to a mean; for n = 1, 2, 3 it is the mean, the mean,
    and a mean that weighs the middle value most. Source: Agarwal et al. 2021, section 4.3.
    """
    ordered = np.sort(np.moveaxis(np.asarray(values, dtype=np.float64), axis, -1), axis=-1)
    n = ordered.shape[-1]
    edges = np.arange(n + 1) / n
    weights = np.clip(edges[1:], 0.25, 0.75) - np.clip(edges[:-1], 0.25, 0.75)
    return ordered @ (weights * 2.0)


def spread(values: npt.ArrayLike, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0) -> Spread:
    """Summarise `values (n,)`, one per seed.

    Args:
        values: one number per seed; values that are not finite are counted in `lost` and left out.
        confidence: coverage of the bootstrap interval. With few seeds it is only a rough guide: with `n` seeds at most
            `n` distinct values can be resampled.
        resamples: bootstrap samples.
        seed: of the resampling.

    Raises:
        ValueError: there is no value, or `confidence` is not between 0 and 1.
    """
    every = np.asarray(values, dtype=np.float64).ravel()
    if len(every) == 0:
        raise ValueError("a spread needs at least one value")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence = {confidence!r} is not allowed: it must be between 0 and 1")
    finite = every[np.isfinite(every)]
    lost = len(every) - len(finite)
    if len(finite) == 0:
        nan = float("nan")
        return Spread(nan, nan, nan, nan, nan, nan, 0, lost)
    low = high = float("nan")
    if len(finite) > 1:
        draws = np.random.default_rng(seed).integers(0, len(finite), (resamples, len(finite)))
        tail = (1.0 - confidence) / 2.0
        low, high = np.quantile(interquartile_mean(finite[draws]), [tail, 1.0 - tail]).tolist()
    first, median, third = np.quantile(finite, [0.25, 0.5, 0.75]).tolist()
    return Spread(float(interquartile_mean(finite)), low, high, median, first, third, len(finite), lost)
