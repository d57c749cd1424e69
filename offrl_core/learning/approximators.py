"""Table, linear function and MLP, evaluated for all members at once, with gradients written out by hand.

A member's parameters are one row of a flat `(M, P)` array; each function reads and writes views of it. Outputs are `(M,
A, U)`. Biases are a last column of the weights, fed by a row of ones in every input, so that one matrix product does
both. `evaluate` keeps what `gradient` needs in its workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from offrl_core.learning import products

Array = npt.NDArray[Any]


@dataclass(slots=True)
class Inputs:
    """Encoded states: `dense` or `index`, and `pairs` where the data has features of pairs.

    Attributes:
        dense: `(1 or M, F+1, U)` features, the last row all ones.
        index: `(1 or M, U)` state numbers, for one-hot features that need never be written out.
        pairs: `(1 or M, F, A·U)` features of each action in each state.
    """

    dense: Array | None = None
    index: Array | None = None
    pairs: Array | None = None

    def columns(self, part: slice, states: int) -> Inputs:
        """The inputs of a range of the `states` columns."""
        cut = Inputs(
            None if self.dense is None else self.dense[:, :, part], None if self.index is None else self.index[:, part]
        )
        if self.pairs is not None:
            lead, features, _ = self.pairs.shape
            wide = self.pairs.reshape(lead, features, -1, states)[..., part]
            cut.pairs = wide.reshape(lead, features, -1)
        return cut


class Function(Protocol):
    """A parametric function of the state."""

    size: int

    def initial(self, rng: np.random.Generator, value: float, spread: float) -> Array:
        """`(P,)` start parameters: outputs around `value` with standard deviation about `spread`."""

    def views(self, flat: Array) -> list[Array]:
        """The layers inside `flat (M, P)`."""

    def workspace(self, members: int, states: int, like: Workspace | None = None) -> Workspace:
        """Buffers for evaluating at `states` states; `like` lends its hidden layers where no gradient will follow."""

    def evaluate(self, layers: list[Array], x: Inputs, work: Workspace) -> Array:
        """Outputs `(M, A, U)`; valid until the next call with this workspace."""

    def gradient(self, layers: list[Array], x: Inputs, work: Workspace, at: Array, into: list[Array]) -> None:
        """Write `∂loss/∂parameters` into `into`, given `at = ∂loss/∂outputs` for the first columns evaluated."""


_ZEROS: WeakValueDictionary[tuple[int, ...], Array] = WeakValueDictionary()


def _zeros(shape: tuple[int, ...]) -> Array:
    """Zeros to compare with, one array for all workspaces of a size: it stays in the processor's cache."""
    found = _ZEROS.get(shape)
    if found is None:
        found = _ZEROS[shape] = np.zeros(shape, np.float32)
        found.flags.writeable = False
    return found


class Workspace:
    """Buffers of one function at one number of states: activations, and on demand their gradients."""

    def __init__(
        self, members: int, states: int, widths: tuple[int, ...], outputs: int, like: Workspace | None = None
    ) -> None:
        self.members, self.states = members, states
        # The row of ones at the end of each activation feeds the next layer's bias; ReLU leaves it alone.
        shapes = [(members, width + 1, states) for width in widths]
        self.hidden: list[Array] = [np.ones(shape, np.float32) for shape in shapes] if like is None else like.hidden
        # An array of zeros, not the number: against a scalar numpy's maximum runs five times slower.
        self.zeros = [_zeros((1, *h.shape[1:])) for h in self.hidden]
        self.out = np.empty((members, outputs, states), np.float32)
        self._back: dict[int, tuple[list[Array], list[Array]]] = {}

    def back(self, states: int) -> tuple[list[Array], list[Array]]:
        """Buffers for the gradients at the hidden layers and for the ReLU's mask."""
        if states not in self._back:
            shapes = [(self.members, h.shape[1] - 1, states) for h in self.hidden]
            self._back[states] = ([np.empty(s, np.float32) for s in shapes], [np.empty(s, bool) for s in shapes])
        return self._back[states]


class Table:
    """One free number per state and output: `(A, S)`."""

    def __init__(self, states: int, outputs: int) -> None:
        self.states, self.outputs = states, outputs
        self.size = states * outputs

    def initial(self, rng: np.random.Generator, value: float, spread: float) -> Array:
        return np.asarray(value + spread * rng.standard_normal(self.size), dtype=np.float32)

    def views(self, flat: Array) -> list[Array]:
        return [flat.reshape(len(flat), self.outputs, self.states)]

    def workspace(self, members: int, states: int, like: Workspace | None = None) -> Workspace:
        return Workspace(members, 0, (), 0)

    def evaluate(self, layers: list[Array], x: Inputs, work: Workspace) -> Array:
        return layers[0]

    def gradient(self, layers: list[Array], x: Inputs, work: Workspace, at: Array, into: list[Array]) -> None:
        into[0][...] = at


class PairLinear:
    """`θ·φ(s, a)`: one weight vector shared by all actions, no bias; the start values are those of `θ`."""

    def __init__(self, features: int, actions: int) -> None:
        self.features, self.actions = features, actions
        self.size = features

    def initial(self, rng: np.random.Generator, value: float, spread: float) -> Array:
        return np.asarray(value + spread * rng.standard_normal(self.size), dtype=np.float32)

    def views(self, flat: Array) -> list[Array]:
        return [flat[:, None, :]]

    def workspace(self, members: int, states: int, like: Workspace | None = None) -> Workspace:
        return Workspace(members, states, (), self.actions)

    def evaluate(self, layers: list[Array], x: Inputs, work: Workspace) -> Array:
        assert x.pairs is not None
        products.product(layers[0], x.pairs, out=work.out.reshape(work.members, 1, -1))
        return work.out

    def gradient(self, layers: list[Array], x: Inputs, work: Workspace, at: Array, into: list[Array]) -> None:
        pairs = x.columns(slice(0, at.shape[2]), work.states).pairs
        assert pairs is not None
        products.product(at.reshape(len(at), 1, -1), pairs.swapaxes(1, 2), out=into[0])


class Network:
    """A multilayer perceptron with ReLU; without hidden layers it is the linear function, one weight row per output.

    Hidden weights are drawn with variance `2/n` (He et al. 2015), the last layer's with `spread²/n`, where `n` is the
    sum of the squared inputs that a layer expects; biases start at 0, the last one at the asked value.

    Args:
        inputs, hidden, outputs: sizes.
        one_hot: inputs are one-hot, so that the first layer sees a single 1.
    """

    def __init__(self, inputs: int, hidden: tuple[int, ...], outputs: int, *, one_hot: bool = False) -> None:
        self.inputs, self.hidden, self.outputs = inputs, hidden, outputs
        self.one_hot = one_hot
        fan_in = (inputs, *hidden)
        self.shapes = [(out, into + 1) for into, out in zip(fan_in, (*hidden, outputs), strict=True)]
        sizes = [rows * columns for rows, columns in self.shapes]
        self.offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(int).tolist()
        self.size = int(self.offsets[-1])

    def initial(self, rng: np.random.Generator, value: float, spread: float) -> Array:
        layers = []
        for number, (rows, columns) in enumerate(self.shapes):
            last = number == len(self.shapes) - 1
            energy = 1 if number == 0 and self.one_hot else columns - 1
            weights = (spread if last else np.sqrt(2)) / np.sqrt(energy) * rng.standard_normal((rows, columns))
            weights[:, -1] = value if last else 0.0
            layers.append(weights.reshape(-1))
        return np.concatenate(layers).astype(np.float32)

    def views(self, flat: Array) -> list[Array]:
        return [
            flat[:, start:stop].reshape(len(flat), *shape)
            for start, stop, shape in zip(self.offsets, self.offsets[1:], self.shapes, strict=False)
        ]

    def workspace(self, members: int, states: int, like: Workspace | None = None) -> Workspace:
        return Workspace(members, states, self.hidden, self.outputs, like)

    def evaluate(self, layers: list[Array], x: Inputs, work: Workspace) -> Array:
        activation: Array | None = x.dense
        for number, weights in enumerate(layers):
            last = number == len(layers) - 1
            out = work.out if last else work.hidden[number][:, :-1]
            if activation is None:
                _gather_columns(weights, x.index, out)
            else:
                products.product(weights, activation, out=out)
            if not last:
                activation = work.hidden[number]
                np.maximum(activation, work.zeros[number], out=activation)
        return work.out

    def gradient(self, layers: list[Array], x: Inputs, work: Workspace, at: Array, into: list[Array]) -> None:
        states = at.shape[2]
        deltas, masks = work.back(states)
        delta = at
        for number in range(len(layers) - 1, -1, -1):
            if number == 0:
                if x.dense is None:
                    _scatter_columns(delta, x.index, into[0])
                else:
                    products.product(delta, x.dense[:, :, :states].swapaxes(1, 2), out=into[0])
                return
            activation = work.hidden[number - 1][:, :, :states]
            products.product(delta, activation.swapaxes(1, 2), out=into[number])
            back, mask = deltas[number - 1], masks[number - 1]
            products.product(layers[number][:, :, :-1].swapaxes(1, 2), delta, out=back)
            np.greater(activation[:, :-1], 0, out=mask)
            np.multiply(back, mask, out=back)
            delta = back


def _gather_columns(weights: Array, index: Array | None, out: Array) -> None:
    """`weights · one-hot(index)` plus the bias: a column each."""
    assert index is not None
    for member, layer in enumerate(weights):
        columns = layer[:, index[member if len(index) > 1 else 0]]  # half the time of `take` along an axis (measured)
        np.add(columns, layer[:, -1:], out=out[member])


def _scatter_columns(delta: Array, index: Array | None, into: Array) -> None:
    """The gradient of `_gather_columns`: each column's sum over the states that used it."""
    assert index is not None
    _, rows, columns = into.shape
    states = delta.shape[2]
    base = columns * np.arange(rows)[:, None]
    for member, sums in enumerate(into):
        flat = base + index[member if len(index) > 1 else 0][:states]
        sums[...] = np.bincount(flat.reshape(-1), weights=delta[member].reshape(-1), minlength=sums.size).reshape(
            rows, columns
        )
        sums[:, -1] = delta[member].sum(axis=1)
