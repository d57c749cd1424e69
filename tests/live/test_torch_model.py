"""A run's model for PyTorch and ONNX: made in another process, within its time."""

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from offrl_core import own_files
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.export import RunExport
from offrl_live.runs.timeline import Checkpoint
from offrl_live.serving.torch_model import torch_model_file
from tests.own_code import forget_own_files

OWN = """
from offrl_core.algos.base import Head
from offrl_core.in_torch import TorchAlgorithm

class OwnQ(TorchAlgorithm):
    name, title, group, summary = "own-q", "Own Q", "q-learning", "Predict the reward."
    networks = (Head("q"),)

    def loss(self, rows, hp):
        return {"td": rows.mean((rows.taken(rows.q) - rows.reward) ** 2)}
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A run of a built-in system and one from somebody's own file."""
    with pytest.MonkeyPatch.context() as patch:
        forget_own_files(patch)
        file = tmp_path_factory.mktemp("own") / "own_q.py"
        file.write_text(OWN)
        own_files.load_algorithms(file)
        engine = Engine(RunConfig("double-crossing", {}, (Lane("bcq", seeds=2), Lane("own-q"))))
        engine.advance(30)
        yield engine


@pytest.fixture(scope="module")
def export(engine: Engine) -> RunExport:
    return RunExport(engine.config, None, {}, (), (), (), "paused", "", Checkpoint(30, engine.checkpoint()))


def test_the_model_that_is_asked_for_comes_as_onnx(engine: Engine, export: RunExport) -> None:
    """One of a system from somebody's own file: the process that makes it loads that file, too."""
    session = onnxruntime.InferenceSession(torch_model_file(export, "onnx", 2))
    told = session.get_modelmeta().custom_metadata_map
    assert (told["algorithm"], json.loads(told["step"])) == ("own-q", 30)
    states = np.arange(engine.dataset.n_states)
    policy, q = session.run(["policy", "q"], {"states": states})
    np.testing.assert_allclose(policy, engine.lanes[1].policy(states)[0], atol=1e-6)
    np.testing.assert_allclose(q, engine.lanes[1].snapshot().q[0], atol=1e-6)


def test_what_cannot_be_made_is_said(export: RunExport) -> None:
    # Where no file needs PyTorch, a refusal does not either.
    config = RunConfig("double-crossing", {}, (Lane("bcq", seeds=3),))
    built_in = replace(export, config=config, checkpoint=Checkpoint(0, Engine(config).checkpoint()))
    with pytest.raises(ValueError, match="member = 3 is not allowed: this run has 3, from 0 on"):
        torch_model_file(built_in, "pt2", 3)
    with pytest.raises(ValueError, match="this run has not begun yet: nothing is learned"):
        torch_model_file(replace(built_in, checkpoint=None), "pt2", 0)
    with pytest.raises(ValueError, match=r"the model could not be written: it took longer than 0\.01 s"):
        torch_model_file(export, "pt2", 0, seconds=0.01)
