"""Advantages over a policy's own actions, of every action at once, and without cancellation.

Both are sums over the gaps between neighbouring values, or over the gaps to the largest one, never the difference of
two numbers of the size of `Q`: equal values have the advantage 0 exactly, and the best action's is above 0 however
little the policy leaves to the others.
"""

from __future__ import annotations

import numpy as np

from offrl_core.algos.batch import Array

SMALLEST_LOG = -700.0
"""No probability is taken for smaller than `e^−700`, which a double still tells from 0."""


def over_average(policy: Array, q: Array) -> Array:
    """`A(s,a) = Q(s,a) − E_{b~π} Q(s,b)`, as `g(s,a) − Σ_b π(b|s) g(s,b)` with `g = Q − max_b Q(s,b)`.

    Args:
        policy: `π(a|s) (M, A, U)`.
        q: `Q(s,a) (M, A, U)`.
    """
    gap = q - q.max(axis=1, keepdims=True)
    result: Array = gap - (policy * gap).sum(axis=1, keepdims=True)
    return result


def over_best_draw(policy: Array, q: Array, draws: Array) -> Array:
    """`A(s,a) = Q(s,a) − E max_{j≤m} Q(s,b_j)` over `m` independent draws `b_j ~ π(·|s)`, exactly; float64.

    In the order of the values, with `Δ_k = q_(k+1) − q_(k)` and `F_k` the probability that one draw is among the `k`
    smallest, the best of `m` is among them with probability `F_k^m`, and the `j`-th value's advantage is

    `A_(j) = Σ_{k<j} F_k^m Δ_k − Σ_{k≥j} (1 − F_k^m) Δ_k`:

    what it is expected to beat the best draw by, less what it is expected to lose by. Powers are taken as logarithms,
    so that neither `F^m` near 0 nor `1 − F^m` near 0 is lost.

    Args:
        policy: `π(a|s) (M, A, U)`.
        q: `Q(s,a) (M, A, U)`.
        draws: `m (M, 1)`.
    """
    order = np.argsort(q, axis=1)
    gaps = np.diff(np.take_along_axis(q, order, axis=1).astype(np.float64), axis=1)
    ordered = np.take_along_axis(policy, order, axis=1).astype(np.float64)
    ordered /= ordered.sum(axis=1, keepdims=True)
    below = np.cumsum(ordered, axis=1)[:, :-1]
    above = np.cumsum(ordered[:, ::-1], axis=1)[:, -2::-1]
    with np.errstate(divide="ignore"):
        log_below = np.where(below < above, np.log(below), np.log1p(-np.minimum(above, 0.5)))
    log_reached = np.maximum(draws[:, :, None] * log_below, SMALLEST_LOG)
    nothing = np.zeros_like(ordered[:, :1])
    gain = np.cumsum(np.concatenate([nothing, np.exp(log_reached) * gaps], axis=1), axis=1)
    missed = -np.expm1(log_reached) * gaps
    loss = np.cumsum(np.concatenate([nothing, missed[:, ::-1]], axis=1), axis=1)[:, ::-1]
    result = np.empty_like(gain)
    np.put_along_axis(result, order, gain - loss, axis=1)
    return result
