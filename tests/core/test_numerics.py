"""The numerics that every system is built from, against numbers worked out by hand: indices and batches, losses,
targets and weights."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from offrl_core.algos import losses, targets, weights
from offrl_core.algos.base import Head
from offrl_core.algos.batch import Batch, Index, once

LN3 = float(np.log(3))


def f32(values: Any) -> np.ndarray:
    return np.array(values, np.float32)


# --- indices ---------------------------------------------------------------------------------------------------------

FLAT = [np.array([2, 0, 2]), np.array([0, 2, 2]), np.array([2, 0, 1])]


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("flat", FLAT, ids=["scattered", "together", "unique"])
def test_an_index_takes_and_adds(flat: np.ndarray, static: bool) -> None:
    x = f32([[10, 20, 30, 40], [1, 2, 3, 4]])
    rows = f32([[1, 2, 4], [10, 20, 40]])
    expected = np.ones((2, 4), np.float32)
    for member in range(2):
        for place, row in zip(flat, rows[member], strict=True):
            expected[member, place] += row
    # Once as a scatter or a segmented sum, and where no position occurs twice also as a plain assignment.
    for unique in {False, len(set(flat.tolist())) == len(flat)}:
        index = Index(flat, 4, unique=unique, static=static)
        np.testing.assert_array_equal(index.take(x), x[:, flat])
        out = np.ones((2, 4), np.float32)
        assert index.add(rows, out) is out
        np.testing.assert_array_equal(out, expected)
    one = Index(flat, 4, static=static).add(rows[:1], np.ones((2, 4), np.float32))
    np.testing.assert_array_equal(one, [expected[0], expected[0]])


@pytest.mark.parametrize("unique", [False, True])
def test_an_index_of_each_member(unique: bool) -> None:
    flat = np.array([[3, 1], [0, 2]])
    index = Index(flat, 4, unique=unique, static=True)
    np.testing.assert_array_equal(index.take(f32([[10, 20, 30, 40], [1, 2, 3, 4]])), [[40, 20], [1, 3]])
    out = np.zeros((2, 4), np.float32)
    index.add(f32([[5, 6], [7, 8]]), out)
    np.testing.assert_array_equal(out, [[0, 6, 0, 5], [7, 0, 8, 0]])
    np.testing.assert_array_equal(index.add(f32([[1, 2]]), np.zeros((2, 4), np.float32)), [[0, 2, 0, 1], [1, 0, 2, 0]])
    assert out.dtype == np.float32


def test_offsets_that_are_already_known_are_used() -> None:
    known = np.array([[0, 1], [6, 7]])
    index = Index(np.array([2, 3]), 4, unique=True, offset=known)
    out = index.add(f32([[1, 2], [3, 4]]), np.zeros((2, 4), np.float32))
    np.testing.assert_array_equal(out, [[1, 2, 0, 0], [0, 0, 3, 4]])
    # For another number of members they are computed anew.
    np.testing.assert_array_equal(index.add(f32([[1, 2]]), np.zeros((1, 4), np.float32)), [[0, 0, 1, 2]])


def test_many_scattered_rows() -> None:
    flat = np.array([2, 0, 2, 1, 0, 2])
    out = Index(flat, 3, static=True).add(f32([[1, 2, 4, 8, 16, 32]]), np.zeros((1, 3), np.float32))
    np.testing.assert_array_equal(out, [[18, 8, 37]])


def test_no_rows_add_nothing() -> None:
    out = np.ones((1, 3), np.float32)
    Index(np.array([], int), 3, static=True).add(np.zeros((1, 0), np.float32), out)
    np.testing.assert_array_equal(out, [[1, 1, 1]])


# --- batches ---------------------------------------------------------------------------------------------------------

STATES, ACTIONS, NEXT, NEXT_ACTIONS = (np.array(x) for x in ([0, 0, 1], [0, 1, 1], [1, 0, 1], [1, -1, 0]))


def pointing(members: int = 2, *, of_each: bool = False, static: bool = False, share: Any = None) -> Batch:
    """Three rows that point into two states, `(s, a, s′, a′)` = (0,0,1,1), (0,1,0,–), (1,1,1,0)."""

    def positions(flat: np.ndarray) -> np.ndarray:
        return np.stack([flat] * members) if of_each else flat

    batch = Batch(members, 2, 2, 3)
    batch.reward = f32([[1, 2, 4]])
    batch.continues = np.array([[True, True, False]])
    batch.action = ACTIONS[None]
    batch.columns = {"next_action": NEXT_ACTIONS[None]}
    batch.at_index = Index(positions(STATES), 2, static=static)
    batch.at_next_index = Index(positions(NEXT), 2, static=static)
    batch.take_index = Index(positions(ACTIONS * 2 + STATES), 4, static=static)
    batch.take_next_index = Index(positions(np.maximum(NEXT_ACTIONS, 0) * 2 + NEXT), 4, static=static)
    if share is not None:
        batch.share = f32(share)
    return batch


def own(members: int = 2) -> Batch:
    """Three rows with a state each; actions 0, 1, 1."""
    batch = Batch(members, 2, 3, 3)
    batch.action = ACTIONS[None]
    batch.take_index = Index(ACTIONS * 3 + np.arange(3), 6, unique=True)
    batch.take_next_index = Index(np.maximum(NEXT_ACTIONS, 0) * 3 + np.arange(3), 6, unique=True)
    batch.columns = {"next_action": NEXT_ACTIONS[None]}
    return batch


Q = f32([[[1, 2], [3, 4]], [[10, 20], [30, 40]]])
"""`Q[member][action][state]`."""


@pytest.mark.parametrize("of_each", [False, True])
@pytest.mark.parametrize("static", [False, True])
def test_rows_read_states_and_states_collect_rows(of_each: bool, static: bool) -> None:
    batch = pointing(of_each=of_each, static=static)
    np.testing.assert_array_equal(batch.take(Q), [[1, 3, 4], [10, 30, 40]])
    np.testing.assert_array_equal(batch.take_next(Q)[:, [0, 2]], [[4, 2], [40, 20]])
    np.testing.assert_array_equal(batch.at(Q[:, 0]), [[1, 1, 2], [10, 10, 20]])
    np.testing.assert_array_equal(batch.at_next(Q[:, 0]), [[2, 1, 2], [20, 10, 20]])
    rows = f32([[1, 2, 4], [10, 20, 40]])
    np.testing.assert_array_equal(batch.put(rows), [[[1, 0], [2, 4]], [[10, 0], [20, 40]]])
    np.testing.assert_array_equal(batch.put(rows, Q.copy()), [[[2, 2], [5, 8]], [[20, 20], [50, 80]]])
    np.testing.assert_array_equal(batch.put_next(rows), [[[2, 4], [0, 1]], [[20, 40], [0, 10]]])
    np.testing.assert_array_equal(batch.put_next(rows, Q.copy()), [[[3, 6], [3, 5]], [[30, 60], [30, 50]]])
    np.testing.assert_array_equal(batch.sum(rows), [[3, 4], [30, 40]])
    np.testing.assert_array_equal(batch.sum_next(rows), [[2, 5], [20, 50]])
    # Rows shared by all members stay shared, unless the members' places differ.
    wide = 2 if of_each else 1
    for result in (batch.put(rows[:1]), batch.put_next(rows[:1]), batch.sum(rows[:1]), batch.sum_next(rows[:1])):
        assert len(result) == wide
        assert result.dtype == np.float32
    assert batch.pair_share().shape == (wide, 2, 2)
    np.testing.assert_allclose(batch.pair_share()[-1], [[1 / 3, 0], [1 / 3, 1 / 3]], rtol=1e-6)
    np.testing.assert_allclose(batch.state_share()[-1], [[2 / 3, 1 / 3]], rtol=1e-6)
    np.testing.assert_allclose(batch.state_share("next")[-1], [[1 / 3, 2 / 3]], rtol=1e-6)
    assert batch.state_share().shape == batch.state_share("next").shape == (wide, 1, 2)
    assert batch.state_share() is batch.state_share()
    assert batch.pair_share() is batch.pair_share()
    assert batch.pair_share().dtype == batch.state_share().dtype == np.float32


def test_rows_with_states_of_their_own() -> None:
    batch = own()
    x = f32(np.arange(12)).reshape(2, 2, 3)
    np.testing.assert_array_equal(batch.take(x), [[0, 4, 5], [6, 10, 11]])
    rows = f32([[1, 2, 4], [10, 20, 40]])
    for same in (batch.at(rows), batch.at_next(rows), batch.sum(rows), batch.sum_next(rows)):
        assert same is rows
    np.testing.assert_allclose(batch.state_share(), np.full((1, 1, 3), 1 / 3), rtol=1e-6)
    np.testing.assert_allclose(batch.state_share("next"), np.full((1, 1, 3), 1 / 3), rtol=1e-6)
    assert batch.shares.shape == (1, 3)
    assert batch.shares.dtype == np.float32


def test_means_count_merged_rows_as_often_as_they_are() -> None:
    batch = pointing(share=[0.5, 0.25, 0.25])
    assert batch.mean(f32([[1, 2, 4], [10, 20, 40]])).tolist() == [2.0, 20.0]
    assert batch.mean_over_states(f32([[1, 2], [10, 20]])).tolist() == [1.25, 12.5]
    np.testing.assert_array_equal(batch.shares, [[0.5, 0.25, 0.25]])
    np.testing.assert_array_equal(batch.pair_share(), [[[0.5, 0], [0.25, 0.25]]])
    # Summed in float64: in float32 the small rows would vanish beside the large one.
    small = Batch(1, 2, 3, 3)
    assert small.mean(f32([[1e8, 1, -1e8]]))[0] == pytest.approx(1 / 3, rel=1e-6)
    assert small.mean_over_states(f32([[1e8, 1, -1e8]]))[0] == pytest.approx(1 / 3, rel=1e-6)
    assert (small.total, small.rows, small.share) == (3, 3, np.float32(1 / 3))


def test_a_new_batch_is_empty() -> None:
    batch = Batch(2, 3, 4, 5)
    assert (batch.members, batch.actions, batch.states, batch.rows) == (2, 3, 4, 5)
    assert batch.columns == batch.outputs == batch.memory == batch.found == {}
    assert batch.counts is batch.counts_next is batch.take_next_index is None
    assert batch.curvature is False


def test_known_shares_are_taken_over() -> None:
    batch = pointing()
    pair, state, following = f32([[[1]]]), f32([[[2]]]), f32([[[3]]])
    batch.know_shares(pair, state, following)
    assert batch.pair_share() is pair
    assert batch.state_share() is state
    assert batch.state_share("s") is state
    assert batch.state_share("next") is following
    rows = f32([[0.1, 0.2, 0.7]])
    batch.know_row_shares(rows)
    assert batch.shares is rows


def test_the_same_rows_with_other_outputs() -> None:
    batch = pointing()
    batch.outputs = {"q": Q}
    batch.found["policy"] = 1
    other = batch.renewed({"q": 2 * Q})
    assert other["q"][0, 0, 0] == 2
    assert batch["q"][0, 0, 0] == 1
    assert other.found == {}
    assert batch.found == {"policy": 1}
    assert other.reward is batch.reward
    assert other.members == 2


def test_what_was_computed_once_stays_with_the_batch() -> None:
    class System:
        calls = 0

        @once
        def policy(self, batch: Batch, hp: Any) -> int:
            self.calls += 1
            return self.calls

    system, batch = System(), pointing()
    assert system.policy(batch, None) == system.policy(batch, None) == 1
    assert batch.found == {"policy": 1}
    assert system.policy(batch.renewed({}), None) == 2


# --- losses ----------------------------------------------------------------------------------------------------------


def test_soft_maxima() -> None:
    x = np.array([[[0.0, 1000.0, -np.inf, np.inf], [LN3, 1000.0 + LN3, -np.inf, 0.0]]])
    with np.errstate(all="ignore"):
        assert losses.log_sum_exp(x)[0].tolist() == pytest.approx([np.log(4), 1000 + np.log(4), -np.inf, np.inf])
    finite = x[..., :2]
    np.testing.assert_allclose(losses.softmax(finite)[0], [[0.25, 0.25], [0.75, 0.75]])
    np.testing.assert_allclose(losses.log_softmax(finite)[0], np.log([[0.25, 0.25], [0.75, 0.75]]))


@pytest.mark.parametrize("odd", [None, np.inf, -np.inf, np.nan, 3e38])
def test_a_log_sum_exp_and_its_softmax_are_those_of_each_alone(odd: float | None) -> None:
    x = np.random.default_rng(0).normal(0, 30, (3, 4, 1001)).astype(np.float32)
    if odd is not None:
        x[1, :, 7] = odd
        x[2, 1, 8] = odd
    with np.errstate(all="ignore"):
        found, apart = losses.log_sum_exp_and_softmax(x), (losses.log_sum_exp(x), losses.softmax(x))
    for one, other in zip(found, apart, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other)


def with_outputs(batch: Batch, **outputs: Any) -> Batch:
    batch.outputs = {name: np.array(x, float) for name, x in outputs.items()}
    batch.curvature = True
    return batch


LOGITS = [[[0, 0], [LN3, 0]]]
"""`π(a|s)`: .25 and .75 in state 0, one half each in state 1."""


def test_cross_entropy_by_hand() -> None:
    batch = with_outputs(pointing(1, share=[0.5, 0.25, 0.25]), policy=LOGITS)
    loss = losses.weighted_cross_entropy(batch, "policy")
    assert loss.value == pytest.approx([-(0.5 * np.log(0.25) + 0.25 * np.log(0.75) + 0.25 * np.log(0.5))])
    assert loss.error is None
    # Share of the state times π, less the share of the pair.
    np.testing.assert_allclose(
        loss.gradients["policy"], [[[0.75 * 0.25 - 0.5, 0.25 * 0.5], [0.75 * 0.75 - 0.25, 0.25 * 0.5 - 0.25]]]
    )
    np.testing.assert_allclose(loss.curvature["policy"], [[[0.75, 0.25]]])


def test_weighted_cross_entropy_by_hand() -> None:
    batch = with_outputs(pointing(1, share=[0.5, 0.25, 0.25]), policy=LOGITS)
    loss = losses.weighted_cross_entropy(batch, "policy", np.array([[4.0, -8.0, 0.5]]))
    assert loss.value == pytest.approx([-(2 * np.log(0.25) - 2 * np.log(0.75) + 0.125 * np.log(0.5))])
    # In state 0 the weights 2 and −2 cancel; in state 1 the weight is .125.
    np.testing.assert_allclose(loss.gradients["policy"], [[[-2, 0.0625], [2, -0.0625]]])
    # Curvature: the size of the weights, never less than the share of the state.
    np.testing.assert_allclose(loss.curvature["policy"], [[[4, 0.25]]])
    batch.curvature = False
    assert losses.weighted_cross_entropy(batch, "policy").curvature == {}


def test_cross_entropy_to_a_target_by_hand() -> None:
    batch = with_outputs(pointing(1), policy=LOGITS)
    loss = losses.cross_entropy_to(batch, "policy", np.array([[[1, 0.5], [0, 0.5]]]))
    assert loss.value == pytest.approx([-(2 / 3 * np.log(0.25) + 1 / 3 * np.log(0.5))], rel=1e-6)
    np.testing.assert_allclose(loss.gradients["policy"], [[[-0.5, 0], [0.5, 0]]], atol=1e-7)
    np.testing.assert_allclose(loss.curvature["policy"], [[[2 / 3, 1 / 3]]], rtol=1e-6)


def test_squared_error_by_hand() -> None:
    batch = with_outputs(pointing(1, share=[0.5, 0.25, 0.25]), q=[[[1, 2], [3, 4]]])
    loss = losses.squared_error(batch, "q", np.array([[0.0, 5.0, 4.0]]))  # errors 1, −2, 0
    assert loss.value == pytest.approx([0.5 * (0.5 * 1 + 0.25 * 4)])
    assert loss.error == pytest.approx([0.5 * 1 + 0.25 * 2])
    np.testing.assert_allclose(loss.gradients["q"], [[[0.5, 0], [-0.5, 0]]])
    np.testing.assert_allclose(loss.curvature["q"], [[[0.5, 0], [0.25, 0.25]]])
    batch.curvature = False
    assert losses.squared_error(batch, "q", np.zeros((1, 3))).curvature == {}


def test_squared_error_of_v_by_hand() -> None:
    batch = with_outputs(pointing(1, share=[0.5, 0.25, 0.25]), value=[[[1, 2]]])
    loss = losses.squared_error(batch, "value", np.array([[0.0, 5.0, 2.0]]))  # errors 1, −4, 0
    assert loss.value == pytest.approx([0.5 * (0.5 + 0.25 * 16)])
    assert loss.error == pytest.approx([0.5 + 0.25 * 4])
    np.testing.assert_allclose(loss.gradients["value"], [[[0.5 - 1, 0]]])
    np.testing.assert_allclose(loss.curvature["value"], [[[0.75, 0.25]]])


def test_the_value_of_a_squared_penalty_outlives_float32() -> None:
    batch = pointing(1)
    batch.outputs = {"q_next": f32([[[0, 0], [0, 1e30]]])}
    loss = losses.next_state_penalty(batch, "q", f32([[1]]), "lecture-d")
    assert loss.value == pytest.approx([1e60 / 3], rel=1e-5)  # of the row that took the other action
    assert loss.gradients["q_next"].dtype == np.float32


def test_the_value_of_a_squared_error_outlives_float32() -> None:
    for output, shape in (("q", (1, 2, 2)), ("value", (1, 1, 2))):
        batch = pointing(1)
        batch.outputs = {output: np.full(shape, 1e30, np.float32)}
        loss = losses.squared_error(batch, output, np.zeros((1, 3), np.float32))
        assert loss.value == pytest.approx([0.5e60], rel=1e-5)


def test_expectile_by_hand() -> None:
    batch = with_outputs(pointing(1, share=[0.5, 0.25, 0.25]), value=[[[1, 2]]])
    # u = y − V: −1 weighs 1 − τ = .1, 4 weighs τ = .9, 0 is on the side of τ.
    loss = losses.expectile_loss(batch, "value", np.array([[0.0, 5.0, 2.0]]), np.array([[0.9]]))
    assert loss.value == pytest.approx([0.5 * (0.5 * 0.1 + 0.25 * 0.9 * 16)])
    assert loss.error == pytest.approx([0.5 + 0.25 * 4])
    np.testing.assert_allclose(loss.gradients["value"], [[[0.5 * 0.1 - 0.25 * 0.9 * 4, 0]]])
    np.testing.assert_allclose(loss.curvature["value"], [[[0.75, 0.25]]])
    batch.curvature = False
    assert losses.expectile_loss(batch, "value", np.zeros((1, 3)), np.array([[0.9]])).curvature == {}


def test_conservative_penalty_by_hand() -> None:
    batch = with_outputs(pointing(1, share=[0.5, 0.25, 0.25]), q=LOGITS)
    loss = losses.conservative_penalty(batch, "q", np.array([[0.5]]))
    gaps = np.array([np.log(4), np.log(4) - LN3, np.log(2)])
    assert loss.value == pytest.approx([0.5 * gaps @ [0.5, 0.25, 0.25]])
    pi = np.array([[0.25, 0.5], [0.75, 0.5]])
    pairs = np.array([[0.5, 0], [0.25, 0.25]])
    np.testing.assert_allclose(loss.gradients["q"][0], 0.5 * (pi * [0.75, 0.25] - pairs))
    # α times the state's share; at the pair without rows, (s = 1, a = 0), at least the share itself.
    np.testing.assert_allclose(loss.curvature["q"][0], [[0.375, 0.25], [0.375, 0.125]])
    steep = losses.conservative_penalty(batch, "q", np.array([[2.0]]))
    np.testing.assert_allclose(steep.curvature["q"][0], [[1.5, 0.5], [1.5, 0.5]])
    # A member whose values lie far above another's.
    above = np.add([[0, 1], [2, 1]], 1000)
    both, alone = (
        losses.conservative_penalty(
            with_outputs(pointing(len(q), share=[0.5, 0.25, 0.25]), q=q), "q", np.full((len(q), 1), 0.5)
        )
        for q in ([LOGITS[0], above], [above])
    )
    np.testing.assert_allclose(both.value, [*loss.value, *alone.value])
    np.testing.assert_allclose(both.gradients["q"], [*loss.gradients["q"], *alone.gradients["q"]])
    assert np.isfinite(both.value).all()
    batch.curvature = False
    assert losses.conservative_penalty(batch, "q", np.array([[2.0]])).curvature == {}


# Rows 0 and 2 have a next action, (s′, a′) = (1, 1) and (1, 0), and the shares .5 and .25; Q at s′ = 1: 1, 1 + ln 3.
NEXT_GAPS = {
    "lecture-a": ([2 + LN3, 2 + LN3], [1.0, 1.0]),
    "lecture-b": ([1.0, 1 + LN3], [1.0, 1.0]),
    "lecture-c": ([np.log(4) - LN3, np.log(4)], [0.25, 0.75]),
    "lecture-d": ([np.log(4) - LN3, np.log(4)], [0.25, 0.75]),
}


@pytest.mark.parametrize("form", NEXT_GAPS)
def test_next_state_penalties_by_hand(form: str) -> None:
    batch = with_outputs(pointing(1, share=[0.5, 0.25, 0.25]), q_next=[[[5, 1], [7, 1 + LN3]]])
    loss = losses.next_state_penalty(batch, "q", np.array([[0.5]]), form)
    gaps, pi = map(np.array, NEXT_GAPS[form])
    share = np.array([0.5, 0.25])
    square = form == "lecture-d"
    assert loss.value == pytest.approx([0.5 * share @ (gaps**2 if square else gaps)])
    pull = 0.5 * share * (2 * gaps if square else 1)
    taken = np.zeros(2) if form == "lecture-a" else pull[::-1]  # row 0 took action 1, row 2 action 0
    (gradient,) = loss.gradients["q_next"]
    np.testing.assert_allclose(gradient[:, 1], pi * pull.sum() - taken)
    np.testing.assert_array_equal(gradient[:, 0], [0, 0])  # reached only by the row without a next action
    steep = 2 + np.abs(gaps) / 2 if square else np.ones(2)
    arriving = steep @ share
    # (s = 1, a = 0) has no rows: there α counts at least 1.
    np.testing.assert_allclose(loss.curvature["q_next"][0], [[0, arriving], [0, 0.5 * arriving]])
    batch.curvature = False
    assert losses.next_state_penalty(batch, "q", np.array([[0.5]]), form).curvature == {}


def test_another_form_of_penalty_is_refused() -> None:
    batch = with_outputs(pointing(1), q_next=[[[0, 0], [0, 0]]])
    with pytest.raises(ValueError, match="form = 'paper' is not allowed here: it must be lecture-a, -b, -c or -d"):
        losses.next_state_penalty(batch, "q", np.array([[1.0]]), "paper")


# --- targets ---------------------------------------------------------------------------------------------------------

READS = {
    # target_update, double, penalty at s′ → where q is read, where its copy is, where q2 is read
    ("none", "none", False): (("s", "next"), (), None),
    ("hard", "none", False): (("s",), ("next",), None),
    ("soft", "double", False): (("s", "next"), ("next",), None),
    ("hard", "none", True): (("s", "next"), ("next",), None),
    ("none", "clipped", False): (("s", "next"), (), ("s", "next")),
    ("hard", "clipped", False): (("s", "next"), ("next",), ("s",)),
    ("hard", "clipped", True): (("s", "next"), ("next",), ("s", "next")),
}


@pytest.mark.parametrize("case", READS)
def test_q_networks_are_read_where_the_loss_needs_them(case: tuple[str, str, bool]) -> None:
    update, double, penalty = case
    reads, copy, second = READS[case]
    heads = [Head("q", reads=reads, copied=True, target_reads=copy, starts=True)]
    if second is not None:
        heads.append(Head("q2", reads=second, copied=True, target_reads=copy, starts=True))
    choices = {"target_update": update, "double": double}
    assert targets.q_heads(choices, penalty_at_next=penalty) == tuple(heads)
    if not penalty:
        assert targets.q_heads(choices) == tuple(heads)


def test_targets_are_read_from_a_copy_or_from_the_network() -> None:
    assert targets.target_reads({"target_update": "none"}, "s", "next") == ()
    assert targets.target_reads({"target_update": "hard"}, "s", "next") == ("s", "next")
    assert targets.target_prefix(SimpleNamespace(target_update="none")) == ""
    assert targets.target_prefix(SimpleNamespace(target_update="soft")) == "target_"


ALLOWED = np.array([[[True, False], [False, False], [True, False]], [[False, True], [False, True], [True, True]]])


def test_maximum_over_the_allowed_actions() -> None:
    q = f32([[[1, -5], [9, -6], [3, -7]], [[10, 20], [30, 25], [0, 22]]])
    assert targets.masked_max(q, None).tolist() == [[9, -5], [30, 25]]
    assert targets.masked_max(q, ALLOWED).tolist() == [[3, 0], [0, 25]]  # where nothing is allowed, 0
    np.testing.assert_array_equal(targets.greedy(q, None), [[[0, 1], [1, 0], [0, 0]], [[0, 0], [1, 1], [0, 0]]])
    np.testing.assert_array_equal(targets.greedy(q, ALLOWED), [[[0, 1], [0, 0], [1, 0]], [[0, 0], [0, 1], [1, 0]]])
    tied = targets.greedy(f32([[[2, 1], [2, 1], [0, 1]]]), None)
    np.testing.assert_allclose(tied, [[[0.5, 1 / 3], [0.5, 1 / 3], [0, 1 / 3]]], rtol=1e-6)
    assert tied.dtype == np.float32


@pytest.mark.parametrize(
    ("update", "double", "expected"),
    [
        ("none", "none", [9, 4]),  # the largest online value
        ("hard", "none", [50, 80]),  # the largest value of the copy
        ("none", "double", [9, 4]),
        ("hard", "double", [30, 60]),  # the copy's value of the online network's choice
        ("none", "clipped", [6, 3]),  # the smaller of both networks' values of that choice
        ("hard", "clipped", [30, 7]),
    ],
)
def test_next_values(update: str, double: str, expected: list[float]) -> None:
    batch = Batch(1, 2, 2, 2)
    batch.outputs = {
        "q_next": f32([[[1, 4], [9, 2]]]),  # picks action 1, then action 0
        "target_q_next": f32([[[50, 60], [30, 80]]]),
        "q2_next": f32([[[5, 3], [6, 1]]]),
        "target_q2_next": f32([[[5, 7], [99, 1]]]),
    }
    hp = SimpleNamespace(target_update=update, double=double)
    assert targets.best_next(batch, hp, None).tolist() == [expected]
    some = np.array([[[False, False], [False, True]]])  # only action 1 of the second state
    value = {"none": {"none": 2, "double": 2, "clipped": 1}, "hard": {"none": 80, "double": 80, "clipped": 1}}
    assert targets.best_next(batch, hp, some).tolist() == [[0, value[update][double]]]
    other = np.array([[[False, True], [False, False]]])  # only action 0 of the second state
    value = {"none": {"none": 4, "double": 4, "clipped": 3}, "hard": {"none": 60, "double": 60, "clipped": 7}}
    assert targets.best_next(batch, hp, other).tolist() == [[0, value[update][double]]]


def test_td_target_by_hand() -> None:
    batch = pointing(1)
    hp = SimpleNamespace(gamma=f32([[0.5]]))
    # The third row terminated: what its next state is worth does not count, even where it is infinite.
    assert targets.td_target(batch, hp, f32([[10, 20, np.inf]])).tolist() == [[6, 12, 4]]


# --- weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("identity", [-2, 0, 1]),
        ("abs", [2, 0, 1]),
        ("relu", [0, 0, 1]),
        ("shifted", [0, 2, 3]),
        ("softplus", np.log1p(np.exp([-2.0, 0, 1]))),
        ("exp", np.exp([-2.0, 0, 1])),
    ],
)
def test_weight_functions_by_hand(name: str, expected: list[float]) -> None:
    x = f32([[-2, 0, 1]])
    np.testing.assert_allclose(weights.weight_function(name, x)[0], expected, rtol=1e-6)
    assert weights.weight_function(name, x).dtype == np.float32
    assert name in weights.WEIGHT_FUNCTIONS


def test_shifted_weights_know_the_lowest_of_the_data() -> None:
    assert weights.weight_function("shifted", f32([[0, 1]]), f32([[-3]])).tolist() == [[3, 4]]
    with pytest.raises(ValueError, match=r"weight_function = 'log' is not allowed: it must be one of identity, abs"):
        weights.weight_function("log", f32([[1]]))


def test_caps_by_hand() -> None:
    weight, clipped = weights.capped(f32([[0.5, 2, 3], [0.5, 2, 3]]), f32([[2], [0]]))
    assert weight.tolist() == [[0.5, 2, 2], [0.5, 2, 3]]  # a cap of 0 is none
    assert clipped.tolist() == [[False, True, True], [False, False, False]]
    assert weights.capped(f32([[3]]), f32([[0.5]]))[0].tolist() == [[0.5]]


def test_softmax_over_the_batch_by_hand() -> None:
    batch = pointing(1, share=[0.5, 0.25, 0.25])
    # exp: 1, 3, 3 with mean .5 + .75 + .75 = 2; a shift of all of them changes nothing.
    found = weights.batch_softmax(batch, f32([[0, LN3, LN3], [200, 200 + LN3, 200 + LN3]]))
    np.testing.assert_allclose(found, [[0.5, 1.5, 1.5]] * 2, rtol=1e-4)


def test_the_signal_is_the_reward_or_the_return() -> None:
    batch = pointing(1)
    batch.columns = {"return": f32([[7]]), "return_min": f32([[6]]), "reward_min": f32([[1]])}
    x, lowest = weights.signal(batch, SimpleNamespace(signal="return"))
    assert (x is batch.columns["return"], lowest.item()) == (True, 6)
    x, lowest = weights.signal(batch, SimpleNamespace(signal="reward"))
    assert (x is batch.reward, lowest.item()) == (True, 1)


def test_exponential_weights_by_hand() -> None:
    advantage = f32([[5, 6]])
    found = weights.exponential(SimpleNamespace(weight_max=f32([[2]])), advantage, f32([[0, LN3]]))
    assert found.weight.tolist() == [[1, 2]]
    assert found.clipped is not None
    assert found.clipped.tolist() == [[False, True]]
    assert found.advantage is advantage
