"""What a viewer is to be sent next: the greeting, then answers, states and the newest frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from offrl_live.runs.run import Message, Viewer
from offrl_live.runs.views import frame_message, frames_messages
from offrl_live.runs.wire import dumps


def next_messages(viewer: Viewer) -> Iterator[Message] | None:
    """What is to be sent now, in order; None when nothing is. Ask again when it has been sent."""
    run = viewer.run
    if not viewer.greeted and run.described is not None:
        viewer.greeted = True
        return _greeting(viewer)
    if viewer.outbox:
        return viewer.next_waiting()
    if viewer.static_due:
        viewer.static_due = False
        return iter([run.static_message()])
    if viewer.state_due:
        viewer.state_due = False
        return iter([dumps(_state(viewer))])
    newest = run.timeline.frames.last
    if not viewer.greeted or newest is None:
        return None
    if newest.seq <= viewer.sent or not _takes_frames(viewer):
        if not viewer.again:
            return None
        viewer.again = False
        return iter([frame_message(newest, viewer.view, run.cache)])
    # A viewer that watches live gets the newest frame; one that paused gets what it missed as well.
    frames = run.timeline.after(viewer.sent) if viewer.behind or not viewer.playing else [newest]
    viewer.behind = viewer.again = False
    viewer.sends(newest, live=len(frames) == 1)
    if len(frames) == 1:
        return iter([frame_message(newest, viewer.view, run.cache)])
    return frames_messages("backlog", frames, viewer.view)


def _greeting(viewer: Viewer) -> Iterator[Message]:
    run = viewer.run
    viewer.static_due = False
    frames = run.timeline.after(viewer.sent)
    starts = (run.described or {}).get("initial_states") or [0]
    if viewer.view.state is None:
        viewer.view = replace(viewer.view, state=starts[0])
    texts = [*(dumps(mark.to_json()) for mark in run.timeline.marks), *map(dumps, run.alarms)]
    first: list[Message] = [dumps(run.hello()), run.static_message()]
    if frames:
        viewer.sends(frames[-1], live=False)

    def greeting() -> Iterator[Message]:
        yield from first
        if frames:
            yield from frames_messages("backlog", frames, viewer.view)
        yield from texts

    return greeting()


def _takes_frames(viewer: Viewer) -> bool:
    """Whether new frames go to this viewer: not faster than they arrive, nor while it pauses and others train."""
    if not viewer.takes_more:
        return False
    return viewer.playing or not any(other.playing for other in viewer.run.viewers)


def _state(viewer: Viewer) -> dict[str, Any]:
    run = viewer.run
    state, reason = run.shown_state(viewer.place)
    return {
        "type": "state",
        "state": state,
        "reason": reason,
        "place": viewer.place,
        "step": run.step,
        "budget": run.limit,
        "speed": run.speed,
        "rate": round(run.rate, 1),
        "alone": len(run.viewers) <= 1,
        "playing": viewer.playing,
        **({"mistake": run.mistake} if run.mistake else {}),
    }
