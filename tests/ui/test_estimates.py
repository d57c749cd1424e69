"""Off-policy estimates as the datasets page shows them, against what is known exactly."""

from __future__ import annotations

import numpy as np
from streamlit.testing.v1 import AppTest

import offrl_core as orl
from offrl_core.dataset import Dataset
from offrl_core.evaluation.estimates import Estimate
from offrl_live.runs.config import Lane
from offrl_ui.datasets.judging import FEW_EPISODES, _row, halves, table

DOUBTED = (
    Estimate(np.nan, np.nan, np.nan, 0.0, "x"),
    Estimate(0.0, 0.0, 1.0, 0.0, "x", rests_on="both"),
    Estimate(0.0, 0.0, 1.0, 3.0, "x", unseen=0.5, cut=0.25),
    Estimate(0.0, 0.0, 1.0, 29.0, "x", unseen=0.6, cut=0.35, rests_on="model"),
    Estimate(0.0, 0.0, 1.0, 12.0, "x", unseen=0.7, cut=0.45, rests_on="both"),
)


def by_name(rows: list[dict]) -> dict[str, dict]:
    return {row["estimate"]: row for row in rows}


def without_its_world(known: Dataset, **change: object) -> Dataset:
    """A log as an upload is: nobody knows where it came from."""
    sizes = {"n_actions": known.n_actions, "n_states": known.n_states, "gamma": known.gamma}
    return Dataset.from_columns(
        known.observations, known.actions, known.rewards, known.terminations, known.truncations,
        next_observations=known.next_observations, **{**sizes, **change},
    )  # fmt: skip


def test_cloning_is_worth_what_was_recorded_and_bcq_more():
    known = orl.load_dataset("frozen-lake", episodes=800)
    own = without_its_world(known)
    clone, better = (table(own, name, updates=800) for name in ("bc", "bcq"))
    recorded = known.episode_returns(known.gamma).mean()
    assert len(clone) == 7
    for row in clone[1:]:
        assert row["low"] - 0.02 <= recorded <= row["high"] + 0.02, row
        assert row["remark"] == ""
    assert by_name(better)["Fitted Q evaluation"]["value"] > recorded
    assert by_name(better)["Doubly robust"]["value"] > recorded


def test_each_importance_sampling_is_the_sum_that_it_is_named_after():
    """Episode by episode, in plain loops: IS, WIS, PDIS and WPDIS of the very policy that was trained."""
    own = without_its_world(orl.load_dataset("cliff-walking", episodes=60))
    learns, judges = halves(own)
    learner = orl.Learner(learns, "marwil")
    learner.advance(50)
    policy = learner.snapshot().policy[0].astype(np.float64)
    policy /= policy.sum(axis=1, keepdims=True)
    behavior = judges.counts / np.maximum(judges.counts.sum(axis=1, keepdims=True), 1)
    bounds = zip(judges.episode_starts, judges.episode_ends + 1, strict=True)
    longest = int((judges.episode_ends - judges.episode_starts).max()) + 1
    weights, rewards = np.zeros((30, longest)), np.zeros((30, longest))
    for number, (start, end) in enumerate(bounds):
        weight = 1.0
        for t, row in enumerate(range(start, end)):
            state, action = judges.observations[row], judges.actions[row]
            weight *= policy[state, action] / behavior[state, action]
            weights[number, t], rewards[number, t] = weight, own.gamma**t * judges.rewards[row]
        weights[number, end - start :] = weight
    last = weights[:, -1]
    expected = {
        "Importance sampling": (last * rewards.sum(axis=1)).mean(),
        "Importance sampling, weighted": (last * rewards.sum(axis=1)).sum() / last.sum(),
        "Importance sampling, per decision": (weights * rewards).sum(axis=1).mean(),
        "Importance sampling, per decision, weighted": ((weights * rewards).sum(axis=0) / weights.sum(axis=0)).sum(),
    }
    found = by_name(table(own, "marwil", updates=50))
    assert len(set(np.round(list(expected.values()), 6))) == 4
    for name, value in expected.items():
        np.testing.assert_allclose(found[name]["value"], value, rtol=1e-6, err_msg=name)
        assert found[name]["low"] <= value <= found[name]["high"], name
        assert found[name]["effective sample size"] == f"{last.sum() ** 2 / (last**2).sum():.1f} episodes"


def _page():
    """What a page shows of a log whose estimates should not be believed."""
    from offrl_core.dataset import Dataset
    from offrl_ui.datasets.estimates import estimates

    rows = [0, 1] * 30
    data = Dataset.from_columns(rows, [0, 1, 1, 0] * 15, [0.0, 1.0] * 30, [0, 1] * 29 + [0, 0], gamma=0.9, n_actions=2)
    estimates(data, key="estimates")


def test_every_doubt_stands_on_the_page():
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state["estimates"] = (
        "bc",
        [_row("Sound", lambda: Estimate(1.0, 0.9, 1.1, 50.0, "x")), *(_row(str(e), lambda e=e: e) for e in DOUBTED)],
    )
    app.run()
    assert not app.exception
    shown = " ".join(part.value for part in app.markdown).replace("\\", "")
    doubts = [doubt for estimate in DOUBTED for doubt in estimate.doubts]
    assert len(set(doubts)) == len(doubts) == 10
    for doubt in doubts:
        assert doubt in shown
    assert "Sound" not in shown
    frame = app.dataframe[0].value
    assert frame.columns.tolist() == [
        "estimate", "value", "low", "high", "effective sample size", "on unseen pairs", "cut",
    ]  # fmt: skip
    assert frame.iloc[0].tolist() == ["Sound", 1.0, 0.9, 1.1, "50.0 episodes", "0%", "0% of the episodes"]


def test_a_lane_is_judged_with_its_settings():
    own = without_its_world(orl.load_dataset("frozen-lake", episodes=200))
    free, first, plain = (
        by_name(table(own, system, updates=300))["Fitted Q evaluation"]["value"]
        for system in (Lane("bcq", "table", 4, {"rho": 0.0}), Lane("bcq", "table", 1, {"rho": (0.0, 0.5)}), "bcq")
    )
    naive = by_name(table(own, "q-learning", updates=300))["Fitted Q evaluation"]["value"]
    assert free == first == naive  # without a threshold BCQ is Q-learning
    assert abs(plain - naive) > 1e-3


def test_what_judges_a_policy_has_not_trained_it():
    """On the records that it learned from, a policy looks better than it is: far beyond the interval."""
    known = orl.load_dataset("frozen-lake", episodes=400)
    own = without_its_world(known)
    learns, judges = halves(own)
    assert learns.n_episodes == judges.n_episodes == 200
    assert len(learns) + len(judges) == len(own)
    learner = orl.Learner(learns, "bcq", approximator="table")
    learner.advance(1000)
    (true,), _ = orl.Truth(known).of(learner.snapshot().policy)
    found = by_name(table(own, "bcq"))
    for name in ("Fitted Q evaluation", "Doubly robust"):
        assert found[name]["low"] <= true <= found[name]["high"], name
    assert "say nothing about it" in found["Importance sampling, weighted"]["remark"]
    assert "little but the model" in found["Doubly robust"]["remark"]
    few = without_its_world(orl.load_dataset("frozen-lake", episodes=FEW_EPISODES - 1))
    assert halves(few) == (few, few)


def test_where_there_is_no_estimate_it_says_why():
    # Staying pays a little and never ends; no recorded episode only stays.
    stuck = Dataset.from_columns(
        [0] * 40, [0, 1] * 20, [0.1, -1.0] * 20, [0, 1] * 20, next_observations=[0] * 40, gamma=1.0
    )
    best = by_name(table(stuck, "constrained-q", updates=200))
    assert "never ends" in best["Fitted Q evaluation"]["remark"]
    assert "value" not in best["Fitted Q evaluation"]
    assert "nothing about it" in best["Importance sampling, weighted"]["remark"]


def test_continuous_observations_are_judged_too():
    known = orl.load_dataset("cartpole", episodes=10)
    own = without_its_world(known, gamma=0.9)
    rows = table(own, "bc", updates=30)
    assert all(np.isfinite(row["value"]) for row in rows)
    assert all("effective sample size" in row for row in rows[1:])


def test_the_probabilities_of_the_log_are_the_weights():
    """Single decisions, each taken with the probability that the log says: the mean of `π(a|s)/p · r`."""
    rng = np.random.default_rng(0)
    rows = 80
    states, actions = rng.integers(0, 3, rows), rng.integers(0, 2, rows)
    chances = rng.uniform(0.3, 0.9, rows)
    own = Dataset.from_columns(
        states, actions, (actions == states % 2).astype(float), np.ones(rows), propensities=chances
    )
    learns, judges = halves(own)
    learner = orl.Learner(learns, "marwil")
    learner.advance(50)
    policy = learner.snapshot().policy[0].astype(np.float64)
    weights = policy[judges.observations, judges.actions] / judges.propensities
    found = by_name(table(own, "marwil", updates=50))["Importance sampling"]
    np.testing.assert_allclose(found["value"], (weights * judges.rewards).mean(), rtol=1e-6)
