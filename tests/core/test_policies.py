"""Policies taken home: labels in, labels out, the same numbers as their learner's, and no file that is not one."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from learning_cases import random_data, vectors

import offrl_core as orl
from offrl_core.learning.policies import PolicyError
from offrl_core.learning.policy_tables import policy_columns

TABLE = replace(
    data := random_data(3, rows=200),
    action_names=tuple(f"drug {chr(97 + a)}, 5 mg (new)" for a in range(data.n_actions)),
    observation_names=tuple(str(10 * s) for s in range(data.n_states or 0)),
    name="ward",
)
VECTORS = replace(vectors(), observation_names=("age", "pulse", "step", "row"), action_names=("no", "low", "high"))


def saved(learner: orl.Learner, format: str) -> bytes:
    file = io.BytesIO()
    learner.save_policies(file, format=format)
    return file.getvalue()


def trained(algorithm: str, data: orl.Dataset, approximator: str = "table", **asked: Any) -> orl.Learner:
    learner = orl.Learner(data, algorithm, approximator=approximator, **asked)
    learner.advance(20)
    return learner


@pytest.mark.parametrize("format", ["npz", "csv", "parquet"])
@pytest.mark.parametrize(("algorithm", "approximator"), [("bcq", "table"), ("bc", "table"), ("marwil", "mlp")])
def test_a_table_comes_back_by_its_labels(algorithm: str, approximator: str, format: str) -> None:
    learner = trained(algorithm, TABLE, approximator, seeds=2)
    shown = learner.snapshot()
    data = saved(learner, format)
    for seed in (0, 1):
        policy = orl.load_policy(data, f"{algorithm} seed={seed}")
        assert (policy.model, policy.algorithm, policy.step) == (f"{algorithm} seed={seed}", algorithm, 20)
        assert policy.actions == TABLE.action_names
        order = np.random.default_rng(0).permutation(TABLE.n_states)
        labels = [TABLE.observation_names[state] for state in order]
        np.testing.assert_array_equal(policy.probabilities(labels), shown.policy[seed][order])
        best = [TABLE.action_names[a] for a in shown.policy[seed][order].argmax(axis=1)]
        assert policy(labels) == policy([int(label) for label in labels]) == best
        assert policy(labels[0]) == policy(int(labels[0])) == policy(np.int64(labels[0])) == best[0]
        for found, table in ((policy.q(labels), shown.q), (policy.v(labels), shown.v)):
            if table is None:
                assert found is None
            else:
                np.testing.assert_array_equal(found, table[seed][order])
    with pytest.raises(PolicyError, match="it holds 2 models; say which one"):
        orl.load_policy(data)
    with pytest.raises(PolicyError, match=r"no model 'bc seed=7' \(did you mean"):
        orl.load_policy(saved(trained("bc", TABLE, seeds=2), format), "bc seed=7")


@pytest.mark.parametrize("approximator", ["linear", "mlp"])
@pytest.mark.parametrize("algorithm", orl.algorithms())
def test_a_function_of_vectors_comes_back(algorithm: str, approximator: str) -> None:
    learner = trained(algorithm, VECTORS, approximator)
    policy = orl.load_policy(saved(learner, "npz"))
    seen = VECTORS.observations[:200]
    asked = np.concatenate([seen, seen + np.float32(0.3)])  # what the data counts, and what it never saw
    np.testing.assert_allclose(policy.probabilities(asked), learner.policy(asked)[0], atol=1e-6)
    named = [VECTORS.action_names[a] for a in learner.policy(asked)[0].argmax(axis=1)]
    assert policy(asked) == named
    assert policy(asked[0]) == policy(asked[0].tolist()) == named[0]
    # By name, in any order, with whatever else stands there.
    frame = pd.DataFrame(asked, columns=VECTORS.observation_names).assign(more="x")[
        ["row", "age", "more", "pulse", "step"]
    ]
    assert policy(frame) == policy({name: frame[name] for name in frame}) == named
    probes = orl.dataset_probes(VECTORS)
    shown = learner.snapshot()
    for found, table in ((policy.q(probes), shown.q), (policy.v(probes), shown.v)):
        assert (found is None) == (table is None)
        if table is not None:
            np.testing.assert_allclose(found, table[0], atol=1e-5)


def test_a_sample_is_drawn_with_the_probabilities() -> None:
    policy = orl.load_policy(saved(trained("bc", TABLE), "npz"))
    state = next(label for label in policy.states if np.sort(policy.probabilities(label))[-2] > 0.2)
    drawn = policy.sample([state] * 4000, seed=1)
    shares = [drawn.count(action) / 4000 for action in policy.actions]
    np.testing.assert_allclose(shares, policy.probabilities(state), atol=0.03)
    assert policy.sample([state] * 9, seed=2) == policy.sample([state] * 9, seed=2)
    assert policy.sample(state) in policy.actions


def test_the_table_holds_what_the_learner_knows_at_every_row_of_a_log() -> None:
    learner = trained("cql", VECTORS, "linear", alpha=[0.1, 1.0])
    table = pd.read_csv(io.BytesIO(saved(learner, "csv")))
    assert len(table) == 2 * len(VECTORS)
    part = table[table.model == "cql alpha=1"]
    np.testing.assert_array_equal(part.row, np.arange(len(VECTORS)))
    np.testing.assert_array_equal(part.episode, VECTORS.episode_of_row)
    assert (part.time[part.row.isin(VECTORS.episode_starts)] == 0).all()
    np.testing.assert_array_equal(
        part[["s(age)", "s(pulse)", "s(step)", "s(row)"]].astype(np.float32), VECTORS.observations
    )
    assert part.action.tolist() == [VECTORS.action_names[a] for a in VECTORS.actions]
    shares = part[["p(no)", "p(low)", "p(high)"]]
    np.testing.assert_allclose(shares, learner.policy(VECTORS.observations)[1], atol=1e-6)
    assert part.chosen.tolist() == [VECTORS.action_names[a] for a in shares.to_numpy().argmax(axis=1)]
    counted = pd.DataFrame(policy_columns(trained("bc", TABLE).policies(), TABLE))
    np.testing.assert_array_equal(counted[[f"n({a})" for a in TABLE.action_names]], TABLE.counts)
    assert counted["V"].isna().all()


def test_labels_that_stand_twice_are_told_apart() -> None:
    double = replace(TABLE, action_names=("a",) * TABLE.n_actions)
    assert orl.load_policy(saved(trained("bc", double), "npz")).actions == tuple(
        f"a ({i})" for i in range(TABLE.n_actions)
    )


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (lambda table, vector: table("15"), "there is no state '15'"),
        (lambda table, vector: table(["0", "10 0"]), r"no state '10 0' \(did you mean '100'\?\): the \d+ states are"),
        (lambda table, vector: table(None), "there is no state 'None'"),
        (lambda table, vector: vector([1.0, 2.0]), r"shape \(2,\) are not allowed: each one is 4 numbers \(age, pulse"),
        (lambda table, vector: vector("many"), "an observation is 4 numbers"),
        (lambda table, vector: vector("45"), r"shape \(\) are not allowed"),
        (lambda table, vector: vector([1.0, np.nan, 0, 0]), "observation 0 is .*: its numbers must be finite"),
        (
            lambda table, vector: vector({"age": [1], "puls": [1], "step": [1], "row": [1]}),
            "no column 'pulse' .*'puls'",
        ),
    ],
)
def test_what_is_no_state_is_refused(asked: Callable[[Any, Any], object], says: str) -> None:
    table = orl.load_policy(saved(trained("bc", TABLE), "npz"))
    vector = orl.load_policy(saved(trained("bc", VECTORS, "linear"), "npz"))
    with pytest.raises(PolicyError, match=says):
        asked(table, vector)


NPZ = saved(trained("bcq", TABLE), "npz")
NETWORK = saved(trained("constrained-q", VECTORS, "mlp", hidden="16"), "npz")


def changed(data: bytes, **parts: Any) -> bytes:
    """The archive with other arrays, or with another description where `about` is a function of it."""
    with np.load(io.BytesIO(data)) as archive:
        arrays = dict(archive)
    if "about" in parts:
        about = parts["about"](json.loads(arrays["about"].tobytes()))
        parts["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)[None]
    arrays |= parts
    file = io.BytesIO()
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file.getvalue()


def model(**values: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda about: about | {"models": [about["models"][0] | values]}


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def broken_stream(data: bytes) -> bytes:
    """The archive whose first member begins with a block of a kind that compression does not know."""
    name, extra = (int.from_bytes(data[place : place + 2], "little") for place in (26, 28))
    start = 30 + name + extra
    return data[:start] + b"\xff" + data[start + 1 :]


def rows_of_csv() -> bytes:
    return saved(trained("bc", VECTORS, "linear"), "csv")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no file of learned policies"),
        (b"state,action\n1,2\n", "no file of learned policies: it has no action, or no row|it has no column"),
        (pickle.dumps({"policy": 1}), "no file of learned policies"),
        (NPZ[:200], "no file of learned policies, or it is damaged"),
        (b"PK\x03\x04" + b"x" * 100, "no file of learned policies, or it is damaged"),
        (broken_stream(NPZ), "no file of learned policies, or it is damaged: Error -3"),
        (archive(observations=np.zeros(3)), "it has no part 'about'"),
        (archive(about=np.zeros((1, 4))), "its description is no JSON text"),
        (changed(NPZ, about=lambda about: about | {"kind": "other"}), "no file of learned policies"),
        (changed(NPZ, about=lambda about: about | {"version": 2}), "of version 2, this program reads version 1"),
        (changed(NPZ, about=lambda about: about | {"models": []}), "its list of models is missing"),
        (changed(NPZ, about=lambda about: about | {"states": ["0", "0"]}), "two of its states have the same name"),
        (changed(NPZ, about=lambda about: about | {"actions": "ab"}), "actions must be a list of texts"),
        (changed(NPZ, about=lambda about: about | {"actions": ["a"]}), r"'policy' has shape .*, \(\d+, 1\) is needed"),
        (changed(NPZ, about=model(step=-1)), "step = -1 is not allowed"),
        (changed(NPZ, **{"0.policy": None}), "its part 'policy' is missing"),
        (changed(NPZ, **{"0.policy": np.full(TABLE.counts.shape, 0.9)}), "must be 0 or above and sum to 1"),
        (changed(NPZ, **{"0.q": np.full(TABLE.counts.shape, np.nan)}), "'q' holds numbers that are not finite"),
        (changed(NPZ, **{"0.q": np.array([[{}]], dtype=object)}), "Python objects, which are never unpacked"),
        (changed(NETWORK, about=model(algorithm="bqc")), r"unknown algorithm 'bqc' \(did you mean 'bcq'\?\)"),
        (changed(NETWORK, about=model(values={"rho": 1})), "unknown hyperparameter 'rho'"),
        (changed(NETWORK, about=model(values={"hidden": "16-16"})), "'head q' has shape .* is needed"),
        (changed(NETWORK, about=model(values={"gamma": 7})), "gamma = 7 is not allowed"),
        (changed(NETWORK, **{"0.scale": np.zeros(4)}), "scale must be above 0"),
        (changed(NETWORK, **{"0.counts": np.zeros((1, 3))}), "'counts' has shape"),
        (rows_of_csv(), "at the rows of a log, which says nothing of other observations: load policies.npz"),
    ],
)
def test_what_is_no_file_of_policies_is_refused_with_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        orl.load_policy(data)


def test_a_table_that_was_changed_by_hand_is_checked() -> None:
    text = saved(trained("bcq", TABLE), "csv").decode()
    head, first, *rest = text.splitlines()
    cells = pd.read_csv(io.StringIO(text), dtype=str)
    probability = f"p({TABLE.action_names[0]})"
    for column, value, says in (
        (probability, "0.4x", "must be numbers"),
        (probability, "0.123", "must be 0 or above and sum to 1"),
        (probability, "", "'p' holds numbers that are not finite"),
        ("step", "1.5", "step must be one whole number"),
        ("state", cells["state"][1], "a state stands there twice"),
    ):
        other = cells.copy()
        other.loc[0, column] = value
        with pytest.raises(PolicyError, match=says):
            orl.load_policy(other.to_csv(index=False).encode())
    assert orl.load_policy("\n".join([head, *rest, first]).encode()).states[-1] == "0"


def test_damage_anywhere_is_a_sentence() -> None:
    refused = 0
    for data in (NPZ, NETWORK, saved(trained("bc", TABLE), "parquet")):
        rng = np.random.default_rng(5)
        for _ in range(60):
            damaged = bytearray(data)
            for place in rng.integers(len(data), size=3):
                damaged[place] = rng.integers(256)
            try:
                orl.load_policy(bytes(damaged[: int(rng.integers(len(data) // 2, len(data) + 1))]))
            except PolicyError:
                refused += 1
    assert refused > 150


def test_a_claim_of_a_giant_array_is_not_believed() -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (1, 10**12)})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("about.npy", head.getvalue())
    with pytest.raises(PolicyError, match="bytes after unpacking"):
        orl.load_policy(file.getvalue())


def test_paths_tell_the_format(tmp_path: Path) -> None:
    learner = trained("bc", TABLE)
    with pytest.raises(PolicyError, match="there is no such file"):
        orl.load_policy(tmp_path / "policies.npz")
    learner.save_policies(tmp_path / "policies.npz")
    assert orl.load_policy(tmp_path / "policies.npz").dataset == "ward"
    with pytest.raises(PolicyError, match=r"format = 'xlsx' is not allowed: it must be one of csv, parquet, npz"):
        learner.save_policies(tmp_path / "policies.xlsx")


def test_a_table_that_nobody_can_open_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offrl_core.learning.policy_tables.MOST_CELLS", 1000)
    with pytest.raises(PolicyError, match=r"1 models at 300 rows would be a table of .* take the file policies.npz"):
        saved(trained("bc", VECTORS, "linear"), "csv")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_what_is_no_number_is_refused_wherever_observations_are_given(bad: float) -> None:
    """A network makes NaN of it, and the largest of NaNs would be action 0."""
    learner = trained("awac", VECTORS, "linear", seeds=2)
    size = VECTORS.observations.shape[1]
    rows = np.zeros((3, size))
    rows[1, -1] = bad
    says = r"observation 1 is \[.*\]: its numbers must be finite"
    learned = learner.policies()[0]
    for ask in (learner.policy, learner.policy_of(0), learned, learned.q, learned.v):
        with pytest.raises(ValueError, match=says):
            ask(rows)
    with pytest.raises(ValueError, match=says):
        learner.policy_each(np.stack([np.zeros_like(rows), rows]))
    with pytest.raises(ValueError, match="observations of type <U1: they must be numbers"):
        learner.policy(np.full((2, size), "x"))
    assert np.isfinite(learner.policy(np.zeros((3, size)))).all()
