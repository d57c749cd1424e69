"""The core as somebody meets it in a notebook: what it takes, what it prints, and what it says to mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.dataset import Dataset
from offrl_core.declarations import HyperparameterError
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.names import did_you_mean
from offrl_core.writing import number

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
        (lambda: orl.Learner(DATA, "bcq", lr=0.1), "unknown hyperparameter 'lr' .*; there are batch_size"),
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


def test_widths_of_layers_may_be_numbers() -> None:
    for given, opened in (
        ([64, 64], None),
        ((64, 64), None),
        (np.array([64, 64]), None),
        ([16], None),
        (["64-64", "16"], ["64-64", "16"]),
        ([[64, 64], (16,)], ["64-64", "16"]),
    ):
        learner = orl.Learner(DATA, "bc", approximator="mlp", hidden=given)
        expected = ["64-64", "16"] if opened else "16" if len(given) == 1 else "64-64"
        assert learner.hyperparameters["hidden"] == expected
        assert len(learner.members) == (2 if opened else 1)
    with pytest.raises(HyperparameterError, match="hidden = '128-64' is not allowed"):
        orl.Learner(DATA, "bc", approximator="mlp", hidden=[128, 64])


@pytest.mark.parametrize(
    ("mistake", "meant"),
    [
        (lambda: orl.Learner(DATA, "bqc"), "bcq"),
        (lambda: orl.Learner(DATA, "Q learning"), "q-learning"),
        (lambda: orl.algorithms()["marwill"], "marwil"),
        (lambda: orl.load_dataset("double_crossing"), "double-crossing"),
        (lambda: orl.datasets()["taxy"], "taxi"),
        (lambda: orl.load_dataset("taxi", episode=3), "episodes"),
        (lambda: orl.load_dataset("double-crossing", behavior="walk"), "walks"),
        (lambda: orl.Learner(DATA, "bcq", roh=0.1), "rho"),
        (lambda: orl.Learner(DATA, "bcq").set(roh=0.1), "rho"),
        (lambda: orl.Learner(DATA, "bcq", lr=0.1), "learning_rate"),
        (lambda: orl.Learner(DATA, "bcq", optimizer="Adam"), "adam"),
        (lambda: orl.Learner(DATA, "bcq", approximator="MLP"), "mlp"),
        (lambda: orl.hyperparameters("bc", "tabel"), "table"),
        (lambda: orl.metrics()["retrun"], "return"),
        (lambda: orl.train(DATA, "bcq", steps=1).plot("q_dta"), "q_data"),
        (lambda: Dataset.from_columns([0], [0], [0.0], [True], action_name="a"), "action_names"),
        (lambda: orl.lerner, "Learner"),
    ],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(mistake: Callable[[], object], meant: str) -> None:
    with pytest.raises((ValueError, KeyError, AttributeError), match=re.escape(f"(did you mean '{meant}'?)")):
        mistake()


def test_a_name_that_is_like_no_other_has_no_suggestion() -> None:
    for name in ("xyz", "", 3, None, "bcq" * 1000):
        assert did_you_mean(name, orl.algorithms()) == ""


def test_tables_of_a_notebook_hold_what_was_computed() -> None:
    history = orl.train(DATA, "bcq", steps=10, rho=[0.1, 0.2], seeds=3)
    data, learner, whole = (x._repr_html_() for x in (DATA, history.learner, history))
    returns = DATA.episode_returns(DATA.gamma)
    assert f"{len(DATA):,}" in data
    assert f"{number(returns.min())} to {number(returns.max())}, mean {number(returns.mean())}" in data
    assert "0.1, 0.2" in learner
    assert r"Q(s,a)" in learner
    assert learner in whole
    for value in history.final.metrics["loss_td"]:
        assert f"<td>{number(value)}</td>" in whole
    odd = replace(DATA, name="<b>", action_names=tuple(f"<i>{a}" for a in range(DATA.n_actions)))
    assert "<b>Dataset &lt;b&gt;</b>" in odd._repr_html_()
    assert "&lt;i&gt;0" in odd._repr_html_()
    assert f"vectors of {vectors().observations.shape[1]}" in vectors()._repr_html_()


def test_a_plot_draws_the_metrics() -> None:
    history = orl.train(DATA, "bcq", steps=20, snapshot_every=5, rho=[0.1, 0.2], seeds=3)
    drawn = history.plot("loss_td", "q_data")
    table = history.metrics
    lines = [trace for trace in drawn.data if trace.hoverinfo != "skip"]
    assert [line.name for line in lines] == ["rho = 0.1", "rho = 0.2"] * 2
    for line, (name, rho) in zip(lines, product(("loss_td", "q_data"), (0.1, 0.2)), strict=True):
        seeds = table[table.rho == rho].groupby("step")[name]
        np.testing.assert_array_equal(line.x, [0, 5, 10, 15, 20])
        np.testing.assert_allclose(line.y, seeds.median())
        band = drawn.data[drawn.data.index(line) - 2 : drawn.data.index(line)]
        np.testing.assert_allclose(band[0].y, seeds.min())
        np.testing.assert_allclose(band[1].y, seeds.max())
    alone = orl.train(vectors(), "iql", approximator="linear", steps=2).plot()
    assert {trace.name for trace in alone.data} >= {"value at the start", "Q loss", "median weight"}
    assert not any(trace.showlegend for trace in alone.data)


def test_a_bar_is_drawn_for_those_who_watch(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    plain = orl.train(DATA, "bcq", steps=200, snapshot_every=70)
    assert capsys.readouterr().err == ""
    watched = orl.train(DATA, "bcq", steps=200, snapshot_every=70, progress=True)
    assert "bcq on custom: 100%" in (told := capsys.readouterr().err)
    assert "200/200" in told
    pd.testing.assert_frame_equal(plain.metrics, watched.metrics, check_exact=True)
    policy = DATA.behavior_policy
    fitted_q_evaluation(DATA, policy, resamples=20, progress=True)
    assert "20/20" in capsys.readouterr().err
    monkeypatch.setattr("offrl_core.progress.SHORT", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    orl.train(DATA, "bcq", steps=200)
    assert "200/200" in capsys.readouterr().err
    for missing in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, missing, None)
    orl.train(DATA, "bcq", steps=200)
    assert capsys.readouterr().err == ""
    with pytest.raises(ModuleNotFoundError):
        orl.train(DATA, "bcq", steps=200, progress=True)


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
    with pytest.warns(UserWarning, match="what the data shows never ends"):
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
