"""Off-policy estimates as the datasets page shows them, against what is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.data.dataset import Dataset
from offrl_ui.estimates import table


def test_cloning_is_worth_what_was_recorded_and_bcq_more():
    known = orl.load_dataset("frozen-lake", episodes=400)
    own = Dataset.from_columns(
        known.observations, known.actions, known.rewards, known.terminations, known.truncations,
        next_observations=known.next_observations, n_actions=4, n_states=known.n_states, gamma=known.gamma,
    )  # fmt: skip
    clone, better = (table(own, name, updates=800) for name in ("bc", "bcq"))
    recorded = clone[0]["value"]
    assert recorded == pytest.approx(known.episode_returns(known.gamma).mean())
    for row in clone[1:]:
        assert row["low"] - 0.02 <= recorded <= row["high"] + 0.02, row
    assert better[-1]["value"] > recorded


def test_continuous_observations_are_judged_too():
    known = orl.load_dataset("cartpole", episodes=10)
    own = Dataset.from_columns(known.observations, known.actions, known.rewards, known.terminations, gamma=0.9)
    rows = table(own, "bc", updates=30)
    assert all(np.isfinite(row["value"]) for row in rows)
    assert all("effective sample size" in row for row in rows[1:])
