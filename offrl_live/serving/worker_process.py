"""Worker processes: each holds one live run at a time and trains it in slices between the server's commands.

`WorkerProcess` is a worker as the server sees it; `serve` is what runs in the process. Commands are pickled, for they
come from the server only; what a worker sends are messages of the wire format, read as data.
"""

from __future__ import annotations

import logging
import pickle
import queue
import threading
from contextlib import nullcontext
from multiprocessing.connection import Connection
from typing import Any

from threadpoolctl import threadpool_limits

from offrl_core import own_files
from offrl_core.data.catalogue import load_dataset
from offrl_core.evaluation.member_returns import truth
from offrl_core.processes.child import Child, ChildEnded, inbox
from offrl_core.processes.freed_memory import FreedMemory
from offrl_live.runs.scheduler import Ended, Received
from offrl_live.runs.wire import WireError, encode, split
from offrl_live.runs.worker import Worker
from offrl_live.serving.clock import SYSTEM_CLOCK
from offrl_live.serving.counted import ENDED_WORKERS
from offrl_live.serving.environment import own_seconds, warms_up
from offrl_live.serving.time_limit import TimeLimit

log = logging.getLogger(__name__)

ENDING_SECONDS = 0.5
WARM_DATASETS = ("double-crossing", "icu-sepsis")


class WorkerProcess:
    """One worker, and the two threads that speak to it.

    Args:
        received: called in the reading thread with every message's header and payload.
        ended: called in that thread once, with the reason, when the process has ended and was not closed.
    """

    def __init__(self, received: Received, ended: Ended) -> None:
        self._received = received
        self._ended = ended
        self._child: Child | None = None
        self._outgoing: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._closing = False
        self.ready = False

    def start(self) -> None:
        """Start the process; it warms up by itself."""
        try:
            self._child = Child(serve, nice=2)  # the server answers first
        except OSError as error:
            # In a thread, as every end is reported: the caller may hold the lock that `ended` takes.
            threading.Thread(target=self._ended, args=(self, f"a worker could not be started: {error}")).start()
            return
        for act in (self._read, self._write):
            threading.Thread(target=act, args=(self._child,), name=f"worker{act.__name__}", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The process id."""
        return self._child.pid if self._child else None

    def send(self, command: dict[str, Any]) -> None:
        """Queue one command; never waits. A process that has ended is reported by `ended`, not here."""
        self._outgoing.put(command)

    def close(self) -> None:
        """End the process."""
        self._closing = True
        if self._child is not None:
            self._child.end()

    def _write(self, child: Child) -> None:
        """A worker that does not read must not hold up the server: commands go out in a thread of their own.

        They are copied here, too: who sends may hold a lock, and a start may bring a large dataset along.
        """
        try:
            while (command := self._outgoing.get()) is not None:
                child.send_bytes(pickle.dumps(command, protocol=5))
                del command
        except ChildEnded:
            log.debug("worker %s takes no more commands", child.pid)

    def _read(self, child: Child) -> None:
        try:
            while True:
                self._received(self, *split(child.recv_bytes()))
        except ChildEnded as error:
            reason = f"the worker {error}"
        except WireError as error:
            reason = _why_no_message(child, error)
        except Exception as error:  # this thread must live to report the end; a run in doubt is better ended
            log.exception("what worker %s sent could not be taken in", child.pid)
            reason = f"what the worker sent could not be taken in: {error}"
        child.kill()
        self._outgoing.put(None)
        if not self._closing:
            ENDED_WORKERS.inc()
            self._ended(self, reason)


def _why_no_message(child: Child, error: WireError) -> str:
    """What is to be told of something that is no message: of a worker that was killed while it sent it, only that."""
    try:
        return f"the worker {ChildEnded(child.wait(ENDING_SECONDS))}"
    except TimeoutError:
        return f"the worker sent something that is not a message: {error}"


def serve(connection: Connection) -> None:
    """In the process: obey commands and train between them, for ever."""
    logging.basicConfig(level=logging.WARNING)
    commands = inbox(connection)
    worker = Worker(connection.send_bytes, SYSTEM_CLOCK)

    def too_long(reason: str) -> None:
        connection.send_bytes(encode({"kind": "error", "run": worker.run, "reason": reason, "ends": True}, {}))

    limit = TimeLimit(own_seconds(), too_long)
    with threadpool_limits(1):
        connection.send_bytes(encode({"kind": "ready"}, {}))
        if warms_up():
            warm_up(commands)
        freed = FreedMemory(2.0, collect=True)
        while True:
            wait = worker.wait()
            try:
                command = commands.get(timeout=wait) if wait is None or wait > 0 else commands.get_nowait()
            except queue.Empty:
                with limit if worker.own else nullcontext():
                    worker.work()
            else:
                own_files.prepare(command.get("files", ()))  # here, where it may take its time
                with limit if worker.own or command.get("files") else nullcontext():
                    worker.obey(command)
                if command["do"] == "drop":
                    freed.give_back()


def warm_up(commands: queue.SimpleQueue[Any]) -> None:
    """Load what the first runs will be about, until the first command comes."""
    for name in WARM_DATASETS:
        if not commands.empty():
            return
        data = load_dataset(name)
        truth(data, data.gamma)
