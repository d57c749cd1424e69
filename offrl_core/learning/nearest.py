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

MOST_ROWS = 200_000
MOST_NUMBERS = 5_000_000
"""Of larger data a sample of rows is searched, drawn without replacement: about a second of work at most."""


def nearest_counts(vectors: Array, actions: Array, n_actions: int, probes: Array) -> Array:
    """`(U, A)` int64: how often each action was taken near each of the rows `probes`.

    The observations nearest to a probe's own are gathered until they hold `k = 4A` rows, all rows of each: where every
    observation occurs `k` times or more, these are the table's `n(s, a)`.

    Args:
        vectors: `(N, D)`, standardised, for the distance is Euclidean.
        actions: `(N,)`.
        n_actions: `A`.
        probes: `(U,)` row numbers.
    """
    from scipy.spatial import cKDTree

    vectors, probed, actions = _searched(vectors, actions, probes)
    distinct, numbers = np.unique(vectors, axis=0, return_inverse=True)
    numbers = numbers.reshape(-1)  # numpy 2.0 gives it another shape
    shown = np.bincount(numbers * n_actions + actions, minlength=len(distinct) * n_actions)
    shown = shown.reshape(-1, n_actions)
    k = PER_ACTION * n_actions
    near = cKDTree(distinct).query(distinct[numbers[:probed]], k=np.arange(1, min(k, len(distinct)) + 1))[1]
    found = shown[near]  # (U, ≤ k, A), nearest first
    before = np.cumsum(found.sum(axis=2), axis=1) - found.sum(axis=2)
    return np.asarray(np.where(before[:, :, None] < k, found, 0).sum(axis=1))


def _searched(vectors: Array, actions: Array, probes: Array) -> tuple[Array, int, Array]:
    """The rows that are searched, the probes first, and how many of them are probes."""
    most = max(min(MOST_ROWS, MOST_NUMBERS // vectors.shape[1]), len(probes))
    others = np.setdiff1d(np.arange(len(vectors)), probes)
    if len(vectors) > most:
        others = np.random.default_rng(0).permutation(others)[: most - len(probes)]
    rows = np.concatenate([probes, others])
    return vectors[rows], len(probes), actions[rows]
