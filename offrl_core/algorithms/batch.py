"""A batch: rows of the data that point into states, and the network outputs at those states.

Two kinds share one interface. In a *minibatch* of a network each row has its own state column (`U = B`), so that moving
between rows and states costs nothing. A *full batch*, and every batch of a table, evaluates each distinct state once
(`U = S`), rows point into the states, and in a full batch equal rows are merged with their counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Index:
    """Where rows point into a flattened `(…, U)` array, with the way back (a scatter that adds).

    Args:
        flat: `(B,)` (shared by all members) or `(M, B)` positions.
        size: number of positions.
        unique: no position occurs twice (within a member).
        order: permutation that sorts a shared `flat`; given once for a batch that is used many times.
    """

    __slots__ = ("_order", "_starts", "_targets", "flat", "offset", "size", "unique")

    def __init__(self, flat: Array, size: int, *, unique: bool = False, static: bool = False) -> None:
        self.flat, self.size, self.unique = flat, size, unique
        self.offset: Array | None = None
        self._order: Array | None = None
        self._starts: Array | None = None
        self._targets: Array | None = None
        if static and flat.ndim == 1:
            # Sorted once, a scatter is a segmented sum: no random writes, and the members ride along.
            runs = np.flatnonzero(np.append(True, flat[1:] != flat[:-1])[: len(flat)])
            if len(runs) == len(np.unique(flat)):  # equal positions already stand together
                self._starts, self._targets = runs, flat[runs]
            else:
                self._order = np.argsort(flat, kind="stable")
                ordered = flat[self._order]
                self._starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
                self._targets = ordered[self._starts]

    def take(self, x: Array) -> Array:
        """`x (M, size)` at each row, `(M, B)`."""
        if self.flat.ndim == 1:
            return np.take(x, self.flat, axis=1)
        return np.take(x.reshape(-1), self._offsets(len(x)))

    def add(self, rows: Array, out: Array) -> Array:
        """Add `rows (M, B)` to `out (M, size)` at each row's position (`out` must be contiguous)."""
        if self._starts is not None:
            if len(self._starts):
                ordered = rows if self._order is None else np.take(rows, self._order, axis=1)
                out[:, self._targets] += np.add.reduceat(ordered, self._starts, axis=1)
            return out
        offsets = self._offsets(len(out))
        if self.unique:
            out.reshape(-1)[offsets] += rows
        else:
            sums = np.bincount(offsets.reshape(-1), weights=rows.reshape(-1), minlength=out.size)
            out += sums.reshape(out.shape).astype(out.dtype)
        return out

    def _offsets(self, members: int) -> Array:
        if self.offset is None or len(self.offset) != members:
            base = (np.arange(members) * self.size)[:, None]
            self.offset = self.flat + base
        return self.offset


class Batch:
    """Rows and outputs of one update.

    Attributes:
        members: `M`.
        actions: `A`.
        total: number of rows before equal ones were merged.
        share: each row's share of the mean: a number `1/B`, or `(B,)` summing to 1 where equal rows were merged.
        reward, continues: `(1 or M, B)`; `continues` is 0 where the row terminated and 1 elsewhere.
        action: `(1 or M, B)`; next_action likewise, −1 where there is none.
        columns: further row columns by name, `(1 or M, B)`.
        counts, counts_next: `(1 or M, A, U)`: `n(s,a)` in the data at the states evaluated.
        outputs: network outputs by name: `q` at `s`, `q_next` at `s′`, `target_q_next` …, `(M, A, U)`.
        memory: numbers that the algorithm carries from update to update, `(M, 1)`; it may assign new arrays.
        step: number of this update, from 0.
        curvature: whether the curvature of the losses is asked for.
    """

    __slots__ = (
        "_pair_share", "_state_share", "action", "actions", "at_index", "at_next_index", "columns", "continues",
        "counts", "counts_next", "curvature", "has_next", "members", "memory", "outputs", "reward", "rows", "seen",
        "share", "states", "step", "take_index", "take_next_index", "total",
    )  # fmt: skip

    def __init__(self, members: int, actions: int, states: int, rows: int) -> None:
        self.members, self.actions, self.states, self.rows = members, actions, states, rows
        self.total = rows
        self.share: Any = np.float32(1.0 / rows)
        self.reward: Array
        self.continues: Array
        self.action: Array
        self.has_next: Array
        self.columns: Mapping[str, Array] = {}
        self.counts: Array | None = None
        self.counts_next: Array | None = None
        self.seen: Array | None = None
        self.outputs: dict[str, Array] = {}
        self.memory: dict[str, Array] = {}
        self.step = 0
        self.curvature = False
        self.at_index: Index | None = None  # None: the row is the state
        self.at_next_index: Index | None = None
        self.take_index: Index
        self.take_next_index: Index | None = None
        self._pair_share: Array | None = None
        self._state_share: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        return self.outputs[name]

    # rows ← states

    def take(self, x: Array) -> Array:
        """`x(s, a)` of each row: `(M, A, U) → (M, B)`."""
        return self.take_index.take(x.reshape(len(x), -1))

    def at(self, v: Array) -> Array:
        """`v(s)` of each row: `(M, U) → (M, B)`."""
        return v if self.at_index is None else self.at_index.take(v)

    def at_next(self, v: Array) -> Array:
        """`v(s′)` of each row: `(M, U) → (M, B)`."""
        return v if self.at_next_index is None else self.at_next_index.take(v)

    def take_next(self, x: Array) -> Array:
        """`x(s′, a′)` of each row with the data's next action: `(M, A, U) → (M, B)`; meaningless where `has_next` is 0."""
        assert self.take_next_index is not None
        return self.take_next_index.take(x.reshape(len(x), -1))

    # states ← rows

    def put(self, rows: Array, out: Array | None = None) -> Array:
        """Sum of the rows of each pair: `(M, B) → (M, A, U)`, added to `out` where given."""
        return self._add(self.take_index, rows, out)

    def put_next(self, rows: Array, out: Array | None = None) -> Array:
        """Sum of the rows of each next pair `(s′, a′)`."""
        assert self.take_next_index is not None
        return self._add(self.take_next_index, rows, out)

    def sum(self, rows: Array) -> Array:
        """Sum of the rows of each state: `(M, B) → (M, U)`."""
        return (
            rows if self.at_index is None else self.at_index.add(rows, np.zeros((len(rows), self.states), rows.dtype))
        )

    def sum_next(self, rows: Array) -> Array:
        """Sum of the rows that arrive in each state: `(M, B) → (M, U)`."""
        if self.at_next_index is None:
            return rows
        return self.at_next_index.add(rows, np.zeros((len(rows), self.states), rows.dtype))

    def _add(self, index: Index, rows: Array, out: Array | None) -> Array:
        if out is None:
            out = np.zeros((len(rows), self.actions, self.states), rows.dtype)
        index.add(rows, out.reshape(len(rows), -1))
        return out

    # means

    def mean(self, rows: Array) -> Array:
        """Mean over the batch, every row with its multiplicity: `(M, B) → (M,)`; summed in float64."""
        return np.add.reduce(rows * self.share, axis=-1, dtype=np.float64)

    def shared(self, rows: Array) -> Array:
        """`rows` times each row's share, `(M, B)`: what a sum must hold to be a mean."""
        return rows * self.share

    @property
    def shares(self) -> Array:
        """`(1, B)` each row's share of the mean."""
        return np.broadcast_to(np.asarray(self.share, dtype=np.float32), (1, self.rows))

    @property
    def share_of_one(self) -> float:
        """The share of a single row of the data."""
        return 1.0 / self.total

    def know_shares(self, pair: Array, state: Array, following: Array) -> None:
        """Shares already computed for these very rows."""
        self._pair_share, self._state_share = pair, {"s": state, "next": following}

    def pair_share(self) -> Array:
        """`(1 or M, A, U)`: each pair's share of the batch's rows."""
        if self._pair_share is None:
            wide = 1 if self.take_index.flat.ndim == 1 else self.members
            self._pair_share = self.put(np.broadcast_to(self.shares, (wide, self.rows)))
        return self._pair_share

    def state_share(self, place: str = "s") -> Array:
        """`(1 or M, 1, U)`: each state's share of the batch's rows, as `s` or as `next`."""
        if place not in self._state_share:
            index = self.at_index if place == "s" else self.at_next_index
            wide = 1 if index is None or index.flat.ndim == 1 else self.members
            shares = np.ascontiguousarray(np.broadcast_to(self.shares, (wide, self.rows)))
            self._state_share[place] = (self.sum(shares) if place == "s" else self.sum_next(shares))[:, None, :]
        return self._state_share[place]
