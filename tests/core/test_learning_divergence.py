"""Numbers that run away: found at their update, traced to what left first, and fenced in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learning_cases import one_state, random_data, vectors

import offrl_core as orl
from offrl_core.algos.base import Loss
from offrl_core.algos.batch import Batch
from offrl_core.algos.mpo import MPO

DATA = random_data(1, rows=200)


def test_the_diverged_stop_and_the_others_go_on() -> None:
    data = orl.load_dataset("deadly-triad")
    learner = orl.Learner(data, "q-learning", approximator="linear", gamma=[1.0, 0.4, 0.9, 0.5])
    assert learner.advance(300) == 300
    assert [(d.index, d.step, d.what, d.member) for d in learner.divergences] == [
        (0, 128, "q", "gamma=1"),
        (2, 151, "q", "gamma=0.9"),
    ]
    assert learner.diverged is learner.divergences[0]
    assert learner.active == [1, 3]
    assert str(learner.diverged) == "stopped before update 128 (gamma=1): Q overflowed to infinity at state 0, action 1"
    snapshot = learner.snapshot()
    assert snapshot.step == 300
    np.testing.assert_array_equal(snapshot.q[0, 0], [2.0**127, np.inf])  # the weight is finite, what it means no longer
    alone = orl.Learner(data, "q-learning", approximator="linear", gamma=0.4)
    alone.advance(300)
    np.testing.assert_array_equal(snapshot.q[1], alone.snapshot().q[0])
    learner.set(gamma=0.3)
    saved = learner.to_bytes()
    learner.advance(50)
    again = orl.Learner(data, "q-learning", approximator="linear", gamma=[1.0, 0.4, 0.9, 0.5])
    again.from_bytes(saved)
    again.advance(50)
    np.testing.assert_array_equal(again.snapshot().q, learner.snapshot().q)
    assert [d.step for d in again.divergences] == [128, 151]


@pytest.mark.parametrize("portion", [1, 7, 500])
def test_divergence_is_found_at_its_update_however_one_steps(portion: int) -> None:
    learner = orl.Learner(orl.load_dataset("deadly-triad"), "q-learning", approximator="linear")
    done = sum(learner.advance(portion) for _ in range(0, 500, portion))
    assert (done, learner.step, learner.diverged.step) == (127, 127, 128)


def test_overflow_is_traced_to_the_row_it_came_from() -> None:
    data = one_state([0, 1, 1], [0.1, 9.5, 0.2])
    learner = orl.Learner(data, "rwr", temperature=[0.1, 1.0], signal="reward")
    assert learner.advance(10) == 10
    (record,) = learner.divergences
    assert (record.what, record.value, record.row, record.action, record.state) == ("weight", "inf", 1, 1, 0)
    assert learner.snapshot().metrics["weight_max"][0] == np.inf
    network = orl.Learner(vectors(), "emrl", approximator="linear", optimizer="sgd", learning_rate=2.0)
    network.advance(5)
    assert network.step == 5


def test_what_left_first_is_named_even_where_only_the_optimiser_broke() -> None:
    # Weights of e^80 are finite, and so are their gradients; their squares in Adam are not.
    data = one_state([0, 1], [80.0, 0.1])
    adam = orl.Learner(data, "rwr", temperature=1.0, signal="reward", optimizer="adam")
    assert adam.advance(5) == 0
    assert str(adam.diverged) == "stopped before update 1: squared gradient of policy overflowed to infinity"
    # A step that overshoots float32 by itself: the gradient is finite, the parameter no longer.
    big = orl.Learner(data, "emrl", approximator="linear", optimizer="sgd", learning_rate=2.0)
    state = big.state_dict()
    state["programs"][0]["arrays"]["parameters"][...] = np.float32(3.4e38)
    big.load_state_dict(state)
    assert big.advance(5) == 0
    assert big.diverged.step == 1
    running = orl.Learner(one_state([0, 1], [1e20, 0.0]), "marwil", normalization="running", norm_rate=1.0)
    assert running.advance(5) == 0
    assert (running.diverged.what, running.diverged.value) == ("square", "inf")


def test_a_gradient_is_named_by_its_loss_beside_one_that_has_none() -> None:
    """MPO's dual has a curve, and no gradient at any output."""

    class Broken(MPO):
        name = "broken"

        def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
            found = super().losses(batch, hp)
            assert not found["dual"].gradients
            found["td"].gradients["q"] = found["td"].gradients["q"] * np.float32(np.nan)
            return found

    learner = orl.Learner(DATA, Broken)
    assert learner.advance(5) == 0
    assert (learner.diverged.what, learner.diverged.value) == ("gradient of td", "nan")
