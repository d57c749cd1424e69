"""Recording a whole run at once, without a worker: the same engine, with a frame at each step of a schedule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from offrl_core.dataset import Dataset
from offrl_core.evaluation.alarms import Watch
from offrl_live.runs.config import RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.export import RunExport
from offrl_live.runs.hello import hello
from offrl_live.runs.timeline import Checkpoint, Frame
from offrl_live.runs.wire import json_data


def schedule(steps: int, frames: int) -> list[int]:
    """Up to `frames` steps from 0 to `steps`, dense at the beginning, where things happen: `t ↦ steps·t²`."""
    shares = np.linspace(0.0, 1.0, frames) ** 2
    return sorted({round(steps * float(share)) for share in shares})


def record(config: RunConfig, steps: Iterable[int], *, title: str = "", dataset: Dataset | None = None) -> RunExport:
    """Train what `config` describes and keep a frame at each of `steps`, with exact truth and alarms.

    Args:
        config: the run, its live changes included.
        steps: where to keep a frame, growing. Training ends early where every member diverged.
        title: of the run.
        dataset: the data, where the configuration names an upload.
    """
    engine = Engine(config, dataset)
    engine.reads = True
    watch = Watch(engine.facts())
    described = json_data(engine.describe())
    names = [metric["name"] for metric in described["metrics"]]
    frames: list[Frame] = []
    alarms: list[dict[str, Any]] = []
    members = tuple(range(len(engine.members)))
    for wanted in steps:
        engine.advance(wanted - engine.step)
        alarms += [{"type": "alarm", **json_data(alarm.to_json())} for alarm in engine.divergences()]
        if frames and frames[-1].step == engine.step:
            break
        snapshot = engine.snapshot()
        metrics = snapshot.matrix(names)
        size = metrics.nbytes + sum(table.nbytes for table in snapshot.tables.values())
        frames.append(Frame(len(frames), snapshot.step, 0.0, 0.0, members, metrics, snapshot.tables, size))
        alarms += [{"type": "alarm", **alarm.to_json()} for alarm in watch.see(snapshot.step, snapshot.metrics)]
    return RunExport(
        config=engine.config,
        hello=hello(config, described, title=title),
        static=engine.static(),
        frames=frames,
        marks=list(engine.marks),
        alarms=alarms,
        state="diverged" if engine.stopped else "finished",
        reason=engine.why_stopped if engine.stopped else f"recorded up to update {engine.step}",
        checkpoint=Checkpoint(engine.step, engine.checkpoint()),
        dataset=dataset,
    )
