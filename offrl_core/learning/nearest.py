"""Which actions the data shows near an observation: what counting pairs is where vectors hardly ever occur twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PER_ACTION = 4
"""`k` rows are looked at for each action that there is, `k = 4A`.

Where the behaviour is the same in all of them, an action of probability `p` is in none with `(1−p)^k`, so that a policy
that repeats the behaviour has `Σ_a p_a (1−p_a)^k ≤ A k^k/(k+1)^(k+1) < 1/(4e) = .092` on actions that they do not show.
"""

MOST_ROWS = 50_000
MOST_NUMBERS = 1_000_000
"""Of larger data a sample of rows is searched, drawn without replacement: a second of work or so, once."""
AT_ONCE = 32
"""Probes whose distances to all observations are held together."""


def nearest_counts(vectors: Array, actions: Array, n_actions: int, probes: Array) -> Array:
    """`(U, A)` intp: how often each action was taken near each of the rows `probes`.

    The observations nearest to a probe's own are gathered until they hold `k = 4A` rows, all rows of each: where every
    observation occurs `k` times or more, these are the table's `n(s, a)`.

    Args:
        vectors: `(N, D)`, standardised, for the distance is Euclidean.
        actions: `(N,)`.
        n_actions: `A`.
        probes: `(U,)` row numbers.
    """
    vectors, probed, actions = _searched(vectors, actions, probes)
    # The bytes of a row are its key, in which −0.0 is not 0.0.
    keys = np.ascontiguousarray(vectors + np.float32(0)).view(np.dtype((np.void, vectors.shape[1] * 4)))[:, 0]
    _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
    distinct = vectors[first]
    shown = np.bincount(numbers * n_actions + actions, minlength=len(distinct) * n_actions).reshape(-1, n_actions)
    k = PER_ACTION * n_actions
    nearest = min(k, len(distinct))
    counts = np.empty((probed, n_actions), np.intp)
    for start in range(0, probed, AT_ONCE):
        away = _squared_distances(vectors[start : min(start + AT_ONCE, probed)], distinct)
        near = np.argpartition(away, nearest - 1, axis=1)[:, :nearest]
        order = np.argsort(np.take_along_axis(away, near, axis=1), axis=1, kind="stable")
        found = shown[np.take_along_axis(near, order, axis=1)]  # (≤ AT_ONCE, ≤ k, A), nearest first
        rows = found.sum(axis=2)
        before = np.cumsum(rows, axis=1) - rows
        counts[start : start + len(found)] = np.where(before[:, :, None] < k, found, 0).sum(axis=1)
    return counts


def _squared_distances(probes: Array, vectors: Array) -> Array:
    """`(P, V)` float64 of float32 `probes (P, D)` and `vectors (V, D)`.

    All are compared with all: a tree is slower from some ten dimensions on.
    """
    total, apart = np.zeros((2, len(probes), len(vectors)))
    for mine, theirs in zip(probes.T.astype(np.float64), vectors.T, strict=True):
        np.subtract(mine[:, None], theirs.astype(np.float64), out=apart)
        np.multiply(apart, apart, out=apart)
        total += apart
    return total


def _searched(vectors: Array, actions: Array, probes: Array) -> tuple[Array, int, Array]:
    """The rows that are searched, the probes first, and how many of them are probes."""
    most = max(min(MOST_ROWS, MOST_NUMBERS // vectors.shape[1]), len(probes))
    others = np.setdiff1d(np.arange(len(vectors)), probes)
    if len(vectors) > most:
        others = np.random.default_rng(0).permutation(others)[: most - len(probes)]
    rows = np.concatenate([probes, others])
    return vectors[rows], len(probes), actions[rows]
