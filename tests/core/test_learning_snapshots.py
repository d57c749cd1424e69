"""What a snapshot shows, what its numbers are, and the look inside one transition."""

from __future__ import annotations

import numpy as np
import pytest
from learning_cases import one_state, random_data, vectors

import offrl_core as orl
from offrl_core.learning.metric_catalogue import metrics
from offrl_core.learning.observe import quantiles
from offrl_core.learning.snapshot import merge_members

DATA = random_data(1, rows=200)


def test_looking_does_not_change_what_comes() -> None:
    """A snapshot begins the next update; whatever is done before that update is made must still act on it."""
    for system, choices in (("marwil", {"normalization": "running", "norm_rate": 0.3}), ("mpo", {}), ("awr", {})):
        seen, unseen = (orl.Learner(DATA, system, batch_size=32, **choices) for _ in range(2))
        for learner in (seen, unseen):
            for step in range(6):
                learner.advance(3)
                if learner is seen:
                    learner.snapshot()
                    learner.explain(2)
                if step == 2:
                    learner.set(learning_rate=0.05, gamma=0.7)
                if step == 4:
                    if learner is seen:
                        learner.snapshot()
                    learner.from_bytes(learner.to_bytes())
        one, two = seen.state_dict()["programs"][0], unseen.state_dict()["programs"][0]
        for name, array in one["arrays"].items():
            np.testing.assert_array_equal(array, two["arrays"][name], err_msg=f"{system} {name}")


def test_snapshot_of_a_new_learner() -> None:
    snapshot = orl.Learner(DATA, "bcq", initial_value=3.0, initial_spread=0.0).snapshot()
    assert snapshot.step == 0
    np.testing.assert_array_equal(snapshot.q, 3.0)
    np.testing.assert_allclose(snapshot.behavior, 1 / DATA.n_actions)
    np.testing.assert_allclose(snapshot.policy, 1 / DATA.n_actions)  # all equal: ties are shared
    assert snapshot.weights is None
    with pytest.raises(AttributeError):
        snapshot.step = 1


def test_snapshots_do_not_change_afterwards() -> None:
    learner = orl.Learner(DATA, "awac", seeds=2)
    snapshot = learner.snapshot()
    copies = {name: np.copy(getattr(snapshot, name)) for name in ("q", "v", "policy", "weights", "advantages")}
    learner.advance(20)
    for name, copy in copies.items():
        np.testing.assert_array_equal(getattr(snapshot, name), copy)


def test_metrics_by_hand() -> None:
    learner = orl.Learner(DATA, "awac", seeds=2, temperature=0.7)
    learner.advance(40)
    s = learner.snapshot()
    counts = DATA.counts
    seen, visited = counts > 0, counts.sum(axis=1) > 0
    share = counts.sum(axis=1) / len(DATA)
    for m in range(2):
        assert s.metrics["q_data"][m] == pytest.approx(s.q[m][seen].mean(), rel=1e-5)
        assert s.metrics["q_missing"][m] == pytest.approx(s.q[m][~seen & visited[:, None]].mean(), rel=1e-5)
        assert s.metrics["q_max"][m] == s.q[m][visited].max()
        entropy = -(s.policy[m] * np.log(s.policy[m])).sum(axis=1)
        assert s.metrics["entropy"][m] == pytest.approx(share @ entropy, rel=1e-5)
        assert s.metrics["mass_unseen"][m] == pytest.approx(
            share @ np.where(seen, 0, s.policy[m]).sum(axis=1), rel=1e-4
        )
        starts = np.bincount(DATA.initial_observations, minlength=DATA.n_states) / DATA.n_episodes
        assert s.metrics["value_start"][m] == pytest.approx(starts @ s.v[m], rel=1e-5)
        w = np.exp((s.q[m] - s.v[m][:, None]) / 0.7)[DATA.observations, DATA.actions].astype(float)
        assert s.metrics["effective_sample_size"][m] == pytest.approx(w.sum() ** 2 / (len(w) * (w**2).sum()), rel=1e-3)
        assert s.metrics["weight_max_share"][m] == pytest.approx(w.max() / w.sum(), rel=1e-3)
        assert s.metrics["weight_median"][m] == pytest.approx(np.median(w), rel=1e-3)
        assert s.metrics["weight_p90"][m] == pytest.approx(np.quantile(w, 0.9), rel=1e-3)


@pytest.mark.parametrize(
    ("weights", "median", "high"),
    [
        ([0.1, 0.9], 0.5, 0.1 + 0.9 * 0.8),  # the middle of two, not the upper one
        ([3.0, 1.0, 2.0], 2.0, 2.8),
        ([0.25] * 4, 0.25, 0.25),
        ([7.0], 7.0, 7.0),
        ([-1.0, 1.0, 2.0, 4.0], 1.5, 3.4),
    ],
)
def test_the_median_weight_by_hand(weights: list[float], median: float, high: float) -> None:
    metrics = orl.Learner(one_state([0] * len(weights), weights), "emrl").snapshot().metrics
    assert metrics["weight_median"][0] == pytest.approx(median, rel=1e-6)
    assert metrics["weight_p90"][0] == pytest.approx(high, rel=1e-6)


def test_quantiles_of_what_is_not_finite() -> None:
    inf = np.inf
    assert quantiles(np.array([inf, inf, 1.0]), (0.0, 0.5, 0.75)) == [1.0, inf, inf]
    assert quantiles(np.array([1.0, inf]), (0.5,)) == [inf]
    assert np.isnan(quantiles(np.array([1.0, np.nan, 2.0]), (0.0, 0.5))).all()
    assert quantiles(np.array([3e38, 3e38], np.float32), (0.5,)) == [pytest.approx(3e38)]


@pytest.mark.parametrize("merged", [True, False])
def test_the_median_weight_counts_every_row_of_many(merged: bool) -> None:
    """Of 4 001 rows the weight is above 0 in those that no even spread of 1 024 would ask for."""
    rows = 4001
    spread = np.linspace(0, rows - 1, 1024).astype(int)
    rewards = np.ones(rows) if merged else np.random.default_rng(0).uniform(1, 2, rows)
    rewards[spread] = 0
    metrics = orl.Learner(one_state([0] * rows, rewards.tolist()), "emrl").snapshot().metrics
    assert metrics["weight_median"][0] == pytest.approx(np.median(rewards), rel=1e-6) != 0
    assert metrics["weight_p90"][0] == pytest.approx(np.quantile(rewards, 0.9), rel=1e-6)


def test_snapshots_of_several_learners_stand_side_by_side() -> None:
    bc, bcq = orl.Learner(DATA, "bc").snapshot(), orl.Learner(DATA, "bcq", seeds=2).snapshot()
    both = merge_members([([1], bc), ([0, 2], bcq)], 5)
    assert both.step == 5
    np.testing.assert_array_equal(both.policy, [bcq.policy[0], bc.policy[0], bcq.policy[1]])
    # Cloning has no Q, and every action is allowed there.
    np.testing.assert_array_equal(both.q, [bcq.q[0], np.full_like(bcq.q[0], np.nan), bcq.q[1]])
    np.testing.assert_array_equal(both.allowed, [bcq.allowed[0], np.ones_like(bcq.allowed[0]), bcq.allowed[1]])
    assert both.weights is None
    assert both.tables.keys() == {*bcq.tables, *bc.tables}
    assert np.isnan(both.metrics["loss_td"]).tolist() == [False, True, False]
    assert both.metrics["loss_policy"][1] == bc.metrics["loss_policy"][0]
    assert merge_members([([0], bc)], bc.step) is bc


def test_every_metric_says_what_it_is() -> None:
    for name, metric in metrics().items():
        assert metric.name == name
        assert metric.title
        assert metric.formula
        assert metric.help.endswith(".")
        assert metric.bad.endswith(".")
        assert metric.panel in ("return", "interval", "gap", "q", "loss", "weights", "policy")


def test_explain_says_what_the_update_used() -> None:
    data = orl.load_dataset("double-crossing")
    learner = orl.Learner(data, "q-learning", seeds=3)
    learner.advance(40)
    row = 20
    told = learner.explain(row, 1)
    steps = {step["name"]: step["value"] for step in told["steps"]}
    q = learner.snapshot().q[1].astype(float)
    s, a, n = data.observations[row], data.actions[row], data.next_observations[row]
    assert (told["state"], told["action"], told["next_state"]) == (s, a, n)
    assert steps["chosen"] == q[n].argmax()
    assert steps["target"] == pytest.approx(data.rewards[row] + 0.95 * q[n].max(), rel=1e-6)
    assert steps["delta"] == pytest.approx(steps["target"] - q[s, a], abs=1e-6)
    assert steps["chosen_count"] == data.counts[n, q[n].argmax()]
    seen = data.counts[n] > 0
    assert steps["constrained"] == pytest.approx(0.95 * q[n][seen].max(), rel=1e-6)
    assert steps["q_after"][0] == pytest.approx(q[s, a], rel=1e-6)
    learner.advance(1)
    assert steps["q_after"][1] == pytest.approx(learner.snapshot().q[1, s, a], rel=1e-6)
    unseen = int(np.flatnonzero(data.counts[s] == 0)[0])
    nothing = learner.explain((int(s), unseen), 0)
    assert (nothing["in_data"], nothing["count"], nothing["row"]) == (False, 0, None)
    for place, member in ((len(data), 0), (-1, 0), ((0, 9), 0), ((999, 0), 0), (0, 3)):
        with pytest.raises(ValueError, match="not allowed"):
            learner.explain(place, member)


def test_explain_a_weight() -> None:
    data = one_state([0, 0, 0, 1], [0.5, 0.5, 0.5, 2.0])
    learner = orl.Learner(data, "marwil", beta=2.0, weight_max=5.0)
    learner.advance(3000)
    told = learner.explain((0, 1))
    steps = {step["name"]: step["value"] for step in told["steps"]}
    v = 0.875
    assert steps["value"] == pytest.approx(v, abs=1e-4)
    assert steps["advantage"] == pytest.approx(2 - v, abs=1e-4)
    assert steps["raw_weight"] == pytest.approx(np.exp(2 * (2 - v)), rel=1e-3)
    assert steps["weight"] == 5
    low = np.exp(2 * (0.5 - v))
    assert steps["share"] == pytest.approx(5 / (5 + 3 * low), rel=1e-3)
    pi = steps["probability"]
    assert steps["gradient"] == pytest.approx([5 * (1 - pi), 5 * (pi - 1)], rel=1e-3)
    assert r"A &= y - V(s) = 1.125" in told["equation"]
    assert learner.algorithm.numbers(told) == told["equation"]


def test_explain_says_where_a_row_stands() -> None:
    data = orl.load_dataset("double-crossing")
    learner = orl.Learner(data, "bcq")
    s, a = 4, 1
    same = np.flatnonzero((data.observations == s) & (data.actions == a))
    assert len(same) > 2
    # From one row of the pair to the next, and back.
    walked, row = [], int(same[0])
    while row is not None:
        told = learner.explain(row)
        assert (told["state"], told["action"], told["count"], told["rows"]) == (s, a, len(same), len(data))
        assert told["pair"]["at"] == len(walked)
        assert told["pair"]["previous"] == (walked[-1] if walked else None)
        walked.append(row)
        row = told["pair"]["following"]
    assert walked == same.tolist()
    # Along an episode: its rows are neighbours in the data, the last one ends it.
    row = int(data.episode_starts[7])
    told = learner.explain(row + 2)
    length = int(data.episode_starts[8]) - row
    assert told["episode"] == {"number": 7, "step": 2, "length": length, "first": row, "cut": False}
    last = learner.explain(row + length - 1)
    assert last["terminated"]
    assert last["next_action"] is None


def test_explain_a_row_of_vectors_shows_them() -> None:
    data = vectors()
    learner = orl.Learner(data, "bcq", approximator="mlp", hidden="16")
    told = learner.explain(3)
    assert told["observation"] == data.observations[3].tolist()
    assert told["next_observation"] == data.next_observations[3].tolist()
    assert told["pair"] == {"at": 0, "of": 1, "previous": None, "following": None}


@pytest.mark.parametrize(("cap", "clipped"), [(0.0, 0.0), (100.0, 0.5)])
def test_weights_are_clipped_by_a_cap_only(cap: float, clipped: float) -> None:
    """Half of the rows earn 1 000 at a temperature of 1: beyond float32 without a cap, and then at no cap."""
    data = one_state([0, 1] * 10, [0.0, 1000.0] * 10)
    metrics = orl.Learner(data, "awr", temperature=1.0, weight_max=cap).snapshot().metrics
    assert metrics["weight_max"][0] == (cap or np.inf)
    assert metrics["clipped"][0] == pytest.approx(clipped)
