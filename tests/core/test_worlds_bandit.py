"""Contextual bandits: every value is a reward that is known."""

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.evaluation.film import about
from offrl_core.worlds.bandit import ContextualBandit

REWARDS = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, -3.0]])


@pytest.fixture
def bandit():
    return ContextualBandit(np.eye(3, dtype=np.float32), REWARDS)


def test_truth_is_exact(bandit):
    data = bandit.sample(lambda seen, rng: rng.integers(2, size=len(seen)), 500, 1, seed=0)
    assert data.terminations.all()
    assert data.n_episodes == len(data) == 500
    truth = orl.Truth(data, 1.0)
    assert truth.exact
    assert truth.optimal == pytest.approx((1 + 2 - 1) / 3)
    contexts = np.array([0, 1, 2])[data.observations.argmax(axis=1)]
    np.testing.assert_array_equal(data.rewards, REWARDS[contexts, data.actions])
    # Two members: always the first action, and an even coin.
    members = np.array([[1.0, 0.0], [0.5, 0.5]])
    returns, q = truth.of(lambda seen: np.repeat(members[:, None], len(seen), axis=1))
    assert returns == pytest.approx([(1 + 0 - 1) / 3, (0.5 + 1 - 2) / 3])
    np.testing.assert_array_equal(q[0], bandit.q_star(orl.dataset_probes(data)))


def test_the_controller_takes_the_best_action(bandit):
    act = bandit.controller(1.0)
    assert act(np.eye(3, dtype=np.float32)[[2, 1, 0]], np.random.default_rng(0)).tolist() == [0, 1, 0]


def test_an_unknown_context_and_a_film_are_refused(bandit):
    with pytest.raises(KeyError):
        bandit.q_star(np.full((1, 3), 0.5, dtype=np.float32))
    data = bandit.sample(lambda seen, rng: np.zeros(len(seen), dtype=int), 5, 1, seed=0)
    assert "single decision" in about(data)["why_not"]
