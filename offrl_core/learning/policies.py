"""What one model learned, by the data's own labels, without the data and the learner that it came from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.base import Algorithm, Values
from offrl_core.algos.batch import Batch
from offrl_core.declarations import Value
from offrl_core.learning.approximators import Function
from offrl_core.learning.encodings import Encoding, not_finite
from offrl_core.learning.program import Program
from offrl_core.learning.rows import numbers_of
from offrl_core.names import did_you_mean
from offrl_core.threads import one_thread

Array = npt.NDArray[Any]

Found = tuple[Array, Array | None, Array | None]
"""Probabilities `(N, A)`, Q `(N, A)` and V `(N,)` in several states; None where a system has no such thing."""

AT_ONCE = 4096
"""Observations that a network is evaluated at together."""


class PolicyError(ValueError):
    """A state or a file that a policy cannot be asked with or read from; the message says why."""


@dataclass(frozen=True, eq=False, repr=False)
class LearnedPolicy(ABC):
    """A learned policy with its values: labels in, labels out.

    A state of a table is asked for by its label, an observation by its numbers (or a table of named columns); a list of
    them gives a list. `policy(state)` is the label of the most probable action, the first of several.

    Attributes:
        model: which of its run's models this is: the algorithm, and what tells it from the others.
        algorithm, approximator, dataset: names.
        step: updates that it was trained for.
        hyperparameters: as they were then.
        actions: labels of the actions, in the order of every array.
    """

    model: str
    algorithm: str
    approximator: str
    dataset: str
    step: int
    hyperparameters: Mapping[str, Value]
    actions: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<LearnedPolicy {self.model!r} on {self.dataset}, step {self.step}: {self._about}>"

    def __call__(self, states: Any) -> Any:
        """The label of the most probable action in a state, or the list of those in several.

        Raises:
            PolicyError: they are no states or observations of its data.
        """
        best = self.probabilities(states).argmax(axis=-1)
        return self.actions[best] if best.ndim == 0 else [self.actions[action] for action in best]

    def sample(self, states: Any, seed: int | None = None) -> Any:
        """As a call, but each action is drawn with its probability."""
        sums = np.cumsum(self.probabilities(states), axis=-1)
        draws = np.random.default_rng(seed).random((*sums.shape[:-1], 1)) * sums[..., -1:]
        drawn = (draws >= sums).sum(axis=-1)
        return self.actions[drawn] if drawn.ndim == 0 else [self.actions[action] for action in drawn]

    def probabilities(self, states: Any) -> Array:
        """`π(a|s)`: `(A,)` in one state, `(N, A)` in several; float32.

        Raises:
            PolicyError: they are no states or observations of its data.
        """
        return self.all(states)[0]

    def q(self, states: Any) -> Array | None:
        """`Q(s,a)`, as `probabilities`; None where the system learns no Q."""
        return self.all(states)[1]

    def v(self, states: Any) -> Array | None:
        """`V(s)`: a number in one state, `(N,)` in several; None where the system believes nothing of the kind."""
        return self.all(states)[2]

    def all(self, states: Any) -> Found:
        """Probabilities, Q and V, computed together."""
        places, single = self._places(states)
        policy, q, v = self._at(places)
        return (policy[0], q if q is None else q[0], v if v is None else v[0]) if single else (policy, q, v)

    @property
    @abstractmethod
    def _about(self) -> str:
        """Its sizes, in words."""

    @abstractmethod
    def _places(self, states: Any) -> tuple[Array, bool]:
        """State numbers `(N,)` or observations `(N, D)`, and whether one alone was asked for."""

    @abstractmethod
    def _at(self, places: Array) -> Found:
        """What it says there."""


@dataclass(frozen=True, eq=False, repr=False)
class TablePolicy(LearnedPolicy):
    """A policy of numbered states, each with its label.

    Attributes:
        states: labels of the states, in the order of the tables.
        policy: `(S, A)` float32 probabilities.
        q_table: `(S, A)` float32 or None.
        v_table: `(S,)` float32 or None.
    """

    states: tuple[str, ...]
    policy: Array
    q_table: Array | None
    v_table: Array | None

    @property
    def _about(self) -> str:
        return f"{len(self.states)} states, {len(self.actions)} actions"

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {label: number for number, label in enumerate(self.states)}

    def _places(self, states: Any) -> tuple[Array, bool]:
        listed = states.tolist() if hasattr(states, "tolist") else states
        single = isinstance(listed, str) or not isinstance(listed, Sequence)
        labels = [str(label) for label in ([listed] if single else listed)]
        for label in labels:
            if label not in self._numbers:
                near = did_you_mean(label, self.states)
                few = ", ".join(map(repr, self.states[:5])) + (" …" if len(self.states) > 5 else "")
                raise PolicyError(f"there is no state {label!r}{near}: the {len(self.states)} states are {few}")
        return np.array([self._numbers[label] for label in labels], dtype=np.intp), single

    def _at(self, places: Array) -> Found:
        q, v = (None if table is None else table[places] for table in (self.q_table, self.v_table))
        return self.policy[places], q, v


@dataclass(frozen=True, eq=False, repr=False)
class FunctionPolicy(LearnedPolicy):
    """A policy of observations that are vectors: a linear function or a network.

    Attributes:
        components: names of an observation's numbers.
        system: the algorithm.
        encoding: how an observation is standardised.
        functions: head → its function and its parameters, `(1, P)` float32.
        seen, counts: `(K, D)` float32 and `(K, A)` float32: how often the data shows each action in each of its
            observations, where the system asks for that; else empty.
    """

    components: tuple[str, ...]
    system: Algorithm
    encoding: Encoding
    functions: Mapping[str, tuple[Function, Array]]
    seen: Array
    counts: Array

    @property
    def _about(self) -> str:
        return f"vectors of {len(self.components)}, {len(self.actions)} actions"

    @property
    def _width(self) -> str:
        few = ", ".join(self.components[:8]) + (" …" if len(self.components) > 8 else "")
        return f"{len(self.components)} numbers ({few})"

    def _places(self, states: Any) -> tuple[Array, bool]:
        if hasattr(states, "columns") or isinstance(states, Mapping):
            for name in self.components:
                if name not in states:
                    raise PolicyError(f"there is no column {name!r}{did_you_mean(name, map(str, states))}")
            states = np.stack([np.asarray(states[name]) for name in self.components], axis=-1)
        try:
            with np.errstate(over="ignore"):  # what is too large is refused below
                given = np.asarray(states, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise PolicyError(f"an observation is {self._width}, not {str(states)[:80]}") from error
        if given.ndim not in (1, 2) or given.shape[-1] != len(self.components):
            raise PolicyError(f"observations of shape {given.shape} are not allowed: each one is {self._width}")
        rows = given[None] if given.ndim == 1 else given
        if said := not_finite(rows):
            raise PolicyError(said)
        return rows, given.ndim == 1

    def _at(self, places: Array) -> Found:
        starts = range(0, max(len(places), 1), AT_ONCE)
        with one_thread(), np.errstate(all="ignore"):
            parts = [self._outputs(places[start : start + AT_ONCE]) for start in starts]
        policy, q, v = (None if part[0] is None else np.concatenate(part) for part in zip(*parts, strict=True))
        assert policy is not None
        return policy, q, v

    def _outputs(self, observations: Array) -> Found:
        batch = Batch(1, len(self.actions), len(observations), 1)
        x = self.encoding.inputs(observations)
        for name, (function, parameters) in self.functions.items():
            work = function.workspace(1, len(observations))
            batch.outputs[name] = function.evaluate(function.views(parameters), x, work)
        if len(self.seen):
            numbers = numbers_of(self._lookup, observations)
            batch.counts = np.where(numbers[:, None] >= 0, self.counts[numbers], 0).T[None].astype(np.float32)
        policy, value = self.system.policy(batch, self._hp), self.system.value(batch, self._hp)
        q = batch["q"][0].T.copy() if "q" in batch.outputs else None
        return np.array(policy[0].T, np.float32), q, None if value is None else np.array(value[0], np.float32)

    @cached_property
    def _lookup(self) -> dict[bytes, int]:
        return {row.tobytes(): number for number, row in enumerate(self.seen)}

    @cached_property
    def _hp(self) -> Values:
        """The hyperparameters as the system's own functions take them."""
        columns = {
            name: value if isinstance(value, (str, bool)) else np.full((1, 1), value, np.float32)
            for name, value in self.hyperparameters.items()
        }
        return Values(columns)


def of_function(program: Program, parameters: Array, **named: Any) -> FunctionPolicy:
    """The policy of a program's member with these parameters `(1, P)`, on vectors; `named` are the fields of every
    `LearnedPolicy`."""
    rows, networks = program.rows, program.networks
    assert networks.encoding is not None
    seen, counts = np.empty((0, networks.encoding.size), np.float32), np.empty((0, rows.n_actions), np.float32)
    if program.algorithm.uses_counts(program.values[0]):
        seen, counts = rows.seen
    functions = {
        name: (network.function, parameters[:, network.place].copy()) for name, network in networks.by_name.items()
    }
    return FunctionPolicy(
        **named,
        components=rows.dataset.component_labels,
        system=program.algorithm,
        encoding=networks.encoding,
        functions=functions,
        seen=seen,
        counts=counts,
    )
