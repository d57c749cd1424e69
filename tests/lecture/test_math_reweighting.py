"""Part 1 of the lecture in numbers: what the scenes on reweighting draw."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import offrl_core as orl
from offrl_lecture.reweighting import advantages
from offrl_lecture.reweighting import closed_forms as core
from offrl_lecture.reweighting import methods as family


def two_actions(counts, rewards) -> orl.Dataset:
    actions = np.repeat([0, 1], counts)
    rows = len(actions)
    return orl.Dataset.from_columns(
        np.zeros(rows, int), actions, np.asarray(rewards, float)[actions], np.ones(rows, bool), n_actions=2, n_states=1
    )


# --- behaviour cloning ---------------------------------------------------------------------------------------------


def test_cloning_copies_the_counts() -> None:
    assert core.shares([1, 1]).tolist() == [0.5, 0.5]
    run = core.descend(core.shares([9, 1]), [1, 1], learning_rate=1.0, steps=300)
    assert run.policy[-1] == pytest.approx([0.9, 0.1], abs=1e-9)
    # Minimising the cross-entropy is minimising KL: they differ by the entropy of the data, H(.9, .1) = .325083.
    behavior = core.shares([9, 1])
    policies = np.array([[p, 1 - p] for p in np.linspace(0.01, 0.99, 50)])
    gap = core.cross_entropy(behavior, policies) - core.kl_divergence(behavior, policies)
    assert gap == pytest.approx(np.full(50, 0.3250829733914482))
    assert core.kl_divergence(behavior, behavior) == 0


def test_cross_entropy_is_infinite_where_the_policy_lacks_an_action_of_the_data() -> None:
    assert core.cross_entropy([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert core.cross_entropy([1.0, 0.0], [1.0, 0.0]) == 0


@pytest.mark.parametrize("counts", [[0, 0], [-1, 2]])
def test_counts_must_be_possible(counts) -> None:
    with pytest.raises(core.ReweightingError, match="counts"):
        core.shares(counts)


# --- EMRL ----------------------------------------------------------------------------------------------------------


def test_positive_rewards_are_matched() -> None:
    assert core.optimum([0.5, 0.5], [0.9, 0.1]) == pytest.approx([0.9, 0.1])
    run = core.descend([0.5, 0.5], [0.9, 0.1], learning_rate=1.0, steps=400)
    assert run.policy[-1] == pytest.approx([0.9, 0.1], abs=1e-9)
    assert core.stationary([0.5, 0.5], [0.9, 0.1]) == core.Stationary(pytest.approx(0.9), "attracts")


def test_with_rewards_of_both_signs_the_gap_grows_by_the_learning_rate_each_step() -> None:
    for rate in (1.0, 0.25):
        run = core.descend([0.5, 0.5], [1.0, -1.0], learning_rate=rate, steps=20)
        gap = run.logits[:, 0] - run.logits[:, 1]
        assert np.diff(gap) == pytest.approx(np.full(20, rate))
    # No floor: the loss falls for ever.
    far = core.descend([0.5, 0.5], [1.0, -1.0], steps=3000)
    assert (np.diff(far.loss) < 0).all()
    assert far.loss[-1] < -1000
    assert core.optimum([0.5, 0.5], [1.0, -1.0]) is None
    assert core.stationary([0.5, 0.5], [1.0, -1.0]) is None


def test_two_negative_rewards_learn_the_worse_action() -> None:
    behavior, rewards = [0.9, 0.1], [-1.0, -2.0]
    flat = core.stationary(behavior, rewards)
    assert flat is not None
    assert flat.kind == "repels"
    assert flat.probability == pytest.approx(0.818182, abs=5e-7)
    # The flat point is where the loss is largest.
    grid = np.linspace(0.01, 0.99, 981)
    losses = core.loss(behavior, rewards, np.stack([grid, 1 - grid], axis=1))
    assert grid[losses.argmax()] == pytest.approx(flat.probability, abs=1e-3)
    uniform = core.descend(behavior, rewards, steps=100)
    assert uniform.policy[-1] == pytest.approx([0.0, 1.0], abs=1e-9)
    above = core.descend(behavior, rewards, start=[0.83, 0.17], steps=400)
    assert above.policy[-1] == pytest.approx([1.0, 0.0], abs=1e-9)
    on_it = core.descend(behavior, rewards, start=[9 / 11, 2 / 11], steps=3)
    assert on_it.policy[-1, 0] == pytest.approx(9 / 11)


@pytest.mark.parametrize(("counts", "rewards"), [([1, 1], [0.9, 0.1]), ([1, 1], [1.0, -1.0]), ([9, 1], [-0.5, -1.0])])
def test_the_scene_descends_as_the_learner_does(counts, rewards) -> None:
    learner = orl.Learner(two_actions(counts, rewards), "emrl", approximator="table", learning_rate=0.5)
    run = core.descend(core.shares(counts), rewards, learning_rate=0.5, steps=40)
    for step in (1, 10, 40):
        learner.advance(step - learner.step)
        assert learner.snapshot().policy[0, 0] == pytest.approx(run.policy[step], abs=2e-5)


def test_the_descent_refuses_what_it_cannot_start_from() -> None:
    with pytest.raises(core.ReweightingError, match="positive"):
        core.descend([0.5, 0.5], [1, 1], start=[1.0, 0.0])
    with pytest.raises(core.ReweightingError, match="learning_rate"):
        core.descend([0.5, 0.5], [1, 1], learning_rate=0.0)


# --- the weight function -------------------------------------------------------------------------------------------

GRID = np.linspace(-3, 3, 241)


@pytest.mark.parametrize(
    ("name", "positive", "monotonic", "apart"),
    [
        ("identity", False, True, True),
        ("abs", True, False, False),
        ("relu", True, True, False),
        ("softplus", True, True, True),
        ("exp", True, True, True),
    ],
)
def test_the_checker_knows_each_function(name, positive, monotonic, apart) -> None:
    check = core.check_function(GRID, core.apply_function(name, GRID))
    assert (check.negative_at is None) == positive
    assert (check.falling is None) == monotonic
    assert (check.same is None) == apart
    assert check.works == (positive and monotonic)


KNOTS = (-3, -2, -1, 0, 1, 2, 3)


@pytest.mark.parametrize(
    ("heights", "same", "flat"),
    [
        ((0, 1, 2, 3, 4, 5, 6), None, False),
        ((6, 5, 4, 3, 2, 1, 0), None, False),  # the wrong way round, and still each reward has a weight of its own
        ((0, 2, 1, 3, 2, 4, 3), (-2.0, 1.0), False),  # a zigzag, flat nowhere
        ((0, 3, 1, 4, 5, 6, 2), (-2.0 - 1 / 3, 3.0), False),  # met again in the middle of a piece
        ((0, 1, 2, 2, 2, 3, 4), (-1.0, 1.0), True),
        ((3, 3, 3, 3, 3, 3, 3), (-3.0, 3.0), True),
    ],
)
def test_a_drawn_curve_tells_rewards_apart_where_it_is_injective(heights, same, flat) -> None:
    check = core.check_function(GRID, core.apply_function("own", GRID, knots=(KNOTS, heights)))
    assert check.same == (None if same is None else pytest.approx(same))
    assert check.flat == flat


@given(st.lists(st.integers(0, 90), min_size=7, max_size=7))
def test_the_two_rewards_that_weigh_the_same_do(tenths: list[int]) -> None:
    heights = [k / 10 for k in tenths]
    curve = core.apply_function("own", GRID, knots=(KNOTS, heights))
    check = core.check_function(GRID, curve)
    rising, falling = ([a < b for a, b in itertools.pairwise(hs)] for hs in (heights, heights[::-1]))
    assert (check.same is None) == (all(rising) or all(falling))
    if check.same is not None:
        low, high = core.apply_function("own", check.same, knots=(KNOTS, heights))
        assert check.same[0] < check.same[1]
        assert low == pytest.approx(high, abs=1e-6)


def test_the_checker_shows_where_it_fails() -> None:
    check = core.check_function(GRID, core.apply_function("abs", GRID))
    assert check.falling == pytest.approx((-3.0, 0.0))
    assert core.check_function(GRID, core.apply_function("identity", GRID)).negative_at == -3.0
    assert core.check_function(GRID, core.apply_function("abs", GRID)).same == pytest.approx((-3.0, 3.0))
    relu = core.check_function(GRID, core.apply_function("relu", GRID))
    assert relu.same == pytest.approx((-3.0, 0.0))
    assert relu.flat
    hump = core.apply_function("own", GRID, knots=([-3, 0, 3], [1, 4, 2]))
    assert core.check_function(GRID, hump).falling == pytest.approx((0.0, 3.0))


def test_the_shift_makes_the_identity_positive_once_it_is_large_enough() -> None:
    low = core.check_function(GRID, core.apply_function("shifted", GRID, shift=2.9))
    assert low.negative_at == -3.0
    assert core.check_function(GRID, core.apply_function("shifted", GRID, shift=3.0)).works


def test_the_absolute_value_rewards_failure() -> None:
    rewards = np.array([-2.0, 0.5, 1.0])
    best = core.optimum(np.full(3, 1 / 3), core.apply_function("abs", rewards))
    assert best == pytest.approx([2 / 3.5, 0.5 / 3.5, 1 / 3.5])
    assert best is not None
    assert best.argmax() == rewards.argmin()


def test_functions_have_their_textbook_values() -> None:
    assert core.apply_function("softplus", [0.0]) == pytest.approx([math.log(2)])
    assert core.apply_function("exp", [1.0]) == pytest.approx([math.e])
    assert core.apply_function("own", [0.5], knots=([0, 1], [2, 4])) == pytest.approx([3.0])


# --- RWR -----------------------------------------------------------------------------------------------------------


def test_float32_ends_where_the_lecture_says() -> None:
    assert pytest.approx(88.72, abs=0.005) == core.FLOAT32_EXP_HIGH
    assert pytest.approx(-103.97, abs=0.005) == core.FLOAT32_EXP_LOW
    with np.errstate(over="ignore", under="ignore"):
        assert np.isfinite(np.exp(np.float32(88.72)))
        assert np.isinf(np.exp(np.float32(88.73)))
        assert np.exp(np.float32(-103.0)) > 0
        assert np.exp(np.float32(-103.98)) == 0


def test_rwr_is_the_boltzmann_distribution() -> None:
    rewards = np.array([1.0, 0.0, -1.0])
    z = math.e + 1 + 1 / math.e
    assert core.boltzmann(rewards, 1.0) == pytest.approx([math.e / z, 1 / z, 1 / math.e / z])
    naive = core.float32_weights(rewards, 1.0)
    assert naive.policy == pytest.approx(core.boltzmann(rewards, 1.0), abs=1e-6)
    assert naive.verdict == "fine"
    learned = core.descend(np.full(3, 1 / 3), np.exp(rewards), learning_rate=0.5, steps=500).policy[-1]
    assert learned == pytest.approx(core.boltzmann(rewards, 1.0), abs=1e-9)
    # A high temperature is cloning, a low one greedy.
    assert core.boltzmann(rewards, 1e6, [0.7, 0.2, 0.1]) == pytest.approx([0.7, 0.2, 0.1], abs=1e-5)
    assert core.boltzmann(rewards, 0.05) == pytest.approx([1.0, 0.0, 0.0], abs=1e-8)
    with pytest.raises(core.ReweightingError, match="temperature"):
        core.boltzmann(rewards, 0.0)


@given(st.floats(-50, 50), st.floats(0.1, 10))
def test_a_constant_cancels_in_rwr(shift: float, temperature: float) -> None:
    rewards = np.array([1.0, 0.3, -1.0])
    assert core.boltzmann(rewards + shift, temperature) == pytest.approx(core.boltzmann(rewards, temperature))


def test_a_constant_changes_emrl() -> None:
    prior = np.full(2, 0.5)
    assert core.optimum(prior, [0.9, 0.1]) == pytest.approx([0.9, 0.1])
    assert core.optimum(prior, [1.9, 1.1]) == pytest.approx([1.9 / 3, 1.1 / 3])
    assert core.optimum(prior, [-0.1, -0.9]) is None


def test_returns_overflow_between_89_and_90_steps() -> None:
    plan = ((1.0, 0.0, -1.0), (0.0, 1.0, -1.0))
    reward, ret = core.returns_of_plan(*plan, steps=89)
    assert ret.tolist() == [1.0, 88.0, -89.0]
    assert reward.tolist() == [1.0, 0.0, -1.0]
    assert core.float32_weights(ret, 1.0).verdict == "fine"
    _, longer = core.returns_of_plan(*plan, steps=90)
    naive = core.float32_weights(longer, 1.0)
    assert naive.verdict == "overflow"
    assert np.isinf(naive.weights[1])
    assert np.isnan(naive.policy[1])
    assert core.boltzmann(longer, 1.0) == pytest.approx([0, 1, 0], abs=1e-12)


def test_returns_underflow_to_no_number() -> None:
    _, ret = core.returns_of_plan((1.0, 0.0, -1.0), (0.0, 1.0, -1.0), steps=60, shift=-3.0)
    assert ret.tolist() == [1 - 59 * 3 - 3, 59 - 180, -60 - 180]
    naive = core.float32_weights(ret, 1.0)
    assert naive.verdict == "underflow"
    assert np.isnan(naive.policy).all()


def test_effective_sample_size() -> None:
    assert core.effective_sample_size(np.ones(7)) == pytest.approx(1.0)
    assert core.effective_sample_size([1.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)
    assert core.effective_sample_size([3.0, 1.0]) == pytest.approx(16 / 20)
    assert core.effective_sample_size([3e300, 1e300]) == pytest.approx(16 / 20)
    assert math.isnan(core.effective_sample_size([0.0, 0.0]))


# --- from the return to the advantage ------------------------------------------------------------------------------

CHAIN = {"episodes": 40, "delta": 0.5, "gamma": 1.0, "skill": 0.5}


def test_the_chain_is_worth_one_a_step_when_undecided() -> None:
    data = advantages.collect(**CHAIN)
    assert data.value == pytest.approx(np.arange(8, 0, -1))
    skilled = advantages.collect(**{**CHAIN, "skill": 0.9, "gamma": 0.9})
    # V(s) = (1 + δ(2p − 1)) · Σ_{k < n−s} γ^k
    assert skilled.value == pytest.approx([1.4 * (1 - 0.9 ** (8 - s)) / 0.1 for s in range(8)])


def test_returns_add_up_along_each_episode() -> None:
    data = advantages.collect(**{**CHAIN, "gamma": 0.8})
    for i in range(data.rows):
        rest = data.reward[i : i + advantages.STATES - data.state[i]]
        assert data.ret[i] == pytest.approx(sum(r * 0.8**k for k, r in enumerate(rest)))


def test_the_advantage_is_the_action_and_nothing_else() -> None:
    data = advantages.collect(**CHAIN)
    signal = advantages.signals(data, data.value)
    assert signal["advantage"] == pytest.approx(np.where(data.good, 0.5, -0.5))
    spread = [signal[name].var() for name in ("return", "baseline", "advantage")]
    assert spread == sorted(spread, reverse=True)
    sizes = [
        core.effective_sample_size(advantages.weights_of(signal[n], 1.0)) for n in ("return", "baseline", "advantage")
    ]
    assert sizes == sorted(sizes)


def test_in_a_table_the_baseline_cancels() -> None:
    data = advantages.collect(**CHAIN)
    signal = advantages.signals(data, data.value)
    ends = [advantages.cloned(data, advantages.weights_of(signal[n], 2.0)) for n in ("return", "baseline")]
    assert ends[0] == pytest.approx(ends[1])


def test_both_value_estimates_reach_their_own_fixed_points() -> None:
    data = advantages.collect(**{**CHAIN, "episodes": 10, "gamma": 0.9})
    td, mc = advantages.learn_values(data, 200)
    seen = ~np.isnan(td[-1])
    assert mc[-1][seen] == pytest.approx(advantages.state_mean(data, data.ret)[seen])
    mean_reward = advantages.state_mean(data, data.reward)
    expected = np.zeros(9)
    for s in range(7, -1, -1):
        expected[s] = np.nan_to_num(mean_reward[s]) + 0.9 * expected[s + 1]
    assert td[-1][seen] == pytest.approx(expected[:8][seen])
    # On finite data they differ, and that is right.
    assert np.abs(td[-1] - mc[-1])[seen].max() > 0.01


def test_td_reaches_the_first_state_last() -> None:
    td, mc = advantages.learn_values(advantages.collect(**CHAIN), 40)
    for step in range(1, 12):
        assert td[step, 0] <= mc[step, 0] + 1e-9
    assert td[4, 0] < 0.55 * mc[4, 0]


def test_cloning_ends_at_the_weighted_shares() -> None:
    run = advantages.marwil(**CHAIN, beta=1.0, value="td", updates=40)
    assert run.policy[0] == pytest.approx(np.full(8, 0.5))
    assert run.policy[-1] == pytest.approx(run.target, abs=5e-3)
    assert (run.target > 0.5).mean() > 0.9
    plain = advantages.marwil(**CHAIN, beta=0.0, value="mc", updates=40)
    data = advantages.collect(**CHAIN)
    assert plain.target == pytest.approx(advantages.state_mean(data, data.good.astype(float)))


@pytest.mark.parametrize("value", ["td", "mc"])
def test_marwil_learns_the_same_values(value) -> None:
    data = advantages.collect(**{**CHAIN, "gamma": 0.9})
    dataset = orl.Dataset.from_columns(
        data.state, np.where(data.good, 0, 1), data.reward, data.state == 7, n_actions=2, n_states=9
    )
    learner = orl.Learner(dataset, "marwil", approximator="table", value_target=value, gamma=0.9, learning_rate=0.5)
    learner.advance(400)
    td, mc = advantages.learn_values(data, 400)
    assert learner.snapshot().v[0, :8] == pytest.approx((td if value == "td" else mc)[-1], abs=1e-4)


# --- the family ----------------------------------------------------------------------------------------------------


def test_every_relative_is_a_system_that_trains() -> None:
    systems = set(orl.algorithms())
    assert {r.name.split("-")[0] for r in family.FAMILY} <= systems
    assert {"bc", "emrl", "rwr", "marwil", "awr", "awac", "crr", "iql", "mpo"} == {
        r.name.split("-")[0] for r in family.FAMILY
    }


@pytest.mark.parametrize(
    ("name", "advantage", "weight"),
    [
        ("bc", -2.0, 1.0),
        ("emrl", -2.0, -2.0),
        ("rwr", 2.0, math.exp(2)),
        ("marwil", 4.0, math.exp(4)),
        ("awr", 2.0, math.exp(2)),
        ("awr", 3.0, 20.0),
        ("awac", -1.0, math.exp(-1)),
        ("crr-binary", 0.0, 0.0),
        ("crr-binary", 0.01, 1.0),
        ("crr-exp", 3.0, 20.0),
        ("iql", 1.0, math.exp(3)),
        ("iql", 2.0, 100.0),
        ("mpo", 1.0, math.e),
    ],
)
def test_weights_by_hand(name, advantage, weight) -> None:
    assert family.BY_NAME[name].weight(advantage) == pytest.approx(weight)


def test_one_rate_for_all_makes_the_exponentials_agree_below_their_caps() -> None:
    grid = np.linspace(-2, 1, 20)
    curves = [r.weight(grid, 2.0) for r in family.FAMILY if r.shape == "exp"]
    assert len(curves) == 7
    for curve in curves:
        assert curve == pytest.approx(np.exp(2 * grid))
    at_zero = [float(r.weight(0.0)) for r in family.FAMILY if r.shape in ("exp", "constant")]
    assert at_zero == [1.0] * len(at_zero)
