"""What choosing by the true return hides: the chosen settings again, on seeds that had no part in the choice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from offrl_core.experiments.design import Design
from offrl_core.experiments.job import Job, Run
from offrl_core.experiments.statistics.base import FEWEST_SEEDS, drawn_mean, intervals, of_runs
from offrl_core.experiments.statistics.sensitivities import configurations_of
from offrl_core.links import OPTION

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")
_SEEDS = 2**32


@dataclass(frozen=True, eq=False)
class Choice:
    """The configuration of each algorithm on each task that is best on average over the seeds, after the last update.

    Choosing by the true return is tuning online, and the number that it was chosen by flatters it: the highest of many
    is high by luck, too. So what was chosen is trained again with seeds that had no part in the choice.

    Attributes:
        design: the experiment.
        frame: `Results.frame`.
        metric: what is highest.
        fresh: how many fresh seeds: those after the highest one of the experiment.
    """

    design: Design
    frame: pd.DataFrame
    metric: str = "judged"
    fresh: int = FEWEST_SEEDS

    @cached_property
    def _chosen(self) -> list[tuple[dict[str, Any], pd.DataFrame, Run]]:
        """A row for each, with its runs after the last update and one of them."""
        rows = of_runs(self.frame, self.metric)
        rows = rows[rows["score"].notna()].assign(configuration=configurations_of)
        names = [name for name in self.design.columns if not name.startswith(OPTION)]
        found = []
        for (task, algorithm), part in rows.groupby(["task", "algorithm"], sort=False, observed=True):
            means = part.groupby("configuration")["score"].mean()
            mine = part[part["configuration"] == means.idxmax()]
            row = {"task": task, "algorithm": algorithm, "approximator": mine["approximator"].iloc[0]}
            row |= {name: mine[name].iloc[0] for name in names}
            row |= {"configurations": len(means), "seeds": len(mine)}
            found.append((row, mine, self.design.run_of[mine["run"].iloc[0]]))
        return found

    @property
    def seeds(self) -> tuple[int, ...]:
        """The fresh seeds."""
        taken = set(self.design.seeds)
        others = (seed for seed in (n % _SEEDS for n in count(max(taken) + 1)) if seed not in taken)
        return tuple(islice(others, self.fresh))

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """What trains the chosen ones again: looked at after the last update only."""
        end, seeds = (self.design.steps,), self.seeds
        asked = tuple(name for name in self.design.estimates if name == self.metric)
        return tuple(
            Job(run.data, run.algorithm, run.approximator, run.version, (run.hyperparameters,), seeds, end, asked)
            for _, _, run in self._chosen
        )

    def table(self, found: pd.DataFrame, score: str = "") -> pd.DataFrame:
        """Both numbers of each chosen configuration.

        Args:
            found: the rows of the fresh runs that are there, as `Store.load` gives them.
            score: the number that is reported; by default what was chosen by.

        Returns:
            A row for each task and algorithm: the hyperparameters chosen, `configurations` (how many there were to
            choose from), `seeds`, `chosen_on` and `fresh` (the means over the seeds of the choice, and over fresh
            ones), `fresh_low` and `fresh_high` (its interval, none below six seeds), `fresh_seeds`, and of these
            `fresh_diverged`, which count with their last finite policy.
        """
        import pandas as pd

        score = score or self.metric
        rows = []
        for (row, mine, _), job in zip(self._chosen, self.jobs, strict=True):
            row = {**row, "chosen_on": float(mine[score].mean()), "fresh": NAN, "fresh_low": NAN, "fresh_high": NAN}
            again = found[found["run"].isin([run.key for run in job.runs])]
            again = again[again[score].notna()] if score in again else again.iloc[:0].assign(**{score: NAN})
            values = again[score].to_numpy(dtype=float)
            if len(values):
                row["fresh"] = float(values.mean())
            if len(values) >= FEWEST_SEEDS:
                low, high = intervals([values[:, None]], drawn_mean)
                row["fresh_low"], row["fresh_high"] = float(low[0]), float(high[0])
            row["fresh_seeds"] = len(values)
            row["fresh_diverged"] = int((again["diverged"] >= 0).sum()) if len(values) else 0
            rows.append(row)
        return pd.DataFrame(rows)
