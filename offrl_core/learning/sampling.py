"""Where batches come from: minibatches drawn statelessly from `(seed, step)`, or all rows with equal ones merged.

A sampler fills the rows of a `Batch` and gives the encoded states to evaluate; the program fills the outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from offrl_core.algos.batch import Batch, Index
from offrl_core.learning.approximators import Inputs
from offrl_core.learning.encodings import Encoding
from offrl_core.learning.rows import Rows

Array = npt.NDArray[Any]

DRAWS = 32  # updates whose rows are drawn together; part of what a seed means, so never change it
CHUNK_BYTES = 2_000_000  # gathered minibatches held at once


class Drawn(NamedTuple):
    """A batch without outputs, and the states to evaluate the networks at.

    `both` holds the states of `s` followed by those of `s′`; where `merged`, all three are the same states.
    `numbers (1 or M, B)` are the data's rows (of merged rows the first).
    """

    batch: Batch
    s: Inputs
    next: Inputs
    both: Inputs
    merged: bool
    numbers: Array


class Sampler(Protocol):
    """Gives the batch of each update."""

    def draw(self, step: int) -> Drawn: ...


def draws(seed: int, chunk: int, rows: int, batch: int) -> Array:
    """`(DRAWS, batch)` row numbers, with replacement, of the updates `DRAWS·chunk …` for this seed."""
    generator = np.random.Generator(np.random.Philox(key=[seed, 0x0FF1], counter=[0, 0, 0, chunk]))
    return generator.integers(0, rows, size=(DRAWS, batch)).astype(np.intp, copy=False)


class FullBatchSampler:
    """Every row at each update; states are evaluated once, equal rows merged with their counts (tabular data)."""

    def __init__(self, rows: Rows, columns: tuple[str, ...], members: int, inputs: Inputs, gammas: Array) -> None:
        self.rows, self.columns, self.members, self.inputs = rows, columns, members, inputs
        self.merged = rows.merged(columns, gammas)

    def draw(self, step: int) -> Drawn:
        batch = self.merged.batch(self.members)
        return Drawn(batch, self.inputs, self.inputs, self.inputs, True, self.merged.first[None])


class TableSampler:
    """Minibatch rows that point into all states: for tables, whose parameters are the outputs."""

    def __init__(
        self, rows: Rows, columns: tuple[str, ...], seeds: Sequence[int], inputs: Inputs, gammas: Array, batch_size: int
    ) -> None:
        self.rows, self.columns, self.inputs, self.gammas, self.size = rows, columns, inputs, gammas, batch_size
        self.seeds = list(dict.fromkeys(seeds))
        self.of_member = np.array([self.seeds.index(s) for s in seeds])
        self.members = len(seeds)
        self._chunk = -1

    def draw(self, step: int) -> Drawn:
        chunk, inside = divmod(step, DRAWS)
        if chunk != self._chunk:
            self._numbers = np.stack([draws(s, chunk, self.rows.n, self.size) for s in self.seeds], axis=1)
            self._chunk = chunk
        numbers = self._numbers[inside][self.of_member]
        rows = self.rows
        batch = Batch(self.members, rows.n_actions, rows.n_states, self.size)
        rows.fill(batch, numbers, self.columns, self.gammas)
        states, following = rows.states[numbers], rows.next_states[numbers]
        table = rows.n_states * rows.n_actions
        batch.at_index = Index(states, rows.n_states)
        batch.at_next_index = Index(following, rows.n_states)
        batch.take_index = Index(batch.action * rows.n_states + states, table)
        if "next_action" in self.columns:
            next_actions = rows.next_actions[numbers]
            batch.columns["next_action"] = next_actions
            batch.take_next_index = Index(np.maximum(next_actions, 0) * rows.n_states + following, table)
        batch.counts, batch.counts_next = rows.known_counts, rows.target_counts
        return Drawn(batch, self.inputs, self.inputs, self.inputs, True, numbers)


class NetworkSampler:
    """Rows each with their own state columns: minibatches for networks, or the same `fixed` rows every time.

    Where inputs are given `by_number`, they are the rows' `places`, and no features are gathered here.
    """

    def __init__(
        self,
        rows: Rows,
        columns: tuple[str, ...],
        seeds: Sequence[int],
        encoding: Encoding,
        pairs: bool,
        by_number: bool,
        gammas: Array,
        batch_size: int,
        needs_next: bool,
        needs_counts: bool,
        fixed: Array | None = None,
    ) -> None:
        self.rows, self.columns, self.encoding, self.pairs = rows, columns, encoding, pairs
        self.by_number = by_number
        self.gammas, self.needs_next, self.needs_counts = gammas, needs_next, needs_counts
        self.fixed = fixed
        self.size = batch_size if fixed is None else len(fixed)
        self.seeds = list(dict.fromkeys(seeds)) if fixed is None else [0]
        self.members = len(seeds)
        self.of_member = np.array([self.seeds.index(s) if fixed is None else 0 for s in seeds])
        width = (2 * encoding.size + 6) * self.size * len(self.seeds) * 4
        self.steps = int(np.clip(CHUNK_BYTES // width, 1, DRAWS))
        self._chunk = self._part = -1
        self._shares = np.full((1, self.size), 1 / self.size, np.float32)

    def draw(self, step: int) -> Drawn:
        if self.fixed is not None:
            inside = 0
            if self._part < 0:
                self._part = 0
                self._gather(self.fixed[None, None])
        else:
            chunk, offset = divmod(step, DRAWS)
            if chunk != self._chunk:
                self._numbers = np.stack([draws(s, chunk, self.rows.n, self.size) for s in self.seeds], axis=1)
                self._chunk, self._part = chunk, -1
            part, inside = divmod(offset, self.steps)
            if part != self._part:
                self._part = part
                self._gather(self._numbers[part * self.steps : (part + 1) * self.steps])
        return self._assemble(inside, step)

    def _gather(self, numbers: Array) -> None:
        """Look up everything about the drawn rows `(C, K, B)`: the states' encodings and the columns."""
        rows, size = self.rows, self.size
        self._drawn = numbers
        chunk, seeds, _ = numbers.shape
        columns = size * (2 if self.needs_next else 1)
        self._index = self._dense = None
        by_number = self.by_number or self.encoding.one_hot
        if by_number or self.pairs:
            here, there = rows.places
            self._index = np.empty((chunk, seeds, columns), np.intp)
            self._index[..., :size] = here.take(numbers)
            if self.needs_next:
                self._index[..., size:] = there.take(numbers)
        if not by_number:
            wide = self.encoding.size
            self._dense = np.empty((chunk, seeds, wide + 1, columns), np.float32)
            self._dense[..., wide, :] = 1
            here, there = rows.encoded(self.encoding)
            self._dense[..., :wide, :size] = here.take(numbers, axis=0).swapaxes(2, 3)
            if self.needs_next:
                self._dense[..., :wide, size:] = there.take(numbers, axis=0).swapaxes(2, 3)
        self._reward, self._continues = rows.rewards.take(numbers), rows.continues.take(numbers)
        self._has_target = None if rows.has_target is None else rows.has_target.take(numbers)
        self._action = rows.actions.take(numbers)
        self._flat = self._positions(self._action)
        if "next_action" in self.columns:
            self._next_action = rows.next_actions.take(numbers)
            self._flat_next = self._positions(np.maximum(self._next_action, 0))

    def _positions(self, actions: Array) -> Array:
        """Where each row's action stands in `(M, A, B)` flattened; in `(A, B)` where all members share the rows."""
        flat = actions * self.size + np.arange(self.size)
        if flat.shape[1] > 1 and flat.shape[1] == self.members:
            flat += (np.arange(self.members) * (self.rows.n_actions * self.size))[:, None]
        return flat

    def _assemble(self, inside: int, step: int) -> Drawn:
        rows, size, lead = self.rows, self.size, self._lead
        batch = Batch(self.members, rows.n_actions, size, size)
        batch.know_row_shares(self._shares)
        numbers = lead(self._drawn[inside])
        batch.reward, batch.continues = lead(self._reward[inside]), lead(self._continues[inside])
        batch.has_target = None if self._has_target is None else lead(self._has_target[inside])
        batch.action = lead(self._action[inside])
        batch.columns = rows.columns(self.columns, numbers, self.gammas)
        batch.take_index = self._places(self._flat[inside])
        if "next_action" in self.columns:
            batch.columns["next_action"] = lead(self._next_action[inside])
            batch.take_next_index = self._places(self._flat_next[inside])
        if self.needs_counts:
            batch.counts = rows.known_counts[0][:, rows.states[numbers]].swapaxes(0, 1)
            batch.counts_next = rows.target_counts[0][:, rows.next_states[numbers]].swapaxes(0, 1)
        both = self._inputs(inside)
        if not self.needs_next:
            return Drawn(batch, both, both, both, False, numbers)
        states = 2 * size
        here, there = both.columns(slice(0, size), states), both.columns(slice(size, states), states)
        return Drawn(batch, here, there, both, False, numbers)

    def _inputs(self, inside: int) -> Inputs:
        if self._dense is not None:
            x = Inputs(dense=self._lead(self._dense[inside]))
        else:
            assert self._index is not None
            x = Inputs(index=self._lead(self._index[inside]))
        if self.pairs and not self.by_number:
            assert self._index is not None
            index = self._lead(self._index[inside])
            features = self.rows.pair_features  # (F, A, S)
            x.pairs = np.stack([features[:, :, i].reshape(len(features), -1) for i in index])
        return x

    def _lead(self, x: Array) -> Array:
        """`(K, …)` by seed → by member: as it is where they agree, with a leading 1 where all share a seed."""
        if len(x) in (1, self.members):
            return x
        result: Array = x[self.of_member]
        return result

    def _places(self, flat: Array) -> Index:
        """The rows' places in `(M, A, B)`."""
        table = self.rows.n_actions * self.size
        if len(flat) == 1:
            return Index(flat[0], table, unique=True, offset=flat if self.members == 1 else None)
        if len(flat) == self.members:
            return Index(flat, table, unique=True, offset=flat)
        return Index(flat[self.of_member], table, unique=True)
