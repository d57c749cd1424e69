"""The experiments of this server: a queue, of which one is computed at a time by worker processes of low priority.

What is computed goes into a store in a folder, job by job: whatever ends (a tab, an experiment, this server), nothing
that was computed is lost, and going on computes only what is missing. Live runs keep their turn: the workers here have
the lowest priority that there is.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from offrl_core.experiments import Design, ExperimentError, Progress, Results, Store
from offrl_core.experiments.pool import LocalPool
from offrl_core.experiments.running import run_jobs
from offrl_live.runs.live_runs import NoRoom
from offrl_live.serving.environment import ExperimentLimits, experiment_limits

log = logging.getLogger(__name__)

State = Literal["new", "queued", "running", "stopping", "stopped", "finished", "failed"]
MOST_REMEMBERED = 100
STOPPED = "it was stopped"
ENDED = "the server was ended"


@dataclass(frozen=True)
class Standing:
    """An experiment as it stands.

    Attributes:
        key: of what is computed.
        design: the experiment.
        afresh: whether this is about its chosen settings on fresh seeds, instead of the experiment itself.
        state: `new` where nobody has started it; `queued` and `running`; `stopping` while the workers end; `stopped`,
            to be gone on with; `finished`; `failed`.
        reason: why it was stopped or has failed.
        place: in the queue, from 1; 0 where it does not wait.
        progress: how far it was when that was last told; None before it was begun here.
    """

    key: str
    design: Design
    state: State
    reason: str = ""
    afresh: bool = False
    place: int = 0
    progress: Progress | None = None

    @property
    def waits(self) -> bool:
        """Whether something is still to happen by itself."""
        return self.state in ("queued", "running", "stopping")


@dataclass
class _Entry:
    design: Design
    state: State
    reason: str = ""
    afresh: bool = False
    progress: Progress | None = None
    again: bool = False
    since: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)


class Experiments:
    """The queue, its thread and its store; every method may be called from any thread.

    Args:
        limits: how much of the machine experiments may take.
        cluster: gives the executor that does the jobs; worker processes of this machine where it is None.

    Raises:
        ExperimentError: the folder cannot be used.
    """

    def __init__(self, limits: ExperimentLimits, cluster: Callable[[], Executor] | None = None) -> None:
        self.limits = limits
        self.store = Store(limits.folder)
        self._cluster = cluster
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._entries: dict[str, _Entry] = {}
        self._queue: list[str] = []
        self._computed = [0.0, 0.0]
        self._closed = False
        self._designs = Path(limits.folder) / "designs"
        self._remember_all()
        self._thread = threading.Thread(target=self._go, name="experiments", daemon=True)
        self._thread.start()

    # what pages ask for

    def start(self, design: Design, afresh: bool = False) -> Standing:
        """Put an experiment into the queue, or leave it there; one that was stopped goes on.

        Args:
            design: the experiment.
            afresh: train its chosen settings (`Choice`) with fresh seeds, instead of the experiment itself.

        Raises:
            NoRoom: none are started here, or as many wait as are taken.
            ExperimentError: it has too many jobs for this server.
        """
        jobs = len(design.jobs)
        with self._asked(design, afresh) as (key, entry):
            if self.limits.queued == 0:
                raise NoRoom("no experiments are started on this server: copy the design, and run it on your computer")
            if jobs > self.limits.jobs:
                raise ExperimentError(
                    f"{jobs:,} jobs are more than this server takes for one experiment ({self.limits.jobs:,}): take "
                    "fewer values or datasets, or Sobol points instead of every combination"
                )
            if entry is not None and entry.state == "stopping":
                entry.again = True
            elif entry is None or entry.state not in ("queued", "running"):
                if len(self._queue) >= self.limits.queued:
                    raise NoRoom(f"{len(self._queue)} experiments wait already, which is as many as this server takes")
                self._entries[key] = _Entry(design, "queued", afresh=afresh, since=time.time())
                self._queue.append(key)
                self._write(key)
                self._work.notify_all()
            return self.standing(design, afresh)

    def stop(self, design: Design, afresh: bool = False) -> Standing:
        """Compute an experiment, or its chosen settings, no further for now."""
        with self._asked(design, afresh) as (key, entry):
            if entry is not None and entry.state == "queued":
                self._queue.remove(key)
                entry.state, entry.reason = "stopped", STOPPED
                self._write(key)
            elif entry is not None and entry.state in ("running", "stopping"):
                entry.state, entry.reason, entry.again = "stopping", STOPPED, False
                entry.stop.set()
            return self.standing(design, afresh)

    def standing(self, design: Design, afresh: bool = False) -> Standing:
        """How an experiment stands, or the training of its chosen settings with fresh seeds."""
        with self._asked(design, afresh) as (key, entry):
            if entry is None:
                return Standing(key, design, "new", afresh=afresh)
            place = self._queue.index(key) + 1 if key in self._queue else 0
            return Standing(key, design, entry.state, entry.reason, afresh, place, entry.progress)

    @contextmanager
    def _asked(self, design: Design, afresh: bool) -> Iterator[tuple[str, _Entry | None]]:
        """The key of what is asked for, and its entry where it was started here; nobody else changes it meanwhile."""
        key = _key(design, afresh)
        with self._lock:
            yield key, self._entries.get(key)

    @property
    def pace(self) -> float | None:
        """Model updates per second of all that was computed here so far; None before that."""
        with self._lock:
            updates, seconds = self._computed
            return updates / seconds if updates and seconds else None

    def all(self) -> list[Standing]:
        """Every experiment that was started here, the newest first."""
        with self._lock:
            newest = sorted(self._entries.values(), key=lambda entry: -entry.since)
            return [self.standing(entry.design, entry.afresh) for entry in newest]

    def results(self, design: Design) -> Results:
        """What is there of an experiment."""
        return Results(design, self.store)

    def close(self) -> None:
        """Compute nothing any more; what was computed stays, and so does what was to be computed."""
        with self._lock:
            self._closed = True
            for entry in self._entries.values():
                entry.stop.set()
            self._work.notify_all()
        self._thread.join(10.0)

    # the thread

    def _go(self) -> None:
        while (key := self._next()) is not None:
            entry = self._entries[key]
            state, reason = self._compute(entry)
            with self._lock:
                again, entry.again = entry.again, False
                entry.state, entry.reason = state, reason
                if again and not self._closed:
                    entry.state, entry.stop = "queued", threading.Event()
                    self._queue.append(key)
                self._write(key)

    def _next(self) -> str | None:
        with self._lock:
            while not self._queue and not self._closed:
                self._work.wait()
            if self._closed:
                return None
            key = self._queue.pop(0)
            entry = self._entries[key]
            entry.state, entry.reason = "running", ""
            self._write(key)
            return key

    def _compute(self, entry: _Entry) -> tuple[State, str]:
        """Compute an experiment as far as it goes; returns its state and the reason for it."""
        too_long = threading.Timer(self.limits.seconds, entry.stop.set)
        too_long.daemon = True
        too_long.start()
        pool: LocalPool | None = None

        began: list[Progress] = []

        def tell(progress: Progress) -> None:
            entry.progress = progress
            if not began:
                began.append(progress)

        try:
            if self._cluster is None:
                pool = LocalPool(self.limits.workers)
            executor = pool or (self._cluster() if self._cluster is not None else None)
            jobs = self.results(entry.design).choice().jobs if entry.afresh else entry.design.jobs
            run_jobs(jobs, entry.design.own, self.store, executor, tell, entry.stop)
        except ExperimentError as error:
            return "failed", str(error)
        except OSError as error:
            return "failed", f"{error.strerror or error}"
        except Exception as error:  # the thread must live for the next one; what happened is logged, and told
            log.exception("an experiment could not be computed")
            return "failed", f"{type(error).__name__}: {error}"
        finally:
            too_long.cancel()
            if began and entry.progress is not None:
                with self._lock:
                    self._computed[0] += entry.progress.updates_done - began[0].updates_done
                    self._computed[1] += entry.progress.seconds
            if pool is not None:
                pool.kill()
        if not entry.stop.is_set():
            return "finished", ""
        if self._closed:
            return "stopped", ENDED
        if entry.state == "stopping":
            return "stopped", STOPPED
        return (
            "stopped",
            f"it was computed for {self.limits.seconds / 60:g} minutes, as long as this server takes for one",
        )

    # what outlives the server

    def _place(self, key: str) -> Path:
        return self._designs / f"{key}.json"

    def _write(self, key: str) -> None:
        """Keep the design beside its results. Where that fails, nothing is lost but its place in the list."""
        entry = self._entries[key]
        if entry.design.own:
            return  # its data is in the memory of this server only
        kept = {name: vars(entry)[name] for name in ("state", "reason", "since", "afresh")}
        kept["design"] = entry.design.to_json()
        try:
            self._designs.mkdir(parents=True, exist_ok=True)
            part = self._designs / f".{key}.part"
            part.write_text(json.dumps(kept))
            os.replace(part, self._place(key))
        except OSError as error:
            log.warning("an experiment cannot be kept in the list: %s", error)

    def _remember_all(self) -> None:
        """Take in the designs that were started before this server."""
        found: list[tuple[float, Path, dict[str, Any]]] = []
        for path in self._designs.glob("*.json"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                kept = json.loads(path.read_text())
                found.append((float(kept["since"]), path, kept))
        for since, path, kept in sorted(found, key=lambda each: each[0])[-MOST_REMEMBERED:]:
            with suppress(ValueError, KeyError, TypeError):  # made by another version, or damaged: its results stay
                design = Design.from_json(kept["design"])
                was = str(kept["state"])
                state: State = "finished" if was == "finished" else "failed" if was == "failed" else "stopped"
                reason = ENDED if was in ("queued", "running", "stopping") else str(kept["reason"])
                afresh = bool(kept.get("afresh", False))
                if _key(design, afresh) == path.stem:
                    self._entries[path.stem] = _Entry(design, state, reason, afresh, since=since)


def _key(design: Design, afresh: bool) -> str:
    return f"{design.key}-afresh" if afresh else design.key


_experiments: Experiments | None = None
_lock = threading.Lock()
_cluster: Callable[[], Executor] | None = None


def use_cluster(cluster: Callable[[], Executor] | None) -> None:
    """Have experiments that start from now on be computed by the executor that this gives."""
    global _cluster
    _cluster = cluster


def get_experiments() -> Experiments:
    """This process's queue, started when first asked for.

    Raises:
        ExperimentError: the folder for results cannot be used.
    """
    global _experiments
    with _lock:
        if _experiments is None:
            _experiments = Experiments(experiment_limits(), _cluster)
            atexit.register(close_experiments)
        return _experiments


def close_experiments() -> None:
    """End this process's queue and its workers."""
    global _experiments
    with _lock:
        if _experiments is not None:
            _experiments.close()
            _experiments = None
