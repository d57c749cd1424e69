"""One contract for every system on every approximator and several datasets."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from learning_cases import cut, one_state, random_data, vectors

import offrl_core as orl
from offrl_core.declarations import HyperparameterError
from offrl_core.learning.metric_catalogue import metrics


def endless() -> orl.Dataset:
    """Never a terminal: a ring of three states, cut off after ten rows."""
    states = np.arange(30) % 3
    return orl.Dataset.from_columns(
        states,
        np.arange(30) % 2,
        np.ones(30),
        np.zeros(30, bool),
        np.arange(30) % 10 == 9,
        next_observations=(states + 1) % 3,
        n_actions=2,
        gamma=0.9,
    )


@functools.cache
def dataset(name: str) -> orl.Dataset:
    return {
        "double-crossing": lambda: orl.load_dataset("double-crossing"),
        "random": lambda: random_data(11, rows=200),
        "one row": lambda: one_state([1], [0.7]),
        "one state": lambda: one_state([0, 1, 1], [0.9, 0.1, 0.3]),
        "no terminal": endless,
        "cut": lambda: cut(random_data(11, rows=200)),
        "cut vectors": lambda: cut(vectors()),
        "deadly-triad": lambda: orl.load_dataset("deadly-triad", share=0.5),
        "vectors": vectors,
        "one vector": lambda: orl.Dataset.from_columns(
            np.array([[0.5, 1.0]]),
            [1],
            [1.0],
            [False],
            next_observations=np.array([[1.0, 0.5]]),
            n_actions=3,
            gamma=0.9,
        ),
    }[name]()


TABULAR = ("double-crossing", "random", "one row", "one state", "no terminal", "cut", "deadly-triad")
CASES = [
    (system, approximator, name)
    for system in orl.algorithms()
    for approximator in ("table", "linear", "mlp")
    for name in (*TABULAR, "vectors", "one vector", "cut vectors")
    if approximator != "table" or name in TABULAR
]
#: Raw exponentials and steps that a random reward scale would send out of float32 are not what this contract is about.
MILD = {
    "rwr": {"temperature": 5.0},
    "marwil": {"beta": 0.5},
    "awr": {"temperature": 5.0},
    "awac": {"temperature": 5.0},
    "crr": {"filter": "exp", "temperature": 5.0},
    "iql": {"beta": 0.5},
    "cql": {"form": "paper"},
}


def learner(system: str, approximator: str, name: str, **choices: Any) -> orl.Learner:
    small = {"mlp": {"hidden": "16-16", "batch_size": 16}, "linear": {"batch_size": 16}, "table": {}}[approximator]
    choices = {**MILD.get(system, {}), **small, "gamma": 0.9, **choices}
    if name == "deadly-triad":  # the lecture's step of 1 overshoots where both actions are seen
        choices.setdefault("learning_rate", 0.1)
    if all(h.name != "gamma" for h in orl.hyperparameters(system)):  # another number makes the members differ
        gamma = choices.pop("gamma")
        rate = {0.9: 0.01, 0.8: 0.005}
        choices["learning_rate"] = [rate[g] for g in gamma] if isinstance(gamma, list) else rate[gamma]
    return orl.Learner(dataset(name), system, approximator=approximator, **choices)


def same(
    one: orl.Snapshot, two: orl.Snapshot, first: int | slice = slice(None), second: int | slice = slice(None)
) -> None:
    for field in ("q", "v", "policy", "behavior", "allowed", "weights", "advantages"):
        a, b = getattr(one, field), getattr(two, field)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a[first], b[second], err_msg=field)
    assert one.metrics.keys() == two.metrics.keys()
    for key, value in one.metrics.items():
        np.testing.assert_array_equal(value[first], two.metrics[key][second], err_msg=key)


@pytest.mark.parametrize(("system", "approximator", "name"), CASES)
def test_contract(system: str, approximator: str, name: str) -> None:
    data = dataset(name)
    members = learner(system, approximator, name, seeds=2, gamma=[0.9, 0.8])
    assert members.advance(10) == 10
    snapshot = members.snapshot()

    # Finite, of the right shape and type, and a policy is a distribution.
    states = data.n_states or len(orl.dataset_probes(data))
    assert snapshot.step == 10
    assert snapshot.policy.shape == (4, states, data.n_actions)
    assert snapshot.policy.dtype == np.float32
    np.testing.assert_allclose(snapshot.policy.sum(axis=2), 1, rtol=1e-5)
    for field in ("q", "v", "behavior"):
        array = getattr(snapshot, field)
        assert array is None or (np.isfinite(array).all() and array.dtype == np.float32 and len(array) == 4)
    for field in ("allowed", "weights", "advantages"):
        array = getattr(snapshot, field)
        assert array is None or array.shape == snapshot.policy.shape
    for key, value in snapshot.metrics.items():
        assert value.shape == (4,)
        # Where all rewards are 0, no row weighs anything, and a share of nothing is no number.
        empty = system == "emrl" and key in ("effective_sample_size", "weight_max_share") and not data.rewards.any()
        assert np.isfinite(value).all() != empty, key

    # `policy` agrees with the snapshot, at the states that it shows.
    observations = np.arange(states) if data.tabular else orl.dataset_probes(data)
    np.testing.assert_allclose(members.policy(observations), snapshot.policy, atol=1e-6)

    # The same again is the same; a member alone is the member in the batch; copies of a member stay equal.
    again = learner(system, approximator, name, seeds=2, gamma=[0.9, 0.8])
    again.advance(6)
    saved = again.to_bytes()
    again.advance(4)
    same(again.snapshot(), snapshot)
    alone = learner(system, approximator, name, seeds=[1], gamma=0.8)
    alone.advance(10)
    same(alone.snapshot(), snapshot, 0, 3)
    copies = learner(system, approximator, name, seeds=[1], gamma=[0.8, 0.8, 0.8])
    copies.advance(10)
    copied = copies.snapshot()
    for copy in range(3):
        same(copied, snapshot, copy, 3)

    # A checkpoint resumes exactly, hyperparameters changed on the way included.
    resumed = learner(system, approximator, name, seeds=2, gamma=[0.9, 0.8])
    resumed.from_bytes(saved)
    assert resumed.step == 6
    resumed.advance(4)
    same(resumed.snapshot(), snapshot)

    # `set` acts on the next step: with no step size nothing moves any more; looking changes nothing.
    members.set(learning_rate=members.declared["learning_rate"].low)
    before = members.state_dict()
    assert {v["learning_rate"] for v in members._values} == {members.declared["learning_rate"].low}
    members.snapshot()
    members.explain(0, 1)
    after = members.state_dict()
    for one, two in zip(before["programs"], after["programs"], strict=True):
        for key, array in one["arrays"].items():
            np.testing.assert_array_equal(array, two["arrays"][key])
    members.advance(1)
    moved = max(
        float(np.abs(one["arrays"]["parameters"] - two["arrays"]["parameters"]).max())
        for one, two in zip(before["programs"], members.state_dict()["programs"], strict=True)
    )
    assert moved < 0.01

    # Every row can be looked into, and its numbers are plain data.
    explained = members.explain(len(data) - 1, 3)
    assert explained["action"] == data.actions[-1]
    assert explained["steps"]
    assert explained["equation"].startswith(r"\begin{aligned}")
    assert all(isinstance(step["value"], (int, float, list)) for step in explained["steps"])


@pytest.mark.parametrize("system", list(orl.algorithms()))
@pytest.mark.parametrize("approximator", ["table", "linear", "mlp"])
def test_declarations(system: str, approximator: str) -> None:
    kind = orl.algorithms()[system]
    assert kind.name == system
    assert kind.__doc__
    assert kind.equation
    assert kind.summary.endswith(".")
    assert kind.number is None or kind.number >= 1
    assert f"class {kind.__name__}" in kind.loss_source()
    names = set()
    for h in orl.hyperparameters(system, approximator):
        assert h.name not in names
        names.add(h.name)
        assert h.help.endswith(".")
        assert h.validate(h.default) == h.default
        if h.numeric:
            assert h.low < h.high
            for bound in (h.low, h.high):
                assert h.validate(bound) == bound
            with pytest.raises(HyperparameterError, match="it must be"):
                h.validate(h.high * 2 + 1)
    assert {"learning_rate", "batch_size", "optimizer"} <= names


def with_pairs() -> orl.Dataset:
    data = random_data(11, rows=200)
    features = np.random.default_rng(0).normal(size=(data.n_states, data.n_actions, 3)).astype(np.float32)
    return replace(data, action_features=features)


#: How each approximator trains where every choice is tried: data, and what stays as it is.
TRIED: dict[str, tuple[orl.Dataset, dict[str, Any]]] = {
    "table": (random_data(11, rows=200), {}),
    "linear": (with_pairs(), {"batch_size": 0, "optimizer": "sgd"}),
    "mlp": (vectors(), {"hidden": "16", "batch_size": 32}),
}


@pytest.mark.parametrize("approximator", TRIED)
@pytest.mark.parametrize("system", list(orl.algorithms()))
def test_every_choice_and_every_bound_trains(system: str, approximator: str) -> None:
    """Each hyperparameter at its ends and in each of its choices makes updates, or says honestly why it stopped: at
    which update, what and where; what is reported is declared."""
    data, fixed = TRIED[approximator]
    for h in orl.hyperparameters(system, approximator, data):
        values = list(h.choices or (h.low, h.high, *(h.special or ())))
        if h.name == "hidden":  # of those that take a while each system has its share, and together they have all
            wide = [choice for choice in values if int(choice.split("-")[0]) > 256]
            own = wide[list(orl.algorithms()).index(system) % len(wide)]
            values = [choice for choice in values if choice not in wide or choice == own]
        given = {**MILD.get(system, {}), **fixed, h.name: values}
        many = orl.Learner(data, system, approximator=approximator, **given)
        done = many.advance(8)
        for record in many.divergences:
            assert record.step <= 8
            assert record.what
            assert record.value in ("inf", "-inf", "nan")
        assert done == (8 if many.active else max(record.step for record in many.divergences) - 1)
        snapshot = many.snapshot()
        for table in (snapshot.q, snapshot.v, snapshot.policy):
            assert table is None or np.isfinite(table[many.active]).all(), h.name
        for member in many.members:
            reported = {name for name, column in snapshot.metrics.items() if not np.isnan(column[member.index])}
            if member.index in many.active:
                assert many.algorithm.formulas(member.values).keys() <= reported, member.label
            many.explain(3, member.index)


def test_every_declared_metric_is_reported_by_some_system() -> None:
    cases = [(system, {}) for system in orl.algorithms()]
    cases += [("cql", {"double": "clipped"}), ("marwil", {"normalization": "running"})]
    found = {name for system, given in cases for name in learner(system, "table", "random", **given).snapshot().metrics}
    beside_the_truth = {"return", "return_given", "return_low", "return_high", "gap", "q_data_true", "q_missing_true"}
    reported = {name for name, metric in metrics().items() if metric.measure is None}
    assert reported - beside_the_truth <= found  # those are added where the world is known


@pytest.mark.parametrize("system", list(orl.algorithms()))
def test_live_choices_change_the_next_update(system: str) -> None:
    for h in orl.hyperparameters(system, "mlp", dataset("vectors")):
        if not h.live or not h.choices:
            continue
        for choice in h.choices:
            one = learner(system, "mlp", "vectors")
            one.advance(3)
            one.set(**{h.name: choice})
            assert one.hyperparameters[h.name] == choice
            assert one.advance(3) == 3 or one.diverged
            one.snapshot()
