"""The exact solver without a discount: totals that never stop, the best policy that ends, and digits that last."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from offrl_core.worlds.tabular import MDPError, TabularMDP
from tests.hypothesis_profiles import examples

Array = Any
INF = np.inf


def certain(moves: list[list[int]], rewards: list[list[float]], *, ends: tuple[int, ...] = ()) -> TabularMDP:
    """A world in which action `a` in state `s` surely leads to `moves[s][a]`."""
    states, actions = len(moves), len(moves[0])
    P = np.zeros((states, actions, states))
    for s, a in itertools.product(range(states), range(actions)):
        P[s, a, moves[s][a]] = 1
    names = tuple("abcdefgh"[:states])
    return TabularMDP(P, rewards, np.eye(states)[0], np.isin(np.arange(states), ends), state_names=names)


ONE = [[1.0]]


@pytest.mark.parametrize(
    ("moves", "rewards", "limit"),
    [
        ([1, 1], [1, 0], [1, 0]),  # a reward once, and nothing for ever
        ([1, 2, 2], [-1, 0.25, 0], [-0.75, 0.25, 0]),
        ([1, 0], [0, 0], [0, 0]),
        ([1, 0], [1, 0], [INF, INF]),
        ([1, 0], [2, -1], [INF, INF]),  # gains and losses, and more gains
        ([1, 0], [1, -2], [-INF, -INF]),
        ([1, 0], [1, -1], [np.nan, np.nan]),  # 1, 0, 1, 0, …
        ([1, 1], [-5, 1], [INF, INF]),  # what comes before the loop does not matter
        ([1, 1], [5, -1], [-INF, -INF]),
    ],
)
def test_the_limit_of_a_total_that_never_ends(moves: list[int], rewards: list[float], limit: list[float]) -> None:
    world = certain([[s] for s in moves], [[r] for r in rewards])
    policy = np.ones((len(moves), 1))
    np.testing.assert_allclose(world.value(policy, 1.0, endless="limit"), limit, rtol=1e-12)
    np.testing.assert_allclose(world.evaluate(policy, 1.0, endless="limit"), limit[0], rtol=1e-12)
    with pytest.raises(MDPError, match=r"the policy never ends from \d states? \("):
        world.value(policy, 1.0)


def test_the_limit_where_chance_decides_between_loops() -> None:
    """From the start to an end, a loop for nothing, one that pays and one that costs."""
    P = np.zeros((5, 4, 5))
    P[0] = np.eye(5)[[1, 2, 3, 4]]
    for s in (2, 3, 4):
        P[s, :, s] = 1
    R = np.zeros((5, 4))
    R[0], R[3], R[4] = [10, 20, 30, 40], 1, -1
    world = TabularMDP(P, R, np.eye(5)[0], np.arange(5) == 1)

    def limit(*shares: float) -> float:
        return float(world.value(np.array([shares] + [[1, 0, 0, 0]] * 4), 1.0, endless="limit")[0])

    assert limit(0.5, 0.5, 0, 0) == pytest.approx(15)
    assert limit(0.5, 0.4, 0.1, 0) == INF
    assert limit(0.5, 0.4, 0, 0.1) == -INF
    assert np.isnan(limit(0.5, 0.3, 0.1, 0.1))


def test_rewards_that_cancel_leave_nothing_to_pay_for_ever() -> None:
    """.1 + .2 − .3 is 6e-17 in floating point."""
    world = certain([[0, 0, 0]], [[0.1, 0.2, -0.3]])
    assert world.value(np.full((1, 3), 1 / 3), 1.0, endless="limit").tolist() == [0]


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 10**6))
def test_the_limit_is_what_sums_of_many_steps_come_to(seed: int) -> None:
    """The expected reward of 2^k steps by doubling, for k = 20 and 21."""
    rng = np.random.default_rng(seed)
    states = int(rng.integers(2, 7))
    P = np.zeros((states, states))
    for s in range(states):
        to = rng.choice(states, int(rng.integers(1, 3)), replace=False)
        P[s, to] = rng.dirichlet(np.ones(len(to)))
    r = rng.choice([0, 0, 0, 1.0, -0.5], states)
    terminal = np.arange(states) >= states - rng.integers(0, 2)
    world = TabularMDP(P[:, None], r[:, None], np.eye(states)[0], terminal)
    P[terminal], r[terminal] = np.eye(states)[terminal], 0
    sums, power = [r], P
    for _ in range(21):
        sums.append(sums[-1] + power @ sums[-1])
        power = power @ power
    before, after = sums[-2:]
    found = world.value(np.ones((states, 1)), 1.0, endless="limit")
    finite = np.isfinite(found)
    np.testing.assert_allclose(found[finite], after[finite], rtol=1e-4, atol=1e-4)
    assert (after - before)[found == INF].min(initial=1) > 0.5
    assert (after - before)[found == -INF].max(initial=-1) < -0.5


def rarely(chance: float, rewards: list[float], states: int = 5) -> TabularMDP:
    """Each of the states is left for the next one with the given chance; the last ends."""
    actions = len(rewards)
    P = np.zeros((states + 1, actions, states + 1))
    here = np.arange(states)
    P[here, :, here], P[here, :, here + 1] = 1 - chance, chance
    R = np.zeros((states + 1, actions))
    R[:states] = rewards
    return TabularMDP(P, R, np.eye(states + 1)[0], np.arange(states + 1) == states)


@pytest.mark.parametrize("better", [0.5, 0.25, 1e-6])
def test_a_small_gain_that_is_made_often_is_found(better: float) -> None:
    """1 at each of five times 10⁹ steps is 5·10⁹, though one step's gain is a 10⁻¹⁰th of that or less."""
    for rewards in ([1.0, 1 - better], [1 - better, 1.0]):
        _, v = rarely(1e-9, rewards).optimal(1.0)
        np.testing.assert_allclose(v, [5e9, 4e9, 3e9, 2e9, 1e9, 0], rtol=1e-9)
    _, v = rarely(1e-3, [1.0, 1 - better]).optimal(1.0)
    np.testing.assert_allclose(v, [5e3, 4e3, 3e3, 2e3, 1e3, 0], rtol=1e-12)


def test_values_keep_their_digits_however_rarely_a_state_is_left() -> None:
    world, policy = rarely(1e-9, [1.0]), np.ones((6, 1))
    np.testing.assert_allclose(world.value(policy, 1.0), [5e9, 4e9, 3e9, 2e9, 1e9, 0], rtol=1e-12)
    # A softmax in float32 leaves an action as little as 10⁻³⁸; the values are what they are.
    sure = certain([[0, 1], [1, 1]], [[-1.0, 0.0], [0.0, 0.0]], ends=(1,))
    assert sure.evaluate([[1.0, 1e-38], [1, 0]], 1.0) == pytest.approx(-1e38)


def test_going_round_for_nothing_is_no_way_to_avoid_the_end() -> None:
    """From `a` ending costs 1; a loop for nothing lies beside it, in `a` itself or in `b`, from where nothing ends."""
    beside = certain([[1, 2], [1, 1], [2, 2]], [[0.0, -1.0], [0.0, 0.0], [0.0, 0.0]], ends=(2,))
    q, v = beside.optimal(1.0)
    assert v.tolist() == [-1, 0, 0]
    assert q[0].tolist() == [0, -1]  # what follows in `b`, from where nothing ends
    own = certain([[0, 2], [1, 1], [2, 2]], [[0.0, -1.0], [0.0, 0.0], [0.0, 0.0]], ends=(2,))
    assert own.optimal(1.0)[1].tolist() == [-1, 0, 0]
    # Through `b` and back for nothing, in either order of the actions.
    for moves in ([[1, 2], [0, 0], [2, 2]], [[2, 1], [0, 0], [2, 2]]):
        costs = [[-1.0 if s == 2 else 0.0 for s in row] for row in moves[:2]] + [[0.0, 0.0]]
        assert certain(moves, costs, ends=(2,)).optimal(1.0)[1].tolist() == [-1, -1, 0]


def test_where_nothing_ends_staying_for_nothing_is_the_end() -> None:
    """A goal that is left open: 1 on arriving in `c`, which leads nowhere; walking is free."""
    world = certain([[0, 1], [0, 2], [2, 2]], [[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert world.optimal(1.0)[1].tolist() == [1, 1, 0]
    # A cost on the way that the goal repays, and one that it does not.
    assert certain([[0, 1], [2, 2], [2, 2]], [[0.0, -1.0], [1.5, 0.0], [0.0, 0.0]]).optimal(1.0)[1][0] == 0.5
    assert certain([[0, 1], [2, 2], [2, 2]], [[0.0, -1.0], [0.5, 0.0], [0.0, 0.0]]).optimal(1.0)[1][0] == 0


def test_a_loop_that_pays_has_no_bound_and_says_so() -> None:
    """`b` may end or go back to `a`, where going pays: the episode could end, but better later, and again later."""
    world = certain([[1, 1], [0, 2], [2, 2]], [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]], ends=(2,))
    with pytest.raises(MDPError, match=r"gamma = 1: from state a a loop that pays can be repeated at will.*no bound"):
        world.optimal(1.0)
    assert world.best_within(None, 1.0)[1].tolist() == [INF, INF, 0]
    assert world.optimal(0.5)[1][0] == pytest.approx(4 / 3)
    # One that costs more than it pays is left at once.
    costly = certain([[1, 1], [0, 2], [2, 2]], [[1.0, 1.0], [-1.5, 0.0], [0.0, 0.0]], ends=(2,))
    assert costly.optimal(1.0)[1].tolist() == [1, 0, 0]
    # A state that cannot reach the loop keeps its own value.
    apart = certain([[1, 3], [1, 3], [2, 3], [3, 3]], [[0, 0], [1, 0], [-1, -2], [0, 0]], ends=(3,))
    assert apart.best_within(None, 1.0)[1].tolist() == [INF, INF, -2, 0]


def test_where_no_policy_ends_the_error_names_the_state() -> None:
    world = certain([[1, 2], [1, 1], [2, 2]], [[0, -1], [-1, -1], [0, 0]], ends=(2,))
    assert world.best_within(None, 1.0)[1].tolist() == [-1, -INF, 0]
    with pytest.raises(MDPError, match="gamma = 1: from state b no policy ends for sure and rewards go on"):
        world.optimal(1.0)


def test_only_what_is_allowed_can_end() -> None:
    world = certain([[1, 2], [0, 2], [2, 2]], [[0.0, -1.0], [0.0, -3.0], [0.0, 0.0]], ends=(2,))
    only = np.array([[True, False], [True, True], [True, True]])
    assert world.best_within(only, 1.0)[1].tolist() == [-3, -3, 0]
    # In `b` nothing is allowed: it acts equally often, so that half of the times it goes back.
    free = np.array([[True, True], [False, False], [True, True]])
    assert world.best_within(free, 1.0)[1].tolist() == [-1, -2, 0]


def surely(P: Array, targets: Array) -> Array:
    """States from which some policy without chance surely reaches `targets`, by trying all of them."""
    found = targets.copy()
    for choice in itertools.product(range(P.shape[1]), repeat=len(P)):
        moves = np.where(targets[:, None], np.eye(len(P)), P[np.arange(len(P)), choice])
        found |= np.linalg.matrix_power(moves, 1 << 14)[:, targets].sum(axis=1) > 1 - 1e-9
    return found


def never_earning(P: Array, R: Array, states: Array) -> Array:
    """Those of `states` in which some policy without chance stays for ever without any reward."""
    found = np.zeros(len(P), dtype=bool)
    for choice in itertools.product(range(P.shape[1]), repeat=len(P)):
        moves, rewards = P[np.arange(len(P)), choice], R[np.arange(len(P)), choice]
        reached = np.linalg.matrix_power(np.eye(len(P)) + moves, len(P)) > 0
        found |= ~(reached & (~states | (rewards != 0))).any(axis=1)
    return found


def smallest_bound(P: Array, R: Array, inside: Array, known: Array, idle: Array) -> Array | None:
    """`V` of `inside` states as the smallest that no safe action improves on; None where there is none (a linear
    program)."""
    above, right = [], []
    for s, a in itertools.product(np.flatnonzero(inside), range(P.shape[1])):
        if not P[s, a][~inside & np.isnan(known)].any():
            above.append(P[s, a] * inside - np.eye(len(P))[s])
            right.append(-R[s, a] - P[s, a] @ np.where(inside | np.isnan(known), 0, known))
    for s in np.flatnonzero(inside & idle):
        above.append(-np.eye(len(P))[s])
        right.append(0)
    found = linprog(inside.astype(float), A_ub=above, b_ub=right, bounds=[(None, None)] * len(P))
    return found.x if found.status == 0 else None


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 10**6))
def test_the_best_policy_that_ends_is_the_smallest_bound(seed: int) -> None:
    """Against linear programs over the states that a search through all policies finds to end, or to settle."""
    rng = np.random.default_rng(seed)
    states, actions = int(rng.integers(3, 6)), int(rng.integers(2, 4))
    P = np.zeros((states, actions, states))
    for s, a in itertools.product(range(states), range(actions)):
        P[s, a, rng.choice(states, int(rng.integers(1, 3)), replace=False)] = rng.choice([0.25, 0.5, 1.0])
    P /= P.sum(axis=2, keepdims=True)
    R = rng.choice([0, 0, -1, -0.5, 0.5] if rng.random() < 0.7 else [0, -1, -2], size=(states, actions)).astype(float)
    terminal = np.arange(states) >= states - (rng.random() < 0.8)
    R[terminal] = 0
    v = TabularMDP(P, R, np.eye(states)[0], terminal).best_within(None, 1.0)[1]
    known = np.where(terminal, 0.0, np.nan)
    ending = surely(P, terminal)
    idle = never_earning(P, R, ~ending)
    for done, inside in ((terminal, ending), (ending, surely(P, ending | idle))):
        inside = inside & ~done
        if inside.any():
            bound = smallest_bound(P, R, inside, known, idle)
            if bound is None:
                assert (v[inside] == INF).any()
                return
            np.testing.assert_allclose(v[inside], bound[inside], atol=1e-8)
            known[inside] = bound[inside]
    assert not np.isfinite(v[np.isnan(known)]).any()
