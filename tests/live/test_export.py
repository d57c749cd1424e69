"""Taking a run home: columns that are the frames' numbers, and a recording that is what a viewer would receive."""

import gzip
import io
import json
import runpy
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from offrl_core.dataset import Dataset
from offrl_core.learning import load_policy
from offrl_live.runs import datasets, wire
from offrl_live.runs.config import Change, Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.export import RunExport
from offrl_live.runs.recorder import record
from offrl_live.runs.timeline import Checkpoint, Frame
from offrl_live.runs.views import View, frame_message, frames_messages, is_large, selected_message

CONFIG = RunConfig(
    "double-crossing",
    {},
    (Lane("bcq", seeds=2, hyperparameters={"rho": (0.05, 0.3)}), Lane("bc")),
    changes=(Change(5, 0, {"gamma": 0.9}),),
)


@pytest.fixture(scope="module")
def export() -> RunExport:
    return record(CONFIG, range(0, 60, 3), title="a run")


def messages(recording: bytes) -> list[dict]:
    """What is in a recording: JSON messages, and binary ones with their arrays under `arrays`, frames apart."""
    data, place, found = gzip.decompress(recording), 0, []
    while place < len(data):
        binary, length = struct.unpack_from("<BI", data, place)
        body = data[place + 5 : place + 5 + length]
        place += 5 + length
        if not binary:
            found.append(json.loads(body))
            continue
        header, payload = wire.split(body)
        for part in header.get("frames", [header]):
            found.append({"kind": header["kind"], **part, "arrays": wire.unpack(part["fields"], payload)})
    return found


def test_columns_are_a_table_of_all_members(export: RunExport) -> None:
    table = pd.DataFrame(export.columns())
    assert len(table) == 20 * 5
    assert table["rho"].isna().sum() == 20  # bc has none
    last = table[(table.step == 57) & (table.member == 3)].iloc[0]
    assert (last.algorithm, last.lane, last.seed, last.rho) == ("bcq", 0, 1, 0.3)
    names = [metric["name"] for metric in export.hello["metrics"]]
    for name in ("return", "q_data", "gap"):
        assert last[name] == export.frames[-1].metrics[3, names.index(name)]


def test_a_recording_is_what_a_viewer_would_have_received(export: RunExport) -> None:
    found = messages(export.recording())
    assert [m.get("type") or m["kind"] for m in found] == [
        "hello",
        "static",
        "world",
        *["backlog"] * 20,
        "mark",
        *["alarm"] * len(export.alarms),
        "state",
    ]
    assert found[0] == export.hello
    for message, frame in zip(found[3:23], export.frames, strict=True):
        assert (message["step"], message["members"]) == (frame.step, [0, 1, 2, 3, 4])
        for name, table in frame.fields.items():
            np.testing.assert_array_equal(message["arrays"][name], table)
        np.testing.assert_array_equal(message["arrays"]["metrics"], frame.metrics)


def test_a_recording_may_have_fewer_frames_and_members_but_keeps_those_with_an_alarm(export: RunExport) -> None:
    assert "alarm" not in {m.get("type") for m in messages(replace(export, alarms=[]).recording())}
    alarms = [{"type": "alarm", "step": 33, "active": True}, {"type": "alarm", "step": 36, "active": False}]
    few = replace(export, alarms=alarms).recording(members=[1, 3], most=7)
    frames = [m for m in messages(few) if m.get("kind") == "backlog"]
    assert [f["step"] for f in frames] == [0, 9, 18, 30, 33, 39, 48, 57]
    for name, table in export.frames[-1].fields.items():
        np.testing.assert_array_equal(frames[-1]["arrays"][name], table[[1, 3]])


def test_numbers_beside_each_other_keep_their_order_in_a_recording() -> None:
    """The exact value of a learned policy is never above the optimum: not by a rounding of either."""
    export = record(RunConfig("double-crossing", {}, (Lane("bcq"),)), [0, 200])
    found = messages(export.recording())
    q_star = next(m for m in found if m.get("kind") == "static")["arrays"]["q_star"]
    q_pi = [m for m in found if m.get("kind") == "backlog"][-1]["arrays"]["q_pi"][0]
    assert (q_pi <= q_star).all()
    assert (q_pi == q_star).any(), "where the policy is optimal they are equal"


@pytest.mark.parametrize("format", ["npz", "csv"])
def test_policies_are_those_of_the_newest_checkpoint(export: RunExport, format: str) -> None:
    last, members = export.frames[-1], export.hello["members"]
    data = export.policies(format)
    for member in members:
        policy = load_policy(data, f"{member['lane'] + 1}. {' '.join((member['algorithm'], member['label'])).strip()}")
        assert policy.step == last.step == 57
        np.testing.assert_array_equal(policy.policy, last.fields["policy"][member["index"]])
        if member["algorithm"] == "bcq":
            np.testing.assert_array_equal(policy.q_table, last.fields["q"][member["index"]])
    alone = record(RunConfig("cartpole", {"episodes": 5}, (Lane("cql", "mlp", 1),)), [0, 10])
    assert alone.checkpoint is not None
    engine = Engine(alone.config)
    engine.advance(10)
    policy = load_policy(alone.policies("npz"))
    asked = engine.dataset.observations
    np.testing.assert_allclose(policy.probabilities(asked), engine.lanes[0].policy(asked)[0], atol=1e-6)
    assert len(pd.read_csv(io.BytesIO(alone.policies("csv")))) == len(asked)


def test_a_change_made_after_the_checkpoint_is_not_in_it(export: RunExport) -> None:
    engine = Engine(CONFIG.until(0))
    early = replace(export, checkpoint=Checkpoint(0, engine.checkpoint()))
    assert load_policy(early.policies("npz"), 0).hyperparameters["gamma"] == 0.95
    assert load_policy(export.policies("npz"), 0).hyperparameters["gamma"] == 0.9


def test_an_uploaded_log_goes_home_by_its_labels() -> None:
    log = Dataset.from_columns(
        [0, 1, 0], [1, 0, 0], [0.0, 1.0, 0.0], [False, True, True], action_names=("wait", "treat"),
        observation_names=("well", "ill"),
    )  # fmt: skip
    export = record(RunConfig(datasets.keep(log), {}, (Lane("bc"),)), [0, 200], dataset=log)
    assert load_policy(export.policies("csv"))(["ill", "well"]) == ["wait", "wait"]
    assert load_policy(export.policies("csv")).probabilities("well")[1] == pytest.approx(0.5, abs=0.01)


def test_a_model_s_training_goes_home_as_a_script_of_its_own(export: RunExport, tmp_path: Path) -> None:
    """Of the run's fourth model: its ρ and seed, with the live change, up to a frame before the last."""
    with zipfile.ZipFile(io.BytesIO(export.torch_script(3, 45))) as archive:
        archive.extractall(tmp_path)
    found = runpy.run_path(str(tmp_path / "train.py"))
    frame = next(frame for frame in export.frames if frame.step == 45)
    q = found["networks"]["q"](torch.arange(24)).detach().numpy()
    np.testing.assert_allclose(q, frame.fields["q"][3], rtol=1e-4, atol=1e-5)
    assert (found["hp"].rho, found["hp"].seed, found["SCHEDULE"]) == (0.3, 1, {5: {"gamma": 0.9}})
    with pytest.raises(ValueError, match="member = 5 is not allowed: this run has 5, from 0 on"):
        export.torch_script(5, 45)


def test_the_script_of_an_uploaded_log_has_its_data_as_it_is_learned_from(tmp_path: Path) -> None:
    log = Dataset.from_columns(
        [0, 1, 0, 1], [1, 0, 0, 1], [0.0, 9.0, 2.0, -7.0], [False, True, True, True], episode_ids=[0, 0, 1, 2]
    )
    options = {"leave_out": "1", "reward_clip": 1.0}
    export = replace(record(RunConfig(datasets.keep(log), options, (Lane("mc-q"),)), [0, 30]), dataset=log)
    with zipfile.ZipFile(io.BytesIO(export.torch_script(0, 30))) as archive:
        archive.extractall(tmp_path)
    found = runpy.run_path(str(tmp_path / "train.py"))
    assert found["reward"].tolist() == [0.0, 1.0, -1.0]
    np.testing.assert_allclose(
        found["networks"]["q"](torch.arange(2)).detach().numpy(), export.frames[-1].fields["q"][0], rtol=1e-5
    )


def test_a_run_that_never_began_cannot_be_recorded() -> None:
    nothing = RunExport(CONFIG, None, {}, [], [], [], "failed", "no worker")
    with pytest.raises(ValueError, match="has not begun yet: nothing is learned"):
        nothing.policies("csv")
    assert nothing.columns() == {}
    with pytest.raises(ValueError, match="not begun"):
        nothing.recording()


def test_viewers_share_the_work_of_a_frame(export: RunExport) -> None:
    cache: dict = {}
    frame = export.frames[3]
    assert frame_message(frame, View(2), cache) is frame_message(frame, View(2), cache)
    header, arrays = wire.decode(frame_message(frame, View(2), cache))
    assert (header["member"], header["seq"], "members" in header) == (2, frame.seq, False)
    np.testing.assert_array_equal(arrays["q"], frame.fields["q"][2])


def test_a_member_that_a_frame_does_not_know_has_no_tables(export: RunExport) -> None:
    frame = export.frames[3]
    partial = Frame(1, 9, 0.0, 0.0, (1,), frame.metrics, {n: t[[1]] for n, t in frame.fields.items()}, 1)
    header, arrays = wire.decode(frame_message(partial, View(4)))
    assert (header["members"], list(arrays)) == ([], ["metrics"])
    header, arrays = wire.decode(frame_message(partial, View(1, (0, 1))))
    assert header["members"] == [1]
    assert arrays["q"].shape == (1, 24, 4)


def large(members: int) -> Frame:
    rng = np.random.default_rng(0)
    tables = {
        name: rng.normal(size=(members, 716, 25)).astype(np.float32) for name in ("q", "policy", "weights", "q_pi")
    }
    tables |= {"v": rng.normal(size=(members, 716)).astype(np.float32), "allowed": tables["q"] > 0}
    tables["weights"][:, ::3] = np.nan
    metrics = np.zeros((members, 20), np.float32)
    return Frame(7, 70, 1.5, 100.0, tuple(range(members)), metrics, tables, 0)


@pytest.mark.parametrize(
    ("mode", "third"), [("q", "allowed"), ("policy", "allowed"), ("weights", "weights"), ("truth", "q_pi")]
)
def test_a_large_world_sends_what_is_looked_at(mode: str, third: str) -> None:
    frame = large(2)
    assert is_large(frame)
    message = frame_message(frame, View(1, (), mode, 100))
    assert len(message) <= 64_000
    header, arrays = wire.decode(message)
    # What is read as a number is exact: the selected state's rows, and V, which stands beside V*.
    np.testing.assert_array_equal(arrays["v"], frame.fields["v"][1])
    assert set(arrays) == {"metrics", "q", "policy", "v", third, "selected"}
    np.testing.assert_array_equal(
        arrays["selected"][header["selected"]["rows"].index("weights")], frame.fields["weights"][1, 100]
    )
    assert np.isnan(arrays["weights"][0]).all() if mode == "weights" else True


def test_many_large_worlds_send_one_table_each() -> None:
    frame = large(16)
    header, arrays = wire.decode(frame_message(frame, View(3, tuple(range(16)), "weights", 4)))
    assert set(arrays) == {"metrics", "weights", "selected"}
    assert arrays["weights"].shape == (16, 716, 25)
    assert arrays["selected"].shape == (16, len(header["selected"]["rows"]), 25)


def test_the_selected_state_over_the_whole_timeline() -> None:
    frames = [large(2), large(2)]
    header, arrays = wire.decode(selected_message(frames, View(1, state=9)))
    assert header["steps"] == [70, 70]
    np.testing.assert_array_equal(arrays["selected"][1, header["rows"].index("q")], frames[1].fields["q"][1, 9])


def test_a_backlog_comes_in_parts_that_can_be_read_one_by_one() -> None:
    parts = [wire.split(message) for message in frames_messages("backlog", [large(1)] * 40, View())]
    assert len(parts) > 1
    assert sum(len(header["frames"]) for header, _ in parts) == 40
    assert all(len(payload) < 1_100_000 for _, payload in parts)
    for header, payload in parts:
        for part in header["frames"]:
            assert wire.unpack(part["fields"], payload)["q"].shape == (716, 25)
