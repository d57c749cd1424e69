"""The process that reads files nobody vouches for: it forks for each file, and the fork gives up what it can."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from offrl_core.formats import FORMATS, FileError, Limits, preview_file, read_file
from offrl_core.formats.elsewhere import sent_preview, sent_reading
from offrl_core.formats.source import Source
from offrl_core.processes.child import die_with_parent

IDLE_SECONDS = 60.0
"""After so long without a file the process ends."""

_MEMORY = 2_000_000_000
"""Address space beyond what the data needs: the interpreter and its libraries reserve much of it."""

_DENIED: tuple[str, ...] = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.kill",
    "subprocess.Popen",
    "pickle.find_class",
)
_DENIED += ("socket.connect", "socket.bind", "socket.sendto", "os.remove", "os.rename", "os.mkdir", "os.chmod")
_DENIED += ("os.symlink", "os.link", "os.truncate", "shutil.rmtree")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine(limits: Limits) -> None:
    """Give up what reading does not need: memory, time, writing, starting anything."""
    try:
        import resource
    except ImportError:  # not on Windows: there the time limit of the other side remains
        pass
    else:
        for what, most in (
            (resource.RLIMIT_AS, _MEMORY + 4 * limits.unpacked),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_CPU, 2 * int(limits.seconds) + 1),
        ):
            _, hard = resource.getrlimit(what)
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    sys.addaudithook(_deny)


def _deny(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _DENIED or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES):
        raise PermissionError(f"{event} is denied to a process that reads files")


def serve(connection: Connection) -> None:
    """Say that the process has started; then read one file after another, until none comes for a while.

    For each file there come a request (JSON) and the file's bytes. There go out any number of `{"progress": [share,
    doing]}`, and last either `{"fault": traceback}`, or the answer (JSON) and the log as bytes of an NPZ file.
    """
    sys.dont_write_bytecode = True
    for record in FORMATS.values():
        import_module(record.module)
    connection.send_bytes(b"started")
    while connection.poll(IDLE_SECONDS):
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        if not hasattr(os, "fork"):
            _read(connection, request)
            return
        this, (running, end) = os.getpid(), os.pipe()
        reader = os.fork()
        if reader == 0:
            die_with_parent(this)
            _read(connection, request)
            os._exit(0)
        os.close(end)
        watch = select.poll()
        watch.register(running, select.POLLIN)  # closed by the fork's end
        watch.register(connection.fileno(), 0)  # tells of nothing but the other side's end
        if connection.fileno() in dict(watch.poll()):
            os.kill(reader, signal.SIGKILL)
        os.close(running)
        _, status = os.waitpid(reader, 0)
        if status != 0:
            # What the fork left unread is lost; the other side learns of it by this end.
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF or 1)


def _read(connection: Connection, asked: bytes) -> None:
    """One file."""
    request = json.loads(asked)
    data = connection.recv_bytes()
    limits = Limits(**request["limits"])
    confine(limits)
    path, name, told = request["path"], request["name"], -1.0
    source = Source(name, path=Path(path)) if path else Source(name, data=data)

    def say(what: dict[str, Any]) -> None:
        connection.send_bytes(json.dumps(what).encode())

    def progress(share: float, doing: str) -> None:
        nonlocal told
        if share - told >= 0.01:
            told = share
            say({"progress": [share, doing]})

    answer: dict[str, Any]
    log = memoryview(b"")
    try:
        if request["what"] == "preview":
            answer = sent_preview(preview_file(source, format=request["format"], limits=limits))
        else:
            how = {"format": request["format"], "mapping": request["mapping"]}
            answer, log = sent_reading(read_file(source, **how, limits=limits, progress=progress))
    except FileError as error:
        answer = {"reason": error.reason, "file": error.file, "row": error.row, "column": error.column}
    except Exception:  # a fault of ours: the other side raises it again
        say({"fault": traceback.format_exc()})
        return
    say(answer)
    connection.send_bytes(log)
