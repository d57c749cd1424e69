"""What an experiment found: every number is that of a learner alone, judged by the world itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import offrl_core as orl
from offrl_core.evaluation.doubly_robust import doubly_robust
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.evaluation.importance_sampling import importance_sampling
from offrl_core.evaluation.rollouts import measuring
from offrl_core.experiments import ExperimentError, InThisProcess, Results
from offrl_core.experiments.job import NUMERICS
from offrl_core.experiments.statistics import of_runs
from offrl_core.worlds.world import exhaust
from tests.core.experiment_cases import done, small


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """BCQ and BC on one world at two discounts."""
    made = small(axes={"rho": [0.1, 0.6], "gamma": [0.5, 0.95]}, estimates=["fqe", "wis", "dr"])
    return done(made, tmp_path_factory.mktemp("results"))


def row(frame: pd.DataFrame, **at: Any) -> pd.Series:
    """The one row with these values."""
    for name, value in at.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_a_row_is_a_learner_alone(results: Results):
    data = orl.load_dataset("double-crossing")
    found = row(results.frame, algorithm="bcq", rho=0.6, gamma=0.5, seed=3, step=12)
    alone = orl.Learner(data, "bcq", seeds=[3], rho=0.6, gamma=0.5)
    alone.advance(12)
    snapshot = alone.snapshot()
    for name, value in snapshot.metrics.items():
        np.testing.assert_array_equal(found[name], float(value[0]), err_msg=name)
    assert data.mdp is not None
    truth, own = orl.Truth(data), orl.Truth(data, 0.5)
    (returned,), (q_pi,) = own.of(snapshot.policy)
    assert found["return"] == returned
    assert found["judged"] == data.mdp.evaluate(snapshot.policy[0], data.gamma)
    assert truth.in_support is not None
    assert found["behavior_return"] == truth.behavior
    assert (found["best_return"], found["best_kind"]) == (truth.in_support, "best within the data")
    scaled = (found["judged"] - truth.behavior) / (truth.in_support - truth.behavior)
    assert found["normalised"] == pytest.approx(scaled)
    seen = data.counts > 0
    assert found["q_error"] == pytest.approx(np.abs(snapshot.q[0] - q_pi)[seen].mean(), rel=1e-6)
    policy = snapshot.policy[0].astype(np.float64)
    assert found["fqe"] == fitted_q_evaluation(data, policy, progress=False).value
    wis, dr = importance_sampling(data, policy).value, doubly_robust(data, policy, progress=False).value
    np.testing.assert_allclose([found["wis"], found["dr"]], [wis, dr])


def test_the_frame_has_a_row_for_everything(results: Results):
    frame = results.frame
    assert len(frame) == results.design.runs * 3 == (4 + 1) * 2 * 3
    assert list(frame.columns[:8]) == ["run", "dataset", "algorithm", "approximator", "rho", "gamma", "seed", "step"]
    assert not frame.duplicated(["algorithm", "rho", "gamma", "seed", "step"]).any()
    assert frame.loc[frame["algorithm"] == "bc", ["rho", "gamma"]].isna().all(axis=None)
    assert frame["failed"].eq("").all()


def test_it_is_written_as_parquet_and_csv(results: Results, tmp_path: Path):
    results.to_parquet(tmp_path / "all.parquet")
    results.to_csv(tmp_path / "all.csv")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "all.parquet"), results.frame)
    again = pd.read_csv(tmp_path / "all.csv", keep_default_na=True)
    np.testing.assert_array_equal(again["return"], results.frame["return"])


def test_returns_that_are_played_are_each_models_own(tmp_path: Path):
    cart = {"name": "cartpole", "options": {"episodes": 4}}
    made = small(datasets=[cart], algorithms=["bc"], axes={}, evaluate=[12])
    found = done(made, tmp_path).frame
    data = orl.load_dataset("cartpole", episodes=4)
    for seed in (0, 3):
        alone = orl.Learner(data, "bc", approximator="mlp", seeds=[seed])
        alone.advance(12)
        played = exhaust(measuring(data.world, alone.policy_each, np.array([data.gamma]), episodes=32))
        mine = row(found, seed=seed)
        assert (mine["return"], mine["return_low"], mine["return_high"]) == (played.mean, played.low, played.high)
        assert mine["judged"] == mine["return"]
    assert set(found["best_kind"]) == {"measured return of the best known controller"}


def test_what_cannot_be_normalised_is_no_number_and_counted(tmp_path: Path):
    # A behaviour that is the best that its data allows leaves nothing between 0 and 1.
    same = {"name": "single-crossing", "options": {"behavior": "optimal", "epsilon": 0.0}}
    results = done(small(datasets=[same], algorithms=["bc"], axes={}), tmp_path)
    assert results.frame["normalised"].isna().all()
    assert results.frame["return"].notna().all()
    assert results.describe()["missing"].tolist() == [2]
    with pytest.raises(ExperimentError, match=r"no run on single-crossing .* for normalised: choose"):
        results.best(executor=InThisProcess())
    best = results.best("judged", fresh=0).iloc[0]
    assert best["chosen_on"] == of_runs(results.frame, "judged")["score"].mean()
    assert (np.isnan(best["fresh"]), best["fresh_seeds"]) == (True, 0)


def test_a_log_whose_world_nobody_knows_has_estimates_only(tmp_path: Path):
    log = {"observation": [0, 1, 0, 1], "action": [0, 1, 1, 0], "reward": [0.0, 1.0, 0.0, 0.0], "episode": [0, 0, 1, 1]}
    data = orl.Dataset.from_frame(log)
    results = orl.experiment(
        data, "bc", seeds=2, steps=3, estimates=["wis"], folder=tmp_path, executor=InThisProcess(), progress=False
    )
    frame = results.frame
    assert "return" not in frame.columns
    assert frame["wis"].notna().all()
    stands = results.describe()
    assert (stands["runs"].tolist(), stands["missing"].tolist(), stands["failed"].tolist()) == ([2], [2], [0])
    assert results.to_links().eq("").all()


def test_a_model_that_diverges_is_a_result(tmp_path: Path):
    bad = {"name": "q-learning", "hyperparameters": {"learning_rate": 1.0, "gamma": 1.0}, "approximator": "linear"}
    made = small(datasets=["baird"], algorithms=[bad], axes={}, steps=4000, evaluate=[100, 4000])
    frame = done(made, tmp_path).frame
    learner = orl.Learner(
        orl.load_dataset("baird"), "q-learning", approximator="linear", seeds=[0, 3], learning_rate=1.0, gamma=1.0
    )
    learner.advance(4000)
    assert learner.divergences, "this case must diverge"
    for d in learner.divergences:
        last = row(frame, seed=learner.members[d.index].seed, step=4000)
        assert last["diverged"] == d.step
        assert last["diverged_how"] == replace(d, member="").told(learner.dataset.action_names)
        assert row(frame, seed=last["seed"], step=100)["diverged"] == (-1 if d.step > 100 else d.step)
    assert of_runs(frame, "return")["diverged"].ge(0).sum() == len(learner.divergences)


def test_the_chosen_setting_is_run_again_on_fresh_seeds(tmp_path: Path):
    results = orl.experiment(
        "double-crossing",
        ["bcq"],
        axes={"rho": [0.0, 0.1, 0.6], "learning_rate": [0.1, 1.0]},
        seeds=[0, 3],
        steps=12,
        evaluate=[12],
        folder=tmp_path,
        executor=InThisProcess(),
        progress=False,
    )
    frame = results.frame
    means = frame.groupby(["rho", "learning_rate"])["normalised"].mean()
    best = results.best(fresh=6, executor=InThisProcess()).iloc[0]
    assert (best["rho"], best["learning_rate"]) == means.idxmax()
    assert (best["chosen_on"], best["configurations"], best["seeds"]) == (means.max(), 6, 2)
    data = orl.load_dataset("double-crossing")
    rho, rate = means.idxmax()
    fresh = orl.Learner(data, "bcq", seeds=range(4, 10), rho=rho, learning_rate=rate)
    fresh.advance(12)
    truth = orl.Truth(data)
    values = (truth.of(fresh.snapshot().policy)[0] - truth.behavior) / (truth.in_support - truth.behavior)
    assert best["fresh"] == pytest.approx(values.mean())
    assert best["fresh_low"] <= best["fresh"] <= best["fresh_high"]
    assert best["fresh_seeds"] == 6
    few = results.best(fresh=3, executor=InThisProcess()).iloc[0]
    assert np.isnan([few["fresh_low"], few["fresh_high"]]).all()
    assert results.frame["run"].nunique() == 12  # fresh runs are no part of the experiment


def test_points_of_a_learner_are_members_with_every_seed():
    data = orl.load_dataset("double-crossing")
    points = [{"rho": 0.1, "gamma": 0.9}, {"rho": 0.6, "gamma": 0.5}]
    together = orl.Learner(data, "bcq", seeds=[0, 3], points=points, learning_rate=0.5)
    together.advance(20)
    assert [(m.values["rho"], m.seed) for m in together.members] == [(0.1, 0), (0.1, 3), (0.6, 0), (0.6, 3)]
    assert together.members[3].label == "gamma=0.5 rho=0.6 seed=3"  # what tells it from the others
    for place, member in enumerate(together.members):
        alone = orl.Learner(data, "bcq", seeds=[member.seed], learning_rate=0.5, **points[place // 2])
        alone.advance(20)
        np.testing.assert_array_equal(alone.snapshot().q[0], together.snapshot().q[place])
    with pytest.raises(orl.HyperparameterError, match="beside a list of points"):
        orl.Learner(data, "bcq", points=points, rho=[0.1, 0.2])
    with pytest.raises(orl.HyperparameterError, match="points is an empty list"):
        orl.Learner(data, "bcq", points=[])
    with pytest.raises(orl.HyperparameterError, match="unknown hyperparameter"):
        orl.Learner(data, "bcq", points=[{"rhoo": 1}])


CANARY = {
    "numerics": 1,
    "sums": {
        "bc table": 0.47314,
        "bc mlp": 0.46359,
        "emrl table": -0.02913,
        "emrl mlp": 0.40954,
        "rwr table": 0.47893,
        "rwr mlp": 0.29738,
        "marwil table": 0.6055,
        "marwil mlp": 0.40893,
        "awr table": 0.80445,
        "awr mlp": 0.3376,
        "awac table": 0.78167,
        "awac mlp": 0.47762,
        "crr table": 1.13649,
        "crr mlp": 0.45818,
        "iql table": 0.68323,
        "iql mlp": 0.4925,
        "mpo table": 0.14152,
        "mpo mlp": 0.48043,
        "q-learning table": -2.66591,
        "q-learning mlp": 1.76075,
        "mc-q table": 1.39671,
        "mc-q mlp": 0.54085,
        "constrained-q table": -0.27727,
        "constrained-q mlp": -1.19399,
        "bcq table": -2.38675,
        "bcq mlp": 0.78914,
        "cql table": -2.42609,
        "cql mlp": 2.42315,
    },
}


def test_a_change_of_numbers_has_changed_their_version():
    """Results are found again by what was trained. If this fails, the same configuration trains to other numbers than
    before: add one to `NUMERICS` in `offrl_core/experiments/job.py` and write the new numbers here."""
    found = {}
    for name in orl.algorithms():
        for approximator, dataset in (("table", "double-crossing"), ("mlp", "double-crossing")):
            learner = orl.Learner(orl.load_dataset(dataset), name, approximator=approximator, batch_size=8)
            learner.advance(20)
            policy = learner.snapshot().policy[0].astype(float)
            weights = np.cos(np.arange(policy.size)).reshape(policy.shape)
            found[f"{name} {approximator}"] = float((policy * weights).sum())
    assert CANARY["numerics"] == NUMERICS
    for name, value in CANARY["sums"].items():
        assert found[name] == pytest.approx(value, abs=2e-4), name
