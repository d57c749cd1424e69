"""A program: all members that share their structural choices, trained by one stream of array operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Algorithm, Loss, Values
from offrl_core.algos.batch import Batch
from offrl_core.dataset import probe_rows
from offrl_core.declarations import Hyperparameter, Value
from offrl_core.learning.approximators import Inputs
from offrl_core.learning.devices import networks_on
from offrl_core.learning.networks import Outputs
from offrl_core.learning.rows import Rows
from offrl_core.learning.sampling import Drawn, FullBatchSampler, NetworkSampler, Sampler, TableSampler
from offrl_core.learning.shown_states import ShownStates

Array = npt.NDArray[Any]


class Pending(NamedTuple):
    """The update that comes next, not made yet.

    Attributes:
        drawn: its rows, with all outputs evaluated.
        losses: its losses.
        memory: the algorithm's own numbers as that update leaves them.
    """

    drawn: Drawn
    losses: dict[str, Loss]
    memory: dict[str, Array]


class Program:
    """Parameters, optimiser and sampler of members that differ in numbers only.

    Args:
        rows: the data.
        algorithm: the system.
        approximator: `table`, `linear` or `mlp`.
        values: one dict of hyperparameters per member; all choices must agree.
        seeds: one per member.
        declared: the hyperparameters' declarations by name.
        device: where the networks are, one of `DEVICES`.
        draw: draw the networks' start; not where `restore` is about to put other numbers in its place.
    """

    def __init__(
        self,
        rows: Rows,
        algorithm: Algorithm,
        approximator: str,
        values: Sequence[Mapping[str, Value]],
        seeds: Sequence[int],
        declared: Mapping[str, Hyperparameter],
        device: str = "cpu",
        *,
        draw: bool = True,
    ) -> None:
        self.rows, self.dataset = rows, rows.dataset
        self.algorithm, self.approximator, self.declared = algorithm, approximator, declared
        self.device = device
        self.seeds, self.members = list(seeds), len(seeds)
        self.updates = 0
        self.frozen = False
        self._behind = False
        self.networks = networks_on(device)(rows, algorithm, approximator, values, seeds, draw=draw)
        first = values[0]
        self.memory = {
            name: np.array([[v[start] if isinstance(start, str) else start] for v in values], dtype=np.float32)
            for name, start in algorithm.memory(first).items()
        }
        self._take_over(values)
        self._plan()

    # hyperparameters

    def _take_over(self, values: Sequence[Mapping[str, Value]]) -> None:
        self.values = [dict(v) for v in values]
        prepared: dict[str, Any] = {}
        for name, declared in self.declared.items():
            column = [v[name] for v in values]
            prepared[name] = np.array(column, dtype=np.float32)[:, None] if declared.numeric else column[0]
        self.hp = Values(prepared)
        self._lambda: Array | None = None
        self._pending: Pending | None = None

    def _plan(self) -> None:
        """What is read, and from where; choices and the discount change it."""
        self.gammas = np.array([float(v.get("gamma", 1.0)) for v in self.values])
        self.columns = self.algorithm.columns(self.values[0])
        self._shown: ShownStates | None = None
        self.networks.forget_workspaces()
        self.sampler = self._make_sampler()

    def set_values(self, values: Sequence[Mapping[str, Value]]) -> None:
        """Take over one dict of hyperparameters per member; acts on the next update."""
        before, after = self.values, values
        self._take_over(values)
        planned = [name for name, h in self.declared.items() if not h.numeric or name == "gamma"]
        if all(a[name] == b[name] for a, b in zip(before, after, strict=True) for name in planned):
            return
        for head in self.algorithm.heads(after[0]):
            self.networks.by_name[head.name].head = head
        if after[0].get("target_update") != "none":
            self._catch_up()
        self._plan()

    def _make_sampler(self) -> Sampler:
        size = int(self.values[0]["batch_size"])
        if self.networks.table and size:
            return TableSampler(self.rows, self.columns, self.seeds, Inputs(), self.gammas, size)
        if self.dataset.tabular and not size:
            return self._full_batches()
        return self._network_sampler(size, None if size else np.arange(self.rows.n))

    def _full_batches(self) -> FullBatchSampler:
        everywhere = self.networks.inputs(np.arange(self.rows.n_states))
        return FullBatchSampler(self.rows, self.columns, self.members, everywhere, self.gammas)

    def _network_sampler(self, size: int, fixed: Array | None, counts: bool = False) -> NetworkSampler:
        """Rows with their own states: minibatches of `size`, or the `fixed` rows; with `n(s,a)` where asked for."""
        networks = self.networks
        assert networks.encoding is not None
        heads = [network.head for network in networks.by_name.values()]
        needs_next = any("next" in (*head.reads, *head.target_reads) for head in heads)
        needs_counts = counts or self.algorithm.uses_counts(self.values[0])
        return NetworkSampler(
            self.rows,
            self.columns,
            self.seeds,
            networks.encoding,
            networks.pairs,
            networks.by_number,
            self.gammas,
            size,
            needs_next,
            needs_counts,
            fixed,
        )

    # one update

    def update(self) -> None:
        """One gradient step of every member."""
        drawn, losses, self.memory = self.pending()
        self._pending = None
        self.networks.backward(drawn, losses)
        self.updates += 1
        self.networks.step(self.hp.learning_rate, self.updates)
        if self.networks.copied:
            self._update_target()

    def pending(self) -> Pending:
        """What the next update will use; nothing changes. A snapshot looks at it and the update takes it over, so that
        looking costs no second evaluation."""
        if self._pending is None:
            before = dict(self.memory)
            drawn = self.sampler.draw(self.updates)
            losses = self.algorithm.losses(self.evaluate(drawn), self.hp)
            self._pending = Pending(drawn, losses, self.memory)
            self.memory = before
        return self._pending

    def prepare(self, batch: Batch, numbers: Array) -> None:
        """Give the batch of the data's rows `numbers` all but its outputs."""
        if "lambda_return" in self.columns:
            every = np.arange(self.members)[:, None]
            batch.columns = {**batch.columns, "lambda_return": self.lambda_returns()[every, numbers]}
        batch.memory, batch.memory_before = self.memory, dict(self.memory)
        batch.curvature = self.networks.conditioned

    def evaluate(self, drawn: Drawn) -> Batch:
        """The batch with all outputs that the losses read."""
        self.prepare(drawn.batch, drawn.numbers)
        self.networks.forward(drawn)
        return drawn.batch

    def _update_target(self) -> None:
        kind = self.values[0].get("target_update", "hard")
        self._behind = kind == "none"
        if kind == "soft":
            self.networks.follow(self.hp.target_rate)
        elif kind == "hard":
            due = [self.updates % int(v["target_period"]) == 0 for v in self.values]
            if any(due):
                self._lambda = None
                self.networks.copy(np.array(due))

    def _catch_up(self) -> None:
        """While there is no target network the copy is the parameters; it is written when it is read."""
        if self._behind:
            self.networks.copy()
            self._behind = False

    def lambda_returns(self) -> Array:
        """`(M, N)` `G^λ` of every row, with the value network's copy; computed again when the copy moves."""
        if self._lambda is None:
            self._lambda = self.rows.lambda_returns(self._next_values(), self.hp.gamma, self.hp.trace_decay)
        return self._lambda

    def _next_values(self) -> Array:
        """`(M, N)` `V(s')` of every row by the value network's copy."""
        networks = self.networks
        if self.dataset.tabular:
            everywhere = np.arange(self.rows.n_states)
            values = networks.evaluate("value", networks.inputs(everywhere), len(everywhere), copy=True)
            return np.asarray(values[:, 0, self.rows.next_states])
        following = self.dataset.next_observations
        out = np.empty((self.members, len(following)), np.float32)
        for start in range(0, len(following), 4096):
            some = following[start : start + 4096]
            values = networks.evaluate("value", networks.inputs(some), len(some), copy=True)
            out[:, start : start + len(some)] = values[:, 0]
        return out

    # looking

    @property
    def shown(self) -> ShownStates:
        """The states that a snapshot shows."""
        if self._shown is None:
            tabular = self.dataset.tabular
            sampler = self._full_batches() if tabular else self._network_sampler(0, probe_rows(self.dataset))
            self._shown = ShownStates(self.rows, sampler)
        return self._shown

    def shown_batch(self) -> Batch:
        """The batch of the shown states, as the next update sees it; each output is evaluated when it is asked for."""
        return self._with_outputs(self.shown.drawn)

    def batch_around(self, row: int) -> tuple[Batch, int]:
        """A batch that holds row `row` of the data, and its place there: that of the shown states, or for continuous
        data the row before the probe rows."""
        sampler = self.shown.sampler
        if isinstance(sampler, FullBatchSampler):
            return self.shown_batch(), int(sampler.merged.of_row[row])
        numbers = np.concatenate([[row], probe_rows(self.dataset)])
        return self._with_outputs(self._network_sampler(0, numbers, counts=True).draw(0)), 0

    def _with_outputs(self, drawn: Drawn) -> Batch:
        batch = drawn.batch.renewed(Outputs(self.networks, drawn))
        self.prepare(batch, drawn.numbers)
        # As the next update leaves them: a running norm or a dual temperature moves before that update uses it.
        batch.memory = self.pending().memory
        return batch

    def outputs_at(self, observations: Array) -> Batch:
        """A batch without rows: the outputs at any observations, as `s`: `(N,)` states or `(N, D)` vectors for all
        members, or `(M, N, D)` vectors, for each member its own."""
        own = observations.ndim == 3
        states = observations.shape[1] if own else len(observations)
        x = self.networks.inputs(observations)
        batch = Batch(self.members, self.dataset.n_actions, states, 1)
        if self.algorithm.uses_counts(self.values[0]):
            counts = self.rows.counts_of(observations.reshape(-1, observations.shape[2]) if own else observations)
            batch.counts = counts.reshape(-1, self.members, states).swapaxes(0, 1) if own else counts
        for name in self.networks.by_name:
            out = self.networks.evaluate(name, x, states)
            batch.outputs[name] = out[:, :, observations] if self.networks.table else out
        return batch

    # state

    def subset(self, members: Sequence[int]) -> Program:
        """A program of some of the members, at the same point."""
        values, seeds = [self.values[i] for i in members], [self.seeds[i] for i in members]
        what = self.rows, self.algorithm, self.approximator, values, seeds, self.declared, self.device
        part = Program(*what, draw=False)
        part.restore({name: array[list(members)] for name, array in self.arrays().items()}, self.updates)
        return part

    def arrays(self) -> dict[str, Array]:
        """Everything that changes from update to update, by name; `(M, …)` each, not copied."""
        self._catch_up()
        return self.networks.arrays() | self._memory()

    def kept(self) -> dict[str, Any]:
        """Copies of the same, wherever they are quickest to make."""
        self._catch_up()
        return self.networks.kept() | {name: array.copy() for name, array in self._memory().items()}

    def finite(self) -> bool:
        """False where a number is not finite; it may also be where a sum overflows."""
        self._catch_up()
        return self.networks.finite() and all(bool(np.isfinite(array).all()) for array in self.memory.values())

    def _memory(self) -> dict[str, Array]:
        return {f"memory_{k}": v for k, v in self.memory.items()}

    def restore(self, arrays: Mapping[str, Any], updates: int) -> None:
        """Put back what `arrays` or `kept` gave."""
        self.networks.restore(arrays)
        for name, array in self._memory().items():
            array[...] = arrays[name]
        self._behind = False
        self.updates = updates
        self._lambda = self._pending = None
