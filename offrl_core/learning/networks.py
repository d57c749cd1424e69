"""The networks of a program: one function per head, all members' parameters side by side in flat arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Algorithm, Head, Loss
from offrl_core.declarations import Value
from offrl_core.learning.approximators import Function, Inputs, Network, PairLinear, Table, Workspace
from offrl_core.learning.encodings import Encoding
from offrl_core.learning.rows import Rows
from offrl_core.learning.sampling import Drawn

Array = npt.NDArray[Any]

CACHE_BYTES = 4_000_000


@dataclass(slots=True)
class HeadNetwork:
    """One head's function, where its parameters stand in the flat arrays, and its layers there as views."""

    head: Head
    function: Function
    place: slice
    layers: list[Array]
    gradient: list[Array]
    target: list[Array]


class Networks:
    """Parameters, gradients and target copies of all heads; evaluated where a batch needs them, and differentiated.

    Args: as of the `Program` that they belong to.

    Attributes:
        parameters, gradient: `(M, P)` float32.
        target: `(M, P')`: copies of the first `P'` parameters.
        by_name: head → its network.
        conditioned: gradients are divided by the losses' curvature (the table's SGD).
    """

    def __init__(
        self,
        rows: Rows,
        algorithm: Algorithm,
        approximator: str,
        values: Sequence[Mapping[str, Value]],
        seeds: Sequence[int],
    ) -> None:
        self.rows, self.table = rows, approximator == "table"
        self.conditioned = self.table and values[0]["optimizer"] == "sgd"
        self.encoding: Encoding | None = None if self.table else rows.encoding(str(values[0]["encoding"]))
        self.pairs = approximator == "linear" and rows.dataset.action_features is not None
        hidden = str(values[0]["hidden"]) if approximator == "mlp" else ""
        self._hidden = tuple(int(width) for width in hidden.split("-") if width)
        # Heads with a target copy come first, so that the copy is one slice.
        heads = sorted(algorithm.heads(values[0]), key=lambda head: not head.copied)
        functions = [self._function(head) for head in heads]
        ends = np.cumsum([function.size for function in functions]).tolist()
        copied = sum(function.size for head, function in zip(heads, functions, strict=True) if head.copied)
        members = self.members = len(seeds)
        self.parameters = np.zeros((members, int(ends[-1])), np.float32)
        self.gradient = np.zeros_like(self.parameters)
        self.target = np.zeros((members, copied), np.float32)
        self.by_name: dict[str, HeadNetwork] = {}
        for head, function, end in zip(heads, functions, ends, strict=True):
            place = slice(int(end) - function.size, int(end))
            self.by_name[head.name] = HeadNetwork(
                head,
                function,
                place,
                function.views(self.parameters[:, place]),
                function.views(self.gradient[:, place]),
                function.views(self.target[:, place]) if head.copied else [],
            )
        self._initialize(values, seeds)
        self.forget_workspaces()

    def _function(self, head: Head) -> Function:
        outputs = 1 if head.scalar else self.rows.n_actions
        if self.table:
            return Table(self.rows.n_states, outputs)
        if self.pairs and not head.scalar:
            return PairLinear(len(self.rows.pair_features), outputs)
        assert self.encoding is not None
        return Network(self.encoding.size, self._hidden, outputs, one_hot=self.encoding.one_hot)

    def _initialize(self, values: Sequence[Mapping[str, Value]], seeds: Sequence[int]) -> None:
        for member, (seed, own) in enumerate(zip(seeds, values, strict=True)):
            for name, network in self.by_name.items():
                stream = int.from_bytes(name.encode()[:6], "little")
                rng = np.random.Generator(np.random.Philox(key=[seed, stream]))
                start = (own["initial_value"], own["initial_spread"]) if network.head.starts else (0.0, 0.0)
                self.parameters[member, network.place] = network.function.initial(rng, float(start[0]), float(start[1]))
        self.copy()

    @property
    def online(self) -> Array:
        """`(M, P')` the parameters that have a target copy."""
        return self.parameters[:, : self.target.shape[1]]

    def copy(self) -> None:
        """The target copy becomes the parameters."""
        self.target[...] = self.online

    def inputs(self, observations: Array) -> Inputs:
        """What the functions see: of `(U,)` states or `(U, D)` vectors for all members, or of each member's own
        `(M, U, D)`."""
        if self.encoding is None:
            return Inputs()
        x = self.encoding.inputs(observations)
        if self.pairs:
            features = self.rows.pair_features[:, :, observations]
            x.pairs = features.reshape(1, len(features), -1)
        return x

    def forget_workspaces(self) -> None:
        """Drop all buffers: what is read, and at how many states, has changed."""
        self._work: dict[tuple[str, int], Workspace] = {}
        self._buffers: dict[tuple[str, int], Workspace] = {}

    def forward(self, drawn: Drawn) -> None:
        """Put all outputs that the losses read into the batch."""
        for name, network in self.by_name.items():
            self._read(drawn, name, network, network.head.reads, network.layers, False)
            if network.head.target_reads:
                self._read(drawn, f"target_{name}", network, network.head.target_reads, network.target, True)

    def _read(
        self, drawn: Drawn, name: str, network: HeadNetwork, places: tuple[str, ...], layers: list[Array], copy: bool
    ) -> None:
        outputs, states, function = drawn.batch.outputs, drawn.batch.states, network.function
        if drawn.merged:
            work = self._workspace(network.head.name, 0 if self.table else states, copy)
            outputs[name] = outputs[f"{name}_next"] = function.evaluate(layers, drawn.both, work)
        elif len(places) == 2:
            work = self._workspace(network.head.name, 2 * states, copy)
            out = function.evaluate(layers, drawn.both, work)
            outputs[name], outputs[f"{name}_next"] = out[:, :, :states], out[:, :, states:]
        else:
            work = self._workspace(network.head.name, states, copy)
            here = places[0] == "s"
            outputs[name if here else f"{name}_next"] = function.evaluate(layers, drawn.s if here else drawn.next, work)

    def _workspace(self, name: str, states: int, copy: bool) -> Workspace:
        if copy:
            return self._lent(name, f"target_{name}", states)
        if (name, states) not in self._work:
            self._work[name, states] = self.by_name[name].function.workspace(self.members, states)
        return self._work[name, states]

    def _lent(self, head: str, use: str, states: int) -> Workspace:
        """Buffers for an evaluation that no gradient follows: outputs for each `use`, hidden layers shared by all."""
        if (use, states) not in self._buffers:
            function = self.by_name[head].function
            of_size = (work for work in self._buffers.values() if work.hidden and work.states == states)
            self._buffers[use, states] = function.workspace(self.members, states, next(of_size, None))
        return self._buffers[use, states]

    def output(self, name: str, drawn: Drawn) -> Array:
        """One output by its name in batches (`q`, `q_next`, `target_q_next` …), without a gradient to follow."""
        at_s = name.removesuffix("_next")
        head = at_s.removeprefix("target_")
        x = drawn.both if drawn.merged else drawn.s if at_s == name else drawn.next
        network, copy = self.by_name[head], at_s != head
        work = self._lent(head, f"shown {name}", drawn.batch.states)
        return network.function.evaluate(network.target if copy else network.layers, x, work)

    def backward(self, drawn: Drawn, losses: Mapping[str, Loss]) -> None:
        """Write the gradient of the sum of the losses; the batch's outputs must be those of `forward`."""
        total, curvature = self._sums(losses, drawn.merged)
        states = drawn.batch.states
        for name, network in self.by_name.items():
            here, there = total.get(name), total.get(f"{name}_next")
            if here is None and there is None:
                self.gradient[:, network.place] = 0
            elif drawn.merged:
                assert here is not None
                if self.conditioned and name in curvature:
                    _precondition(here, curvature[name], network.gradient[0])
                else:
                    work = self._workspace(name, 0 if self.table else states, False)
                    network.function.gradient(network.layers, drawn.both, work, here, network.gradient)
            elif len(network.head.reads) == 2:
                work = self._workspace(name, 2 * states, False)
                if there is not None:
                    zero = np.zeros((self.members, there.shape[1], states), np.float32)
                    here = np.concatenate([zero if here is None else here, there], axis=2)
                assert here is not None
                network.function.gradient(network.layers, drawn.both, work, here, network.gradient)
            else:
                work = self._workspace(name, states, False)
                x, at = (drawn.s, here) if here is not None else (drawn.next, there)
                assert at is not None
                network.function.gradient(network.layers, x, work, at, network.gradient)

    def _sums(self, losses: Mapping[str, Loss], merged: bool) -> tuple[dict[str, Array], dict[str, Array]]:
        """Gradients and curvatures by output, summed over the losses; of merged states `s` and `s′` are the same."""
        total: dict[str, Array] = {}
        curvature: dict[str, Array] = {}
        for loss in losses.values():
            for name, gradient in loss.gradients.items():
                key = name.removesuffix("_next") if merged else name
                total[key] = total[key] + gradient if key in total else gradient
                if self.conditioned and name in loss.curvature:
                    bound = loss.curvature[name]
                    curvature[key] = curvature[key] + bound if key in curvature else bound
        return total, curvature


class Outputs(dict[str, Array]):
    """The outputs of a batch by name, evaluated when they are asked for."""

    def __init__(self, networks: Networks, drawn: Drawn) -> None:
        super().__init__()
        self._networks, self._drawn = networks, drawn

    def __missing__(self, name: str) -> Array:
        self[name] = self._networks.output(name, self._drawn)
        return self[name]


def _precondition(gradient: Array, curvature: Array, out: Array) -> None:
    """`gradient / curvature`, 0 where there is no curvature; what is not a number stays so."""
    out[...] = 0
    np.divide(gradient, curvature, out=out, where=curvature != 0)


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
