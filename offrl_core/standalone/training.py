"""What one member trains: enough to write it down as a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offrl_core.algos.base import Algorithm, Head
from offrl_core.dataset import Dataset
from offrl_core.declarations import Value

Changes = Sequence[tuple[int, Mapping[str, Value]]]
"""Live changes: updates made before, and the new values."""


@dataclass(frozen=True)
class Training:
    """What one member trains: enough to write it down.

    Attributes:
        dataset: the data, as it is learned from.
        kind: a system that comes with the program.
        approximator: `table`, `linear` or `mlp`.
        values: every hyperparameter, as it is at the start.
        seed: the member's.
        updates: how many.
        changes: live changes, in order.
    """

    dataset: Dataset
    kind: type[Algorithm]
    approximator: str
    values: Mapping[str, Value]
    seed: int
    updates: int
    changes: Changes = ()

    @property
    def table(self) -> bool:
        return self.approximator == "table"

    @property
    def plain_table(self) -> bool:
        """A table's plain step, which is divided by the losses' curvature."""
        return self.table and self.values["optimizer"] == "sgd"

    @property
    def schedule(self) -> dict[int, dict[str, Value]]:
        """The live changes that act within these updates, those of one step together."""
        found: dict[int, dict[str, Value]] = {}
        for step, changed in self.changes:
            if step < self.updates:
                found.setdefault(step, {}).update(changed)
        return found

    @property
    def choices(self) -> dict[str, Value]:
        """The choices that hold all the time."""
        moved = {name for changed in self.schedule.values() for name in changed}
        return {name: v for name, v in self.values.items() if isinstance(v, str) and name not in moved}

    @property
    def all_known(self) -> bool:
        return bool(self.dataset.has_target.all())

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.kind().heads(self.values)

    def may_be(self, name: str, *values: Value) -> bool:
        """Whether a choice has one of these values at some time."""
        taken = [self.values.get(name), *(c[name] for c in self.schedule.values() if name in c)]
        return any(value in values for value in taken)
