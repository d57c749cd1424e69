"""Worker processes as the server sees them: started warm, spoken to over pipes, gone when the server goes."""

from __future__ import annotations

import logging
import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from offrl_live.runs.wire import WireError, split

log = logging.getLogger(__name__)

LENGTH = struct.Struct("<I")
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

Received = Callable[["WorkerProcess", dict[str, Any], memoryview], None]
Ended = Callable[["WorkerProcess", str], None]


class WorkerProcess:
    """One worker process and the thread that owns it.

    The thread starts the process, reads what it sends and learns of its end. It lives exactly as long as the process,
    which matters on Linux: "die with the parent" means the thread that started it.

    Args:
        received: called in that thread with every message's header and payload.
        ended: called in that thread once, with the reason, when the process is gone.
    """

    def __init__(self, received: Received, ended: Ended) -> None:
        self._received = received
        self._ended = ended
        self._process: subprocess.Popen[bytes] | None = None
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._started = threading.Event()
        self._closing = False
        self.ready = False
        self._thread = threading.Thread(target=self._own, name="offrl-worker", daemon=True)

    def start(self) -> None:
        """Start the process; returns once it has a process id."""
        self._thread.start()
        self._started.wait()

    @property
    def pid(self) -> int | None:
        """The process id."""
        return self._process.pid if self._process else None

    def send(self, command: dict[str, Any]) -> None:
        """Queue one command; never waits. A process that is gone is reported by `ended`, not here."""
        # Pickle goes one way only, from the server to its own child; what comes back is read as data.
        self._outgoing.put(pickle.dumps(command, protocol=5))

    def _write(self, stream: Any) -> None:
        """The writing thread: a process that does not read must not hold up the server."""
        try:
            while (data := self._outgoing.get()) is not None:
                stream.write(LENGTH.pack(len(data)) + data)
                stream.flush()
            stream.close()
        except (OSError, ValueError):
            log.debug("worker %s takes no more commands", self.pid)

    def close(self, timeout: float = 2.0) -> None:
        """End the process: politely, then by force."""
        self._closing = True
        process = self._process
        if process is None:
            return
        self._outgoing.put(None)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def kill(self) -> None:
        """End a process that must not be waited for."""
        if self._process:
            self._process.kill()

    def _own(self) -> None:
        try:
            self._process = _spawn()
        except OSError as error:
            self._started.set()
            self._ended(self, f"a worker could not be started: {error}")
            return
        self._started.set()
        stream = self._process.stdout
        assert stream is not None
        threading.Thread(target=self._write, args=(self._process.stdin,), name="offrl-commands", daemon=True).start()
        reason = ""
        try:
            while head := stream.read(4):
                (length,) = LENGTH.unpack(head)
                header, payload = split(_exactly(stream, length))
                self._received(self, header, payload)
        except (WireError, struct.error, EOFError) as error:
            reason = f"the worker sent something that is not a message: {error}"
        except Exception as error:  # this thread must live to report the end; a run in doubt is better ended
            log.exception("what worker %s sent could not be taken in", self.pid)
            reason = f"what the worker sent could not be taken in: {error}"
        if reason:
            self._process.kill()
        code = self._process.wait()
        self._outgoing.put(None)
        if not self._closing:
            self._ended(self, reason or _why(code))


def _exactly(stream: Any, length: int) -> bytes:
    data: bytes = stream.read(length)
    if len(data) < length:
        raise EOFError("the message is cut short")
    return data


def _spawn() -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        **dict.fromkeys(_ONE_THREAD, "1"),
        "PYTHONPATH": root + os.pathsep + path if path else root,
        "OFFRL_PARENT": str(os.getpid()),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "offrl_live.serving.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )


def _why(code: int) -> str:
    if code < 0:
        return f"the worker was ended by signal {-code}"
    return f"the worker ended with code {code}"
