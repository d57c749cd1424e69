"""Where the networks are: chosen where there is a choice, kept in link, script and configuration, refused in words."""

import sys

import numpy as np
import pytest

from offrl_core.learning import devices as places
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.script import script
from offrl_ui.setup import controls, links, selection

ASKED = {"data": ["cartpole"], "algo": ["cql"], "net": ["mlp"], "hidden": ["16"], "seeds": ["1"]}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """A server with a driver of CUDA, as far as can be told without PyTorch."""
    (tmp_path / "driver").touch()
    monkeypatch.setattr(places, "_DRIVERS", (str(tmp_path / "driver"),))
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_DRIVERS", ())
    monkeypatch.setattr(sys, "platform", "linux")


def model(config: RunConfig) -> dict[str, dict]:
    """The controls of the model, by name."""
    (section,) = (s for s in controls.lane_sections(config, 0) if s["id"] == "model")
    return {item["name"]: item for item in section["items"]}


def test_without_a_device_nothing_is_asked_and_a_link_that_wants_one_runs_on_the_processor(no_gpu: None) -> None:
    config, notes = links.parse(ASKED | {"device": ["cuda"]})
    assert config.lanes[0].device == "cpu"
    assert [str(note) for note in notes] == [
        "device = 'cuda' was refused: this computer has no GPU that PyTorch can use; this run is on the processor "
        "(cpu)."
    ]
    _, notes = links.parse(ASKED | {"device": ["gpu"]})
    assert [note.message for note in notes] == [
        "it must be one of cpu, cuda, mps, torch-cpu; this run is on the processor (cpu)."
    ]
    assert "device" not in model(config)
    assert "device" not in links.link(config)
    assert "device" not in config.to_json()["lanes"][0]
    with pytest.raises(ConfigError, match="device = 'cuda' is not allowed here: this computer has no GPU"):
        Lane("cql", "mlp", device="cuda")


def test_where_there_is_a_device_it_can_be_chosen_and_stays_chosen(gpu: None) -> None:
    config, notes = links.parse(ASKED)
    assert not notes
    assert (model(config)["device"]["choices"], model(config)["device"]["value"]) == (("cpu", "cuda"), "cpu")
    config, notes = controls.apply(config, 0, {"model": {"device": "cuda"}})
    assert (config.lanes[0].device, notes) == ("cuda", [])
    again, notes = links.parse({name: [text] for name, text in links.link(config).items()})
    assert (again, notes) == (config, [])
    assert RunConfig.from_json(config.to_json()) == config
    assert config.key != links.parse(ASKED)[0].key
    assert "\n    device='cuda',\n" in script(config, 5)
    assert selection.other_system(config, 0, "bcq", "mlp").device == "cuda"
    _, notes = controls.apply(config, 0, {"model": {"device": "tpu"}})
    assert [note.key for note in notes] == ["model.device"]


def test_a_run_on_a_device_goes_on_from_a_checkpoint_and_branches(no_gpu: None) -> None:
    config, notes = links.parse(ASKED | {"device": ["torch-cpu"], "2.algo": ["iql"], "2.net": ["mlp"]})
    assert not notes
    assert [lane.device for lane in config.lanes] == ["torch-cpu", "cpu"]
    whole = Engine(config)
    whole.advance(6)
    checkpoint = whole.checkpoint()
    whole.advance(6)
    branch = Engine(config.changed(6, 0, {"alpha": 0.0}))
    for engine in (again := Engine(config), branch):
        engine.restore(checkpoint)
        engine.advance(6)
    np.testing.assert_array_equal(again.snapshot(truth=False).q, whole.snapshot(truth=False).q)
    assert not np.array_equal(branch.snapshot(truth=False).q[0], whole.snapshot(truth=False).q[0])
