"""The functions of a program: one per head, all members' parameters side by side in flat arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Algorithm, Head
from offrl_core.declarations import Value
from offrl_core.learning.approximators import Function, Inputs, Network, PairLinear, Table
from offrl_core.learning.encodings import Encoding
from offrl_core.learning.rows import Rows

Array = npt.NDArray[Any]

CACHE_BYTES = 4_000_000


@dataclass(slots=True)
class Part:
    """One head's function, where its parameters stand in the flat arrays, and its layers there as views."""

    head: Head
    function: Function
    place: slice
    layers: list[Array]
    gradient: list[Array]
    target: list[Array]


class Parts:
    """Parameters, gradients and target copies of all heads.

    Args: as of the `Program` that they belong to.

    Attributes:
        parameters, gradient: `(M, P)` float32.
        target: `(M, P')`: copies of the first `P'` parameters.
        by_name: head → its part.
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
        self.encoding: Encoding | None = None if self.table else rows.encoding(str(values[0]["encoding"]))
        self.pairs = approximator == "linear" and rows.dataset.action_features is not None
        hidden = str(values[0]["hidden"]) if approximator == "mlp" else ""
        self._hidden = tuple(int(width) for width in hidden.split("-") if width)
        # Heads with a target copy come first, so that the copy is one slice.
        heads = sorted(algorithm.heads(values[0]), key=lambda head: not head.copied)
        functions = [self._function(head) for head in heads]
        ends = np.cumsum([function.size for function in functions]).tolist()
        copied = sum(function.size for head, function in zip(heads, functions, strict=True) if head.copied)
        members = len(seeds)
        self.parameters = np.zeros((members, int(ends[-1])), np.float32)
        self.gradient = np.zeros_like(self.parameters)
        self.target = np.zeros((members, copied), np.float32)
        self.by_name: dict[str, Part] = {}
        for head, function, end in zip(heads, functions, ends, strict=True):
            place = slice(int(end) - function.size, int(end))
            self.by_name[head.name] = Part(
                head,
                function,
                place,
                function.views(self.parameters[:, place]),
                function.views(self.gradient[:, place]),
                function.views(self.target[:, place]) if head.copied else [],
            )
        self._initialize(values, seeds)

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
            for name, part in self.by_name.items():
                stream = int.from_bytes(name.encode()[:6], "little")
                rng = np.random.Generator(np.random.Philox(key=[seed, stream]))
                start = (own["initial_value"], own["initial_spread"]) if part.head.starts else (0.0, 0.0)
                self.parameters[member, part.place] = part.function.initial(rng, float(start[0]), float(start[1]))
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
