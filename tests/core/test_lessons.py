"""What the catalogue says a dataset teaches is what happens when one trains on it."""

import numpy as np
import pytest

import offrl_core as orl


def returns(name, algorithm, steps=2000, approximator="table", seeds=2, hyperparameters=None, **options):
    data = orl.load_dataset(name, **options)
    learner = orl.Learner(data, algorithm, approximator=approximator, seeds=seeds, **(hyperparameters or {}))
    learner.advance(steps)
    policy = learner.snapshot().policy if data.tabular else learner.policy
    return orl.Truth(data).of(policy)[0], learner


@pytest.mark.parametrize(
    ("algorithm", "expected"), [("bc", 0.230), ("constrained-q", 0.5688), ("bcq", 0.5688), ("q-learning", 0.0)]
)
def test_double_crossing(algorithm, expected):
    found, _ = returns("double-crossing", algorithm)
    assert found == pytest.approx(expected, abs=0.06 if algorithm == "q-learning" else 0.001)


def test_zero_is_pessimistic_on_the_double_crossing():
    found, _ = returns("double-crossing", "q-learning", hyperparameters={"initial_spread": 0.0})
    assert found == pytest.approx(0.5688, abs=0.001)


def test_zero_is_optimistic_where_rewards_are_negative():
    naive, _ = returns("cliff-walking", "q-learning", hyperparameters={"initial_spread": 0.0})
    inside, _ = returns("cliff-walking", "constrained-q", hyperparameters={"initial_spread": 0.0})
    assert naive.max() < -90
    assert inside == pytest.approx(-12.2479, abs=0.001)


def test_one_step_is_enough_at_a_single_crossing():
    best = orl.Truth(orl.load_dataset("single-crossing")).optimal
    assert returns("single-crossing", "marwil", 3000)[0] == pytest.approx(best, abs=0.01)
    assert returns("single-crossing", "bc")[0] == pytest.approx(0.4 * best, abs=0.01)


def test_expert_data_can_be_worse_than_random_data():
    random, _ = returns("frozen-lake", "q-learning", behavior="random")
    expert, _ = returns("frozen-lake", "q-learning", behavior="optimal")
    assert random == pytest.approx(0.542, abs=0.001)
    assert expert.max() < 0.3


def test_an_optimal_policy_from_a_random_walk():
    best = orl.Truth(orl.load_dataset("u-maze")).optimal
    assert returns("u-maze", "q-learning")[0] == pytest.approx(best, abs=0.001)
    assert returns("u-maze", "bc")[0].max() < 0.01


def test_thin_data_needs_a_learner_that_stays_inside_it():
    best = orl.Truth(orl.load_dataset("four-rooms")).optimal
    assert returns("four-rooms", "q-learning")[0].max() < 0.1
    assert returns("four-rooms", "constrained-q")[0] == pytest.approx(best, abs=0.001)
    enough = {"episodes": 100, "epsilon": 0.3, "mix_random": 0.5, "mix_optimal": 0.5}
    assert returns("four-rooms", "q-learning", **enough)[0] == pytest.approx(best, abs=0.001)


@pytest.mark.parametrize(("dataset", "option"), [("deadly-triad", "share"), ("baird", "solid")])
def test_the_triad_diverges_until_the_data_follow_the_policy(dataset, option):
    _, learner = returns(dataset, "q-learning", 1000, "linear")
    off_policy = np.abs(learner.snapshot().q).max() if learner.diverged is None else np.inf
    _, learner = returns(dataset, "q-learning", 1000, "linear", **{option: 1.0, "gamma": 0.99})
    assert learner.diverged is None
    assert np.abs(learner.snapshot().q).max() < 10 < off_policy


def test_theta_doubles():
    _, learner = returns("deadly-triad", "q-learning", 10, "linear", seeds=1)
    np.testing.assert_allclose(learner.snapshot().q[0, 0], [1024.0, 2048.0])


def test_filtered_cloning_beats_cloning_on_digits():
    cloned, _ = returns("digits-bandit", "bc", 800, "mlp", seeds=1)
    filtered, _ = returns("digits-bandit", "marwil", 800, "mlp", seeds=1)
    assert cloned[0] == pytest.approx(0.46, abs=0.06)
    assert filtered[0] > 0.9


def test_icu_beats_the_clinician_inside_the_data():
    inside, _ = returns("icu-sepsis", "constrained-q", 400)
    naive, _ = returns("icu-sepsis", "q-learning", 400, hyperparameters={"initial_value": 1.0, "initial_spread": 0.0})
    assert inside.min() > 0.79
    assert naive.max() < 0.1
