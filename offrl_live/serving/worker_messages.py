"""What workers say of their runs, taken in."""

from __future__ import annotations

import logging
from typing import Any

from offrl_core.algos import algorithm
from offrl_live.runs.config import Change, RunConfig
from offrl_live.runs.timeline import Checkpoint, Frame, Mark
from offrl_live.runs.wire import Array, encode
from offrl_live.serving.run import Run
from offrl_live.serving.run_table import Registry
from offrl_live.serving.worker_process import WorkerProcess

log = logging.getLogger(__name__)


class Reports:
    """Takes the workers' messages: into the timelines, and on to the viewers."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def take(
        self, process: WorkerProcess, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview
    ) -> None:
        """One message."""
        if header["kind"] == "ready":
            process.ready = True
            self._registry.scheduler.schedule()
            return
        run = self._registry.runs.get(header["run"])
        if run is None or run.process is not process:
            return  # a run that was dropped, or went to another worker meanwhile
        getattr(self, f"_{header['kind']}")(run, header, arrays, payload)

    def gone(self, process: WorkerProcess, reason: str) -> None:
        """A worker's end. The run in it has failed, unless it was at rest and lost nothing."""
        log.error("worker %s: %s", process.pid, reason)
        run = self._registry.scheduler.died(process)
        if run is not None and not run.resting:
            self._registry.scheduler.give_back(run)
            self._fail(run, reason)
        self._registry.scheduler.schedule()

    def _built(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        run.described, run.static = header["hello"], arrays
        for viewer in run.viewers:
            viewer.notify()

    def _arrived(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        run.timeline.aim = 0
        self._registry.scheduler.was_built(run)

    def _frame(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        metrics = arrays.pop("metrics")
        frame = Frame(
            0, header["step"], header["time"], header["rate"], tuple(header["members"]), metrics, arrays, len(payload)
        )
        run.timeline.add(frame)
        run.rate = header["rate"]
        run.cache = {}
        for viewer in run.viewers:
            viewer.notify()

    def _checkpoint(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        run.timeline.checkpoints.append(Checkpoint(header["step"], bytes(payload)))

    def _mark(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        data = header["mark"]
        mark = Mark(data["step"], data["lane"], data["what"])
        values = {name: new for name, (_, new) in mark.what.items()}
        if Change(mark.step, mark.lane, values) not in run.config.changes:
            run.config = run.config.changed(mark.step, mark.lane, values)
        before = run.described
        if before is not None:
            run.described = _with_values(before, run.config, mark.step)
        if not run.timeline.mark(mark):
            return  # known since before the run was continued
        for viewer in run.viewers:
            viewer.hear(mark.to_json())
        if before is not None and run.described is not None:
            now, then = (described["lanes"][mark.lane] for described in (run.described, before))
            learns = {name: now[name] for name in ("equation", "formulas")}
            if learns != {name: then[name] for name in learns}:
                for viewer in run.viewers:
                    viewer.hear({"type": "equation", "lane": mark.lane, **learns})

    def _truth(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        if run.described is not None:
            run.described = {**run.described, "truth": header["truth"]}
        run.static = arrays
        for viewer in run.viewers:
            viewer.hear({"type": "truth", "truth": header["truth"]})
            viewer.hear_static()

    def _alarm(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        message = {"type": "alarm", **header["alarm"]}
        run.alarms.append(message)
        for viewer in run.viewers:
            viewer.hear(message)

    def _reply(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        message = {k: v for k, v in header.items() if k not in ("kind", "run", "viewer", "fields")}
        for viewer in run.viewers:
            if id(viewer) == header["viewer"]:
                viewer.say(message)

    def _film(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        message = encode({k: v for k, v in header.items() if k not in ("run", "viewer", "fields")}, arrays)
        for viewer in run.viewers:
            if id(viewer) == header["viewer"]:
                viewer.show(message)

    def _state(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        if header["order"] != run.order:
            return  # the answer to a later command is on its way
        if run.state != "stopped":
            run.state, run.reason = header["state"], header["reason"]
        run.rate = header["rate"]
        if header["state"] != "running":
            if header["state"] in ("finished", "diverged"):
                run.wants = False
                for viewer in run.viewers:
                    viewer.playing = False
            self._registry.scheduler.stands(run)
            if run.state == "stopped" and not run.wants:
                self._registry.scheduler.give_back(run)
        self._registry.state_changed(run)

    def _error(self, run: Run, header: dict[str, Any], arrays: dict[str, Array], payload: memoryview) -> None:
        self._registry.scheduler.give_back(run)
        self._fail(run, header["reason"])

    def _fail(self, run: Run, reason: str) -> None:
        run.state = "failed"
        run.reason = f"{reason}; restart continues from step {run.step}"
        run.rate = 0.0
        for viewer in run.viewers:
            viewer.playing = False
        self._registry.state_changed(run)


def _with_values(described: dict[str, Any], config: RunConfig, step: int) -> dict[str, Any]:
    """`hello`'s parts with the hyperparameters as they are from `step` on, and the equation that follows from them."""
    lanes, members = [], []
    for number, lane in enumerate(described["lanes"]):
        now = config.current(number, step)
        declared = [
            {**h, "value": list(v) if isinstance(v := now[h["name"]], tuple) else v} for h in lane["hyperparameters"]
        ]
        kind = algorithm(lane["algorithm"])()
        choices = {name: value for name, value in now.items() if not isinstance(value, tuple)}
        learns = {"equation": kind.equation_for(choices), "formulas": kind.formulas(choices)}
        lanes.append({**lane, "hyperparameters": declared, **learns})
    for member in described["members"]:
        now = config.current(member["lane"], step)
        values = {n: v if isinstance(now.get(n), tuple) else now.get(n, v) for n, v in member["values"].items()}
        members.append({**member, "values": values})
    return {**described, "lanes": lanes, "members": members}
