"""`Rows`: the batch of an update as tensors, one row for each transition."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from offrl_core.algos.batch import Array, Batch, Index
from offrl_core.names import unknown

COLUMNS = {
    "next_action": "next_action",
    "return_to_go": "return",
    "lambda_return": "lambda_return",
    "reward_min": "reward_min",
    "return_min": "return_min",
}
"""Attribute of `Rows` → column of the batch; `columns(choices)` of an algorithm asks for them by the latter names."""


UNUSUAL = ("share", "memory", "memory_before")
ROWS = ("reward", "terminated", "action", "has_target", "counts", "counts_next", *UNUSUAL)
"""What there is besides those and the networks' outputs."""


class Rows:
    """The rows (transitions) of one update, each with the networks' outputs at its two states.

    `M` members train at once, a batch has `B` rows, there are `A` actions. Everything is written with the last axes in
    mind, so that one text serves one member and many: rows are `(M, B)`, outputs per action `(M, B, A)`, a member's
    numbers `(M, 1)` (beside an output per action: `x[..., None]`).

    Attributes:
        reward, terminated, action: `(M, B)`.
        has_target: `(M, B)` bool: whether the next state is known, so that the row has a bootstrap target. A recording
            that was cut has rows where it is not: losses that bootstrap take their mean `where=rows.has_target`.
        next_action: `(M, B)`, the data's action at `s'`, −1 where there is none; if `columns` names `next_action`.
        return_to_go: `(M, B)`, the Monte Carlo return; if `columns` names `return`. lambda_return: the TD(λ) return.
        reward_min, return_min: `(M, 1)` the smallest in the data.
        counts, counts_next: `(M, B, A)` how often the data shows each action at `s` and at `s'`; if `uses_counts`.
        memory: numbers `(M, 1)` that are carried from update to update; assign new ones. memory_before: as the update
            found them.

    Besides, every output of the networks by its name: `rows.q` at `s`, `rows.q_next` at `s'`, `rows.target_q_next` the
    target copy's, `rows.value`, … A network with one output per state gives `(M, B)`. What is named `target_…` is a
    constant, and while `target_update` is `none` it is the network's own output, as a constant.
    """

    def __init__(
        self,
        batch: Batch,
        *,
        scalar: Collection[str] = ("value",),
        only_here: Collection[str] = (),
        own_targets: bool = False,
        at_states: bool = False,
    ) -> None:
        """
        Args:
            batch: the rows and the outputs.
            scalar: networks with one output per state.
            only_here: networks that are read at `s` only, though a table's batch has their outputs at `s'` as well.
            own_targets: there is no target network: `target_q` is `q` as a constant.
            at_states: the states that the networks were evaluated at, each as a row of its own, instead of the rows.
        """
        self._batch, self._scalar, self._own_targets = batch, frozenset(scalar), own_targets
        self._only_here = frozenset(only_here)
        self._shared: list[tuple[str, Tensor]] = []
        self._at_states, self._trained = at_states, not at_states
        self._at = None if at_states else batch.at_index
        self._at_next = None if at_states else batch.at_next_index
        self._leaves: dict[int, Tensor] = {}
        self._read: dict[str, Tensor] = {}
        self._means: list[tuple[Tensor, Tensor]] = []
        self.memory = {name: _tensor(value) for name, value in batch.memory.items()}
        self.memory_before = {name: _tensor(value) for name, value in batch.memory_before.items()}
        if at_states:
            return
        members = batch.members
        self.reward = self._share("reward", batch.reward).expand(members, -1)
        self.terminated = ~_tensor(batch.continues).expand(members, -1)
        self.action = self._share("action", batch.action).expand(members, -1)
        self.share = torch.as_tensor(batch.share)
        self._all_known = batch.has_target is None
        known = np.ones((1, 1), bool) if batch.has_target is None else batch.has_target
        self.has_target = _tensor(known).expand(members, batch.rows)

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        found = self._find(name)
        setattr(self, name, found)
        return found

    def _find(self, name: str) -> Tensor:
        batch = self._batch
        if name in COLUMNS:
            if COLUMNS[name] not in batch.columns:
                raise AttributeError(f"rows.{name} was not asked for: `columns` must name {COLUMNS[name]!r}")
            return self._share(name, batch.columns[COLUMNS[name]]).expand(batch.members, -1)
        if name in ("counts", "counts_next"):
            counts = batch.counts if name == "counts" else batch.counts_next
            if counts is None:
                raise AttributeError(f"rows.{name} was not asked for: let `uses_counts` return True")
            return self._rows_of(self._share(name, counts), name)
        of, constant = name, name.startswith("target_")
        if constant and self._own_targets:
            of = name.removeprefix("target_")
        if self._at_states and (name in ROWS or name.endswith("_next")):
            raise AttributeError(f"there is no {name} here: these are states, and nothing of a transition is in them")
        network = of.removesuffix("_next")
        if network != of and network in self._only_here:
            raise AttributeError(f"rows.{name} is not evaluated: the network {network!r} needs reads=('s', 'next')")
        try:
            array = batch[of]
        except KeyError:
            raise AttributeError(unknown("output", name, self._known())) from None
        found = self._rows_of(self._leaf(of, array), name)
        return found.detach() if constant else found

    def _known(self) -> list[str]:
        """Everything of a row that can be read, for the sentence about something that cannot."""
        columns = [name for name, column in COLUMNS.items() if column in self._batch.columns]
        outputs = [name for name in self._batch.outputs if name.removesuffix("_next") not in self._only_here - {name}]
        if self._own_targets:
            outputs += [f"target_{name}" for name in outputs]
        return [*outputs, *(name for name in ROWS if name in vars(self) and name not in UNUSUAL), *columns]

    def changed(self) -> str:
        """The name of what was changed in place although its memory is the data's; empty where nothing was."""
        return next((name for name, tensor in self._shared if tensor._version), "")

    def _share(self, name: str, array: Array) -> Tensor:
        tensor = _tensor(array)
        self._shared.append((name, tensor))
        return tensor

    def _leaf(self, name: str, array: Array) -> Tensor:
        """One tensor for each array, also where two names mean the same states."""
        key = id(array)
        if key not in self._leaves:
            self._leaves[key] = _tensor(array).requires_grad_(self._trained and not name.startswith("target_"))
        self._read[name] = self._leaves[key]
        return self._leaves[key]

    def _rows_of(self, output: Tensor, name: str) -> Tensor:
        """`(M, A, U)` → `(M, B, A)`, or `(M, B)` of a network with one output."""
        ahead = name.endswith("_next")
        at = self._at_next if ahead else self._at
        by_state = output.transpose(1, 2)
        found = by_state if at is None else _take(by_state, at, self._batch.members)
        head = name.removeprefix("target_").removesuffix("_next")
        return found[..., 0] if head in self._scalar else found.expand(self._batch.members, -1, -1)

    # one row's numbers

    def taken(self, output: Tensor) -> Tensor:
        """An output of the row's own action: `(M, B, A) → (M, B)`."""
        return output.gather(-1, self.action[..., None])[..., 0]

    def taken_next(self, output: Tensor) -> Tensor:
        """An output at `s'` of the data's next action: `(M, B, A) → (M, B)`; of action 0 where there is none."""
        return output.gather(-1, self.next_action.clamp_min(0)[..., None])[..., 0]

    # all rows

    def mean(self, row: Tensor, where: Tensor | None = None) -> Tensor:
        """Mean over the batch, every row with its multiplicity: `(M, B) → (M,)`.

        Args:
            row: a number of each row.
            where: `(M, B)` bool: the mean is over these rows only; 0 where there are none.
        """
        if self._is_all(where):
            mean = (row * self.share).sum(-1)
        else:
            shares = self.shares(where)
            # where, not a product: a row that does not count must not bring in its infinities.
            mean = torch.where(shares > 0, row * shares, 0).sum(-1)
        self._means.append((mean, row))
        return mean

    def part_of(self, loss: Tensor, row: int) -> float | None:
        """What a row of the first member gives to a loss that is one `mean`; None where it is put together of more."""
        found = next((rows for mean, rows in self._means if mean is loss), None)
        return None if found is None else float(found.detach()[0, row])

    def shares(self, where: Tensor | None = None) -> Tensor:
        """What each row counts in `mean`, `(M, B)`; sums to 1."""
        every = self.share.expand(self.action.shape)
        if self._is_all(where):
            return every
        assert where is not None
        counted = torch.where(where, every, 0)
        total = counted.sum(-1, keepdim=True)
        return counted / torch.where(total > 0, total, 1)

    def _is_all(self, where: Tensor | None) -> bool:
        return where is None or (self._all_known and where is self.has_target)

    # states ← rows

    def at_states(self, row: Tensor) -> Tensor:
        """Sum of the rows of each state: `(M, B) → (M, 1, U)`."""
        return self._sum(row, self._at)

    def at_next_states(self, row: Tensor) -> Tensor:
        """Sum of the rows that arrive in each state: `(M, B) → (M, 1, U)`."""
        return self._sum(row, self._at_next)

    def at_pairs(self, row: Tensor) -> Tensor:
        """Sum of the rows of each pair of a state and an action: `(M, B) → (M, A, U)`."""
        batch = self._batch
        states = torch.arange(batch.states) if self._at is None else torch.from_numpy(self._at.flat)
        flat = row.new_zeros((batch.members, batch.actions * batch.states))
        summed = flat.scatter_add(1, self.action * batch.states + states, row.expand(batch.members, -1))
        return summed.reshape(batch.members, batch.actions, batch.states)

    def _sum(self, row: Tensor, at: Index | None) -> Tensor:
        batch = self._batch
        row = row.expand(batch.members, -1)
        if at is None:
            return row[:, None]
        sums = row.new_zeros((batch.members, batch.states))
        return sums.scatter_add(1, torch.from_numpy(at.flat).expand(batch.members, -1), row)[:, None]

    def gradients(self) -> dict[str, Array]:
        """`∂loss/∂output`, `(M, A, U)`, of every output that a loss was differentiated through."""
        by_array = {id(leaf): name for name, leaf in sorted(self._read.items(), reverse=True)}  # `q` before `q_next`
        return {by_array[id(leaf)]: leaf.grad.numpy() for leaf in self._leaves.values() if leaf.grad is not None}

    @property
    def read(self) -> list[str]:
        """The names of the outputs that were read."""
        return list(self._read)


def differentiate(losses: Mapping[str, Tensor]) -> None:
    """Send the gradient of the losses' sum back to the outputs that they read; see `Rows.gradients`."""
    summed = torch.stack([loss.sum() for loss in losses.values() if loss.requires_grad]).sum()
    summed.backward()  # type: ignore[no-untyped-call]


def _tensor(array: Array) -> Tensor:
    """The same memory where it may be written to; torch does not know arrays that may not."""
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _take(by_state: Tensor, index: Index, members: int) -> Tensor:
    """`(M, U, A) → (M, B, A)`."""
    flat: Any = torch.from_numpy(index.flat)
    if flat.ndim == 1:
        return by_state.index_select(1, flat)
    wide = by_state.expand(members, -1, -1)
    return wide.gather(1, flat[..., None].expand(-1, -1, wide.shape[2]))
