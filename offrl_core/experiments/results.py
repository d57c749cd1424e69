"""What an experiment found out, as a table, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from offrl_core.algos import algorithm as find_algorithm
from offrl_core.data.catalogue import datasets as catalogue
from offrl_core.experiments.design import DATA_SEED, Design
from offrl_core.experiments.job import Job, Run
from offrl_core.experiments.running import Progress, run_jobs
from offrl_core.experiments.statistics.base import FEWEST_SEEDS, bootstrap, interquartile_mean, of_runs, tasks_of
from offrl_core.experiments.statistics.sensitivities import configurations_of
from offrl_core.experiments.store import Store
from offrl_core.links import OPTION, address, budget_parts, data_parts, lane_parts

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
        if "normalised" not in frame.columns:  # a log whose world nobody knows
            counts = frame.assign(task=tasks_of(frame)).groupby(places)["run"].nunique()
            return planned.merge(counts.rename("runs").reset_index(), how="left")
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

        Choosing by the true return is tuning online, and the number that it was chosen by flatters it: the highest of
        many is high by luck, too. So the chosen configuration is trained again with seeds that had no part in the
        choice, and both numbers are given.

        Args:
            metric: what is highest, on average over the seeds, at the last step.
            fresh: how many fresh seeds, 0 for none; they are the ones after the highest seed of the experiment.
            executor, progress: as in `run`.

        Returns:
            A row for each task and algorithm: the hyperparameters chosen, `configurations` (how many there were to
            choose from), `chosen_on` and `fresh` (the mean over the seeds of the choice, and over fresh ones),
            `fresh_low` and `fresh_high` (its interval, none below six seeds), `seeds`, `fresh_seeds`.
        """
        import pandas as pd

        rows = of_runs(self.frame, metric)
        rows = rows[rows["score"].notna()].assign(configuration=configurations_of(rows))
        names = [name for name in self.design.columns if not name.startswith(OPTION)]
        chosen = []
        for (task, algorithm), part in rows.groupby(["task", "algorithm"], sort=False):
            means = part.groupby("configuration")["score"].mean()
            mine = part[part["configuration"] == means.idxmax()]
            row = {"task": task, "algorithm": algorithm, "approximator": mine["approximator"].iloc[0]}
            row |= {name: mine[name].iloc[0] for name in names}
            row |= {"configurations": len(means), "seeds": len(mine), "chosen_on": float(means.max())}
            chosen.append((row, self._runs[mine["run"].iloc[0]][1]))
        if fresh:
            self._afresh(chosen, metric, fresh, executor, progress)
        return pd.DataFrame([row for row, _ in chosen])

    def _afresh(
        self,
        chosen: list[tuple[dict[str, Any], Run]],
        metric: str,
        fresh: int,
        executor: Executor | None,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        """Train what was chosen with fresh seeds, and write what it is worth into its row."""
        first = max(self.design.seeds) + 1
        seeds = tuple(range(first, first + fresh))
        jobs = [
            Job(r.data, r.algorithm, r.approximator, r.version, (r.hyperparameters,), seeds, r.evaluate, r.estimates)
            for _, r in chosen
        ]
        run_jobs(jobs, self.design.own, self.store, executor, progress)
        for (row, _), job in zip(chosen, jobs, strict=True):
            found = self.store.load([run.key for run in job.runs])
            values = found.loc[found["step"] == job.steps, metric].dropna().to_numpy() if len(found) else np.array([])
            row["fresh"] = float(values.mean()) if len(values) else float("nan")
            row["fresh_low"] = row["fresh_high"] = float("nan")
            if len(values) >= FEWEST_SEEDS:
                low, high = bootstrap([values[:, None]], lambda drawn: drawn[0].mean(axis=-2))
                row["fresh_low"], row["fresh_high"] = float(low[0]), float(high[0])
            row["fresh_seeds"] = len(values)

    def to_links(self, page: str = "") -> pd.Series:
        """The address that opens each row's run in the playground, which trains to the row's step and stops there.

        The numbers there are these, to the bit. Empty for a run on an own dataset, which no address can hold.

        Args:
            page: what stands before `?`, such as `http://localhost:8501/`.
        """
        import pandas as pd

        frame = self.frame
        parts = {key: self._parts(run) for key, (_, run) in self._runs.items()}
        links = [
            address({**parts[run], **budget_parts(int(step) or self.design.steps)}, page) if parts[run] else ""
            for run, step in zip(frame["run"], frame["step"], strict=True)
        ]
        return pd.Series(links, index=frame.index, name="link", dtype=object)

    def link_parts(self, key: str) -> dict[str, str]:
        """The parts of the link that opens the run of this key in the playground, trained to its last step; none for a
        run on an own dataset."""
        parts = self._parts(self._runs[key][1])
        return {**parts, **budget_parts(self.design.steps)} if parts else {}

    def _parts(self, run: Run) -> dict[str, str]:
        """The parts of a run's link, all but where it stops."""
        if run.data.own:
            return {}
        spec = catalogue()[run.data.name]
        kind = find_algorithm(run.algorithm, run.version)
        usual = self.design.defaults(run)
        changed = {name: value for name, value in run.hyperparameters.items() if value != usual[name]}
        parts = data_parts(run.data.name, run.data.options, (*spec.options, DATA_SEED))
        return parts | lane_parts(run.algorithm, run.approximator, 1, changed, first_seed=run.seed, file=kind.file)

    def to_parquet(self, path: str | PathLike[str]) -> None:
        """Write the table as a Parquet file."""
        self.frame.to_parquet(path, index=False)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the table as a CSV file."""
        self.frame.to_csv(path, index=False)

    def runs(self) -> Iterator[Run]:
        """Every run of the design, in order."""
        return (run for _, run in self._runs.values())
