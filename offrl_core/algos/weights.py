"""Weights of cloning: functions of a reward, a return or an advantage that multiply `−log π_θ(a|s)`.

All of them run in float32 on purpose, as a training script would: `exp` is `inf` above 88.72 and 0 below −103.97, and
the forms that do not guard against it show it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from offrl_core.algos.base import Weighting
from offrl_core.algos.batch import Array, Batch

WEIGHT_EQUATIONS = {
    "identity": "x",
    "abs": "|x|",
    "relu": r"\max(x, 0)",
    "shifted": r"x - \min_X x",
    "softplus": r"\log\left(1 + e^x\right)",
    "exp": "e^x",
}
WEIGHT_FUNCTIONS = tuple(WEIGHT_EQUATIONS)


def weight_function(name: str, x: Array, lowest: Array | None = None) -> Array:
    """`f(x)`: the lecture's choices.

    `identity` `x`; `abs` `|x|`; `relu` `max(x, 0)`; `shifted` `x − min x` over the data; `softplus` `log(1 + e^x)`;
    `exp` `e^x`.

    Args:
        name: one of `WEIGHT_FUNCTIONS`.
        x: rewards or returns.
        lowest: the smallest `x` in the data, for `shifted`.

    Raises:
        ValueError: the name is unknown.
    """
    if name == "identity":
        return x
    if name == "abs":
        return np.abs(x)
    if name == "relu":
        return np.maximum(x, 0)
    if name == "shifted":
        return x - (x.min() if lowest is None else lowest)
    if name == "softplus":
        return np.logaddexp(np.float32(0), x)
    if name == "exp":
        return np.exp(x)
    raise ValueError(f"weight_function = {name!r} is not allowed: it must be one of {', '.join(WEIGHT_FUNCTIONS)}")


def capped(x: Array, cap: Array) -> tuple[Array, Array]:
    """`min(x, cap)` and where the cap was reached; a cap of 0 is none at all."""
    limit = np.where(cap > 0, cap, np.float32(np.inf))
    return np.minimum(x, limit), (x >= limit) & (cap > 0)  # without a cap an infinite weight is no capped one


def batch_softmax(batch: Batch, x: Array) -> Array:
    """`exp(x) / mean exp(x)` over the batch's rows, in log space: `(M, B)` with mean 1."""
    top = x.max(axis=1, keepdims=True)
    e = np.exp(x - top)
    result: Array = e / (e * batch.share).sum(axis=1, keepdims=True)
    return result


def signal(batch: Batch, hp: Any) -> tuple[Array, Array]:
    """The rewards or the returns-to-go of the rows, as `hp.signal` says, and the smallest in the data."""
    if hp.signal == "return":
        return batch.columns["return"], batch.columns["return_min"]
    return batch.reward, batch.columns["reward_min"]


def exponential(hp: Any, advantage: Array, log_weight: Array) -> Weighting:
    """`min(exp(log_weight), weight_max)` as a `Weighting`."""
    weight, clipped = capped(np.exp(log_weight), hp.weight_max)
    return Weighting(weight, advantage, clipped)
