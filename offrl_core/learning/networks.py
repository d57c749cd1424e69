"""The networks of a program: one function per head, all members' parameters side by side in flat arrays.

`Networks` is what a program asks for, wherever the numbers lie; `NumpyNetworks` keeps them in numpy's arrays, and
`in_torch/networks.py` on a device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Algorithm, Head, Loss
from offrl_core.declarations import Value
from offrl_core.learning.approximators import Function, Inputs, Network, PairLinear, Table, Workspace
from offrl_core.learning.encodings import Encoding
from offrl_core.learning.members import MAX_MEMBERS
from offrl_core.learning.optimizers import OPTIMIZERS
from offrl_core.learning.rows import Rows
from offrl_core.learning.sampling import Drawn

Array = npt.NDArray[Any]

CACHE_BYTES, DEVICE_BYTES = 4_000_000, 4_000_000_000
WIDE_FLOATS = 1_000_000
"""A member that needs this many numbers for an update gains nothing from others beside it in the same operations."""


@dataclass(slots=True)
class HeadNetwork:
    """One head's function, where its parameters stand in the flat arrays, and in numpy's its layers there as views."""

    head: Head
    function: Function
    place: slice
    layers: list[Array] = field(default_factory=list)
    gradient: list[Array] = field(default_factory=list)
    target: list[Array] = field(default_factory=list)


class AtOutputs(NamedTuple):
    """What a backward pass starts from, of one network.

    Attributes:
        network: which.
        x: what it was evaluated at, `states` columns.
        states: how many.
        gradient: at its outputs, in the first columns: `(M, A, U)`; None where no loss reads it.
        curvature: what to divide by, where the step asks for it.
    """

    network: HeadNetwork
    x: Inputs
    states: int
    gradient: Array | None
    curvature: Array | None


class Networks(ABC):
    """Parameters, gradients and target copies of all heads; evaluated where a batch needs them, and differentiated.

    Args: as of the `Program` that they belong to.

    Attributes:
        members: `M`.
        size: parameters of a member, `P`.
        copied: how many of them, the first, have a target copy: `P'`.
        by_name: head → its network.
        table: whether the functions are tables.
        pairs: whether Q is linear in features of pairs.
        by_number: whether inputs are given as numbers of states or rows that lie where the parameters do.
        conditioned: gradients are divided by the losses' curvature (the table's SGD).
    """

    by_number = False

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
        self.members, self.size = len(seeds), int(ends[-1])
        self.copied = sum(function.size for head, function in zip(heads, functions, strict=True) if head.copied)
        self.by_name: dict[str, HeadNetwork] = {}
        for head, function, end in zip(heads, functions, ends, strict=True):
            place = slice(int(end) - function.size, int(end))
            self.by_name[head.name] = HeadNetwork(head, function, place)

    def _function(self, head: Head) -> Function:
        outputs = 1 if head.scalar else self.rows.n_actions
        if self.table:
            return Table(self.rows.n_states, outputs)
        if self.pairs and not head.scalar:
            return PairLinear(len(self.rows.pair_features), outputs)
        assert self.encoding is not None
        return Network(self.encoding.size, self._hidden, outputs, one_hot=self.encoding.one_hot)

    def _initialize(self, parameters: Array, values: Sequence[Mapping[str, Value]], seeds: Sequence[int]) -> None:
        """Draw the start `parameters (M, P)`."""
        for member, (seed, own) in enumerate(zip(seeds, values, strict=True)):
            for name, network in self.by_name.items():
                stream = int.from_bytes(name.encode()[:6], "little")
                rng = np.random.Generator(np.random.Philox(key=[seed, stream]))
                start = (own["initial_value"], own["initial_spread"]) if network.head.starts else (0.0, 0.0)
                parameters[member, network.place] = network.function.initial(rng, float(start[0]), float(start[1]))

    # state

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """`parameters (M, P)`, `target (M, P')` and the optimiser's numbers `optimizer_… (M, P)`, float32."""

    @abstractmethod
    def kept(self) -> dict[str, Any]:
        """Copies of the same that `restore` puts back; wherever they are quickest to make."""

    @abstractmethod
    def restore(self, arrays: Mapping[str, Any]) -> None:
        """Put back what `arrays` or `kept` gave."""

    @abstractmethod
    def finite(self) -> bool:
        """False where a number is not finite; it may also be where a sum overflows."""

    # evaluating

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

    @abstractmethod
    def evaluate(self, name: str, x: Inputs, states: int, *, copy: bool = False) -> Array:
        """A head's outputs `(M, A, U)` at `states` inputs, or its target copy's; the caller keeps them."""

    def output(self, name: str, drawn: Drawn) -> Array:
        """One output by its name in batches (`q`, `q_next`, `target_q_next` …), without a gradient to follow."""
        at_s = name.removesuffix("_next")
        head = at_s.removeprefix("target_")
        x = drawn.both if drawn.merged else drawn.s if at_s == name else drawn.next
        return self._looked_at(name, self.by_name[head], x, drawn.batch.states, at_s != head)

    def _looked_at(self, name: str, network: HeadNetwork, x: Inputs, states: int, copy: bool) -> Array:
        """The output `name` of a batch, by its network; it may be overwritten when it is asked for again."""
        return self.evaluate(network.head.name, x, states, copy=copy)

    def forward(self, drawn: Drawn) -> None:
        """Put all outputs that the losses read into the batch."""
        for network in self.by_name.values():
            self._read(drawn, network, network.head.reads, False)
            if network.head.target_reads:
                self._read(drawn, network, network.head.target_reads, True)

    def _read(self, drawn: Drawn, network: HeadNetwork, places: tuple[str, ...], copy: bool) -> None:
        outputs, states = drawn.batch.outputs, drawn.batch.states
        name = f"target_{network.head.name}" if copy else network.head.name
        if drawn.merged:
            outputs[name] = outputs[f"{name}_next"] = self._forward(network, drawn.both, states, copy)
        elif len(places) == 2:
            out = self._forward(network, drawn.both, 2 * states, copy)
            outputs[name], outputs[f"{name}_next"] = out[:, :, :states], out[:, :, states:]
        else:
            here = places[0] == "s"
            x = drawn.s if here else drawn.next
            outputs[name if here else f"{name}_next"] = self._forward(network, x, states, copy)

    @abstractmethod
    def _forward(self, network: HeadNetwork, x: Inputs, states: int, copy: bool) -> Array:
        """Outputs, of which those that are no copy's will be differentiated."""

    def forget_workspaces(self) -> None:  # noqa: B027 - only where there are any
        """Drop all buffers: what is read, and at how many states, has changed."""

    # moving

    @abstractmethod
    def backward(self, drawn: Drawn, losses: Mapping[str, Loss]) -> None:
        """Find the gradient of the sum of the losses; the batch's outputs must be those of `forward`."""

    def at_outputs(self, drawn: Drawn, losses: Mapping[str, Loss]) -> Iterator[AtOutputs]:
        """Each network with the sum of the losses' gradients at its outputs."""
        total, curvature = self._sums(losses, drawn.merged)
        states = drawn.batch.states
        for name, network in self.by_name.items():
            here, there = total.get(name), total.get(f"{name}_next")
            if drawn.merged or (here is None and there is None):
                yield AtOutputs(network, drawn.both, states, here, curvature.get(name))
            elif len(network.head.reads) == 2:
                if there is not None:
                    zero = np.zeros((self.members, there.shape[1], states), np.float32)
                    here = np.concatenate([zero if here is None else here, there], axis=2)
                yield AtOutputs(network, drawn.both, 2 * states, here, None)
            else:
                x, at = (drawn.s, here) if here is not None else (drawn.next, there)
                yield AtOutputs(network, x, states, at, None)

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

    @abstractmethod
    def step(self, learning_rate: Array, updates: int) -> None:
        """Move the parameters against the gradient; `updates` counts this one, from 1."""

    @abstractmethod
    def copy(self, where: Array | None = None) -> None:
        """The target copy becomes the parameters, of the members `where (M,)`, or of all."""

    @abstractmethod
    def follow(self, rate: Array) -> None:
        """The target copy moves a share `rate (M, 1)` of the way to the parameters."""


class NumpyNetworks(Networks):
    """Networks whose numbers are numpy's arrays, with gradients written out by hand.

    Attributes:
        parameters, gradient: `(M, P)` float32.
        target: `(M, P')`: copies of the first `P'` parameters.
    """

    def __init__(
        self,
        rows: Rows,
        algorithm: Algorithm,
        approximator: str,
        values: Sequence[Mapping[str, Value]],
        seeds: Sequence[int],
        *,
        draw: bool = True,
    ) -> None:
        super().__init__(rows, algorithm, approximator, values, seeds)
        self.parameters = np.zeros((self.members, self.size), np.float32)
        self.gradient = np.zeros_like(self.parameters)
        self.target = np.zeros((self.members, self.copied), np.float32)
        for network in self.by_name.values():
            function, place = network.function, network.place
            network.layers = function.views(self.parameters[:, place])
            network.gradient = function.views(self.gradient[:, place])
            network.target = function.views(self.target[:, place]) if network.head.copied else []
        self.optimizer = OPTIMIZERS[str(values[0]["optimizer"])](self.members, self.size)
        if draw:
            self._initialize(self.parameters, values, seeds)
            self.copy()
        self.forget_workspaces()

    @property
    def online(self) -> Array:
        """`(M, P')` the parameters that have a target copy."""
        return self.parameters[:, : self.copied]

    def arrays(self) -> dict[str, Array]:
        state = {"parameters": self.parameters, "target": self.target}
        return state | {f"optimizer_{k}": v for k, v in self.optimizer.state.items()}

    def kept(self) -> dict[str, Any]:
        return {name: array.copy() for name, array in self.arrays().items()}

    def restore(self, arrays: Mapping[str, Any]) -> None:
        for name, array in self.arrays().items():
            array[...] = arrays[name]

    def finite(self) -> bool:
        # A sum is finite only if every term is; a sum that overflows by itself merely costs a closer look.
        return all(bool(np.isfinite(array.sum())) for array in self.arrays().values())

    def forget_workspaces(self) -> None:
        self._work: dict[tuple[str, int], Workspace] = {}
        self._buffers: dict[tuple[str, int], Workspace] = {}

    def evaluate(self, name: str, x: Inputs, states: int, *, copy: bool = False) -> Array:
        network = self.by_name[name]
        return _evaluated(network, x, network.function.workspace(self.members, states), copy)

    def _looked_at(self, name: str, network: HeadNetwork, x: Inputs, states: int, copy: bool) -> Array:
        return _evaluated(network, x, self._lent(network.head.name, f"shown {name}", states), copy)

    def _forward(self, network: HeadNetwork, x: Inputs, states: int, copy: bool) -> Array:
        return _evaluated(network, x, self._workspace(network.head.name, states, copy), copy)

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

    def backward(self, drawn: Drawn, losses: Mapping[str, Loss]) -> None:
        """Write `gradient`."""
        for network, x, states, at, curvature in self.at_outputs(drawn, losses):
            if at is None:
                self.gradient[:, network.place] = 0
            elif curvature is not None:
                precondition(at, curvature, network.gradient[0])
            else:
                work = self._workspace(network.head.name, states, False)
                network.function.gradient(network.layers, x, work, at, network.gradient)

    def step(self, learning_rate: Array, updates: int) -> None:
        self.optimizer.step(self.parameters, self.gradient, learning_rate, updates)

    def copy(self, where: Array | None = None) -> None:
        np.copyto(self.target, self.online, where=True if where is None else where[:, None])

    def follow(self, rate: Array) -> None:
        self.target += rate * (self.online - self.target)


class Outputs(dict[str, Array]):
    """The outputs of a batch by name, evaluated when they are asked for."""

    def __init__(self, networks: Networks, drawn: Drawn) -> None:
        super().__init__()
        self._networks, self._drawn = networks, drawn

    def __missing__(self, name: str) -> Array:
        at_s = name.removesuffix("_next")
        # Where rows are merged every state is evaluated once, on whichever side of a row it stands.
        merged = self._drawn.merged and at_s != name
        self[name] = self[at_s] if merged else self._networks.output(name, self._drawn)
        return self[name]


def _evaluated(network: HeadNetwork, x: Inputs, work: Workspace, copy: bool) -> Array:
    """A network's outputs, or its target copy's, in the workspace's memory."""
    return network.function.evaluate(network.target if copy else network.layers, x, work)


def precondition(gradient: Array, curvature: Array, out: Array) -> None:
    """`gradient / curvature`, 0 where there is no curvature; what is not a number stays so."""
    out[...] = 0
    np.divide(gradient, curvature, out=out, where=curvature != 0)


def block_size(rows: Rows, approximator: str, values: Mapping[str, Value], device: str) -> int:
    """How many members to train in one program: together they should stay in the processor's cache, or fill a good part
    of a device."""
    size = int(values["batch_size"])
    if approximator == "table":
        floats = 8 * (min(size or rows.n, rows.n) + rows.n_states * rows.n_actions)
    else:
        widths = [int(w) for w in str(values.get("hidden", "")).split("-") if w]
        states = 2 * (size or rows.n)
        floats = (2 * sum(widths) + 4 * rows.n_actions) * states
    if device != "cpu":
        return int(np.clip(DEVICE_BYTES // (4 * floats), 1, MAX_MEMBERS))
    return int(np.clip(CACHE_BYTES // (4 * floats), 4 if floats < WIDE_FLOATS else 1, 256))
