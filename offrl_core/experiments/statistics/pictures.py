"""Where which algorithm is best, and how runs learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.statistics.base import (
    drawn_iqm,
    groups_of,
    interquartile_mean,
    intervals,
    names_of,
    of_runs,
    pooled,
    strata_of,
    tasks_of,
    too_few,
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
    for name in (x, y):
        if name not in rows.columns:
            raise ExperimentError(unknown("column of these results", name, list(rows.columns)))
    if x == y:
        raise ExperimentError(f"both axes are {x}: a plane needs two")
    # The cell itself tells tasks apart only by what is not one of its axes.
    rows = rows.assign(task=tasks_of(frame.drop(columns=[c for c in (x, y) if c.startswith(OPTION)]).loc[rows.index]))
    if by not in rows.columns:
        raise ExperimentError(unknown("column of these results", by, list(rows.columns)))
    needed = list(dict.fromkeys([x, y, by, "task", "score", "seed", "diverged"]))
    sound = rows.loc[rows["score"].notna(), needed]
    found = []
    for at_x in sorted(sound[x].dropna().unique()):
        for at_y in sorted(sound[y].dropna().unique()):
            cell = sound[(sound[x].isna() | (sound[x] == at_x)) & (sound[y].isna() | (sound[y] == at_y))]
            parts = {group[by]: part for group, part in groups_of(cell, by)}
            if parts:
                found.append({x: at_x, y: at_y, **_winner(parts, bootstrapping)})
    columns = [x, y, "winner", "second", "score", "margin", "low", "high", "sure", "runs", "diverged", "why"]
    return pd.DataFrame(found, columns=columns)


def _winner(parts: dict[Any, pd.DataFrame], bootstrapping: dict[str, Any]) -> dict[str, Any]:
    iqm = pooled(lambda values: interquartile_mean(values, axis=-2))
    strata = {name: strata_of(rows) for name, rows in parts.items()}
    scores = {name: float(iqm(runs)[0]) for name, runs in strata.items()}
    order = sorted(scores, key=lambda name: -scores[name])
    best, second = order[0], order[1] if len(order) > 1 else None
    row: dict[str, Any] = {"winner": best, "second": second, "score": scores[best]}
    row |= {"margin": np.nan, "low": np.nan, "high": np.nan, "sure": False, "why": "There is nothing to compare with."}
    if second is not None:
        one, other = strata[best], strata[second]
        why = too_few(parts[best]) or too_few(parts[second])
        row |= {"margin": scores[best] - scores[second], "why": why}
        if not why:
            cut = sum(map(len, one))
            low, high = intervals(
                [*one, *other],
                lambda x, counts: drawn_iqm(x[:cut], counts[:, :cut]) - drawn_iqm(x[cut:], counts[:, cut:]),
                **{"resamples": 1000, **bootstrapping},
            )
            row |= {"low": float(low[0]), "high": float(high[0]), "sure": bool(low[0] > 0)}
    row["runs"] = sum(map(len, parts.values()))
    row["diverged"] = sum(int((rows["diverged"] >= 0).sum()) for rows in parts.values())
    return row


def learning_curves(
    frame: pd.DataFrame, by: str | Sequence[str] = "algorithm", metric: str = "normalised", **bootstrapping: Any
) -> pd.DataFrame:
    """The interquartile mean of each group at each evaluated step, with pointwise intervals.

    Returns:
        A row for each group and step: `by`, `step`, `iqm`, `low`, `high`, `runs`, `diverged` (so far), `best` and
        `last` (whether this is the group's best step, and its last), `why`.
    """
    import pandas as pd

    of_runs(frame, metric)
    rows = frame[frame["failed"] == ""].assign(task=lambda f: tasks_of(f), score=lambda f: f[metric])
    iqm = pooled(lambda values: interquartile_mean(values, axis=-2))
    parts = []
    for group, part in groups_of(rows, by):
        tables = [
            task.pivot(index="run", columns="step", values="score") for _, task in part.groupby("task", sort=True)
        ]
        steps = sorted(set.intersection(*(set(table.columns) for table in tables)))
        strata = [table[steps].dropna().to_numpy() for table in tables]
        strata = [values for values in strata if len(values)]
        if not steps or not strata:
            continue
        why = too_few(part[part["score"].notna()])
        missing = np.full(len(steps), np.nan)
        low, high = (
            intervals(strata, drawn_iqm, **{"resamples": 1000, **bootstrapping}) if not why else (missing, missing)
        )
        middle = iqm(strata)
        gone = part[part["diverged"] >= 0].groupby("step").size()
        parts.append(
            pd.DataFrame(
                {
                    **{name: [value] * len(steps) for name, value in group.items()},
                    "step": steps,
                    "iqm": middle,
                    "low": low,
                    "high": high,
                    "runs": sum(map(len, strata)),
                    "diverged": [int(gone.get(step, 0)) for step in steps],
                    "best": np.arange(len(steps)) == int(np.argmax(middle)),
                    "last": np.arange(len(steps)) == len(steps) - 1,
                    "why": why,
                }
            )
        )
    columns = [*names_of(by), "step", "iqm", "low", "high", "runs", "diverged", "best", "last", "why"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
