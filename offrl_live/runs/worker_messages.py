"""What a worker sends of its run, taken into the run and passed on to its viewers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offrl_live.runs.config import Change
from offrl_live.runs.hello import with_current_values
from offrl_live.runs.run import Run
from offrl_live.runs.timeline import Checkpoint, Frame, Mark
from offrl_live.runs.wire import Array, dumps, encode, unpack

Header = dict[str, Any]
Arrays = dict[str, Array]


def take(run: Run, header: Header, payload: memoryview) -> None:
    """Take one message into the run."""
    if header["kind"] == "checkpoint":
        run.timeline.checkpoints.append(Checkpoint(header["step"], bytes(payload)))
    else:
        _TAKE[header["kind"]](run, header, unpack(header["fields"], payload))


def _built(run: Run, header: Header, arrays: Arrays) -> None:
    run.described, run.static = header["hello"], arrays
    for viewer in run.viewers:
        viewer.notify()


def _frame(run: Run, header: Header, arrays: Arrays) -> None:
    size = sum(array.nbytes for array in arrays.values())
    metrics = arrays.pop("metrics")
    members = tuple(header["members"])
    run.timeline.add(Frame(0, header["step"], header["time"], header["rate"], members, metrics, arrays, size))
    run.rate, run.spent = header["rate"], header["spent"]
    run.cache = {}
    for viewer in run.viewers:
        viewer.notify()


def _mark(run: Run, header: Header, arrays: Arrays) -> None:
    data = header["mark"]
    mark = Mark(data["step"], data["lane"], data["what"])
    change = Change(mark.step, mark.lane, {name: new for name, (_, new) in mark.what.items()})
    if change not in run.config.changes:
        run.config = run.config.with_change(change)
    before = run.described
    if before is not None:
        run.described = with_current_values(before, run.config, mark.step)
    if not run.timeline.mark(mark):
        return  # known since before the run was continued
    run.tell(mark.to_json())
    if before is not None and run.described is not None:
        now, then = (described["lanes"][mark.lane] for described in (run.described, before))
        learns = {name: now[name] for name in ("equation", "formulas")}
        if learns != {name: then[name] for name in learns}:
            run.tell({"type": "equation", "lane": mark.lane, **learns})


def _truth(run: Run, header: Header, arrays: Arrays) -> None:
    """The discount was changed live, and with it what is true and the tables beside the learner's."""
    if run.described is not None:
        run.described = {**run.described, "truth": header["truth"]}
    run.static = arrays
    run.tell({"type": "truth", "truth": header["truth"]})
    for viewer in run.viewers:
        if viewer.greeted:
            viewer.static_due = True
            viewer.notify()


def _alarm(run: Run, header: Header, arrays: Arrays) -> None:
    message = {"type": "alarm", **header["alarm"]}
    run.alarms.append(message)
    if message["active"]:
        run.timeline.frames.pinned.add(message["step"])  # whoever asks for its place is to find it
    run.tell(message)


def _reply(run: Run, header: Header, arrays: Arrays) -> None:
    message = dumps({k: v for k, v in header.items() if k not in ("kind", "run", "viewer", "fields")})
    for viewer in run.viewers:
        if id(viewer) == header["viewer"]:
            viewer.send(message)


def _film(run: Run, header: Header, arrays: Arrays) -> None:
    message = encode({k: v for k, v in header.items() if k not in ("run", "viewer", "fields")}, arrays)
    for viewer in run.viewers:
        if id(viewer) == header["viewer"]:
            viewer.send(message)


_TAKE: dict[str, Callable[[Run, Header, Arrays], None]] = {
    "built": _built,
    "frame": _frame,
    "mark": _mark,
    "truth": _truth,
    "alarm": _alarm,
    "reply": _reply,
    "film": _film,
}
