"""What learners are given for a reward: values, bounds and truth follow, true returns stay in the log's own unit."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.declarations import HyperparameterError
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.evaluation.importance_sampling import WEIGHTINGS, importance_sampling
from offrl_core.rewards import RewardRule

DATA = random_data(4, rows=300)


def test_a_rule_clips_then_scales_then_shifts() -> None:
    rule = RewardRule(scale=0.5, shift=-1.0, clip=2.0)
    assert rule(np.array([3.0, -5.0, 1.0])).tolist() == [0.0, -2.0, -0.5]
    assert str(rule) == "0.5·clip(r, ±2) − 1"
    assert [str(RewardRule()), str(RewardRule(shift=2.0)), str(RewardRule(3.0))] == ["r", "r + 2", "3·r"]
    assert not RewardRule()
    assert RewardRule(clip=1.0)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"scale": 0.0}, "scale = 0.0 is not allowed: it must be above 0"),
        ({"scale": math.inf}, "scale = inf"),
        ({"shift": math.nan}, "shift = nan is not allowed: it must be a finite number"),
        ({"clip": -1.0}, "clip = -1.0 is not allowed: it must be above 0"),
        ({"unit": "return"}, "unit = 'return' is not allowed: it must be one of log, return-range"),
    ],
)
def test_what_is_not_allowed_is_said(asked: dict[str, object], says: str) -> None:
    with pytest.raises(orl.DatasetError, match=says):
        DATA.with_rewards(**asked)


def test_a_dataset_keeps_the_rewards_of_its_log() -> None:
    given = DATA.with_rewards(scale=2.0, shift=1.0)
    np.testing.assert_allclose(given.rewards, 2 * DATA.rewards + 1)
    np.testing.assert_array_equal(given.as_logged.rewards, DATA.rewards)
    assert given.as_logged.as_logged is given.as_logged
    assert not given.rewards.flags.writeable
    # Another rule takes the place of the one before; none is the log itself.
    np.testing.assert_allclose(given.with_rewards(scale=3.0).rewards, 3 * DATA.rewards)
    np.testing.assert_array_equal(given.with_rewards().rewards, DATA.rewards)
    assert DATA.with_rewards() is DATA
    for other in (pickle.loads(pickle.dumps(given)), given.subset(np.arange(len(given)) >= 50)):
        np.testing.assert_allclose(other.rewards, 2 * other.as_logged.rewards + 1)
        assert other.reward_rule == given.reward_rule


def test_the_unit_of_returns_brings_the_best_and_the_worst_episode_1_apart() -> None:
    for clip in (math.inf, 0.7):
        given = DATA.with_rewards(unit="return-range", clip=clip)
        assert np.ptp(given.episode_returns(DATA.gamma)) == pytest.approx(1.0)
        twice = DATA.with_rewards(unit="return-range", clip=clip, scale=2.0)
        np.testing.assert_allclose(twice.rewards, 2 * given.rewards)
    with pytest.raises(HyperparameterError, match="deadly-triad: reward_unit = 'return-range' is not allowed: all"):
        orl.load_dataset("deadly-triad", reward_unit="return-range")


def test_options_of_every_dataset() -> None:
    plain = orl.load_dataset("four-rooms", reward_noise=0.2)
    given = orl.load_dataset("four-rooms", reward_noise=0.2, reward_clip=0.5, reward_scale=4.0, reward_shift=-1.0)
    np.testing.assert_array_equal(given.as_logged.rewards, plain.rewards)
    np.testing.assert_allclose(given.rewards, 4 * np.clip(plain.rewards, -0.5, 0.5) - 1)
    assert given.options["reward_scale"] == 4.0


def steps_of(mdp: orl.TabularMDP) -> orl.TabularMDP:
    """The same world, where every step earns 1: values are discounted lengths."""
    return orl.TabularMDP(mdp.P, np.ones((mdp.n_states, mdp.n_actions)), mdp.initial, mdp.terminal)


def test_true_values_follow_the_rule_and_true_returns_do_not() -> None:
    """`Q^π` of `k r + c` is `k Q^π + c L^π`, with `L^π` the discounted number of steps."""
    data = orl.load_dataset("double-crossing")
    policies = np.random.default_rng(0).dirichlet(np.full(4, 0.3), size=(5, 24))
    given = orl.Truth(orl.load_dataset("double-crossing", reward_scale=0.25, reward_shift=-0.3))
    plain = orl.Truth(data)
    returns, q = given.of(policies)
    np.testing.assert_allclose(returns, plain.of(policies)[0])
    lengths = steps_of(data.mdp).q_value(policies, 0.95)
    live = ~data.mdp.terminal
    np.testing.assert_allclose(q[:, live], (0.25 * plain.of(policies)[1] - 0.3 * lengths)[:, live])
    for name in ("behavior", "in_support", "optimal"):
        assert getattr(given, name) == pytest.approx(getattr(plain, name))


def test_rewards_on_arriving_are_clipped_before_they_are_averaged() -> None:
    """An action that earns 4 or 0 is worth 2; cut to 1 it is worth 1/2."""
    P = np.zeros((3, 1, 3))
    P[0, 0, 1:] = 0.5
    R = np.zeros((3, 1, 3))
    R[0, 0, 1] = 4.0
    mdp = orl.TabularMDP(P, R, [1.0, 0, 0], [False, True, True])
    assert mdp.rewarded(RewardRule(clip=1.0)).R[:, 0].tolist() == [0.5, 0.0, 0.0]
    assert mdp.rewarded(RewardRule(scale=2.0, shift=1.0)).R[:, 0].tolist() == [5.0, 0.0, 0.0]
    assert mdp.R[:, 0].tolist() == [2.0, 0.0, 0.0]
    data = mdp.sample(np.ones((3, 1)), episodes=20, horizon=5, seed=0)
    truth = orl.Truth(data.with_rewards(clip=1.0), 1.0)
    assert (truth.optimal, truth.given_optimal, truth.given_best) == (2.0, 0.5, 2.0)


def test_what_is_best_for_other_rewards_may_be_bad_in_the_logs_own() -> None:
    scaled = orl.Truth(orl.load_dataset("double-crossing", reward_scale=0.1))
    assert scaled.given_best == pytest.approx(scaled.optimal)
    assert scaled.given_optimal == pytest.approx(0.1 * scaled.optimal)
    np.testing.assert_allclose(scaled.q_star, 0.1 * orl.Truth(orl.load_dataset("double-crossing")).q_star)
    # Where each step earns one half, whoever never arrives earns the bound, and nothing in the log's unit.
    living = orl.Truth(orl.load_dataset("double-crossing", reward_shift=0.5))
    assert living.given_optimal == pytest.approx(0.5 / 0.05, rel=1e-3)
    assert living.given_best == pytest.approx(0.0, abs=1e-6)
    assert living.optimal == pytest.approx(scaled.optimal)
    # Without a discount there is no best way to live for ever.
    endless = orl.Truth(orl.load_dataset("double-crossing", reward_shift=0.5), 1.0)
    assert (endless.q_star, endless.given_best, endless.q_bound) == (None, None, math.inf)
    assert endless.optimal == pytest.approx(1.0)


def test_a_bandit_is_judged_by_its_own_rewards() -> None:
    data = orl.load_dataset("digits-bandit", episodes=300, reward_scale=5.0, reward_shift=-2.0)
    truth = orl.Truth(data)
    assert (truth.optimal, truth.given_optimal, truth.given_best) == (1.0, 3.0, 1.0)
    assert (truth.q_floor, truth.q_bound) == (-2.0, 3.0)
    assert np.unique(truth.q_star).tolist() == [-2.0, 3.0]
    returns, q = truth.of(lambda observations: np.full((1, len(observations), 10), 0.1))
    assert returns[0] == pytest.approx(0.1)
    assert np.unique(q).tolist() == [-2.0, 3.0]


def test_recorded_returns_are_those_of_the_log() -> None:
    log = vectors()
    plain, given = orl.Truth(log), orl.Truth(log.with_rewards(clip=0.4, scale=3.0, shift=-2.0))
    assert (given.behavior, given.behavior_interval) == (plain.behavior, plain.behavior_interval)


@pytest.mark.parametrize("log", [DATA, vectors()], ids=["table", "vectors"])
def test_estimates_are_in_the_logs_own_unit(log: orl.Dataset) -> None:
    given = log.with_rewards(scale=3.0, shift=-1.0, clip=0.5)

    def uniform(observations: np.ndarray) -> np.ndarray:
        return np.full((len(observations), log.n_actions), 1 / log.n_actions)

    few = {"resamples": 4}
    for weighting in WEIGHTINGS:
        one, other = (importance_sampling(x, uniform, weighting=weighting, **few) for x in (log, given))
        assert one == other
    assert fitted_q_evaluation(log, uniform, **few) == fitted_q_evaluation(given, uniform, **few)


def test_a_learner_learns_the_rewards_it_is_given() -> None:
    data = orl.load_dataset("double-crossing")
    for options, scale, shift in (({"scale": 0.1}, 0.1, 0.0), ({"scale": 0.5, "shift": -0.05}, 0.5, -0.05)):
        given = replace(data.with_rewards(**options))
        learner = orl.Learner(given, "mc-q", learning_rate=1.0, initial_spread=0.0)
        plain = orl.Learner(data, "mc-q", learning_rate=1.0, initial_spread=0.0)
        steps = orl.Learner(data.with_rewards(clip=1e-9, shift=1.0), "mc-q", learning_rate=1.0, initial_spread=0.0)
        for each in (learner, plain, steps):
            each.advance(20)
        expected = scale * plain.snapshot().q + shift * steps.snapshot().q
        np.testing.assert_allclose(learner.snapshot().q, expected, atol=1e-5)
