"""Doubly robust estimates: exact where the model or the weights are, and against the recursion of their paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from learning_cases import noisy_world, random_data, vectors

from offrl_core import Dataset, DatasetError, TabularMDP
from offrl_core.evaluation.doubly_robust import doubly_robust
from offrl_core.evaluation.estimates import Estimate
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.evaluation.importance_sampling import importance_sampling

FORMS = pytest.mark.parametrize("weighting", ["ordinary", "weighted"])
GAMMA = 0.9
BEHAVIOR = np.tile([0.25, 0.75], (5, 1))
POLICY = np.random.default_rng(1).dirichlet([1, 1], size=5)
QUICK: dict[str, Any] = {"resamples": 0}


def layered() -> TabularMDP:
    """Two starts, two rooms, an end: the first action leads into a room or ends at once, the second ends."""
    P = np.zeros((5, 2, 5))
    P[0, 0, [2, 3]] = P[1, 1, [2, 4]] = [0.25, 0.75]
    P[0, 1, [2, 4]] = P[1, 0, [3, 4]] = [0.5, 0.5]
    P[2:4, :, 4] = 1.0
    R = np.random.default_rng(0).normal(size=(5, 2, 5)).round(1)
    return TabularMDP(P, R, [0.5, 0.5, 0, 0, 0], [False] * 4 + [True])


def what_is_expected(cut: bool = False) -> Dataset:
    """Every episode as often as the behaviour expects it: averages over them are expectations; `cut` after one step."""
    mdp = layered()
    rewards = mdp._edge_rewards
    edge = {
        (pair // 2, pair % 2, int(mdp.transitions.indices[k])): (float(mdp.transitions.data[k]), float(rewards[k]))
        for pair in range(10)
        for k in range(mdp.transitions.indptr[pair], mdp.transitions.indptr[pair + 1])
    }
    rows: list[tuple[Any, ...]] = []
    number = 0
    for (s, a, n), (p, r) in edge.items():
        if s > 1:
            continue
        later = [(n, b, 4) for b in range(2)] if n < 4 and not cut else [None]
        for last in later:
            share = 0.5 * BEHAVIOR[s, a] * p * (1.0 if last is None else BEHAVIOR[n, last[1]])
            for _ in range(round(share * 512)):
                rows.append((s, a, r, n == 4, n, number))
                if last is not None:
                    rows.append((n, last[1], edge[last][1], True, 4, number))
                number += 1
    columns = list(zip(*rows, strict=True))
    return Dataset.from_columns(
        *columns[:4], next_observations=columns[4], episode_ids=columns[5], n_actions=2, n_states=5, gamma=GAMMA
    )


TRUE = layered().evaluate(POLICY, GAMMA)
RIGHT = layered().q_value(POLICY, GAMMA)


def test_the_expected_episodes_are_those_of_the_world() -> None:
    data = what_is_expected()
    assert data.n_episodes == 512
    np.testing.assert_allclose(data.behavior_policy[:4], BEHAVIOR[:4])
    assert data.episode_returns(GAMMA).mean() == pytest.approx(layered().evaluate(BEHAVIOR, GAMMA))


@FORMS
@pytest.mark.parametrize("seed", range(4))
def test_it_is_exact_where_the_weights_are_right_whatever_the_model(weighting: Any, seed: int) -> None:
    wrong = np.random.default_rng(seed).normal(size=(5, 2), scale=3.0)
    found = doubly_robust(what_is_expected(), POLICY, q=wrong, behavior=BEHAVIOR, weighting=weighting, **QUICK)
    assert found.value == pytest.approx(TRUE, abs=1e-12)


@FORMS
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_exact_where_the_model_is_right_whatever_the_weights(weighting: Any, cut: bool, seed: int) -> None:
    """After a cut the model goes on, where importance sampling stops."""
    data = what_is_expected(cut)
    wrong = np.random.default_rng(seed).dirichlet([1, 1], size=5)
    found = doubly_robust(data, POLICY, q=RIGHT, behavior=wrong, weighting=weighting, **QUICK)
    assert found.value == pytest.approx(TRUE, abs=1e-12)
    assert found.cut == pytest.approx(np.mean(~data.terminations[data.episode_ends]))
    sampled = importance_sampling(data, POLICY, behavior=wrong, weighting="per-decision", **QUICK)
    assert abs(sampled.value - TRUE) > 1e-3


@FORMS
def test_it_is_wrong_where_both_are(weighting: Any) -> None:
    rng = np.random.default_rng(0)
    found = doubly_robust(
        what_is_expected(),
        POLICY,
        q=rng.normal(size=(5, 2)),
        behavior=rng.dirichlet([1, 1], size=5),
        weighting=weighting,
        **QUICK,
    )
    assert abs(found.value - TRUE) > 1e-2


def test_a_hand_worked_episode() -> None:
    """Weights 1.6 and 0.96, values .4 and 3.8: .4 + 1.6 (1 + .5·3.8 − 2) + .5·.96 (−2 + 0 − 5) = −1.52."""
    data = Dataset.from_columns([0, 1], [0, 1], [1.0, -2.0], [False, True], n_actions=2, n_states=2, gamma=0.5)
    policy, behavior = np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([[0.5, 0.5], [0.0, 1.0]])
    q = np.array([[2.0, -6.0], [2.0, 5.0]])
    found = doubly_robust(data, policy, q=q, behavior=behavior, weighting="ordinary", **QUICK)
    assert found.value == pytest.approx(0.4 + 1.6 * 0.9 + 0.5 * 0.96 * -7)
    assert found.effective_sample_size == pytest.approx(1.0)
    # A row whose next state is not known corrects nothing.
    open_end = Dataset.from_columns([0, 1], [0, 1], [1.0, -2.0], [False, False], n_actions=2, n_states=2, gamma=0.5)
    found = doubly_robust(open_end, policy, q=q, behavior=behavior, weighting="ordinary", **QUICK)
    assert found.value == pytest.approx(0.4 + 1.6 * 0.9)


def recursion(data: Dataset, policy: np.ndarray, behavior: np.ndarray, q: np.ndarray, gamma: float) -> float:
    """`V_DR ← V̂(s) + ρ (r + γ V_DR(after) − Q̂(s,a))`, from the end of each episode (Jiang & Li 2016, equation 10)."""
    v = (policy * q).sum(axis=1)
    estimates = []
    for start, end in zip(data.episode_starts, data.episode_ends, strict=True):
        after = 0.0 if data.terminations[end] else v[data.next_observations[end]]
        for row in range(end, start - 1, -1):
            s, a = data.observations[row], data.actions[row]
            after = v[s] + policy[s, a] / behavior[s, a] * (data.rewards[row] + gamma * after - q[s, a])
        estimates.append(after)
    return float(np.mean(estimates))


def weighted_sum(data: Dataset, policy: np.ndarray, behavior: np.ndarray, q: np.ndarray, gamma: float) -> float:
    """The weighted form as in Thomas & Brunskill 2016, equation 4, padded with states where nothing happens."""
    v, episodes, horizon = (policy * q).sum(axis=1), data.n_episodes, int(np.diff(data.episode_starts).max()) + 20
    w, total = np.ones((episodes, horizon + 1)), 0.0
    rewards, q_taken, v_here = np.zeros((3, episodes, horizon + 1))
    for i, (start, end) in enumerate(zip(data.episode_starts, data.episode_ends, strict=True)):
        for t in range(horizon):
            row = start + t
            if row > end:
                w[i, t] = w[i, t - 1]
                continue
            s, a = data.observations[row], data.actions[row]
            w[i, t] = (w[i, t - 1] if t else 1.0) * policy[s, a] / behavior[s, a]
            rewards[i, t], q_taken[i, t], v_here[i, t] = data.rewards[row], q[s, a], v[s]
            if row == end and not data.terminations[end]:
                rewards[i, t] += gamma * v[data.next_observations[row]]
    for t in range(horizon):
        now = w[:, t] / w[:, t].sum()
        before = w[:, t - 1] / w[:, t - 1].sum() if t else np.full(episodes, 1 / episodes)
        total += gamma**t * (now @ (rewards[:, t] - q_taken[:, t]) + before @ v_here[:, t])
    return float(total)


def test_both_forms_are_those_of_their_papers() -> None:
    data = random_data(6, rows=200)
    rng = np.random.default_rng(2)
    policy = rng.dirichlet(np.ones(data.n_actions), size=data.n_states)
    behavior = 0.5 * data.behavior_policy + 0.5 / data.n_actions
    q = rng.normal(size=policy.shape)
    for weighting, by_hand in (("ordinary", recursion), ("weighted", weighted_sum)):
        found = doubly_robust(data, policy, q=q, behavior=behavior, weighting=weighting, **QUICK)
        assert found.value == pytest.approx(by_hand(data, policy, behavior, q, 0.9), rel=1e-9), weighting


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    mdp = noisy_world()
    policy = np.array([[0.7, 0.3], [0.35, 0.65], [0.6, 0.4], [0.5, 0.5]])
    true = mdp.evaluate(policy, GAMMA)
    held = 0
    for seed in range(10):
        data = mdp.sample(np.full((4, 2), 0.5), episodes=80, horizon=60, seed=seed)
        found = doubly_robust(data, policy, GAMMA, resamples=30, seed=seed)
        assert found.low <= found.value <= found.high
        held += found.low <= true <= found.high
    assert held >= 8


def test_cross_fitting_values_each_half_by_the_other_ones_model() -> None:
    """Two episodes: each is judged by what the other one earned."""
    data = Dataset.from_columns([0, 0], [0, 0], [1.0, 5.0], [True, True], n_actions=1, n_states=1, gamma=1.0)
    found = doubly_robust(data, np.ones((1, 1)), behavior=np.ones((1, 1)), weighting="ordinary", **QUICK)
    # (5 + (1 − 5) + 1 + (5 − 1)) / 2: the correction gives back what the model of the other half lacks.
    assert found.value == pytest.approx(3.0)
    assert fitted_q_evaluation(data, np.ones((1, 1)), **QUICK).value == pytest.approx(3.0)
    # A draw of one of them twice leaves a half empty: then there is one model.
    drawn = doubly_robust(data, np.ones((1, 1)), behavior=np.ones((1, 1)), resamples=40)
    assert (drawn.low, drawn.high) == (pytest.approx(1.0), pytest.approx(5.0))


def bandit(rows: int, seed: int) -> Dataset:
    """One decision on a number x: the first action pays `sin(12 x)` and is rarer as x grows, the other nothing."""
    rng = np.random.default_rng(seed)
    x = rng.random(rows)
    actions = (rng.random(rows) < 0.2 + 0.6 * x).astype(int)
    rewards = np.where(actions == 0, np.sin(12 * x), 0.0) + 0.1 * rng.standard_normal(rows)
    return Dataset.from_columns(
        x[:, None], actions, rewards, np.ones(rows, bool), next_observations=x[:, None], gamma=1.0
    )


def test_right_weights_correct_a_forest_that_is_too_coarse() -> None:
    def late(observations: np.ndarray) -> np.ndarray:
        first = (observations[:, 0] > 0.5).astype(float)
        return np.stack([first, 1 - first], axis=1)

    def behavior(observations: np.ndarray) -> np.ndarray:
        second = 0.2 + 0.6 * observations[:, 0]
        return np.stack([1 - second, second], axis=1)

    true = (np.cos(6) - np.cos(12)) / 12  # ∫ sin(12 x) over the upper half
    errors = []
    for seed in range(5):
        data = bandit(1500, seed)
        coarse = {"min_leaf": 400, "seed": seed, "resamples": 0}
        errors.append(
            (
                doubly_robust(data, late, behavior=behavior, **coarse).value - true,
                fitted_q_evaluation(data, late, behavior=behavior, **coarse).value - true,
            )
        )
    corrected, coarse_ = np.abs(np.mean(errors, axis=0))
    assert corrected < 0.01
    assert coarse_ > 4 * corrected
    # And a model that is right needs no weights.
    right = doubly_robust(
        bandit(1500, 0),
        late,
        q=lambda o: np.stack([np.sin(12 * o[:, 0].astype(float)), np.zeros(len(o))], axis=1),
        behavior=np.random.default_rng(0).uniform(0.3, 1.0, 1500),
    )
    assert right.low <= true <= right.high
    assert right.high - right.low < 0.1


def test_where_no_episode_does_what_the_policy_does_nothing_is_said() -> None:
    data = replace(vectors(), actions=np.zeros(300, dtype=np.int64))

    def never(observations: np.ndarray) -> np.ndarray:
        return np.tile([0.0, 1.0, 0.0], (len(observations), 1))

    nothing = doubly_robust(data, never, unseen_value=2.0, **QUICK)
    assert np.isnan(nothing.value)
    assert "say nothing about it" in nothing.doubts[0]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            {"weighting": "per-decision"},
            "weighting = 'per-decision' is not allowed: it must be one of ordinary, weighted",
        ),
        ({"q": np.zeros((2, 2))}, r"q has shape \(2, 2\); it must be \(5, 2\)"),
        ({"gamma": 1.5}, "gamma"),
        ({"q": np.full((5, 2), np.inf)}, "values are not finite"),
        ({"behavior": np.tile([1.0, 0.0], (5, 1))}, "it was taken, so it must be above 0"),
    ],
)
def test_what_is_not_allowed_is_said(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        doubly_robust(what_is_expected(), POLICY, **{**QUICK, **asked})


def test_continuous_observations_need_functions() -> None:
    with pytest.raises(DatasetError, match="need a q that is a function"):
        doubly_robust(vectors(), lambda o: np.full((len(o), 3), 1 / 3), q=np.zeros((5, 3)))


def test_doubts_are_said_where_there_are_any() -> None:
    sound = Estimate(1.0, 0.5, 1.5, 40.0, "x")
    assert sound.doubts == ()
    for change, says in (
        ({"effective_sample_size": 4.0}, "It rests on as much as 4 episodes"),
        ({"effective_sample_size": 20.0, "rests_on": "model"}, "as much as 20 rows"),
        ({"effective_sample_size": 0.0}, "No recorded episode does what this policy does"),
        ({"effective_sample_size": 0.0, "rests_on": "both"}, "this is little but the model"),
        ({"unseen": 0.25}, "25% of what the policy does is in no record: what that would earn is left out"),
        ({"unseen": 0.25, "rests_on": "model"}, "what that earns is an assumption"),
        ({"unseen": 0.25, "rests_on": "both"}, "nothing corrects the model there"),
        ({"cut": 0.5}, "50% of the episodes stop before the end: what would follow is left out"),
        ({"cut": 0.5, "rests_on": "both"}, "what follows is what the model says"),
        ({"cut": 0.5, "rests_on": "model"}, "50% of the rows do not say what follows: they are left out"),
    ):
        (doubt,) = replace(sound, **change).doubts
        assert says in doubt
    assert len(replace(sound, cut=0.5, unseen=0.5, effective_sample_size=1.0).doubts) == 3
