"""Without a discount, data that never ends is named: before training, in the report and by fitted Q evaluation."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import offrl_core as orl
from offrl_core.columns import DatasetError
from offrl_core.data.endless import endless
from offrl_core.data.report import validate
from offrl_core.evaluation.fitted_q import fitted_q_evaluation

Array = Any


def table(moves: list[tuple[int, int]], ends: list[bool], known: list[bool] | None = None, **more: Any) -> orl.Dataset:
    """One row for each move `(s, s′)`, each an episode of its own; `ends` says which of them terminate."""
    states, following = np.array(moves).T
    rows = np.arange(len(moves))
    given = {"n_states": 5, "n_actions": 2, "gamma": 1.0, "next_known": known, **more}
    return orl.Dataset.from_columns(
        states, rows % 2, np.ones(len(rows)), ends, next_observations=following, episode_ids=rows, **given
    )


RING = [(0, 1), (1, 0), (2, 3)]


@pytest.mark.parametrize(
    ("moves", "ends", "known", "never"),
    [
        (RING, [False, False, True], None, "2 states (0, 1);"),
        (RING, [False, True, True], None, ""),  # out of the ring by the termination in state 1
        ([*RING, (1, 2)], [False, False, True, False], None, ""),  # or by way of state 2
        (RING[:2], [False, False], [True, False], ""),  # nobody knows where state 1 leads: a value of 0 stays 0 there
        ([(0, 1), (1, 1)], [False, False], None, "2 states (0, 1);"),
        ([(0, 4)], [False], None, ""),  # nor does a row start in state 4
    ],
)
def test_states_without_a_way_out_are_named(moves: Any, ends: Any, known: Any, never: str) -> None:
    said = endless(table(moves, ends, known))
    assert said.startswith(f"with gamma = 1 what the data shows never ends from {never}") if never else said == ""


def test_of_vectors_a_single_termination_is_an_end() -> None:
    x = np.arange(6.0)[:, None]
    flags = np.zeros(6, bool)
    cut = np.arange(6) % 3 == 2
    data = orl.Dataset.from_columns(x, flags.astype(int), x[:, 0], flags, cut, next_observations=x + 1, n_actions=2)
    assert "for no row is terminated; use gamma below 1" in endless(data)
    assert endless(orl.Dataset.from_columns(x, cut.astype(int), x[:, 0], cut)) == ""
    with pytest.raises(DatasetError, match="what the data shows never ends, for no row is terminated"):
        fitted_q_evaluation(data, lambda observations: np.full((len(observations), 2), 0.5), 1.0, progress=False)


def test_it_is_right_that_such_values_come_to_any_number() -> None:
    """Rewards of 1 add up without end; rewards of 0 leave whatever value a learner began with."""
    ring = table(RING, [False, False, True], n_actions=2)
    for start in (0.0, 7.0):
        nothing = replace(ring, rewards=np.zeros(3))
        learner = orl.Learner(nothing, "constrained-q", initial_value=start, initial_spread=0.0, target_update="none")
        learner.advance(300)
        assert learner.snapshot().q[0, 0, 0] == pytest.approx(start)
        learner = orl.Learner(ring, "constrained-q", initial_value=start, initial_spread=0.0, target_update="none")
        learner.advance(300)
        assert learner.snapshot().q[0, 0, 0] > 100
        assert learner.snapshot().q[0, 2, 0] == pytest.approx(1.0)  # state 2 ends


@pytest.mark.parametrize(
    ("system", "settings", "told"),
    [
        ("q-learning", {}, True),
        ("iql", {"gamma": [0.9, 1.0]}, True),
        ("iql", {"gamma": [0.9, 0.99]}, False),
        ("rwr", {"signal": "return"}, False),  # returns of what was recorded are finite
        ("bc", {}, False),
        ("mc-q", {}, False),
        ("awr", {}, True),  # TD(λ)
    ],
)
def test_training_says_so_first(system: str, settings: dict[str, Any], told: bool) -> None:
    ring = table(RING, [False, False, True])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = orl.train(ring, system, steps=2, progress=False, **settings)
    assert [str(one.message) for one in caught] == ([endless(ring)] if told else [])
    assert (endless(ring) in history.learner._repr_html_()) == told
    assert (history.learner.endless != "") == told


def test_the_report_says_so_at_gamma_one_only() -> None:
    ring = table(RING, [False, False, True])
    (found,) = [finding for finding in validate(ring).findings if finding.code == "never-ends"]
    assert (found.severity, found.message) == ("warning", endless(ring))
    assert "never-ends" not in {finding.code for finding in validate(replace(ring, gamma=0.99)).findings}
