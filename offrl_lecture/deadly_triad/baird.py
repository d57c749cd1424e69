"""Baird's counterexample (Baird 1995, as in Sutton & Barto 2018, figure 11.1), in exact expected sweeps.

Seven states, every reward 0, so every true value is 0, and a linear `V(s) = φ(s)·w` with 8 weights that can
represent it: `V(s) = 2w_s + w_8` for `s = 1…6` and `V(7) = w_7 + 2w_8`. The evaluated policy always goes to state 7,
while the data visit all states equally often: off-policy bootstrapping. One sweep is the expected semi-gradient step

    w ← w + lr · Σ_s d(s) (γ V(7) − V(s)) φ(s),      d = 1/7 for the data's distribution.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from offrl_lecture.deadly_triad.toy import Array, ToyError

STATES, WEIGHTS = 7, 8
START = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 10.0, 1.0)


def features() -> Array:
    """`(7, 8)`: `φ(s)`."""
    phi = np.zeros((STATES, WEIGHTS))
    phi[range(6), range(6)] = 2.0
    phi[:6, 7] = 1.0
    phi[6, 6], phi[6, 7] = 1.0, 2.0
    return phi


def visited(on_policy: float = 0.0) -> Array:
    """`(7,)`: `d(s)`, a mix: a share `on_policy` of state 7 (where the evaluated policy lives), the rest uniform."""
    if not 0 <= on_policy <= 1:
        raise ToyError(f"on_policy = {on_policy!r} is not allowed: it must be from 0 to 1")
    d = np.full(STATES, (1.0 - on_policy) / STATES)
    d[6] += on_policy
    return d


def step_matrix(gamma: float = 0.99, on_policy: float = 0.0) -> Array:
    """`(8, 8)`: `A = Φᵀ D (γP − I) Φ`; a sweep is `w ← (I + lr·A) w`."""
    phi = features()
    to_seven = np.zeros((STATES, STATES))
    to_seven[:, 6] = 1.0
    matrix: Array = phi.T @ (visited(on_policy)[:, None] * ((gamma * to_seven - np.eye(STATES)) @ phi))
    return matrix


def growth(learning_rate: float = 0.01, gamma: float = 0.99, on_policy: float = 0.0) -> float:
    """The largest factor by which a sweep stretches a direction of the weights in the long run (spectral radius)."""
    return float(np.abs(np.linalg.eigvals(np.eye(WEIGHTS) + learning_rate * step_matrix(gamma, on_policy))).max())


@lru_cache(maxsize=64)
def sweeps(count: int, learning_rate: float = 0.01, gamma: float = 0.99, on_policy: float = 0.0) -> Array:
    """`(count+1, 8)`: the weights after each sweep, from 1, 1, 1, 1, 1, 1, 10, 1."""
    if count < 0:
        raise ToyError(f"count = {count!r} is not allowed: it must be 0 or more")
    step = np.eye(WEIGHTS) + learning_rate * step_matrix(gamma, on_policy)
    weights = np.empty((count + 1, WEIGHTS))
    weights[0] = START
    for index in range(count):
        weights[index + 1] = step @ weights[index]
    weights.setflags(write=False)
    return weights


def values(weights: Array) -> Array:
    """`(…, 7)`: `V(s)` of weights `(…, 8)`."""
    return np.asarray(weights @ features().T)


def root_mean_square_value(weights: Array) -> Array:
    """`√(1/7 Σ_s V(s)²)`, which is the root mean square error, the truth being 0."""
    return np.asarray(np.sqrt((values(weights) ** 2).mean(axis=-1)))
