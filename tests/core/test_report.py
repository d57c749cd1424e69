"""The validation report: its numbers by hand, and each thing it must notice (and must not)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from log_files import read_csv

from offrl_core import Dataset, load_dataset
from offrl_core.data.report import ActionCoverage, Report, Summary, validate
from offrl_core.formats import Finding


def codes(report: Report) -> set[str]:
    """The codes of all findings."""
    return {finding.code for finding in report.findings}


def find(report: Report, code: str) -> Finding:
    """The one finding with this code."""
    (found,) = [finding for finding in report.findings if finding.code == code]
    return found


def vectors(rows: int = 60, length: int = 6, **columns: Any) -> Dataset:
    """A sound continuous log; `columns` replace its own. Episode lengths alternate, so that none stands out."""
    rng = np.random.default_rng(0)
    ends = np.arange(rows) % length == length - 1
    ends[length // 2 - 1 :: 2 * length] = True
    ends[-1] = True
    given = {
        "observations": rng.normal(size=(rows, 2)),
        "actions": rng.integers(0, 2, rows),
        "rewards": rng.normal(size=rows),
        "terminations": ends & (rng.random(rows) < 0.5),
    }
    given |= {"episode_ids": np.cumsum(np.append(0, ends[:-1])), **columns}
    given.setdefault("next_observations", np.roll(given["observations"], -1, axis=0))
    return Dataset.from_columns(**given)


def test_numbers_by_hand() -> None:
    data = Dataset.from_columns(
        [0, 1, 0, 2, 2],
        [0, 1, 0, 0, 0],
        [1.0, 2.0, 3.0, 4.0, 5.0],
        [False, True, False, False, False],
        [False, False, False, False, True],
        n_actions=3,
        n_states=4,
        action_names=("stay", "go", "jump"),
        gamma=0.5,
    )
    report = validate(data)
    assert (report.rows, report.episodes) == (5, 2)
    assert report.lengths == Summary(2, 2.5, 2.5, 3)
    assert report.returns == Summary(2.0, 4.125, 4.125, 6.25)  # 1 + ½·2 and 3 + ½·4 + ¼·5
    assert report.undiscounted == Summary(3.0, 7.5, 7.5, 12.0)
    assert (report.terminated, report.truncated) == (0.5, 0.5)
    assert report.actions == (
        ActionCoverage("stay", 4, 0.8, 2),
        ActionCoverage("go", 1, 0.2, 1),
        ActionCoverage("jump", 0, 0.0, 0),
    )
    assert report.distinct_states == 3
    assert report.repeated_rows == pytest.approx(0.8)
    assert (report.pairs_seen, report.pairs_unseen) == (3, 6)
    assert find(report, "unseen-pairs").count == 6
    assert "jump" in find(report, "absent-actions").message
    assert report.ok


def test_a_sound_log_has_nothing_to_fix() -> None:
    report = validate(vectors())
    assert codes(report) == {"no-state-twice"}
    assert report.pairs_seen is None
    assert report.ok


def test_rewards_that_teach_nothing() -> None:
    zero = validate(vectors(rewards=np.zeros(60)))
    assert find(zero, "zero-rewards").severity == "error"
    assert not zero.ok
    assert zero.findings[0].severity == "error"  # worst first
    assert find(validate(vectors(rewards=np.ones(60))), "constant-rewards").severity == "warning"


def test_reward_outliers_are_named_row_by_row() -> None:
    rewards = np.random.default_rng(1).normal(size=600)
    rewards[[17, 400]] = [-999.0, 500.0]
    found = find(validate(vectors(600, rewards=rewards)), "reward-outliers")
    assert (found.count, found.rows, found.place) == (2, (17, 400), "dataset")
    assert "-999" in found.message
    sparse = np.zeros(600)
    sparse[100] = 1.0
    report = validate(vectors(600, rewards=sparse))
    assert "reward-outliers" not in codes(report)  # the goal of a sparse task is no mistake
    assert find(report, "sparse-rewards").rows == (100,)
    assert "large-rewards" in codes(validate(vectors(rewards=np.linspace(-2e4, 1, 60))))


def test_time_limits_that_were_recorded_as_ends() -> None:
    rows, cap = 400, 20
    ends = np.arange(rows) % cap == cap - 1
    ends[4] = True
    found = find(validate(vectors(rows, terminations=ends, episode_ids=np.cumsum(np.append(0, ends[:-1])))),
                 "time-limit-as-terminal")  # fmt: skip
    assert (found.severity, found.count, found.rows[0]) == ("warning", 19, 39)
    honest = validate(
        vectors(rows, terminations=np.zeros(rows), truncations=ends, episode_ids=np.cumsum(np.append(0, ends[:-1])))
    )
    assert "time-limit-as-terminal" not in codes(honest)
    assert "never-terminates" in codes(honest)


def test_observations_that_say_little() -> None:
    rng = np.random.default_rng(2)
    observations = rng.normal(size=(60, 3))
    observations[:, 1] = 4.0
    observations[:, 2] *= 1e6
    report = validate(vectors(observations=observations, observation_names=("x", "bias", "y")))
    assert "bias = 4" in find(report, "constant-columns").message
    assert not validate(vectors(observations=np.ones((60, 2)))).ok
    few = validate(vectors(observations=rng.integers(0, 2, (60, 2)).astype(float)))
    assert find(few, "duplicate-states").count == 60
    assert few.distinct_states == 4
    signed = validate(vectors(observations=np.tile([[0.0], [-0.0]], (30, 1))))
    assert signed.distinct_states == 1


def test_rows_whose_next_state_is_elsewhere() -> None:
    data = Dataset.from_columns(
        [0, 1, 2], [0, 1, 0], [0.0, 1.0, 2.0], [False, False, True], next_observations=[1, 0, 0]
    )
    found = find(validate(data), "jumps")
    assert (found.count, found.rows) == (1, (1,))


def test_shapes_of_episodes() -> None:
    one = validate(vectors(episode_ids=np.zeros(60), terminations=np.zeros(60)))
    assert {"one-episode", "never-terminates"} <= codes(one)
    ends = np.zeros(60, dtype=bool)
    ends[[0, 9, 59]] = True
    singles = validate(vectors(terminations=ends, episode_ids=np.cumsum(np.append(0, ends[:-1]))))
    assert find(singles, "one-row-episodes").rows == (0,)


def test_actions_that_are_hardly_there() -> None:
    actions = np.zeros(600, dtype=int)
    assert find(validate(vectors(600, actions=actions)), "one-action").severity == "error"
    actions[5] = 1
    assert "1 (1)" in find(validate(vectors(600, actions=actions)), "rare-actions").message


def test_what_the_reader_did_is_in_the_report() -> None:
    reading = read_csv("ep,t,s,a,r,done\n1,1,0,l,1,1\n0,0,1,r,2,0\n1,0,2,r,0,0\n0,1,0,l,1,\n")
    report = validate(reading.dataset, reading.findings)
    assert {"unsorted-rows", "action-labels", "missing-flags", "missing-final-flag", "no-next-state"} <= codes(report)
    assert find(report, "missing-final-flag").rows == (4,)
    assert find(report, "missing-final-flag").place == "file"
    assert len(report.findings) > len(validate(reading.dataset).findings)
    assert json.loads(json.dumps(report.to_json()))["rows"] == 4


def test_worlds_of_our_own_may_be_strange_on_purpose() -> None:
    report = validate(load_dataset("deadly-triad"))
    assert report.ok  # all rewards are 0 there, and one action is missing: that is its lesson
    assert "zero-rewards" in codes(report)
