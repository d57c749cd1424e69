"""Truth: exact where the world is known, measured with an honest interval where it can only be played."""

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.evaluation.empirical import constrained_values
from offrl_core.evaluation.rollouts import evaluation_horizon, measure, measure_act
from offrl_core.worlds.control import CartPole


def test_double_crossing():
    truth = orl.Truth(orl.load_dataset("double-crossing"))
    assert truth.optimal == pytest.approx(0.568800, abs=5e-7)
    assert truth.in_support == pytest.approx(truth.optimal)
    # Following the data's frequencies: 5 in 8 turn to D; of the others 2 in 5 turn to G at the second crossing.
    assert truth.behavior == pytest.approx(0.625 * 0.3 * 0.95**5 + 0.375 * 0.4 * 0.95**11)
    assert "frequencies" in truth.behavior_kind
    assert truth.q_bound == pytest.approx(20.0)
    assert truth.exact


def test_icu():
    truth = orl.Truth(orl.load_dataset("icu-sepsis", episodes=3000))
    assert truth.behavior == pytest.approx(0.782014, abs=1e-6)
    assert "policies that collected" in truth.behavior_kind
    assert truth.optimal == pytest.approx(0.875142, abs=1e-6)
    assert truth.behavior < truth.in_support <= truth.optimal + 1e-9
    assert truth.q_bound == 1.0  # what single recorded patients reached, above the best expected value
    assert truth.v_star.max() < 1.0


def test_in_support_needs_the_data():
    """Without the walks to the goal only the small reward is left."""
    truth = orl.Truth(orl.load_dataset("double-crossing", drop_best=20))
    assert truth.in_support == pytest.approx(0.3 * 0.95**5)
    assert truth.optimal == pytest.approx(0.95**11)


def test_a_mix_is_the_mean_of_its_policies():
    shares = {"mix_random": 0.5, "mix_optimal": 0.5, "mix_softmax": 0.0}
    data = orl.load_dataset("frozen-lake", behavior="mix", episodes=200, **shares)
    returns = data.mdp.evaluate(data.behavior_policies, 0.99)
    assert orl.Truth(data).behavior == pytest.approx(returns.mean())


def test_gamma_may_change():
    data = orl.load_dataset("frozen-lake")
    assert orl.Truth(data, 1.0).optimal == pytest.approx(0.823529, abs=1e-6)
    assert orl.Truth(data).gamma == 0.99
    assert orl.Truth(data, 0.5).q_bound == pytest.approx(2.0)


def test_bounds_where_all_rewards_have_one_sign():
    truth = orl.Truth(orl.load_dataset("cliff-walking"))
    assert truth.q_bound == 0.0  # every reward is negative, but an episode ends: r_max/(1 − γ) would be −100
    assert truth.q_floor == pytest.approx(-10_000.0)
    assert -100 < truth.v_star.max() <= 0.0
    assert orl.Truth(orl.load_dataset("frozen-lake")).q_floor == 0.0


@pytest.mark.parametrize(("low", "high"), [(-3.0, -1.0), (1.0, 3.0), (-1.0, 1.0)])
def test_no_policy_leaves_the_bounds(low, high):
    rng = np.random.default_rng(3)
    states, actions = 6, 3
    moves = rng.dirichlet(np.full(states, 0.3), (states, actions))
    rewards = rng.uniform(low, high, (states, actions))
    world = orl.TabularMDP(moves, rewards, np.eye(states)[0], np.arange(states) == states - 1)
    policies = rng.dirichlet(np.full(actions, 0.2), (200, states))
    data = world.sample(policies[0], episodes=50, horizon=20, seed=0)
    for gamma in (0.0, 0.5, 0.9, 0.99):
        truth = orl.Truth(data, gamma)
        found = world.q_value(policies, gamma)[:, :-1]
        assert truth.q_floor == pytest.approx(min(rewards[:-1].min(), 0) / (1 - gamma))
        assert truth.q_floor <= found.min() < found.max() <= truth.q_bound


def test_disturbed_rewards_move_both_bounds():
    for options, floor, bound in (
        ({"reward_shift": -1.0}, -20.0, 0.0),
        ({"reward_shift": 0.5}, 0.0, 30.0),
        ({"reward_scale": 0.1, "reward_shift": -0.02}, -0.4, 1.6),
        ({"reward_clip": 0.2}, 0.0, 4.0),
    ):
        truth = orl.Truth(orl.load_dataset("double-crossing", **options))
        assert (truth.q_floor, truth.q_bound) == (pytest.approx(floor), pytest.approx(bound))


def test_undiscounted_rewards_have_a_bound_only_where_something_gives_one():
    """Two recorded pieces, joined at a crossing, earn more than either: the largest recorded return is no bound."""
    columns = {"observations": [0, 1, 3, 1], "actions": [0, 0, 0, 1], "rewards": [1.0, 0.0, 0.0, 1.0]}
    ends = [False, True, False, True]
    unknown = orl.Dataset.from_columns(
        **columns, terminations=ends, next_observations=[1, 2, 1, 2], n_actions=2, n_states=4, gamma=1.0
    )
    assert unknown.returns_to_go(1.0).max() == 1.0
    assert constrained_values(unknown, 1.0)[1][0] == pytest.approx(2.0)
    assert (orl.Truth(unknown).q_floor, orl.Truth(unknown).q_bound) == (0.0, np.inf)
    digits = orl.Truth(orl.load_dataset("digits-bandit", episodes=50))
    assert (digits.q_floor, digits.q_bound) == (0.0, 1.0)


def test_of_members():
    data = orl.load_dataset("double-crossing")
    truth = orl.Truth(data)
    best = data.mdp.optimal_policy(0.95)
    broken = np.full_like(best, np.nan)
    returns, q = truth.of(np.stack([best, broken, data.behavior_policy]).astype(np.float32))
    assert returns[0] == pytest.approx(truth.optimal)
    assert np.isnan(returns[1])
    assert returns[2] == pytest.approx(truth.behavior, rel=1e-5)
    assert q.shape == (3, 24, 4)
    np.testing.assert_allclose(q[0], truth.q_star, atol=1e-9)


def test_of_a_learner_itself():
    data = orl.load_dataset("double-crossing")
    learner = orl.Learner(data, "bcq", rho=[0.0, 0.1], seeds=2)
    learner.advance(50)
    truth = orl.Truth(data)
    by_function, by_table = truth.of(learner.policy), truth.of(learner.snapshot().policy)
    np.testing.assert_array_equal(by_function[0], by_table[0])
    np.testing.assert_array_equal(by_function[1], by_table[1])
    with pytest.raises(ValueError, match=r"policy of shape \(24, 4\): it must be \(M, 24, 4\)"):
        truth.of(learner.snapshot().policy[0])
    with pytest.raises(ValueError, match="dataset = 'double-crossing' is not allowed"):
        orl.Truth("double-crossing")
    with pytest.raises(ValueError, match="gamma"):
        orl.Truth(data, 1.5)


def test_of_policies_that_never_end():
    data = orl.load_dataset("cliff-walking")
    up = np.eye(4)[np.zeros(48, dtype=int)][None]
    assert orl.Truth(data).of(up)[0][0] == pytest.approx(-1 / (1 - 0.99))
    assert orl.Truth(data, 1.0).of(up)[0][0] == -np.inf
    lake = orl.load_dataset("frozen-lake", slippery=False)
    left = np.eye(4)[np.zeros(16, dtype=int)][None]
    assert orl.Truth(lake, 1.0).of(left)[0][0] == 0.0


def test_in_support_where_nothing_ends():
    data = orl.load_dataset("cliff-walking", behavior="own", own="0:00000", gamma=1.0)
    truth = orl.Truth(data)
    # The data only goes up: in the states it does not visit the policy is uniform, but at the top it stays forever.
    assert truth.in_support is None
    assert truth.optimal == pytest.approx(-13.0)


def test_maze_is_measured():
    data = orl.load_dataset("maze")
    truth = orl.Truth(data)
    assert not truth.exact
    assert truth.optimal == pytest.approx(0.305, abs=0.005)
    low, high = truth.optimal_interval
    assert low < truth.optimal < high
    assert truth.behavior == pytest.approx(0.13, abs=0.012)
    assert truth.q_star is None
    assert truth.in_support is None
    uniform = truth.measure(lambda o: np.full((2, len(o), 5), 0.2), episodes=50)
    assert uniform.mean.shape == (2,)
    assert (uniform.low <= uniform.mean).all()
    with pytest.raises(ValueError, match="function of observations"):
        truth.of(np.full((1, 256, 5), 0.2))


def test_the_measured_interval_covers_the_exact_value():
    """Playing a tabular world must find what solving it finds: 95 of 100 intervals should; 85 at the least."""
    data = orl.load_dataset("frozen-lake")
    exact = data.mdp.evaluate(np.full((16, 4), 0.25), 0.9)
    hits = 0
    for seed in range(100):
        found = measure(data.mdp, lambda o: np.full((1, len(o), 4), 0.25), 0.9, episodes=400, seed=seed)
        hits += int(found.low[0] <= exact + 1e-3 and exact - 1e-3 <= found.high[0])
    assert hits >= 85


def test_members_are_played_by_their_own_policy():
    world = CartPole()

    def policy(observations):
        good = np.where(3 * observations[:, 2] + observations[:, 3] > 0, 1.0, 0.0)
        return np.stack([np.stack([1 - good, good], 1), np.full((len(observations), 2), 0.5)])

    found = measure(world, policy, 1.0, episodes=40)
    assert found.mean[0] == 500.0
    assert found.mean[1] == pytest.approx(22, abs=6)
    assert measure_act(world, world.controller(1.0), 1.0, episodes=20).mean[0] == 500.0


def test_evaluation_goes_beyond_the_time_limit():
    world = CartPole()
    assert evaluation_horizon(world, 0.99) == 688
    assert evaluation_horizon(world, 1.0) == 500
    assert evaluation_horizon(world, 0.0) == 1
    truth = orl.Truth(orl.load_dataset("cartpole", behavior="expert", episodes=5))
    # Recorded for 200 steps, worth nearly 100 all the same: a thousandth is cut, and later some leave the track.
    assert truth.behavior == pytest.approx(99.9, abs=0.1)


def test_digits_are_exact():
    data = orl.load_dataset("digits-bandit")
    truth = orl.Truth(data)
    assert truth.exact
    assert truth.optimal == 1.0
    assert truth.behavior == pytest.approx(0.46, abs=0.03)
    world = data.world

    def half_right(observations):
        right = np.eye(10)[world.labels[world.numbers(observations)]]
        return np.stack([0.5 * right + 0.05, np.full((len(observations), 10), 0.1)])

    returns, q = truth.of(half_right)
    assert returns == pytest.approx([0.55, 0.1])
    assert q.shape == (2, 256, 10)
    assert (q.sum(axis=2) == 1).all()


def test_recorded_returns_know_of_the_shift():
    plain, moved = (orl.Truth(orl.load_dataset("digits-bandit", reward_shift=c)) for c in (0.0, -3.0))
    assert moved.behavior == pytest.approx(plain.behavior)


def test_data_without_a_world():
    data = orl.Dataset.from_columns([[0.0], [1.0], [0.0]], [0, 1, 0], [1.0, 2.0, 4.0], [False, True, True], gamma=0.5)
    truth = orl.Truth(data)
    assert truth.behavior == pytest.approx((1 + 0.5 * 2 + 4) / 2)
    assert truth.behavior_kind == "mean recorded return"
    assert truth.optimal is None
    with pytest.raises(ValueError, match="unknown"):
        truth.of(lambda o: np.full((1, len(o), 2), 0.5))
