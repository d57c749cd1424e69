"""Which algorithm is better: aggregates over tasks, profiles, and the probability of improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offrl_core.experiments.statistics.base import (
    CONFIDENCE,
    COUNTED,
    RESAMPLES,
    counted_runs,
    drawn_gap,
    drawn_iqm,
    drawn_mean,
    drawn_median,
    groups_of,
    how_often,
    interquartile_mean,
    intervals,
    of_runs,
    optimality_gap,
    percentiles,
    pooled,
    strata_of,
    too_few,
    too_few_seeds,
)

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]
MEASURES: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    "iqm": (lambda x: interquartile_mean(x, axis=-2), drawn_iqm),
    "mean": (lambda x: x.mean(axis=-2), drawn_mean),
    "median": (lambda x: np.median(x, axis=-2), drawn_median),
    "optimality_gap": (lambda x: optimality_gap(x, axis=-2), drawn_gap),
}
"""Name → the measure of `(N, K)` runs, and of runs that are drawn again."""


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

    found = []
    for group, rows in groups_of(of_runs(frame, metric, at), by, COUNTED):
        sound = rows[rows["score"].notna()]
        why = too_few(sound)
        row: dict[str, Any] = {**group}
        strata = strata_of(sound)
        for name, (measure, drawn) in MEASURES.items():
            row[name] = float(pooled(measure)(strata)[0]) if strata else np.nan
            low, high = intervals(strata, drawn, **bootstrapping) if not why else ([np.nan], [np.nan])
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
    for group, rows in groups_of(runs, by, COUNTED):
        sound = rows[rows["score"].notna()]
        why = too_few(sound)
        above = [(values > limits).astype(np.float64) for values in strata_of(sound)]
        mean = pooled(lambda x: x.mean(axis=-2))
        share = mean(above) if above else np.full(len(limits), np.nan)
        missing = np.full(len(limits), np.nan)
        low, high = _share_intervals(above, **bootstrapping) if not why else (missing, missing)
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

    runs = of_runs(frame, metric, at)
    groups = {
        group[by]: {str(task): part for task, part in rows.groupby("task")}
        for group, rows in groups_of(runs[runs["score"].notna()], by, COUNTED)
    }
    scores = {
        name: {t: part["score"].to_numpy()[:, None] for t, part in tasks.items()} for name, tasks in groups.items()
    }
    seeds = {name: {t: int(part["seed"].nunique()) for t, part in tasks.items()} for name, tasks in groups.items()}
    found = []
    for x, y in combinations(groups, 2):
        both = sorted(groups[x].keys() & groups[y].keys())
        strata = [scores[name][task] for name in (x, y) for task in both]
        counted = {"tasks": len(both)}
        counted |= {f"runs_{n}": sum(len(scores[name][t]) for t in both) for n, name in (("x", x), ("y", y))}
        if not both:
            found.append({"x": x, "y": y, "probability": np.nan, "low": np.nan, "high": np.nan, **counted})
            found[-1]["why"] = "They were run on no task in common."
            continue
        why = too_few_seeds({t: seeds[x][t] for t in both}) or too_few_seeds({t: seeds[y][t] for t in both})
        once = [np.ones((1, len(each)), dtype=np.int16) for each in strata]
        value = float(_better(strata, once)[0])
        low, high = _better_intervals(strata, **bootstrapping) if not why else (np.nan, np.nan)
        found.append({"x": x, "y": y, "probability": value, "low": low, "high": high, **counted, "why": why})
    for row in list(found):
        turned = {"x": row["y"], "y": row["x"], "probability": 1.0 - row["probability"]}
        turned |= {"low": 1.0 - row["high"], "high": 1.0 - row["low"], "tasks": row["tasks"]}
        found.append({**turned, "runs_x": row["runs_y"], "runs_y": row["runs_x"], "why": row["why"]})
    columns = ["x", "y", "probability", "low", "high", "tasks", "runs_x", "runs_y", "why"]
    return pd.DataFrame(found, columns=columns)


def _share_intervals(
    above: list[Array], *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[Array, Array]:
    counts = how_often(tuple(map(len, above)), resamples, seed)
    return percentiles(drawn_mean(np.concatenate(above), counts.astype(np.float64)).T, confidence)


def _better(strata: list[Array], counts: list[Array]) -> Array:
    """`(R,)`: the mean over tasks of `P(X > Y) + ½ P(X = Y)`.

    Args:
        strata: `(n, 1)` the runs of X on each task, then those of Y.
        counts: `(R, n)` how often each of them is there.
    """
    half, shares = len(strata) // 2, []
    for x, y, of_x, of_y in zip(strata[:half], strata[half:], counts[:half], counts[half:], strict=True):
        order = np.argsort(y[:, 0], kind="stable")
        # How many of Y are among the first so many:
        below = np.pad(np.cumsum(np.take(of_y, order, axis=1), axis=1, dtype=np.int32), ((0, 0), (1, 0)))
        less = np.searchsorted(y[order, 0], x[:, 0], side="left")
        up_to = np.searchsorted(y[order, 0], x[:, 0], side="right")
        won = np.einsum("rx,rx->r", of_x, np.take(below, less, axis=1) + np.take(below, up_to, axis=1), dtype=np.int64)
        shares.append(won / (2.0 * len(x) * len(y)))
    return np.asarray(np.mean(shares, axis=0))


def _better_intervals(
    strata: list[Array], *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[float, float]:
    """The interval of `_better`, where the runs of both are drawn again."""
    sizes = tuple(map(len, strata))
    counts = np.split(how_often(sizes, resamples, seed), np.cumsum(sizes)[:-1], axis=1)
    low, high = percentiles(_better(strata, counts), confidence)
    return float(low), float(high)
