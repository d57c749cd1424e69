"""What hyperparameters do: sensitivity to one, the price of tuning, and how much each matters."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.statistics.base import (
    CONFIDENCE,
    FEWEST_SEEDS,
    RESAMPLES,
    groups_of,
    how_often,
    in_words,
    names_of,
    of_runs,
    percentiles,
)
from offrl_core.names import unknown

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

_BINS = 8


def sensitivity(
    frame: pd.DataFrame, name: str, by: str = "algorithm", metric: str = "normalised", at: str | int = "last"
) -> pd.DataFrame:
    """The metric against one hyperparameter, whatever the others are.

    Returns:
        A row for each group and value (of many different numbers: eight bins of as many runs each, `value` being their
        median): `by`, `value`, `median`, `low` and `high` (the quartiles over everything else), `runs`, `diverged`.
    """
    import pandas as pd

    rows = of_runs(frame, metric, at)
    if name not in rows.columns:
        raise ExperimentError(unknown("hyperparameter of these results", name, list(rows.columns)))
    found = []
    for group, part in groups_of(rows[rows[name].notna() & rows["score"].notna()], by, (name, "score", "diverged")):
        values, numeric = part[name], part[name].dtype.kind in "fiu"
        bins: Any = values
        if values.nunique() > 2 * _BINS and numeric:
            bins = pd.qcut(values.rank(method="first"), _BINS, labels=False)
        number, kinds = pd.factorize(bins, sort=True)
        taken, scores = values.to_numpy(), part["score"].to_numpy()
        diverged = part["diverged"].to_numpy() >= 0
        for mine in (number == kind for kind in range(len(kinds))):
            value = np.median(taken[mine]) if numeric else taken[mine][0]
            low, median, high = np.quantile(scores[mine], [0.25, 0.5, 0.75])
            row = {"value": value, "median": median, "low": low, "high": high}
            found.append({**group, **row, "runs": int(mine.sum()), "diverged": int(diverged[mine].sum())})
    return pd.DataFrame(found)


def sensitivity_plane(
    frame: pd.DataFrame, by: str = "algorithm", metric: str = "normalised", at: str | int = "last", **bootstrapping: Any
) -> pd.DataFrame:
    """How good an algorithm is when tuned on each task, and how much of that it owes to such tuning.

    With `p(w, h)` the mean over seeds of configuration `h` on task `w`: `performance = E_w[max_h p(w, h)]` and
    `sensitivity = performance − max_h E_w[p(w, h)]`.

    Returns:
        A row for each group: `by`, `performance`, `sensitivity`, each with `_low` and `_high`, `configurations`,
        `tasks`, `runs`, `why`.

    Source: Adkins, Bowling, White 2024.
    """
    import pandas as pd

    rows = of_runs(frame, metric, at)
    found = []
    for group, part in groups_of(rows[rows["score"].notna()], by):
        keys = part["task"], configurations_of(part), part["seed"]
        (task, tasks), (configuration, configurations), (seed, seeds) = (pd.factorize(key, sort=True) for key in keys)
        # Only pairs of task and configuration that were run: where options are sampled, each has tasks of its own.
        pair, pairs = pd.factorize(task * len(configurations) + configuration, sort=True)
        shape = len(pairs), len(seeds)
        runs, total = (
            np.bincount(pair * len(seeds) + seed, w, shape[0] * shape[1]).reshape(shape) for w in (None, part["score"])
        )
        # Only seeds that every configuration has on every task, so that maxima are over the same draws.
        whole = (runs > 0).all(axis=0)
        of_pair = pairs % len(configurations)
        shared = np.bincount(of_pair, minlength=len(configurations)) == len(tasks)
        kept = np.ix_(shared[of_pair], whole)
        scores = (total[kept] / runs[kept]).reshape(len(tasks), shared.sum(), whole.sum())
        counted = {"configurations": scores.shape[1] if whole.any() else 0, "tasks": len(tasks), "runs": len(part)}
        if not scores.size:
            row = dict.fromkeys(("performance", "sensitivity"), np.nan)
            found.append({**group, **row, **counted, "why": "No configuration was run on every task."})
            continue
        n = scores.shape[-1]
        performance, owed = (float(each[0]) for each in _plane(scores, np.ones((1, n))))
        why = (
            ""
            if n >= FEWEST_SEEDS
            else f"No interval: there are {n} seeds, and fewer than {FEWEST_SEEDS} say too little."
        )
        low, high = _plane_intervals(scores, **bootstrapping) if not why else ([np.nan] * 2, [np.nan] * 2)
        row = {"performance": performance, "performance_low": low[0], "performance_high": high[0]}
        row |= {"sensitivity": owed, "sensitivity_low": low[1], "sensitivity_high": high[1]}
        found.append({**group, **row, **counted, "why": why})
    return pd.DataFrame(found)


def _plane(scores: Array, counts: Array) -> tuple[Array, Array]:
    """`(R,)` performance and sensitivity of `(W, H, seeds)` scores, of which each seed is there `(R, seeds)` times."""
    means = scores @ (counts / scores.shape[-1]).T  # (W, H, R)
    tuned = means.max(axis=1).mean(axis=0)
    return tuned, tuned - means.mean(axis=0).max(axis=0)


def _plane_intervals(
    scores: Array, *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[Array, Array]:
    """The intervals of both, low and high, where the seeds are drawn again, together for all configurations."""
    counts = how_often((scores.shape[-1],), resamples, seed)
    return percentiles(np.stack(_plane(scores, counts)), confidence)


def configurations_of(frame: pd.DataFrame) -> pd.Series:
    """What tells a row's configuration from others on the same task: approximator and hyperparameters."""
    names = _hyperparameters(frame)
    label = frame["approximator"].astype(str)
    for name in names:
        label = label.where(frame[name].isna(), label + f" {name}=" + frame[name].map(in_words))
    return label.rename("configuration")


def _hyperparameters(frame: pd.DataFrame) -> list[str]:
    """The columns of hyperparameters: those between `approximator` and `seed`."""
    names = list(frame.columns)
    return names[names.index("approximator") + 1 : names.index("seed")]


def importance(
    frame: pd.DataFrame,
    by: str = "algorithm",
    metric: str = "normalised",
    at: str | int = "last",
    seed: int = 0,
) -> pd.DataFrame:
    """How much each hyperparameter matters within the values that were tried.

    `permutation` is by how much a forest's `R²` on runs that it has not seen falls when that column is shuffled there
    (Breiman 2001); the task is a column of its own. `main_effect` is the share of the variance between configurations
    that the hyperparameter explains by itself, `Var_v E[p | h = v] / Var[p]` averaged over tasks (functional ANOVA,
    Hutter et al. 2014), exact on a grid and NaN where the configurations are none.

    Returns:
        A row for each group and hyperparameter that varies in it: `by`, `hyperparameter`, `permutation`,
        `permutation_std`, `main_effect`, `r2` (of the forest on unseen runs), `runs`, `why` there is no forest.
    """
    import pandas as pd

    rows = of_runs(frame, metric, at)
    found = []
    for group, part in groups_of(rows[np.isfinite(rows["score"])], by):
        names = [name for name in (*_hyperparameters(part), "approximator") if part[name].nunique(dropna=False) > 1]
        if not names:
            continue
        forest, r2, why = _forest(part, names, seed)
        effects = _main_effects(part, names)
        for name in names:
            mean, std = forest.get(name, (np.nan, np.nan))
            row = {"hyperparameter": name, "permutation": mean, "permutation_std": std, "main_effect": effects[name]}
            found.append({**group, **row, "r2": r2, "runs": len(part), "why": why})
    columns = ["hyperparameter", "permutation", "permutation_std", "main_effect", "r2", "runs", "why"]
    return pd.DataFrame(found, columns=[*names_of(by), *columns])


def load_libraries() -> None:
    """Import what these statistics need beside numpy and pandas, which takes a second or two the first time."""
    for name in ("scipy.stats", "sklearn.ensemble", "sklearn.metrics", "sklearn.model_selection"):
        import_module(name)


_FEWEST_RUNS = 20
_TREES, _SHUFFLES = 20, 5


def _forest(rows: pd.DataFrame, names: list[str], seed: int) -> tuple[dict[str, tuple[float, float]], float, str]:
    """Permutation importances `name → (mean, standard deviation)`, the forest's R², and why there are none."""
    if len(rows) < _FEWEST_RUNS:
        return {}, np.nan, f"No forest: {len(rows)} runs, and fewer than {_FEWEST_RUNS} say too little."
    if not np.ptp(rows["score"]):
        return {}, np.nan, "No forest: all runs are equally good."
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import train_test_split

    columns = [*names, *(["task"] if rows["task"].nunique() > 1 else [])]
    x = np.column_stack([_numbers(rows[name]) for name in columns])
    y = rows["score"].to_numpy()
    x_fit, x_test, y_fit, y_test = train_test_split(x, y, test_size=0.4, random_state=seed)
    forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=seed).fit(x_fit, y_fit)
    r2, shuffled = shuffled_r2(forest.predict, x_test, y_test, seed)
    falls = r2 - shuffled
    pairs = zip(falls.mean(axis=1).tolist(), falls.std(axis=1).tolist(), strict=True)
    return dict(zip(columns, pairs, strict=True)), r2, ""


def shuffled_r2(predict: Callable[[Array], Array], x: Array, y: Array, seed: int) -> tuple[float, Array]:
    """The `R²` of predictions, and `(columns, 5)`: that where a column of `x` is shuffled, five times.

    What `sklearn.inspection.permutation_importance` finds with that seed, to the bit, but for the number of calls: a
    forest takes as long for a few rows as for all shuffles of all columns together.
    """
    from sklearn.metrics import r2_score

    (rows, columns), shuffling = x.shape, np.random.RandomState(np.random.RandomState(seed).randint(2**31))
    order, places = np.arange(rows), np.tile(np.arange(rows), (_SHUFFLES + 1, 1))
    for before, after in pairwise(places):
        shuffling.shuffle(order)
        after[:] = before[order]
    asked = np.tile(x, (1 + columns * _SHUFFLES, 1, 1))
    shuffled = asked[1:].reshape(columns, _SHUFFLES, rows, columns)
    for column in range(columns):
        shuffled[column, :, :, column] = x[places[1:], column]
    said = predict(asked.reshape(-1, columns)).reshape(len(asked), rows)
    found = r2_score(np.tile(y[:, None], len(asked)), said.T, multioutput="raw_values")
    return float(found[0]), found[1:].reshape(columns, _SHUFFLES)


def _numbers(column: pd.Series) -> Array:
    """A column as numbers: choices by the order of their names; where there is none, below all."""
    if column.dtype.kind in "fiu":
        low = float(np.nanmin(column)) if column.notna().any() else 0.0
        return np.asarray(column.astype(float).fillna(low - 1.0))
    return np.asarray(column.astype(str).rank(method="dense"))


def _main_effects(rows: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """The share of the variance between configurations that each explains alone, where they are a grid."""
    shares: dict[str, list[float]] = {name: [] for name in names}
    for _, task in rows.groupby("task"):
        means = task.groupby(names, dropna=False)["score"].mean()
        if len(means) < int(np.prod([task[name].nunique(dropna=False) for name in names])):
            return dict.fromkeys(names, np.nan)
        total = float(means.var(ddof=0))
        for name in names:
            alone = float(means.groupby(level=name, dropna=False).mean().var(ddof=0))
            shares[name].append(alone / total if total > 0 else 0.0)
    return {name: float(np.mean(each)) for name, each in shares.items()}
