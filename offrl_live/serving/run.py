"""A run as the server knows it: its configuration, what is remembered of it, who watches, and where it trains."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from offrl_live.runs.config import MAX_BUDGET, RunConfig
from offrl_live.runs.datasets import UPLOAD
from offrl_live.runs.timeline import Timeline
from offrl_live.runs.views import Cache
from offrl_live.runs.wire import Array, encode, plain

if TYPE_CHECKING:
    from offrl_live.serving.viewer import Viewer
    from offrl_live.serving.worker_process import WorkerProcess

PROTOCOL = 1
MAX_ALARMS = 400


@dataclass(eq=False)
class Run:
    """One run. Everything here is guarded by the hub's lock.

    Attributes:
        id: unguessable name in links and routes.
        config: with every live change so far.
        private: not shared with others who open the same configuration.
        title: a name for the screen.
        parent: for a branch, `{id, step, what}` of where it came from.
        timeline: frames, checkpoints, marks.
        alarms: the alarms so far, newest last.
        described: `hello`'s parts from the worker, None until it was built once.
        static: the tables that go with it.
        state, reason: as the worker reported last: `paused`, `running`, `finished`, `diverged`; or `failed`, `stopped`.
        wants: somebody wants it to train.
        keep_on: the next play goes on although nothing moves any more.
        training: it holds one of the places of runs that train at once.
        pausing: it was told to give that place back and has not answered yet.
        process: the worker process that holds it, None while it rests in its checkpoint.
        built: the engine stands at the newest step and takes commands.
        resting: everything the worker knows of it is here too, so that the worker may be given to another run.
        order: number of the last command that changes its state; the worker's reports name the one they answer.
        turn_began, used: moments (monotonic seconds).
        cache: encoded messages of the newest frame.
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
    wants: bool = False
    keep_on: bool = False
    training: bool = False
    pausing: bool = False
    process: WorkerProcess | None = None
    built: bool = False
    resting: bool = False
    order: int = 0
    speed: float = 0.0
    rate: float = 0.0
    limit: int = 0
    viewers: set[Viewer] = field(default_factory=set)
    pending: list[dict[str, Any]] = field(default_factory=list)
    turn_began: float = 0.0
    used: float = field(default_factory=time.monotonic)
    cache: Cache = field(default_factory=dict)

    def __post_init__(self) -> None:
        # An uploaded dataset is held here as long as the run lives.
        self.dataset = self.config.data if self.config.dataset.startswith(UPLOAD) else None
        self.limit = self.limit or self.config.budget

    @property
    def step(self) -> int:
        """The newest step known."""
        return self.timeline.step

    @property
    def focus(self) -> tuple[int, ...]:
        """The members that somebody looks at."""
        return tuple(sorted({m for viewer in self.viewers for m in viewer.view.watched})) or (0,)

    def lengthen(self) -> None:
        """Allow as many updates more as the budget was, where it is spent."""
        if self.limit and self.step >= self.limit:
            self.limit = min(self.step + max(self.config.budget, 1), MAX_BUDGET * 10)

    def shown_state(self, place: int | None) -> tuple[str, str]:
        """The state and the reason as viewers see them; `place` is the place in the queue, from 1."""
        if self.state in ("failed", "stopped"):
            return self.state, self.reason
        if place is not None:
            waits = "place 1: the next free worker is for this run" if place == 1 else f"place {place} in the queue"
            return "queued", waits
        if self.process is not None and not self.built:
            return "starting", "the worker prepares this run"
        if self.described is None:
            return "starting", "waiting for a worker"
        return self.state, self.reason

    def hello(self) -> dict[str, Any]:
        """The first message to a viewer; only once the run was built."""
        assert self.described is not None
        return {
            "type": "hello",
            "protocol": PROTOCOL,
            "run": {
                "id": self.id,
                "key": self.config.key,
                "title": self.title,
                "private": self.private,
                "parent": plain(self.parent),
                "config": plain(self.config.to_json()),
            },
            **self.described,
        }

    def static_message(self) -> bytes:
        """Binary `static`."""
        return encode({"kind": "static"}, self.static)
