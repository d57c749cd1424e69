"""Holds the gradients that an algorithm gives by hand against its own losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos import Algorithm
from offrl_core.algos.base import Loss, Weighting
from offrl_core.algos.batch import Batch
from offrl_core.data.catalogue import load_dataset
from offrl_core.dataset import Dataset
from offrl_core.learning.learner import Learner
from offrl_core.names import unknown

Array = npt.NDArray[Any]

STEP = 1e-3
TOLERANCE = 5e-3
"""How far a gradient may be off, as a share of the largest one at its output."""

BATCHES: Mapping[str, Mapping[str, Any]] = {
    "table, all rows": {"approximator": "table"},
    "table, 32 rows": {"approximator": "table", "batch_size": 32},
    "network, 32 rows": {"approximator": "mlp", "hidden": "16", "batch_size": 32},
}


@dataclass(frozen=True, slots=True)
class GradientDifference:
    """One loss whose gradient by hand is not what it should be.

    Attributes:
        setting: the batch and the choices.
        loss, output: which loss (`all` together, where another text says what it should be), at which output.
        member, action, state: where the two are farthest apart.
        by_hand, expected: the two there.
        places: at how many places they differ.
    """

    setting: str
    loss: str
    output: str
    member: int
    action: int
    state: int
    by_hand: float
    expected: float
    places: int

    def __str__(self) -> str:
        where = f"member {self.member}, action {self.action}, state {self.state}"
        return (
            f"{self.loss} at {self.output} ({self.setting}): {self.by_hand:.6g} by hand, {self.expected:.6g} expected "
            f"({where}; {self.places} places differ)"
        )


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradients` found; true where everything agrees.

    Attributes:
        algorithm: the algorithm's name.
        against: `finite differences` or `autograd`.
        compared: how many gradients, each of one loss at one output in one setting.
        differences: those that are off.
    """

    algorithm: str
    against: str
    compared: int
    differences: tuple[GradientDifference, ...]

    def __bool__(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        off = len(self.differences)
        agree = f"{self.compared - off} of {self.compared} gradients agree with {self.against}"
        return "\n".join([f"{self.algorithm}: {agree}", *map(str, self.differences)])

    __repr__ = __str__


def check_gradients(
    algorithm: str | type[Algorithm],
    *,
    restated: type[Algorithm] | None = None,
    dataset: Dataset | None = None,
    seed: int = 0,
) -> GradientReport:
    """Hold an algorithm's gradients by hand against finite differences of its losses, or against autograd.

    Each loss is differentiated at the outputs that it gives a gradient for, at random outputs, in float64, on batches
    of a table and of a network, under its defaults and each other choice. Every other output that it reads is taken for
    a constant, as a target is, and so are the weights of `Algorithm.weighting`. A loss that holds another number
    constant which depends on the very output that it trains, such as MPO's improved policy without a target network,
    differs from its finite differences by right: give its text in torch as `restated`.

    Args:
        algorithm: a name of `orl.algorithms()`, or a class that need not be among them.
        restated: the same loss in torch, a `TorchAlgorithm` with the same choices and networks: its autograd is what is
            expected then, and the stop-gradients are those of its text.
        dataset: whose rows; the double crossing by default.
        seed: of the random outputs.

    Raises:
        HyperparameterError: there is no such algorithm.
        ValueError: a loss gives a gradient for an output that there is not, or one of the wrong shape.
    """
    data = load_dataset("double-crossing") if dataset is None else dataset
    differences: list[GradientDifference] = []
    compared, name = 0, ""
    for case in _cases(data, algorithm, seed):
        name = case.algorithm.name
        by_hand = case.by_hand()
        if restated is None:
            expected = case.finite_differences(by_hand)
        else:
            by_hand = {"all": _total(by_hand)}
            expected = {"all": _total({key: loss.gradients for key, loss in case.losses(restated()).items()})}
        for loss, gradients in by_hand.items():
            for output in sorted({*gradients, *expected[loss]}):
                compared += 1
                pair = [np.asarray(some.get(output, 0)) for some in (gradients, expected[loss])]
                differences += _difference(case.setting, loss, output, *np.broadcast_arrays(*pair))
    against = "finite differences" if restated is None else "autograd"
    return GradientReport(name, against, compared, tuple(differences))


Gradients = dict[str, dict[str, Array]]


class _Case:
    """One batch of rows with random outputs, in one setting."""

    def __init__(self, setting: str, learner: Learner, seed: int) -> None:
        ((_, self._program),) = learner._programs
        self.setting, self.algorithm = setting, learner.algorithm
        self._batch = self._program.pending().drawn.batch
        self._memory = dict(self._program.memory)
        rng = np.random.default_rng(seed)
        self.outputs = {key: rng.normal(size=np.shape(array)) for key, array in self._batch.outputs.items()}

    def _now(self) -> Batch:
        """The batch with the outputs of now."""
        batch = self._batch.renewed(dict(self.outputs))
        batch.memory, batch.memory_before = dict(self._memory), dict(self._memory)
        return batch

    def losses(self, algorithm: Algorithm) -> dict[str, Loss]:
        """Every loss at the outputs of now."""
        with np.errstate(over="ignore"):  # an exponential weight of a random number
            return algorithm.losses(self._now(), self._program.hp)

    def _weighting(self) -> Weighting | None:
        with np.errstate(over="ignore"):
            return self.algorithm.weighting(self._now(), self._program.hp)

    def by_hand(self) -> Gradients:
        """The gradients that the losses give: loss → output → `(M, A, U)`."""
        found = {}
        for key, loss in self.losses(self.algorithm).items():
            for output, gradient in loss.gradients.items():
                if output not in self.outputs:
                    raise ValueError(f"{key} gives a gradient for {unknown('output', output, self.outputs)}")
                shape = np.shape(self.outputs[output])
                if np.shape(gradient) != shape and np.shape(gradient) != (1, *shape[1:]):
                    said = f"the gradient of {key} at {output} has shape {np.shape(gradient)}: it must be {shape}"
                    raise ValueError(f"{said}, as the output")
            found[key] = dict(loss.gradients)
        return found

    def finite_differences(self, wanted: Gradients) -> Gradients:
        """What the losses' values say of the same gradients. Members do not touch each other: all move at once."""
        weights = self._weighting()
        held = copy(self.algorithm)
        held.weighting = lambda batch, hp: weights  # type: ignore[method-assign]
        expected: Gradients = {key: {} for key in wanted}
        for output in sorted({output for gradients in wanted.values() for output in gradients}):
            here = self.outputs[output]
            slopes = {key: np.zeros(here.shape) for key, gradients in wanted.items() if output in gradients}
            for place in np.ndindex(here.shape[1:]):
                index = (slice(None), *place)
                for sign in (1.0, -1.0):
                    moved = here.copy()
                    moved[index] += sign * STEP
                    self.outputs[output] = moved
                    found = self.losses(held)
                    for key, slope in slopes.items():
                        slope[index] += sign * found[key].value / (2 * STEP)
            self.outputs[output] = here
            for key, slope in slopes.items():
                expected[key][output] = slope
        return expected


def _cases(dataset: Dataset, algorithm: str | type[Algorithm], seed: int) -> Iterator[_Case]:
    """Every batch under the defaults, and under each other choice."""
    for title, given in BATCHES.items():
        if not dataset.tabular and given["approximator"] == "table":
            continue
        first = Learner(dataset, algorithm, seeds=2, **given)
        yield _Case(title, first, seed)
        for h in first.algorithm.hyperparameters:
            for choice in h.choices:
                if choice != first.hyperparameters[h.name]:
                    other = Learner(dataset, algorithm, seeds=2, **{**given, h.name: choice})
                    yield _Case(f"{title}; {h.name} = {choice}", other, seed)


def _total(gradients: Gradients) -> dict[str, Array]:
    """The gradients of all losses together, by output."""
    total: dict[str, Array] = {}
    for found in gradients.values():
        for output, gradient in found.items():
            total[output] = total.get(output, np.zeros(())) + gradient
    return total


def _difference(setting: str, loss: str, output: str, by_hand: Array, expected: Array) -> Iterator[GradientDifference]:
    """Where two gradients are farthest apart, if they are."""
    scale = max(float(np.abs(expected).max(initial=0)), float(np.abs(by_hand).max(initial=0)), 1e-6)
    off = ~(np.abs(by_hand - expected) <= TOLERANCE * scale)  # what is not a number is off, too
    if off.any():
        gap = np.where(off, np.nan_to_num(np.abs(by_hand - expected), nan=np.inf), -1.0)
        member, action, state = (int(i) for i in np.unravel_index(int(gap.argmax()), gap.shape))
        pair = float(by_hand[member, action, state]), float(expected[member, action, state])
        yield GradientDifference(setting, loss, output, member, action, state, *pair, int(off.sum()))
