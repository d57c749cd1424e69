"""`train`: a whole run in one call, with its metrics as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from offrl_core.dataset import Dataset
from offrl_core.declarations import whole
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """What a run left behind.

    Attributes:
        snapshots: in order; the first is from before the first update.
        learner: as it was at the end.
        columns: the columns of `metrics`, one mapping per snapshot.
    """

    snapshots: list[Snapshot]
    learner: Learner
    columns: list[dict[str, Any]]

    def __repr__(self) -> str:
        rows = len(self.snapshots) * len(self.learner.members)
        return f"<History: {len(self.snapshots)} snapshots, {rows} rows of metrics; {self.learner!r}>"

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row per snapshot and member: `step, member, seed`, the opened hyperparameters, every metric, and `return`
        (exact) where the world is known.
        """
        import pandas as pd  # for notebooks; training itself does without

        return pd.concat([pd.DataFrame(columns) for columns in self.columns], ignore_index=True)

    @property
    def final(self) -> Snapshot:
        """The last snapshot."""
        return self.snapshots[-1]


def train(
    dataset: Dataset,
    algorithm: str,
    *,
    steps: int,
    snapshot_every: int | None = None,
    approximator: str = "table",
    seeds: int | Sequence[int] = 1,
    **settings: Any,
) -> History:
    """Train for `steps` updates and keep a snapshot every `snapshot_every` (by default 50 in all) and at the end.

    Ends early when every member has diverged; arguments otherwise as `Learner`.

    Raises:
        HyperparameterError: as `Learner`; or `steps` or `snapshot_every` is not a whole number from 1 on.
    """
    steps = whole("steps", steps, 1)
    every = max(1, steps // 50) if snapshot_every is None else whole("snapshot_every", snapshot_every, 1)
    learner = Learner(dataset, algorithm, approximator=approximator, seeds=seeds, **settings)
    snapshots = [learner.snapshot()]
    while learner.step < steps:
        asked = min(every, steps - learner.step)
        done = learner.advance(asked)
        if done:
            snapshots.append(learner.snapshot())
        if done < asked:
            break
    return History(snapshots, learner, [_columns(learner, snapshot) for snapshot in snapshots])


def _columns(learner: Learner, snapshot: Snapshot) -> dict[str, Any]:
    """One snapshot's rows of `History.metrics`, by column."""
    columns: dict[str, Any] = {
        "step": snapshot.step,
        "member": [m.index for m in learner.members],
        "seed": [m.seed for m in learner.members],
        **{name: [m.values[name] for m in learner.members] for name in learner.axes},
        **snapshot.metrics,
    }
    mdp = learner.dataset.mdp
    if mdp is not None:
        gammas = np.array([float(m.values.get("gamma", learner.dataset.gamma)) for m in learner.members])
        returns = np.empty(len(gammas))
        for gamma in np.unique(gammas):
            mine = gammas == gamma
            returns[mine] = mdp.evaluate(snapshot.policy[mine], float(gamma), endless="limit")
        columns["return"] = returns
    return columns
