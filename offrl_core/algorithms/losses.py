"""Losses as pure functions of a batch, each with its gradient at the network outputs beside it.

Every loss is a mean over the batch's rows. Shapes as in `base`: outputs `(M, A, U)`, rows `(M, B)`.
"""

from __future__ import annotations

import numpy as np

from offrl_core.algorithms.base import Loss
from offrl_core.algorithms.batch import Array, Batch


def log_sum_exp(x: Array) -> Array:
    """`log Σ_a exp x(a)` over the actions: `(M, A, U) → (M, U)`."""
    top = x.max(axis=1)
    # Where every entry is −∞ the sum is 0: its logarithm is −∞, not the difference of two infinities.
    shift = np.where(np.isfinite(top), top, 0)
    return shift + np.log(np.exp(x - shift[:, None, :]).sum(axis=1))


def softmax(x: Array) -> Array:
    """`exp x(a) / Σ_b exp x(b)` over the actions: `(M, A, U) → (M, A, U)`."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


def log_softmax(x: Array) -> Array:
    """`x(a) − log Σ_b exp x(b)` over the actions."""
    shifted = x - x.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def weighted_cross_entropy(batch: Batch, output: str, weight: Array | None = None) -> Loss:
    """`−E[w · log π(a|s)]` with `π = softmax(outputs)`.

    Gradient at the logits: `E[w · (π(·|s) − 1[· = a])]`. For a table, a state's step is divided by
    `max(1, mean |w|)` there, so that large weights do not become large steps.

    Args:
        batch: the rows.
        output: the logits' name.
        weight: `(M, B)`, or None for 1.
    """
    log_pi = log_softmax(batch[output])
    taken = batch.take(log_pi)
    if weight is None:
        rows = np.broadcast_to(batch.shares, taken.shape)
        total = batch.state_share()
        value = -batch.mean(taken)
    else:
        rows = batch.shared(weight)
        total = batch.sum(rows)[:, None, :]
        value = -batch.mean(weight * taken)
    gradient = np.exp(log_pi)
    gradient *= total
    batch.put(-rows, gradient)
    loss = Loss(value, {output: gradient})
    if batch.curvature:
        share = batch.state_share()
        loss.curvature[output] = share if weight is None else np.maximum(share, batch.sum(np.abs(rows))[:, None, :])
    return loss


def squared_error(batch: Batch, output: str, target: Array) -> Loss:
    """`½ E[(Q(s,a) − y)²]`, gradient `Q(s,a) − y` at `(s,a)`; the target is a constant.

    Args:
        batch: the rows.
        output: the name of `Q (M, A, U)`.
        target: `y (M, B)`.
    """
    delta = batch.take(batch[output]) - target
    # The square leaves float32 long before the value does; the loss is a report, the gradient is what trains.
    loss = Loss(
        0.5 * batch.mean(np.square(delta, dtype=np.float64)),
        {output: batch.put(batch.shared(delta))},
        error=batch.mean(np.abs(delta)),
    )
    if batch.curvature:
        loss.curvature[output] = batch.pair_share()
    return loss
