"""`docs/your-own-loss.md` is executed, and its CQL is held against the built-in one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from documented import ROOT, run
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core import own_files
from offrl_live.runs.trial import try_out
from tests.own_code import forget_own_files

EXAMPLE = ROOT / "docs" / "examples" / "my_cql.py"
PAGE = (ROOT / "docs" / "your-own-loss.md").read_text(encoding="utf-8")
FILE, NOTEBOOK = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(CHANGE,) = re.findall(r"```diff\n(.*?)```", PAGE, re.S)


def changed() -> str:
    """The file after the page's change."""
    left, done = FILE.splitlines(keepends=True), []
    for line in CHANGE.splitlines(keepends=True):
        if line[0] != "+":
            place = left.index(line[1:])
            done += left[: place + (line[0] == " ")]
            left = left[place + 1 :]
        else:
            done.append(line[1:])
    return "".join(done + left)


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_own_files(monkeypatch)


@pytest.fixture
def twice(tmp_path: Path) -> type[orl.Algorithm]:
    """The doubly penalised CQL."""
    place = tmp_path / "my_cql.py"
    place.write_text(changed())
    return orl.load_algorithms(place)[0]


def test_the_page_shows_the_file() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == FILE
    assert len(FILE.splitlines()) < 30


TABULAR, VECTORS = random_data(5, rows=120), vectors(rows=80)
SETTINGS = {
    "table": (TABULAR, {"approximator": "table", "optimizer": "adam", "learning_rate": 0.01}),
    "table, minibatch": (TABULAR, {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 16}),
    "linear": (TABULAR, {"approximator": "linear", "batch_size": 16}),
    "mlp": (VECTORS, {"approximator": "mlp", "hidden": "16", "batch_size": 16}),
}


def pair(data: orl.Dataset, own: Any, given: Mapping[str, Any], form: str = "paper", **only_own: Any) -> list[Any]:
    """The own algorithm and the built-in one, two members each."""
    shared = {"seeds": 2, "gamma": 0.9, **given}
    return [orl.Learner(data, own, **shared, **only_own), orl.Learner(data, "cql", form=form, **shared)]


@pytest.mark.parametrize("setting", SETTINGS)
def test_its_cql_has_the_numbers_of_the_built_in_one(setting: str) -> None:
    data, given = SETTINGS[setting]
    learners = pair(data, orl.load_algorithms(EXAMPLE)[0], {**given, "alpha": [0.1, 1.0]})
    for learner in learners:
        learner.advance(60)
    own, built_in = (learner.snapshot() for learner in learners)
    assert np.abs(own.q).max() > 0.1
    np.testing.assert_allclose(own.q, built_in.q, rtol=1e-6, atol=1e-6)


def test_a_plain_step_of_a_table_is_the_same_once_it_divides_by_the_same() -> None:
    (kind,) = orl.load_algorithms(EXAMPLE)

    class Curved(kind):  # type: ignore[misc, valid-type]
        name = "curved"

        def curvature(self, rows: Any, hp: Any) -> dict[str, torch.Tensor]:
            shares = rows.shares(rows.has_target)
            state, alpha = rows.at_states(shares), hp.alpha[..., None]
            bound = torch.where(rows.at_pairs(rows.shares()) > 0, alpha * state, alpha.clamp(min=1) * state)
            return {"q": rows.at_pairs(shares) + bound}

    learners = pair(TABULAR, Curved, {"alpha": [0.1, 5.0], "optimizer": "sgd", "learning_rate": 0.5})
    for learner in learners:
        learner.advance(60)
    own, built_in = (learner.snapshot() for learner in learners)
    np.testing.assert_allclose(own.q, built_in.q, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        (lambda rows: rows.q, "it must be a dictionary"),
        (lambda rows: {"q": 1.0}, "the curvature of 'q' is a float: it must be a tensor"),
        (lambda rows: {"q": torch.ones(3)}, r"has shape \(3,\): it must be broadcastable to \(1, \d+, \d+\)"),
        (lambda rows: {"q": -torch.ones(1)}, "is below 0 somewhere"),
    ],
)
def test_a_wrong_curvature_is_told_at_the_first_update(bound: Any, said: str) -> None:
    class Curved(orl.load_algorithms(EXAMPLE)[0]):  # type: ignore[misc]
        name = "curved"

        def __init__(self) -> None:
            """Without calling the base's."""

        def curvature(self, rows: Any, hp: Any) -> Any:
            return bound(rows)

    learner = orl.Learner(TABULAR, Curved, optimizer="sgd", learning_rate=0.5)
    with pytest.raises(orl.OwnCodeError, match=said):
        learner.advance(1)


@pytest.mark.parametrize("setting", SETTINGS)
def test_its_gradients_are_those_of_the_built_in_one(setting: str) -> None:
    """At equal parameters, those that the first update sees."""
    data, given = SETTINGS[setting]
    gradients = []
    for learner in pair(data, orl.load_algorithms(EXAMPLE)[0], {**given, "alpha": [0.1, 1.0]}):
        ((_, program),) = learner._programs
        found: dict[str, Any] = {}
        for loss in program.pending().losses.values():
            for name, gradient in loss.gradients.items():
                found[name] = found.get(name, 0) + gradient
        gradients.append(found)
    own, built_in = gradients
    assert set(own) == set(built_in) == {"q"}
    assert np.abs(own["q"]).max() > 1e-3
    np.testing.assert_allclose(own["q"], built_in["q"], atol=1e-6)


def test_the_second_penalty_is_the_lecture_s_at_the_next_state(twice: type[orl.Algorithm]) -> None:
    given = {"optimizer": "adam", "learning_rate": 0.01}
    for form, own in (("paper", {"alpha": 0.3, "alpha_next": 0.0}), ("lecture-c", {"alpha": 0.0, "alpha_next": 0.3})):
        learners = [
            orl.Learner(TABULAR, twice, gamma=0.9, **given, **own),
            orl.Learner(TABULAR, "cql", gamma=0.9, alpha=0.3, form=form, **given),
        ]
        for learner in learners:
            learner.advance(60)
        np.testing.assert_allclose(learners[0].snapshot().q, learners[1].snapshot().q, rtol=1e-6, atol=1e-6)
        assert learners[0].snapshot().metrics["loss_penalty_next"].shape == (1,)


def test_the_notebook_prints_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "my_cql.py").write_text(changed())
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.S)
    assert [line.split() for line in run(NOTEBOOK, tmp_path, ROOT).splitlines()] == [
        line.split() for line in shown.splitlines()
    ]
    behavior = orl.Truth(orl.load_dataset("double-crossing")).behavior
    assert f"{behavior:.2f}" == shown.split()[-1]


MISTAKES = {
    "unknown output": ("rows.taken(rows.q)", "rows.taken(rows.qq)", "line 23: unknown output 'qq' (did you mean 'q'?)"),
    "unknown hyperparameter": ("hp.alpha", "hp.alfa", "line 26: unknown hyperparameter 'alfa' (did you mean 'alpha'?)"),
    "shape": (
        "rows.mean(0.5 * (taken - y) ** 2, where=rows.has_target)",
        "0.5 * (taken - y) ** 2",
        "line 25: the loss",
    ),
    "no gradient": ("rows.taken(rows.q)", "rows.taken(rows.q.detach())", "no loss depends on an output"),
    "not a number": ("(taken - y) ** 2", "(taken - y).sqrt()", "line 25: "),
    "no dictionary": ("        return {", "        return 3\n        return {", "line 25: loss returned a int"),
    "exception": ("0.5 *", "[][1] *", "line 25: IndexError: list index out of range"),
    "no reason": (
        "        taken =",
        "        raise RuntimeError\n        taken =",
        "line 23: RuntimeError: no reason is",
    ),
    "exit": ("        taken =", "        raise SystemExit(3)\n        taken =", "line 23: SystemExit: 3"),
    "changed in place": (
        "        taken =",
        "        rows.action[:] = 0\n        taken =",
        "line 23: RuntimeError: unsupported operation: more than one element of the written-to tensor",
    ),
    "a place that is not there": ('=("next",)', '=("nxt",)', "line 16: target_reads = ('nxt',) of the network 'q' is"),
    "no target copy": ("copied=True, ", "", "line 16: the network 'q' has target_reads but no target copy"),
    "no tuple": ("starts=True),)", "starts=True))", "line 24: the networks must be a tuple of heads"),
    "a network twice": ("starts=True),)", "starts=True), Head('q'))", "line 24: two networks are called 'q'"),
    "a name that is taken": ("starts=True),)", "starts=True), Head('reward'))", "line 24: a network cannot be called"),
    "a name with a meaning": ("starts=True),)", "starts=True), Head('q_next'))", "line 16: a network cannot be called"),
    "no start": (" *INITIAL,", "", "line 24: the network 'q' has starts=True, but no hyperparameter says where it"),
    "for one model only": (
        "hp.alpha * (rows.q.logsumexp(-1) - taken)",
        "(hp.alpha * rows.q).logsumexp(-1) - taken",
        "line 26: RuntimeError: The size of tensor a (2) must match the size of tensor b (23) at non-singleton "
        "dimension 1. Hyperparameters are (M, 1), numbers of rows (M, B), outputs per action (M, B, A):",
    ),
    "a network that is not there": ('Head("q"', 'Head("value"', "line 22: unknown output 'target_q_next'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    before, after, said = MISTAKES[name]
    assert before in FILE
    text = FILE.replace(before, after)
    if name == "no gradient":
        text = text.replace("rows.q.logsumexp", "rows.q.detach().logsumexp")
    place = tmp_path / "my_cql.py"
    place.write_text(text)
    with pytest.raises(orl.OwnCodeError) as caught:
        try_out(own_files.read(place))
    assert str(caught.value).startswith("my_cql.py, line ")
    assert said in str(caught.value)


def test_what_is_not_read_at_the_next_state_says_so_on_a_table_as_well(tmp_path: Path) -> None:
    place = tmp_path / "my_cql.py"
    text = FILE.replace("starts=True),)", "starts=True), Head('value', scalar=True))")
    place.write_text(text.replace("rows.target_q_next.amax(-1)", "rows.value_next"))
    said = r"line 22: rows.value_next is not evaluated: the network 'value' needs reads=\('s', 'next'\)"
    with pytest.raises(orl.OwnCodeError, match=said):
        try_out(own_files.read(place))


METHODS = {
    "no distribution": ("policy_at(self, rows, hp)", "rows.q", "policy_at is no distribution: it must be at least 0"),
    "nothing": ("policy_at(self, rows, hp)", "None", "policy_at returned None: it must be a tensor (M, U, A)"),
    "the policy's shape": ("policy_at(self, rows, hp)", "rows.q[..., 0]", "policy_at returned the shape (2, 24): it"),
    "not a number": ("policy_at(self, rows, hp)", "rows.q * torch.nan", "the policy is not a number at the first up"),
    "a transition's": ("policy_at(self, rows, hp)", "rows.reward", "there is no reward here: these are states, and"),
    "the value's shape": ("value_at(self, rows, hp)", "rows.q", "value_at returned the shape (2, 24, 4): it must be a"),
    "the weights' shape": ("weights(self, rows, hp)", "rows.q", "weights returned the shape (2, 23, 4): it must be a"),
    "allowed": (
        "allowed_at(self, rows, hp)",
        "rows.q",
        "allowed_at returned torch.float32: it must be a tensor of bool",
    ),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_mistake_in_another_method_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    method, found, said = METHODS[name]
    place = tmp_path / "my_cql.py"
    place.write_text(f"{FILE}\n    def {method}:\n        return {found}\n")
    with pytest.raises(orl.OwnCodeError) as caught:
        try_out(own_files.read(place))
    where, _, what = str(caught.value).partition(": ")
    assert where in ("my_cql.py, line 29", "my_cql.py, line 30")
    assert what.startswith(said)


def test_what_is_the_data_s_cannot_be_changed_in_place(tmp_path: Path) -> None:
    place = tmp_path / "my_cql.py"
    place.write_text(FILE.replace("        y = rows", "        rows.reward.clamp_(0, 1)\n        y = rows"))
    (kind,) = orl.load_algorithms(place)
    learner = orl.Learner(orl.load_dataset("double-crossing"), kind.name)
    with pytest.raises(orl.OwnCodeError, match=r"rows\.reward was changed in place, and so would be the data"):
        learner.advance(1)


def test_a_gradient_that_is_not_a_number_is_not_said_to_be_of_a_loss_that_has_no_part_in_it(tmp_path: Path) -> None:
    place = tmp_path / "my_cql.py"
    place.write_text(FILE.replace("hp.alpha * (rows", "torch.nan * (rows"))
    (kind,) = orl.load_algorithms(place)
    learner = orl.Learner(orl.load_dataset("double-crossing"), kind.name)
    learner.advance(1)
    (found,) = learner.divergences
    assert (found.what, found.line) == ("gradient of the loss", "my_cql.py, line 26")
