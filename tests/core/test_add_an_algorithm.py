"""`docs/add-an-algorithm.md` is executed, and what may be registered is checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import test_algorithms_contract as contract
from documented import ROOT, Page, run
from learning_cases import random_data

import offrl_core as orl
from offrl_core import algos
from offrl_core.algos import shared_hyperparameters as shared
from offrl_core.algos.q_learning import QLearning
from offrl_core.learning import docs

PAGE = Page("add-an-algorithm.md", "offrl_core/algos/one_step.py", "offrl_core/algos/__init__.py")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algos, "_added", {})


@pytest.fixture
def one_step(tmp_path: Path) -> type[orl.Algorithm]:
    """The page's algorithm, registered for the length of one test."""
    return orl.register(PAGE.module(tmp_path).OneStep)


def test_the_file_and_the_line(tmp_path: Path) -> None:
    code = """
import offrl_core as orl
from offrl_core.learning import docs
print(*orl.algorithms())
print(orl.algorithms()['one-step'].loss_source())
print(docs.write())
"""
    names, source = run(code, PAGE.installed(tmp_path)).split("\n", 1)
    assert "one-step" in names.split()
    assert [name for name in names.split() if name != "one-step"] == [*orl.algorithms()]
    assert PAGE.code in source
    assert "def squared_error(" in source
    assert "### One-step RL (`one-step`)" in source


def test_the_notebook(tmp_path: Path) -> None:
    *_, learnt, behavior, optimal = PAGE.printed_by_the_notebook(tmp_path).split()
    assert float(behavior) < float(learnt) <= float(optimal) + 1e-6


@pytest.mark.parametrize("approximator", ["table", "linear", "mlp"])
def test_the_contract_of_all_algorithms_holds(one_step: type[orl.Algorithm], approximator: str) -> None:
    contract.test_declarations("one-step", approximator)
    for name in ("random", "one row", "deadly-triad", "vectors"):
        if approximator != "table" or name in contract.TABULAR:
            contract.test_contract("one-step", approximator, name)
    contract.test_every_choice_and_every_bound_trains("one-step", approximator)
    contract.test_live_choices_change_the_next_update("one-step")


def test_it_learns_what_it_says(one_step: type[orl.Algorithm]) -> None:
    """On a table `Q(s,a)` ends at the mean of `r + γ Q(s', a')` over the pair's rows."""
    data = random_data(11, rows=200)
    learner = orl.Learner(data, "one-step")
    learner.advance(2000)
    q = learner.snapshot().q[0].astype(float)
    following = np.where(data.next_actions >= 0, q[data.next_observations, data.next_actions], 0)
    target = data.rewards + data.gamma * np.where(data.terminations, 0, following)
    sums = np.zeros_like(q)
    np.add.at(sums, (data.observations, data.actions), target)
    seen = data.counts > 0
    np.testing.assert_allclose(q[seen], sums[seen] / data.counts[seen], atol=1e-3)


def test_it_is_found_wherever_algorithms_are_listed(one_step: type[orl.Algorithm]) -> None:
    assert list(orl.algorithms())[-1] == "one-step"
    assert [h.name for h in orl.hyperparameters("one-step")][:2] == ["gamma", "temperature"]
    assert "### One-step RL (`one-step`)" in docs.write()
    assert "| `temperature` |" in docs.write()


def test_a_class_that_is_defined_anew_takes_its_former_place(one_step: type[orl.Algorithm], tmp_path: Path) -> None:
    again = orl.register(PAGE.module(tmp_path).OneStep)
    assert again is not one_step
    assert orl.algorithms()["one-step"] is again


def test_what_cannot_be_registered_is_refused() -> None:
    with pytest.raises(ValueError, match="there already is an algorithm 'cql': give this one another name"):
        orl.register(type("Mine", (QLearning,), {"name": "cql"}))
    with pytest.raises(ValueError, match=r"name = 'My Q' is not allowed: it must be lowercase letters"):
        orl.register(type("Mine", (QLearning,), {"name": "My Q"}))
    with pytest.raises(ValueError, match="Mine lacks name, title, group, summary, equation_for, heads, losses"):
        orl.register(type("Mine", (orl.Algorithm,), {}))
    with pytest.raises(ValueError, match="group = 'mine' is not allowed: it must be one of cloning, q-learning"):
        orl.register(type("Mine", (QLearning,), {"name": "mine", "group": "mine"}))
    with pytest.raises(ValueError, match="Mine declares gamma twice"):
        orl.register(type("Mine", (QLearning,), {"name": "mine", "hyperparameters": (shared.GAMMA, shared.GAMMA)}))
    with pytest.raises(TypeError, match="3 cannot be registered"):
        orl.register(3)
    assert "OneStep" not in (ROOT / "offrl_core" / "algos" / "__init__.py").read_text()


def test_every_file_of_the_list_is_registered_as_itself() -> None:
    kinds = orl.algorithms()
    assert len(kinds) == len(algos.LECTURE)
    for kind in kinds.values():
        assert orl.register(kind) is kind
    assert orl.algorithms() == kinds
