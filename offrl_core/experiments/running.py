"""Runs an experiment: jobs that are not there yet go to an executor, and what comes back is kept."""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from offrl_core.dataset import Dataset
from offrl_core.experiments import carrying
from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.carrying import Lacking
from offrl_core.experiments.cluster import is_lost
from offrl_core.experiments.job import Job, Kind
from offrl_core.experiments.store import Store
from offrl_core.experiments.working import Done, do

T = TypeVar("T")

TRIES = 3
"""How often a job is tried whose worker dies."""
_TRIED_BEFORE = ("KilledWorker",)
"""What is raised by a scheduler that has itself tried a job on several workers: Dask, after four of them died."""
_LOOK = 0.2
"""Seconds between two looks at whether to stop."""


@dataclass(frozen=True)
class Progress:
    """How far an experiment is.

    Attributes:
        jobs, jobs_done: in all, and done or found done; failed ones count as done.
        updates, updates_done: model updates likewise.
        found: jobs' runs that were there before.
        failed: jobs that could not be done.
        diverged: models whose numbers ran away, of those computed now.
        seconds: since it began.
        seconds_left: about how long it will take, from how long the jobs before took; None before the first is done.
    """

    jobs: int
    jobs_done: int
    updates: int
    updates_done: int
    found: int
    failed: int
    diverged: int
    seconds: float
    seconds_left: float | None


class Stop(Protocol):
    """What says whether to stop, such as a `threading.Event`."""

    def is_set(self) -> bool: ...


class InThisProcess(Executor):
    """Does each call here and now, where there are no processes (as in a browser) or none are wanted."""

    _max_workers = 1

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call a function; its answer, or what it raised, is in the future that is returned."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def run_jobs(
    jobs: Sequence[Job],
    own: Mapping[str, Dataset],
    store: Store,
    executor: Executor | None = None,
    progress: Callable[[Progress], object] | None = None,
    stop: Stop | None = None,
) -> None:
    """Do those jobs, or what is left of them, that are not in the store.

    Args:
        jobs: what to do.
        own: the own datasets that they speak of, by hash.
        store, executor, progress, stop: as in `run`.

    Raises:
        ExperimentError: as in `run`.
    """
    _Running(jobs, own, store, executor, progress or (lambda _: None), stop).run()


class _Running:
    def __init__(
        self,
        jobs: Sequence[Job],
        own: Mapping[str, Dataset],
        store: Store,
        executor: Executor | None,
        tell: Callable[[Progress], object],
        stop: Stop | None,
    ) -> None:
        self.own, self.store, self.given, self.tell, self.stop = own, store, executor, tell, stop
        known = store.known([run.key for job in jobs for run in job.runs])
        self.left: deque[Job] = deque(part for job in jobs for part in job.without(known))
        self.jobs, self.updates = len(jobs), sum(job.updates for job in jobs)
        self.found = len(known)
        self.undone = len(self.left)
        self.undone_updates: Counter[Kind] = Counter()
        for job in self.left:
            self.undone_updates[job.kind] += job.updates
        self.tries: defaultdict[str, int] = defaultdict(int)
        self.pending: dict[Future[Done | Lacking], tuple[Job, bool]] = {}
        self.failed = self.diverged = 0
        self.spent: defaultdict[Kind, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.began = time.monotonic()

    def run(self) -> None:
        self.tell(self.progress())
        if self.left:
            carrying.bring(self.own)
            executor = self.given or local_executor()
            stopped = True
            try:
                self._share_out(executor)
                stopped = self._stopping()
            finally:
                for future in self.pending:
                    future.cancel()
                if self.given is None:
                    end = getattr(executor, "kill", None) if stopped else None
                    (end or executor.shutdown)()

    def _stopping(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def _share_out(self, executor: Executor) -> None:
        workers = getattr(executor, "_max_workers", None)
        window = 2 * workers if isinstance(workers, int) else 10_000  # a cluster shares out by itself
        while (self.left or self.pending) and not self._stopping():
            while self.left and len(self.pending) < window and not self._stopping():
                self._submit(executor, self.left.popleft(), {})
                if isinstance(executor, InThisProcess):
                    break
            done, _ = wait(self.pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
            if is_lost(executor):  # what has not come back by now never will, or comes back cancelled
                self.pending.clear()
                raise ExperimentError("the cluster's scheduler has gone; what is done is kept, run it again")
            for future in done:
                self._take(executor, future)

    def _submit(self, executor: Executor, job: Job, parcels: Mapping[str, bytes]) -> None:
        try:
            future = executor.submit(do, job, parcels, self.tries[job.key])
        except (BrokenExecutor, RuntimeError) as error:
            raise ExperimentError(
                f"the executor takes no more jobs ({error}); what is done is kept, run it again"
            ) from error
        self.pending[future] = job, bool(parcels)

    def _take(self, executor: Executor, future: Future[Done | Lacking]) -> None:
        job, had_parcels = self.pending.pop(future)
        try:
            answer = future.result()
        except CancelledError:
            self._again(job, "it was cancelled")
        except BrokenExecutor as error:
            raise ExperimentError(
                f"a worker died, and with it this executor ({error}); what is done is kept, run it again"
            ) from error
        except Exception as error:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            if type(error).__name__ in _TRIED_BEFORE:
                self._fail(job, said)
            else:
                self._again(job, said)
        else:
            if isinstance(answer, Lacking):
                self._bring(executor, job, answer, had_parcels)
            elif answer.failed:
                self._fail(job, answer.failed)
            else:
                self._keep(job, answer)

    def _bring(self, executor: Executor, job: Job, lacking: Lacking, had_parcels: bool) -> None:
        try:
            if had_parcels:
                raise ExperimentError(f"what was sent with it did not arrive: {', '.join(lacking.keys)}")
            parcels = carrying.luggage(job, lacking.keys, self.own)
        except ValueError as error:
            self._fail(job, str(error))
        else:
            self._submit(executor, job, parcels)

    def _again(self, job: Job, reason: str) -> None:
        self.tries[job.key] += 1
        if self.tries[job.key] >= TRIES:
            self._fail(job, f"tried {TRIES} times, the last time {reason}")
        else:
            self.left.appendleft(job)

    def _fail(self, job: Job, reason: str) -> None:
        self.store.fail(job, reason)
        self.failed += 1
        self._count(job)

    def _keep(self, job: Job, done: Done) -> None:
        self.store.put(job, done)
        steps, diverged = done.columns["step"], done.columns["diverged"]
        self.diverged += sum(1 for step, at in zip(steps, diverged, strict=True) if step == job.steps and at >= 0)
        spent = self.spent[job.kind]
        spent[0] += done.seconds
        spent[1] += job.updates
        self._count(job)

    def _count(self, job: Job) -> None:
        self.undone -= 1
        self.undone_updates[job.kind] -= job.updates
        self.tell(self.progress())

    def progress(self) -> Progress:
        """How far it is now."""
        passed = time.monotonic() - self.began
        return Progress(
            jobs=self.jobs,
            jobs_done=max(0, self.jobs - self.undone),
            updates=self.updates,
            updates_done=self.updates - self.undone_updates.total(),
            found=self.found,
            failed=self.failed,
            diverged=self.diverged,
            seconds=passed,
            seconds_left=self._left(passed),
        )

    def _left(self, passed: float) -> float | None:
        """Seconds by what an update of each kind took so far, shared by as many workers as there were at work."""
        seconds, updates = (sum(spent[i] for spent in self.spent.values()) for i in (0, 1))
        if not updates or not passed:
            return None if self.undone else 0.0
        left = 0.0
        for kind, waiting in self.undone_updates.items():
            spent = self.spent.get(kind, (seconds, updates))
            left += waiting * spent[0] / spent[1]
        return left / max(seconds / passed, 1e-9)


def local_executor() -> Executor:
    """Worker processes on this machine, or this process where there can be no others."""
    if sys.platform == "emscripten":
        return InThisProcess()
    from offrl_core.experiments.pool import LocalPool

    return LocalPool()
