"""`orl.check_gradients`: what is right passes, what is wrong is found where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.algos.base import Loss
from offrl_core.algos.batch import Batch
from offrl_core.algos.cql import CQL
from offrl_core.algos.iql import IQL
from offrl_core.algos.q_learning import QLearning
from offrl_core.in_torch.restated import restated

DATA = random_data(4, states=6, actions=3, rows=40)


def changed(kind: type[orl.Algorithm], loss: str, output: str, change: Any) -> type[orl.Algorithm]:
    """The algorithm with one gradient that is something else."""

    class Wrong(kind):  # type: ignore[misc, valid-type]
        name = "wrong"

        def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
            found: dict[str, Loss] = super().losses(batch, hp)
            if loss in found and output in found[loss].gradients:
                found[loss].gradients[output] = change(found[loss].gradients[output])
            return found

    return Wrong


@pytest.mark.parametrize("name", [name for name in orl.algorithms() if name != "mpo"])
def test_every_built_in_gradient_is_the_slope_of_its_loss(name: str) -> None:
    report = orl.check_gradients(name, dataset=DATA)
    assert report, report
    assert report.compared >= 3
    first = str(report).splitlines()[0]
    assert first == f"{name}: {report.compared} of {report.compared} gradients agree with finite differences"


@pytest.mark.parametrize("name", orl.algorithms())
def test_every_built_in_gradient_is_that_of_autograd(name: str) -> None:
    report = orl.check_gradients(name, dataset=DATA, restated=restated(name))
    assert report, report
    assert "agree with autograd" in str(report)


def test_vectors_are_checked_with_a_network_alone() -> None:
    report = orl.check_gradients("q-learning", dataset=vectors(rows=60))
    assert report
    assert 0 < report.compared < orl.check_gradients("q-learning", dataset=DATA).compared


def test_a_gradient_that_is_wrong_everywhere_is_named() -> None:
    report = orl.check_gradients(changed(CQL, "penalty", "q", lambda g: -g), dataset=DATA)
    assert not report
    assert {(found.loss, found.output) for found in report.differences} == {("penalty", "q")}
    assert len(report.differences) == 3  # one form alone has its penalty there, on each kind of batch
    assert all(found.setting.endswith("; form = paper") for found in report.differences)
    for found in report.differences:
        assert found.by_hand == pytest.approx(-found.expected, rel=1e-3)
    assert "penalty at q (table, all rows; form = paper): " in str(report)


def test_a_gradient_that_is_wrong_at_one_place_is_found_there() -> None:
    def at_one(gradient: Any) -> Any:
        wrong = np.array(gradient)
        wrong[1, 0, 2] += 1.0
        return wrong

    report = orl.check_gradients(changed(IQL, "value", "value", at_one), dataset=DATA)
    assert {(found.loss, found.output) for found in report.differences} == {("value", "value")}
    found = report.differences[0]
    assert (found.member, found.action, found.state, found.places) == (1, 0, 2, 1)
    assert found.by_hand - found.expected == pytest.approx(1.0, abs=1e-3)


def test_what_is_not_a_number_is_a_difference() -> None:
    assert not orl.check_gradients(changed(QLearning, "td", "q", lambda g: g * np.nan), dataset=DATA)


def test_a_gradient_that_is_missing_is_found_by_autograd() -> None:
    report = orl.check_gradients(changed(CQL, "penalty", "q", lambda g: 0 * g), dataset=DATA, restated=restated("cql"))
    assert {(found.loss, found.output) for found in report.differences} == {("all", "q")}


def test_a_gradient_for_nothing_or_of_another_shape_is_refused() -> None:
    class Elsewhere(CQL):
        name = "wrong"

        def losses(self, batch: Batch, hp: Any) -> dict[str, Loss]:
            return {"td": Loss(lambda: np.zeros(batch.members), {"q3": batch["q"]})}

    with pytest.raises(ValueError, match=r"td gives a gradient for unknown output 'q3' \(did you mean 'q'\?\)"):
        orl.check_gradients(Elsewhere, dataset=DATA)
    with pytest.raises(ValueError, match=r"the gradient of td at q has shape \(2, 1, \d+\): it must be \(2, \d, \d+\)"):
        orl.check_gradients(changed(CQL, "td", "q", lambda g: g[:, :1]), dataset=DATA)
