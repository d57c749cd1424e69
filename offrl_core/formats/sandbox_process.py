"""The process that reads files for `sandbox`: it waits, forks for each file, and the fork gives up what it can."""

from __future__ import annotations

import json
import os
import select
import struct
import sys
import traceback
from dataclasses import asdict
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from offrl_core.formats import npz
from offrl_core.formats.base import FileError, Limits
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.parse import parse_file, parse_preview
from offrl_core.formats.registry import FORMATS
from offrl_core.formats.sandbox import FRAME
from offrl_core.formats.source import Source

_IDLE = 60.0
"""Seconds after which a process that nobody asks ends."""

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


def _read(size: int) -> bytes:
    parts = []
    while size:
        part = os.read(0, min(size, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _say(kind: bytes, body: bytes | memoryview = b"") -> None:
    for part in (FRAME.pack(kind, len(body)), body):
        view = memoryview(part)
        while view:
            view = view[os.write(1, view) :]


def _handle() -> None:
    """One file."""
    size, length = struct.unpack("<IQ", _read(12))
    request = json.loads(_read(size))
    data = _read(length)
    limits = Limits(**request["limits"])
    confine(limits)
    path, name, told = request["path"], request["name"], [-1.0]
    given = Source(name, path=Path(path)) if path else Source(name, data=data)

    def report(share: float, doing: str) -> None:
        if share - told[0] >= 0.01:
            told[0] = share
            _say(b"P", json.dumps([share, doing]).encode())

    body = BytesIO()
    try:
        if request["what"] == "preview":
            preview = parse_preview(given, request["format"], limits)
            used = preview.mapping
            answer = asdict(preview)
        else:
            asked = request["mapping"]
            mapping = None if asked is None else ColumnMapping.from_json(asked)
            reading = parse_file(given, request["format"], mapping, limits, report)
            used = reading.mapping
            answer = {"format": reading.format, "findings": [asdict(finding) for finding in reading.findings]}
            npz.write(reading.log, body, compress=False)
        answer["mapping"] = None if used is None else used.to_json()
    except FileError as error:
        answer = {"reason": error.reason, "file": error.file, "row": error.row, "column": error.column}
    except Exception:  # a fault of ours: the other side raises it again
        _say(b"X", traceback.format_exc().encode())
        return
    _say(b"A", json.dumps(answer).encode())
    _say(b"D", body.getbuffer())


def serve() -> None:
    """Wait for files until the other side goes away or nobody asks for a while."""
    for record in FORMATS.values():
        import_module(record.module)
    _say(b"S")
    while select.select([0], [], [], _IDLE)[0] and os.read(0, 1) == b"R":
        if not hasattr(os, "fork"):
            _handle()
            return
        child = os.fork()
        if child == 0:
            _handle()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status != 0:
            # What the child left unread is lost; the other side learns of it by this end.
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF or 1)
