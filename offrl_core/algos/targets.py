"""Targets of Q-learning, `y = r + γ max Q`: which network gives the values, and which actions count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from offrl_core.algos.base import Head
from offrl_core.algos.batch import Array, Batch
from offrl_core.algos.losses import within
from offrl_core.declarations import Value


def q_heads(choices: Mapping[str, Value], *, penalty_at_next: bool = False) -> tuple[Head, ...]:
    """The Q networks: one, or two when `double` is clipped; the target's values come from a copy or from themselves."""
    none = choices["target_update"] == "none"
    copy = target_reads(choices, "next")
    online_next = none or choices["double"] != "none" or penalty_at_next
    first = Head("q", reads=("s", "next") if online_next else ("s",), copied=True, target_reads=copy, starts=True)
    if choices["double"] != "clipped":
        return (first,)
    reads = ("s", "next") if none or penalty_at_next else ("s",)
    return (first, Head("q2", reads=reads, copied=True, target_reads=copy, starts=True))


def target_reads(choices: Mapping[str, Value], *places: str) -> tuple[str, ...]:
    """Where a target copy is read: nowhere while `target_update` is none."""
    return () if choices["target_update"] == "none" else places


def target_prefix(hp: Any) -> str:
    """What the name of an output that enters a target begins with: `target_`, or nothing without a target network."""
    return "" if hp.target_update == "none" else "target_"


def masked_max(q: Array, allowed: Array | None) -> Array:
    """`max_{a ∈ Ā} q(a)`: `(M, A, U) → (M, U)`; where nothing is allowed, 0."""
    if allowed is None:
        result: Array = q.max(axis=1)
        return result
    best = np.where(allowed, q, -np.inf).max(axis=1)
    return np.where(allowed.any(axis=1), best, np.float32(0))


def best_next(batch: Batch, hp: Any, allowed: Array | None) -> Array:
    """`max_{a' ∈ Ā(s')} Q(s', a')` of each row, `(M, B)`, by the chosen `target_update` and `double`.

    `double`: the online network picks `a*`, the target network values it. `clipped`: so do both target networks, and
    the smaller value counts.
    """
    prefix = target_prefix(hp)
    q = batch[f"{prefix}q_next"]
    if hp.double == "none":
        return batch.at_next(masked_max(q, allowed))
    star = chosen_next(batch, hp, allowed)[:, None]
    value = np.take_along_axis(q, star, axis=1)[:, 0]
    if hp.double == "clipped":
        value = np.minimum(value, np.take_along_axis(batch[f"{prefix}q2_next"], star, axis=1)[:, 0])
    if allowed is not None:
        value = np.where(allowed.any(axis=1), value, np.float32(0))
    return batch.at_next(value)


def chosen_next(batch: Batch, hp: Any, allowed: Array | None) -> Array:
    """`a* = argmax_{a' ∈ Ā(s')} Q(s', a')`, `(M, U)`, by the network that `best_next` lets pick; −1 where nothing is
    allowed."""
    q = batch["q_next" if hp.double != "none" else f"{target_prefix(hp)}q_next"]
    if allowed is None:
        result: Array = q.argmax(axis=1)
        return result
    return np.where(allowed.any(axis=1), np.where(allowed, q, -np.inf).argmax(axis=1), -1)


def td_target(batch: Batch, hp: Any, next_value: Array) -> Array:
    """`y = r + γ · (1 − terminated) · V(s')`, `(M, B)`; meaningless where a row has no target (`batch.has_target`)."""
    # where, not a product: a terminated row must not pick up an infinity from a state that does not count.
    return batch.reward + np.where(batch.continues, hp.gamma * next_value, np.float32(0))


def greedy(q: Array, allowed: Array | None) -> Array:
    """The greedy policy over the allowed actions, `(M, A, U)`: ties shared equally, over all actions where none is
    allowed."""
    masked = within(q, allowed)
    best = (masked == masked.max(axis=1, keepdims=True)).astype(np.float32)
    result: Array = best / best.sum(axis=1, keepdims=True)
    return result
