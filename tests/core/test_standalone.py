"""The script in PyTorch that trains a member without this program: its networks end as the run's."""

from __future__ import annotations

import io
import runpy
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learning_cases import cut, random_data, vectors

import offrl_core as orl
from offrl_core.standalone.loss_text import loss_text
from offrl_core.standalone.script import torch_package, torch_script
from offrl_core.standalone.training import Training

STEPS = 40
DATA = {
    "tabular": random_data(2, rows=80),
    "tabular, cut": cut(random_data(2, rows=80)),
    # No action is taken exactly as often as a uniform policy does: Adam makes a whole step of a gradient's rounding.
    "vectors": vectors(rows=70),
    "vectors, cut": cut(vectors(rows=70)),
    "features": orl.load_dataset("double-crossing", episodes=4),
    "pairs": orl.load_dataset("deadly-triad"),
}


def trained(training: Training, folder: Path) -> dict[str, Any]:
    """The script's networks and what it printed by, after it has run beside its data."""
    with zipfile.ZipFile(io.BytesIO(torch_package(training))) as archive:
        archive.extractall(folder)
    script = folder / "train.py"
    assert max(map(len, script.read_text(encoding="utf-8").splitlines())) <= 120
    return runpy.run_path(str(script))


def compare(folder: Path, data: str, name: str, approximator: str, changes: Any = (), **given: Any) -> Any:
    """A member's networks by the script and by the learner, which makes the same live changes."""
    learner = orl.Learner(DATA[data], name, approximator=approximator, seeds=[3], **given)
    values = dict(learner.members[0].values)
    for step, changed in (change for change in changes if change[0] < STEPS):
        learner.advance(step - learner.step)
        learner.set(**changed)
    learner.advance(STEPS - learner.step)
    kind = orl.algorithms()[name]
    found = trained(Training(DATA[data], kind, approximator, values, 3, STEPS, changes), folder)
    ((_, program),) = learner._programs
    assert found["networks"].keys() == program.networks.by_name.keys()
    observations = DATA[data].observations
    states, first = np.unique(observations, axis=0, return_index=True)
    seen = torch.tensor(states) if DATA[data].tabular else found["state"][first]
    batch = program.outputs_at(states)
    for head in program.networks.by_name:
        theirs, ours = found["networks"][head](seen).detach().numpy(), batch.outputs[head][0].T
        np.testing.assert_allclose(theirs, ours, rtol=2e-4, atol=2e-5, err_msg=f"{head} {given}")
    assert max(float(np.abs(output).max()) for output in batch.outputs.values()) > 1e-3
    return found


LINEAR = {"encoding": "one-hot", "batch_size": 16}
MLP = {"hidden": "16", "batch_size": 16}


@pytest.mark.parametrize("name", list(orl.algorithms()))
@pytest.mark.parametrize(
    ("data", "approximator", "given"),
    [
        ("tabular, cut", "table", {}),
        ("tabular", "table", {"batch_size": 16, "optimizer": "adam"}),
        ("tabular", "linear", LINEAR),
        ("vectors", "mlp", MLP),
    ],
)
def test_the_script_s_networks_end_as_the_run_s(
    name: str, data: str, approximator: str, given: Mapping[str, Any], tmp_path: Path
) -> None:
    # Without a cap MARWIL's weights grow so large that rounding shows.
    compare(tmp_path, data, name, approximator, **given, **({"beta": 1.0} if name == "marwil" else {}))


@pytest.mark.parametrize(
    ("data", "name", "approximator", "given"),
    [
        ("tabular", "cql", "table", {"form": "paper", "double": "clipped", "target_update": "hard"}),
        ("tabular", "cql", "table", {"form": "lecture-a", "constraint": "counted", "batch_size": 8}),
        ("tabular, cut", "marwil", "table", {"normalization": "running", "norm_rate": 0.1, "value_target": "mc"}),
        ("tabular", "awr", "table", {"value_target": "mc", "normalization": "standardize"}),
        ("tabular", "awac", "table", {"normalization": "batch", "target_update": "soft"}),
        ("tabular", "crr", "table", {"filter": "exp", "baseline": "max"}),
        ("tabular", "mpo", "table", {"prior": "behavior", "constraint": "counted", "target_update": "none"}),
        ("tabular", "emrl", "linear", {**LINEAR, "weight_function": "shifted", "signal": "return"}),
        ("vectors", "mpo", "mlp", {**MLP, "constraint": "counted"}),
        ("vectors", "bcq", "mlp", {"hidden": "16-16", "batch_size": 0, "rule": "relative", "double": "double"}),
        ("vectors, cut", "awr", "mlp", MLP),
        ("vectors, cut", "cql", "mlp", {**MLP, "constraint": "counted", "double": "clipped"}),
        ("features", "iql", "mlp", {**MLP, "clip": "exponent"}),
        ("features", "awr", "linear", {"batch_size": 16}),
        ("pairs", "cql", "linear", {"form": "paper", "batch_size": 0}),
        ("pairs", "awac", "linear", {"batch_size": 0, "target_update": "none"}),
    ],
)
def test_choices_encodings_and_features_of_pairs(
    data: str, name: str, approximator: str, given: Mapping[str, Any], tmp_path: Path
) -> None:
    compare(tmp_path, data, name, approximator, **given)


@pytest.mark.parametrize(
    ("name", "approximator", "changes"),
    [
        ("cql", "table", [(0, {"alpha": 2.0}), (7, {"form": "paper", "gamma": 0.5}), (20, {"learning_rate": 0.2})]),
        (
            "q-learning",
            "table",
            [(5, {"target_update": "soft"}), (9, {"target_rate": 0.5}), (20, {"target_update": "none"})],
        ),
        ("iql", "linear", [(5, {"target_update": "hard", "target_period": 3}), (30, {"expectile": 0.6})]),
        ("awr", "table", [(6, {"value_target": "mc"}), (12, {"gamma": 0.3}), (20, {"value_target": "td"})]),
        ("mc-q", "table", [(11, {"gamma": 0.2})]),
        ("mpo", "table", [(4, {"target_update": "none"}), (8, {"constraint": "counted"}), (50, {"epsilon": 1.0})]),
    ],
)
def test_live_changes_are_made_again(name: str, approximator: str, changes: Any, tmp_path: Path) -> None:
    found = compare(tmp_path, "tabular", name, approximator, changes, **({} if approximator == "table" else LINEAR))
    assert list(found["SCHEDULE"]) == [step for step, _ in changes if step < STEPS]


def test_a_run_that_diverges_stops_where_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"learning_rate": 2.0, "gamma": 1.0, "batch_size": 0}
    learner = orl.Learner(DATA["pairs"], "q-learning", approximator="linear", **given)
    learner.advance(5000)
    assert learner.diverged is not None
    values = dict(learner.members[0].values)
    trained(Training(DATA["pairs"], orl.algorithms()["q-learning"], "linear", values, 0, 5000), tmp_path)
    assert f"stopped before update {learner.diverged.step}:" in capsys.readouterr().out


def test_the_text_holds_only_what_the_choices_take() -> None:
    kind = orl.algorithms()["cql"]
    text = loss_text(kind, kind.default_choices() | {"form": "paper", "double": "none", "target_update": "soft"})
    assert (
        text
        == '''def loss(rows, hp):
    y = greedy_target(rows, hp)
    losses = {"td": rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2)}
    losses["penalty"] = conservative(rows, hp, rows.q)
    return losses


def greedy_target(rows, hp):
    """`y = r + γ max_a' Q'(s', a')` over all actions."""
    best = rows.target_q_next.amax(-1)
    return one_step(rows, hp, best)


def conservative(rows, hp, q):
    """`α R(Q)`, where a row without a next action has no penalty at `s'`."""
    z = q.logsumexp(-1) - rows.taken(q)
    return rows.mean(hp.alpha * z)


def one_step(rows, hp, ahead):
    """`r + γ V(s')`; where the episode ended, `r`."""
    return rows.reward + torch.where(rows.terminated, 0, hp.gamma * ahead.detach())
'''
    )


def test_a_script_is_short_and_lists_what_acts() -> None:
    learner = orl.Learner(DATA["tabular"], "bcq")
    training = Training(DATA["tabular"], orl.algorithms()["bcq"], "table", learner.members[0].values, 0, 10)
    text = torch_script(training)
    assert len(text.splitlines()) < 260
    assert "    rho: float = 0.1\n" in text
    assert "target_period" not in text
    assert "offrl" not in text.replace("offline RL explorer", "")
