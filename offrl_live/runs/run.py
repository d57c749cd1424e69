"""A run and its viewers: what is known of a run, where it trains, and what each viewer was sent and is to be sent."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from offrl_live.runs.ahead import Ahead
from offrl_live.runs.clock import Clock
from offrl_live.runs.config import MAX_BUDGET, RunConfig
from offrl_live.runs.datasets import UPLOAD, uploaded
from offrl_live.runs.export import RunExport
from offrl_live.runs.hello import hello
from offrl_live.runs.timeline import Frame, Timeline
from offrl_live.runs.views import Cache, View, is_large
from offrl_live.runs.wire import Array, dumps, encode

MAX_ALARMS = 400
MAX_OUTBOX = 2000
OUTBOX_BYTES = 4_000_000
MAX_ANSWERS = 16
WINDOW = 4
"""Frames that may be on their way to a viewer that acknowledges them."""
LATE_SECONDS = 0.25
FORGETTING = 1.02

Message = str | bytes


class Allowance(Protocol):
    """So many at a time, and so many a second."""

    def take(self) -> bool:
        """Whether there may be one more now."""


class WorkerHandle(Protocol):
    """A worker as runs see it, wherever it works: it takes commands and reports in messages (see `Scheduler`).

    Attributes:
        ready: it has said that it takes commands.
        pid: its process, None where it has none.
    """

    ready: bool

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None:
        """Begin to work; returns at once."""

    def send(self, command: dict[str, Any]) -> None:
        """Hand over one command; never waits."""

    def close(self) -> None:
        """End it."""


@dataclass(eq=False)
class Run:
    """One run.

    Attributes:
        id: unguessable name in links and routes.
        config: with every live change so far.
        private: not shared with others who open the same configuration.
        title: a name for the screen.
        parent: for a branch, `{id, step, lane, what}` of where it came from; with `saved`, the own file that was.
        timeline: frames, checkpoints, marks.
        alarms: the alarms so far, newest last.
        described: `hello`'s parts from the worker, None until it was built once.
        static: the tables that go with it.
        state, reason: as the worker reported last: `paused`, `running`, `finished`, `diverged`; or `failed`, `stopped`.
        wanted: somebody wants it to train.
        keep_on: the next play goes on although nothing moves any more.
        training: it holds one of the places of runs that train at once.
        pausing: it was told to give that place back and has not answered yet.
        worker: the worker that holds it, None while it rests in its checkpoint.
        built: the engine stands at the newest step and takes commands.
        resting: everything the worker knows of it is here too, so that the worker may be given to another run.
        told_reads: what its worker was told of `reads`.
        starts: how many times a worker was given it.
        order: number of the last command that changes its state; the worker's reports name the one they answer.
        speed, rate: updates a second that are wanted (0: as fast as it goes), and that are reached.
        usual_speed: what is wanted where no viewer has said; at first the `speed` that it is made with.
        limit: the update at which it stops, 0 for never.
        until: the update up to which it is computed again, then to stand still; 0 where it is not.
        mistake: what is wrong with the newest text of an own file that its algorithms come from; often nothing.
        ahead: what was trained before it is watched and is still to be shown; None where all that is known is shown.
        pending: commands that wait until it is built.
        turn_began, used: moments of the clock.
        spent: processor time of this turn.
        turns: how many it has had.
        served: seconds of training for each viewer, weighted (see `Scheduler`): the queue's order.
        asked_at: when it was given to a worker; `building`: the seconds from then until it could train.
        cache: encoded messages of the newest frame.
        owner: whose it is: who has opened it as a run of their own, branched or changed it.
        stays: it is not let go because nobody watches it.
        family: the id of the run that it came of by branching and beginning again; its own where it did not.
    """

    id: str
    config: RunConfig
    private: bool = False
    title: str = ""
    parent: dict[str, Any] | None = None
    timeline: Timeline = field(default_factory=Timeline)
    alarms: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_ALARMS))
    described: dict[str, Any] | None = None
    static: dict[str, Array] = field(default_factory=dict)
    state: str = "paused"
    reason: str = ""
    wanted: bool = False
    keep_on: bool = False
    training: bool = False
    pausing: bool = False
    worker: WorkerHandle | None = None
    built: bool = False
    resting: bool = False
    told_reads: bool = False
    starts: int = 0
    order: int = 0
    speed: float = 0.0
    usual_speed: float = field(init=False)
    rate: float = 0.0
    limit: int = 0
    mistake: str = ""
    viewers: set[Viewer] = field(default_factory=set)
    until: int = 0
    ahead: Ahead | None = None
    pending: list[dict[str, Any]] = field(default_factory=list)
    turn_began: float = 0.0
    spent: float = 0.0
    turns: int = 0
    served: float = 0.0
    asked_at: float = 0.0
    building: float = 0.0
    used: float = 0.0
    cache: Cache = field(default_factory=dict)
    family: str = ""
    owner: str | None = None
    stays: bool = False

    def __post_init__(self) -> None:
        self.family = self.family or self.id
        self.usual_speed = self.speed
        # An uploaded dataset is held here as long as the run lives.
        self.dataset = uploaded(self.config.dataset) if self.config.dataset.startswith(UPLOAD) else None
        self.limit = self.limit or self.config.budget

    @property
    def step(self) -> int:
        """The newest step known."""
        return self.timeline.step

    @property
    def session(self) -> str:
        """The name of its stay in the worker that holds it: what an earlier stay still sends is not of it."""
        return f"{self.id}.{self.starts}"

    @property
    def nbytes(self) -> int:
        """The memory of its timeline, and of what is still to be shown."""
        return self.timeline.nbytes + (self.ahead.nbytes if self.ahead else 0)

    @property
    def focus(self) -> tuple[int, ...]:
        """The members that viewers look at."""
        return tuple(sorted({m for viewer in self.viewers for m in viewer.view.watched})) or (0,)

    @property
    def reads(self) -> bool:
        """Whether a viewer is shown what targets read."""
        return any(viewer.view.reads for viewer in self.viewers)

    @property
    def large(self) -> bool:
        """Whether its tables are too large to be sent whole."""
        newest = self.timeline.frames.last
        return newest is not None and is_large(newest)

    def comes_to(self, step: int) -> bool:
        """Whether there is a frame of exactly this step, or will be one where the run is computed up to there."""
        if self.step < step:
            return not self.wanted or self.until == step
        frame = self.timeline.frames.until(step)
        return frame is not None and frame.step == step

    def lengthen(self) -> None:
        """Allow as many updates more as the budget was, where it is spent."""
        if self.limit and self.step >= self.limit:
            self.limit = min(self.step + max(self.config.budget, 1), MAX_BUDGET * 10)

    def revive(self) -> None:
        """A run that failed or was stopped is to train again."""
        if self.state in ("failed", "stopped"):
            self.state, self.reason = "paused", ""

    def shown_state(self, place: int | None) -> tuple[str, str]:
        """The state and the reason as viewers see them; `place` is the place in the queue, from 1."""
        if self.state in ("failed", "stopped"):
            return self.state, self.reason
        if self.ahead is not None and not self.ahead.empty:
            return "running" if self.wanted else "paused", ""
        if place is not None:
            waits = "place 1: the next free worker is for this run" if place == 1 else f"place {place} in the queue"
            return "queued", waits
        if self.worker is not None and not self.built:
            return "starting", "the worker is preparing this run"
        if self.described is None:
            return "starting", "waiting for a worker"
        return self.state, self.reason

    def info(self, place: int | None) -> dict[str, Any]:
        """What is known of it now.

        Returns:
            `id, state, reason, place, step, budget, speed, rate, viewers, private, title, parent, config, members,
            nbytes`, `returns` (of each lane the median true return over its models, by the newest frame), and `pid`,
            the process that holds it (None while it rests).
        """
        state, reason = self.shown_state(place)
        return {
            "id": self.id,
            "state": state,
            "reason": reason,
            "place": place,
            "step": self.step,
            "budget": self.limit,
            "speed": self.speed,
            "rate": self.rate,
            "viewers": len(self.viewers),
            "private": self.private,
            "title": self.title,
            "parent": self.parent,
            "config": self.config,
            "members": (self.described or {}).get("members", []),
            "nbytes": self.nbytes,
            "returns": self._returns(),
            "pid": self.worker.pid if self.worker else None,
        }

    def _returns(self) -> list[float]:
        newest, described = self.timeline.frames.last, self.described or {}
        names = [metric["name"] for metric in described.get("metrics", ())]
        if newest is None or "return" not in names:
            return []
        measured = newest.metrics[:, names.index("return")]
        lanes = [member["lane"] for member in described["members"]]
        return [
            float(np.median(measured[[place for place, its in enumerate(lanes) if its == lane]]))
            for lane in sorted(set(lanes))
        ]

    def hello(self) -> dict[str, Any]:
        """The first message to a viewer; only once the run was built."""
        assert self.described is not None
        return hello(
            self.config, self.described, id=self.id, title=self.title, private=self.private, parent=self.parent
        )

    def static_message(self) -> bytes:
        """Binary `static`."""
        return encode({"kind": "static"}, self.static)

    def export(self) -> RunExport:
        """Everything that is remembered."""
        return RunExport(
            config=self.config,
            hello=self.hello() if self.described is not None else None,
            static=dict(self.static),
            frames=list(self.timeline.frames),
            marks=list(self.timeline.marks),
            alarms=list(self.alarms),
            state=self.state,
            reason=self.reason,
            checkpoint=self.timeline.checkpoints.last,
            dataset=self.dataset,
        )

    def tell(self, message: Mapping[str, Any]) -> None:
        """A JSON message to every viewer; one that was not greeted yet will get it with the greeting."""
        for viewer in self.viewers:
            if viewer.greeted:
                viewer.send(dumps(message))


class _OnItsWay(NamedTuple):
    """A frame that is not acknowledged yet: when it was sent, and when it was computed if it was sent live."""

    seq: int
    sent_at: float
    computed: float | None


class Viewer:
    """What one viewer of a run looks at, what it was sent, and what waits for it.

    Only the newest frame is ever waiting, so a slow connection skips frames and delays nobody. One that acknowledges
    frames is never more than a few of them ahead of its acknowledgements: whatever lies in the network's own buffers
    (megabytes, where the line is slow) would be old when it arrives.

    Args:
        run: what is watched.
        after: the last frame that this viewer already has; −1 for none.
        notify: called when there is something to send.
        clock: the times to go by.
        new_runs: how fast it may begin runs of its own.
        owner: whose runs these are then.

    Attributes:
        view: what it looks at.
        speed: updates a second that it wants, None where it has not said.
        playing: it has pressed play.
        sent, sent_step: number and step of the last frame that was sent.
        outbox: messages that wait, and large ones that are made when they are sent.
        waiting: bytes of the messages in it.
        static_due: the tables that go with the run are to be sent, as they are then.
        greeted: `hello` is on its way.
        behind: frames that came while it paused are to be sent as well.
        again: the newest frame is to be sent once more, as it looks from another view.
        state_due: the run's state is to be sent.
        in_flight: frames not acknowledged yet, None for a viewer that never acknowledges.
        delay: seconds from the computation of the last live frame that was acknowledged until then; None where the
            last acknowledgement was of no live frame.
        place: the run's place in the queue.
    """

    def __init__(
        self,
        run: Run,
        after: int,
        notify: Callable[[], None],
        clock: Clock,
        new_runs: Allowance | None = None,
        owner: str | None = None,
    ) -> None:
        self.run = run
        self.owner = owner
        self._clock = clock
        self._new_runs = new_runs
        self.notify = notify
        self.view = View()
        self.speed: float | None = None
        self.playing = run.wanted
        self.sent, self.sent_step = after, run.step
        self.outbox: deque[Message | Iterator[Message]] = deque()
        self.waiting = 0
        self.greeted = self.behind = self.again = self.static_due = False
        self.state_due = True
        self.in_flight: deque[_OnItsWay] | None = None
        self.delay: float | None = None
        self._took = self._best = math.inf
        self.place: int | None = None

    def send(self, message: Message) -> None:
        """A message to this viewer, in order with the others.

        Where it reads so little that too much would wait, it is greeted anew instead, which tells all that is known.
        """
        if self.outbox and (self.waiting + len(message) > OUTBOX_BYTES or len(self.outbox) >= MAX_OUTBOX):
            self.outbox.clear()
            self.waiting = 0
            self.greeted = False
        self.outbox.append(message)
        self.waiting += len(message)
        self.notify()

    def next_waiting(self) -> Iterator[Message]:
        """The first message that waits, or the messages that are made of it now."""
        first = self.outbox.popleft()
        if not isinstance(first, str | bytes):
            return first
        self.waiting -= len(first)
        return iter([first])

    def send_later(self, messages: Iterator[Message]) -> None:
        """Large messages, made only when they are sent: a viewer that asks for much and reads little costs nothing.

        Raises:
            ValueError: too many of the kind are waiting.
        """
        if sum(not isinstance(waiting, str | bytes) for waiting in self.outbox) >= MAX_ANSWERS:
            raise ValueError("earlier answers are still on their way")
        self.outbox.append(messages)
        self.notify()

    def begins_a_run(self) -> None:
        """It is about to begin a run of its own.

        Raises:
            ValueError: it has begun too many.
        """
        if self._new_runs is not None and not self._new_runs.take():
            raise ValueError("too many new runs were begun from here; try again in a moment")

    def state_changed(self, place: int | None) -> None:
        """The run's state is to be sent; `place` is its place in the queue."""
        self.place = place
        self.state_due = True
        self.notify()

    def play(self) -> None:
        """Watch live; frames that were missed in the pause come along."""
        self.behind = self.behind or not self.playing
        self.playing = True

    def acknowledge(self, seq: int) -> None:
        """The frame numbered `seq` has arrived, and with it all before."""
        if self.in_flight is None:
            self.in_flight = deque()
        self.delay = None
        while self.in_flight and self.in_flight[0].seq <= seq:
            frame = self.in_flight.popleft()
            self._took = self._clock.now() - frame.sent_at
            self._best = min(self._took, FORGETTING * self._best)
            self.delay = None if frame.computed is None else self._clock.date() - frame.computed
        self.notify()

    def sends(self, frame: Frame, *, live: bool) -> None:
        """A frame is handed to the network; `live` where it is sent as soon as it was computed."""
        self.sent, self.sent_step = frame.seq, frame.step
        if self.in_flight is not None:
            self.in_flight.append(_OnItsWay(frame.seq, self._clock.now(), frame.time if live else None))

    @property
    def takes_more(self) -> bool:
        """Whether another frame may be on its way beside those that were not acknowledged yet.

        Where acknowledgements take much longer than the quickest of late, frames queue up on a slow line, or before a
        page that draws slowly: then one at a time.
        """
        late = self._took > self._best + LATE_SECONDS
        return self.in_flight is None or len(self.in_flight) < (1 if late else WINDOW)

    def look_at(self, view: View) -> None:
        """Look at something else: the newest frame is sent again as it looks from there."""
        self.view = view
        self.again = True
        self.notify()
