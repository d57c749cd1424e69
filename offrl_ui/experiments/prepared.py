"""The results of an experiment as its pictures take them: what is compared, one row a run, and what is said of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from offrl_core.algos import algorithms
from offrl_core.experiments import statistics
from offrl_core.experiments.statistics.base import sign_of
from offrl_core.links import OPTION
from offrl_ui.experiments.marks import Palette, described, order_of, word_of

LABELS = ("dataset", "algorithm", "approximator")
ESTIMATORS = {
    "fqe": "Fitted Q evaluation",
    "wis": "Importance sampling, weighted",
    "dr": "Doubly robust",
    "value_start": "The learner's own value",
}


@dataclass(frozen=True, eq=False)
class Prepared:
    """Results, arranged for pictures.

    Args:
        frame: `Results.frame`, or some of its rows.
        columns: what distinguishes configurations beside dataset, algorithm and approximator (`Design.columns`).
        by: the column that is compared.
        metric: what counts: `normalised`, or `judged`, the true return at the data's own discount.
    """

    frame: pd.DataFrame
    columns: tuple[str, ...]
    by: str = "algorithm"
    metric: str = "normalised"

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row for each run: its last evaluated step, with the metric as `score`."""
        return statistics.of_runs(self.frame, self.metric)

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The runs that have a score; those among them that diverged have that of their last finite policy."""
        return self.runs[self.runs["score"].notna()].reset_index(drop=True)

    @cached_property
    def order(self) -> list[Any]:
        """The values of the compared column: algorithms in the lecture's order, others sorted."""
        there = list(pd.unique(self.runs[self.by].dropna()))
        if self.by == "algorithm":
            known = list(algorithms())
            return sorted(there, key=lambda name: known.index(name) if name in known else len(known))
        return sorted(there, key=order_of)

    @cached_property
    def aggregated(self) -> pd.DataFrame:
        """The interquartile mean and the optimality gap of each, with their intervals."""
        return statistics.aggregate(self.runs, self.by, self.metric)

    @cached_property
    def palette(self) -> Palette:
        """Colours and symbols of what is compared."""
        return Palette(self.order)

    @property
    def normalised(self) -> bool:
        """Whether the behaviour is at 0 and the best at 1."""
        return self.metric == "normalised"

    @property
    def unit(self) -> str:
        """What the scores are, as the name of an axis."""
        return "normalised return" if self.normalised else "true return"

    @property
    def word(self) -> str:
        """What is compared, in a word."""
        return word_of(self.by)

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """The columns in which the runs differ, the seed aside."""
        return tuple(name for name in (*LABELS, *self.columns) if _varies(self.runs, name))

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The columns that can be set: axes that are no names of datasets or algorithms, and are not compared."""
        return tuple(name for name in self.axes if name not in ("dataset", "algorithm", self.by))

    @cached_property
    def words(self) -> Mapping[str, str]:
        """By run: a line about it."""
        named = ["algorithm", "dataset", *(name for name in self.axes if name not in LABELS)]
        named += ["approximator"] * ("approximator" in self.axes)
        return dict(zip(self.runs["run"], described(self.runs, named), strict=True))

    def median_run(self, column: str, value: Any, runs: pd.DataFrame | None = None) -> str:
        """The run that stands for all of a value: the one that is nearest to their median."""
        if runs is None:
            return _nearest_to_median(self.scored, self._where(column, value))
        return _nearest_to_median(runs, (runs[column] == value).to_numpy())

    @cached_property
    def _known(self) -> dict[tuple[str, Any], npt.NDArray[np.bool_]]:
        return {}

    def _where(self, column: str, value: Any) -> npt.NDArray[np.bool_]:
        """Which of the runs with a score have a value, or none at all: a plane asks for each again and again."""
        if (column, value) not in self._known:
            there = self.scored[column]
            self._known[column, value] = (there.isna() if value is None else there == value).to_numpy()
        return self._known[column, value]

    def cell_run(self, value: Any, at: Mapping[str, Any]) -> str:
        """The run that stands for a compared value where other columns have these values, or none at all."""
        mine = self._where(self.by, value)
        for column, wanted in at.items():
            mine = mine & (self._where(column, None) | self._where(column, wanted))
        return _nearest_to_median(self.scored, mine)

    def chosen(self, rule: str) -> pd.DataFrame | None:
        """The run that an estimate likes best on each dataset, of the last steps; None for what is no estimate."""
        if rule not in self.scored or not self.scored[rule].notna().any():
            return None
        judged = self.scored[self.scored[rule].notna()]
        return judged.loc[(sign_of(rule) * judged[rule].astype(float)).groupby(judged["task"]).idxmax()]

    @staticmethod
    def best_run(runs: pd.DataFrame) -> str:
        """The best of some runs."""
        return str(runs["run"].iloc[int(np.argmax(runs["score"].to_numpy(dtype=float)))]) if len(runs) else ""

    def note(self, *, intervals: bool = False) -> str:
        """How many runs there are, what their returns are normalised by, what the intervals are, what is missing."""
        runs, scored = self.runs, self.scored
        worlds, seeds = runs["dataset"].nunique(), runs["seed"].nunique()
        parts = [f"n = {len(scored):,} runs: {_count(worlds, 'dataset')}, {_count(seeds, 'seed')}"]
        others = [name for name in self.axes if name not in ("dataset", self.by)]
        if others:
            parts[0] += ", all values of " + ", ".join(map(word_of, others))
        if self.normalised:
            kinds = set(scored["best_kind"]) if "best_kind" in scored else set()
            best = "the best within the data" if kinds <= {"best within the data"} else "the best that is known"
            parts.append(f"Normalised: the behaviour is 0, {best} is 1")
        else:
            parts.append("True returns at the data's discount, not normalised")
        if intervals:
            few = statistics.FEWEST_SEEDS
            seeds = scored.groupby("task")["seed"].nunique().min() if len(scored) else 0
            parts.append(
                "Intervals: 95 %, bootstrap over the seeds of each dataset"
                if seeds >= few
                else f"No intervals below {few} seeds: so few runs say too little about others"
            )
        return ".\n".join(parts) + "." + self.missing

    @cached_property
    def missing(self) -> str:
        """What went wrong in some runs, and how they count; nothing where nothing did."""
        runs = self.runs
        said = ""
        diverged = int((runs["diverged"] >= 0).sum())
        if diverged:
            said += f"\n{diverged} of {len(runs):,} runs diverged; they count with their last finite policy."
        failed = int((runs["failed"] != "").sum()) if "failed" in runs else 0
        if failed:
            said += f"\n{failed} runs could not be computed and are left out."
        blind = int((runs["score"].isna() & (runs["failed"] == "")).sum())
        if blind:
            said += f"\n{blind:,} runs have no score: the behaviour is as good as the best, or the truth is unknown."
        return said


def _nearest_to_median(runs: pd.DataFrame, mine: npt.NDArray[np.bool_]) -> str:
    places = np.flatnonzero(mine)
    if not len(places):
        return ""
    scores = runs["score"].to_numpy(dtype=float)[places]
    return str(runs["run"].iat[places[np.argmin(np.abs(scores - np.median(scores)))]])


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def compared(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """What can be compared: the columns in which the runs differ, the algorithm first."""
    order = ["algorithm", "approximator", *columns, "dataset"]
    there = [name for name in order if name in frame and _varies(frame, name)]
    return there or ["algorithm"]


def _varies(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column has several values; an option of datasets must have them on one of these, for otherwise it only
    says which dataset it is."""
    if name.startswith(OPTION):
        return bool(frame.groupby("dataset", observed=True)[name].nunique(dropna=True).max() > 1)
    return bool(frame[name].nunique(dropna=True) > 1)
