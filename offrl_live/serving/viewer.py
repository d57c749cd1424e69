"""One viewer of a run: what he looks at, what he was sent, and what he is to be sent next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from offrl_live.runs.timeline import Frame
from offrl_live.runs.views import View, frame_message, frames_messages, is_large, selected_message
from offrl_live.runs.wire import dumps
from offrl_live.serving.run import Run

MAX_OUTBOX = 2000
MAX_ANSWERS = 16
WINDOW = 4

Message = str | bytes


class Viewer:
    """A connection to a run.

    Whoever holds it calls `messages()` whenever `notify` was called, and sends what comes out at the pace that the
    connection allows. Only the newest frame is ever waiting, so a slow connection skips frames and delays nobody. One
    that acknowledges frames is never more than four of them ahead of its acknowledgements: whatever lies in the
    network's own buffers (megabytes, where the line is slow) would be old when it arrives.

    Args:
        run: what is watched.
        lock: the hub's.
        after: the last frame that this viewer already has; −1 for none.
        notify: called from any thread when there is something to send.
    """

    def __init__(self, run: Run, lock: AbstractContextManager[Any], after: int, notify: Callable[[], None]) -> None:
        self.run = run
        self.view = View()
        self.speed: float | None = None
        self.playing = run.wants
        self.sent = after
        self.sent_step = run.step
        self.notify = notify
        self._lock = lock
        self._outbox: deque[Message | Iterator[Message]] = deque(maxlen=MAX_OUTBOX)
        self._again = False
        self._greeted = False
        self._behind = False
        self._state_due = True
        self._in_flight: deque[int] | None = None
        self._place: int | None = None

    def say(self, message: dict[str, Any]) -> None:
        """A JSON message to this viewer, in order with the others."""
        self._outbox.append(dumps(message))
        self.notify()

    def show(self, message: bytes) -> None:
        """A binary message to this viewer, in order with the others."""
        self._outbox.append(message)
        self.notify()

    def hear(self, message: dict[str, Any]) -> None:
        """A JSON message to all; one who was not greeted yet will get it with the greeting."""
        if self._greeted:
            self.say(message)

    def hear_static(self) -> None:
        """The tables that stand beside the learner's have changed."""
        if self._greeted:
            self.show(self.run.static_message())

    def _answer(self, messages: Iterator[Message]) -> None:
        """Large answers are made when they are sent: who asks for much and reads little keeps nothing here."""
        if sum(not isinstance(waiting, str | bytes) for waiting in self._outbox) >= MAX_ANSWERS:
            raise ValueError("earlier answers are still on their way")
        self._outbox.append(messages)
        self.notify()

    def state_changed(self, place: int | None) -> None:
        """The run's state is to be sent; `place` is its place in the queue."""
        self._place = place
        self._state_due = True
        self.notify()

    def play(self) -> None:
        """Watch live; frames that were missed in the pause come along."""
        self._behind = self._behind or not self.playing
        self.playing = True

    def acknowledge(self, seq: int) -> None:
        """The frame numbered `seq` has arrived, and with it all before."""
        if self._in_flight is None:
            self._in_flight = deque()
        while self._in_flight and self._in_flight[0] <= seq:
            self._in_flight.popleft()
        self.notify()

    def look(self, view: View) -> None:
        """Look at something else: the newest frame is sent again as it looks from there."""
        self.view = view
        self._again = True
        self.notify()

    @property
    def large(self) -> bool:
        """Whether the run's tables are too large to be sent whole."""
        newest = self.run.timeline.frames.last
        return newest is not None and is_large(newest)

    def select(self, state: int) -> None:
        """Select a state; in large worlds its rows in every frame are sent."""
        self.look(replace(self.view, state=state))
        if self.large:
            frames, view = list(self.run.timeline.frames), self.view
            self._answer(selected_message(frames, view) for _ in range(1))

    def history(self, member: int, id: int | str | None) -> None:
        """Send every stored frame as `member` looks in it."""
        frames = [frame for frame in self.run.timeline.frames if member in frame.members]
        view = replace(self.view, member=member, members=())
        self._answer(frames_messages("history", frames, view, id=id, member=member))

    def messages(self) -> Iterator[Message]:
        """What there is to send now, in order; ends when there is nothing left."""
        while True:
            with self._lock:
                batch = self._next()
            if batch is None:
                return
            yield from batch

    def _next(self) -> Iterator[Message] | None:
        run = self.run
        if not self._greeted and run.described is not None:
            self._greeted = True
            return self._greeting()
        if self._outbox:
            first = self._outbox.popleft()
            return iter([first]) if isinstance(first, str | bytes) else first
        if self._state_due:
            self._state_due = False
            return iter([dumps(self._state())])
        newest = run.timeline.frames.last
        if not self._greeted or newest is None:
            return None
        if newest.seq <= self.sent or not self._follows():
            if not self._again:
                return None
            self._again = False
            return iter([frame_message(newest, self.view, run.cache)])
        # A viewer who watches live gets the newest frame; one who paused gets what he missed as well.
        frames = run.timeline.after(self.sent) if self._behind or not self.playing else [newest]
        self._behind = self._again = False
        self._mark_sent(newest)
        if len(frames) == 1:
            return iter([frame_message(newest, self.view, run.cache)])
        return frames_messages("backlog", frames, self.view)

    def _greeting(self) -> Iterator[Message]:
        run = self.run
        frames = run.timeline.after(self.sent)
        starts = (run.described or {}).get("initial_states") or [0]
        if self.view.state is None:
            self.view = replace(self.view, state=starts[0])
        texts = [*(dumps(mark.to_json()) for mark in run.timeline.marks), *map(dumps, run.alarms)]
        first: list[Message] = [dumps(run.hello()), run.static_message()]
        if frames:
            self._mark_sent(frames[-1])

        def greeting() -> Iterator[Message]:
            yield from first
            if frames:
                yield from frames_messages("backlog", frames, self.view)
            yield from texts

        return greeting()

    def _mark_sent(self, frame: Frame) -> None:
        self.sent, self.sent_step = frame.seq, frame.step
        if self._in_flight is not None:
            self._in_flight.append(frame.seq)

    def _follows(self) -> bool:
        """Whether new frames go to this viewer: not faster than they arrive, nor while he pauses and others train."""
        if self._in_flight is not None and len(self._in_flight) >= WINDOW:
            return False
        return self.playing or not any(other.playing for other in self.run.viewers)

    def _state(self) -> dict[str, Any]:
        run = self.run
        state, reason = run.shown_state(self._place)
        return {
            "type": "state",
            "state": state,
            "reason": reason,
            "place": self._place,
            "step": run.step,
            "budget": run.limit,
            "speed": run.speed,
            "rate": round(run.rate, 1),
            "alone": len(run.viewers) <= 1,
            "playing": self.playing,
        }
