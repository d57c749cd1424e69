"""Choosing a policy: by trying some in the environment, or by what the data says alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.statistics.base import (
    CONFIDENCE,
    drawn_by_order,
    drawn_mean,
    groups_of,
    how_often,
    last_steps,
    names_of,
    of_runs,
    percentiles,
    sign_of,
    tasks_of,
    too_few,
)

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

_Table = dict[str, Array]
ESTIMATORS = ("fqe", "wis", "dr", "value_start", "td_error")


def best_of(values: npt.ArrayLike, tried: int) -> Array:
    """The expected largest of `tried` of the `n` values, drawn without putting back, over the last axis.

    `E = Σ_i x_(i) C(i−1, k−1)/C(n, k)` with the values in ascending order, `i` from 1.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    weights = _best_weights(ordered.shape[-1], tried)
    used = weights > 0
    return np.asarray(ordered[..., used] @ weights[used])


def _best_weights(n: int, tried: int) -> Array:
    """`(n,)`: the weight of each ordered value in the expected largest of those that are tried."""
    if not 1 <= tried <= n:
        raise ExperimentError(f"{tried} of {n} policies cannot be tried: it must be 1 to {n}")
    # C(i−1, k−1)/C(n, k), from the top: k/n for the largest, then times (i−k+1)/i… one by one.
    below = np.arange(n - 1, tried - 1, -1)
    weights = np.zeros(n)
    weights[tried - 1 :] = (tried / n * np.cumprod(np.append(1.0, (below - tried + 1) / below)))[::-1]
    return weights


def online_budget(
    frame: pd.DataFrame,
    metric: str = "normalised",
    by: str | Sequence[str] | None = None,
    checkpoints: bool = True,
    tried: Sequence[int] | None = None,
    *,
    resamples: int = 500,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> pd.DataFrame:
    """How good the chosen policy is if so many may be tried in the environment, beside what choosing without it gives.

    Candidates are the policies of a task: of each run all evaluated steps after the first update, or the last only.
    Trying `k` of them, drawn at random, and keeping the best is worth `best_of` on average. With none tried, the one
    with the highest estimate (`fqe`, `wis`, `dr`, `value_start`), with the smallest `td_error`, or the `last` step of
    any run is taken.

    Runs that lack a finite number at some step count nowhere; a group of such runs only is left out.

    Args:
        frame: of the results.
        metric: what is true.
        by: the columns that make groups; by default all candidates of a task are together.
        checkpoints: whether every evaluated step is a candidate.
        tried: the numbers; by default 1, 2, 5, 10, … up to the fewest candidates of a task.
        resamples, confidence, seed: of the bootstrap, where runs are drawn with all of their steps; 0 resamples for no
            intervals.

    Returns:
        A row for each group and way: the group, `chosen_by` (`trying` or the estimate), `tried`, `value`, `low`,
        `high`, `candidates`, `runs`, `tasks`, `why`.
    """
    import pandas as pd

    of_runs(frame, metric)  # refuses what has no such metric
    rows = frame[(frame["failed"] == "") & frame[metric].notna()].assign(task=lambda f: tasks_of(f))
    rows = rows[rows["step"] > 0] if checkpoints else last_steps(rows)
    found = []
    known = [metric, *(name for name in ESTIMATORS if name in rows.columns)]
    for group, part in groups_of(rows.assign(_all="all"), by or "_all", ("run", "task", "step", "seed", *known)):
        part = _whole_runs(part, metric)
        if not len(part):
            continue
        tables = [_table(task, metric) for _, task in part.groupby("task", sort=True)]
        fewest = min(table[metric].size for table in tables)
        why = too_few(part)
        shared = {k: v for k, v in group.items() if k != "_all"}
        counted = {
            "candidates": sum(table[metric].size for table in tables),
            "runs": sum(len(table[metric]) for table in tables),
            "tasks": len(tables),
            "why": why,
        }
        numbers = [k for k in (tried or _round_numbers(fewest)) if k <= fewest]
        ways: list[tuple[str, list[int], Callable[[_Table, Array], Array]]]
        ways = [("trying", numbers, partial(_tried, metric=metric, numbers=numbers))] if numbers else []
        ways.append(("last", [0], partial(_last, metric=metric)))
        for name in ESTIMATORS:
            if all(name in table and np.isfinite(table[name]).any() for table in tables):
                ways.append((name, [0], partial(_chosen, metric=metric, name=name)))
        once = [np.ones((1, len(table[metric])), dtype=np.int16) for table in tables]
        drawn = [] if why or not resamples else _drawn(once, resamples, seed)
        for name, ks, value in ways:
            worth = _over_tasks(tables, once, value)[:, 0]
            missing = np.full(len(ks), np.nan)
            low, high = percentiles(_over_tasks(tables, drawn, value), confidence) if drawn else (missing, missing)
            for k, *each in zip(ks, worth.tolist(), low.tolist(), high.tolist(), strict=True):
                numbered = dict(zip(("value", "low", "high"), each, strict=True))
                found.append({**shared, "chosen_by": name, "tried": k, **numbered, **counted})
    columns = ["chosen_by", "tried", "value", "low", "high", "candidates", "runs", "tasks", "why"]
    return pd.DataFrame(found, columns=[*(names_of(by) if by else []), *columns])


def _whole_runs(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The runs that have a finite number at every step at which a run of their task has one at all."""
    steps = rows.groupby("task")["step"].transform("nunique")
    return rows[np.isfinite(rows[metric]).groupby(rows["run"], observed=True).transform("sum") == steps]


def _table(rows: pd.DataFrame, metric: str) -> _Table:
    """The numbers of a task's candidates, name → `(runs, steps)`; each run has all steps."""
    names = [metric, *(name for name in ESTIMATORS if name in rows.columns and name != metric)]
    ordered, steps = rows.sort_values(["run", "step"]), rows["step"].nunique()
    return {name: ordered[name].to_numpy(dtype=float).reshape(-1, steps) for name in names}


def _drawn(once: list[Array], resamples: int, seed: int) -> list[Array]:
    """By task: `(resamples, runs)` how often each run is drawn."""
    sizes = [counts.shape[1] for counts in once]
    return np.split(how_often(tuple(sizes), resamples, seed), np.cumsum(sizes)[:-1], axis=1)


def _over_tasks(tables: list[_Table], drawn: list[Array], value: Callable[[_Table, Array], Array]) -> Array:
    """`(K, R)`: the mean over tasks of what a way is worth where each run is there so many times, `(R, runs)` each;
    `K` is 1, or the numbers of tried policies."""
    worth = [np.atleast_2d(value(table, counts)) for table, counts in zip(tables, drawn, strict=True)]
    return np.asarray(np.mean(worth, axis=0))


def _tried(table: _Table, counts: Array, metric: str, numbers: Sequence[int]) -> Array:
    values = table[metric]
    weights = np.stack([_best_weights(values.size, count) for count in numbers])
    reached = np.pad(np.cumsum(weights, axis=1), ((0, 0), (1, 0)))
    return drawn_by_order(values.ravel(), np.repeat(counts, values.shape[1], axis=1), reached)


def _last(table: _Table, counts: Array, metric: str) -> Array:
    return drawn_mean(table[metric][:, -1], counts)


def _chosen(table: _Table, counts: Array, metric: str, name: str) -> Array:
    """The true value of the candidate that an estimate likes best."""
    liked, true = (sign_of(name) * table[name]).ravel(), table[metric].ravel()
    order = np.argsort(-np.where(np.isnan(liked), -np.inf, liked), kind="stable")
    there = np.repeat(counts, table[metric].shape[1], axis=1)[:, order] > 0
    return np.asarray(true[order][there.argmax(axis=1)])


def _round_numbers(most: int) -> list[int]:
    found = [m * 10**e for e in range(7) for m in (1, 2, 5) if m * 10**e <= most]
    return sorted({*found, most})


def estimate_quality(
    frame: pd.DataFrame,
    metric: str = "judged",
    estimators: Sequence[str] = ESTIMATORS,
    checkpoints: bool = True,
) -> pd.DataFrame:
    """How well each estimate ranks the policies of a task.

    Returns:
        A row for each task and estimate: `task`, `estimate`, `spearman` (rank correlation with the truth, the sign of
        errors turned), `regret_1` and `regret_5` (what the best of the one or five that it likes best lacks of the best
        of all), `mean_error` (estimate − truth, for estimates in the unit of the return), `policies`, `missing`
        (policies without that estimate).

    Source: Fu et al. 2021 (DOPE) for regret@k.
    """
    import pandas as pd
    from scipy import stats

    of_runs(frame, metric)
    rows = frame[(frame["failed"] == "") & np.isfinite(frame[metric])].assign(task=lambda f: tasks_of(f))
    rows = rows[rows["step"] > 0] if checkpoints else last_steps(rows)
    found = []
    for task, part in rows.groupby("task", sort=False):
        true = part[metric].to_numpy(dtype=float)
        for name in estimators:
            if name not in part.columns:
                continue
            said = part[name].to_numpy(dtype=float)
            known = np.isfinite(said)
            if not known.any():
                continue
            sign = sign_of(name)
            liked, worth = sign * said[known], true[known]
            varies = len(liked) > 1 and np.ptp(liked) > 0 and np.ptp(worth) > 0
            order = np.argsort(-liked, kind="stable")
            found.append(
                {
                    "task": task,
                    "estimate": name,
                    "spearman": float(stats.spearmanr(liked, worth).statistic) if varies else np.nan,
                    "regret_1": float(true.max() - worth[order[:1]].max()),
                    "regret_5": float(true.max() - worth[order[:5]].max()),
                    "mean_error": float((said[known] - worth).mean()) if sign > 0 else np.nan,
                    "policies": len(liked),
                    "missing": int((~known).sum()),
                }
            )
    columns = ["task", "estimate", "spearman", "regret_1", "regret_5", "mean_error", "policies", "missing"]
    return pd.DataFrame(found, columns=columns)
