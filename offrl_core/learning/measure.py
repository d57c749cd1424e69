"""Computes the metrics of a snapshot; `metrics` says what each one is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algorithms.base import Loss, Weighting
from offrl_core.algorithms.batch import Batch

Array = npt.NDArray[Any]

QUANTILE_ROWS = 1024


def loss_metrics(losses: dict[str, Loss]) -> dict[str, Array]:
    """`loss_…` of each loss and the mean absolute TD error; `(M,)`."""
    found: dict[str, Array] = {}
    for name, loss in losses.items():
        found[f"loss_{name}"] = loss.value
        if loss.error is not None:
            found.setdefault("td_error", loss.error)
    return found


def weight_metrics(weighting: Weighting, batch: Batch, sample: Array) -> dict[str, Array]:
    """Spread and concentration of the rows' weights; `sample` are rows that stand for the data in the quantiles."""
    w = np.asarray(weighting.weight, dtype=np.float64)
    shares = batch.shares.astype(np.float64)
    total, squares = (w * shares).sum(axis=1), (np.square(w) * shares).sum(axis=1)
    size = np.abs(w)
    counted = (size * shares).sum(axis=1) / batch.share_of_one
    some = np.sort(w[:, sample], axis=1)
    found = {
        "weight_median": some[:, len(sample) // 2],
        "weight_p90": some[:, (len(sample) * 9) // 10],
        "weight_max": w.max(axis=1),
        "effective_sample_size": np.square(total) / squares,
        "weight_max_share": size.max(axis=1) / counted,
    }
    if weighting.clipped is not None:
        found["clipped"] = (weighting.clipped * shares).sum(axis=1)
    return found


def q_metrics(q: Array, counts: Array) -> dict[str, Array]:
    """`Q (M, A, U)` in visited states: mean on the data's pairs and on missing ones, extremes; `counts (1, A, U)`."""
    seen = (counts > 0)[0]
    visited = seen.any(axis=0)
    missing = ~seen & visited
    extremes = {"q_max": q[:, :, visited].max(axis=(1, 2)), "q_min": q[:, :, visited].min(axis=(1, 2))}
    found = {"q_data": _mean(q, seen), **extremes}
    if missing.any():
        found["q_missing"] = _mean(q, missing)
    return found


def policy_metrics(policy: Array, counts: Array) -> dict[str, Array]:
    """Entropy and mass on unseen actions, averaged over the states as often as the data visits them."""
    visits = counts.sum(axis=1)[0]
    share = visits / max(visits.sum(), 1)
    logs = np.log(np.where(policy > 0, policy, 1))
    # Sums, not matrix products: those may round differently with the number of members.
    entropy = ((policy * -logs).sum(axis=1) * share).sum(axis=1)
    unseen = (np.where(counts > 0, 0, policy).sum(axis=1) * share).sum(axis=1)
    return {"entropy": entropy, "mass_unseen": unseen}


def _mean(x: Array, where: Array) -> Array:
    flat = x.reshape(len(x), -1)
    mask = where.reshape(-1)
    return np.asarray(flat[:, mask].mean(axis=1, dtype=np.float64))
