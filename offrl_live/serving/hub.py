"""The hub: the runs of this server, their worker processes, and the thread in which time passes."""

from __future__ import annotations

import atexit
import functools
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from offrl_core.processes.freed_memory import FreedMemory
from offrl_live.runs.commands import Request
from offrl_live.runs.live_runs import Limits, LiveRuns
from offrl_live.runs.run import Viewer
from offrl_live.runs.scheduler import Ended, Received
from offrl_live.runs.viewer_commands import carry_out
from offrl_live.serving.clock import SYSTEM_CLOCK
from offrl_live.serving.environment import limits
from offrl_live.serving.watched_files import WatchedFiles
from offrl_live.serving.worker_process import WorkerProcess

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
SHOWING_SECONDS = 0.05

F = TypeVar("F", bound=Callable[..., Any])


def _locked(method: F) -> F:
    """The method, under the hub's lock."""

    @functools.wraps(method)
    def call(hub: Hub, *args: Any, **kwargs: Any) -> Any:
        with hub.lock:
            return method(hub, *args, **kwargs)

    return call  # type: ignore[return-value]


class Hub(LiveRuns):
    """Live runs for many threads: script threads call it, the event loop serves its viewers, workers are processes.

    Attributes:
        lock: to be held while a run is read or changed; the methods here take it themselves.
        files: the own files with algorithms that this server was given; None where there are none.
    """

    def __init__(self, wanted: Limits | None = None) -> None:
        super().__init__(self._worker, SYSTEM_CLOCK, wanted or limits())
        self.lock = threading.RLock()
        self.files: WatchedFiles | None = None
        self._closed = threading.Event()
        self._ticked_at = SYSTEM_CLOCK.now()
        self._ticker = threading.Thread(target=self._tick_on, name="offrl-hub", daemon=True)

    def start(self) -> Hub:
        """Start the worker processes; returns at once, they warm up by themselves."""
        with self.lock:
            self.scheduler.start()
        self._ticker.start()
        return self

    def watch(self, paths: Sequence[Path]) -> None:
        """Take own files with algorithms, and train anew whenever one is saved; returns when each was tried once."""
        if paths:
            self.files = WatchedFiles(paths, self, self.lock)
            self.files.start()

    def close(self) -> None:
        """End every worker and forget every run."""
        self._closed.set()
        if self.files is not None:
            self.files.close()
        with self.lock:
            ended = self.scheduler.close()
            self.runs.clear()
        for worker in ended:
            worker.close()

    open = _locked(LiveRuns.open)
    info = _locked(LiveRuns.info)
    export = _locked(LiveRuns.export)
    drop = _locked(LiveRuns.drop)
    play = _locked(LiveRuns.play)
    pause = _locked(LiveRuns.pause)
    speed = _locked(LiveRuns.speed)
    join = _locked(LiveRuns.join)
    leave = _locked(LiveRuns.leave)
    next_messages = _locked(LiveRuns.next_messages)
    tick = _locked(LiveRuns.tick)

    def command(self, viewer: Viewer, request: Request) -> None:
        """Carry out what a viewer said; the answer, or the refusal, goes to the viewer."""
        with self.lock:
            carry_out(self, viewer, request)

    def _worker(self, received: Received, ended: Ended) -> WorkerProcess:
        """A worker process; what it reports comes in its own thread."""

        def receive(*message: Any) -> None:
            with self.lock:
                received(*message)

        def end(*reason: Any) -> None:
            with self.lock:
                ended(*reason)

        return WorkerProcess(receive, end)

    @property
    def seconds_since_tick(self) -> float:
        """How long ago time passed here; to be asked without the lock."""
        return SYSTEM_CLOCK.now() - self._ticked_at

    def _tick_on(self) -> None:
        freed = FreedMemory(10.0)
        while not self._closed.wait(SHOWING_SECONDS if self.scheduler.shows_ahead else TICK_SECONDS):
            try:
                self.tick()
                freed.give_back()
                self._ticked_at = SYSTEM_CLOCK.now()
            except Exception:  # time must outlive a single bad moment; what happened is logged
                log.exception("the hub's clock stumbled")


_hub: Hub | None = None
_hub_lock = threading.Lock()


def get_hub() -> Hub:
    """This process's hub, started when first asked for."""
    global _hub
    with _hub_lock:
        if _hub is None:
            _hub = Hub().start()
            atexit.register(close_hub)
        return _hub


def close_hub() -> None:
    """End this process's hub and its workers."""
    global _hub
    with _hub_lock:
        if _hub is not None:
            _hub.close()
            _hub = None
