"""A snapshot: what every member believes and would do, at one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TABLES = ("q", "v", "policy", "behavior", "allowed", "weights", "advantages", "theta", "reads", "reads_share")
NO_READ = 255
"""In `Snapshot.reads`: a target that arrives in this state reads no action's value."""


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
        theta: `(M, P)` parameters of a Q that is linear in features of pairs, `Q(s,a) = θ·φ(s,a)`.
        reads: `(M, S)` uint8: the `a'` of the `Q(s', a')` that a target reads when its next state is `s'`, of an
            expectation the likeliest one; `NO_READ` where it reads none. Tabular data only; where
            values are not a table, only when asked for.
        reads_share: `(M, S)` float16: the probability of that action in the expectation; NaN for members whose target
            is a maximum, which reads that action alone.
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
    theta: Array | None
    reads: Array | None
    reads_share: Array | None
    metrics: dict[str, Array]

    @property
    def tables(self) -> dict[str, Array]:
        """The tables that there are, name → `(M, S, A)`, `(M, S)` or `(M, P)`."""
        return {name: getattr(self, name) for name in TABLES if getattr(self, name) is not None}

    def __repr__(self) -> str:
        members, states, actions = self.policy.shape
        have = ", ".join(self.tables)
        shape = f"{members} members, {states} states, {actions} actions"
        return f"<Snapshot of step {self.step}: {shape}; {have}; {len(self.metrics)} metrics>"


def merge_members(parts: Sequence[tuple[Sequence[int], Snapshot]], step: int) -> Snapshot:
    """One snapshot of all members from several snapshots: of a learner's programs, or of several learners.

    Args:
        parts: each snapshot with the places of its members; together they are `0 … M−1`.
        step: updates made, of the result.

    Returns:
        All tables and metrics that any part has; NaN (a mask: true, `reads`: `NO_READ`) for members whose part has
        none.
    """
    members = sum(len(places) for places, _ in parts)
    if len(parts) == 1 and list(parts[0][0]) == list(range(members)):
        only = parts[0][1]
        return only if only.step == step else replace(only, step=step)
    tables = {
        name: _placed(members, [(places, s.tables.get(name)) for places, s in parts])
        for name in TABLES
        if any(name in s.tables for _, s in parts)
    }
    names = dict.fromkeys(name for _, s in parts for name in s.metrics)
    found = {name: _placed(members, [(places, s.metrics.get(name)) for places, s in parts]) for name in names}
    return Snapshot(step, **{name: tables.get(name) for name in TABLES}, metrics=found)  # type: ignore[arg-type]


def _placed(members: int, parts: Sequence[tuple[Sequence[int], Array | None]]) -> Array:
    """Each part's rows in their places of one array; NaN, in a mask true, in `reads` nothing, where a part has none."""
    like = next(array for _, array in parts if array is not None)
    out = np.full((members, *like.shape[1:]), {"b": True, "u": NO_READ}.get(like.dtype.kind, np.nan), like.dtype)
    for places, array in parts:
        if array is not None:
            out[list(places)] = array
    return out
