"""Off-policy estimates as the datasets page shows them, against what is known exactly."""

from __future__ import annotations

import numpy as np

import offrl_core as orl
from offrl_core.dataset import Dataset
from offrl_ui.datasets.estimates import FEW_EPISODES, halves, table


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
    assert len(clone) == 6
    for row in clone[1:]:
        assert row["low"] - 0.02 <= recorded <= row["high"] + 0.02, row
        assert row["remark"] == ""
    assert by_name(better)["Fitted Q evaluation"]["value"] > recorded
    assert by_name(better)["Doubly robust"]["value"] > recorded


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
    # Staying costs nothing and never ends; no recorded episode only stays.
    stuck = Dataset.from_columns(
        [0] * 40, [0, 1] * 20, [0.0, -1.0] * 20, [0, 1] * 20, next_observations=[0] * 40, gamma=1.0
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
