"""A program: all members that share their structural choices, trained by one stream of array operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algorithms.base import Algorithm, Head, Loss, Values
from offrl_core.algorithms.batch import Batch
from offrl_core.data.dataset import Dataset, probe_rows
from offrl_core.hyperparameters import Hyperparameter, Value
from offrl_core.learning.approximators import Function, Inputs, Network, PairLinear, Table, Workspace
from offrl_core.learning.encodings import Encoding
from offrl_core.learning.feed import Drawn, Feed, FullFeed, NetworkFeed, TableFeed
from offrl_core.learning.optimizers import OPTIMIZERS
from offrl_core.learning.rows import Rows

Array = npt.NDArray[Any]

CACHE_BYTES = 4_000_000


@dataclass(slots=True)
class Part:
    """One head's function, where its parameters stand in the flat array, and its layers as views."""

    head: Head
    function: Function
    place: slice
    layers: list[Array]
    gradient: list[Array]
    target: list[Array]
    pairs: bool


class Program:
    """Parameters, optimiser and feed of members that differ in numbers only.

    Args:
        dataset, rows: the data.
        algorithm: the system.
        approximator: `table`, `linear` or `mlp`.
        values: one dict of hyperparameters per member; all choices must agree.
        seeds: one per member.
        declared: the hyperparameters' declarations.
    """

    def __init__(
        self,
        dataset: Dataset,
        rows: Rows,
        algorithm: Algorithm,
        approximator: str,
        values: Sequence[Mapping[str, Value]],
        seeds: Sequence[int],
        declared: Sequence[Hyperparameter],
    ) -> None:
        self.dataset, self.rows, self.algorithm, self.approximator = dataset, rows, algorithm, approximator
        self.declared = {h.name: h for h in declared}
        self.values = [dict(v) for v in values]
        self.seeds = list(seeds)
        self.members = len(seeds)
        self.updates = 0
        self.frozen = False
        self.set_values(self.values)
        self._build()

    # construction

    def _build(self) -> None:
        first = self.values[0]
        # Heads with a target copy come first, so that the copy is one slice.
        heads = sorted(self.algorithm.heads(first), key=lambda h: not h.copied)
        self.table = self.approximator == "table"
        self.encoding = None if self.table else Encoding(self.dataset, str(first["encoding"]))
        pairs = self.approximator == "linear" and self.dataset.action_features is not None
        functions = [self._function(h, pairs and not h.scalar) for h in heads]
        ends = np.cumsum([f.size for f in functions]).tolist()
        self.size = int(ends[-1])
        self.target_size = int(sum(f.size for h, f in zip(heads, functions, strict=True) if h.copied))
        self.parameters = np.zeros((self.members, self.size), np.float32)
        self.gradient = np.zeros((self.members, self.size), np.float32)
        self.target = np.zeros((self.members, self.target_size), np.float32)
        self.parts: dict[str, Part] = {}
        for head, function, end in zip(heads, functions, ends, strict=True):
            place = slice(int(end) - function.size, int(end))
            self.parts[head.name] = Part(
                head,
                function,
                place,
                function.views(self.parameters[:, place]),
                function.views(self.gradient[:, place]),
                function.views(self.target[:, place]) if head.copied else [],
                isinstance(function, PairLinear),
            )
        self._initialize()
        self.optimizer = OPTIMIZERS[str(first["optimizer"])](self.members, self.size)
        self.conditioned = self.table and first["optimizer"] == "sgd"
        self.memory = {
            name: np.array([[v[start] if isinstance(start, str) else start] for v in self.values], dtype=np.float32)
            for name, start in self.algorithm.memory(first).items()
        }
        self._work: dict[tuple[str, int, bool], Workspace] = {}
        self.feed = self._make_feed()
        self._view: Feed | None = None
        self._quantile_rows: Array | None = None
        self.start_states, self.start_shares = _start(self.dataset)

    def _function(self, head: Head, pairs: bool) -> Function:
        outputs = 1 if head.scalar else self.dataset.n_actions
        if self.table:
            return Table(self.rows.n_states, outputs)
        if pairs:
            return PairLinear(self.rows.pair_features.shape[0], outputs)
        assert self.encoding is not None
        hidden = str(self.values[0]["hidden"]) if self.approximator == "mlp" else ""
        return Network(
            self.encoding.size, tuple(int(h) for h in hidden.split("-") if h), outputs, one_hot=self.encoding.one_hot
        )

    def _initialize(self) -> None:
        for member, (seed, values) in enumerate(zip(self.seeds, self.values, strict=True)):
            for name, part in self.parts.items():
                stream = int.from_bytes(name.encode()[:6], "little")
                rng = np.random.Generator(np.random.Philox(key=[seed, stream]))
                start = (values["initial_value"], values["initial_spread"]) if part.head.starts else (0.0, 0.0)
                self.parameters[member, part.place] = part.function.initial(rng, float(start[0]), float(start[1]))
        self.target[...] = self.parameters[:, : self.target_size]

    def _make_feed(self) -> Feed:
        first = self.values[0]
        size = int(first["batch_size"])
        columns = self.algorithm.columns(first)
        gammas = self._gammas()
        if self.table:
            if size == 0:
                return FullFeed(self.rows, columns, self.members, Inputs(), gammas)
            return TableFeed(self.rows, columns, self.seeds, Inputs(), gammas, size)
        if size == 0 and self.dataset.tabular:
            return FullFeed(self.rows, columns, self.members, self.inputs(np.arange(self.rows.n_states)), gammas)
        fixed = np.arange(self.rows.n) if size == 0 else None
        return self._network_feed(size, fixed)

    def _network_feed(self, size: int, fixed: Array | None, counts: bool = False) -> NetworkFeed:
        assert self.encoding is not None
        reads = {place for p in self.parts.values() for place in (*p.head.reads, *p.head.target_reads)}
        return NetworkFeed(
            self.rows,
            self.algorithm.columns(self.values[0]),
            self.seeds,
            self.encoding,
            any(p.pairs for p in self.parts.values()),
            self._gammas(),
            size,
            "next" in reads,
            counts or self.algorithm.uses_counts(self.values[0]),
            fixed,
        )

    def _gammas(self) -> Array:
        return np.array([float(v.get("gamma", 1.0)) for v in self.values])

    def _make_view(self) -> Feed:
        """What a snapshot looks at: every state and row of tabular data, the probe rows of continuous data."""
        if self.dataset.tabular:
            inputs = self.inputs(np.arange(self.rows.n_states))
            return FullFeed(self.rows, self.algorithm.columns(self.values[0]), self.members, inputs, self._gammas())
        return self._network_feed(0, probe_rows(self.dataset))

    def inputs(self, observations: Array) -> Inputs:
        """What the functions see of these observations."""
        if self.encoding is None:
            return Inputs()
        x = self.encoding.inputs(observations)
        if any(p.pairs for p in self.parts.values()):
            features = self.rows.pair_features[:, :, observations]
            x.pairs = features.reshape(1, len(features), -1)
        return x

    # hyperparameters

    def set_values(self, values: Sequence[Mapping[str, Value]]) -> None:
        """Take over one dict of hyperparameters per member; acts on the next update."""
        before = self.values
        self.values = [dict(v) for v in values]
        prepared: dict[str, Any] = {}
        for name, declared in self.declared.items():
            column = [v[name] for v in self.values]
            prepared[name] = np.array(column, dtype=np.float32)[:, None] if declared.numeric else column[0]
        self.hp = Values(prepared)
        self._lambda: Array | None = None
        self._needs_lambda = "lambda_return" in self.algorithm.columns(self.values[0])
        if hasattr(self, "feed"):
            names = [n for n, h in self.declared.items() if not h.numeric or n == "gamma"]
            if any(a[n] != b[n] for a, b in zip(before, self.values, strict=True) for n in names):
                self._replan(before[0])

    def _replan(self, before: Mapping[str, Value]) -> None:
        """A live choice changed: what is read may have, the parameters have not."""
        for head in self.algorithm.heads(self.values[0]):
            self.parts[head.name].head = head
        if before.get("target_update") == "none" != self.values[0].get("target_update"):
            self.target[...] = self.parameters[:, : self.target_size]
        self.feed = self._make_feed()
        self._view = self._quantile_rows = None
        self._work.clear()

    # one update

    def update(self) -> None:
        """One gradient step of every member."""
        drawn = self.feed.draw(self.updates)
        batch = self.evaluate(drawn)
        self._backward(drawn, self.algorithm.losses(batch, self.hp))
        self.updates += 1
        self.optimizer.step(self.parameters, self.gradient, self.hp.learning_rate, self.updates)
        if self.target_size:
            self._update_target()

    def observe(self) -> Batch:
        """The view of a snapshot, with all outputs."""
        if self._view is None:
            self._view = self._make_view()
        return self.evaluate(self._view.draw(self.updates))

    def quantile_rows(self, limit: int) -> Array:
        """Rows of the view that stand for all rows of the data, evenly spread."""
        if self._quantile_rows is None:
            if self.dataset.tabular:
                merged = self.rows.merged(self.algorithm.columns(self.values[0]), self._gammas())
                self._quantile_rows = merged.of_row[
                    np.linspace(0, self.rows.n - 1, min(limit, self.rows.n)).astype(int)
                ]
            else:
                self._quantile_rows = np.arange(len(probe_rows(self.dataset)))
        return self._quantile_rows

    def probe_counts(self, batch: Batch) -> Array:
        """`(1, A, U)`: which action each probe row shows (continuous states are taken to be seen once)."""
        return np.ascontiguousarray(np.eye(self.dataset.n_actions, dtype=np.float32)[batch.action[0]].T[None])

    def around(self, row: int) -> tuple[Batch, int]:
        """A batch with outputs that holds row `row` of the data, and its place there: the view of a snapshot, or for
        continuous data the row before the probe rows."""
        if self.dataset.tabular:
            merged = self.rows.merged(self.algorithm.columns(self.values[0]), self._gammas())
            return self.observe(), int(merged.of_row[row])
        numbers = np.concatenate([[row], probe_rows(self.dataset)])
        return self.evaluate(self._network_feed(0, numbers, counts=True).draw(self.updates)), 0

    def pending_losses(self) -> dict[str, Loss]:
        """The losses of the update that comes next; nothing changes."""
        memory = dict(self.memory)
        losses = self.algorithm.losses(self.evaluate(self.feed.draw(self.updates)), self.hp)
        self.memory = memory
        return losses

    def outputs_at(self, observations: Array) -> Batch:
        """A batch without rows: the outputs at any observations, as `s`: `(N,)` states or `(N, D)` vectors for all
        members, or `(M, N, D)` vectors, for each member its own."""
        own = observations.ndim == 3
        states = observations.shape[1] if own else len(observations)
        x = self.inputs(observations)
        batch = Batch(self.members, self.dataset.n_actions, states, 1)
        if self.algorithm.uses_counts(self.values[0]):
            counts = self.rows.counts_of(observations.reshape(-1, observations.shape[2]) if own else observations)
            batch.counts = counts.reshape(-1, self.members, states).swapaxes(0, 1) if own else counts
        for name, part in self.parts.items():
            work = part.function.workspace(self.members, states)
            out = part.function.evaluate(part.layers, x, work)
            batch.outputs[name] = out[:, :, observations] if self.table else out
        return batch

    def lambda_returns(self) -> Array:
        """`(M, N)` `G^λ` of every row, with the value network's copy; computed again when the copy moves."""
        if self._lambda is None:
            self._lambda = self.rows.lambda_returns(self._next_values(), self.hp.gamma, self.hp.trace_decay)
        return self._lambda

    def _next_values(self) -> Array:
        """`(M, N)` `V(s')` of every row by the value network's copy."""
        part = self.parts["value"]
        if self.dataset.tabular:
            everywhere = np.arange(self.rows.n_states)
            work = part.function.workspace(self.members, len(everywhere))
            values = part.function.evaluate(part.target, self.inputs(everywhere), work)
            return np.asarray(values[:, 0, self.rows.next_states])
        following = self.dataset.next_observations
        out = np.empty((self.members, len(following)), np.float32)
        for start in range(0, len(following), 4096):
            some = following[start : start + 4096]
            work = part.function.workspace(self.members, len(some))
            out[:, start : start + len(some)] = part.function.evaluate(part.target, self.inputs(some), work)[:, 0]
        return out

    def evaluate(self, drawn: Drawn) -> Batch:
        """Fill in the outputs that the losses read."""
        batch = drawn.batch
        if self._needs_lambda:
            every = np.arange(self.members)[:, None]
            batch.columns = {**batch.columns, "lambda_return": self.lambda_returns()[every, drawn.numbers]}
        batch.memory = self.memory
        batch.curvature = self.conditioned
        for name, part in self.parts.items():
            self._read(batch, drawn, name, part, part.head.reads, part.layers, False)
            if part.head.target_reads:
                self._read(batch, drawn, f"target_{name}", part, part.head.target_reads, part.target, True)
        return batch

    def _read(
        self,
        batch: Batch,
        drawn: Drawn,
        name: str,
        part: Part,
        places: tuple[str, ...],
        layers: list[Array],
        copy: bool,
    ) -> None:
        function = part.function
        if drawn.merged:
            work = self._workspace(part.head.name, 0 if self.table else batch.states, copy)
            out = function.evaluate(layers, drawn.both, work)
            batch.outputs[name] = batch.outputs[f"{name}_next"] = out
        elif len(places) == 2:
            work = self._workspace(part.head.name, 2 * batch.states, copy)
            out = function.evaluate(layers, drawn.both, work)
            batch.outputs[name] = out[:, :, : batch.states]
            batch.outputs[f"{name}_next"] = out[:, :, batch.states :]
        else:
            work = self._workspace(part.head.name, batch.states, copy)
            here = places[0] == "s"
            out = function.evaluate(layers, drawn.s if here else drawn.next, work)
            batch.outputs[name if here else f"{name}_next"] = out

    def _workspace(self, name: str, states: int, copy: bool) -> Workspace:
        key = (name, states, copy)
        if key not in self._work:
            self._work[key] = self.parts[name].function.workspace(self.members, states)
        return self._work[key]

    def _backward(self, drawn: Drawn, losses: Mapping[str, Loss]) -> None:
        batch = drawn.batch
        total: dict[str, Array] = {}
        curvature: dict[str, Array] = {}
        for loss in losses.values():
            for name, gradient in loss.gradients.items():
                key = name.removesuffix("_next") if drawn.merged else name
                total[key] = total[key] + gradient if key in total else gradient
                if self.conditioned and name in loss.curvature:
                    bound = loss.curvature[name]
                    curvature[key] = curvature[key] + bound if key in curvature else bound
        for name, part in self.parts.items():
            here, there = total.get(name), total.get(f"{name}_next")
            if here is None and there is None:
                self.gradient[:, part.place] = 0
            elif drawn.merged:
                assert here is not None
                if self.conditioned:
                    _precondition(here, curvature[name], part.gradient[0])
                else:
                    work = self._workspace(name, 0 if self.table else batch.states, False)
                    part.function.gradient(part.layers, drawn.both, work, here, part.gradient)
            elif len(part.head.reads) == 2:
                work = self._workspace(name, 2 * batch.states, False)
                if there is not None:
                    zero = np.zeros((self.members, there.shape[1], batch.states), np.float32)
                    here = np.concatenate([zero if here is None else here, there], axis=2)
                assert here is not None
                part.function.gradient(part.layers, drawn.both, work, here, part.gradient)
            else:
                work = self._workspace(name, batch.states, False)
                x, at = (drawn.s, here) if here is not None else (drawn.next, there)
                assert at is not None
                part.function.gradient(part.layers, x, work, at, part.gradient)

    def _update_target(self) -> None:
        online = self.parameters[:, : self.target_size]
        kind = self.values[0].get("target_update", "hard")
        if kind == "soft":
            self.target += self.hp.target_rate * (online - self.target)
        elif kind == "hard":
            due = [self.updates % int(v["target_period"]) == 0 for v in self.values]
            if any(due):
                self._lambda = None
                np.copyto(self.target, online, where=np.array(due)[:, None])

    # state

    def subset(self, members: Sequence[int]) -> Program:
        """A program of some of the members, at the same point."""
        part = Program(
            self.dataset,
            self.rows,
            self.algorithm,
            self.approximator,
            [self.values[i] for i in members],
            [self.seeds[i] for i in members],
            list(self.declared.values()),
        )
        part.restore({name: array[list(members)] for name, array in self.arrays().items()}, self.updates)
        return part

    def row_of(self, drawn: Drawn, column: int) -> int:
        """The row of the data behind column `column` of the batch's rows."""
        return int(drawn.numbers[0][column])

    def state_of_row(self, row: int) -> int:
        """The state of a row; −1 for continuous observations."""
        return int(self.rows.states[row]) if self.dataset.tabular else -1

    def state_of(self, drawn: Drawn, name: str, column: int) -> int:
        """The state behind column `column` of an output; −1 for continuous observations."""
        if not self.dataset.tabular:
            return -1
        if drawn.merged:
            return column
        row = self.row_of(drawn, column)
        return int(self.rows.next_states[row] if name.endswith("_next") else self.rows.states[row])

    def arrays(self) -> dict[str, Array]:
        """Everything that changes from update to update, by name; `(M, …)` each, not copied."""
        state = {"parameters": self.parameters, "target": self.target}
        state |= {f"optimizer_{k}": v for k, v in self.optimizer.state.items()}
        return state | {f"memory_{k}": v for k, v in self.memory.items()}

    def restore(self, arrays: Mapping[str, Array], updates: int) -> None:
        """Put back what `arrays` gave."""
        for name, array in self.arrays().items():
            array[...] = arrays[name]
        self.updates = updates
        self._lambda = None


def block_size(rows: Rows, approximator: str, values: Mapping[str, Value]) -> int:
    """How many members to train in one program: together they should stay in the processor's cache."""
    size = int(values["batch_size"])
    if approximator == "table":
        floats = 8 * (min(size or rows.n, rows.n) + rows.n_states * rows.n_actions)
    else:
        widths = [int(w) for w in str(values.get("hidden", "")).split("-") if w]
        states = 2 * (size or rows.n)
        floats = (2 * sum(widths) + 4 * rows.n_actions) * states
    return int(np.clip(CACHE_BYTES // (4 * floats), 4, 256))


def _start(dataset: Dataset) -> tuple[Array, Array]:
    """States of the view where an episode begins, and their shares: of the world where it is known, else of "
    "the data."""
    if not dataset.tabular:
        starts = np.flatnonzero(np.isin(probe_rows(dataset), dataset.episode_starts))
        return starts, np.full(len(starts), 1 / len(starts))
    initial = (
        dataset.mdp.initial
        if dataset.mdp is not None
        else np.bincount(dataset.initial_observations, minlength=dataset.n_states or 0) / dataset.n_episodes
    )
    states = np.flatnonzero(initial)
    return states, initial[states]


def _precondition(gradient: Array, curvature: Array, out: Array) -> None:
    """`gradient / curvature`, 0 where there is no curvature; what is not a number stays so."""
    out[...] = 0
    np.divide(gradient, curvature, out=out, where=curvature != 0)
