"""A batch: rows of the data that point into states, and the network outputs at those states.

Two kinds share one interface. In a *minibatch* of a network each row has its own state column (`U = B`), so that moving
between rows and states costs nothing. A *full batch*, and every batch of a table, evaluates each distinct state once
(`U = S`), rows point into the states, and in a full batch equal rows are merged with their counts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from offrl_core.names import unknown

Array = npt.NDArray[Any]
Found = TypeVar("Found")


class Index:
    """Where rows point into a flattened `(…, U)` array, with the way back (a scatter that adds).

    Args:
        flat: `(B,)` (shared by all members) or `(M, B)` positions.
        size: number of positions.
        unique: no position occurs twice (within a member).
        static: used for many updates: sorted once, a scatter is then a segmented sum.
        offset: `(M, B)` positions in the flattened array of all members, where already known.
    """

    __slots__ = ("_order", "_starts", "_targets", "flat", "offset", "size", "unique")

    def __init__(
        self, flat: Array, size: int, *, unique: bool = False, static: bool = False, offset: Array | None = None
    ) -> None:
        self.flat, self.size, self.unique, self.offset = flat, size, unique, offset
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
            return x.take(self.flat, axis=1)
        return x.reshape(-1).take(self._offsets(len(x)))

    def add(self, rows: Array, out: Array) -> Array:
        """Add `rows (1 or M, B)` to `out (M, size)` at each row's position (`out` must be contiguous)."""
        if self._starts is not None:
            if len(self._starts):
                ordered = rows if self._order is None else rows.take(self._order, axis=1)
                out[:, self._targets] += np.add.reduceat(ordered, self._starts, axis=1)
            return out
        offsets = self._offsets(len(out))
        if self.unique:
            out.reshape(-1)[offsets] += rows
        else:
            wide = np.broadcast_to(rows, offsets.shape)
            sums = np.bincount(offsets.reshape(-1), weights=wide.reshape(-1), minlength=out.size)
            out += sums.reshape(out.shape).astype(out.dtype)
        return out

    def _offsets(self, members: int) -> Array:
        """`(M, B)` positions in the flattened array of all members."""
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
        reward, continues: `(1 or M, B)`; `continues` is false where the row terminated.
        has_target: `(1 or M, B)` bool: rows with a bootstrap target; None where all have one. The others' next state is
            not known, and nothing that bootstraps may learn from them: see `with_target` and `target_shares`.
        action: `(1 or M, B)`.
        columns: further row columns by name, `(1 or M, B)`; `next_action` is −1 where there is none.
        counts, counts_next: `(1 or M, A, U)`: `n(s,a)` at the states evaluated, among the data's rows with a target; in
            states without any such row, `counts` has all rows.
        outputs: network outputs by name: `q` at `s`, `q_next` at `s′`, `target_q_next` …, `(M, A, U)`.
        memory: numbers that the algorithm carries from update to update, `(M, 1)`; it may assign new arrays. Where a
            batch is looked at, they are as the update leaves them.
        memory_before: the same as the update found them.
        curvature: whether the curvature of the losses is asked for.
        found: what was already computed from these outputs, see `once`.
    """

    def __init__(self, members: int, actions: int, states: int, rows: int) -> None:
        self.members, self.actions, self.states, self.rows = members, actions, states, rows
        self.total = rows
        self.share: Any = np.float32(1.0 / rows)
        self.reward: Array
        self.continues: Array
        self.has_target: Array | None = None
        self.action: Array
        self.columns: dict[str, Array] = {}
        self.counts: Array | None = None
        self.counts_next: Array | None = None
        self.outputs: dict[str, Array] = {}
        self.memory: dict[str, Array] = {}
        self.memory_before: dict[str, Array] = {}
        self.curvature = False
        self.found: dict[str, Any] = {}
        self.at_index: Index | None = None  # None: the row is the state
        self.at_next_index: Index | None = None
        self.take_index: Index
        self.take_next_index: Index | None = None
        self._shares: Array | None = None
        self._pair_share: Array | None = None
        self._state_share: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        try:
            return self.outputs[name]
        except KeyError:
            raise KeyError(unknown("output", name, self.outputs)) from None

    def renewed(self, outputs: dict[str, Array]) -> Batch:
        """The same rows with other outputs."""
        other = object.__new__(Batch)
        other.__dict__ |= self.__dict__
        other.outputs, other.found = outputs, {}
        return other

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
        """`x(s′, a′)` of each row, with the data's next action: `(M, A, U) → (M, B)`; meaningless where it has none."""
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
        if self.at_index is None:
            return rows
        return self.at_index.add(rows, np.zeros((self._wide(self.at_index, rows), self.states), rows.dtype))

    def sum_next(self, rows: Array) -> Array:
        """Sum of the rows that arrive in each state: `(M, B) → (M, U)`."""
        if self.at_next_index is None:
            return rows
        return self.at_next_index.add(rows, np.zeros((self._wide(self.at_next_index, rows), self.states), rows.dtype))

    def _add(self, index: Index, rows: Array, out: Array | None) -> Array:
        if out is None:
            out = np.zeros((self._wide(index, rows), self.actions, self.states), rows.dtype)
        index.add(rows, out.reshape(len(out), -1))
        return out

    def _wide(self, index: Index, rows: Array) -> int:
        """Rows of the result: all members where either the rows or their places differ between them."""
        return len(rows) if index.flat.ndim == 1 else self.members

    # means

    def mean(self, rows: Array, shares: Array | None = None) -> Array:
        """Mean over the batch, every row with its multiplicity: `(M, B) → (M,)`; summed in float64.

        Args:
            rows: numbers of the rows.
            shares: what each row counts, where it is not its share of the batch; such as `target_shares`.
        """
        result: Array = np.add.reduce(rows * (self.share if shares is None else shares), axis=-1, dtype=np.float64)
        return result

    def with_target(self, rows: Array) -> Array:
        """`rows (M, B)`, 0 where a row has no target."""
        return rows if self.has_target is None else np.where(self.has_target, rows, np.float32(0))

    @property
    def target_shares(self) -> Array:
        """`(1 or M, B)` each row's share of a mean over the rows that have a target; 0 for the others."""
        if self.has_target is None:
            return self.shares
        if "target_shares" not in self.found:
            shares = np.where(self.has_target, self.shares, np.float32(0))
            total = shares.sum(axis=-1, keepdims=True)
            self.found["target_shares"] = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
        result: Array = self.found["target_shares"]
        return result

    def mean_over_states(self, states: Array) -> Array:
        """Mean of a number per state, each state as often as the batch has it as `s`: `(M, U) → (M,)`, in float64."""
        share = self.state_share()[:, 0]
        return np.asarray(np.add.reduce(states * share, axis=-1, dtype=np.float64))

    @property
    def shares(self) -> Array:
        """`(1, B)` each row's share of the mean."""
        if self._shares is None:
            self._shares = np.broadcast_to(np.asarray(self.share, dtype=np.float32), (1, self.rows))
        return self._shares

    def know_shares(self, pair: Array, state: Array, following: Array) -> None:
        """Shares of pairs and states already computed for these very rows."""
        self._pair_share, self._state_share = pair, {"s": state, "next": following}

    def know_row_shares(self, shares: Array) -> None:
        """`(1, B)` the rows' shares, already computed."""
        self._shares = shares

    def pair_share(self) -> Array:
        """`(1 or M, A, U)`: each pair's share of the batch's rows."""
        if self._pair_share is None:
            self._pair_share = self.put(self.shares)
        return self._pair_share

    def state_share(self, place: str = "s") -> Array:
        """Each state's share of the batch's rows, as `s` or as `next`: broadcastable to `(M, A, U)`."""
        found = self._state_share.get(place)
        if found is None:
            index = self.at_index if place == "s" else self.at_next_index
            if index is None:
                found = self.shares[:, None, :]
            else:
                wide = 1 if index.flat.ndim == 1 else self.members
                found = index.add(self.shares, np.zeros((wide, self.states), np.float32))[:, None, :]
            self._state_share[place] = found
        return found


def once(method: Callable[[Any, Batch, Any], Found]) -> Callable[[Any, Batch, Any], Found]:
    """A method of the outputs alone, such as the policy: its result stays with the batch, because one look at a batch
    asks for it several times."""

    @wraps(method)
    def kept(self: Any, batch: Batch, hp: Any) -> Found:
        name = method.__name__
        if name not in batch.found:
            batch.found[name] = method(self, batch, hp)
        result: Found = batch.found[name]
        return result

    return kept
