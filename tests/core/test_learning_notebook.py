"""The core as somebody meets it in a notebook: what it takes, what it prints, and what it says to mistakes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.declarations import HyperparameterError

DATA = random_data(1, rows=200)


def test_numpy_and_pandas_open_axes_as_lists_do() -> None:
    expected = orl.Learner(DATA, "bcq", rho=[0.1, 0.25], seeds=[0, 1, 2]).members
    for rho, seeds in (
        (np.array([0.1, 0.25]), np.int64(3)),
        (pd.Series([0.1, 0.25]), pd.Series([0, 1, 2])),
        ((np.float64(0.1), np.array(0.25)), range(3)),
    ):
        assert orl.Learner(DATA, "bcq", rho=rho, seeds=seeds).members == expected
    learner = orl.Learner(DATA, "constrained-q", min_count=range(1, 3), gamma=np.array(0.5), double=np.str_("double"))
    assert [m.values["min_count"] for m in learner.members] == [1, 2]
    assert (learner.hyperparameters["gamma"], learner.hyperparameters["double"]) == (0.5, "double")
    learner.set(min_count=pd.Series([3, 4]))
    assert learner.hyperparameters["min_count"] == [3, 4]


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda: orl.Learner("double-crossing", "bc"), r"dataset = 'double-crossing' is not allowed.*load_dataset"),
        (lambda: orl.Learner(None, "bc"), "dataset = None is not allowed"),
        (lambda: orl.hyperparameters("bc", "mlp", "double-crossing"), "dataset = 'double-crossing' is not allowed"),
        (lambda: orl.Learner(DATA, ["bc"]), r"unknown algorithm \['bc'\]; there are bc, emrl"),
        (lambda: orl.Learner(DATA, "bc", approximator=["table"]), r"approximator = \['table'\].*table, linear, mlp"),
        (lambda: orl.Learner(DATA, "bcq", rho="0.1"), "rho = '0.1' is not allowed: it must be a number from 0 to 1"),
        (lambda: orl.Learner(DATA, "bcq", rho=[0.1, None]), "rho = None is not allowed"),
        (lambda: orl.Learner(DATA, "bcq", rho=np.ones((2, 2))), r"rho = \[1.0, 1.0\] is not allowed"),
        (lambda: orl.Learner(DATA, "bcq", lr=0.1), "unknown hyperparameter 'lr'; this system has batch_size, double"),
        (lambda: orl.Learner(DATA, "bc", seeds=["a"]), "seed 'a' is not allowed: it must be a whole number from 0"),
        (lambda: orl.Learner(DATA, "bc", seeds=10**12), "1000000000000 members are too many: at most 1024"),
        (lambda: orl.Learner(DATA, "bc").advance("5"), "steps = '5' is not allowed: it must be 0 or more, a whole"),
        (lambda: orl.Learner(DATA, "bc").advance(2.5), "steps = 2.5 is not allowed"),
        (lambda: orl.train(DATA, "bc", steps=None), "steps = None is not allowed: it must be 1 or more"),
        (lambda: orl.train(DATA, "bc", steps=9, snapshot_every=0.5), "snapshot_every = 0.5 is not allowed"),
        (lambda: orl.Learner(DATA, "bc").policy([-1]), r"\(N,\) states, whole numbers from 0 to"),
        (lambda: orl.Learner(DATA, "bc").policy(3), r"\(N,\) states"),
        (lambda: orl.Learner(DATA, "bc").policy_of(0)([0.5]), r"\(N,\) states"),
        (lambda: orl.Learner(vectors(), "bc", approximator="linear").policy(np.ones((2, 3))), r"must be \(N, 4\)"),
        (lambda: orl.Learner(DATA, "bc").policy_of("a"), "member = 'a' is not allowed: there are 1"),
        (lambda: orl.Learner(DATA, "bc").explain("a"), "'a' is not allowed: it must be a row, or a state and an act"),
        (lambda: orl.Learner(DATA, "bc").explain((0, 1, 2)), "must be a row, or a state and an action"),
    ],
)
def test_mistakes_are_answered_with_the_value_and_what_is_allowed(mistake: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        mistake()


def test_steps_may_be_whole_floats() -> None:
    assert orl.train(DATA, "bc", steps=1e1, snapshot_every=np.int64(5)).final.step == 10


def test_what_a_notebook_prints_is_short() -> None:
    history = orl.train(DATA, "bcq", steps=10, rho=[0.1, 0.2], seeds=3)
    assert repr(history.learner) == "<Learner: bcq on custom, table, 6 members (2 rho × 3 seeds), step 10>"
    assert repr(history.final).startswith("<Snapshot of step 10: 6 members, ")
    assert "q, v, policy, behavior, allowed, advantages" in repr(history.final)
    assert repr(history).startswith("<History: 11 snapshots, 66 rows of metrics")


def test_too_many_members_are_refused() -> None:
    with pytest.raises(HyperparameterError, match="1100 members are too many"):
        orl.Learner(DATA, "bcq", rho=[i / 100 for i in range(100)], seeds=11)
    for seeds in (0, -1, 1.5, "3", [], [0.5], [-1], [True]):
        with pytest.raises(HyperparameterError, match="seed"):
            orl.Learner(DATA, "bc", seeds=seeds)


def test_train_gives_a_table() -> None:
    data = orl.load_dataset("double-crossing")
    history = orl.train(data, "bcq", steps=90, snapshot_every=40, rho=[0.05, 0.9], seeds=2)
    assert [s.step for s in history.snapshots] == [0, 40, 80, 90]
    table = history.metrics
    assert len(table) == 16
    assert table.columns[:4].tolist() == ["step", "member", "seed", "rho"]
    last = table[table.step == 90]
    assert last["rho"].tolist() == [0.05, 0.05, 0.9, 0.9]
    expected = data.mdp.evaluate(history.final.policy, 0.95, endless="limit")
    np.testing.assert_allclose(last["return"], expected)
    assert history.final.step == 90
    stopped = orl.train(
        orl.load_dataset("deadly-triad"), "q-learning", approximator="linear", steps=500, snapshot_every=50
    )
    assert stopped.final.step == 127
    for steps, every in ((0, None), (10, 0)):
        with pytest.raises(ValueError, match="must be 1 or more"):
            orl.train(data, "bc", steps=steps, snapshot_every=every)
    with pytest.raises(ValueError, match="steps = -1"):
        orl.Learner(data, "bc").advance(-1)


def test_steps_per_epoch() -> None:
    assert orl.Learner(DATA, "bc").steps_per_epoch == 1
    assert orl.Learner(DATA, "bc", batch_size=64).steps_per_epoch == -(-len(DATA) // 64)


def test_training_needs_no_plot_no_tensors_and_no_tables() -> None:
    code = (
        "import sys, offrl_core as orl; d = orl.load_dataset('double-crossing');"
        "l = orl.Learner(d, 'bcq'); l.advance(2); l.snapshot();"
        "print([m for m in ('torch', 'streamlit', 'plotly', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
