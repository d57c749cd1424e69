"""What was trained goes out into PyTorch and ONNX and comes back, with the same numbers."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from learning_cases import random_data, vectors, with_features, with_pairs

import offrl_core as orl
from offrl_core import algos
from offrl_core.algos.base import Head
from offrl_core.algos.q_learning import QLearning
from offrl_core.in_torch import Rows, TorchAlgorithm

TABLE = replace(random_data(3, rows=300), name="ward")
PAIRED, SEEN = with_pairs(TABLE), with_features(TABLE)
VECTORS = vectors()
CASES: dict[str, tuple[orl.Dataset, str, dict[str, Any]]] = {
    "table": (TABLE, "table", {}),
    "one-hot linear": (TABLE, "linear", {}),
    "pairs": (PAIRED, "linear", {}),
    "features": (SEEN, "mlp", {"hidden": "16-16"}),
    "one-hot mlp": (TABLE, "mlp", {"hidden": "16"}),
    "vectors linear": (VECTORS, "linear", {}),
    "vectors mlp": (VECTORS, "mlp", {"hidden": "16-16"}),
}
CHOICES: dict[str, dict[str, Any]] = {
    "constrained-q": {"min_count": 2},
    "cql": {"constraint": "counted", "double": "clipped"},
    "mpo": {"constraint": "counted", "prior": "behavior"},
}


def trained(algorithm: str, case: str, **asked: Any) -> orl.Learner:
    data, approximator, settings = CASES[case]
    learner = orl.Learner(data, algorithm, approximator=approximator, **settings, **asked)
    learner.advance(20)
    return learner


def states_of(data: orl.Dataset) -> Any:
    """States as a dataset has them: all of a table, or observations seen and never seen."""
    if data.tabular:
        return np.arange(data.n_states)
    return np.concatenate([data.observations[:50], data.observations[:50] + np.float32(0.3)])


def close(found: Any, expected: Any) -> None:
    """Equal to 1e-6 of the largest number."""
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(np.asarray(found.detach()), expected, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("algorithm", orl.algorithms())
def test_a_module_says_what_the_learner_says_and_comes_back(algorithm: str, case: str) -> None:
    learner = trained(algorithm, case, seeds=2, **CHOICES.get(algorithm, {}))
    data = learner.dataset
    asked = states_of(data)
    model = learner.to_torch(1)
    found = model(torch.from_numpy(asked))
    close(found["policy"], learner.policy(asked)[1])
    shown = learner.snapshot()
    probes = asked if data.tabular else orl.dataset_probes(data)
    at_probes = model(torch.from_numpy(probes))
    for name in ("q", "value", "behavior"):
        table = getattr(shown, name if name != "value" else "v")
        assert (table is None) == (name not in found), name
        if table is not None:
            close(at_probes[name], table[1])
    before = learner.to_bytes()
    learner.from_torch(model, 1)
    assert learner.to_bytes() == before
    other = orl.Learner(
        data, algorithm, approximator=learner.approximator, **CASES[case][2], **CHOICES.get(algorithm, {})
    )
    other.from_torch(model.state_dict())
    close(found["policy"], other.policy(asked)[0])


@pytest.mark.parametrize(
    ("algorithm", "case"),
    [
        ("mpo", "pairs"),
        ("bcq", "vectors mlp"),
        ("constrained-q", "vectors linear"),
    ],
)
def test_files_of_torch_and_onnx_say_the_same_of_any_number_of_states(algorithm: str, case: str) -> None:
    model = trained(algorithm, case, **CHOICES.get(algorithm, {})).to_torch()
    data = CASES[case][0]
    files = {}
    for format in ("pt2", "onnx"):
        model.save(file := io.BytesIO(), format=format)
        files[format] = file.getvalue()
    extra = {"about.json": ""}
    loaded = torch.export.load(io.BytesIO(files["pt2"]), extra_files=extra).module()
    session = onnxruntime.InferenceSession(files["onnx"])
    assert json.loads(extra["about.json"])["actions"] == list(data.action_labels)
    told = session.get_modelmeta().custom_metadata_map
    assert (told["algorithm"], json.loads(told["actions"])) == (algorithm, list(data.action_labels))
    for asked in (states_of(data), states_of(data)[:1]):
        expected = {name: x.detach().numpy() for name, x in model(torch.from_numpy(asked)).items()}
        again = loaded(torch.from_numpy(asked))
        answers = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"states": asked}), strict=True))
        assert list(again) == list(answers) == list(expected)
        for name, table in expected.items():
            close(again[name], table)
            close(torch.from_numpy(answers[name]), table)


def test_a_file_has_the_name_s_format(tmp_path: Any) -> None:
    model = trained("bc", "table").to_torch()
    model.save(tmp_path / "model.pt2")
    assert "policy" in torch.export.load(tmp_path / "model.pt2").module()(torch.arange(2))
    with pytest.raises(ValueError, match="format = 'pth' is not allowed: it must be one of pt2, onnx"):
        model.save(tmp_path / "model.pth")


class OwnQ(TorchAlgorithm):
    """Actor and critic, with a policy of its own."""

    name, title, group = "own-q", "Own Q", "q-learning"
    summary = "Written in torch."
    networks = (Head("q"), Head("value", scalar=True))

    def loss(self, rows: Rows, hp: Any) -> Any:
        return {"td": rows.mean((rows.taken(rows.q) - rows.reward) ** 2 + (rows.value - rows.reward) ** 2)}

    def policy_at(self, states: Rows, hp: Any) -> torch.Tensor:
        return torch.where(states.counts > 0, states.q - states.value[..., None], -torch.inf).softmax(-1)

    def uses_counts(self, choices: Any) -> bool:
        return True


def test_a_system_written_in_torch_goes_out_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algos, "_added", {})
    orl.register(OwnQ)
    learner = trained("own-q", "features")
    model = learner.to_torch()
    asked = states_of(learner.dataset)
    found, shown = model(torch.from_numpy(asked)), learner.snapshot()
    close(found["policy"], learner.policy(asked)[0])
    close(found["q"], shown.q[0])
    close(found["value"], shown.v[0])
    model.save(file := io.BytesIO(), format="pt2")
    again = torch.export.load(io.BytesIO(file.getvalue())).module()(torch.from_numpy(asked))
    close(again["policy"], found["policy"].detach().numpy())


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        (lambda q: np.tanh(q), "numpy.tanh"),
        (lambda q: np.add.reduce(q, axis=1), "numpy.add.reduce with axis"),
        (lambda q: np.divide(q, 2, where=q > 0), "numpy.divide with where"),
        (lambda q: np.zeros_like(q, dtype=bool), "numpy.zeros_like with dtype"),
        (lambda q: np.sort(q, axis=1), "numpy.sort with axis"),
        (lambda q: q.std(axis=1), "an array's std"),
    ],
)
def test_what_has_no_counterpart_in_torch_is_told_in_a_sentence(policy: Any, what: str) -> None:
    class Other(QLearning):
        name = "other"

        def policy(self, batch: Any, hp: Any) -> Any:
            return policy(batch["q"])

    model = orl.Learner(TABLE, Other).to_torch()
    with pytest.raises(ValueError, match="has no counterpart") as told:
        model.save(io.BytesIO(), format="pt2")
    assert str(told.value).startswith(f"{what} has no counterpart in PyTorch here, and a policy or value that asks")
    assert "of numpy there are absolute, add, all, amax" in str(told.value)


def test_without_torch_a_sentence_says_what_it_is_for() -> None:
    code = """
import sys
sys.modules["torch"] = None
import offrl_core as orl
orl.Learner(orl.load_dataset("double-crossing"), "bc").to_torch()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "A learned function as a torch module needs PyTorch, which is not installed" in done.stderr


def test_a_module_is_a_copy() -> None:
    learner = trained("q-learning", "features")
    model = learner.to_torch()
    before = model(model.example)["q"].clone()
    learner.advance(5)
    assert torch.equal(model(model.example)["q"], before)
    assert not torch.allclose(learner.to_torch()(model.example)["q"], before)


def test_weights_trained_elsewhere_are_trained_on() -> None:
    """Adding 1 to the last bias in torch adds 1 to every Q here; only that member changes, and its copy does not."""
    learner = trained("q-learning", "vectors mlp", seeds=3, target_update="hard")
    before = learner.snapshot().q
    model = learner.to_torch(2)
    with torch.no_grad():
        model.heads["q"][-1].bias += 1
    targets = learner.state_dict()["programs"][0]["arrays"]["target"]
    learner.from_torch(model, 2)
    after = learner.snapshot().q
    np.testing.assert_array_equal(after[:2], before[:2])
    np.testing.assert_allclose(after[2], before[2] + 1, atol=1e-5)
    np.testing.assert_array_equal(learner.state_dict()["programs"][0]["arrays"]["target"], targets)
    assert learner.advance(10) == 10


def test_weights_that_do_not_fit_are_refused_and_change_nothing() -> None:
    learner = trained("q-learning", "vectors mlp")
    before = learner.to_bytes()
    weights = learner.to_torch().state_dict()
    first = "heads.q.0.weight"
    elsewhere = replace(VECTORS, observations=VECTORS.observations + 5, next_observations=VECTORS.next_observations + 5)
    shifted = orl.Learner(elsewhere, "q-learning", approximator="mlp", hidden="16-16").to_torch()
    for given, said in (
        (
            trained("bc", "vectors mlp").to_torch(),
            r"these weights have no 'heads.q.0.weight': a model of Naive Q-learning",
        ),
        (
            weights | {first: weights[first][:, :3]},
            r"heads.q.0.weight has shape \(16, 3\), this learner's has \(16, 4\)",
        ),
        (weights | {first: weights[first] / 0}, "heads.q.0.weight holds numbers that are not finite"),
        (weights | {"more": weights[first]}, "this learner has no 'more'; it has heads.q.0.weight, "),
        (shifted, "encoder.center is another one: these weights were trained on other data"),
    ):
        with pytest.raises(ValueError, match=said):
            learner.from_torch(given)
    for nothing in (None, "q.pt", [], {}, 3):
        with pytest.raises(TypeError, match=r"weights = .* is not allowed: it must be what to_torch gave"):
            learner.from_torch(nothing)
    with pytest.raises(ValueError, match="member = 1 is not allowed"):
        learner.to_torch(1)
    assert learner.to_bytes() == before
