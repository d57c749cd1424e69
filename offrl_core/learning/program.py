"""A program: all members that share their structural choices, trained by one stream of array operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Algorithm, Loss, Values
from offrl_core.algos.batch import Batch
from offrl_core.declarations import Hyperparameter, Value
from offrl_core.learning.approximators import Inputs
from offrl_core.learning.feed import Drawn, Feed, FullFeed, NetworkFeed, TableFeed
from offrl_core.learning.optimizers import OPTIMIZERS
from offrl_core.learning.parts import Parts
from offrl_core.learning.passes import Passes
from offrl_core.learning.rows import Rows
from offrl_core.learning.view import View

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
    """Parameters, optimiser and feed of members that differ in numbers only.

    Args:
        rows: the data.
        algorithm: the system.
        approximator: `table`, `linear` or `mlp`.
        values: one dict of hyperparameters per member; all choices must agree.
        seeds: one per member.
        declared: the hyperparameters' declarations by name.
    """

    def __init__(
        self,
        rows: Rows,
        algorithm: Algorithm,
        approximator: str,
        values: Sequence[Mapping[str, Value]],
        seeds: Sequence[int],
        declared: Mapping[str, Hyperparameter],
    ) -> None:
        self.rows, self.dataset = rows, rows.dataset
        self.algorithm, self.approximator, self.declared = algorithm, approximator, declared
        self.seeds, self.members = list(seeds), len(seeds)
        self.updates = 0
        self.frozen = False
        self._behind = False
        self.parts = Parts(rows, algorithm, approximator, values, seeds)
        first = values[0]
        self.optimizer = OPTIMIZERS[str(first["optimizer"])](*self.parts.parameters.shape)
        self.conditioned = self.parts.table and first["optimizer"] == "sgd"
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
        self._view: View | None = None
        self.passes = Passes(self.parts, self.conditioned)
        self.feed = self._make_feed()

    def set_values(self, values: Sequence[Mapping[str, Value]]) -> None:
        """Take over one dict of hyperparameters per member; acts on the next update."""
        before, after = self.values, values
        self._take_over(values)
        planned = [name for name, h in self.declared.items() if not h.numeric or name == "gamma"]
        if all(a[name] == b[name] for a, b in zip(before, after, strict=True) for name in planned):
            return
        for head in self.algorithm.heads(after[0]):
            self.parts.by_name[head.name].head = head
        if after[0].get("target_update") != "none":
            self._catch_up()
        self._plan()

    def _make_feed(self) -> Feed:
        size = int(self.values[0]["batch_size"])
        if self.parts.table and size:
            return TableFeed(self.rows, self.columns, self.seeds, Inputs(), self.gammas, size)
        if self.dataset.tabular and not size:
            everywhere = self.parts.inputs(np.arange(self.rows.n_states))
            return FullFeed(self.rows, self.columns, self.members, everywhere, self.gammas)
        return self.network_feed(size, None if size else np.arange(self.rows.n))

    def network_feed(self, size: int, fixed: Array | None, counts: bool = False) -> NetworkFeed:
        """Rows with their own states: minibatches of `size`, or the `fixed` rows; with `n(s,a)` where asked for."""
        parts = self.parts
        assert parts.encoding is not None
        heads = [part.head for part in parts.by_name.values()]
        needs_next = any("next" in (*head.reads, *head.target_reads) for head in heads)
        needs_counts = counts or self.algorithm.uses_counts(self.values[0])
        return NetworkFeed(
            self.rows,
            self.columns,
            self.seeds,
            parts.encoding,
            parts.pairs,
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
        self.passes.backward(drawn, losses)
        self.updates += 1
        self.optimizer.step(self.parts.parameters, self.parts.gradient, self.hp.learning_rate, self.updates)
        if self.parts.target.size:
            self._update_target()

    def pending(self) -> Pending:
        """What the next update will use; nothing changes. A snapshot looks at it and the update takes it over, so that
        looking costs no second evaluation."""
        if self._pending is None:
            before = dict(self.memory)
            drawn = self.feed.draw(self.updates)
            losses = self.algorithm.losses(self.evaluate(drawn), self.hp)
            self._pending = Pending(drawn, losses, self.memory)
            self.memory = before
        return self._pending

    def prepare(self, batch: Batch, numbers: Array) -> None:
        """Give the batch of the data's rows `numbers` all but its outputs."""
        if "lambda_return" in self.columns:
            every = np.arange(self.members)[:, None]
            batch.columns = {**batch.columns, "lambda_return": self.lambda_returns()[every, numbers]}
        batch.memory = self.memory
        batch.curvature = self.conditioned

    def evaluate(self, drawn: Drawn) -> Batch:
        """The batch with all outputs that the losses read."""
        self.prepare(drawn.batch, drawn.numbers)
        self.passes.forward(drawn)
        return drawn.batch

    def _update_target(self) -> None:
        kind = self.values[0].get("target_update", "hard")
        target, online = self.parts.target, self.parts.online
        self._behind = kind == "none"
        if kind == "soft":
            target += self.hp.target_rate * (online - target)
        elif kind == "hard":
            due = [self.updates % int(v["target_period"]) == 0 for v in self.values]
            if any(due):
                self._lambda = None
                np.copyto(target, online, where=np.array(due)[:, None])

    def _catch_up(self) -> None:
        """While there is no target network the copy is the parameters; it is written when somebody reads it."""
        if self._behind:
            self.parts.copy()
            self._behind = False

    def lambda_returns(self) -> Array:
        """`(M, N)` `G^λ` of every row, with the value network's copy; computed again when the copy moves."""
        if self._lambda is None:
            self._lambda = self.rows.lambda_returns(self._next_values(), self.hp.gamma, self.hp.trace_decay)
        return self._lambda

    def _next_values(self) -> Array:
        """`(M, N)` `V(s')` of every row by the value network's copy."""
        part = self.parts.by_name["value"]
        if self.dataset.tabular:
            everywhere = np.arange(self.rows.n_states)
            work = part.function.workspace(self.members, len(everywhere))
            values = part.function.evaluate(part.target, self.parts.inputs(everywhere), work)
            return np.asarray(values[:, 0, self.rows.next_states])
        following = self.dataset.next_observations
        out = np.empty((self.members, len(following)), np.float32)
        for start in range(0, len(following), 4096):
            some = following[start : start + 4096]
            work = part.function.workspace(self.members, len(some))
            out[:, start : start + len(some)] = part.function.evaluate(part.target, self.parts.inputs(some), work)[:, 0]
        return out

    # looking

    @property
    def view(self) -> View:
        """What a snapshot looks at."""
        if self._view is None:
            self._view = View(self)
        return self._view

    def outputs_at(self, observations: Array) -> Batch:
        """A batch without rows: the outputs at any observations, as `s`: `(N,)` states or `(N, D)` vectors for all
        members, or `(M, N, D)` vectors, for each member its own."""
        own = observations.ndim == 3
        states = observations.shape[1] if own else len(observations)
        x = self.parts.inputs(observations)
        batch = Batch(self.members, self.dataset.n_actions, states, 1)
        if self.algorithm.uses_counts(self.values[0]):
            counts = self.rows.counts_of(observations.reshape(-1, observations.shape[2]) if own else observations)
            batch.counts = counts.reshape(-1, self.members, states).swapaxes(0, 1) if own else counts
        for name, part in self.parts.by_name.items():
            work = part.function.workspace(self.members, states)
            out = part.function.evaluate(part.layers, x, work)
            batch.outputs[name] = out[:, :, observations] if self.parts.table else out
        return batch

    # state

    def subset(self, members: Sequence[int]) -> Program:
        """A program of some of the members, at the same point."""
        values, seeds = [self.values[i] for i in members], [self.seeds[i] for i in members]
        part = Program(self.rows, self.algorithm, self.approximator, values, seeds, self.declared)
        part.restore({name: array[list(members)] for name, array in self.arrays().items()}, self.updates)
        return part

    def arrays(self) -> dict[str, Array]:
        """Everything that changes from update to update, by name; `(M, …)` each, not copied."""
        self._catch_up()
        state = {"parameters": self.parts.parameters, "target": self.parts.target}
        state |= {f"optimizer_{k}": v for k, v in self.optimizer.state.items()}
        return state | {f"memory_{k}": v for k, v in self.memory.items()}

    def restore(self, arrays: Mapping[str, Array], updates: int) -> None:
        """Put back what `arrays` gave."""
        for name, array in self.arrays().items():
            array[...] = arrays[name]
        self._behind = False
        self.updates = updates
        self._lambda = self._pending = None
