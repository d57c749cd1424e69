"""What all statistics share: the number of each run, tasks, groups, and stratified bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offrl_core.experiments.axes import ExperimentError
from offrl_core.links import OPTION
from offrl_core.names import unknown
from offrl_core.recent import Recent

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

FEWEST_SEEDS = 6
RESAMPLES = 2000
CONFIDENCE = 0.95
LOWER_IS_BETTER = ("td_error", "loss_td", "loss_value", "loss_policy", "loss_behavior")


def interquartile_mean(values: npt.ArrayLike, axis: int = -1) -> Array:
    """The mean of the middle half, `2 ∫ F⁻¹(u) du` over `[¼, ¾]` with the empirical quantile function.

    Where a quarter of the values is no whole number, those at the edges count by their shares. Source: Agarwal et al.
    2021, section 4.3; equal to `scipy.stats.trim_mean(values, 0.25)` where quarters are whole.
    """
    ordered = np.sort(np.moveaxis(np.asarray(values, dtype=np.float64), axis, -1), axis=-1)
    n = ordered.shape[-1]
    edges = np.clip(np.arange(n + 1) / n, 0.25, 0.75)
    shares = 2.0 * np.diff(edges)
    return np.asarray(ordered[..., shares > 0] @ shares[shares > 0])


def optimality_gap(values: npt.ArrayLike, axis: int = -1, target: float = 1.0) -> Array:
    """How far runs stay below the target on average, `E[max(target − x, 0)]`; above it is as good as on it."""
    return np.asarray(np.maximum(target - np.asarray(values, dtype=np.float64), 0.0).mean(axis=axis))


def tasks_of(frame: pd.DataFrame) -> pd.Series:
    """The task of each row: its dataset, with the options that are columns."""
    options = [name for name in frame.columns if name.startswith(OPTION)]
    label = frame["dataset"].astype(str)
    for name in options:
        shown = frame[name]
        label = label.where(shown.isna(), label + f" {name.removeprefix(OPTION)}=" + shown.map(in_words))
    return label.rename("task")


def in_words(value: object) -> str:
    """A value in a label: a whole number is one also where a column holds it as a float, as beside missing ones."""
    return repr(float(value)).removesuffix(".0") if isinstance(value, float) else str(value)


def of_runs(frame: pd.DataFrame, metric: str = "normalised", at: str | int = "last") -> pd.DataFrame:
    """One row for each run: at its last step, at the step where the metric is best, or at a given one.

    The best step is chosen by the very number that is then reported, which needs the environment; `last` does not.

    Args:
        frame: of the results.
        metric: a column of numbers.
        at: `last`, `best`, or a step that was evaluated.

    Returns:
        The rows, with their `task` and the metric as `score`.

    Raises:
        ExperimentError: there are no rows, no such column or no such step.
    """
    if not len(frame):
        raise ExperimentError("there are no results yet")
    if metric not in frame.columns and (frame["failed"] != "").all():
        raise ExperimentError(f"no run could be computed: {frame['failed'].iloc[0]}")
    if metric not in frame.columns or frame[metric].dtype.kind not in "fiu":
        numbers = [name for name in frame.columns if frame[name].dtype.kind in "fiu"]
        raise ExperimentError(unknown("metric of these results", metric, numbers))
    rows = frame.assign(task=tasks_of(frame), score=frame[metric].astype(float))
    if at == "best":
        order = rows.assign(_key=(sign_of(metric) * rows["score"]).fillna(-np.inf)).sort_values(
            ["_key", "step"], kind="stable"
        )
        return order.groupby("run", sort=False).tail(1).drop(columns="_key").sort_index()
    if at == "last":
        return last_steps(rows)
    found = rows[(rows["step"] == at) | (rows["failed"] != "")]
    if not len(found):
        steps = ", ".join(f"{step:,}" for step in sorted(rows["step"].unique())[:12])
        raise ExperimentError(f"no run was evaluated at step {at!r}; there are {steps}")
    return found


def last_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """The row of each run's last step."""
    return rows[rows["step"] == rows.groupby("run")["step"].transform("max")]


def sign_of(metric: str) -> float:
    """1 where more of a metric is better, −1 where less is."""
    return -1.0 if metric in LOWER_IS_BETTER else 1.0


# intervals


_counts: Recent[tuple[tuple[int, ...], int, int], Array] = Recent(64_000_000, lambda counts: counts.nbytes)


def how_often(sizes: tuple[int, ...], resamples: int, seed: int) -> Array:
    """`(resamples, Σ sizes)`: how often each run is drawn where those of each stratum are drawn again, equally likely.

    An interval needs no more than these counts, and what has as many runs shares them: `scipy.stats.bootstrap` gathers
    and sorts all values anew for each measure of each group, which takes ten times as long.
    """
    return _counts.of((sizes, resamples, seed), lambda: _draw(sizes, resamples, seed))


def _draw(sizes: tuple[int, ...], resamples: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    rows = np.arange(resamples)[:, None]
    parts = []
    for size in sizes:
        drawn = rng.integers(size, size=(resamples, size))
        drawn += size * rows
        counts = np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size)
        parts.append(counts.astype(np.int16))  # small: what follows is limited by memory
    return np.concatenate(parts, axis=1)


def percentiles(replicates: Array, confidence: float = CONFIDENCE) -> tuple[Array, Array]:
    """The middle `confidence` of the replicates on the last axis, low and high."""
    low, high = np.quantile(replicates, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0], axis=-1)
    return low, high


def intervals(
    strata: Sequence[Array],
    measure: Callable[[Array, Array], Array],
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> tuple[Array, Array]:
    """The percentile interval `(low (K,), high (K,))` of a measure of all runs, drawn again stratum by stratum.

    Args:
        strata: `(n_i, K)` numbers of the runs of each.
        measure: such as `drawn_iqm`: from `(N,)` values and `(…, N)` how often each is drawn to `(…,)`.
        resamples, confidence, seed: of the bootstrap.
    """
    counts = how_often(tuple(map(len, strata)), resamples, seed)
    return percentiles(np.stack([measure(column, counts) for column in np.concatenate(strata).T]), confidence)


def drawn_mean(values: Array, counts: Array) -> Array:
    """`(…,)`: the mean of `values (N,)` of which each is there `counts (…, N)` times; of `(N, K)` values `(…, K)`."""
    return _sum(counts, values) / len(values)


def drawn_by_order(values: Array, counts: Array, reached: Array) -> Array:
    """`(…,)` or `(K, …)`: weighted means of `N` ordered values that are drawn: `Σ_i w_i x_(i)`.

    Args:
        values: `(N,)`.
        counts: `(…, N)` how often each of them is drawn, `N` in all.
        reached: `(N + 1,)` or `(K, N + 1)` the sum of the first `0, 1, …, N` weights.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    so_far = np.cumsum(np.take(counts, order, axis=-1), axis=-1, dtype=np.int32)
    if np.isfinite(values).all():  # summed by parts: Σ w_i x_(i) = W_N x_(N) − Σ W_i (x_(i+1) − x_(i))
        steps = np.append(-np.diff(ordered), ordered[-1])
        means = [each[so_far] @ steps for each in np.atleast_2d(reached)]
    else:
        means = [_sum(np.diff(each[so_far], axis=-1, prepend=0.0), ordered) for each in np.atleast_2d(reached)]
    return np.asarray(means if reached.ndim > 1 else means[0])


def _sum(shares: Array, values: Array) -> Array:
    """`shares @ values`; an infinite value without a share has no say."""
    if np.isfinite(values).all():
        return np.asarray(shares @ values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(shares > 0, shares * values, 0.0).sum(axis=-1))


def drawn_iqm(values: Array, counts: Array) -> Array:
    """The interquartile mean of what is drawn, see `interquartile_mean`."""
    n = len(values)
    return drawn_by_order(values, counts, 2.0 * (np.clip(np.arange(n + 1) / n, 0.25, 0.75) - 0.25))


def drawn_median(values: Array, counts: Array) -> Array:
    """The median of what is drawn."""
    n = len(values)
    reached = np.zeros(n + 1)
    reached[(n - 1) // 2 + 1 :] += 0.5
    reached[n // 2 + 1 :] += 0.5
    return drawn_by_order(values, counts, reached)


def drawn_gap(values: Array, counts: Array) -> Array:
    """The optimality gap of what is drawn, see `optimality_gap`."""
    return drawn_mean(np.maximum(1.0 - values, 0.0), counts)


def pooled(measure: Callable[[Array], Array]) -> Callable[[list[Array]], Array]:
    """A measure of all runs of all strata together, over the last axis but one."""
    return lambda strata: measure(np.concatenate(strata, axis=-2))


def too_few(rows: pd.DataFrame) -> str:
    """Why there is no interval, in a sentence; empty where there are seeds enough."""
    return too_few_seeds(rows.groupby("task")["seed"].nunique().to_dict())


def too_few_seeds(seeds: Mapping[str, int]) -> str:
    """As `too_few`, of the number of seeds by task."""
    if not seeds:
        return "There is no run."
    fewest = min(seeds, key=lambda task: seeds[task])
    if seeds[fewest] >= FEWEST_SEEDS:
        return ""
    return f"No interval: {fewest} has {seeds[fewest]} seeds, and fewer than {FEWEST_SEEDS} say too little."


def counted_runs(rows: pd.DataFrame) -> dict[str, int]:
    return {
        "runs": int(rows["score"].notna().sum()),
        "tasks": int(rows.loc[rows["score"].notna(), "task"].nunique()),
        "diverged": int((rows["diverged"] >= 0).sum()),
        "missing": int((rows["score"].isna() & (rows["failed"] == "")).sum()),
        "failed": int((rows["failed"] != "").sum()),
    }


def strata_of(rows: pd.DataFrame) -> list[Array]:
    return [part.to_numpy()[:, None] for _, part in rows.groupby("task", sort=True)["score"]]


COUNTED = ("task", "score", "seed", "diverged", "failed")
"""What `strata_of`, `too_few` and `counted_runs` read of the runs."""


def names_of(by: str | Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)


def groups_of(
    rows: pd.DataFrame, by: str | Sequence[str], keep: Sequence[str] = ()
) -> Iterable[tuple[dict[str, Any], pd.DataFrame]]:
    """The groups, each with its values of `by` and its rows: of these the columns in `keep`, or all."""
    names = names_of(by)
    for name in names:
        if name not in rows.columns:
            raise ExperimentError(unknown("column of these results", name, list(rows.columns)))
    if keep:
        rows = rows[list(dict.fromkeys([*names, *keep]))]
    for values, part in rows.groupby(names, sort=False, dropna=False):
        yield dict(zip(names, values, strict=True)), part
