"""What viewers ask for, carried out."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from offrl_live.runs.checks import ConfigError
from offrl_live.runs.commands import Request
from offrl_live.serving.run import Run
from offrl_live.serving.run_table import HubFull, Registry
from offrl_live.serving.viewer import Viewer

log = logging.getLogger(__name__)


class Desk:
    """Takes checked commands.

    What would change a run that others watch happens in a copy, to which the viewer moves.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def handle(self, viewer: Viewer, request: Request) -> None:
        """Carry out one command; the answer, or the refusal, goes to the viewer."""
        run = viewer.run
        try:
            if run.id not in self._registry.runs:
                raise ValueError("the server let this run go; open the page again to start it anew")
            answered = getattr(self, f"_{request.cmd}")(viewer, run, request)
        except (ConfigError, ValueError, HubFull) as error:
            log.info("run %s…: refused %s: %s", run.id[:6], request.cmd, error)
            viewer.say({"type": "refused", "id": request.id, "message": str(error)})
            return
        if not answered:
            viewer.say({"type": "accepted", "id": request.id})

    # Each returns whether the answer is already on its way (or none is due).

    def _ack(self, viewer: Viewer, run: Run, request: Request) -> bool:
        viewer.acknowledge(request["seq"])
        return True

    def _play(self, viewer: Viewer, run: Run, request: Request) -> bool:
        viewer.play()
        self._registry.play(run)
        return False

    _restart = _play

    def _pause(self, viewer: Viewer, run: Run, request: Request) -> bool:
        viewer.playing = False
        self._registry.will_changed(run)
        return False

    def _speed(self, viewer: Viewer, run: Run, request: Request) -> bool:
        viewer.speed = request["value"]
        self._registry.speed_changed(run)
        return False

    def _step(self, viewer: Viewer, run: Run, request: Request) -> bool:
        if len(run.viewers) > 1:
            copy = self._registry.copy(run, viewer.sent_step)
            self._registry.step(copy, request["unit"])
            self._move(viewer, copy, copy.step, "others watch this run: you step through a copy of your own")
            return False
        viewer.playing = False
        self._registry.step(run, request["unit"])
        return False

    def _set(self, viewer: Viewer, run: Run, request: Request) -> bool:
        lane, values = request["lane"], run.config.checked(request["lane"], request["values"])
        if len(run.viewers) > 1:
            # Who paused sees an earlier step than the one that the others have come to.
            step = run.step if viewer.playing else viewer.sent_step
            copy = self._registry.branch(run, step, lane, values, playing=viewer.playing)
            self._move(viewer, copy, step, "others watch this run: your change goes on in a copy of your own")
            return False
        self._registry.set(run, lane, values, id(viewer), request.id)
        return True

    def _reset(self, viewer: Viewer, run: Run, request: Request) -> bool:
        self._move(viewer, self._registry.fresh(run), -1, "the run begins again")
        return False

    def _branch(self, viewer: Viewer, run: Run, request: Request) -> bool:
        step, lane = request["step"], request["lane"]
        values = run.config.checked(lane, request["values"]) if request["values"] else {}
        copy = self._registry.branch(run, step, lane, values, playing=True)
        self._move(viewer, copy, step, f"a branch from step {step}")
        return False

    def _stop(self, viewer: Viewer, run: Run, request: Request) -> bool:
        if len(run.viewers) > 1:
            raise ValueError("others watch this run: it cannot be stopped, but you can pause or leave it")
        viewer.playing = False
        self._registry.stop(run)
        return False

    def _view(self, viewer: Viewer, run: Run, request: Request) -> bool:
        members = request["members"] or ()
        for member in (request["member"], *members):
            _inside("member", member, run.config.members)
        mode = request["mode"] or viewer.view.mode
        viewer.look(replace(viewer.view, member=request["member"], members=members, mode=mode))
        self._registry.look_changed(run)
        return False

    def _select(self, viewer: Viewer, run: Run, request: Request) -> bool:
        if run.described is None:
            raise ValueError("the run is not ready yet: its states are not known")
        _inside("state", request["state"], run.described["states"])
        viewer.select(request["state"])
        return False

    def _history(self, viewer: Viewer, run: Run, request: Request) -> bool:
        _inside("member", request["member"], run.config.members)
        viewer.history(request["member"], request.id)
        return True

    def _explain(self, viewer: Viewer, run: Run, request: Request) -> bool:
        what = {name: request[name] for name in ("row", "state", "action") if request[name] is not None}
        if set(what) not in ({"row"}, {"state", "action"}):
            raise ValueError("explain needs a row of the data, or a state and an action")
        member = request["member"] or 0
        _inside("member", member, run.config.members)
        about: dict[str, Any] = {"member": member, "what": what, "viewer": id(viewer), "id": request.id}
        self._registry.scheduler.tell(run, {"do": "explain", **about})
        return True

    def _film(self, viewer: Viewer, run: Run, request: Request) -> bool:
        if run.described is None:
            raise ValueError("the run is not ready yet: nobody can walk in its world")
        if run.described["film"]["why_not"]:
            raise ValueError(f"there is no film here: {run.described['film']['why_not']}")
        step, member = request["step"], request["member"] or 0
        _inside("member", member, run.config.members)
        about: dict[str, Any] = {"member": member, "step": step, "policy": None, "checkpoint": None}
        if step is not None:
            if step > run.step:
                raise ValueError(f"step = {step} is not allowed: this run has come to step {run.step}")
            frame, checkpoint = run.timeline.frames.until(step), run.timeline.checkpoints.until(step)
            # Where states are numbered the stored table is the whole policy.
            if "counts" in run.static and frame is not None and frame.step == step and member in frame.members:
                about["policy"] = frame.fields["policy"][frame.members.index(member)]
            elif checkpoint is not None:
                about["checkpoint"] = (checkpoint.step, checkpoint.data)
        whose: dict[str, Any] = {"seed": request["seed"] or 0, "viewer": id(viewer), "id": request.id}
        self._registry.scheduler.tell(run, {"do": "film", **about, **whose})
        return True

    def _move(self, viewer: Viewer, run: Run, step: int, reason: str) -> None:
        """Send the viewer to a run of its own; the old one stays for the others."""
        last = run.timeline.frames.last
        where = {"run_id": run.id, "parent": viewer.run.id, "step": step, "after": last.seq if last else -1}
        viewer.playing = False
        self._registry.will_changed(viewer.run)
        viewer.say({"type": "moved", "reason": reason, **where})


def _inside(name: str, value: int, count: int) -> None:
    if not 0 <= value < count:
        raise ValueError(f"{name} = {value} is not allowed: this run has {name}s 0 to {count - 1}")
