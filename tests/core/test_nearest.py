"""What the policy does beside the data, where observations are vectors: counted among the nearest rows."""

from __future__ import annotations

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.dataset import Dataset, probe_rows
from offrl_core.evaluation.alarm_rules import Facts
from offrl_core.evaluation.alarms import Watch
from offrl_core.learning.nearest import PER_ACTION, nearest_counts

FACTS = Facts(
    q_bound=np.inf, q_floor=-np.inf, trains_policy=True, actions=3, rows=500, behavior_entropy=np.nan, return_scale=1.0
)


def test_the_nearest_rows_by_hand() -> None:
    """Two actions, so that eight rows are asked for: those at 0, 1 and 2 hold seven, the one at 4 is the eighth."""
    x = np.array([0, 0, 0, 1, 1, 2, 2, 4, 9, 9], dtype=np.float32)[:, None]
    actions = np.array([0, 0, 1, 0, 0, 0, 0, 0, 1, 1])
    assert PER_ACTION == 4
    assert nearest_counts(x, actions, 2, np.array([0])).tolist() == [[7, 1]]
    # From 9 on: two rows there, one at 4, two at 2, two at 1, and all three at 0, for the eighth is one of them.
    assert nearest_counts(x, actions, 2, np.array([8, 9])).tolist() == [[7, 3]] * 2
    # With three actions twelve rows are asked for, and there are ten.
    assert nearest_counts(x, actions, 3, np.array([5])).tolist() == [[7, 3, 0]]


def test_observations_that_stay_apart_are_no_neighbours() -> None:
    x = np.repeat(np.arange(3, dtype=np.float32), 8)[:, None]
    actions = np.repeat([0, 1, 0], 8)
    assert nearest_counts(x, actions, 2, np.array([0, 8, 16])).tolist() == [[8, 0], [0, 8], [8, 0]]


def _as_vectors(table: Dataset) -> Dataset:
    """The same rows, each state a point in the plane."""
    place = np.random.default_rng(5).normal(size=(table.n_states, 2)).astype(np.float32)
    return Dataset.from_columns(
        place[table.observations],
        table.actions,
        table.rewards,
        table.terminations,
        table.truncations,
        next_observations=place[table.next_observations],
        n_actions=table.n_actions,
    )


def test_it_is_the_tables_measure_where_every_state_is_seen_often() -> None:
    rng = np.random.default_rng(3)
    states = np.repeat(np.arange(6), 40)
    shown = rng.random((6, 3)) < 0.6
    shown[np.arange(6), rng.integers(0, 3, 6)] = True
    assert (~shown).sum() > 0
    actions = np.array([rng.choice(np.flatnonzero(shown[s])) for s in states])
    order = rng.permutation(240)  # as many rows are probes, so that all of them are
    states, actions = states[order], actions[order]
    table = Dataset.from_columns(states, actions, rng.normal(size=240), np.ones(240, bool), n_states=6, n_actions=3)
    assert table.counts.sum(axis=1).min() >= PER_ACTION * 3
    vectors = _as_vectors(table)
    learner = orl.Learner(vectors, "awac", approximator="mlp", hidden="16", seeds=2)
    learner.advance(50)
    snapshot = learner.snapshot()
    place = np.array([vectors.observations[states == s][0] for s in range(6)])
    policy = learner.policy(place).astype(np.float64)
    visits = table.counts.sum(axis=1) / len(table)
    expected = [visits @ np.where(table.counts == 0, policy[m], 0).sum(axis=1) for m in range(2)]
    assert min(expected) > 0.05
    np.testing.assert_allclose(snapshot.metrics["mass_unseen"], expected, rtol=1e-5)
    # Q on actions that the rows' state never shows, each as often as its state is visited.
    q = np.stack([np.asarray(model.q(place)) for model in learner.policies()])[:, states]
    missing = table.counts[states] == 0
    np.testing.assert_allclose(snapshot.metrics["q_missing"], q[:, missing].mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(snapshot.metrics["q_data"], q[:, ~missing].mean(axis=1), rtol=1e-4)


def test_rows_of_a_large_log_are_sampled_but_never_the_probes_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offrl_core.learning.nearest.MOST_ROWS", 300)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 2)).astype(np.float32)
    probes = rng.permutation(5000)[:50]
    found = nearest_counts(x, np.zeros(5000, int), 2, probes)
    np.testing.assert_array_equal(found, np.broadcast_to([8, 0], (50, 2)))


@pytest.mark.parametrize("n", [2, 3, 5, 25])
def test_who_repeats_the_behaviour_stays_below_the_alarm(n: int) -> None:
    """`Σ p (1−p)^k`, at the behaviour for which it is largest among many, against the bound that is written there."""
    k = PER_ACTION * n
    p = np.random.default_rng(0).dirichlet(np.full(n, 0.5), size=4000)
    worst = (p * (1 - p) ** k).sum(axis=1).max()
    assert worst <= n * k**k / (k + 1) ** (k + 1) < 1 / (4 * np.e) < 0.1


def _leaves(data: Dataset, system: str, **settings: object) -> tuple[bool, float]:
    """Whether the alarm stands at the end of a training, and the share that it is about."""
    learner = orl.Learner(data, system, **settings)
    watch = Watch([FACTS])
    for _ in range(20):
        learner.advance(60)
        watch.see(learner.step, learner.snapshot().metrics)
    kinds = {alarm.kind for alarm in watch.active}
    return "leaves-data" in kinds, float(learner.snapshot().metrics["mass_unseen"][0])


@pytest.mark.parametrize("name", ["mountain-car", "cartpole"])
def test_plain_cloning_does_not_leave_the_data(name: str) -> None:
    alarm, mass = _leaves(orl.load_dataset(name), "bc", approximator="mlp", hidden="32-32")
    assert not alarm
    assert 0 < mass < 0.05


def test_a_policy_that_leaves_the_data_is_named() -> None:
    """Left of 0 the data takes action 0 for `x`, right of it action 1 for `−x`: a linear Q prefers the other one."""
    x = np.random.default_rng(0).uniform(-1, 1, size=400).astype(np.float32)
    data = Dataset.from_columns(x[:, None], (x > 0).astype(int), -np.abs(x), np.ones(400, bool), n_actions=2)
    found = {s: _leaves(data, s, approximator="linear", learning_rate=0.03) for s in ("q-learning", "bc")}
    assert {system: alarm for system, (alarm, _) in found.items()} == {"q-learning": True, "bc": False}
    assert found["bc"][1] < 0.05 < 0.9 < found["q-learning"][1]


def test_it_is_computed_once() -> None:
    data = orl.load_dataset("cartpole", episodes=20)
    learner = orl.Learner(data, "bc", approximator="mlp", hidden=["16", "32-32"])
    first = learner.rows.probe_counts
    learner.snapshot()
    assert {id(program.shown.counts) for _, program in learner._programs} == {id(first)}


def test_a_pair_of_a_probe_and_another_action_is_not_called_unseen() -> None:
    data = orl.load_dataset("cartpole", episodes=5)
    learner = orl.Learner(data, "q-learning", approximator="mlp", hidden="16")
    taken = int(data.actions[probe_rows(data)[2]])
    told = learner.explain((2, 1 - taken))
    assert (told["row"], told["behavior"]) == (None, None)
    assert told["steps"][0]["title"] == "Q now"
    table = orl.load_dataset("double-crossing")
    state, action = np.argwhere((table.counts == 0) & (table.counts.sum(axis=1, keepdims=True) > 0))[0].tolist()
    told = orl.Learner(table, "q-learning").explain((state, action))
    assert told["behavior"] == 0.0
    assert told["steps"][0]["title"] == "Q now: no row of the data ever corrects it"
