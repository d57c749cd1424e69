"""Runs without a worker: recordings, and the script that reproduces a run."""

import gzip
import json
import struct

import numpy as np
import pytest

from offrl_live.runs.config import Change, Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.recorder import record, schedule
from offrl_live.runs.script import script


def _config(**more):
    lanes = (
        Lane("bcq", seeds=2, hyperparameters={"rho": (0.1, 0.5)}),
        Lane("rwr", hyperparameters={"signal": "return", "temperature": 0.2}),
    )
    changes = (
        Change(20, 0, {"learning_rate": 0.25}),
        Change(20, 1, {"temperature": 0.4}),
        Change(50, 0, {"gamma": 0.9}),
    )
    return RunConfig("double-crossing", {"episodes": 60}, lanes, changes=changes, **more)


@pytest.mark.parametrize("step", [0, 20, 64])
def test_the_script_computes_the_same_numbers(step, capsys):
    config = _config()
    engine = Engine(config)
    engine.advance(step)
    snapshot = engine.snapshot()

    learners = []
    source = script(config, step).replace("learner = orl.Learner(", "learner = keep(orl.Learner)(")

    def keep(cls):
        def make(*args, **kwargs):
            learners.append(cls(*args, **kwargs))
            return learners[-1]

        return make

    exec(compile(source, "script", "exec"), {"keep": keep})

    policies = np.concatenate([learner.snapshot().policy for learner in learners])
    np.testing.assert_array_equal(policies, snapshot.tables["policy"])
    assert [learner.step for learner in learners] == [step, step]
    printed = capsys.readouterr().out
    assert f"after {step} updates" in printed
    assert "true return" in printed


def test_a_script_cannot_end_before_it_begins():
    with pytest.raises(ValueError, match="0 or more"):
        script(_config(), -1)


def test_schedule_is_dense_at_the_beginning():
    steps = schedule(1000, 40)
    assert steps[0] == 0
    assert steps[-1] == 1000
    assert len(steps) <= 40
    gaps = np.diff(steps)
    assert gaps[0] == 1
    assert (np.diff(gaps) >= -1).all()


def _messages(data):
    raw, at = gzip.decompress(data), 0
    while at < len(raw):
        binary, length = struct.unpack_from("<BI", raw, at)
        yield binary, raw[at + 5 : at + 5 + length]
        at += 5 + length


def test_a_recording_holds_what_a_viewer_would_have_received():
    export = record(_config(), schedule(60, 12), title="two")
    assert [frame.step for frame in export.frames] == schedule(60, 12)
    texts = [json.loads(message) for binary, message in _messages(export.recording()) if not binary]
    assert texts[0]["type"] == "hello"
    assert len(texts[0]["members"]) == 5
    assert [m["step"] for m in texts if m["type"] == "mark"] == [20, 20, 50]
    assert texts[-1]["state"] == "finished"
    columns = export.columns()
    assert len(columns["step"]) == len(export.frames) * 5
    assert set(columns["rho"][:5]) >= {0.1, 0.5}


def test_a_recorded_divergence_says_which_number_left_first():
    config = RunConfig("deadly-triad", {}, (Lane("q-learning", "linear"),))
    export = record(config, schedule(400, 60))
    assert export.state == "diverged"
    assert "Q overflowed to infinity" in export.reason
    assert export.frames[-1].step < 140
