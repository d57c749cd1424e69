"""Computes the metrics of a snapshot; `metrics` says what each one is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Loss
from offrl_core.algos.batch import Batch
from offrl_core.learning.view import View

Array = npt.NDArray[Any]


def loss_metrics(losses: dict[str, Loss]) -> dict[str, Array]:
    """`loss_…` of each loss and the mean absolute TD error; `(M,)`."""
    found: dict[str, Array] = {}
    for name, loss in losses.items():
        found[f"loss_{name}"] = loss.value
        if loss.error is not None:
            found.setdefault("td_error", loss.error)
    return found


def weight_metrics(weight: Array, clipped: Array | None, batch: Batch, view: View) -> dict[str, Array]:
    """Spread and concentration of the rows' weights `(M, B)`, summed in float64."""
    shares = batch.shares
    size = weight if (weight >= 0).all() else np.abs(weight)
    total = np.add.reduce(weight * shares, axis=1, dtype=np.float64)
    # The square of a weight leaves float32 long before the weight does.
    squares = np.add.reduce(np.square(weight, dtype=np.float64) * shares, axis=1)
    counted = total if size is weight else np.add.reduce(size * shares, axis=1, dtype=np.float64)
    some = weight.take(view.sample, axis=1)
    some.sort(axis=1)
    found = {
        "weight_median": some[:, some.shape[1] // 2],
        "weight_p90": some[:, (some.shape[1] * 9) // 10],
        "weight_max": weight.max(axis=1),
        "effective_sample_size": np.square(total) / squares,
        "weight_max_share": size.max(axis=1) / (counted * batch.total),
    }
    if clipped is not None:
        found["clipped"] = np.add.reduce(clipped * shares, axis=1)
    return found


def q_metrics(q: Array, view: View) -> dict[str, Array]:
    """`Q (M, A, U)` in visited states: mean on the data's pairs and on missing ones, and the extremes."""
    flat = q.reshape(len(q), -1)
    seen, missing = flat.take(view.seen, axis=1), flat.take(view.missing, axis=1)
    found = {"q_data": np.add.reduce(seen, axis=1, dtype=np.float64) / seen.shape[1]}
    if missing.size:
        found["q_missing"] = np.add.reduce(missing, axis=1, dtype=np.float64) / missing.shape[1]
    # Where the data visits every state, all values count.
    every = flat if seen.size + missing.size == flat.size else np.concatenate([seen, missing], axis=1)
    found["q_max"], found["q_min"] = np.maximum.reduce(every, axis=1), np.minimum.reduce(every, axis=1)
    return found


def policy_metrics(policy: Array, view: View) -> dict[str, Array]:
    """Entropy and mass on unseen actions, averaged over the states as often as the data visits them."""
    # Sums, not matrix products: those may round differently with the number of members.
    logs = np.log(np.maximum(policy, np.float32(1e-38)))
    logs *= policy
    entropy = 0 - np.add.reduce(np.add.reduce(logs, axis=1) * view.share, axis=1)  # a minus sign would make −0 of 0
    unseen = np.add.reduce(np.add.reduce(np.where(view.unseen, policy, np.float32(0)), axis=1) * view.share, axis=1)
    return {"entropy": entropy, "mass_unseen": unseen}
