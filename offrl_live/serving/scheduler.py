"""Which run has a worker, and which ones train: a few warm processes, a queue, turns."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from offrl_live.serving.run import Run
from offrl_live.serving.worker_process import Ended, Received, WorkerProcess

log = logging.getLogger(__name__)

RESTART_SECONDS = 5.0


class Scheduler:
    """Gives workers to runs. Not thread-safe: the hub calls it under its lock.

    At most `workers` runs train at once; who wants to as well waits in a queue. There is one process more than that, so
    that a run can be built and looked at while all the others train. A run that does not train may lose its process to
    another one: it rests in its checkpoint and comes back from there to the bit. While others wait, a run has its place
    for `turn` seconds, then goes to the queue's end; runs that are watched go before those that nobody watches.

    Args:
        workers: runs that train at once.
        turn: seconds.
        received, ended: what to do with a worker's messages and with its end.
        changed: called with a run whose state changed.
    """

    def __init__(
        self, workers: int, turn: float, received: Received, ended: Ended, changed: Callable[[Run], None]
    ) -> None:
        self.workers = workers
        self.turn = turn
        self._received, self._ended, self._changed = received, ended, changed
        self.processes: dict[WorkerProcess, Run | None] = {}
        self.queue: list[Run] = []
        self._waiting: list[Run] = []  # runs that need a process although they do not train
        self._start_again_at = 0.0
        self._closed = False

    def start(self) -> None:
        """Start the processes, so that they are warm when the first run comes."""
        while not self._closed and len(self.processes) < self.workers + 1:
            process = WorkerProcess(self._received, self._ended)
            self.processes[process] = None
            process.start()

    def close(self) -> list[WorkerProcess]:
        """Start nothing any more; returns the processes to be closed."""
        self._closed = True
        processes, self.processes = list(self.processes), {}
        return processes

    # what runs ask for

    def need(self, run: Run) -> None:
        """The run must be built in some process (to be described, or to carry out a command)."""
        if run.process is None and run not in self._waiting:
            self._waiting.append(run)
        self.schedule()

    def train(self, run: Run) -> None:
        """The run wants to train."""
        run.wants = True
        if (not run.training or run.pausing) and run not in self.queue:
            self.queue.append(run)
        self.schedule()
        self._make_room()

    def rest(self, run: Run) -> None:
        """The run shall not train (any more); it keeps its process while nobody else needs it."""
        run.wants = False
        if run in self.queue:
            self.queue.remove(run)
        if run.training:
            run.pausing = True
            self.order(run, {"do": "pause"})
        self.schedule()

    def give_back(self, run: Run) -> None:
        """Take the run out of its process and out of the queue."""
        run.wants = run.training = run.pausing = run.built = run.resting = False
        run.pending.clear()
        for line in (self.queue, self._waiting):
            if run in line:
                line.remove(run)
        if run.process is not None:
            run.process.send({"do": "drop", "run": run.id})
            self.processes[run.process] = None
            run.process = None
        self.schedule()

    def tell(self, run: Run, command: dict[str, Any]) -> None:
        """A command for the run, now or as soon as it is built."""
        if run.built and run.process is not None:
            if "order" in command:
                run.order += 1
                command = {**command, "order": run.order}
            run.process.send({**command, "run": run.id})
        else:
            run.pending.append(command)
            self.need(run)

    def order(self, run: Run, command: dict[str, Any]) -> None:
        """A command that changes the run's state: until its answer, reports of earlier states do not count."""
        run.resting = False
        self.tell(run, {**command, "order": None})

    def place(self, run: Run) -> int | None:
        """The run's place in the queue, from 1; None when it does not wait."""
        return self.queue.index(run) + 1 if run in self.queue else None

    # what workers report

    def was_built(self, run: Run) -> None:
        """The engine stands at the run's newest step; commands that waited go out."""
        run.built = True
        pending, run.pending = run.pending, []
        for command in pending:
            self.tell(run, command)
        self._changed(run)

    def stands(self, run: Run) -> None:
        """The run does not train at the moment and everything of it is known here."""
        run.training, run.pausing, run.resting = False, False, True
        self.schedule()

    def died(self, process: WorkerProcess) -> Run | None:
        """A process is gone; returns the run that was in it."""
        run = self.processes.pop(process, None)
        if not process.ready:
            # A process that cannot even start must not be started over and over again.
            self._start_again_at = time.monotonic() + RESTART_SECONDS
        if run is not None:
            run.process = None
            run.training = run.pausing = run.built = False
        return run

    def tick(self) -> None:
        """Turns, and processes that must be started again."""
        now = time.monotonic()
        if now >= self._start_again_at:
            self.start()
        self._make_room()
        self.schedule()

    # the plan

    def _make_room(self) -> None:
        """While others wait, a run that had its turn goes to the queue's end; one that nobody watches does at once."""
        watched = any(run.viewers for run in self.queue)
        for run in [run for run in self.processes.values() if run is not None] if self.queue else ():
            turn = self.turn if run.viewers or not watched else 0.0
            if run.training and not run.pausing and time.monotonic() - run.turn_began > turn:
                run.pausing = True
                self.order(run, {"do": "pause"})
                self.queue.append(run)
        self.queue.sort(key=lambda run: not run.viewers)  # stable: first come, first served, but the watched ones first

    def schedule(self) -> None:
        """Give free places to the queue, and processes to whoever needs one."""
        for run in list(self.queue):
            if sum(r is not None and r.training for r in self.processes.values()) >= self.workers:
                break
            if run.training:
                continue  # it is about to give its place back
            if run.process is None and not self._give_process(run):
                break
            self.queue.remove(run)
            run.training = True
            run.turn_began = time.monotonic()
            keep_on, run.keep_on = run.keep_on, False
            self.order(run, {"do": "play", "limit": run.limit, "keep_on": keep_on})
            self._changed(run)
        for run in list(self._waiting):
            if run.process is not None or self._give_process(run):
                self._waiting.remove(run)

    def _give_process(self, run: Run) -> bool:
        process = self._free_process()
        if process is None:
            return False
        self.processes[process] = run
        run.process, run.built, run.resting = process, False, False
        # A worker that died may have left a checkpoint beyond the last frame that it sent.
        run.timeline.checkpoints = run.timeline.checkpoints.fork(run.step)
        checkpoint = run.timeline.checkpoints.last
        process.send(
            {
                "do": "start",
                "run": run.id,
                "order": run.order,
                "config": run.config.to_json(),
                "dataset": run.dataset,
                "checkpoint": checkpoint.data if checkpoint else None,
                "step": run.step,
                "speed": run.speed,
                "limit": run.limit,
                "focus": run.focus,
            }
        )
        self._changed(run)
        return True

    def _free_process(self) -> WorkerProcess | None:
        free = [process for process, run in self.processes.items() if run is None]
        if free:
            return max(free, key=lambda process: process.ready)
        # A run that rests: one that nobody watches before others, and the one that was used longest ago.
        resting = [run for run in self.processes.values() if run is not None and run.resting and not run.training]
        if not resting:
            return None
        out = min(resting, key=lambda run: (bool(run.viewers), run.used))
        process = out.process
        assert process is not None
        process.send({"do": "drop", "run": out.id})
        out.process, out.built, out.resting = None, False, False
        self.processes[process] = None
        return process
