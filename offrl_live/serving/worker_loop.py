"""The worker's loop: one command, or one slice of training, and again."""

from __future__ import annotations

import logging
import queue
import traceback
from collections.abc import Callable

from threadpoolctl import threadpool_limits

from offrl_core.data.catalogue import load_dataset
from offrl_live.runs import truths, wire
from offrl_live.runs.session import Command, Send, Session

log = logging.getLogger(__name__)

WARM_DATASETS = ("double-crossing", "icu-sepsis")


class Worker:
    """Takes commands, keeps at most one session."""

    def __init__(self, commands: queue.SimpleQueue[Command], send: Send) -> None:
        self._commands = commands
        self._send = send
        self.session: Session | None = None

    def run(self) -> None:
        """Serve for ever; the process ends when its input does."""
        with threadpool_limits(1):
            self._send(wire.encode({"kind": "ready"}, {}))
            for name in WARM_DATASETS:
                if not self._commands.empty():
                    break
                data = load_dataset(name)
                truths.truth(data, data.gamma)
            while True:
                self.turn()

    def turn(self) -> None:
        """One command, or one slice of training."""
        wait = self.session.wait() if self.session else None
        try:
            command = self._commands.get(timeout=wait) if wait is None or wait > 0 else self._commands.get_nowait()
        except queue.Empty:
            self._guarded(lambda session: session.work())
            return
        if command["do"] == "start":
            self.session = None  # frees the old run's memory before the new one is built
            self._start(command)
        elif self.session is not None and command["run"] == self.session.run:
            if command["do"] == "drop":
                self.session = None
            else:
                self._guarded(lambda session: session.obey(command))

    def _start(self, command: Command) -> None:
        try:
            self.session = Session(command, self._send)
        except Exception as error:
            self._failed(str(command["run"]), error)

    def _guarded(self, act: Callable[[Session], None]) -> None:
        """A run that raises is a failed run; the process goes on to the next one."""
        if self.session is None:
            return
        try:
            act(self.session)
        except BrokenPipeError:
            raise
        except Exception as error:
            run, self.session = self.session.run, None
            self._failed(run, error)

    def _failed(self, run: str, error: Exception) -> None:
        log.error("run failed: %s", "".join(traceback.format_exception(error)))
        reason = f"{type(error).__name__}: {error}"
        self._send(wire.encode({"kind": "error", "run": run, "reason": reason[:500]}, {}))
