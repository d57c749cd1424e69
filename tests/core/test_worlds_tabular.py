"""TabularMDP: exact values against hand-worked numbers, against independent solutions, and against sampling."""

import time

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from offrl_core.worlds.tabular import MDPError, TabularMDP
from offrl_core.worlds.world import TooManyRows
from tests.hypothesis_profiles import examples


def chain() -> TabularMDP:
    """0 → 1 → end; action 1 stays. Reward 1 on arriving at the end, −0.1 for staying."""
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = P[1, 0, 2] = P[2, :, 2] = 1.0
    P[0, 1, 0] = P[1, 1, 1] = 1.0
    R = np.zeros((3, 2, 3))
    R[1, 0, 2] = 1.0
    R[:2, 1, :] = -0.1
    return TabularMDP(P, R, [1.0, 0.0, 0.0], [False, False, True], state_names=("left", "middle", "end"))


def random_mdp(seed: int, states: int = 12, actions: int = 4) -> TabularMDP:
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(states, 0.3), (states, actions))
    return TabularMDP(
        P,
        rng.normal(size=(states, actions, states)),
        [*rng.dirichlet(np.ones(states - 1)), 0.0],
        np.arange(states) == states - 1,
    )


def test_values_worked_by_hand():
    mdp = chain()
    forward = np.array([[1.0, 0.0]] * 3)
    assert mdp.value(forward, 0.9) == pytest.approx([0.9, 1.0, 0.0])
    assert mdp.evaluate(forward, 0.9) == pytest.approx(0.9)
    # Half of the time it stays: V(1) = ½·1 + ½(−0.1 + ½·V(1)) at γ = ½, so V(1) = 0.45/0.75.
    lazy = np.full((3, 2), 0.5)
    assert mdp.value(lazy, 0.5)[1] == pytest.approx(0.6)
    q = mdp.q_value(lazy, 0.5)
    assert q[1] == pytest.approx([1.0, -0.1 + 0.3])
    assert (q[2] == 0).all()


def test_optimal_worked_by_hand():
    q, v = chain().optimal(0.9)
    assert v == pytest.approx([0.9, 1.0, 0.0])
    assert q[0] == pytest.approx([0.9, -0.1 + 0.81])


@pytest.mark.parametrize("states", [12, 200])
def test_optimum_agrees_with_value_iteration_written_here(states):
    """Both ways of solving (dense and sparse) against plain value iteration."""
    mdp = random_mdp(1, states)
    v = np.zeros(states)
    for _ in range(3000):
        v = (mdp.R + 0.9 * mdp.P @ v).max(axis=1) * ~mdp.terminal
    q, found = mdp.optimal(0.9)
    np.testing.assert_allclose(found, v, atol=1e-10)
    np.testing.assert_allclose(q, mdp.R + 0.9 * mdp.P @ v, atol=1e-10)


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 0.99, 1.0]))
def test_value_satisfies_the_bellman_equation(seed, gamma):
    mdp = random_mdp(seed)
    policy = np.random.default_rng(seed).dirichlet(np.ones(4), 12)
    v = mdp.value(policy, gamma)
    right = (policy * (mdp.R + gamma * mdp.P @ v)).sum(axis=1)
    np.testing.assert_allclose(v[:-1], right[:-1], atol=1e-8)
    assert v[-1] == 0


def test_members_at_once_equal_members_alone():
    mdp = random_mdp(3, states=160)
    policies = np.random.default_rng(0).dirichlet(np.ones(4), (3, 160))
    together, returns = mdp.value(policies, 0.95), mdp.evaluate(policies, 0.95)
    for member in range(3):
        np.testing.assert_allclose(together[member], mdp.value(policies[member], 0.95), rtol=1e-10)
        assert returns[member] == pytest.approx(mdp.evaluate(policies[member], 0.95))
    assert mdp.q_value(policies, 0.95).shape == (3, 160, 4)


def test_gamma_one_names_the_states_that_never_end():
    mdp = chain()
    stay = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(MDPError, match=r"never ends from 2 states \(left, middle\)"):
        mdp.value(stay, 1.0)
    # Only what is reached must end: from the start it goes left forever, and "middle" is never seen.
    left = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(MDPError, match=r"1 state \(left\);"):
        mdp.evaluate(left, 1.0)
    assert mdp.evaluate(np.array([[1.0, 0.0]] * 3), 1.0) == pytest.approx(1.0)


def test_gamma_one_limits():
    mdp = chain()
    stay = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_array_equal(mdp.value(stay, 1.0, endless="limit"), [-np.inf, -np.inf, 0.0])
    still = TabularMDP(np.ones((1, 1, 1)), np.zeros((1, 1)), [1.0])
    assert still.value(np.ones((1, 1)), 1.0, endless="limit") == pytest.approx([0.0])


def test_gamma_one_optimum_is_the_best_policy_that_ends():
    """Staying forever in the start would cost nothing, yet the episode must end: −1 is the best it can do."""
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[0, 1, 1] = P[1, :, 1] = 1.0
    mdp = TabularMDP(P, np.array([[0.0, -1.0], [0.0, 0.0]]), [1.0, 0.0], [False, True])
    assert mdp.optimal(1.0)[1][0] == pytest.approx(-1.0)


def test_gamma_one_optimum_without_an_end():
    endless = TabularMDP(np.ones((1, 1, 1)), -np.ones((1, 1)), [1.0])
    with pytest.raises(MDPError, match="no policy ends"):
        endless.optimal(1.0)


def test_best_within_the_allowed_actions():
    mdp = chain()
    allowed = np.array([[True, True], [False, True], [False, False]])
    q, v = mdp.best_within(allowed, 0.9)
    # In the middle only staying is allowed, −0.1 a step forever: −0.1/(1 − 0.9) = −1.
    assert v[1] == pytest.approx(-1.0)
    assert v[0] == pytest.approx(0.9 * -1.0)
    # Where nothing is allowed it acts uniformly: ½·1 + ½(−0.1 + 0.9·V) = V.
    _, v = mdp.best_within(np.array([[True, False], [False, False], [False, False]]), 0.9)
    assert v[1] == pytest.approx(0.45 / 0.55)
    assert q.shape == (3, 2)


def test_reachable():
    P = np.zeros((3, 1, 3))
    P[0, 0, 1] = P[1, 0, 1] = P[2, 0, 0] = 1.0
    mdp = TabularMDP(P, np.zeros((3, 1)), [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(mdp.reachable, [True, True, False])
    forward = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(chain().reachable_under(forward), [True, False, False])


def test_sampling_follows_the_model():
    mdp = random_mdp(5, states=8)
    policy = np.random.default_rng(1).dirichlet(np.ones(4), 8)
    data = mdp.sample(policy, 40_000, 50, seed=0)
    assert data.mdp is mdp
    assert data.n_episodes == 40_000
    visits = data.counts.sum(axis=1, keepdims=True)
    often = visits[:, 0] > 5000
    np.testing.assert_allclose(data.behavior_policy[often], policy[often], atol=0.02)
    pair = np.argmax(data.counts)
    rows = data.observations * 4 + data.actions == pair
    shares = np.bincount(data.next_observations[rows], minlength=8) / rows.sum()
    np.testing.assert_allclose(shares, mdp.P[pair // 4, pair % 4], atol=0.02)
    assert data.rewards[rows].mean() == pytest.approx(mdp.R[pair // 4, pair % 4], abs=0.03)
    error = data.episode_returns(0.9).std() / 200
    assert data.episode_returns(0.9).mean() == pytest.approx(mdp.evaluate(policy, 0.9), abs=4 * error + 0.005)


def test_sampling_never_takes_what_is_impossible():
    P = np.zeros((2, 3, 2))
    P[:, :, 1] = 1.0
    mdp = TabularMDP(P, np.zeros((2, 3)), [1.0, 0.0], [False, True])
    data = mdp.sample(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), 20_000, 5, seed=1)
    assert (data.actions == 1).all()
    assert (data.next_observations == 1).all()
    assert data.terminations.all()


def test_time_limit_truncates_and_seed_decides():
    mdp = chain()
    stay = np.array([[0.0, 1.0]] * 3)
    data = mdp.sample(stay, 3, 7, seed=0)
    assert len(data) == 21
    assert data.truncations.sum() == 3
    assert not data.terminations.any()
    lazy = np.full((3, 2), 0.5)
    again = [mdp.sample(lazy, 50, 30, seed=s).actions for s in (4, 4, 5)]
    np.testing.assert_array_equal(again[0], again[1])
    assert again[0].tolist() != again[2].tolist()


def test_rollout_agrees_with_sample():
    mdp = chain()
    lazy = np.full((3, 2), 0.5)
    data, rollout = mdp.sample(lazy, 200, 6, seed=9), mdp.rollout(lazy, 200, 6, seed=9)
    assert rollout.observations.shape == (rollout.actions.shape[0] + 1, 200)
    np.testing.assert_allclose(rollout.returns(0.9), data.episode_returns(0.9))
    np.testing.assert_array_equal(rollout.lengths, data.episode_ends - data.episode_starts + 1)
    np.testing.assert_array_equal(rollout.terminated, data.terminations[data.episode_ends])
    assert (rollout.actions[~rollout.alive] == -1).all()
    short = int(np.argmin(rollout.lengths))
    assert rollout.observations[-1, short] == data.next_observations[data.episode_ends[short]]


def test_play_stops_at_its_row_limit():
    mdp = chain()
    act = mdp.actor(np.full((3, 2), 0.5))
    with pytest.raises(TooManyRows):
        mdp.play(act, np.zeros(100, dtype=np.int64), 50, np.random.default_rng(0), max_rows=150)


def test_a_million_transitions_a_second():
    """A coarse guard on a busy machine; `benchmarks/data.py` measures it properly."""
    mdp = random_mdp(0, states=40)
    policy = np.full((40, 4), 0.25)
    mdp.sample(policy, 100, 20, seed=0)
    started = time.process_time()
    rows = len(mdp.sample(policy, 40_000, 50, seed=0))
    assert rows / (time.process_time() - started) > 1_000_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"P": np.full((2, 1, 2), 0.4)}, "state 0, action 0 sums to 0.8"),
        ({"P": np.full((2, 1, 3), 0.5)}, "must be \\(S, A, S\\)"),
        ({"R": np.zeros((2, 2))}, "R has shape"),
        ({"P": np.array([[[0.5, 0.5], [2.0, -1.0]], [[0.5, 0.5]] * 2])}, "state 0, action 1 holds -1: a probability"),
        ({"P": np.array([[[0.5, 0.5], [np.nan, 1.0]], [[0.5, 0.5]] * 2])}, "state 0, action 1 holds nan"),
        ({"P": "x"}, "P must be an array of numbers"),
        ({"P": sparse.csr_matrix((5, 2))}, r"P has shape \(5, 2\); it must be \(S·A, S\) with S = 2"),
        ({"R": np.full((2, 1), np.nan)}, "R in state 0, action 0 is nan: it must be finite"),
        ({"R": np.full((2, 1, 2), np.inf)}, "R in state 0, action 0 is inf"),
        ({"R": sparse.csr_matrix((3, 2))}, r"R has shape \(3, 2\); as a sparse matrix it must be \(2, 2\)"),
        ({"initial": [0.5, 0.4]}, "initial sums to 0.9"),
        ({"initial": [2.0, -1.0]}, "initial of state 1 is -1"),
        ({"initial": [0.0, 1.0]}, "terminal state 1"),
        ({"initial": []}, "initial has shape"),
        ({"terminal": [False]}, "terminal has shape"),
        ({"terminal": [0.0, 0.5]}, "terminal of state 1 is 0.5: it must be true or false"),
        ({"action_names": ("a", "b")}, "action_names has 2 labels: it must have 1, or none"),
        ({"state_names": "ab"}, "state_names = 'ab' .*sequence of texts"),
        ({"features": {"x": np.zeros((3, 1))}}, r"features\['x'\] has shape \(3, 1\); it must be \(2, F\)"),
    ],
)
def test_wrong_arrays_are_refused(change, message):
    given_arrays = {"P": np.full((2, 1, 2), 0.5), "R": np.zeros((2, 1)), "initial": [1.0, 0.0]}
    with pytest.raises(MDPError, match=message):
        TabularMDP(**{**given_arrays, "terminal": [False, True], **change})


def test_rows_of_terminal_states_are_not_looked_at():
    P = np.array([[[0.0, 1.0]], [[np.nan, 7.0]]])
    for R in (np.array([[1.0], [np.nan]]), np.array([[[0.0, 1.0]], [[np.inf, np.nan]]])):
        assert TabularMDP(P, R, [1.0, 0.0], [False, True]).evaluate([[1.0], [1.0]], 1.0) == 1.0


def test_wrong_policies_and_discounts_are_refused():
    mdp = chain()
    with pytest.raises(ValueError, match="must be \\(…, 3, 2\\)"):
        mdp.value(np.ones((2, 2)), 0.9)
    with pytest.raises(ValueError, match="state 1 is"):
        mdp.value(np.array([[1.0, 0.0], [0.7, 0.7], [1.0, 0.0]]), 0.9)
    with pytest.raises(MDPError, match="from 0 to 1"):
        mdp.value(np.full((3, 2), 0.5), 1.1)
    with pytest.raises(MDPError, match="gamma = 'x' is not allowed"):
        mdp.optimal("x")
    with pytest.raises(ValueError, match=r"must be \(S, A\), or \(M, S, A\)"):
        mdp.evaluate(np.full((2, 2, 3, 2), 0.5), 0.9)
    with pytest.raises(MDPError, match="endless = 'never' is not allowed: it must be one of raise, limit"):
        mdp.value(np.full((3, 2), 0.5), 0.9, endless="never")
    with pytest.raises(MDPError, match=r"allowed has shape \(2, 2\); it must be \(3, 2\)"):
        mdp.best_within(np.ones((2, 2)), 0.9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"episodes": 0}, "episodes = 0 is not allowed: it must be a whole number, 1 or more"),
        ({"episodes": 2.5}, "episodes = 2.5 is not allowed"),
        ({"horizon": 0}, "horizon = 0 is not allowed"),
        ({"seed": -1}, "seed = -1 is not allowed: it must be a whole number, 0 or above"),
        ({"seed": "x"}, "seed = 'x' is not allowed"),
        ({"states": [0, 1]}, r"states has shape \(2,\): it must hold one for each of 3 episodes"),
        ({"states": [0, 2, 0]}, "states, row 1: 2 is not allowed: it must be a state that does not end the episode"),
        ({"states": [0, 1, 7]}, "states, row 2: 7 is not allowed: it must be below 3"),
        # Action 2 of state 0 would be looked up as action 0 of state 1.
        ({"policy": lambda states, rng: np.full(len(states), 2)}, "the policy chose action 2: it must be from 0 to 1"),
        ({"policy": lambda states, rng: np.full(len(states), -1)}, "the policy chose action -1"),
        ({"policy": lambda states, rng: np.full(len(states), 0.5)}, r"the policy gave float64 of shape \(3,\)"),
        ({"policy": lambda states, rng: 0}, "one whole number for each of 3 episodes"),
        ({"policy": "greedy"}, "policy must be an array of probabilities"),
    ],
)
def test_sampling_refuses_what_cannot_be(change, message):
    given = {"policy": np.full((3, 2), 0.5), "episodes": 3, "horizon": 5, "seed": 0, **change}
    for draw in (chain().sample, chain().rollout):
        with pytest.raises(ValueError, match=message):
            draw(given["policy"], given["episodes"], given["horizon"], given["seed"], states=given.get("states"))
