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


@pytest.mark.parametrize(("episodes", "low", "high"), [(10_000, 0.80, 0.825), (100_000, 0.86, 0.8752)])
def test_icu_beats_the_clinician_inside_the_data(episodes, low, high):
    """The clinicians are worth .782; with 10 000 episodes about .81 to .82, with 100 000 nearly the optimum of .875."""
    found, _ = returns("icu-sepsis", "constrained-q", 100, episodes=episodes)
    assert (found > low).all()
    assert (found < high).all()


@pytest.mark.parametrize(
    ("episodes", "spread", "expected"),
    [(10_000, 0.0, 0.0025), (10_000, 0.01, 0.05), (10_000, 0.5, 0.095), (100_000, 0.0, 0.0012), (100_000, 0.1, 0.032)],
)
def test_how_low_optimism_falls_depends_on_how_ties_are_broken(episodes, spread, expected):
    """A naive learner that starts at 1, the largest value there is: whatever was never seen stays 1, and kills.

    What saves the rest are pairs that the data never saw end: they keep 1 as well. With equal initial values both are
    one tie, shared evenly; with unequal ones the maximum over next actions lifts those pairs above the unseen ones.
    """
    start = {"initial_value": 1.0, "initial_spread": spread}
    found, _ = returns("icu-sepsis", "q-learning", 200, hyperparameters=start, episodes=episodes)
    assert found == pytest.approx(expected, rel=0.15)


def test_an_inadmissible_treatment_that_is_not_deadly_forgives_optimism():
    start = {"initial_value": 1.0, "initial_spread": 0.0}
    found, _ = returns("icu-sepsis", "q-learning", 200, hyperparameters=start, inadmissible="mean")
    assert found == pytest.approx(0.7825, abs=0.001)


# -- the maze, which only a network can learn: about .13, .15, .30 of .305, and 0 that believes in more and more


def played(algorithm, *steps, seeds=1, hyperparameters=None, **options):
    """What a network's policy earns in the maze after so many steps, and what it believes to earn."""
    data = orl.load_dataset("maze", **options)
    learner = orl.Learner(data, algorithm, approximator="mlp", seeds=seeds, **(hyperparameters or {}))
    truth = orl.Truth(data)
    for step in steps:
        learner.advance(step - learner.step)
        yield truth.measure(learner.policy, episodes=400).mean, learner.snapshot().metrics.get("value_start")


def test_the_maze_needs_a_learner_that_stays_inside_the_data():
    ((cloned, _),) = played("bc", 500)
    ((one_step, _),) = played("marwil", 2000)
    ((constrained, _),) = played("bcq", 6000)
    small = {"batch_size": 128}
    (naive, early), (naive_later, late) = played("q-learning", 3000, 6000, hyperparameters=small, epsilon=0.02)
    assert 0.08 < cloned[0] < 0.145 < one_step[0] < 0.2 < 0.25 < constrained[0] < 0.312
    assert max(naive[0], naive_later[0]) < 0.01
    assert 1.0 < early[0] < late[0] / 1.5  # the optimum is .305, and the estimate grows and grows


@pytest.mark.slow
def test_the_maze_at_length():
    ((cloned, _),) = played("bc", 6000, seeds=4)
    ((one_step, _),) = played("marwil", 9000, seeds=4)
    ((constrained, _),) = played("bcq", 18_000, seeds=4)
    believed = [value for _, value in played("q-learning", *range(3000, 21_001, 3000), seeds=4, epsilon=0.02)]
    assert cloned.mean() == pytest.approx(0.12, abs=0.02)
    assert one_step.mean() == pytest.approx(0.165, abs=0.02)
    assert constrained.mean() == pytest.approx(0.285, abs=0.02)
    assert (np.diff(np.median(believed, axis=1)) > 0).all()
    assert (believed[-1] > 1 / (1 - 0.97)).all()  # more than any policy in any world with rewards up to 1
