"""Forward and backward through a program's functions: outputs for the losses, and their gradients to the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Loss
from offrl_core.learning.approximators import Workspace
from offrl_core.learning.feed import Drawn
from offrl_core.learning.parts import Part, Parts

Array = npt.NDArray[Any]


class Passes:
    """Evaluates functions where a batch needs them, and takes the gradients at their outputs back through them.

    Args:
        parts: the functions.
        conditioned: divide gradients by the losses' curvature (the table's SGD).
    """

    def __init__(self, parts: Parts, conditioned: bool) -> None:
        self.parts, self.conditioned = parts, conditioned
        self.members = len(parts.parameters)
        self._work: dict[tuple[str, int], Workspace] = {}
        self._scratch: dict[tuple[str, int], Workspace] = {}

    def forward(self, drawn: Drawn) -> None:
        """Put all outputs that the losses read into the batch."""
        for name, part in self.parts.by_name.items():
            self._read(drawn, name, part, part.head.reads, part.layers, False)
            if part.head.target_reads:
                self._read(drawn, f"target_{name}", part, part.head.target_reads, part.target, True)

    def _read(
        self, drawn: Drawn, name: str, part: Part, places: tuple[str, ...], layers: list[Array], copy: bool
    ) -> None:
        outputs, states, function = drawn.batch.outputs, drawn.batch.states, part.function
        if drawn.merged:
            work = self._workspace(part.head.name, 0 if self.parts.table else states, copy)
            outputs[name] = outputs[f"{name}_next"] = function.evaluate(layers, drawn.both, work)
        elif len(places) == 2:
            work = self._workspace(part.head.name, 2 * states, copy)
            out = function.evaluate(layers, drawn.both, work)
            outputs[name], outputs[f"{name}_next"] = out[:, :, :states], out[:, :, states:]
        else:
            work = self._workspace(part.head.name, states, copy)
            here = places[0] == "s"
            outputs[name if here else f"{name}_next"] = function.evaluate(layers, drawn.s if here else drawn.next, work)

    def _workspace(self, name: str, states: int, copy: bool) -> Workspace:
        if copy:
            return self.scratch(name, f"target_{name}", states)
        if (name, states) not in self._work:
            self._work[name, states] = self.parts.by_name[name].function.workspace(self.members, states)
        return self._work[name, states]

    def scratch(self, head: str, use: str, states: int) -> Workspace:
        """Buffers for an evaluation that no gradient follows: outputs for each `use`, hidden layers shared by all."""
        if (use, states) not in self._scratch:
            function = self.parts.by_name[head].function
            of_size = (work for work in self._scratch.values() if work.hidden and work.states == states)
            self._scratch[use, states] = function.workspace(self.members, states, next(of_size, None))
        return self._scratch[use, states]

    def backward(self, drawn: Drawn, losses: Mapping[str, Loss]) -> None:
        """Write the gradient of the sum of the losses; the batch's outputs must be those of `forward`."""
        total, curvature = self._sums(losses, drawn.merged)
        states = drawn.batch.states
        for name, part in self.parts.by_name.items():
            here, there = total.get(name), total.get(f"{name}_next")
            if here is None and there is None:
                self.parts.gradient[:, part.place] = 0
            elif drawn.merged:
                assert here is not None
                if self.conditioned:
                    _precondition(here, curvature[name], part.gradient[0])
                else:
                    work = self._workspace(name, 0 if self.parts.table else states, False)
                    part.function.gradient(part.layers, drawn.both, work, here, part.gradient)
            elif len(part.head.reads) == 2:
                work = self._workspace(name, 2 * states, False)
                if there is not None:
                    zero = np.zeros((self.members, there.shape[1], states), np.float32)
                    here = np.concatenate([zero if here is None else here, there], axis=2)
                assert here is not None
                part.function.gradient(part.layers, drawn.both, work, here, part.gradient)
            else:
                work = self._workspace(name, states, False)
                x, at = (drawn.s, here) if here is not None else (drawn.next, there)
                assert at is not None
                part.function.gradient(part.layers, x, work, at, part.gradient)

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


def _precondition(gradient: Array, curvature: Array, out: Array) -> None:
    """`gradient / curvature`, 0 where there is no curvature; what is not a number stays so."""
    out[...] = 0
    np.divide(gradient, curvature, out=out, where=curvature != 0)
