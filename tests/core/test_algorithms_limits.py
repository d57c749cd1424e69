"""Limits in which one system becomes another."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.algos.advantages import over_average, over_best_draw
from offrl_core.algos.losses import softmax

TABULAR = random_data(4, rows=300)
CONTINUOUS = vectors()
CASES = [(TABULAR, "table"), (TABULAR, "mlp"), (CONTINUOUS, "linear"), (CONTINUOUS, "mlp")]
SMALL = {"mlp": {"hidden": "16-16", "batch_size": 32}, "linear": {"batch_size": 32}, "table": {}}


def policy(data: orl.Dataset, approximator: str, name: str, **choices: object) -> np.ndarray:
    learner = orl.Learner(data, name, approximator=approximator, **SMALL[approximator], **choices)
    learner.advance(60)
    return learner.snapshot().policy


def q(data: orl.Dataset, approximator: str, name: str, **choices: object) -> np.ndarray:
    learner = orl.Learner(data, name, approximator=approximator, **SMALL[approximator], **choices)
    learner.advance(60)
    values = learner.snapshot().q
    assert values is not None
    return values


@pytest.mark.parametrize(("data", "approximator"), CASES)
@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("marwil", {"beta": 0.0}),
        ("marwil", {"beta": 0.0, "normalization": "running"}),
        ("rwr", {"temperature": 100.0, "signal": "reward", "normalization": "log-sum-exp"}),
        ("awr", {"temperature": 100.0}),
        ("awac", {"temperature": 100.0}),
        ("crr", {"filter": "exp", "temperature": 100.0}),
        ("iql", {"beta": 0.0}),
    ],
)
def test_flat_weights_are_cloning(data: orl.Dataset, approximator: str, name: str, choices: dict[str, object]) -> None:
    rate = {"learning_rate": 0.5} if approximator == "table" else {}
    exact = choices.get("beta") == 0.0
    clone = policy(data, approximator, "bc", **rate)
    np.testing.assert_allclose(policy(data, approximator, name, **choices, **rate), clone, atol=1e-7 if exact else 0.02)


def test_crr_with_every_action_passing_is_cloning() -> None:
    # Where each state shows one action only, and the others are worth less, every row beats the policy's average.
    states = np.arange(40) % 5
    data = orl.Dataset.from_columns(
        states, states % 3, np.ones(40), np.ones(40, bool), next_observations=states, n_actions=3, n_states=5, gamma=0.9
    )
    crr = orl.Learner(data, "crr", initial_value=-10.0, initial_spread=0.0, learning_rate=0.5)
    crr.advance(61)  # at the first update all values are still equal, and nothing passes
    np.testing.assert_array_equal(crr.snapshot().policy, policy(data, "table", "bc", learning_rate=0.5))


@pytest.mark.parametrize(("data", "approximator"), CASES)
@pytest.mark.parametrize("double", ["none", "double", "clipped"])
def test_without_its_constraint_it_is_q_learning(data: orl.Dataset, approximator: str, double: str) -> None:
    naive = q(data, approximator, "q-learning", double=double)
    np.testing.assert_array_equal(q(data, approximator, "bcq", rho=0.0, double=double), naive)
    np.testing.assert_array_equal(q(data, approximator, "bcq", rho=0.0, rule="relative", double=double), naive)


@pytest.mark.parametrize(("data", "approximator"), CASES)
@pytest.mark.parametrize("form", ["lecture-a", "lecture-b", "lecture-c", "lecture-d", "paper"])
def test_cql_without_penalty_is_q_learning(data: orl.Dataset, approximator: str, form: str) -> None:
    naive = q(data, approximator, "q-learning")
    values = q(data, approximator, "cql", form=form, alpha=0.0)
    if approximator == "table":  # its step in states without rows may differ, but nothing moves there
        np.testing.assert_allclose(values, naive, atol=1e-6)
    else:
        np.testing.assert_allclose(values, naive, atol=1e-5)


def test_bcq_above_every_probability_clones_the_most_likely_action() -> None:
    learner = orl.Learner(TABULAR, "bcq", rho=1.0)
    learner.advance(800)
    snapshot = learner.snapshot()
    visited = TABULAR.counts.sum(axis=1) > 0
    counts = TABULAR.counts[visited]
    clear = (np.sort(counts, axis=1)[:, -1] - np.sort(counts, axis=1)[:, -2]) > 0
    np.testing.assert_array_equal(snapshot.policy[0][visited][clear].argmax(axis=1), counts[clear].argmax(axis=1))
    np.testing.assert_array_equal(snapshot.allowed[0][visited][clear].sum(axis=1), 1)


def test_counting_in_continuous_data_leaves_the_value_of_the_behaviour() -> None:
    # Every state is seen once: Ā holds one action, and the target is the next pair of the recording.
    rows = 60
    rng = np.random.default_rng(0)
    walk = rng.normal(size=(rows + 1, 2)).astype(np.float32)
    end = np.arange(rows) % 6 == 5
    following = walk[1:].copy()
    following[end] += 100  # where an episode ends is no state that another one starts from
    data = orl.Dataset.from_columns(
        walk[:-1],
        rng.integers(0, 3, rows),
        rng.normal(size=rows),
        end,
        next_observations=following,
        n_actions=3,
        gamma=0.9,
    )
    learner = orl.Learner(data, "constrained-q", approximator="mlp", target_update="none", hidden="16", batch_size=0)
    program = learner._programs[0][1]
    batch = program.evaluate(program.sampler.draw(0))
    allowed = learner.algorithm.allowed_next(batch, program.hp)[0]
    following = data.next_actions
    for row in range(rows):
        expected = [] if following[row] < 0 else [following[row]]
        assert np.flatnonzero(allowed[:, row]).tolist() == expected
    probes = orl.dataset_probes(data)
    np.testing.assert_array_equal(learner.policy(probes).max(axis=2), 1)
    np.testing.assert_allclose(learner.policy(np.array([[9.0, 9.0]])).sum(axis=2), 1)


def exact_advantages(policy: np.ndarray, q: np.ndarray, draws: int) -> list[Fraction]:
    """`Q(a) − Σ_k q_(k) (F_k^m − F_{k−1}^m)` in rational numbers."""
    pi, values = [Fraction(float(p)) for p in policy], [Fraction(float(x)) for x in q]
    pi = [p / sum(pi) for p in pi]
    best, reached = Fraction(0), Fraction(0)
    for action in sorted(range(len(values)), key=lambda a: values[a]):
        before, reached = reached, reached + pi[action]
        best += values[action] * (reached**draws - before**draws)
    return [x - best for x in values]


@pytest.mark.parametrize("draws", [1, 2, 4, 16, 64])
def test_advantages_over_the_best_draw_are_exact(draws: int) -> None:
    """With the right sign, and as far as a double goes with the right digits: policies that leave an action next to
    nothing, values far from 0 and close to each other, and ties."""
    rng = np.random.default_rng(draws)
    logits = rng.normal(size=(40, 5)) * rng.choice([1, 5, 12], size=(40, 1))
    policy = np.exp(logits - logits.max(axis=1, keepdims=True))
    policy = (policy / policy.sum(axis=1, keepdims=True)).astype(np.float32)
    q = (rng.choice([0, 1, 1000], size=(40, 1)) + rng.normal(size=(40, 5)).round(2)).astype(np.float32)
    q[::4, 1] = q[::4, 3]
    found = over_best_draw(policy.T[None], q.T[None], np.array([[draws]], np.float32))[0].T
    average = over_average(policy.T[None], q.T[None])[0].T
    for state in range(40):
        exact = exact_advantages(policy[state], q[state], draws)
        assert [int(x > 0) for x in found[state]] == [int(x > 0) for x in exact]
        np.testing.assert_allclose(found[state], [float(x) for x in exact], rtol=1e-9, atol=1e-303)
        assert found[state][q[state].argmax()] > 0
        if draws == 1:
            np.testing.assert_allclose(average[state], [float(x) for x in exact], rtol=1e-4, atol=1e-6)
            assert average[state][q[state].argmax()] > 0


def test_members_take_the_best_of_their_own_number_of_draws() -> None:
    rng = np.random.default_rng(1)
    pi, values = rng.dirichlet(np.ones(4)), rng.normal(size=4)
    policy, q = np.tile(pi[None, :, None], (3, 1, 1)), np.tile(values[None, :, None], (3, 1, 1))
    found = over_best_draw(policy, q, np.array([[1], [2], [5]]))[..., 0]
    for member, draws in enumerate((1, 2, 5)):
        best = values[rng.choice(4, p=pi, size=(200_000, draws))].max(axis=1)
        np.testing.assert_allclose(found[member], values - best.mean(), atol=0.01)
    np.testing.assert_allclose(found[0], values - pi @ values)
    np.testing.assert_allclose(over_average(policy, q)[1, :, 0], values - pi @ values)


def test_equal_values_have_no_advantage() -> None:
    """None at all: of `Q − Σ π Q` a rounding error would pass CRR's binary filter in about a fifth of the states."""
    policy = softmax(np.random.default_rng(0).normal(size=(1, 3, 1000)).astype(np.float32))
    for value in (0.7, 1 / 3, 1234.567):
        q = np.full_like(policy, value)
        assert ((q - (policy * q).sum(axis=1, keepdims=True)) > 0).mean() > 0.15
        np.testing.assert_array_equal(over_average(policy, q), 0)
        np.testing.assert_array_equal(over_best_draw(policy, q, np.array([[4]])), 0)


def test_a_single_action_has_no_advantage() -> None:
    one, q = np.ones((2, 1, 3), np.float32), np.full((2, 1, 3), 7.5, np.float32)
    np.testing.assert_array_equal(over_best_draw(one, q, np.array([[4], [4]])), 0)
    np.testing.assert_array_equal(over_average(one, q), 0)


@pytest.mark.parametrize("kind", ["none", "hard", "soft"])
def test_target_networks_follow(kind: str) -> None:
    choices = {"target_update": kind, "target_period": 7, "target_rate": 0.25, "approximator": "mlp", "hidden": "16"}
    learner = orl.Learner(CONTINUOUS, "q-learning", **choices)
    program = learner._programs[0][1]
    start = program.networks.target.copy()
    np.testing.assert_array_equal(start, program.networks.parameters)
    expected = start.copy()
    for update in range(1, 20):
        learner.advance(1)
        if kind == "soft":
            expected = expected + np.float32(0.25) * (program.networks.parameters - expected)
        elif kind == "hard" and update % 7 == 0:
            expected = program.networks.parameters.copy()
        elif kind == "none":
            expected = program.networks.parameters
        np.testing.assert_allclose(program.arrays()["target"], expected, atol=1e-6)


def test_a_period_or_a_rate_of_one_is_no_delay() -> None:
    shared = {"approximator": "mlp", "hidden": "16", "batch_size": 32}
    values = []
    for choices in (
        {"target_update": "none"},
        {"target_update": "hard", "target_period": 1},
        {"target_update": "soft", "target_rate": 1.0},
    ):
        learner = orl.Learner(CONTINUOUS, "q-learning", **shared, **choices)
        learner.advance(40)
        values.append(learner.snapshot().q)
    np.testing.assert_allclose(values[1], values[0], atol=1e-4)
    np.testing.assert_allclose(values[2], values[0], atol=1e-4)
