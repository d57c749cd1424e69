"""Takes a snapshot of a program: its tables, and the numbers that the metric catalogue declares."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Loss
from offrl_core.algos.batch import Batch
from offrl_core.algos.losses import softmax
from offrl_core.learning.approximators import PairLinear
from offrl_core.learning.metric_catalogue import measured
from offrl_core.learning.program import Program
from offrl_core.learning.shown_states import ShownStates
from offrl_core.learning.snapshot import NO_READ, Snapshot

Array = npt.NDArray[Any]


def observe(program: Program, *, reads: bool = False) -> Snapshot:
    """The snapshot of one program's members; `reads`: see `Learner.snapshot`."""
    system, hp, shown = program.algorithm, program.hp, program.shown
    with np.errstate(all="ignore"):
        found = loss_metrics(program.pending().losses)
        batch = program.shown_batch()
        policy = system.policy(batch, hp)
        allowed = system.allowed(batch, hp)
        value = system.value(batch, hp)
        q = batch["q"] if "q" in program.networks.by_name else None
        if q is not None:
            found |= q_metrics(q, shown)
        if value is not None:
            found["value_start"] = (value[:, shown.starts] * shown.start_shares).sum(axis=1)
        weights = None
        weighting = system.weighting(batch, hp)
        if weighting is not None:
            weight = _wide(weighting.weight, batch.members)
            found |= weight_metrics(weight, weighting.clipped, batch, shown)
            weights = _by_pair(batch, shown, weight)
        advantages = system.advantages(batch, hp)
        if advantages is None and weighting is not None and weighting.advantage is not None:
            advantages = _by_pair(batch, shown, _wide(weighting.advantage, batch.members))
        found |= policy_metrics(policy, shown)
        found |= system.reports(batch, hp)
        behavior = softmax(batch["behavior"]) if "behavior" in program.networks.by_name else None
        wanted = program.dataset.tabular and (reads or program.networks.table)
        read, read_share = _reads(program, batch) if wanted else (None, None)
        snapshot = Snapshot(
            program.updates,
            _states_first(q),
            None if value is None else np.array(value, dtype=np.float32),
            _states_first(policy),  # type: ignore[arg-type]
            _states_first(behavior),
            None if allowed is None else np.ascontiguousarray(_wide(allowed, program.members).swapaxes(1, 2)),
            _states_first(weights),
            _states_first(advantages),
            _theta(program),
            read,
            read_share,
            dict(zip(found, np.array([x.reshape(-1) for x in found.values()], np.float32), strict=True)),
        )
        snapshot.metrics.update(measured(snapshot, program.dataset))
        return snapshot


def _reads(program: Program, batch: Batch) -> tuple[Array | None, Array | None]:
    """`(M, S)` which action's value a target reads in each state, and its share of an expectation."""
    few = program.dataset.n_actions <= NO_READ
    found = program.algorithm.reads(batch, program.hp) if few else None
    if found is None:
        return None, None
    share = None if found.share is None else found.share.astype(np.float16)
    return found.action.astype(np.uint8), share  # −1, nothing, comes to NO_READ in eight bits


def _theta(program: Program) -> Array | None:
    """`(M, P)` parameters of a Q that is linear in features of pairs."""
    network = program.networks.by_name.get("q")
    if network is None or not isinstance(network.function, PairLinear):
        return None
    return program.arrays()["parameters"][:, network.place].copy()


def loss_metrics(losses: dict[str, Loss]) -> dict[str, Array]:
    """`loss_…` of each loss and the mean absolute TD error; `(M,)`."""
    found: dict[str, Array] = {}
    for name, loss in losses.items():
        found[f"loss_{name}"] = loss.value
        if loss.error is not None:
            found.setdefault("td_error", loss.error)
    return found


def weight_metrics(weight: Array, clipped: Array | None, batch: Batch, shown: ShownStates) -> dict[str, Array]:
    """Spread and concentration of the rows' weights `(M, B)`, summed in float64."""
    shares = batch.shares
    size = weight if (weight >= 0).all() else np.abs(weight)
    total = np.add.reduce(weight * shares, axis=1, dtype=np.float64)
    # The square of a weight leaves float32 long before the weight does.
    squares = np.add.reduce(np.square(weight, dtype=np.float64) * shares, axis=1)
    counted = total if size is weight else np.add.reduce(size * shares, axis=1, dtype=np.float64)
    median, high = np.transpose([quantiles(row.take(shown.of_row), (0.5, 0.9)) for row in weight])
    found = {
        "weight_median": median,
        "weight_p90": high,
        "weight_max": weight.max(axis=1),
        "effective_sample_size": np.square(total) / squares,
        "weight_max_share": size.max(axis=1) / (counted * batch.total),
    }
    if clipped is not None:
        found["clipped"] = np.add.reduce(clipped * shares, axis=1)
    return found


def quantiles(values: Array, levels: tuple[float, ...]) -> list[float]:
    """Quantiles of `values (N,)`, which are sorted in place: the value at the place `level · (N − 1)` of the order,
    between two of them in proportion; `level` .5 is the median. NaN where any value is."""
    values.sort()  # faster than a partition, since numpy sorts by vector instructions
    found = []
    for level in levels:
        place = level * (len(values) - 1)
        low, high = float(values[int(place)]), float(values[int(np.ceil(place))])
        # Infinities are equal to themselves: between two of them the difference would be NaN.
        found.append(low if low == high else low + (place - int(place)) * (high - low))
    return found if values[-1] == values[-1] else [np.nan] * len(levels)


def q_metrics(q: Array, shown: ShownStates) -> dict[str, Array]:
    """`Q (M, A, U)` in visited states: mean on the data's pairs and on missing ones, and the extremes."""
    flat = q.reshape(len(q), -1)
    seen, missing = flat.take(shown.seen, axis=1), flat.take(shown.missing, axis=1)
    found = {"q_data": np.add.reduce(seen, axis=1, dtype=np.float64) / seen.shape[1]}
    if missing.size:
        found["q_missing"] = np.add.reduce(missing, axis=1, dtype=np.float64) / missing.shape[1]
    # Where the data visits every state, all values count.
    every = flat if seen.size + missing.size == flat.size else np.concatenate([seen, missing], axis=1)
    found["q_max"], found["q_min"] = np.maximum.reduce(every, axis=1), np.minimum.reduce(every, axis=1)
    return found


def policy_metrics(policy: Array, shown: ShownStates) -> dict[str, Array]:
    """Entropy and mass on unseen actions, averaged over the states as often as the data visits them."""
    # Sums, not matrix products: those may round differently with the number of members.
    logs = np.log(np.maximum(policy, np.float32(1e-38)))
    logs *= policy
    entropy = 0 - np.add.reduce(np.add.reduce(logs, axis=1) * shown.share, axis=1)  # a minus sign would make −0 of 0
    unseen = np.add.reduce(np.add.reduce(np.where(shown.unseen, policy, np.float32(0)), axis=1) * shown.share, axis=1)
    return {"entropy": entropy, "mass_unseen": unseen}


def _states_first(x: Array | None) -> Array | None:
    """`(M, A, U) → (M, U, A)`, copied: the source is a buffer or parameters that will change."""
    return None if x is None else np.array(x.swapaxes(1, 2), dtype=np.float32, order="C")


def _wide(x: Array, members: int) -> Array:
    """`(1 or M, …) → (M, …)`."""
    return x if len(x) == members else np.broadcast_to(x, (members, *x.shape[1:]))


def _by_pair(batch: Batch, shown: ShownStates, rows: Array) -> Array:
    """`(M, B) → (M, A, U)`: the mean over each pair's rows, NaN where there is none."""
    total = batch.put(rows * batch.share)
    total /= shown.pair_share
    return total
