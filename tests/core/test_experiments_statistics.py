"""The statistics of experiments against closed forms, against rliable, and against derivations of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import combinations
from math import comb
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rliable import metrics
from scipy import stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

from offrl_core.experiments import ExperimentError
from offrl_core.experiments import statistics as st
from offrl_core.experiments.statistics import base
from offrl_core.experiments.statistics.base import how_often, intervals, pooled
from offrl_core.experiments.statistics.sensitivities import shuffled_r2
from tests.interquartile import interquartile_mean as by_definition


def frame_of(scores: dict[str, np.ndarray], **more: Any) -> pd.DataFrame:
    """A frame of algorithms' `(seeds, tasks)` scores at one step."""
    rows = [
        {
            "run": f"{name}-{task}-{seed}",
            "dataset": f"world-{task}",
            "algorithm": name,
            "approximator": "table",
            "rho": more.get("rho", {}).get(name, np.nan),
            "seed": seed,
            "step": 10,
            "normalised": float(table[seed, task]),
            "judged": float(table[seed, task]),
            "diverged": -1,
            "failed": "",
        }
        for name, table in scores.items()
        for task in range(table.shape[1])
        for seed in range(table.shape[0])
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def scores() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    return {"a": rng.normal(0.6, 0.3, (8, 3)), "b": rng.normal(0.4, 0.2, (8, 3)), "c": rng.normal(0.9, 0.1, (8, 3))}


@pytest.fixture(scope="module")
def library() -> Iterator[Any]:
    """rliable's functions. What it draws its bootstraps with cannot be imported whole beside today's pandas, and draws
    from numpy's global generator, whose state is put back afterwards."""
    loaded, state = sys.modules.get("arch"), np.random.get_state()  # noqa: NPY002
    if loaded is None:
        spec = find_spec("arch")
        assert spec is not None, "rliable is part of the test extra"
        sys.modules["arch"] = package = ModuleType("arch")
        package.__path__ = list(spec.submodule_search_locations or ())
    np.random.seed(0)  # noqa: NPY002
    yield import_module("rliable.library")
    np.random.set_state(state)  # noqa: NPY002
    if loaded is None:
        for name in [name for name in sys.modules if name == "arch" or name.startswith("arch.")]:
            del sys.modules[name]


# aggregates


def test_interquartile_mean_is_the_definitions():
    for n in range(1, 14):
        values = np.random.default_rng(n).normal(size=(3, n))
        np.testing.assert_allclose(st.interquartile_mean(values), by_definition(values))
    assert st.interquartile_mean([-np.inf, 1.0, 3.0, np.inf]) == 2.0  # what has no share has no say


def test_aggregates_are_rliables(scores: dict[str, np.ndarray]):
    found = st.aggregate(frame_of(scores), resamples=10).set_index("algorithm")
    for name, table in scores.items():
        row = found.loc[name]
        assert row["iqm"] == pytest.approx(metrics.aggregate_iqm(table), abs=1e-12)  # 24 runs: quarters are whole
        assert row["optimality_gap"] == pytest.approx(metrics.aggregate_optimality_gap(table), abs=1e-12)
        assert row["mean"] == pytest.approx(metrics.aggregate_mean(table), abs=1e-12)
        assert (row["runs"], row["tasks"], row["why"]) == (24, 3, "")


def test_profiles_and_improvement_are_rliables(scores: dict[str, np.ndarray], library: Any):
    limits = np.linspace(0, 1.2, 13)
    found = st.performance_profile(frame_of(scores), thresholds=limits, resamples=10)
    for name, table in scores.items():
        theirs = [library.run_score_deviation(table, limit) for limit in limits]
        np.testing.assert_allclose(found.loc[found["algorithm"] == name, "share"], theirs)
    pairs = st.probability_of_improvement(frame_of(scores), resamples=10).set_index(["x", "y"])["probability"]
    for x, y in (*combinations(scores, 2), ("c", "a")):
        assert pairs[x, y] == pytest.approx(metrics.probability_of_improvement(scores[x], scores[y]))


def test_intervals_are_rliables_but_for_chance(scores: dict[str, np.ndarray], library: Any):
    row = st.aggregate(frame_of(scores), resamples=4000).set_index("algorithm").loc["a"]
    for name, theirs in {"iqm": metrics.aggregate_iqm, "optimality_gap": metrics.aggregate_optimality_gap}.items():
        drawn = library.StratifiedBootstrap(scores["a"])
        interval = drawn.conf_int(lambda x, of=theirs: np.array([of(x)]), reps=2000, method="percentile")[:, 0]
        atol = 0.08 * (interval[1] - interval[0])
        np.testing.assert_allclose([row[f"{name}_low"], row[f"{name}_high"]], interval, atol=atol, err_msg=name)


def scipys(strata: list[np.ndarray], statistic: Callable[[list[np.ndarray]], np.ndarray], resamples: int) -> np.ndarray:
    """`(low, high)` of a statistic of `(…, n_i, 1)` runs of each stratum, gathered anew for each resample."""

    def drawn(*places: np.ndarray, axis: int = -1) -> np.ndarray:
        taken = [values[np.asarray(place, dtype=int)] for values, place in zip(strata, places, strict=True)]
        return statistic(taken)[..., 0]

    places = [np.arange(len(values)) for values in strata]
    found = stats.bootstrap(
        places, drawn, n_resamples=resamples, batch=500, method="percentile", vectorized=True, rng=0
    )
    return np.array([found.confidence_interval.low, found.confidence_interval.high])


def test_the_interval_of_a_mean_is_the_closed_form():
    values = np.random.default_rng(0).normal(size=(400, 1))
    low, high = intervals([values], base.drawn_mean, resamples=4000)
    error = 1.96 * values.std() / 20
    np.testing.assert_allclose([low[0], high[0]], values.mean() + np.array([-error, error]), atol=0.006)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
def test_measures_of_counts_are_those_of_the_values_that_are_drawn(n: int):
    rng = np.random.default_rng(n)
    values = np.append(rng.normal(size=n - 1), -np.inf if n == 8 else 0.3)
    counts = how_often((n,), 40, seed=2)
    assert (counts.sum(axis=1) == n).all()
    for row in counts:
        drawn = np.repeat(values, row)
        pairs = [
            (base.drawn_iqm, st.interquartile_mean(drawn)),
            (base.drawn_median, np.median(drawn)),
            (base.drawn_mean, drawn.mean()),
            (base.drawn_gap, st.optimality_gap(drawn)),
        ]
        for measure, wanted in pairs:
            assert measure(values, row) == pytest.approx(wanted, abs=1e-12), measure


def test_intervals_are_scipys_but_for_chance(scores: dict[str, np.ndarray]):
    """The same bootstrap, gathered and sorted anew for each resample."""
    strata = [column[:, None] for column in scores["a"].T]
    ours = np.ravel(intervals(strata, base.drawn_iqm, resamples=4000))
    theirs = scipys(strata, pooled(lambda x: st.interquartile_mean(x, axis=-2)), resamples=4000)
    np.testing.assert_allclose(ours, theirs, atol=0.06 * (theirs[1] - theirs[0]))
    pair = frame_of({name: scores[name] for name in ("a", "b")})
    row = st.probability_of_improvement(pair, resamples=4000).iloc[0]
    x, y = scores["a"], scores["b"]
    rng = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        drawn = [
            (x[rng.integers(8, size=8), task][:, None] > y[rng.integers(8, size=8), task]).mean() for task in range(3)
        ]
        found.append(np.mean(drawn))
    wanted = np.quantile(found, [0.025, 0.975])
    np.testing.assert_allclose([row["low"], row["high"]], wanted, atol=0.08 * (wanted[1] - wanted[0]))


def test_strata_are_drawn_one_by_one():
    # Two tasks without any spread of their own, far apart: drawn together their mean would vary, stratified it cannot.
    found = st.aggregate(frame_of({"a": np.tile([0.0, 1.0], (6, 1))})).iloc[0]
    assert (found["mean_low"], found["mean"], found["mean_high"]) == (0.5, 0.5, 0.5)


def test_below_six_seeds_there_is_no_interval_and_a_reason(scores: dict[str, np.ndarray]):
    few = frame_of({"a": scores["a"][:5]})
    for found in (
        st.aggregate(few),
        st.performance_profile(few),
        st.learning_curves(few),
    ):
        assert found["why"].str.contains("5 seeds, and fewer than 6 say too little").all()
        assert found[[name for name in found if name.endswith(("low", "high"))]].isna().all(axis=None)
    assert st.aggregate(frame_of({"a": scores["a"][:6]}))["iqm_low"].notna().all()
    # Many configurations are no more seeds.
    twice = pd.concat([few, few.assign(run=few["run"] + "'", rho=0.3)])
    assert st.aggregate(twice)["why"].str.contains("5 seeds").all()


def test_nothing_is_left_out_without_being_counted(scores: dict[str, np.ndarray]):
    frame = frame_of({"a": scores["a"]})
    frame.loc[0, ["normalised", "diverged"]] = [-5.0, 7]
    frame.loc[1, "normalised"] = np.nan
    frame.loc[2, ["normalised", "failed"]] = [np.nan, "the worker died"]
    row = st.aggregate(frame).iloc[0]
    assert (row["runs"], row["diverged"], row["missing"], row["failed"]) == (22, 1, 1, 1)
    assert row["mean"] == pytest.approx(np.mean([*frame["normalised"].dropna()]))  # with the one that diverged
    # A curve is of the same runs all along: what lacks a number at one step is counted, and makes no interval.
    curves = st.learning_curves(pd.concat([frame_of({"a": scores["a"]}).assign(step=0), frame]))
    assert curves[["runs", "missing", "diverged"]].to_numpy().tolist() == [[22, 2, 0], [22, 2, 1]]
    frame.loc[frame["seed"] > 4, "normalised"] = np.nan
    few = st.learning_curves(pd.concat([frame_of({"a": scores["a"]}).assign(step=0), frame]))
    assert few["low"].isna().all()
    assert few["why"].str.contains("seeds, and fewer than 6 say too little").all()


def test_ties_count_half_and_both_ways_make_one():
    frame = frame_of({"a": np.array([[1.0], [2.0]]), "b": np.array([[1.0], [1.0]])})
    found = st.probability_of_improvement(frame).set_index(["x", "y"])["probability"]
    assert found["a", "b"] == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)
    assert found["a", "b"] + found["b", "a"] == 1.0


def test_algorithms_that_share_no_task_are_not_compared():
    one, other = frame_of({"a": np.ones((6, 1))}), frame_of({"b": np.zeros((6, 1))}).assign(dataset="elsewhere")
    found = st.probability_of_improvement(pd.concat([one, other], ignore_index=True))
    assert found["probability"].isna().all()
    assert found["why"].eq("They were run on no task in common.").all()


# which rows


def test_the_best_step_the_last_and_a_given_one():
    steps = pd.concat(
        [frame_of({"a": np.array([[s], [s + 1.0]])}).assign(step=n) for n, s in ((0, 0.1), (5, 0.9), (9, 0.4))],
        ignore_index=True,
    )
    assert st.of_runs(steps, at="last")["score"].tolist() == [0.4, 1.4]
    assert st.of_runs(steps, at="best")["score"].tolist() == [0.9, 1.9]
    assert st.of_runs(steps, at=0)["score"].tolist() == [0.1, 1.1]
    with pytest.raises(ExperimentError, match="no run was evaluated at step 7; there are 0, 5, 9"):
        st.of_runs(steps, at=7)
    with pytest.raises(ExperimentError, match="did you mean 'normalised'"):
        st.of_runs(steps, "normalized")
    with pytest.raises(ExperimentError, match="no results yet"):
        st.of_runs(steps.iloc[:0])
    with pytest.raises(ExperimentError, match="unknown column"):
        st.aggregate(steps, by="algorithmus")
    curves = st.learning_curves(steps)
    np.testing.assert_allclose(curves["iqm"], [0.6, 1.4, 0.9])
    assert curves["step"][curves["best"]].tolist() == [5]
    assert curves["step"][curves["last"]].tolist() == [9]
    errors = st.learning_curves(steps.assign(td_error=steps["normalised"]), metric="td_error")
    assert errors["step"][errors["best"]].tolist() == [0]


# choosing


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_the_best_of_k_is_the_mean_over_all_subsets(n: int):
    values = np.random.default_rng(n).normal(size=n)
    for k in range(1, n + 1):
        assert st.best_of(values, k) == pytest.approx(np.mean([max(chosen) for chosen in combinations(values, k)]))
    with pytest.raises(ExperimentError, match="1 to"):
        st.best_of(values, n + 1)


def test_the_best_of_many_uses_no_huge_numbers():
    values = np.arange(5000.0)
    assert st.best_of(values, 1) == pytest.approx(values.mean())
    assert st.best_of(values, 5000) == 4999
    # Of 0 … n−1 the expected largest of k is k(n+1)/(k+1) − 1.
    assert st.best_of(values, 70) == pytest.approx(70 * 5001 / 71 - 1)
    assert comb(5000, 70) > 1e100


def budget_frame() -> pd.DataFrame:
    parts = []
    rng = np.random.default_rng(1)
    for step in (0, 5, 10):
        table = rng.normal(size=(6, 2))
        made = frame_of({"a": table}).assign(step=step)
        parts.append(made.assign(fqe=-made["normalised"], td_error=1.0 - made["normalised"], dr=np.nan))
    return pd.concat(parts, ignore_index=True)


def test_what_trying_is_worth_beside_choosing_without_it():
    frame = budget_frame()
    found = st.online_budget(frame, tried=[1, 3, 12])
    value = found.set_index(["chosen_by", "tried"])["value"]
    after = frame[frame["step"] > 0]
    tasks = [part["normalised"].to_numpy() for _, part in after.groupby("dataset")]
    for k in (1, 3, 12):
        assert value["trying", k] == pytest.approx(np.mean([st.best_of(task, k) for task in tasks]))
    assert value["trying", 12] == pytest.approx(np.mean([task.max() for task in tasks]))
    assert value["fqe", 0] == pytest.approx(np.mean([task.min() for task in tasks]))  # it likes the worst best
    assert value["td_error", 0] == pytest.approx(value["trying", 12])  # its smallest is the best
    last = frame[frame["step"] == 10].groupby("dataset")["normalised"].mean().mean()
    assert value["last", 0] == pytest.approx(last)
    assert "dr" not in found["chosen_by"].tolist()  # it says nothing
    assert (found["low"] <= found["value"] + 1e-12).all()
    assert (found["value"] <= found["high"] + 1e-12).all()
    only_last = st.online_budget(frame, checkpoints=False, tried=[6])
    assert only_last["candidates"].unique().tolist() == [12]


def test_trying_counts_runs_without_a_finite_number_nowhere():
    """At γ = 1 a policy that never ends may be worth −∞."""
    frame = budget_frame().assign(algorithm=lambda f: np.where(f["seed"] < 3, "a", "b"))
    frame.loc[(frame["seed"] == 0) & (frame["step"] == 10), "normalised"] = -np.inf
    found, known = st.online_budget(frame), st.online_budget(frame[frame["seed"] != 0])
    pd.testing.assert_frame_equal(found, known)
    assert found["low"].isna().all()  # of six seeds five are left
    assert found["why"].str.startswith("No interval").all()
    frame.loc[(frame["algorithm"] == "a") & (frame["step"] == 10), "normalised"] = -np.inf
    assert set(st.online_budget(frame, by="algorithm")["algorithm"]) == {"b"}


def test_estimates_are_judged_by_rank_and_regret():
    frame = budget_frame()
    found = st.estimate_quality(frame).set_index(["task", "estimate"])
    true = frame[(frame["step"] > 0) & (frame["dataset"] == "world-0")]["judged"].to_numpy()
    assert found.loc[("world-0", "fqe"), "spearman"] == pytest.approx(-1.0)
    assert found.loc[("world-0", "td_error"), "spearman"] == pytest.approx(1.0)
    assert found.loc[("world-0", "td_error"), "regret_1"] == 0.0
    assert found.loc[("world-0", "fqe"), "regret_1"] == pytest.approx(np.ptp(true))
    assert found.loc[("world-0", "fqe"), "regret_5"] == pytest.approx(true.max() - np.sort(true)[4])
    assert found.loc[("world-0", "fqe"), "mean_error"] == pytest.approx(-2 * true.mean())
    noisy = frame.assign(fqe=frame["judged"] + np.random.default_rng(2).normal(size=len(frame)))
    noisy.loc[noisy.index[-1], "fqe"] = np.nan
    rank = st.estimate_quality(noisy).set_index(["task", "estimate"]).loc[("world-0", "fqe")]
    mine = noisy[(noisy["step"] > 0) & (noisy["dataset"] == "world-0")]
    assert rank["spearman"] == pytest.approx(stats.spearmanr(mine["fqe"], mine["judged"], nan_policy="omit").statistic)
    assert rank["policies"] + rank["missing"] == len(mine)


# hyperparameters


def grid(
    effect: Any, rhos: tuple[float, ...] = (0.0, 0.5, 1.0), alphas: tuple[float, ...] = (1.0, 2.0)
) -> pd.DataFrame:
    parts = []
    for rho in rhos:
        for alpha in alphas:
            for task in range(2):
                table = np.array([[effect(rho, alpha, task)]] * 6)
                made = frame_of({"a": table}).assign(dataset=f"world-{task}", rho=rho)
                made.insert(5, "alpha", alpha)
                parts.append(made.assign(run=made["run"] + f" {rho} {alpha} {task}"))
    return pd.concat(parts, ignore_index=True)


def test_main_effects_are_the_analysis_of_variance():
    # Of f = 3ρ + α on a grid, the shares of variance are 9·Var(ρ) : Var(α).
    found = st.importance(grid(lambda rho, alpha, task: 3 * rho + alpha)).set_index("hyperparameter")
    of_rho, of_alpha = 9 * np.var([0, 0.5, 1]), np.var([1, 2])
    assert found.loc["rho", "main_effect"] == pytest.approx(of_rho / (of_rho + of_alpha))
    assert found.loc["alpha", "main_effect"] == pytest.approx(of_alpha / (of_rho + of_alpha))
    assert found.loc["rho", "permutation"] > found.loc["alpha", "permutation"] > 0
    assert found.loc["rho", "r2"] > 0.9
    # A pure interaction has no main effect, and the forest sees it all the same.
    crossed = st.importance(grid(lambda rho, alpha, task: (rho - 0.5) * (alpha - 1.5))).set_index("hyperparameter")
    np.testing.assert_allclose(crossed["main_effect"], 0, atol=1e-12)
    assert (crossed["permutation"] > 0.3).all()
    constant = st.importance(grid(lambda rho, alpha, task: 1.0))
    assert constant["why"].eq("No forest: all runs are equally good.").all()


def test_what_shuffling_costs_is_what_scikit_learn_finds():
    rng = np.random.default_rng(0)
    x = rng.integers(4, size=(60, 3)).astype(float)
    y = x[:, 0] + 0.3 * x[:, 1] + 0.1 * rng.normal(size=60)
    forest = RandomForestRegressor(5, random_state=0).fit(x, y)
    wanted = permutation_importance(forest, x, y, n_repeats=5, random_state=7).importances
    whole, shuffled = shuffled_r2(forest.predict, x, y, seed=7)
    assert whole == pytest.approx(forest.score(x, y), abs=1e-12)
    np.testing.assert_allclose(whole - shuffled, wanted, atol=1e-12)


def test_sensitivity_is_the_quartiles_over_everything_else():
    frame = grid(lambda rho, alpha, task: rho + alpha + 10 * task)
    found = st.sensitivity(frame, "rho").set_index("value")
    values = [0.5 + alpha + 10 * task for alpha in (1, 2) for task in (0, 1) for _ in range(6)]
    expected = np.quantile(values, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(found.loc[0.5, ["low", "median", "high"]].astype(float), expected)
    many = grid(lambda rho, alpha, task: rho, tuple(np.linspace(0, 1, 40)), (1.0,))
    binned = st.sensitivity(many, "rho")
    assert len(binned) == 8
    assert binned["runs"].sum() == len(many)
    with pytest.raises(ExperimentError, match="did you mean 'rho'"):
        st.sensitivity(frame, "rhoo")


def test_the_plane_of_performance_and_sensitivity_by_hand():
    # p(w, h): task 0 wants ρ = 0, task 1 wants ρ = 1, and ρ = .5 is second on both.
    worth = {(0.0, 0): 1.0, (0.0, 1): 0.0, (0.5, 0): 0.7, (0.5, 1): 0.6, (1.0, 0): 0.1, (1.0, 1): 0.9}
    frame = grid(lambda rho, alpha, task: worth[rho, task], alphas=(1.0,))
    row = st.sensitivity_plane(frame).iloc[0]
    assert row["performance"] == pytest.approx((1.0 + 0.9) / 2)
    assert row["sensitivity"] == pytest.approx((1.0 + 0.9) / 2 - 0.65)
    assert (row["sensitivity_low"], row["sensitivity_high"]) == pytest.approx((0.3, 0.3))
    assert (row["configurations"], row["tasks"]) == (3, 2)
    # Only what was run on every task; where each configuration has tasks of its own there is none.
    lacking = frame[(frame["rho"] != 0.5) | (frame["dataset"] != frame["dataset"].iloc[-1])]
    row = st.sensitivity_plane(lacking).iloc[0]
    assert (row["configurations"], row["sensitivity"]) == (2, pytest.approx((1.0 + 0.9) / 2 - 0.5))
    row = st.sensitivity_plane(frame.assign(dataset=frame["dataset"] + frame["rho"].astype(str))).iloc[0]
    assert (row["configurations"], row["tasks"], np.isnan(row["performance"])) == (0, 6, True)
    assert row["why"] == "No configuration was run on every task."


# the phase diagram


def test_a_phase_has_its_winner_its_margin_and_says_where_it_is_not_sure():
    rng = np.random.default_rng(3)
    parts = []
    for episodes in (10, 100):
        for rho in (0.1, 0.2):
            far = episodes == 10
            tables = {"a": rng.normal(0.5, 0.05, (8, 1)), "b": rng.normal(0.9 if far else 0.5, 0.05, (8, 1))}
            made = frame_of(tables, rho={"a": rho})
            made.insert(1, "x.episodes", episodes)
            parts.append(made.assign(run=made["run"] + f"{episodes} {rho}"))
    frame = pd.concat(parts, ignore_index=True)
    # b has no ρ: its runs of one number of episodes are the same all along that axis.
    found = st.phase_diagram(frame, "x.episodes", "rho").set_index(["x.episodes", "rho"])
    cell = frame[(frame["x.episodes"] == 10) & ((frame["rho"] == 0.1) | frame["rho"].isna())]
    iqm = {name: by_definition(part["normalised"]) for name, part in cell.groupby("algorithm")}
    row = found.loc[(10, 0.1)]
    assert (row["winner"], row["second"], row["sure"]) == ("b", "a", True)
    assert row["margin"] == pytest.approx(iqm["b"] - iqm["a"])
    assert row["low"] < row["margin"] < row["high"]
    assert not found.loc[(100, 0.2), "sure"]
    alone = st.phase_diagram(frame[frame["algorithm"] == "a"], "x.episodes", "rho")
    assert alone["why"].eq("There is nothing to compare with.").all()
    with pytest.raises(ExperimentError, match="a plane needs two"):
        st.phase_diagram(frame, "rho", "rho")
    with pytest.raises(ExperimentError, match="unknown column"):
        st.phase_diagram(frame, "rho", "coverage")


def test_tasks_are_datasets_with_their_options():
    frame = pd.DataFrame({"dataset": ["a", "a", "b"], "x.episodes": [10, 20, np.nan]})
    close = frame_of({"a": np.ones((1, 2))}).assign(rho=[0.1234567, 0.1234568])
    assert st.configurations_of(close).nunique() == 2
    assert st.tasks_of(frame).tolist() == ["a episodes=10", "a episodes=20", "b"]
