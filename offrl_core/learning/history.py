"""`train`: a whole run in one call, with its metrics as a table."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from offrl_core.dataset import Dataset
from offrl_core.declarations import whole
from offrl_core.html_table import columns_table
from offrl_core.learning.divergence import BLOCK
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot
from offrl_core.names import unknown
from offrl_core.progress import progress_bar
from offrl_core.writing import number

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_SHOWN = 12
"""Members in the table of a notebook."""


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

    def _repr_html_(self) -> str:
        last = {name: values for name, values in self.columns[-1].items() if name != "step"}
        members = len(self.learner.members)
        rows = [
            [_cell(np.broadcast_to(values, members)[member]) for values in last.values()]
            for member in range(min(members, _SHOWN))
        ]
        title = f"{len(self.snapshots)} snapshots; the last, after {self.final.step:,} updates"
        if members > _SHOWN:
            title += f" (the first {_SHOWN} of {members} members)"
        return self.learner._repr_html_() + columns_table(title, tuple(last), rows)

    def plot(self, *metrics: str) -> go.Figure:
        """Curves of the metrics over the updates, as a Plotly figure.

        One panel for each kind of number, a colour for each value of an opened hyperparameter, a dash for each metric.
        Of several seeds a line is the median and its band goes from the lowest to the highest.

        Args:
            metrics: columns of `metrics`; by default returns, values, losses, weights and the entropy, as far as there
                are any.

        Raises:
            ValueError: this run has no such metric.
        """
        from offrl_core.learning.plot import figure  # for notebooks; training itself does without

        known = [name for name in self.metrics if name not in ("step", "member", "seed", *self.learner.axes)]
        for name in metrics:
            if name not in known:
                raise ValueError(unknown("metric", name, known))
        where = f"{self.learner.algorithm.title} on {self.learner.dataset.name}"
        return figure(self.metrics, tuple(self.learner.axes), metrics, where)

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
    progress: bool | None = None,
    **settings: Any,
) -> History:
    """Train for `steps` updates and keep a snapshot every `snapshot_every` (by default 50 in all) and at the end.

    Ends early when every member has diverged; arguments otherwise as `Learner`. Where values may not settle, because
    one of them bootstraps at γ = 1 on data that never ends, a warning says so first.

    Args:
        progress: whether to draw a progress bar; by default in a terminal or notebook, where `tqdm` is installed.

    Raises:
        HyperparameterError: as `Learner`; or `steps` or `snapshot_every` is not a whole number from 1 on.
    """
    steps = whole("steps", steps, 1)
    every = max(1, steps // 50) if snapshot_every is None else whole("snapshot_every", snapshot_every, 1)
    learner = Learner(dataset, algorithm, approximator=approximator, seeds=seeds, **settings)
    if learner.endless:
        warnings.warn(learner.endless, stacklevel=2)
    snapshots = [learner.snapshot()]
    with progress_bar(steps, f"{algorithm} on {dataset.name}", "updates", progress) as tell:
        while learner.step < steps and learner.active:
            due = min(snapshots[-1].step + every, steps)
            while learner.step < due and learner.active:
                tell(learner.advance(min(BLOCK, due - learner.step)))
            if learner.step > snapshots[-1].step:
                snapshots.append(learner.snapshot())
    return History(snapshots, learner, [_columns(learner, snapshot) for snapshot in snapshots])


def _cell(value: Any) -> str:
    return number(float(value)) if isinstance(value, (float, np.floating)) else str(value)


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
