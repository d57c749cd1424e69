"""What viewers ask for, carried out: what would change a run that others watch happens in a copy of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from offrl_live.runs.commands import Request
from offrl_live.runs.live_runs import LiveRuns, NoRoom, new_id
from offrl_live.runs.run import Run, Viewer
from offrl_live.runs.views import frames_messages, selected_message
from offrl_live.runs.wire import dumps

log = logging.getLogger(__name__)


def carry_out(runs: LiveRuns, viewer: Viewer, request: Request) -> None:
    """Carry out one checked command; the answer, or the refusal, goes to the viewer."""
    run = viewer.run
    run.used = runs.clock.now()
    try:
        if run.id not in runs.runs:
            raise ValueError("the server dropped this run; reload the page to start it again")
        answered = _DO[request.cmd](runs, viewer, run, request)
    except (ValueError, NoRoom) as error:
        log.info("run %s…: refused %s: %s", run.id[:6], request.cmd, error)
        viewer.send(dumps({"type": "refused", "id": request.id, "message": str(error)}))
        return
    if not answered:
        viewer.send(dumps({"type": "accepted", "id": request.id}))


# Each returns whether the answer is already on its way (or none is due).


def _ack(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    viewer.acknowledge(request["seq"])
    return True


def _play(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    viewer.play()
    runs.speed_changed(run)  # those who have paused meanwhile no longer set it
    runs.train(run)
    return False


def _pause(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    viewer.playing = False
    runs.playing_changed(run)
    return False


def _speed(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    viewer.speed = request["value"]
    runs.speed_changed(run)
    return False


def _step(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    """One update, one epoch, or to the next snapshot; then stand still."""
    others = len(run.viewers) > 1
    if others:
        viewer.begins_a_run()
    mine = runs.branch(run, viewer.sent_step, 0, {}) if others else run
    if not others:
        viewer.playing = False
    runs.scheduler.rest(mine)
    runs.scheduler.come_back(mine)
    mine.lengthen()
    mine.revive()
    runs.scheduler.tell(mine, {"do": "step", "unit": request["unit"], "limit": mine.limit})
    if others:
        move(runs, viewer, mine, mine.step, "others watch this run, so you step through a copy of it")
    return False


def _set(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    lane, values = request["lane"], run.config.checked(request["lane"], request["values"])
    if len(run.viewers) <= 1:
        run.owner = viewer.owner
        runs.set(run, lane, values, viewer=id(viewer), id=request.id)
        return True
    viewer.begins_a_run()
    # A viewer that paused sees an earlier step than the one that the others have come to.
    step = run.step if viewer.playing else viewer.sent_step
    copy = runs.branch(run, step, lane, values)
    begin(runs, copy, playing=viewer.playing)
    move(runs, viewer, copy, step, "others watch this run, so your change is made in a copy of it")
    return False


def _catch_up(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    """The viewer has seen this run before a restart of the server: it is computed again up to there."""
    runs.catch_up(run, request["step"])
    return False


def _branch(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    step, lane = request["step"], request["lane"]
    values = run.config.checked(lane, request["values"]) if request["values"] else {}
    viewer.begins_a_run()
    branch = runs.branch(run, step, lane, values)
    begin(runs, branch, playing=True)
    move(runs, viewer, branch, step, f"a branch from step {step}")
    return False


def _reset(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    """The run from the beginning, with its values as they are now."""
    viewer.begins_a_run()
    parent = {"id": run.id, "step": 0, "what": {}}
    fresh = runs.add(Run(new_id(), run.config.restarted(), True, run.title, parent, speed=run.speed, family=run.family))
    begin(runs, fresh, playing=False)
    move(runs, viewer, fresh, -1, "the run begins again")
    return False


def _stop(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    """Give the run's worker back, once everything of the run is known here."""
    if len(run.viewers) > 1:
        raise ValueError("others watch this run: it cannot be stopped, but you can pause or leave it")
    viewer.playing = False
    run.state, run.reason = "stopped", "you stopped it; play continues from here"
    runs.scheduler.rest(run)
    if run.resting or run.worker is None:
        runs.scheduler.give_back(run)
    runs.scheduler.state_changed(run)
    return False


def _view(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    members = request["members"] or ()
    for member in (request["member"], *members):
        _inside("member", member, run.config.members)
    mode = request["mode"] or viewer.view.mode
    reads = bool(request["reads"])
    viewer.look_at(replace(viewer.view, member=request["member"], members=members, mode=mode, reads=reads))
    runs.view_changed(run)
    return False


def _select(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    """Select a state; in large worlds its rows in every frame are sent."""
    if run.described is None:
        raise ValueError("the run is not ready yet: its states are not known")
    _inside("state", request["state"], run.described["states"])
    viewer.look_at(replace(viewer.view, state=request["state"]))
    if run.large:
        frames, view = list(run.timeline.frames), viewer.view
        viewer.send_later(selected_message(frames, view) for _ in range(1))
    return False


def _history(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    """Every stored frame as a member looks in it."""
    member = request["member"]
    _inside("member", member, run.config.members)
    frames = [frame for frame in run.timeline.frames if member in frame.members]
    view = replace(viewer.view, member=member, members=())
    viewer.send_later(frames_messages("history", frames, view, id=request.id, member=member))
    return True


def _frame(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    """The stored frame of a step, or the last one before it, as the viewer looks at it."""
    frame = run.timeline.frames.until(request["step"])
    if frame is None:
        raise ValueError("the run is not ready yet: it has no frames")
    viewer.send_later(frames_messages("backlog", [frame], viewer.view))
    return False


def _explain(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    what = {name: request[name] for name in ("row", "state", "action") if request[name] is not None}
    if set(what) not in ({"row"}, {"state", "action"}):
        raise ValueError("explain needs a row of the data, or a state and an action")
    member, step = request["member"] or 0, _looked_at(run, request)
    _inside("member", member, run.config.members)
    about: dict[str, Any] = {"member": member, "what": what, "step": step, "checkpoint": _checkpoint(run, step)}
    runs.scheduler.tell(run, {"do": "explain", **about, "viewer": id(viewer), "id": request.id})
    return True


def _film(runs: LiveRuns, viewer: Viewer, run: Run, request: Request) -> bool:
    if run.described is None:
        raise ValueError("the run is not ready yet: nobody can walk in its world")
    if run.described["film"]["why_not"]:
        raise ValueError(f"there is no film here: {run.described['film']['why_not']}")
    step, member = _looked_at(run, request), request["member"] or 0
    _inside("member", member, run.config.members)
    about: dict[str, Any] = {"member": member, "step": step, "policy": None, "checkpoint": _checkpoint(run, step)}
    # Where states are numbered the stored table is the whole policy.
    frame = None if step is None else run.timeline.frames.until(step)
    if "counts" in run.static and frame is not None and frame.step == step and member in frame.members:
        about |= {"policy": frame.fields["policy"][frame.members.index(member)], "checkpoint": None}
    whose: dict[str, Any] = {"seed": request["seed"] or 0, "viewer": id(viewer), "id": request.id}
    runs.scheduler.tell(run, {"do": "film", **about, **whose})
    return True


_DO: dict[str, Callable[[LiveRuns, Viewer, Run, Request], bool]] = {
    "ack": _ack,
    "play": _play,
    "restart": _play,
    "pause": _pause,
    "speed": _speed,
    "step": _step,
    "set": _set,
    "branch": _branch,
    "catch_up": _catch_up,
    "reset": _reset,
    "stop": _stop,
    "view": _view,
    "select": _select,
    "history": _history,
    "frame": _frame,
    "explain": _explain,
    "film": _film,
}


def _looked_at(run: Run, request: Request) -> int | None:
    """The step that is asked about; None for where the worker is, which is not what is shown of a run trained ahead."""
    step: int | None = request["step"]
    return run.step if step is None and run.ahead is not None else step


def _checkpoint(run: Run, step: int | None) -> tuple[int, bytes] | None:
    """The checkpoint to go on from to an earlier step; None for now, or where the way is from the start."""
    if step is None:
        return None
    if step > run.step:
        raise ValueError(f"step = {step} is not allowed: this run has come to step {run.step}")
    checkpoint = run.timeline.checkpoints.until(step)
    return None if checkpoint is None else (checkpoint.step, checkpoint.data)


def begin(runs: LiveRuns, run: Run, *, playing: bool) -> None:
    """A new run stands ready, or trains at once."""
    if playing:
        run.lengthen()
        runs.scheduler.train(run)
    else:
        runs.scheduler.need(run)


def move(runs: LiveRuns, viewer: Viewer, run: Run, step: int, reason: str, *, shared: bool = False) -> None:
    """Send the viewer to a run of its own, or to one that all others go to as well; the old one stays."""
    last = run.timeline.frames.last
    where = {"run_id": run.id, "parent": viewer.run.id, "step": step, "after": last.seq if last else -1}
    where["shared"] = shared
    if not shared:
        run.owner = viewer.owner
    viewer.playing = False
    runs.playing_changed(viewer.run)
    viewer.send(dumps({"type": "moved", "reason": reason, **where}))


def _inside(name: str, value: int, count: int) -> None:
    if not 0 <= value < count:
        raise ValueError(f"{name} = {value} is not allowed: this run has {name}s 0 to {count - 1}")
