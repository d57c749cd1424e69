"""A worker: obeys commands and trains one run at a time, a slice whenever it is given one."""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from offrl_core import own_files
from offrl_live.runs import wire
from offrl_live.runs.clock import Clock
from offrl_live.runs.scheduler import Received
from offrl_live.runs.session import Session
from offrl_live.runs.session_messages import Command, Send

log = logging.getLogger(__name__)


class Worker:
    """Keeps at most one session. Its owner calls `obey` with each command, and `work` once `wait` is over.

    Args:
        send: takes messages of the wire format.
        clock: the times to go by.

    Attributes:
        session: the run that is here, None where there is none.
        run: the id of the run that was started last.
        own: whether an algorithm of that run comes from somebody's own file.
    """

    def __init__(self, send: Send, clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self.session: Session | None = None
        self.run = ""
        self.own = False

    def wait(self) -> float | None:
        """Seconds until there is work: 0 now, None when only a command brings some."""
        return self.session.wait() if self.session else None

    def work(self) -> None:
        """One slice of what there is to do."""
        if self.session is not None:
            with self._reporting(self.session.run):
                self.session.work()

    def obey(self, command: Command) -> None:
        """Carry out one command: `prepare` for own files, `start` a run, `drop` it, or one for the run that is here."""
        if command["do"] == "prepare":
            own_files.prepare(command["files"])
        elif command["do"] == "start":
            self._leave()  # frees the old run's memory before the new one is built
            files = command.get("files", ())
            self.run, self.own = command["run"], bool(files)
            with self._reporting(self.run):
                for file in files:
                    if not own_files.is_loaded(file):
                        own_files.load(file)
                self.session = Session(command, self._send, self._clock)
        elif self.session is not None and command["run"] == self.session.run:
            if command["do"] == "drop":
                self._leave()
            else:
                with self._reporting(self.session.run):
                    self.session.obey(command)

    def _leave(self) -> None:
        """The run that is here goes, and what came with it."""
        if self.session is not None:
            self.session.close()
        self.session = None

    @contextmanager
    def _reporting(self, run: str) -> Iterator[None]:
        """A run that raises is a failed run; the worker goes on to the next one."""
        try:
            yield
        except BrokenPipeError:
            raise
        except Exception as error:
            self._leave()
            log.error("run failed: %s", "".join(traceback.format_exception(error)))
            reason = str(own_files.blamed(error) or f"{type(error).__name__}: {error}")
            self._send(wire.encode({"kind": "error", "run": run, "reason": reason[:500]}, {}))


class LocalWorker:
    """A worker in the very thread that asks: a `WorkerHandle` whose owner calls `turn` whenever `wait` is over.

    Args:
        received: called with the header and payload of each of its messages.
        clock: the times to go by.
    """

    pid = None

    def __init__(self, received: Received, clock: Clock) -> None:
        self._received = received
        self._commands: deque[Command] = deque()
        self._worker = Worker(self._deliver, clock)
        self.ready = False

    def _deliver(self, message: bytes) -> None:
        self._received(self, *wire.split(message))

    def start(self) -> None:
        """Take commands from now on."""
        self._deliver(wire.encode({"kind": "ready"}, {}))

    def send(self, command: Command) -> None:
        """Put a command into the queue."""
        self._commands.append(command)

    def close(self) -> None:
        """Forget everything."""
        self._commands.clear()
        self._worker.session = None

    def wait(self) -> float | None:
        """Seconds until there is something to do: 0 now, None when only a command brings something."""
        return 0.0 if self._commands else self._worker.wait()

    def turn(self) -> None:
        """One command, or one slice of training."""
        if self._commands:
            self._worker.obey(self._commands.popleft())
        else:
            self._worker.work()
