"""Networks on a device train as those in numpy do: the same path on the processor, for every system."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from learning_cases import random_data, vectors, with_features, with_pairs

import offrl_core as orl
from offrl_core.algos.base import Head
from offrl_core.algos.shared_hyperparameters import Q_LEARNING
from offrl_core.in_torch import Rows, TorchAlgorithm
from offrl_core.learning import devices as places

torch.set_num_threads(1)
TABLE = random_data(3, rows=300)
PAIRED, SEEN = with_pairs(TABLE), with_features(TABLE)
VECTORS = vectors()
CASES: dict[str, tuple[orl.Dataset, dict[str, Any]]] = {
    "table, all rows": (TABLE, {"approximator": "table"}),
    "table, minibatch": (TABLE, {"approximator": "table", "batch_size": 32, "optimizer": "adam"}),
    "one-hot": (TABLE, {"approximator": "linear", "batch_size": 32, "optimizer": "sgd", "learning_rate": 0.1}),
    "pairs": (PAIRED, {"approximator": "linear", "batch_size": 32}),
    "features, all rows": (SEEN, {"approximator": "mlp", "hidden": "16-16", "batch_size": 0}),
    "one-hot mlp": (TABLE, {"approximator": "mlp", "hidden": "16", "batch_size": 32}),
    "vectors": (VECTORS, {"approximator": "mlp", "hidden": "16-16", "batch_size": 32}),
    "vectors linear": (VECTORS, {"approximator": "linear", "batch_size": 32}),
}
CHOICES: dict[str, dict[str, Any]] = {
    "constrained-q": {"min_count": 2},
    "cql": {"form": "lecture-d", "double": "clipped", "alpha": 0.01},
    "mpo": {"prior": "behavior"},
    "awr": {"value_target": "td"},
}


def learner(algorithm: str, case: str, device: str, **asked: Any) -> orl.Learner:
    data, settings = CASES[case]
    return orl.Learner(data, algorithm, device=device, **settings, **CHOICES.get(algorithm, {}), **asked)


def states_of(data: orl.Dataset) -> Any:
    return np.arange(data.n_states) if data.tabular else data.observations[:60] + np.float32(0.2)


def alike(one: orl.Learner, other: orl.Learner, tolerance: float = 1e-4) -> None:
    """Parameters, copies and optimisers equal, but for `tolerance` of the largest number of each."""
    for mine, theirs in zip(one.state_dict()["programs"], other.state_dict()["programs"], strict=True):
        assert mine["members"] == theirs["members"]
        for name, array in mine["arrays"].items():
            np.testing.assert_allclose(
                theirs["arrays"][name],
                array,
                rtol=0,
                atol=tolerance * max(1e-3, np.abs(array).max(initial=0)),
                err_msg=name,
            )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("algorithm", orl.algorithms())
def test_updates_are_those_of_numpy(algorithm: str, case: str) -> None:
    mine, torchs = (learner(algorithm, case, device, seeds=2) for device in ("cpu", "torch-cpu"))
    alike(mine, torchs)
    for each in (mine, torchs):
        assert each.advance(20) == 20
    alike(mine, torchs)
    asked = states_of(mine.dataset)
    seen, theirs = mine.snapshot(), torchs.snapshot()
    np.testing.assert_allclose(theirs.policy, seen.policy, atol=1e-3)
    np.testing.assert_allclose(torchs.policy(asked), mine.policy(asked), atol=1e-3)
    assert list(theirs.metrics) == list(seen.metrics)
    for name, values in seen.metrics.items():
        np.testing.assert_allclose(theirs.metrics[name], values, rtol=1e-3, atol=1e-3, err_msg=name)
    torchs.advance(1)  # the update that the snapshot has looked at
    mine.advance(1)
    alike(mine, torchs)


def test_only_the_rows_numbers_travel() -> None:
    """The features of the data lie on the device, once for all its programs; an update sends where they stand."""
    torchs = learner("q-learning", "vectors", "torch-cpu", double=["none", "clipped"])
    (_, program), *others = torchs._programs
    drawn = program.sampler.draw(0)
    for x in (drawn.s, drawn.next, drawn.both):
        assert x.dense is None
        assert x.pairs is None
    numbers = drawn.numbers[0]
    np.testing.assert_array_equal(drawn.both.index[0], np.concatenate([numbers, numbers + len(VECTORS)]))
    (kept,) = torchs.rows.on_devices.values()
    encoding = program.networks.encoding
    np.testing.assert_array_equal(kept[len(VECTORS) :], encoding.rows(VECTORS.next_observations))
    assert all(other.networks._features is kept for _, other in others)


@pytest.mark.parametrize("case", ["table, minibatch", "vectors"])
def test_a_checkpoint_continues_on_any_device(case: str) -> None:
    """To the bit where both are on the same one, and a copy goes on like its original."""
    whole, begun = (learner("iql", case, "torch-cpu", seeds=2) for _ in range(2))
    whole.advance(25)
    begun.advance(15)
    begun.snapshot()
    copied = copy.deepcopy(begun)
    again, numpys = learner("iql", case, "torch-cpu", seeds=2), learner("iql", case, "cpu", seeds=2)
    for each in (again, numpys):
        each.from_bytes(begun.to_bytes())
    for each in (begun, copied, again, numpys):
        each.advance(10)
    for each in (begun, copied, again):
        alike(whole, each, tolerance=0)
    alike(whole, numpys)
    whole.from_bytes(numpys.to_bytes())
    alike(whole, numpys, tolerance=0)


def test_live_changes_act_as_in_numpy() -> None:
    mine, torchs = (learner("q-learning", "vectors", device, seeds=2) for device in ("cpu", "torch-cpu"))
    for settings in ({"target_update": "none"}, {"target_update": "hard", "target_period": 3}, {"learning_rate": 0.01}):
        for each in (mine, torchs):
            each.advance(7)
            each.set(**settings)
            each.advance(7)
        alike(mine, torchs)


def test_a_member_that_runs_away_is_told_and_the_others_go_on() -> None:
    mine, torchs = (
        learner("q-learning", "table, all rows", device, gamma=0.9, learning_rate=[0.5, 2.0], initial_spread=100.0)
        for device in ("cpu", "torch-cpu")
    )
    for each in (mine, torchs):
        each.advance(200)
    assert mine.divergences
    assert [str(d) for d in torchs.divergences] == [str(d) for d in mine.divergences]
    assert torchs.active == mine.active


def test_weights_go_out_of_a_device_and_come_back() -> None:
    torchs = learner("bcq", "vectors", "torch-cpu", seeds=2)
    torchs.advance(5)
    before = torchs.to_bytes()
    torchs.from_torch(torchs.to_torch(1), 1)
    assert torchs.to_bytes() == before
    asked = states_of(VECTORS)
    np.testing.assert_allclose(torchs.policies()[1].probabilities(asked), torchs.policy(asked)[1], atol=1e-6)


def test_whatever_looks_at_a_learner_looks_at_one_on_a_device() -> None:
    """Policies at each member's own observations, and one transition's numbers."""
    mine, torchs = (learner("iql", "vectors", device, seeds=2) for device in ("cpu", "torch-cpu"))
    for each in (mine, torchs):
        each.advance(10)
    own = np.stack([VECTORS.observations[:20], VECTORS.observations[20:40]])
    np.testing.assert_allclose(torchs.policy_each(own), mine.policy_each(own), atol=1e-5)
    for steps in zip(mine.explain(7, member=1)["steps"], torchs.explain(7, member=1)["steps"], strict=True):
        one, other = (step["value"] for step in steps)
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-5, err_msg=steps[0]["name"])


class OwnQ(TorchAlgorithm):
    """A loss in torch over networks on a device."""

    name, title, group = "own-q", "Own Q", "q-learning"
    summary = "Written in torch."
    networks = (Head("q", copied=True, target_reads=("next",), starts=True),)
    hyperparameters = Q_LEARNING

    def loss(self, rows: Rows, hp: Any) -> Any:
        y = rows.reward + torch.where(rows.terminated, 0, hp.gamma * rows.target_q_next.amax(-1))
        return {"td": rows.mean(0.5 * (rows.taken(rows.q) - y) ** 2)}


def test_a_loss_of_one_s_own_trains_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offrl_core.algos._added", {})
    orl.register(OwnQ)
    mine, torchs = (learner("own-q", "vectors", device, target_update="soft") for device in ("cpu", "torch-cpu"))
    for each in (mine, torchs):
        each.advance(20)
    alike(mine, torchs)


def test_hundreds_of_members_are_one_program_there() -> None:
    """A lens of 512: one stream of operations, each member as it is alone."""
    rates = np.geomspace(1e-4, 1e-2, 512).tolist()
    every = orl.Learner(
        VECTORS, "cql", approximator="mlp", hidden="16", batch_size=16, device="torch-cpu", learning_rate=rates
    )
    every.advance(5)
    assert len(every._programs) == 1
    for member in (0, 300, 511):
        alone = orl.Learner(
            VECTORS, "cql", approximator="mlp", hidden="16", batch_size=16, device="cpu", learning_rate=rates[member]
        )
        alone.advance(5)
        theirs = every.snapshot().q[member]
        np.testing.assert_allclose(theirs, alone.snapshot().q[0], atol=1e-5)


def test_a_device_that_is_not_here_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr(places, "devices", lambda: ("cpu", "cuda"))  # a driver without a device
    for device, said in (
        ("cuda", "device = 'cuda' is not allowed here: this computer has no GPU that PyTorch can use"),
        ("mps", "device = 'mps' is not allowed here: this computer is no Mac with a GPU"),
        ("gpu", "device = 'gpu' is not allowed .*: it must be one of cpu, cuda, mps, torch-cpu"),
        (None, "device = None is not allowed"),
    ):
        with pytest.raises(orl.HyperparameterError, match=said):
            orl.Learner(TABLE, "bc", device=device)  # type: ignore[arg-type]


def test_devices_are_told_by_their_drivers(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(places, "_DRIVERS", (str(tmp_path / "driver"),))
    monkeypatch.setattr("sys.platform", "linux")
    assert places.devices() == ("cpu",)
    (tmp_path / "driver").touch()
    assert places.devices() == ("cpu", "cuda")
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert places.devices() == ("cpu", "cuda", "mps")
    monkeypatch.setattr(places, "find_spec", lambda name: None)
    assert places.devices() == ("cpu",)
