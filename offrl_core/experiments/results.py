"""What an experiment found out, as a table, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

from offrl_core.experiments.design import OPTION, Design
from offrl_core.experiments.job import Job, Run
from offrl_core.experiments.store import Store

if TYPE_CHECKING:
    import pandas as pd


class Results:
    """The results of an experiment that are there by now.

    Attributes:
        design: what was trained.
        store: where the results are.
    """

    def __init__(self, design: Design, store: Store) -> None:
        self.design, self.store = design, store

    def __repr__(self) -> str:
        frame = self.frame
        return f"<Results: {frame['run'].nunique()} of {self.design.runs} runs, {len(frame)} rows>"

    @cached_property
    def _runs(self) -> dict[str, tuple[Job, Run]]:
        return {run.key: (job, run) for job in self.design.jobs for run in job.runs}

    @cached_property
    def _labels(self) -> pd.DataFrame:
        """What each run is, in columns, by its key."""
        import pandas as pd

        return pd.DataFrame([{"run": key, **self._described(run)} for key, (_, run) in self._runs.items()])

    def _described(self, run: Run) -> dict[str, Any]:
        own = [choice for choice in self.design.datasets if choice.name == run.data.name and choice.own]
        label = f"{run.data.name} ({run.data.own[:6]})" if run.data.own and len(own) > 1 else run.data.name
        columns = self.design.columns
        options = {c: run.data.options.get(c.removeprefix(OPTION)) for c in columns if c.startswith(OPTION)}
        values = {c: run.hyperparameters.get(c) for c in columns if not c.startswith(OPTION)}
        shared = {"algorithm": run.algorithm, "approximator": run.approximator}
        return {"dataset": label, **options, **shared, **values, "seed": run.seed}

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each dataset, configuration, seed and evaluated step that is there.

        Columns: `run`, `dataset`, the options of datasets that differ from their defaults or are opened (`x.episodes`),
        `algorithm`, `approximator`, the hyperparameters that are given or opened, `seed`, `step`, then every metric of
        `orl.metrics()` by its name (with `metric.` before it where a hyperparameter is called so, too) and

        - `return`: true, at the run's own discount, exact or played; as the playground shows it
        - `judged`: the same at the data's own discount, by which runs of different discounts are compared
        - `normalised`: `judged` with the behaviour at 0 and the best within the data (see `best_kind`) at 1
        - `behavior_return`, `best_return`: those two; `best_kind`: which best it is
        - `q_error`: mean `|Q(s,a) − Q^π(s,a)|` over the pairs in the data, where that is known
        - `fqe`, `wis`, `dr`: estimates from the data, at the data's discount, where asked for
        - `diverged`: the update that could not be made, −1 for none; from there on the row is that of the last finite
          model; `diverged_how` says it in words
        - `failed`: why a run could not be computed, else empty; such a run has one row, without numbers
        """
        import pandas as pd

        found = self.store.load(self._runs.keys())
        taken = [c for c in self._labels.columns if c in found.columns and c != "run"]
        found = found.rename(columns={name: f"metric.{name}" for name in taken})
        frame = self._labels.merge(found, on="run", how="inner")
        frame["failed"] = ""
        missing = self._runs.keys() - set(found["run"])
        failed = self.store.failures(missing) if missing else {}
        if failed:
            lost = self._labels[self._labels["run"].isin(failed)].assign(
                step=self.design.steps, diverged=-1, diverged_how="", failed=lambda rows: rows["run"].map(failed)
            )
            frame = pd.concat([frame, lost], ignore_index=True)
        return frame

    def to_parquet(self, path: str | PathLike[str]) -> None:
        """Write the table as a Parquet file."""
        self.frame.to_parquet(path, index=False)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the table as a CSV file."""
        self.frame.to_csv(path, index=False)

    def runs(self) -> Iterator[Run]:
        """Every run of the design, in order."""
        return (run for _, run in self._runs.values())
