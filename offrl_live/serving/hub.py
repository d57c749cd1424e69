"""The hub: every run of this server, who watches it, and where it trains."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from offrl_core.dataset import Dataset
from offrl_live.runs import datasets
from offrl_live.runs.commands import Request
from offrl_live.runs.config import RunConfig, Setting
from offrl_live.runs.export import RunExport
from offrl_live.runs.wire import unpack
from offrl_live.serving.requests import Desk
from offrl_live.serving.run import Run
from offrl_live.serving.run_table import HubFull as HubFull
from offrl_live.serving.run_table import Registry
from offrl_live.serving.run_table import UnknownRun as UnknownRun
from offrl_live.serving.scheduler import Scheduler
from offrl_live.serving.viewer import Viewer
from offrl_live.serving.worker_messages import Reports
from offrl_live.serving.worker_process import WorkerProcess

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25


@dataclass(frozen=True)
class HubSettings:
    """What one server takes.

    Attributes:
        workers: runs that train at once; 0 for the environment's `OFFRL_WORKERS`, else the number of cores (at most 8).
        turn: seconds of training after which a run makes room while others wait.
        pause_after, drop_after: seconds without a viewer until a run pauses, and until it is forgotten.
        memory: bytes of all timelines together; beyond it the runs that nobody watches go first.
        max_runs, max_viewers: how many there may be.
    """

    workers: int = 0
    turn: float = 20.0
    pause_after: float = 60.0
    drop_after: float = 900.0
    memory: int = 1_000_000_000
    max_runs: int = 500
    max_viewers: int = 1000


class Hub:
    """Runs by their ids. Thread-safe: script threads call it, the event loop serves its viewers.

    Equal configurations are one run, computed once and shown to all. A run belongs to whoever knows its id.
    """

    def __init__(self, settings: HubSettings | None = None) -> None:
        chosen = settings or HubSettings()
        self.settings = replace(chosen, workers=chosen.workers or _workers())
        self._lock = threading.RLock()
        scheduler = Scheduler(
            self.settings.workers,
            self.settings.turn,
            self._received,
            self._ended,
            lambda r: self._registry.state_changed(r),
        )
        self._registry = Registry(scheduler, self.settings.max_runs)
        self._reports = Reports(self._registry)
        self._desk = Desk(self._registry)
        self._closed = threading.Event()
        self._ticker = threading.Thread(target=self._tick_on, name="offrl-hub", daemon=True)

    def start(self) -> Hub:
        """Start the worker processes; returns at once, they warm up by themselves."""
        with self._lock:
            self._registry.scheduler.start()
        self._ticker.start()
        return self

    def close(self) -> None:
        """End every worker and forget every run."""
        self._closed.set()
        with self._lock:
            processes = self._registry.scheduler.close()
            self._registry.clear()
        for process in processes:
            process.close()

    # runs

    def add_dataset(self, dataset: Dataset) -> str:
        """Keep a dataset that is not in the catalogue; returns the name by which a configuration may use it."""
        return datasets.keep(dataset)

    def open(self, config: RunConfig, *, private: bool = False, title: str = "") -> str:
        """The id of a run of this configuration: one that is there already, or a new one (paused at step 0).

        Args:
            config: what to train.
            private: a run of one's own, even if others watch the same.
            title: a name for the screen.

        Raises:
            HubFull: this server holds as many runs as it takes, and all of them are watched.
        """
        with self._lock:
            return self._registry.open(config, private, title).id

    def info(self, run_id: str) -> dict[str, Any]:
        """What is known of a run now.

        Returns:
            `id, state, reason, place, step, budget, speed, rate, viewers, private, title, parent, config, members,
            nbytes`, and `pid`, the process that holds it (None while it rests).

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            run = self._registry.find(run_id)
            place = self._registry.scheduler.place(run)
            state, reason = run.shown_state(place)
            return {
                "id": run.id,
                "state": state,
                "reason": reason,
                "place": place,
                "step": run.step,
                "budget": run.limit,
                "speed": run.speed,
                "rate": run.rate,
                "viewers": len(run.viewers),
                "private": run.private,
                "title": run.title,
                "parent": run.parent,
                "config": run.config,
                "members": (run.described or {}).get("members", []),
                "nbytes": run.timeline.nbytes,
                "pid": run.process.pid if run.process else None,
            }

    def runs(self) -> list[dict[str, Any]]:
        """`info` of every run."""
        with self._lock:
            return [self.info(run_id) for run_id in self._registry.runs]

    def current(self, run_id: str) -> list[dict[str, Setting]]:
        """The hyperparameters of each lane as they are now, live changes included.

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            config = self._registry.find(run_id).config
        return [config.current(lane) for lane in range(len(config.lanes))]

    def set(self, run_id: str, lane: int, values: Mapping[str, object]) -> str:
        """Change live hyperparameters; returns the id of the run that has them: a copy where several watch this one.

        Raises:
            UnknownRun: there is no such run.
            ConfigError: the lane, a name or a value is not allowed.
        """
        with self._lock:
            run = self._registry.find(run_id)
            checked = run.config.checked(lane, values)
            if len(run.viewers) > 1:
                return self._registry.branch(run, run.step, lane, checked, playing=run.wants).id
            self._registry.set(run, lane, checked)
            return run.id

    def branch(
        self, run_id: str, step: int, lane: int, values: Mapping[str, object], *, playing: bool = False, title: str = ""
    ) -> str:
        """A new run that shares this one's past up to `step` and goes on from there, with `values` in `lane`.

        Raises:
            UnknownRun: there is no such run.
            ConfigError: the step lies in the future, or the lane, a name or a value is not allowed.
        """
        with self._lock:
            run = self._registry.find(run_id)
            checked = run.config.checked(lane, values) if values else {}
            return self._registry.branch(run, step, lane, checked, playing=playing, title=title).id

    def play(self, run_id: str) -> None:
        """Train, as if every viewer had pressed play."""
        with self._lock:
            run = self._registry.find(run_id)
            for viewer in run.viewers:
                viewer.play()
            self._registry.play(run)

    def pause(self, run_id: str) -> None:
        """Stop training, as if every viewer had pressed pause."""
        with self._lock:
            run = self._registry.find(run_id)
            for viewer in run.viewers:
                viewer.playing = False
            self._registry.will_changed(run)

    def speed(self, run_id: str, updates_per_second: float) -> None:
        """How fast a run trains that nobody watches (viewers say it themselves); 0 for as fast as it goes."""
        with self._lock:
            self._registry.find(run_id).speed = float(updates_per_second)

    def export(self, run_id: str) -> RunExport:
        """Everything that is remembered of a run.

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            run = self._registry.find(run_id)
            return RunExport(
                config=run.config,
                hello=run.hello() if run.described is not None else None,
                static=dict(run.static),
                frames=list(run.timeline.frames),
                marks=list(run.timeline.marks),
                alarms=list(run.alarms),
                state=run.state,
                reason=run.reason,
            )

    def drop(self, run_id: str) -> None:
        """Forget a run and free its worker; viewers are told that it stopped."""
        with self._lock:
            self._registry.drop(self._registry.find(run_id))

    # viewers

    def join(self, run_id: str, notify: Callable[[], None], *, after: int = -1) -> Viewer:
        """Watch a run.

        Args:
            run_id: a run; one that was forgotten because nobody watched is made anew from its configuration.
            notify: called from any thread when the viewer has messages.
            after: number of the last frame that the viewer already has.

        Raises:
            UnknownRun: there never was such a run, or it is too long ago.
            HubFull: this server has as many viewers as it takes.
        """
        with self._lock:
            self._registry.remember(run_id)
            run = self._registry.find(run_id)
            if sum(len(r.viewers) for r in self._registry.runs.values()) >= self.settings.max_viewers:
                raise HubFull(f"this server takes {self.settings.max_viewers} viewers")
            viewer = Viewer(run, self._lock, after, notify)
            run.viewers.add(viewer)
            run.used = time.monotonic()
            if run.described is None and run.state != "failed":
                self._registry.scheduler.need(run)
            self._registry.look_changed(run)
            self._registry.state_changed(run)
            return viewer

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone. The last one who leaves while playing leaves the run training for a while."""
        with self._lock:
            run = viewer.run
            run.viewers.discard(viewer)
            run.used = time.monotonic()
            if run.viewers or not viewer.playing:
                self._registry.will_changed(run)

    def command(self, viewer: Viewer, request: Request) -> None:
        """Carry out what a viewer said; the answer, or the refusal, goes to the viewer."""
        with self._lock:
            viewer.run.used = time.monotonic()
            self._desk.handle(viewer, request)

    # workers

    def _received(self, process: WorkerProcess, header: dict[str, Any], payload: memoryview) -> None:
        """In the process's own thread; arrays are read before the lock is taken."""
        arrays = unpack(header.get("fields", []), payload)
        with self._lock:
            if not self._closed.is_set():
                self._reports.take(process, header, arrays, payload)

    def _ended(self, process: WorkerProcess, reason: str) -> None:
        """In the process's own thread: it is gone."""
        with self._lock:
            if not self._closed.is_set():
                self._reports.gone(process, reason)

    # time

    def _tick_on(self) -> None:
        beat = 0
        while not self._closed.wait(TICK_SECONDS):
            beat += 1
            try:
                with self._lock:
                    if not self._closed.is_set():
                        self._tick(every_second=beat % 4 == 0)
            except Exception:  # the clock must outlive a single bad moment; what happened is logged
                log.exception("the hub's clock stumbled")

    def _tick(self, *, every_second: bool) -> None:
        now = time.monotonic()
        for run in list(self._registry.runs.values()):
            if run.viewers:
                if every_second:
                    self._registry.state_changed(run)
            elif now - run.used > self.settings.drop_after:
                self._registry.drop(run)
            elif run.wants and now - run.used > self.settings.pause_after:
                self._registry.scheduler.rest(run)
        self._registry.scheduler.tick()
        if every_second:
            self._keep_within_memory()

    def _keep_within_memory(self) -> None:
        runs = self._registry.runs
        while sum(run.timeline.nbytes for run in runs.values()) > self.settings.memory:
            if self._registry.drop_one():
                continue
            largest: Run = max(runs.values(), key=lambda run: run.timeline.frames.nbytes)
            if len(largest.timeline.frames) < 4:
                return
            largest.timeline.frames.thin()


def _workers() -> int:
    text = os.environ.get("OFFRL_WORKERS", "")
    if text and (not text.isdecimal() or not 1 <= int(text) <= 256):
        raise ValueError(f"OFFRL_WORKERS = {text!r} is not allowed: it must be a whole number from 1 to 256")
    return int(text) if text else min(os.cpu_count() or 1, 8)


_hub: Hub | None = None
_hub_lock = threading.Lock()


def get_hub(settings: HubSettings | None = None) -> Hub:
    """This process's hub, started when first asked for; `settings` count only then."""
    global _hub
    with _hub_lock:
        if _hub is None:
            _hub = Hub(settings).start()
            atexit.register(close_hub)
        return _hub


def close_hub() -> None:
    """End this process's hub and its workers."""
    global _hub
    with _hub_lock:
        if _hub is not None:
            _hub.close()
            _hub = None
