"""Where which algorithm is best, and how runs learn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.statistics.base import (
    COUNTED,
    drawn_iqm,
    groups_of,
    interquartile_mean,
    intervals,
    names_of,
    of_runs,
    pooled,
    sign_of,
    tasks_of,
    too_few,
    too_few_seeds,
)
from offrl_core.links import OPTION
from offrl_core.names import unknown

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]


def phase_diagram(
    frame: pd.DataFrame,
    x: str,
    y: str,
    by: str = "algorithm",
    metric: str = "normalised",
    at: str | int = "last",
    **bootstrapping: Any,
) -> pd.DataFrame:
    """Which group is best at each point of two columns, and by how much it is ahead of the next.

    A group's number is the interquartile mean of its runs over the datasets of the cell. A column that only some groups
    have (a hyperparameter) counts for those; the others are the same all along it.

    Returns:
        A row for each point: `x`, `y` by their names, `winner`, `second`, `score`, `margin`, `low`, `high` (of the
        margin), `sure` (the interval is above 0), `runs`, `diverged`, `why`.
    """
    import pandas as pd

    rows = of_runs(frame, metric, at)
    for name in (x, y, by):
        if name not in rows.columns:
            raise ExperimentError(unknown("column of these results", name, list(rows.columns)))
    if x == y:
        raise ExperimentError(f"both axes are {x}: a plane needs two")
    # The cell itself tells tasks apart only by what is not one of its axes.
    rows = rows.assign(task=tasks_of(frame.drop(columns=[c for c in (x, y) if c.startswith(OPTION)]).loc[rows.index]))
    sound = rows[rows["score"].notna()]
    (column, across), (row, up) = (pd.factorize(sound[name], sort=True) for name in (x, y))
    placed = sound.assign(_column=column, _row=row)
    groups = {group[by]: _Placed(part) for group, part in groups_of(placed, by, ("_column", "_row", *COUNTED))}
    found = []
    for place in product(range(len(across)), range(len(up))):
        strata = {name: runs.at(*place) for name, runs in groups.items()}
        if there := {name: (groups[name], tasks) for name, tasks in strata.items() if tasks}:
            found.append({x: across[place[0]], y: up[place[1]], **_winner(there, bootstrapping)})
    columns = [x, y, "winner", "second", "score", "margin", "low", "high", "sure", "runs", "diverged", "why"]
    return pd.DataFrame(found, columns=columns)


class _Placed:
    """The runs of a group by the cells of a plane, `_column` and `_row`, which are −1 where it has no such column."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.scores, self.seeds = rows["score"].to_numpy()[:, None], rows["seed"].to_numpy()
        self.diverged = rows["diverged"].to_numpy() >= 0
        self._cells: dict[tuple[int, int], dict[str, Array]] = {}
        for (column, row, task), places in rows.groupby(["_column", "_row", "task"]).indices.items():
            self._cells.setdefault((column, row), {})[task] = places

    def at(self, column: int, row: int) -> dict[str, Array]:
        """The places of a cell's runs by task, in their order."""
        found: dict[str, list[Array]] = {}
        for cell in product((column, -1), (row, -1)):
            for task, places in self._cells.get(cell, {}).items():
                found.setdefault(task, []).append(places)
        return {task: np.sort(np.concatenate(found[task])) for task in sorted(found)}

    def too_few(self, tasks: dict[str, Array]) -> str:
        """Why there is no interval, see `too_few_seeds`."""
        return too_few_seeds({task: len(np.unique(self.seeds[places])) for task, places in tasks.items()})


def _winner(parts: dict[Any, tuple[_Placed, dict[str, Array]]], bootstrapping: dict[str, Any]) -> dict[str, Any]:
    iqm = pooled(lambda values: interquartile_mean(values, axis=-2))
    strata = {name: [runs.scores[places] for places in tasks.values()] for name, (runs, tasks) in parts.items()}
    scores = {name: float(iqm(runs)[0]) for name, runs in strata.items()}
    order = sorted(scores, key=lambda name: -scores[name])
    best, second = order[0], order[1] if len(order) > 1 else None
    row: dict[str, Any] = {"winner": best, "second": second, "score": scores[best]}
    row |= {"margin": np.nan, "low": np.nan, "high": np.nan, "sure": False, "why": "There is nothing to compare with."}
    if second is not None:
        one, other = strata[best], strata[second]
        why = next(filter(None, (runs.too_few(tasks) for runs, tasks in (parts[best], parts[second]))), "")
        row |= {"margin": scores[best] - scores[second], "why": why}
        if not why:
            cut = sum(map(len, one))
            low, high = intervals(
                [*one, *other],
                lambda x, counts: drawn_iqm(x[:cut], counts[:, :cut]) - drawn_iqm(x[cut:], counts[:, cut:]),
                **{"resamples": 1000, **bootstrapping},
            )
            row |= {"low": float(low[0]), "high": float(high[0]), "sure": bool(low[0] > 0)}
    row["runs"] = sum(len(places) for _, tasks in parts.values() for places in tasks.values())
    row["diverged"] = sum(
        int(runs.diverged[places].sum()) for runs, tasks in parts.values() for places in tasks.values()
    )
    return row


def learning_curves(
    frame: pd.DataFrame, by: str | Sequence[str] = "algorithm", metric: str = "normalised", **bootstrapping: Any
) -> pd.DataFrame:
    """The interquartile mean of each group at each evaluated step, with pointwise intervals.

    Returns:
        A row for each group and step: `by`, `step`, `iqm`, `low`, `high`, `runs` (those that have a number at every
        step: the same ones all along), `missing` (the others), `diverged` (of `runs`, so far), `best` and `last`
        (whether this is the group's best step, and its last), `why`.
    """
    import pandas as pd

    of_runs(frame, metric)
    rows = frame.assign(task=tasks_of(frame), score=frame[metric])
    iqm = pooled(lambda values: interquartile_mean(values, axis=-2))
    parts = []
    for group, part in groups_of(rows[rows["failed"] == ""], by, ("run", "step", *COUNTED)):
        tables = [
            task.pivot(index="run", columns="step", values="score") for _, task in part.groupby("task", sort=True)
        ]
        steps = sorted(set.intersection(*(set(table.columns) for table in tables)))
        tables = [whole for table in tables if len(whole := table[steps].dropna())]
        if not steps or not tables:
            continue
        strata = [table.to_numpy() for table in tables]
        counted = part[part["run"].isin(np.concatenate([table.index for table in tables]))]
        why = too_few(counted)
        missing = np.full(len(steps), np.nan)
        low, high = (
            intervals(strata, drawn_iqm, **{"resamples": 1000, **bootstrapping}) if not why else (missing, missing)
        )
        middle = iqm(strata)
        gone = counted[counted["diverged"] >= 0].groupby("step").size()
        parts.append(
            pd.DataFrame(
                {
                    **{name: [value] * len(steps) for name, value in group.items()},
                    "step": steps,
                    "iqm": middle,
                    "low": low,
                    "high": high,
                    "runs": sum(map(len, strata)),
                    "missing": part["run"].nunique() - sum(map(len, strata)),
                    "diverged": [int(gone.get(step, 0)) for step in steps],
                    "best": np.arange(len(steps)) == int(np.argmax(sign_of(metric) * middle)),
                    "last": np.arange(len(steps)) == len(steps) - 1,
                    "why": why,
                }
            )
        )
    columns = [*names_of(by), "step", "iqm", "low", "high", "runs", "missing", "diverged", "best", "last", "why"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
