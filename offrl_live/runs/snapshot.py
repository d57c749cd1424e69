"""A snapshot of a whole run: all members of all lanes, and the truth about their policies where it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from offrl_core.learning.snapshot import Snapshot
from offrl_live.runs.wire import Array

TABLES = ("q", "v", "policy", "advantages", "weights", "behavior", "allowed", "theta", "reads", "reads_share", "q_pi")


@dataclass(frozen=True, eq=False, repr=False)
class RunSnapshot(Snapshot):
    """A learner's snapshot, of several learners at once.

    Attributes:
        q_pi: `(M, S, A)` true Q of each member's policy, None where it was not computed.
    """

    q_pi: Array | None = None

    @property
    def tables(self) -> dict[str, Array]:
        """The tables that there are, name → `(M, S, A)`, `(M, S)` or `(M, P)`, in the order of a frame."""
        return {name: getattr(self, name) for name in TABLES if getattr(self, name) is not None}

    def with_truth(self, returns: Mapping[str, Array], q_pi: Array | None = None) -> RunSnapshot:
        """With true returns and what follows from them, name → `(M,)`, and the gap between estimate and truth."""
        metrics = {**self.metrics, **{name: value.astype(np.float32) for name, value in returns.items()}}
        if "value_start" in metrics:
            metrics["gap"] = metrics["value_start"] - metrics.get("return_given", metrics["return"])
        return replace(self, metrics=metrics, q_pi=q_pi)

    def matrix(self, names: Sequence[str]) -> Array:
        """`(M, K)` float32: a row per member, a column per metric of `names`, NaN where there is none."""
        rows = np.full((len(self.policy), len(names)), np.nan, np.float32)
        for column, name in enumerate(names):
            if name in self.metrics:
                rows[:, column] = self.metrics[name]
        return rows
