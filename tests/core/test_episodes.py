"""Episodes that stand out, and leaving them out: what remains is the dataset that was built without them."""

from __future__ import annotations

import math
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.data.episodes import EPISODES
from offrl_core.data.log_options import with_log_options
from offrl_core.data.outliers import outliers, outlying
from offrl_core.data.report import validate
from offrl_core.declarations import HyperparameterError, resolve
from offrl_core.episodes import EpisodeRule, as_list, numbers_in, ranges
from offrl_core.evaluation.doubly_robust import doubly_robust
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.evaluation.importance_sampling import WEIGHTINGS, importance_sampling
from tests.hypothesis_profiles import examples

DATA = random_data(7, rows=400)


def built_without(data: orl.Dataset, out: set[int]) -> orl.Dataset:
    """The dataset made anew from the rows of the other episodes, in a plain loop."""
    rows = [row for row, episode in enumerate(data.episode_of_row) if int(episode) not in out]
    return orl.Dataset.from_columns(
        data.observations[rows], data.actions[rows], data.rewards[rows], data.terminations[rows],
        data.truncations[rows], episode_ids=data.episode_of_row[rows], next_observations=data.next_observations[rows],
        next_known=data.next_known[rows], n_actions=data.n_actions, n_states=data.n_states, gamma=data.gamma,
    )  # fmt: skip


def same(one: orl.Dataset, other: orl.Dataset) -> None:
    for name in ("observations", "actions", "rewards", "next_observations", "terminations", "truncations",
                 "next_known", "episode_starts"):  # fmt: skip
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.n_states, one.n_actions, one.gamma) == (other.n_states, other.n_actions, other.gamma)
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize("data", [DATA, vectors()], ids=["table", "vectors"])
def test_what_remains_is_the_dataset_built_without_them(data: orl.Dataset) -> None:
    last = data.n_episodes - 1
    left = data.without_episodes(f"0, 2-3, {last}")
    expected = built_without(data, {0, 2, 3, last})
    same(left, expected)
    assert left.n_episodes == data.n_episodes - 4
    assert data.without_episodes() is data
    same(data.without_episodes([0, 2, 3, last]), expected)
    assert validate(left) == validate(expected)

    def uniform(observations: np.ndarray) -> np.ndarray:
        return np.full((len(observations), data.n_actions), 1 / data.n_actions)

    few: dict[str, Any] = {"resamples": 3}
    for weighting in WEIGHTINGS:
        one, its = (importance_sampling(x, uniform, weighting=weighting, **few) for x in (left, expected))
        assert one == its
        assert one.value != importance_sampling(data, uniform, weighting=weighting, **few).value
    quiet = {**few, "progress": False}
    assert fitted_q_evaluation(left, uniform, **quiet) == fitted_q_evaluation(expected, uniform, **quiet)
    assert doubly_robust(left, uniform, **quiet) == doubly_robust(expected, uniform, **quiet)
    one_truth, its_truth = orl.Truth(left), orl.Truth(expected)
    assert (one_truth.behavior, one_truth.behavior_kind) == (its_truth.behavior, its_truth.behavior_kind)
    approximator = "table" if data.tabular else "linear"
    learners = [orl.Learner(x, "iql", approximator=approximator, batch_size=16) for x in (left, expected)]
    for learner in learners:
        learner.advance(20)
    np.testing.assert_array_equal(learners[0].snapshot().q, learners[1].snapshot().q)


def test_bounds_leave_out_what_lies_beyond_them() -> None:
    """Against a loop over the episodes with sums written out."""
    returns, lengths = [], []
    for start, end in zip(DATA.episode_starts, DATA.episode_ends, strict=True):
        lengths.append(end - start + 1)
        returns.append(sum(DATA.gamma**t * DATA.rewards[row] for t, row in enumerate(range(start, end + 1))))
    low, high = np.quantile(returns, [0.2, 0.9])
    for bounds, out in (
        ({"shorter_than": 3}, [n < 3 for n in lengths]),
        ({"longer_than": 8}, [n > 8 for n in lengths]),
        ({"return_below": low}, [g < low for g in returns]),
        ({"return_above": high}, [g > high for g in returns]),
        (
            {"shorter_than": 2, "return_above": high},
            [n < 2 or g > high for n, g in zip(lengths, returns, strict=True)],
        ),
    ):
        assert 0 < sum(out) < len(out)
        same(DATA.without_episodes(**bounds), built_without(DATA, set(np.flatnonzero(out).tolist())))
    # An episode that lies on a bound stays; other rewards for learners change nothing of what is recorded.
    worst = float(DATA.episode_returns(DATA.gamma).min())
    assert DATA.without_episodes(return_below=worst, shorter_than=min(lengths)).n_episodes == DATA.n_episodes
    scaled = DATA.with_rewards(scale=3.0, shift=-1.0)
    assert scaled.without_episodes(return_below=low).n_episodes == DATA.without_episodes(return_below=low).n_episodes


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"listed": "3, x"}, "'x' is not an episode: numbers and ranges are allowed, such as '3, 7-12'"),
        ({"listed": "-1"}, "'-1' is not an episode"),
        ({"listed": "1,,2"}, "'' is not an episode"),
        ({"listed": "9-3"}, "'9-3' is not a range of episodes: it must go upwards"),
        ({"listed": "99999"}, "there is no episode 99999: the data has episodes 0 to"),
        ({"listed": "0-99999999999"}, "is not an episode"),
        ({"listed": [2, -4]}, "'-4' is not an episode"),
        ({"shorter_than": 10_000}, "all .* episodes would be left out: one must stay"),
        ({"return_below": math.nan}, "return_below = nan is not allowed"),
        ({"shorter": 3}, "unknown bound 'shorter' .did you mean 'shorter_than'"),
    ],
)
def test_what_cannot_be_left_out_is_said(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(orl.DatasetError, match=says):
        DATA.without_episodes(asked.pop("listed", ""), **asked)


@given(st.sets(st.integers(0, 60)))
@settings(max_examples=examples(100))
def test_a_list_holds_the_numbers_it_was_made_of(numbers: set[int]) -> None:
    written = as_list(numbers)
    assert numbers_in(written) == numbers
    assert numbers_in(written.replace(",", " , ").replace("-", " – ")) == numbers
    parts = ranges(written)
    assert all(after > end + 1 for (_, end), (after, _) in pairwise(parts)), "it could be shorter"


@pytest.mark.parametrize("name", ["double-crossing", "cartpole"])
def test_options_of_the_catalogue_come_before_degrading_and_rewards(name: str) -> None:
    plain = orl.load_dataset(name, episodes=30)
    left = orl.load_dataset(name, episodes=30, leave_out="4, 20-22", reward_scale=2.0)
    assert left.options["leave_out"] == "4, 20-22"
    same(left.as_logged, plain.without_episodes("4, 20-22"))
    np.testing.assert_array_equal(left.rewards, 2 * left.as_logged.rewards)
    assert left.behavior_policies is None
    assert left.world is not None
    if left.behaviors is not None:
        np.testing.assert_array_equal(left.behaviors, np.delete(plain.behaviors, [4, 20, 21, 22]))
    noisy = orl.load_dataset(name, episodes=30, leave_out="4", drop_best=50.0)
    assert noisy.n_episodes == 29 - 14
    with pytest.raises(HyperparameterError, match=f"dataset {name}: leaving episodes out: there is no episode 30"):
        orl.load_dataset(name, episodes=30, leave_out="30")
    assert orl.Truth(left).optimal == pytest.approx(orl.Truth(plain).optimal), "the world is what it was"


def test_every_option_says_what_it_is_called_in_python() -> None:
    """The options and the arguments of `without_episodes` are the same, so that a script can be written from them."""
    names = [f.name for f in fields(EpisodeRule)]
    assert [h.name for h in EPISODES] == ["leave_out", *names[1:]]
    defaults = resolve(EPISODES, {}, "option")
    none = {"reward_clip": 0.0, "reward_unit": "log", "reward_scale": 1.0, "reward_shift": 0.0}
    assert with_log_options(DATA, {**defaults, **none}) is DATA
    bounded = with_log_options(DATA, {**defaults, **none, "shorter_than": 3, "longer_than": 9, "return_below": -2.0})
    same(bounded, DATA.without_episodes(shorter_than=3, longer_than=9, return_below=-2.0))


# --- standing out -----------------------------------------------------------------------------------------------------


def log(lengths: list[int], rewards: Any) -> orl.Dataset:
    """Episodes of these lengths; `rewards(episode, step)`."""
    rows = [(e, t) for e, length in enumerate(lengths) for t in range(length)]
    paid = [rewards(e, t) for e, t in rows]
    last = [t == lengths[e] - 1 for e, t in rows]
    return orl.Dataset.from_columns([t for _, t in rows], [t % 2 for _, t in rows], paid, last, n_actions=2, gamma=1.0)


def test_deviations_by_hand() -> None:
    """Median 5, deviations 4 … 0 … 4 and 95: their median is 2.5, so that 5 · 1.4826 · 2.5 = 18.53 is the bound."""
    values = np.array([1.0, 2, 3, 4, 5, 5, 6, 7, 8, 9, 5 + 18.5, 5 + 18.6])
    middle = np.median(values)
    deviation = np.median(np.abs(values - middle))
    bound = 5 * 1.4826 * deviation
    assert outlying(values).tolist() == [abs(v - middle) > bound for v in values]
    assert outlying(np.append(values[:10], 100.0)).tolist() == [False] * 10 + [True]


def test_where_most_are_equal_the_mean_deviation_decides() -> None:
    """Nineteen of 1 and one of 1 + d: the mean deviation is d/20, and d > 5 · 1.2533 · d/20."""
    assert outlying(np.append(np.ones(19), 1.5)).tolist() == [False] * 19 + [True]
    assert not outlying(np.ones(20)).any()
    assert not outlying(np.append(np.ones(3), 9.0)).any(), "one of four: 5 · 1.2533 / 4 > 1"
    assert not outlying(np.repeat([0.0, 1.0], [94, 6])).any(), "more than a twentieth is another kind"
    assert outlying(np.repeat([0.0, 1.0], [95, 5])).sum() == 5
    assert not outlying(0.1 * np.arange(3).repeat(9)[:20] + 1e-12 * np.arange(20)).any(), "rounding is no deviation"


def test_episodes_that_stand_out_say_why() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(8, 13, 40).tolist()
    lengths[7] = 400
    moving = rng.normal(size=(40, 400))
    data = log(lengths, lambda e, t: 0.25 if e == 11 else 50.0 if (e, t) == (30, 2) else moving[e, t])
    found = {one.episode: one for one in outliers(data)}
    assert set(found) >= {7, 11, 30}
    assert "length far above the median 10" in found[7].reasons
    assert found[7].length == 400
    assert found[11].reasons == ("rewards are always 0.25",)
    assert found[30].reasons[0].startswith("return far above the median")
    assert found[30].value == pytest.approx(data.episode_returns(1.0)[30])
    assert {e for e in found if e not in (7, 11, 30)} == set()
    (finding,) = [f for f in validate(data).findings if f.code == "outlying-episodes"]
    assert finding.message.startswith("3 of 40 episodes stand out: 7 (")
    assert finding.count == 3
    assert finding.rows[0] == data.episode_starts[7]
    # Without them nothing stands out any more, and other rewards for learners are not what is looked at.
    assert outliers(data.without_episodes("7,11,30")) == ()
    assert outliers(data.with_rewards(clip=0.1)) == outliers(data)


def test_rewards_that_never_move_are_usual_in_many_worlds() -> None:
    assert outliers(log([10] * 30, lambda e, t: -1.0)) == ()
    sparse = log([10] * 30, lambda e, t: float(t == 9 and e % 2 == 0))
    assert outliers(sparse) == ()
