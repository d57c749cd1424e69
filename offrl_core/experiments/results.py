"""What an experiment found out, as a table, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

from offrl_core.experiments.afresh import Choice
from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.design import Design
from offrl_core.experiments.job import Run
from offrl_core.experiments.run_links import link_parts
from offrl_core.experiments.running import Progress, run_jobs
from offrl_core.experiments.statistics.base import interquartile_mean, of_runs, tasks_of
from offrl_core.experiments.store import Store
from offrl_core.links import OPTION, address

if TYPE_CHECKING:
    import pandas as pd


_NORMALISING = ("normalised", "behavior_return", "best_return", "best_kind")


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
    def _labels(self) -> pd.DataFrame:
        """What each run is, in columns, by its key."""
        import pandas as pd

        return pd.DataFrame([{"run": key, **self._described(run)} for key, run in self.design.run_of.items()])

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

        found = self.store.load(self.design.run_of.keys())
        taken = [c for c in self._labels.columns if c in found.columns and c != "run"]
        found = found.rename(columns={name: f"metric.{name}" for name in taken})
        frame = self._labels.merge(found, on="run", how="inner")
        frame["failed"] = ""
        missing = self.design.run_of.keys() - set(found["run"])
        failed = self.store.failures(missing) if missing else {}
        if failed:
            lost = self._labels[self._labels["run"].isin(failed)].assign(
                step=self.design.steps, diverged=-1, diverged_how="", failed=lambda rows: rows["run"].map(failed)
            )
            frame = pd.concat([frame, lost], ignore_index=True)
        return frame

    def describe(self) -> pd.DataFrame:
        """How it stands: a row for each task and algorithm.

        `runs` are there of `planned`; `iqm` is the interquartile mean of the normalised returns at the last step and
        `best_step` of those at each run's best, which nobody knows without the environment; `behavior_return` and
        `best_return` are what was normalised by; `diverged`, `failed` and `missing` (no number) are counted, none of
        them is left out without being counted.
        """
        import pandas as pd

        labels, places = self._labels.assign(task=tasks_of(self._labels)), ["task", "algorithm", "approximator"]
        planned = labels.groupby(places, sort=False).size().rename("planned").reset_index()
        frame = self.frame
        if not len(frame):
            return planned.assign(runs=0)
        unknown = {name: float("nan") for name in _NORMALISING if name not in frame.columns}
        frame = frame.assign(**unknown)  # of a log whose world nobody knows, and where every run has failed
        last, best = (of_runs(frame, "normalised", at) for at in ("last", "best"))
        rows = []
        for place, part in last.groupby(places, sort=False):
            mine = best[best["run"].isin(part["run"])]
            sound, at_best = (each["score"].dropna().to_numpy() for each in (part, mine))
            first = part.iloc[0]
            rows.append(
                {
                    **dict(zip(places, place, strict=True)),
                    "runs": int((part["failed"] == "").sum()),
                    "iqm": float(interquartile_mean(sound)) if len(sound) else float("nan"),
                    "best_step": float(interquartile_mean(at_best)) if len(at_best) else float("nan"),
                    "behavior_return": first["behavior_return"],
                    "best_return": first["best_return"],
                    "best_kind": first["best_kind"],
                    "diverged": int((part["diverged"] >= 0).sum()),
                    "missing": int((part["score"].isna() & (part["failed"] == "")).sum()),
                    "failed": int((part["failed"] != "").sum()),
                }
            )
        found = pd.DataFrame(rows)
        return planned.merge(found, on=places, how="left")

    def best(
        self,
        metric: str = "normalised",
        fresh: int = 6,
        *,
        executor: Executor | None = None,
        progress: Callable[[Progress], object] | None = None,
    ) -> pd.DataFrame:
        """The best configuration of each algorithm on each task, and what it is worth on fresh seeds.

        Choosing by the true return is tuning online, see `Choice`.

        Args:
            metric: what is highest, on average over the seeds, at the last step.
            fresh: how many fresh seeds, 0 for none; they are the ones after the highest seed of the experiment.
            executor, progress: as in `run`.

        Returns:
            As `Choice.table`.

        Raises:
            ExperimentError: there is no such metric, or a task has none, as where nothing can be normalised.
        """
        choice = Choice(self.design, self.frame, metric, fresh)
        rows = of_runs(choice.frame, metric)
        known = rows[rows["failed"] == ""].groupby("task", sort=False)["score"].count()
        if len(lacking := known.index[known == 0]):
            raise ExperimentError(f"no run on {lacking[0]} has a number for {metric}: choose by another, like judged")
        run_jobs(choice.jobs, self.design.own, self.store, executor, progress)
        return choice.table(self.afresh(choice))

    def choice(self) -> Choice:
        """What is best by the true return by now."""
        return Choice(self.design, self.frame)

    def afresh(self, choice: Choice) -> pd.DataFrame:
        """The rows of a choice's runs on fresh seeds that are there, for `Choice.table`."""
        return self.store.load([run.key for job in choice.jobs for run in job.runs])

    def to_links(self, page: str = "") -> pd.Series:
        """The address that opens each row's run in the playground, which trains to the row's step and stops there.

        The numbers there are these, to the bit. Empty for a run on an own dataset, which no address can hold.

        Args:
            page: what stands before `?`, such as `http://localhost:8501/`.
        """
        import pandas as pd

        frame = self.frame
        pairs = zip(frame["run"], frame["step"], strict=True)
        parts = [link_parts(self.design, run, step=int(step)) for run, step in pairs]
        return pd.Series(
            [address(each, page) if each else "" for each in parts], index=frame.index, name="link", dtype=object
        )

    def to_parquet(self, path: str | PathLike[str]) -> None:
        """Write the table as a Parquet file."""
        self.frame.to_parquet(path, index=False)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the table as a CSV file."""
        self.frame.to_csv(path, index=False)

    def runs(self) -> Iterator[Run]:
        """Every run of the design, in order."""
        return iter(self.design.run_of.values())
