"""`Dataset.from_columns`: what it makes of columns, worked by hand, and what it refuses with which words."""

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.dataset import DatasetError

COLUMNS = {
    "observations": [0, 1, 2, 0, 3],
    "actions": [0, 1, 0, 1, 1],
    "rewards": [1.0, 0.0, 2.0, 4.0, 8.0],
    "terminations": [False, False, True, False, False],
}
"""Two episodes: 0 → 1 → 2 → end, and 0 → 3, which is cut."""


def made(**change):
    return orl.Dataset.from_columns(**{**COLUMNS, **change})


def test_worked_by_hand():
    data = made()
    assert (len(data), data.n_episodes, data.n_states, data.n_actions) == (5, 2, 4, 2)
    assert data.episode_starts.tolist() == [0, 3]
    assert data.episode_ends.tolist() == [2, 4]
    assert data.episode_of_row.tolist() == [0, 0, 0, 1, 1]
    assert data.truncations.tolist() == [False, False, False, False, True]
    # Without next observations: the following row's, and the own one in a last row.
    assert data.next_observations.tolist() == [1, 2, 2, 3, 3]
    assert data.next_actions.tolist() == [1, 0, -1, 1, -1]
    assert data.initial_observations.tolist() == [0, 0]
    assert data.counts.tolist() == [[1, 1], [0, 1], [1, 0], [0, 1]]
    assert data.behavior_policy.tolist() == [[0.5, 0.5], [0, 1], [1, 0], [0, 1]]
    assert data.returns_to_go(0.5).tolist() == [1 + 0.5 * (0 + 0.5 * 2), 1.0, 2.0, 4 + 0.5 * 8, 8.0]
    assert data.episode_returns(1.0).tolist() == [3.0, 12.0]
    unseen = made(n_states=6)
    assert unseen.behavior_policy[5].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("lengths", [[1, 3, 2, 5, 1, 4], [700], [40, 1, 90], [0] * 50])
def test_returns_of_many_short_and_of_few_long_episodes(lengths):
    rng = np.random.default_rng(0)
    sizes = np.array(lengths) + (sum(lengths) == 0)
    rewards, episodes = rng.normal(size=sizes.sum()), np.repeat(np.arange(len(sizes)), sizes)
    zeros = np.zeros(len(rewards), dtype=np.int64)
    data = orl.Dataset.from_columns(zeros, zeros, rewards, zeros, episode_ids=episodes)
    for gamma in (0.0, 0.9, 1.0):
        expected, carry = np.zeros(len(rewards)), 0.0
        for row in range(len(rewards) - 1, -1, -1):
            last = row + 1 == len(rewards) or episodes[row] != episodes[row + 1]
            expected[row] = carry = rewards[row] + (0.0 if last else gamma * carry)
        np.testing.assert_allclose(data.returns_to_go(gamma), expected, rtol=1e-12, atol=1e-12)


def test_episodes_may_be_told_by_labels():
    data = made(episode_ids=["x", "x", "x", "y", "z"])
    assert data.episode_starts.tolist() == [0, 3, 4]
    assert data.truncations.tolist() == [False, False, False, True, True]


def test_whole_floats_are_actions_and_zeros_and_ones_are_flags():
    data = made(actions=np.array([0.0, 1.0, 0.0, 1.0, 1.0]), terminations=[0, 0, 1.0, 0, 0])
    assert data.actions.dtype == np.int64
    assert data.terminations.dtype == bool
    assert made(observations=np.array([0.5, 1, 2, 0, 3])).observations.shape == (5, 1)


def test_a_dataset_is_frozen_and_takes_nothing_from_its_giver():
    arrays = {
        "observations": np.zeros((5, 2), dtype=np.float32),
        "actions": np.array([0, 1, 0, 1, 1]),
        "rewards": np.arange(5.0),
        "terminations": np.array([False, False, True, False, False]),
        "next_observations": np.ones((5, 2), dtype=np.float32),
    }
    data = orl.Dataset.from_columns(**arrays)
    for name, given in arrays.items():
        kept = getattr(data, name).copy()
        with pytest.raises(ValueError, match="read-only"):
            getattr(data, name)[0] = 1
        given[...] = 1 - given
        np.testing.assert_array_equal(getattr(data, name), kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # What is no column at all.
        ({"observations": 3}, r"^observations must be integers \(N,\) or numbers \(N, D\), not int64 of shape \(\)$"),
        ({"observations": None}, "^observations must be numbers, not object"),
        ({"observations": list("abcde")}, "^observations must be numbers, not <U1"),
        ({"observations": [[1], [1, 2], [3], [4], [5]]}, "^observations must be numbers in rows of one length$"),
        ({"observations": []}, "at least one row"),
        ({"observations": np.zeros((5, 2, 2))}, r"float64 of shape \(5, 2, 2\)$"),
        ({"observations": np.zeros((5, 0))}, r"of shape \(5, 0\)$"),
        ({"observations": [True] * 5}, "not bool"),
        ({"actions": [[0], [1], [0], [1], [1]]}, r"^actions must be one-dimensional, not of shape \(5, 1\)$"),
        ({"actions": [True] * 5}, "^actions must be integers, not bool$"),
        ({"actions": [0, 1]}, "^actions has 2 rows, observations have 5$"),
        ({"rewards": 3.0}, r"^rewards must be one-dimensional, not of shape \(\)$"),
        ({"rewards": np.zeros((5, 1))}, r"^rewards must be one-dimensional, not of shape \(5, 1\)$"),
        ({"rewards": list("12345")}, "^rewards must be numbers, not <U1"),
        ({"rewards": np.zeros(5, dtype=complex)}, "^rewards must be numbers, not complex128"),
        ({"terminations": None}, "^terminations must be numbers, not object"),
        ({"episode_ids": 7}, r"^episode_ids must be one-dimensional, not of shape \(\)$"),
        # Values, each with its row.
        ({"observations": [0, 1, -2, 0, 3]}, "^observations, row 2: -2 is not allowed: it must be 0 or above$"),
        ({"observations": np.array([0, 2**63, 0, 0, 0], dtype=np.uint64)}, "row 1: 9223372036854775808 .* 64-bit"),
        (
            {"observations": [[0, 0], [0, np.nan], [0, 0], [0, 0], [0, 0]]},
            "^observations, row 1, component 1: nan is not allowed: it must be a finite 32-bit number$",
        ),
        ({"observations": [[0.0], [1e300], [0], [0], [0]]}, r"row 1, component 0: 1e\+300 .*finite 32-bit"),
        ({"actions": [0, 0.5, 0, 1, 1]}, "^actions, row 1: 0.5 is not allowed: it must be a whole number$"),
        ({"actions": [0, np.nan, 0, 1, 1]}, "^actions, row 1: nan"),
        ({"actions": [0, -1, 0, 1, 1]}, "^actions, row 1: -1 is not allowed: it must be 0 or above$"),
        ({"rewards": [0, 0, np.inf, 0, 0]}, "^rewards, row 2: inf is not allowed: it must be a finite 32-bit number$"),
        ({"rewards": [0, 0, 0, 1e39, 0]}, r"^rewards, row 3: 1e\+39 is not allowed"),
        ({"terminations": [0, 2, 1, 0, 0]}, "^terminations, row 1: 2 is not allowed: it must be 0 or 1$"),
        ({"truncations": [0, 0, 1, 0, 0]}, "^truncations, row 2: True .*false where the row is terminated$"),
        ({"terminations": [1, 0, 1, 0, 0], "episode_ids": [0, 0, 0, 1, 1]}, "^terminations, row 0: True .*last row"),
        ({"episode_ids": [0, 1, 1, 0, 0]}, "^episode_ids, row 3: 0 .*adjacent and in time order$"),
        ({"next_observations": [1, 2, -1, 3, 3]}, "^next_observations, row 2: -1"),
        ({"next_observations": np.zeros((5, 1))}, r"^next_observations have shape \(5, 1\) float32, observations \(5,"),
        ({"next_observations": [1, 2, 9, 3, 3], "n_states": 4}, "^next_observations, row 2: 9 .*n_states = 4$"),
        # Sizes.
        ({"n_actions": 1}, "^actions, row 1: 1 is not allowed: it must be below n_actions = 1$"),
        ({"n_states": 3}, "^observations, row 4: 3 is not allowed: it must be below n_states = 3$"),
        *[
            ({"n_actions": bad}, rf"^n_actions = {bad!r} .*whole number, 1 or above$")
            for bad in (0, -1, 2.5, "4", True)
        ],
        ({"observations": [0, 1, 10**12, 0, 3]}, "1,000,000,000,001 states × 2 actions are not allowed: .*vectors$"),
        ({"actions": [0, 1, 10**12, 0, 0]}, "4 states × 1,000,000,000,001 actions are not allowed"),
        ({"observations": np.zeros((5, 2)), "n_states": 4}, "n_states and mdp are for 1-D integer observations"),
        ({"mdp": "lake"}, "^mdp = 'lake' is not allowed: it must be a TabularMDP$"),
        # Everything else that a dataset has.
        ({"colour": 1}, "^a dataset has no 'colour'; beside its columns it has action_names, observation_names"),
        ({"gamma": 1.5}, "^gamma = 1.5 is not allowed: it must be from 0 to 1$"),
        ({"gamma": "high"}, "^gamma = 'high'"),
        ({"action_names": ("left",)}, "^action_names has 1 labels: it must have 2, or none$"),
        ({"action_names": "lr"}, "^action_names = 'lr' .*sequence of texts$"),
        ({"observation_names": ("x", "y")}, "^observation_names has 2 labels: it must have 4, or none$"),
        ({"features": {"place": np.zeros((3, 2))}}, r"^features\['place'\] has shape \(3, 2\); it must be \(4, F\)$"),
        ({"features": {"place": np.full((4, 2), np.nan)}}, r"^features\['place'\] must be finite$"),
        ({"action_features": np.zeros((4, 1, 2))}, r"^action_features has shape .*must be \(4, 2, F\)$"),
        ({"observations": np.zeros((5, 2)), "features": {"x": np.zeros((5, 2))}}, "^features are for states"),
        ({"behaviors": [0, 1, 0]}, "^behaviors has 3 entries: it must have one for each of 2 episodes$"),
        ({"behaviors": [0, 2], "behavior_names": ("a", "b")}, "^behavior_names has 2 labels: behaviors holds 2"),
        ({"name": 3}, "^name = 3 is not allowed: it must be a str$"),
    ],
)
def test_what_is_refused(change, message):
    with np.errstate(all="raise"), pytest.raises(DatasetError, match=message):
        made(**change)


def test_sizes_come_from_the_mdp_and_may_not_contradict_it():
    mdp = orl.load_dataset("frozen-lake").mdp
    data = made(mdp=mdp)
    assert (data.n_states, data.n_actions) == (16, 4)
    assert data.world is mdp
    assert made(mdp=mdp, n_actions=4, n_states=16).mdp is mdp
    with pytest.raises(DatasetError, match=r"^n_actions = 2 is not allowed: the MDP has 4$"):
        made(mdp=mdp, n_actions=2)
    with pytest.raises(DatasetError, match=r"row 0: 7 .*below n_actions = 4"):
        made(mdp=mdp, actions=[7, 0, 0, 0, 0])


def test_what_a_notebook_shows_is_one_line():
    data = orl.load_dataset("double-crossing")
    assert repr(data) == "<Dataset 'double-crossing': 820 rows, 100 episodes, 24 states, 4 actions, γ = 0.95>"
    assert repr(data.mdp) == "<TabularMDP 'double-crossing': 24 states, 4 actions>"
    truth = "<Truth of 'double-crossing' at γ = 0.95: behavior 0.2304, in_support 0.5688, optimal 0.5688>"
    assert repr(orl.Truth(data)) == truth
    assert repr(orl.datasets()["two-actions"]).startswith("<DatasetSpec 'two-actions': reward_plus, reward_minus, ")
    assert repr(made(observations=np.zeros((5, 3)))).startswith("<Dataset 'custom': 5 rows, 2 episodes, vectors of 3, ")


def test_returns_need_a_discount():
    with pytest.raises(DatasetError, match=r"^gamma = 2 is not allowed: it must be from 0 to 1$"):
        made().returns_to_go(2)
    with pytest.raises(DatasetError, match=r"^gamma = nan"):
        orl.Truth(made(), float("nan"))
    with pytest.raises(DatasetError, match="counts need tabular data"):
        _ = made(observations=np.zeros((5, 2))).counts
