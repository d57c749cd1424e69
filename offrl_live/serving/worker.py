"""The worker process: one run at a time, trained in slices between commands.

Started by `WorkerProcess` as `python -m offrl_live.serving.worker`. Commands come in over standard input, messages go
out over what was standard output; when the input ends, because the server ended, so does the process.
"""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

from offrl_live.serving.worker_process import LENGTH

log = logging.getLogger(__name__)


def die_with_parent() -> None:
    """Ask Linux to end this process when the thread that started it ends; elsewhere the closed pipe does it."""
    if not sys.platform.startswith("linux"):
        return
    pr_set_pdeathsig = 1
    try:
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != int(os.environ.get("OFFRL_PARENT", os.getppid())):
        os._exit(1)  # the parent ended before the request was in place


def listen(stream: BinaryIO, commands: queue.SimpleQueue[Mapping[str, Any]]) -> None:
    """Put every command into the queue; end the process with the stream."""
    while True:
        head = stream.read(LENGTH.size)
        data = stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""
        if not data:
            # Not sys.exit: the main thread may be deep in arithmetic, and nobody is left to hear of a clean end.
            os._exit(0)
        commands.put(pickle.loads(data))  # from the parent process only


def main() -> None:
    """Run until the server ends."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides
    if hasattr(os, "nice"):
        os.nice(2)  # the server answers first
    logging.basicConfig(level=logging.WARNING)
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever prints must not end up between the messages

    def send(message: bytes) -> None:
        data = memoryview(LENGTH.pack(len(message)) + message)
        while data:
            data = data[out.write(data) :]

    commands: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(sys.stdin.buffer, commands), daemon=True).start()
    # The imports that take time: done here, before the first run is asked for.
    from offrl_live.serving.worker_loop import serve

    try:
        serve(commands, send)
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
