"""What a table converges to on random MDPs, against dynamic programming on the counted data."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from learning_cases import Empirical, by_pair, random_data, returns_to_go

import offrl_core as orl
from tests.hypothesis_profiles import examples

DRAWS = range(examples(20))
GAMMA = 0.9


@functools.cache
def case(draw: int, full: bool = False) -> tuple[orl.Dataset, Empirical]:
    data = random_data(draw, full=full, rows=600, states=30 if not full else 12)
    return data, Empirical(data)


def final(data: orl.Dataset, name: str, steps: int, **choices: object) -> orl.Snapshot:
    learner = orl.Learner(data, name, **choices)
    assert learner.advance(steps) == steps
    return learner.snapshot()


@pytest.mark.parametrize("draw", DRAWS)
def test_constrained_q_is_dynamic_programming_on_the_data(draw: int) -> None:
    data, shown = case(draw)
    least = 1 + draw % 3
    frequent = (shown.counts == shown.counts.max(axis=1, keepdims=True)) & shown.seen
    allowed = shown.counts >= least
    allowed = np.where(allowed.any(axis=1, keepdims=True), allowed, frequent)
    snapshot = final(data, "constrained-q", 200, min_count=least, learning_rate=1.0)
    expected = shown.optimum(allowed, GAMMA)
    np.testing.assert_allclose(snapshot.q[0][shown.seen], expected[shown.seen], atol=2e-5)
    greedy = snapshot.policy[0][shown.visited]
    assert not greedy[~allowed[shown.visited]].any()
    np.testing.assert_allclose(greedy.sum(axis=1), 1, rtol=1e-6)
    best = np.where(allowed, expected, -np.inf).max(axis=1)[shown.visited]
    np.testing.assert_allclose((greedy * expected[shown.visited]).sum(axis=1), best, atol=1e-4)


@pytest.mark.parametrize("draw", DRAWS)
def test_td_values_are_certainty_equivalent_and_mc_values_are_averages(draw: int) -> None:
    data, shown = case(draw)
    _, v = shown.evaluate(shown.policy, GAMMA)
    visited = shown.visited
    for name, choices in (("marwil", {"learning_rate": 1.0}), ("iql", {"expectile": 0.5, "learning_rate": 0.9})):
        td = final(data, name, 400, beta=0.1, **choices)
        np.testing.assert_allclose(td.v[0][visited], v[visited], atol=1e-4)
    ahead = returns_to_go(data, GAMMA)
    mc = final(data, "marwil", 60, value_target="mc", advantage="mc", beta=0.1, learning_rate=1.0)
    states = np.bincount(data.observations, weights=ahead, minlength=data.n_states)
    expected = states[visited] / np.bincount(data.observations, minlength=data.n_states)[visited]
    np.testing.assert_allclose(mc.v[0][visited], expected, atol=1e-4)
    q = final(data, "mc-q", 60, learning_rate=1.0).q[0]
    np.testing.assert_allclose(q[shown.seen], by_pair(data, ahead)[shown.seen], atol=1e-4)
    assert np.abs(expected - v[visited]).max() > 1e-3  # on finite data the two differ, and that is right


@pytest.mark.parametrize("draw", DRAWS)
def test_iql_rises_to_the_constrained_optimum(draw: int) -> None:
    data, shown = case(draw)
    taus = [0.5, 0.7, 0.9, 0.97]
    learner = orl.Learner(data, "iql", expectile=taus, beta=0.1, learning_rate=1.0)
    learner.advance(1000)
    v = learner.snapshot().v[:, shown.visited]
    optimum = np.where(shown.seen, shown.optimum(shown.seen, GAMMA), -np.inf).max(axis=1)[shown.visited]
    assert (np.diff(v, axis=0) > -1e-4).all()
    assert (v < optimum + 1e-4).all()
    gaps = (optimum - v).mean(axis=1)
    assert gaps[-1] < 0.45 * gaps[0] + 1e-3


@pytest.mark.parametrize("draw", DRAWS)
def test_iql_at_its_highest_expectile_is_nearly_the_constrained_optimum(draw: int) -> None:
    """V rises quickly and sinks slowly there: rewards are shifted so that it comes from below."""
    data = random_data(draw, rows=600)
    data = replace(data, rewards=data.rewards - data.rewards.min())
    shown = Empirical(data)
    start = {"initial_value": 0.0, "initial_spread": 0.0, "beta": 0.0, "learning_rate": 1.0}
    learner = orl.Learner(data, "iql", expectile=[0.5, 0.999], **start)
    learner.advance(1000)
    v = learner.snapshot().v[:, shown.visited]
    optimum = np.where(shown.seen, shown.optimum(shown.seen, GAMMA), -np.inf).max(axis=1)[shown.visited]
    behaviour, highest = (optimum - v).mean(axis=1)
    assert 0 < highest < 0.05 * behaviour


@pytest.mark.parametrize("draw", DRAWS)
def test_critics_value_their_own_policy(draw: int) -> None:
    data, shown = case(draw, full=True)
    assert shown.seen[shown.visited].all()
    for name, choices in (
        ("awac", {"temperature": 0.5}),
        ("crr", {"filter": "exp", "temperature": 1.0}),
        ("mpo", {"target_update": "none"}),
    ):
        learner = orl.Learner(data, name, **choices)
        learner.advance(1200)
        snapshot = learner.snapshot()
        q, _ = shown.evaluate(snapshot.policy[0], GAMMA)
        np.testing.assert_allclose(snapshot.q[0][shown.visited], q[shown.visited], atol=5e-3)


@pytest.mark.parametrize("draw", [2, 3])
def test_crr_rises_to_the_optimum_over_any_number_of_draws(draw: int) -> None:
    """With every pair in the data the binary filter ends on the best action, whatever it must beat."""
    data, shown = case(draw, full=True)
    optimum = shown.optimum(shown.seen, GAMMA)[shown.visited]
    learner = orl.Learner(data, "crr", baseline="max", baseline_draws=[1, 4, 32])
    learner.advance(1500)
    mean = final(data, "crr", 1500)
    for q in (*learner.snapshot().q, mean.q[0]):
        np.testing.assert_allclose(q[shown.visited], optimum, atol=0.04)


@pytest.mark.parametrize("draw", range(examples(5)))
def test_lambda_returns_join_td_and_monte_carlo(draw: int) -> None:
    data, shown = case(draw)
    visited = shown.visited
    mc = final(data, "awr", 60, value_target="mc", learning_rate=1.0).v[0][visited]
    one = final(data, "awr", 200, trace_decay=1.0, learning_rate=1.0).v[0][visited]
    # At λ = 1 the only bootstrap left is that of cut-off recordings.
    terminated = data.terminations[data.episode_ends].all()
    if terminated:
        np.testing.assert_allclose(one, mc, atol=1e-4)
    zero = final(data, "awr", 200, trace_decay=0.0, target_period=1, learning_rate=0.9).v[0][visited]
    td = final(data, "awr", 200, value_target="td", learning_rate=0.9).v[0][visited]
    np.testing.assert_allclose(zero, td, atol=1e-4)
    np.testing.assert_allclose(td, shown.evaluate(shown.policy, GAMMA)[1][visited], atol=1e-4)


def test_lambda_returns_by_a_plain_loop() -> None:
    data = random_data(3, rows=200)
    learner = orl.Learner(data, "awr", trace_decay=[0.3, 0.95], target_period=5)
    learner.advance(7)
    program = learner._programs[0][1]
    values = program.networks.target.reshape(2, data.n_states)
    expected = np.zeros((2, len(data)))
    ends = set(data.episode_ends.tolist())
    for member, decay in enumerate((0.3, 0.95)):
        carry = 0.0
        for row in range(len(data) - 1, -1, -1):
            ahead = 0.0 if data.terminations[row] else values[member, data.next_observations[row]]
            carry = data.rewards[row] + GAMMA * (ahead if row in ends else (1 - decay) * ahead + decay * carry)
            expected[member, row] = carry
    np.testing.assert_allclose(program.lambda_returns(), expected, atol=1e-5)


def test_double_crossing_tells_the_lesson() -> None:
    data = orl.load_dataset("double-crossing")

    def worth(name: str, steps: int = 2000, **choices: object) -> tuple[float, dict[str, np.ndarray]]:
        snapshot = final(data, name, steps, **choices)
        return float(data.mdp.evaluate(snapshot.policy[0], 0.95)), snapshot.metrics

    assert worth("bc")[0] == pytest.approx(0.230, abs=1e-3)
    assert worth("rwr", signal="return", temperature=0.1)[0] == pytest.approx(0.245, abs=1e-3)
    for name in ("constrained-q", "bcq"):
        value, metrics = worth(name)
        assert value == pytest.approx(0.568800, abs=1e-6)
        assert metrics["value_start"][0] == pytest.approx(0.568800, abs=1e-4)
    assert worth("cql", form="paper")[0] == pytest.approx(0.568800, abs=1e-6)
    value, metrics = worth("q-learning", initial_spread=0.5)
    assert value < 0.1
    assert metrics["value_start"][0] > 1.0
    assert worth("q-learning", initial_spread=0.0)[0] == pytest.approx(0.568800, abs=1e-6)
    assert worth("awac")[0] > 0.5 > 0.4 > worth("marwil")[0] > 0.232


def test_a_naive_learner_over_many_starts_is_worth_little() -> None:
    data = orl.load_dataset("double-crossing")
    learner = orl.Learner(data, "q-learning", seeds=64, initial_spread=0.5)
    learner.advance(1000)
    returns = data.mdp.evaluate(learner.snapshot().policy, 0.95, endless="limit")
    assert returns.mean() < 0.08


def test_offline_learning_beats_the_clinician() -> None:
    data = orl.load_dataset("icu-sepsis")
    assert len(data.episode_starts) == 10_000

    def worth(name: str, steps: int, **choices: object) -> float:
        return float(data.mdp.evaluate(final(data, name, steps, **choices).policy[0], 1.0))

    assert worth("constrained-q", 60, min_count=10) > 0.81
    assert worth("q-learning", 1500, initial_value=1.0, initial_spread=0.0) < 0.2
