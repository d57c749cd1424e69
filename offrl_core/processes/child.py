"""A child process: one function of this project in a fresh interpreter, with a connection for messages."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing.connection import Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import Any

if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as Connection
else:
    from multiprocessing.connection import Connection

_ROOT = str(Path(__file__).resolve().parents[2])
_ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
# Python's own modules first: one beside somebody's script must not stand in for them.
_RUN = (
    "import sys; sys.path += sys.argv[5:]; import site; site.main();"
    "from offrl_core.processes.child import run; run(*sys.argv[1:5])"
)
_PATIENCE = 5.0
"""Seconds that a child may take to end once it has closed its connection."""


class ChildEnded(Exception):
    """The child has ended, or has left its connection; the message says how.

    Attributes:
        code: its exit code; negative for the signal that ended it.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"was ended by signal {-code}" if code < 0 else f"ended with code {code}")
        self.code = code


class Child:
    """A process that runs one function, with one thread for linear algebra, until that returns or this process ends.

    It ends with this process on every way that this one may end: Linux kills it, and everywhere the connection closes,
    which a child that uses `inbox` takes as the end. Ctrl-C in a terminal does not reach it.

    `send` pickles, and the child's `Connection.recv` unpickles. In the other direction `recv` unpickles what the child
    has sent: a child that works on somebody's file must be read with `recv_bytes` alone.

    Args:
        function: a function at the top of a module; it takes the child's end of the connection.
        nice: by how much its priority is lower than that of this process.
        options: further arguments of `subprocess.Popen`, such as `env`.

    Raises:
        OSError: no process could be started.
    """

    def __init__(self, function: Callable[[Connection], None], *, nice: int = 0, **options: Any) -> None:
        self._connection, theirs = Pipe()
        self._code: Future[int] = Future()
        options["env"] = {**options.get("env", os.environ), **_ONE_THREAD}
        if not options.get("start_new_session"):
            options["process_group"] = 0
        name = f"{function.__module__}:{function.__name__}"
        arguments = (name, str(theirs.fileno()), str(os.getpid()), str(nice), _ROOT, *filter(None, sys.path))
        command = [sys.executable, "-I", "-S", "-c", _RUN, *arguments]
        started: Future[subprocess.Popen[bytes]] = Future()
        with theirs:
            options |= _inherited(theirs.fileno())
            threading.Thread(target=self._hold, args=(started, command, options), name="child", daemon=True).start()
            self._process = started.result()

    def _hold(self, started: Future[subprocess.Popen[bytes]], command: list[str], options: dict[str, Any]) -> None:
        """Start the process and stay as long as it does: Linux kills it when the thread that started it ends."""
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(process)
        self._code.set_result(process.wait())

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait(self, seconds: float | None = None) -> int:
        """Its exit code, once it has ended.

        Raises:
            TimeoutError: it has not ended within `seconds`.
        """
        return self._code.result(seconds)

    def kill(self) -> None:
        """End it, and what it has forked; returns at once."""
        if not self._code.done():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Kill it when the block takes longer: what the block asks of it then raises `ChildEnded`."""
        timer = threading.Timer(seconds, self.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @property
    def idle(self) -> bool:
        """Whether it has neither ended nor sent anything that is still to be received."""
        return not self._code.done() and not self._connection.poll()

    def end(self) -> None:
        """End it, and wait until it has ended."""
        self.kill()
        with suppress(TimeoutError):
            self.wait(_PATIENCE)

    # Each of these raises ChildEnded where the child has ended or closed its end of the connection.

    def send(self, message: object) -> None:
        """Pickle a message and send it; waits while the child does not read."""
        with self._while_it_lives():
            self._connection.send(message)

    def send_bytes(self, message: bytes) -> None:
        """Send bytes; waits while the child does not read."""
        with self._while_it_lives():
            self._connection.send_bytes(message)

    def recv(self) -> Any:
        """Wait for the next message and unpickle it."""
        with self._while_it_lives():
            return self._connection.recv()

    def recv_bytes(self) -> bytes:
        """Wait for the next message."""
        with self._while_it_lives():
            return self._connection.recv_bytes()

    @contextmanager
    def _while_it_lives(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            try:
                code = self.wait(_PATIENCE)
            except TimeoutError:
                self.kill()
                code = self.wait()
            raise ChildEnded(code) from error


def _inherited(handle: int) -> dict[str, Any]:
    """The arguments of `Popen` that leave `handle` open in the child."""
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        return {"startupinfo": subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})}
    return {"pass_fds": (handle,)}


# What follows runs in the child.


def run(function: str, handle: str, parent: str, nice: str) -> None:
    """Run a function in the process that `Child` has started."""
    die_with_parent(int(parent))
    if hasattr(os, "nice"):
        os.nice(int(nice))
    module, _, name = function.partition(":")
    try:
        getattr(import_module(module), name)(Connection(int(handle)))
    except ConnectionError:
        os._exit(0)  # the parent has gone, so nobody is left to hear of it


def inbox(connection: Connection) -> SimpleQueue[Any]:
    """The parent's messages as they come, taken in by a thread that ends this process when the parent has gone."""
    messages: SimpleQueue[Any] = SimpleQueue()

    def take_in() -> None:
        # Not sys.exit: the main thread may be deep in arithmetic.
        try:
            while True:
                messages.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    threading.Thread(target=take_in, name="inbox", daemon=True).start()
    return messages


def die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when the thread that started it ends; other systems only close the connection."""
    if not sys.platform.startswith("linux"):
        return
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent ended before the request was in place
