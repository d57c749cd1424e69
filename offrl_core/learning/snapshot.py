"""A snapshot: what every member believes and would do, at one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.batch import Batch
from offrl_core.algos.losses import softmax
from offrl_core.learning.measure import loss_metrics, policy_metrics, q_metrics, weight_metrics
from offrl_core.learning.program import Program
from offrl_core.learning.view import View

Array = npt.NDArray[Any]

TABLES = ("q", "v", "policy", "behavior", "allowed", "weights", "advantages")


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """Beliefs and policies of all members; float32, None where the system has no such thing.

    Attributes:
        step: updates made.
        q: `(M, S, A)` learned Q.
        v: `(M, S)` learned V, or what Q says the policy is worth.
        policy: `(M, S, A)` `π_θ(a|s)`.
        behavior: `(M, S, A)` learned clone of the behaviour.
        allowed: `(M, S, A)` bool: the actions that the policy may choose.
        weights: `(M, S, A)` mean weight of each pair's rows, NaN where the data has none.
        advantages: `(M, S, A)` advantage, NaN where there is none.
        metrics: name → `(M,)`, what each is says `orl.metrics()`; NaN where a member has no such number.

    Losses, weights and the system's own numbers (a running norm, a dual temperature) are those of the update that comes
    next.

    For continuous data `S` counts the probe states, `dataset_probes(dataset)`.
    """

    step: int
    q: Array | None
    v: Array | None
    policy: Array
    behavior: Array | None
    allowed: Array | None
    weights: Array | None
    advantages: Array | None
    metrics: dict[str, Array]

    def __repr__(self) -> str:
        members, states, actions = self.policy.shape
        have = ", ".join(name for name in TABLES if getattr(self, name) is not None)
        shape = f"{members} members, {states} states, {actions} actions"
        return f"<Snapshot of step {self.step}: {shape}; {have}; {len(self.metrics)} metrics>"


def observe(program: Program) -> Snapshot:
    """The snapshot of one program's members."""
    system, hp, view = program.algorithm, program.hp, program.view
    with np.errstate(all="ignore"):
        found = loss_metrics(program.pending().losses)
        batch = view.batch()
        policy = system.policy(batch, hp)
        allowed = system.allowed(batch, hp)
        value = system.value(batch, hp)
        q = batch["q"] if "q" in program.parts.by_name else None
        if q is not None:
            found |= q_metrics(q, view)
        if value is not None:
            found["value_start"] = (value[:, view.starts] * view.start_shares).sum(axis=1)
        weights = None
        weighting = system.weighting(batch, hp)
        if weighting is not None:
            weight = _wide(weighting.weight, batch.members)
            found |= weight_metrics(weight, weighting.clipped, batch, view)
            weights = _by_pair(batch, view, weight)
        advantages = system.advantages(batch, hp)
        if advantages is None and weighting is not None:
            advantages = _by_pair(batch, view, _wide(weighting.advantage, batch.members))
        found |= policy_metrics(policy, view)
        found |= system.reports(batch, hp)
        behavior = softmax(batch["behavior"]) if "behavior" in program.parts.by_name else None
        return Snapshot(
            program.updates,
            _states_first(q),
            None if value is None else np.array(value, dtype=np.float32),
            _states_first(policy),  # type: ignore[arg-type]
            _states_first(behavior),
            None if allowed is None else np.ascontiguousarray(_wide(allowed, program.members).swapaxes(1, 2)),
            _states_first(weights),
            _states_first(advantages),
            dict(zip(found, np.array([x.reshape(-1) for x in found.values()], np.float32), strict=True)),
        )


def combine(parts: Sequence[tuple[Sequence[int], Snapshot]], members: int, step: int) -> Snapshot:
    """One snapshot from several programs' ones, each with its members' places."""
    if len(parts) == 1 and list(parts[0][0]) == list(range(members)):
        only = parts[0][1]
        return only if only.step == step else replace(only, step=step)
    arrays: dict[str, Array | None] = {}
    for name in TABLES:
        present = [(places, getattr(s, name)) for places, s in parts if getattr(s, name) is not None]
        if not present:
            arrays[name] = None
            continue
        kind = present[0][1]
        out = np.full((members, *kind.shape[1:]), name == "allowed" or np.nan, dtype=kind.dtype)
        for places, array in present:
            out[list(places)] = array
        arrays[name] = out
    names = list(dict.fromkeys(name for _, s in parts for name in s.metrics))
    found = {name: np.full(members, np.nan, np.float32) for name in names}
    for places, snapshot in parts:
        for name, x in snapshot.metrics.items():
            found[name][list(places)] = x
    return Snapshot(step, **arrays, metrics=found)  # type: ignore[arg-type]


def _states_first(x: Array | None) -> Array | None:
    """`(M, A, U) → (M, U, A)`, copied: the source is a buffer or parameters that will change."""
    return None if x is None else np.array(x.swapaxes(1, 2), dtype=np.float32, order="C")


def _wide(x: Array, members: int) -> Array:
    """`(1 or M, …) → (M, …)`."""
    return x if len(x) == members else np.broadcast_to(x, (members, *x.shape[1:]))


def _by_pair(batch: Batch, view: View, rows: Array) -> Array:
    """`(M, B) → (M, A, U)`: the mean over each pair's rows, NaN where there is none."""
    total = batch.put(rows * batch.share)
    total /= view.pair_share
    return total
