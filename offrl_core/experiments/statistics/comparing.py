"""Which algorithm is better: aggregates over tasks, profiles, and the probability of improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offrl_core.experiments.statistics.base import (
    bootstrap,
    bootstrap_means,
    counted_runs,
    groups_of,
    interquartile_mean,
    of_runs,
    optimality_gap,
    pooled,
    strata_of,
    too_few,
)

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]


def aggregate(
    frame: pd.DataFrame,
    by: str | Sequence[str] = "algorithm",
    metric: str = "normalised",
    at: str | int = "last",
    **bootstrapping: Any,
) -> pd.DataFrame:
    """Interquartile mean, mean, median and optimality gap of each group's runs over all tasks, with intervals.

    Args:
        frame: of the results.
        by: the column or columns that make groups.
        metric, at: as in `of_runs`.
        bootstrapping: `resamples`, `confidence`, `seed`.

    Returns:
        A row for each group: `by`, then `iqm`, `mean`, `median`, `optimality_gap`, each with `_low` and `_high`; how
        many `runs`, `tasks`, `diverged`, `missing` and `failed` there are, and `why` there is no interval.

    Source: Agarwal et al. 2021 (rliable).
    """
    import pandas as pd

    measures: dict[str, Callable[[Array], Array]] = {
        "iqm": lambda x: interquartile_mean(x, axis=-2),
        "mean": lambda x: x.mean(axis=-2),
        "median": lambda x: np.median(x, axis=-2),
        "optimality_gap": lambda x: optimality_gap(x, axis=-2),
    }
    found = []
    for group, rows in groups_of(of_runs(frame, metric, at), by):
        sound = rows[rows["score"].notna()]
        why = too_few(sound)
        row: dict[str, Any] = {**group}
        strata = strata_of(sound)
        for name, measure in measures.items():
            row[name] = float(pooled(measure)(strata)[0]) if strata else np.nan
            low, high = bootstrap(strata, pooled(measure), **bootstrapping) if not why else ([np.nan], [np.nan])
            row[f"{name}_low"], row[f"{name}_high"] = float(low[0]), float(high[0])
        found.append({**row, **counted_runs(rows), "why": why})
    return pd.DataFrame(found)


def performance_profile(
    frame: pd.DataFrame,
    by: str | Sequence[str] = "algorithm",
    metric: str = "normalised",
    at: str | int = "last",
    thresholds: npt.ArrayLike | None = None,
    **bootstrapping: Any,
) -> pd.DataFrame:
    """The share of runs above each threshold, `P(x > τ)`, with pointwise intervals.

    Returns:
        A row for each group and threshold: `by`, `threshold`, `share`, `low`, `high`, `runs`, `tasks`, `why`.

    Source: Agarwal et al. 2021, section 4.2 (run-score distribution).
    """
    import pandas as pd

    runs = of_runs(frame, metric, at)
    scores = runs["score"].to_numpy()
    finite = scores[np.isfinite(scores)]
    if thresholds is None:
        thresholds = (
            np.linspace(min(0.0, float(np.quantile(finite, 0.02))), max(1.0, float(finite.max())), 101)
            if len(finite)
            else np.linspace(0, 1, 101)
        )
    limits = np.asarray(thresholds, dtype=np.float64)
    parts = []
    for group, rows in groups_of(runs, by):
        sound = rows[rows["score"].notna()]
        why = too_few(sound)
        above = [(values > limits).astype(np.float64) for values in strata_of(sound)]
        mean = pooled(lambda x: x.mean(axis=-2))
        share = mean(above) if above else np.full(len(limits), np.nan)
        missing = np.full(len(limits), np.nan)
        low, high = bootstrap_means(above, **bootstrapping) if not why else (missing, missing)
        counted = counted_runs(rows)
        parts.append(
            pd.DataFrame(
                {
                    **{name: [value] * len(limits) for name, value in group.items()},
                    "threshold": limits,
                    "share": share,
                    "low": low,
                    "high": high,
                    "runs": counted["runs"],
                    "tasks": counted["tasks"],
                    "why": why,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def probability_of_improvement(
    frame: pd.DataFrame,
    by: str = "algorithm",
    metric: str = "normalised",
    at: str | int = "last",
    **bootstrapping: Any,
) -> pd.DataFrame:
    """How likely a run of X is better than a run of Y, `P(X > Y) + ½ P(X = Y)` on each task, averaged over tasks.

    Returns:
        A row for each ordered pair on the tasks that both have: `x`, `y`, `probability`, `low`, `high`, `tasks`,
        `runs_x`, `runs_y`, `why`.

    Source: Agarwal et al. 2021, section 4.3; the Mann–Whitney statistic divided by its maximum.
    """
    import pandas as pd

    groups = {group[by]: rows[rows["score"].notna()] for group, rows in groups_of(of_runs(frame, metric, at), by)}
    found = []
    for x, y in combinations(groups, 2):
        both = sorted(set(groups[x]["task"]) & set(groups[y]["task"]))
        one, other = (rows[rows["task"].isin(both)] for rows in (groups[x], groups[y]))
        counted = {"tasks": len(both), "runs_x": len(one), "runs_y": len(other)}
        if not both:
            found.append({"x": x, "y": y, "probability": np.nan, "low": np.nan, "high": np.nan, **counted})
            found[-1]["why"] = "They were run on no task in common."
            continue
        strata = [*strata_of(one), *strata_of(other)]
        why = too_few(one) or too_few(other)
        value = float(_better(strata)[0])
        low, high = bootstrap(strata, _better, **bootstrapping) if not why else ([np.nan], [np.nan])
        found.append({"x": x, "y": y, "probability": value, "low": low[0], "high": high[0], **counted, "why": why})
    for row in list(found):
        turned = {"x": row["y"], "y": row["x"], "probability": 1.0 - row["probability"]}
        turned |= {"low": 1.0 - row["high"], "high": 1.0 - row["low"], "tasks": row["tasks"]}
        found.append({**turned, "runs_x": row["runs_y"], "runs_y": row["runs_x"], "why": row["why"]})
    columns = ["x", "y", "probability", "low", "high", "tasks", "runs_x", "runs_y", "why"]
    return pd.DataFrame(found, columns=columns)


def _better(strata: list[Array]) -> Array:
    """`(…, 1)`: the mean over tasks of `P(X > Y) + ½ P(X = Y)`; the first half of the strata are X's."""
    half = len(strata) // 2
    shares = []
    for x, y in zip(strata[:half], strata[half:], strict=True):
        rank = np.sort(y[..., 0], axis=-1)
        shares.append(_ranks(rank, x[..., 0]))
    return np.asarray(np.mean(shares, axis=0))[..., None]


def _ranks(ordered: Array, values: Array) -> Array:
    """`(…,)`: the mean over values of the share of `ordered (…, m)` below them, equal ones counting half."""
    bigger = values[..., :, None] > ordered[..., None, :]
    equal = values[..., :, None] == ordered[..., None, :]
    return np.asarray((bigger + 0.5 * equal).mean(axis=(-1, -2)))
