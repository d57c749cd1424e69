"""Rows whose next state nobody wrote down: values are not learned from them, policies are cloned from them."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from learning_cases import cut, random_data, stand_in, vectors
from log_files import assert_same

import offrl_core as orl
from offrl_core.algos import losses
from offrl_core.algos.batch import Batch, Index
from offrl_core.columns import DatasetError
from offrl_core.data.report import validate
from offrl_core.evaluation.empirical import behavior_values, constrained_values, empirical_mdp
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.evaluation.importance_sampling import importance_sampling
from offrl_core.learning.rows import Rows

GAMMA = 0.99


def ring(laps: int = 10, *, known: bool = False) -> orl.Dataset:
    """0 → 1 → 2 → 3 → 0 …, reward 1 in state 3, where each recording is cut."""
    states = np.arange(4 * laps) % 4
    return orl.Dataset.from_columns(
        states,
        np.arange(4 * laps) // 4 % 2,
        states == 3,
        np.zeros(4 * laps, bool),
        states == 3,
        next_observations=(states + 1) % 4 if known else None,
        n_actions=2,
        n_states=4,
        gamma=GAMMA,
    )


def walk() -> orl.Dataset:
    """Continuous observations, each next one that of the following row; half of the episodes are cut."""
    rng = np.random.default_rng(0)
    last = np.arange(40) % 5 == 4
    ended = last & (np.arange(40) % 10 == 9)
    at, actions = rng.normal(size=(40, 2)).astype(np.float32), rng.integers(0, 3, 40)
    return orl.Dataset.from_columns(at, actions, rng.normal(size=40), ended, last & ~ended, n_actions=3)


def without_cut_rows(data: orl.Dataset) -> orl.Dataset:
    return data.subset(data.has_target)


# --- the dataset -----------------------------------------------------------------------------------------------------


def test_what_is_known_of_the_next_state() -> None:
    columns = ([0, 1, 2, 3, 4], [0, 1, 0, 1, 0], [1.0] * 5, [False, True, False, False, False])
    data = orl.Dataset.from_columns(*columns, episode_ids=[0, 0, 1, 1, 2])
    assert data.next_known.tolist() == [True, False, True, False, False]
    assert data.has_target.tolist() == [True, True, True, False, False]
    assert data.next_observations.tolist() == [1, 1, 3, 3, 4]
    assert data.returns_cut.tolist() == [False, False, True, True, True]
    assert data.target_counts.sum() == 3
    assert data.counts.sum() == 5
    known = [False, True, False, False, True]
    told = orl.Dataset.from_columns(*columns, episode_ids=[0, 0, 1, 1, 2], next_observations=[9] * 5, next_known=known)
    assert told.next_observations.tolist() == [1, 9, 3, 3, 9]  # within an episode the following row tells
    assert told.next_known.tolist() == [True, True, True, False, True]
    every = orl.Dataset.from_columns(*columns, episode_ids=[0, 0, 1, 1, 2], next_observations=[9] * 5)
    assert every.next_known.all()
    with pytest.raises(DatasetError, match="next_known says which next_observations are known"):
        orl.Dataset.from_columns(*columns, next_known=known)


@pytest.mark.parametrize("format", ["csv", "parquet", "npz", "minari"])
@pytest.mark.parametrize("tabular", [True, False])
def test_files_hold_no_stand_in(format: str, tabular: bool) -> None:
    data = cut(random_data(3, rows=60) if tabular else walk())
    file = io.BytesIO()
    data.to_file(file, format=format)
    assert_same(orl.Dataset.from_file(file), data)


def test_files_leave_out_what_is_not_known() -> None:
    file = io.BytesIO()
    ring(2).to_file(file, format="csv")
    cells = [line.split(",") for line in file.getvalue().decode().splitlines()[1:]]
    column = cells[0].index('"next_observation"')
    assert [row[column] for row in cells[1:]] == ["1", "2", "3", ""] * 2


def test_the_report_counts_them() -> None:
    report = validate(ring())
    assert report.unknown_next == 10
    (found,) = [finding for finding in report.findings if finding.code == "no-next-state"]
    assert (found.severity, found.count, found.rows) == ("warning", 10, (3, 7, 11, 15, 19))
    assert validate(ring(known=True)).unknown_next == 0


# --- losses ----------------------------------------------------------------------------------------------------------


def batch_of(has_target: list[list[bool]] | None) -> Batch:
    """Three rows of one member in two states: (0, 0), (0, 1), (1, 1), and their next states 1, 0, 0."""
    batch = Batch(1, 2, 2, 3)
    batch.share = np.array([0.5, 0.25, 0.25], np.float32)
    batch.at_index, batch.at_next_index = Index(np.array([0, 0, 1]), 2), Index(np.array([1, 0, 0]), 2)
    batch.take_index, batch.take_next_index = Index(np.array([0, 2, 3]), 4), Index(np.array([3, 0, 0]), 4)
    batch.columns["next_action"] = np.array([[1, -1, -1]])
    batch.has_target = None if has_target is None else np.array(has_target)
    batch.outputs = {"q": np.array([[[1.0, 2], [3, 4]]]), "value": np.array([[[1.0, 2]]])}
    batch.curvature = True
    return batch


def test_means_are_over_the_rows_that_have_a_target() -> None:
    batch = batch_of([[True, False, True]])
    np.testing.assert_allclose(batch.target_shares, [[2 / 3, 0, 1 / 3]])
    # A target without meaning may be anything at all.
    loss = losses.squared_error(batch, "q", np.array([[0.0, np.inf, 6.0]]))  # errors 1, none, −2
    assert loss.value == pytest.approx([0.5 * (2 / 3 + 4 / 3)])
    assert loss.error == pytest.approx([2 / 3 + 2 / 3])
    np.testing.assert_allclose(loss.gradients["q"], [[[2 / 3, 0], [0, -2 / 3]]])
    np.testing.assert_allclose(loss.curvature["q"], [[[2 / 3, 0], [0, 1 / 3]]])
    value = losses.squared_error(batch, "value", np.array([[0.0, np.nan, 2.0]]))  # errors 1, none, 0
    np.testing.assert_allclose(value.gradients["value"], [[[2 / 3, 0]]])
    np.testing.assert_allclose(value.curvature["value"], [[[2 / 3, 1 / 3]]])
    steep = losses.expectile_loss(batch, "value", np.array([[3.0, np.nan, 2.0]]), np.array([[0.9]]))
    np.testing.assert_allclose(steep.gradients["value"], [[[-2 * 0.9 * 2 / 3, 0]]])
    whole = losses.squared_error(batch, "q", np.array([[0.0, 5.0, 6.0]]), bootstrapped=False)
    np.testing.assert_allclose(whole.gradients["q"], [[[0.5, 0], [-0.5, -0.5]]])
    penalty = losses.conservative_penalty(batch, "q", np.array([[3.0]]))
    soft = math.exp(1) / (math.exp(1) + math.exp(3)), math.exp(2) / (math.exp(2) + math.exp(4))
    np.testing.assert_allclose(
        penalty.gradients["q"], [[[2 * soft[0] - 2, soft[1]], [2 * (1 - soft[0]), (1 - soft[1]) - 1]]], rtol=1e-6
    )


def test_a_batch_without_any_target_teaches_no_value() -> None:
    batch = batch_of([[False] * 3])
    target = np.full((1, 3), np.nan)
    for loss in (
        losses.squared_error(batch, "q", target),
        losses.squared_error(batch, "value", target),
        losses.expectile_loss(batch, "value", target, np.array([[0.9]])),
        losses.conservative_penalty(batch, "q", np.array([[3.0]])),
    ):
        assert loss.value == pytest.approx([0])
        assert not np.any([*loss.gradients.values()])


def test_lambda_returns_end_before_the_cut() -> None:
    data = orl.Dataset.from_columns(
        [0, 1, 2, 3, 0], [0] * 5, [1.0, 2.0, 4.0, 8.0, 16.0], [False, False, False, True, False], n_actions=2
    )
    rows = Rows(data)
    gamma, decay = np.array([[0.5]]), np.array([[0.8]])
    next_values = np.array([[10.0, 20.0, 30.0, 99.0, 99.0]])
    ended = 8.0
    third = 4 + 0.5 * (0.2 * 30 + 0.8 * ended)
    expected = [1 + 0.5 * (0.2 * 10 + 0.8 * (2 + 0.5 * (0.2 * 20 + 0.8 * third))), 2 + 0.5 * (4 + 0.8 * third), third]
    np.testing.assert_allclose(rows.lambda_returns(next_values, gamma, decay)[0, :4], [*expected, ended])
    open_end = orl.Dataset.from_columns([0, 1, 2], [0] * 3, [1.0, 2.0, 4.0], [False] * 3, n_actions=2)
    found = Rows(open_end).lambda_returns(np.array([[10.0, 20.0, 99.0]]), gamma, decay)[0]
    second = 2 + 0.5 * 20  # the last row has no target, so V(s′) is all that the row before has to go by
    np.testing.assert_allclose(found[:2], [1 + 0.5 * (0.2 * 10 + 0.8 * second), second])


# --- learning --------------------------------------------------------------------------------------------------------

MILD = {"rwr": {"temperature": 5.0}, "awr": {"temperature": 5.0}, "awac": {"temperature": 5.0}, "marwil": {"beta": 0.5}}


@pytest.mark.parametrize("system", list(orl.algorithms()))
@pytest.mark.parametrize("approximator", ["table", "mlp"])
def test_no_system_learns_from_a_stand_in(system: str, approximator: str) -> None:
    data = cut(random_data(5, rows=150) if approximator == "table" else vectors())
    assert not data.has_target.all()
    other = replace(data, next_observations=stand_in(data, data.next_known, seed=1))
    assert (other.next_observations != data.next_observations).any()
    choices = {**MILD.get(system, {}), **({} if approximator == "table" else {"hidden": "16", "batch_size": 16})}
    one, two = (orl.Learner(x, system, approximator=approximator, **choices) for x in (data, other))
    one.advance(30)
    two.advance(30)
    first, second = one.snapshot(), two.snapshot()
    # The order of sums may be another one, nothing else.
    for name, table in first.tables.items():
        np.testing.assert_allclose(table, second.tables[name], rtol=1e-5, atol=1e-6, err_msg=name)
    for name, value in first.metrics.items():
        np.testing.assert_allclose(value, second.metrics[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("system", "choices"),
    [
        ("q-learning", {}),
        ("q-learning", {"double": "clipped", "target_update": "hard"}),
        ("constrained-q", {"min_count": 2}),
        ("cql", {"form": "paper"}),
        ("cql", {"form": "lecture-d"}),
        ("cql", {"constraint": "counted"}),
        ("iql", {}),
        ("marwil", {}),
        ("awr", {"value_target": "td"}),
    ],
)
def test_values_are_those_of_the_other_rows_alone(system: str, choices: dict) -> None:
    data = cut(random_data(2, rows=200))
    rest = without_cut_rows(data)
    assert len(rest) < len(data)
    one, two = (orl.Learner(x, system, **choices, seeds=2) for x in (data, rest))
    one.advance(60)
    two.advance(60)
    first, second = one.snapshot(), two.snapshot()
    for name in ("q", "v"):
        if (table := first.tables.get(name)) is not None:
            np.testing.assert_allclose(table, second.tables[name], atol=2e-5)


@pytest.mark.parametrize("system", ["bc", "bcq", "mpo"])
def test_clones_see_every_row(system: str) -> None:
    data = ring()
    learner = orl.Learner(data, system, **({"prior": "behavior"} if system == "mpo" else {}))
    learner.advance(400)
    snapshot = learner.snapshot()
    clone = snapshot.policy[0] if system == "bc" else snapshot.behavior[0]
    np.testing.assert_allclose(clone, data.behavior_policy, atol=1e-3)
    assert data.counts[3].tolist() == [5, 5]


def test_monte_carlo_learns_from_what_was_recorded() -> None:
    learner = orl.Learner(ring(), "mc-q")
    learner.advance(200)
    np.testing.assert_allclose(
        learner.snapshot().q[0], np.repeat([GAMMA ** np.arange(3, -1, -1)], 2, axis=0).T, atol=1e-3
    )


def test_the_constrained_table_is_dynamic_programming_on_the_rows_with_a_target() -> None:
    data = cut(random_data(7, rows=300))
    q, v = constrained_values(data, 0.9)
    np.testing.assert_array_equal(np.isnan(q), data.target_counts == 0)
    rest, _ = constrained_values(without_cut_rows(data), 0.9)
    np.testing.assert_allclose(q, rest)
    learner = orl.Learner(data, "constrained-q", gamma=0.9, learning_rate=1.0)
    learner.advance(400)
    shown = ~np.isnan(q)
    np.testing.assert_allclose(learner.snapshot().q[0][shown], q[shown], atol=1e-4)
    best = np.where(shown, q, -np.inf).max(axis=1, initial=-np.inf)
    np.testing.assert_allclose(v, np.where(shown.any(axis=1), best, 0))


def test_a_state_without_any_target_is_worth_nothing_and_keeps_to_its_actions() -> None:
    data = orl.Dataset.from_columns(
        [0, 1, 0, 1], [0, 1, 0, 1], [0.0, 7.0] * 2, [False] * 4, episode_ids=[0, 0, 1, 1], n_actions=3
    )
    learner = orl.Learner(data, "constrained-q", gamma=0.9, learning_rate=1.0, initial_value=50.0)
    learner.advance(50)
    snapshot = learner.snapshot()
    assert snapshot.q[0, 0, 0] == pytest.approx(0)
    np.testing.assert_array_equal(snapshot.policy[0], [[1, 0, 0], [0, 1, 0]])


# --- estimates -------------------------------------------------------------------------------------------------------


def test_the_ring_has_no_value_that_its_records_do_not_show() -> None:
    """With the state after the cut V(0) = γ³/(1 − γ⁴); without it nobody knows what is after state 3."""
    data, told = ring(), ring(known=True)
    whole = fitted_q_evaluation(told, told.behavior_policy)
    assert whole.value == pytest.approx(GAMMA**3 / (1 - GAMMA**4))
    assert (whole.unseen, whole.cut) == (0, 0)
    estimate = fitted_q_evaluation(data, data.behavior_policy)
    assert estimate.value == pytest.approx(0)
    assert estimate.unseen == pytest.approx(GAMMA**3 / (1 + GAMMA + GAMMA**2 + GAMMA**3))
    assert estimate.cut == 0.25
    assert fitted_q_evaluation(data, data.behavior_policy, unseen_value=1.0).value == pytest.approx(GAMMA**3)
    assert importance_sampling(data, data.behavior_policy).cut == 1.0
    q, v = behavior_values(data, GAMMA)
    assert np.isnan(q[3]).all()
    np.testing.assert_array_equal(v, 0)


def test_the_empirical_mdp_leaves_them_out() -> None:
    data = cut(random_data(9, rows=300))
    rest = without_cut_rows(data)
    one, two = empirical_mdp(data), empirical_mdp(rest)
    np.testing.assert_allclose(one.P, two.P)
    np.testing.assert_allclose(one.R, two.R)
    np.testing.assert_allclose(
        one.initial, np.append(np.bincount(data.initial_observations, minlength=data.n_states), 0) / data.n_episodes
    )


@pytest.mark.parametrize("make", [lambda: random_data(9, rows=200), vectors], ids=["table", "vectors"])
def test_no_estimate_asks_for_a_stand_in(make) -> None:
    data = cut(make())
    other = replace(data, next_observations=stand_in(data, data.next_known, seed=1))
    policy = data.behavior_policy if data.tabular else lambda x: np.tile([0.2, 0.3, 0.5], (len(x), 1))
    one, two = (fitted_q_evaluation(x, policy, resamples=4) for x in (data, other))
    assert one == two
    assert one.cut == pytest.approx(1 - data.has_target.mean())
    assert importance_sampling(data, policy, resamples=4) == importance_sampling(other, policy, resamples=4)


def test_records_that_are_all_cut_say_nothing() -> None:
    data = orl.Dataset.from_columns([0, 1], [0, 1], [1.0, 2.0], [False, False], episode_ids=[0, 1])
    with pytest.raises(DatasetError, match="the next state of no row is known"):
        fitted_q_evaluation(data, data.behavior_policy)


# --- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", list(orl.algorithms()))
def test_a_cut_row_is_explained_without_a_target(system: str) -> None:
    data = ring()
    told = orl.Learner(data, system, **MILD.get(system, {})).explain(3)
    assert (told["next_known"], told["next_state"], told["episode"]["cut"]) == (False, -1, True)
    targets = [step for step in told["steps"] if step["name"] == "target"]
    monte_carlo = system == "mc-q"
    assert all(math.isnan(step["value"]) != monte_carlo for step in targets)
    others = [step["value"] for step in told["steps"] if step["name"] != "target"]
    assert np.isfinite(np.concatenate([np.ravel(value) for value in others])).all()
    assert "NaN" not in told["equation"]
