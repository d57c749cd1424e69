"""`Algorithm`, the base class of every system, with the records that it works with: heads, losses and weights.

Shapes. `M` members train at once, `A` is the number of actions, `U` the number of states that the networks were
evaluated at, `B` the number of rows (transitions) of the batch. Network outputs are `(M, A, U)`: the long axis is last,
because it is contiguous there and the reductions over a handful of actions then run over whole vectors. Row quantities
are `(M, B)`, hyperparameters `(M, 1)`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from offrl_core.algos.batch import Array, Batch
from offrl_core.algos.explaining import Step, Transition, assemble
from offrl_core.algos.source import loss_source
from offrl_core.declarations import Hyperparameter, Value
from offrl_core.names import unknown

Group = Literal["cloning", "q-learning"]
GROUPS: dict[Group, str] = {"cloning": "Cloning, reweighted", "q-learning": "Q-learning, constrained"}
"""Families of algorithms, in the order of the lecture, with their titles."""


@dataclass(frozen=True, slots=True)
class Head:
    """One network: a function of the state with `A` outputs (or one), read at the places that the loss needs.

    Attributes:
        name: `policy`, `value`, `q`, `q2` or `behavior`.
        scalar: one output per state instead of one per action.
        reads: where the trained weights are evaluated: `s`, `next`.
        copied: has a target copy (kept even while `target_update` is none, so that this can change while training).
        target_reads: where that copy is evaluated.
        starts: which hyperparameters give the initial outputs (`q`: `initial_value`, `initial_spread`), else all 0.
    """

    name: str
    scalar: bool = False
    reads: tuple[str, ...] = ("s",)
    copied: bool = False
    target_reads: tuple[str, ...] = ()
    starts: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or self.name.startswith("target_") or "_next" in self.name:
            raise ValueError(
                f"a network cannot be called {self.name!r}: its name must be lowercase letters, digits and _, without "
                "target_ and _next, which mean its target copy and the next state"
            )
        for said, places in (("reads", self.reads), ("target_reads", self.target_reads)):
            if not isinstance(places, tuple) or not set(places) <= {"s", "next"}:
                raise ValueError(
                    f"{said} = {places!r} of the network {self.name!r} is not allowed: it must be a tuple of 's' and "
                    "'next', such as ('next',)"
                )
        if self.target_reads and not self.copied:
            raise ValueError(f"the network {self.name!r} has target_reads but no target copy: add copied=True")


@dataclass(slots=True)
class Loss:
    """A loss, its gradient at the network outputs, and how curved it is there.

    Attributes:
        report: computes the value. Training needs the gradient only, so that values are computed when they are looked
            at.
        gradients: output name (`q`, `q_next`, …) → `∂loss/∂output`, `(M, A, U)`.
        curvature: output name → a bound of the second derivative per output, broadcastable to the gradient. The table's
            SGD divides by it, which makes `learning_rate` the classic tabular step; other approximators ignore it.
        report_error: computes the mean absolute error.
        of_sum: whether gradients and curvature are those of the sum of all losses, which is all that autograd finds.
    """

    report: Callable[[], Array]
    gradients: dict[str, Array]
    curvature: dict[str, Array] = field(default_factory=dict)
    report_error: Callable[[], Array] | None = None
    of_sum: bool = False

    @property
    def value(self) -> Array:
        """`(M,)` the loss: the mean over the batch."""
        return self.report()

    @property
    def error(self) -> Array | None:
        """`(M,)` mean absolute difference to the target, of squared errors."""
        return None if self.report_error is None else self.report_error()


@dataclass(slots=True)
class Weighting:
    """The weight of each row and what it was made of; `(M, B)` each.

    Attributes:
        weight: what multiplies `−log π_θ(a|s)`.
        advantage: what went into the weight function (a reward, a return or an advantage); None where nothing did.
        clipped: where the cap `weight_max` was reached.
    """

    weight: Array
    advantage: Array | None
    clipped: Array | None = None


@dataclass(slots=True)
class Reads:
    """Which `Q(s', a')` a target reads at each state `s'`; `(M, U)` each.

    Attributes:
        action: `a'`; −1 where the target reads nothing there.
        share: of a target that is an expectation, the probability of `a'`, its likeliest action; None where a maximum
            reads that action alone.
    """

    action: Array
    share: Array | None = None


class Values:
    """The hyperparameters of a program: numbers as `(M, 1)` float32 arrays, choices as text, flags as bool."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:  # only reached for a name that is not there
        raise AttributeError(unknown("hyperparameter", name, sorted(self.__dict__)))


class _Equation:
    """The equation under the default choices; asked of the class or of an instance."""

    def __get__(self, instance: Algorithm | None, owner: type[Algorithm]) -> str:
        return owner().equation_for(owner.default_choices())


class Algorithm(ABC):
    """Base of all systems. One subclass is one file: hyperparameters, networks, losses, policy.

    Class attributes:
        name, title: identifier and name on screen.
        short_title: the name where there is little room; `title` when empty.
        group: family in the lecture: `cloning` (one objective, many weights) or `q-learning` (one target, many
            constraints).
        number: the system's number in the lecture; None for one that is not in it.
        summary: one sentence.
        equation: LaTeX, with the hyperparameters' own symbols, under the defaults; see `equation_for`.
        source: author, year, what is taken from there.
        hyperparameters: the system's own; the approximator adds its own (the function `hyperparameters` gives all).
        defaults: approximator → defaults that differ there.
        table_learning_rate: the table's default step.
        file, version: of a system from somebody's own file, the file's name and a digest of its text; of one from an
            installed package, the package's name and its version. Empty for those that come with the program.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    short_title: ClassVar[str] = ""
    group: ClassVar[Group]
    number: ClassVar[int | None] = None
    summary: ClassVar[str]
    equation = _Equation()
    source: ClassVar[str] = ""
    hyperparameters: ClassVar[tuple[Hyperparameter, ...]] = ()
    defaults: ClassVar[Mapping[str, Mapping[str, Value]]] = {}
    table_learning_rate: ClassVar[float] = 1.0
    file: ClassVar[str] = ""
    version: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # What an algorithm is called is its own, whatever else it takes over from another.
        cls.short_title, cls.number = vars(cls).get("short_title", ""), vars(cls).get("number")
        cls.file = cls.version = ""

    @classmethod
    def default_choices(cls) -> dict[str, Value]:
        """The system's own hyperparameters on a table, where nothing else is said."""
        return {h.name: h.default for h in cls.hyperparameters} | dict(cls.defaults.get("table", {}))

    @abstractmethod
    def equation_for(self, choices: Mapping[str, Value]) -> str:
        """What is learned under these choices, LaTeX; its pieces are parted by `\\qquad`."""

    @abstractmethod
    def heads(self, choices: Mapping[str, Value]) -> tuple[Head, ...]:
        """The networks under these structural choices."""

    def columns(self, choices: Mapping[str, Value]) -> tuple[str, ...]:
        """Row columns beyond `(s, a, r, s′, terminated)` that the loss reads: `next_action`, `return` (Monte Carlo
        return-to-go at `gamma`), `lambda_return` (TD(λ) return with the value network's copy)."""
        return ()

    def uses_counts(self, choices: Mapping[str, Value]) -> bool:
        """Whether the loss reads `n(s,a)` of the data (`batch.counts`)."""
        return False

    def bootstraps(self, choices: Mapping[str, Value]) -> bool:
        """Whether a target reads values of `s′`, so that what is learned rests on itself."""
        reads = (kind for head in self.heads(choices) for kind in (*head.reads, *head.target_reads))
        return "next" in reads or "lambda_return" in self.columns(choices)

    def memory(self, choices: Mapping[str, Value]) -> dict[str, float | str]:
        """Numbers that the algorithm itself carries from update to update: name → start value, or the name of the
        hyperparameter that gives it."""
        return {}

    @abstractmethod
    def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
        """Every loss of one update, with its gradient at the outputs."""

    def weighting(self, batch: Batch, hp: Any) -> Weighting | None:
        """The weight of each row; None for systems without weights."""
        return None

    def stays_on_data(self, values: Mapping[str, Value]) -> bool:
        """Whether, with these hyperparameters, no target ever asks for an action that the data does not show."""
        return False

    def allowed(self, batch: Batch, hp: Any) -> Array | None:
        """`Ā(s)` at `s`, `(M, A, U)` bool; None where every action is allowed."""
        return None

    @property
    def reads_actions(self) -> bool:
        """Whether a target reads the value of an action at `s'`."""
        return type(self).reads is not Algorithm.reads

    def reads(self, batch: Batch, hp: Any) -> Reads | None:
        """Which `Q(s', a')` the target reads; None where no target reads the value of an action at `s'`."""
        return None

    @abstractmethod
    def policy(self, batch: Batch, hp: Any) -> Array:
        """`π_θ(a|s)`, `(M, A, U)`."""

    def value(self, batch: Batch, hp: Any) -> Array | None:
        """`V(s)`, `(M, U)`: what this system believes its policy is worth; None where it does not believe anything."""
        return None

    def advantages(self, batch: Batch, hp: Any) -> Array | None:
        """`A(s,a)` for every action, `(M, A, U)`; None where only rows of the data have one."""
        return None

    @abstractmethod
    def steps(self, transition: Transition, hp: Any) -> list[Step]:
        """One transition's numbers through the update, in order."""

    @staticmethod
    def numbers(explained: Mapping[str, Any]) -> str:
        """The equation with one transition's numbers, LaTeX; `explained` as `Learner.explain` gives it."""
        return assemble(explained["steps"])

    def reports(self, batch: Batch, hp: Any) -> dict[str, Array]:
        """Further metrics of this system, `(M,)` or `(M, 1)` each."""
        return {}

    def formulas(self, choices: Mapping[str, Value]) -> dict[str, str]:
        """Metrics whose formula is another one here than usual (see `orl.metrics()`), name → LaTeX."""
        return {}

    def first_bad_line(self, batch: Batch, hp: Any) -> str:
        """Where in the system's own text the first number of these losses arises that is not finite (`my_cql.py, line
        31`); empty where that is not known. Asked only of a member whose numbers ran away."""
        return ""

    @classmethod
    def loss_source(cls) -> str:
        """The source code of the very loss that runs: this system's file, and what its losses call elsewhere."""
        return loss_source(cls)
