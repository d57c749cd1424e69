"""`docs/add-a-metric.md` is executed, and what may be registered is checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from documented import Page, run
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.learning import docs, metric_catalogue
from offrl_core.learning.metric_catalogue import find_metric

PAGE = Page("add-a-metric.md", "offrl_core/learning/agreement.py", "offrl_core/learning/metric_list.py")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_catalogue, "_added", {})


@pytest.fixture
def agreement(tmp_path: Path) -> orl.Metric:
    """The page's metric, registered for the length of one test."""
    return orl.register(PAGE.module(tmp_path).AGREEMENT)


def test_the_file_and_the_line(tmp_path: Path) -> None:
    learner = "orl.Learner(orl.load_dataset('double-crossing'), 'bc', seeds=2)"
    code = f"import offrl_core as orl; print(*orl.metrics()); print(*{learner}.snapshot().metrics['agreement'])"
    names, agreement = run(code, PAGE.installed(tmp_path)).splitlines()
    assert names.split() == ["agreement", *orl.metrics()]
    assert all(0 <= float(word) <= 1 for word in agreement.split())


def test_the_notebook(tmp_path: Path) -> None:
    table = PAGE.printed_by_the_notebook(tmp_path).splitlines()
    assert table[0].split() == ["alpha", "agreement"]
    free, held = (float(row.split()[-1]) for row in table[1:])
    assert free < held


def test_it_is_what_it_says_for_every_member(agreement: orl.Metric) -> None:
    data = random_data(11, rows=200)
    learner = orl.Learner(data, "q-learning", double=["none", "double"], seeds=2)
    learner.advance(30)
    snapshot = learner.snapshot()
    assert snapshot.metrics["agreement"].dtype == np.float32
    states = [s for s in range(data.n_states) if data.counts[s].any()]
    for member, policy in enumerate(snapshot.policy):
        agreed = [int(policy[s].argmax()) == int(data.counts[s].argmax()) for s in states]
        assert snapshot.metrics["agreement"][member] == pytest.approx(np.mean(agreed))
    history = orl.train(data, "bc", steps=4)
    assert np.isfinite(history.metrics["agreement"]).all()


def test_where_there_is_no_such_number_there_is_none(agreement: orl.Metric) -> None:
    assert "agreement" not in orl.Learner(vectors(), "bc", approximator="linear").snapshot().metrics


def test_it_is_found_wherever_metrics_are_listed(agreement: orl.Metric) -> None:
    assert list(orl.metrics())[-1] == "agreement"
    assert f"| `agreement` | {agreement.title} |" in docs.write()
    assert find_metric("agreement") is agreement
    assert set(agreement.to_json()) == {"name", "title", "unit", "formula", "help", "bad", "panel"}


def test_a_metric_that_is_declared_anew_takes_its_former_place(agreement: orl.Metric) -> None:
    other = replace(agreement, title="other words")
    orl.register(other)
    assert orl.metrics()["agreement"] is other


def test_what_cannot_be_registered_is_refused(agreement: orl.Metric) -> None:
    with pytest.raises(ValueError, match="there already is a metric 'entropy': give this one another name"):
        orl.register(replace(agreement, name="entropy"))
    with pytest.raises(ValueError, match="name = 'my metric' is not allowed: it must be letters"):
        orl.register(replace(agreement, name="my metric"))
    orl.register(replace(agreement, measure=lambda snapshot, dataset: np.zeros(7)))
    with pytest.raises(ValueError, match=r"metric agreement has shape \(7,\); it must be one number per member"):
        orl.Learner(random_data(11, rows=20), "bc").snapshot()


def test_numbers_that_nobody_declared_have_words_made_from_their_names() -> None:
    loss, other = find_metric("loss_my_term"), find_metric("running_mean")
    assert (loss.title, loss.panel) == ("my term loss", "loss")
    assert (other.title, other.panel) == ("running mean", "policy")
    assert find_metric("loss_td") is orl.metrics()["loss_td"]
