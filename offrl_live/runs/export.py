"""A run to take home: its metrics as columns, its frames as a recording that plays without a server."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset
from offrl_core.learning.policy_files import save_policies
from offrl_core.standalone.script import torch_package
from offrl_live.runs.config import RunConfig
from offrl_live.runs.datasets import with_options
from offrl_live.runs.engine import Engine
from offrl_live.runs.films import world_message
from offrl_live.runs.timeline import Checkpoint, Frame, Mark
from offrl_live.runs.torch_script import training_of
from offrl_live.runs.views import frames_recorded
from offrl_live.runs.wire import dumps, encode

Array = npt.NDArray[Any]

SUFFIX = ".offrl.gz"
"""What the names of recordings end with."""

_HEAD = struct.Struct("<BI")


@dataclass(frozen=True, eq=False)
class RunExport:
    """Everything remembered of a run.

    Attributes:
        config: what the run is, its live changes included: the same numbers come out of it again.
        hello: its description as viewers received it, None while it was never built.
        static: tables that do not change.
        frames, marks, alarms: its timeline, oldest first.
        state, reason: how it stood.
        checkpoint: the newest state of its learners, None while it was never built.
        dataset: the data as it was uploaded, else None.
    """

    config: RunConfig
    hello: dict[str, Any] | None
    static: dict[str, Array]
    frames: Sequence[Frame]
    marks: Sequence[Mark]
    alarms: Sequence[dict[str, Any]]
    state: str
    reason: str
    checkpoint: Checkpoint | None = None
    dataset: Dataset | None = None

    def policies(self, format: str) -> bytes:
        """What every model has learned up to the newest checkpoint, as a file; see `save_policies`.

        Raises:
            ValueError: the run has not begun, or the table would be too large.
        """
        engine = self._engine()
        found = []
        for lane, learner in enumerate(engine.lanes):
            number = f"{lane + 1}. " if len(engine.lanes) > 1 else ""
            found += [replace(policy, model=number + policy.model) for policy in learner.policies()]
        file = io.BytesIO()
        save_policies(found, engine.dataset, file, format=format)
        return file.getvalue()

    def torch_model(self, format: str, member: int) -> bytes:
        """What one model has learned up to the newest checkpoint, for PyTorch or ONNX; see `Model.save`.

        This imports PyTorch.

        Raises:
            ValueError: the run has not begun, or there is no such member or format.
            ImportError: a package is missing.
        """
        learners = self._engine().lanes
        places = [(learner, index) for learner in learners for index in range(len(learner.members))]
        if not 0 <= member < len(places):
            raise ValueError(f"member = {member} is not allowed: this run has {len(places)}, from 0 on")
        learner, index = places[member]
        file = io.BytesIO()
        learner.to_torch(index).save(file, format=format)
        return file.getvalue()

    def torch_script(self, member: int, step: int) -> bytes:
        """One model's training up to `step` updates as a script in PyTorch with its data, a zip archive.

        Raises:
            ValueError: there is no such member, or its algorithm does not come with the program.
        """
        return torch_package(training_of(self.config, self._data() or self.config.data, member, step))

    def _data(self) -> Dataset | None:
        """An uploaded dataset as it is learned from."""
        return None if self.dataset is None else with_options(self.dataset, self.config.options)

    def _engine(self) -> Engine:
        """The run's learners as they stood at the newest checkpoint."""
        if self.checkpoint is None:
            raise ValueError("this run has not begun yet: nothing is learned")
        engine = Engine(self.config.until(self.checkpoint.step), self._data())
        engine.restore(self.checkpoint.data)
        return engine

    def columns(self) -> dict[str, Array]:
        """The metrics as equally long columns, one row per frame and member: `pandas.DataFrame(export.columns())`.

        `step`, `member`, `lane`, `label`, `algorithm`, `seed`, every hyperparameter that differs between members, and
        every metric.
        """
        if self.hello is None or not self.frames:
            return {}
        members, names = self.hello["members"], [metric["name"] for metric in self.hello["metrics"]]
        count = len(self.frames)
        columns: dict[str, Array] = {
            "step": np.repeat([frame.step for frame in self.frames], len(members)),
            "member": np.tile([m["index"] for m in members], count),
            **{key: np.tile([m[key] for m in members], count) for key in ("lane", "label", "algorithm", "seed")},
        }
        for name in dict.fromkeys(name for member in members for name in member["values"]):
            values = [member["values"].get(name) for member in members]
            if len(set(map(str, values))) > 1:
                columns[name] = np.tile(values, count)
        metrics = np.concatenate([frame.metrics for frame in self.frames])
        return columns | {name: metrics[:, column] for column, name in enumerate(names)}

    def recording(self, *, members: Sequence[int] | None = None, most: int = 300) -> bytes:
        """The run as the messages that a viewer would have received, gzipped (docs/protocol.md).

        All numbers are as they were computed: those that stand beside each other on screen keep their order.

        Args:
            members: whose tables to include; all by default.
            most: frames at most, evenly taken from those there are, and those at which an alarm rose; the first and the
                last are always in.

        Raises:
            ValueError: the run was never built, so there is nothing to record.
        """
        if self.hello is None:
            raise ValueError("this run has not begun yet: there is nothing to record")
        return gzip.compress(b"".join(map(_framed, self._messages(members, most))), compresslevel=9, mtime=0)

    def _messages(self, members: Sequence[int] | None, most: int) -> Iterator[str | bytes]:
        assert self.hello is not None
        wanted = tuple(range(len(self.hello["members"]))) if members is None else tuple(members)
        frames = list(self.frames)
        if len(frames) > most:
            evenly = set(np.linspace(0, len(frames) - 1, most).round().astype(int).tolist())
            raised = {alarm["step"] for alarm in self.alarms if alarm["active"]}
            frames = [frame for i, frame in enumerate(frames) if i in evenly or frame.step in raised]
        yield dumps(self.hello)
        yield encode({"kind": "static"}, self.static)
        if not self.hello["film"]["why_not"] and (world := world_message(self._data() or self.config.data)):
            yield world
        yield from frames_recorded(frames, wanted)
        for mark in self.marks:
            yield dumps(mark.to_json())
        for alarm in self.alarms:
            yield dumps(alarm)
        last = self.frames[-1].step if self.frames else 0
        state = {"type": "state", "state": self.state, "reason": self.reason, "place": None, "step": last}
        yield dumps({**state, "budget": self.config.budget, "speed": 0, "rate": 0, "alone": True, "playing": False})


def messages_of(recording: bytes) -> Iterator[str | bytes]:
    """The messages in a recording, in order: texts (JSON) and binary messages."""
    raw, at = gzip.decompress(recording), 0
    while at < len(raw):
        binary, length = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        part = raw[at : at + length]
        yield part if binary else part.decode()
        at += length


def _framed(message: str | bytes) -> bytes:
    data = message.encode() if isinstance(message, str) else message
    return _HEAD.pack(isinstance(message, bytes), len(data)) + data
