"""Reading files that nobody vouches for, such as uploads, in another process.

Parsers of binary formats crash or hang on some damaged files (libparquet and libhdf5 do, on single flipped bits). The
other process is bounded in memory and time, and can neither write files nor start anything. It turns the file into this
project's plain NPZ, and only that is parsed here. Whatever happens to it, this process goes on.

A process that has read a file is kept for a while, for the next one.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

from offrl_core.formats import ColumnMapping, FileError, Limits, Preview, Progress, Reading
from offrl_core.formats.base import no_progress
from offrl_core.formats.elsewhere import preview_of, reading_of
from offrl_core.formats.source import Source
from offrl_core.processes.child import Child, ChildEnded
from offrl_core.processes.confined_reader import IDLE_SECONDS, serve

_SEATS = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
"""Files read at once; further ones wait. Each reading may fill a good part of the memory."""

_NEARLY_LEAVING = IDLE_SECONDS - 10.0
"""A process that has waited for longer may be about to end."""

_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "TZ")
_VARIABLES = {
    "MALLOC_ARENA_MAX": "2",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "HDF5_PLUGIN_PRELOAD": "::",
}

_lock = threading.Lock()
_turns: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""By visitor: held while a file of theirs is read, and gone when nobody waits for it any more."""
_spare: tuple[Child, float] | None = None
"""A process that waits for a file, and since when."""


def read_isolated(
    source: str | Path | bytes | BinaryIO,
    *,
    format: str | None = None,
    mapping: ColumnMapping | Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    name: str | None = None,
    visitor: str | None = None,
) -> Reading:
    """`offrl_core.formats.read_file` in another process; arguments and errors as there, and

    Args:
        visitor: who asks: of one visitor's files, one is read at a time.

    Raises:
        FileError: the file ended the process that read it, or reading it took longer than `limits.seconds`.
    """
    limits, progress = limits or Limits(), progress or no_progress
    mapping = ColumnMapping.from_json(mapping) if isinstance(mapping, Mapping) else mapping
    given = Source.of(source, limits, name)
    asked = {"what": "read", "format": format, "mapping": None if mapping is None else mapping.to_json()}
    with _in_turn(visitor):
        answer, data = _ask(asked, given, limits, progress)
    reading = reading_of(answer, data, given.name, limits)
    progress(1.0, "done")
    return reading


def preview_isolated(
    source: str | Path | bytes | BinaryIO,
    *,
    format: str | None = None,
    limits: Limits | None = None,
    name: str | None = None,
    visitor: str | None = None,
) -> Preview:
    """`offrl_core.formats.preview_file` in another process; arguments and errors as in `read_isolated`."""
    limits = limits or Limits()
    given = Source.of(source, limits, name)
    with _in_turn(visitor):
        answer, _ = _ask({"what": "preview", "format": format}, given, limits, no_progress)
    return preview_of(answer)


@contextmanager
def _in_turn(visitor: str | None) -> Iterator[None]:
    """Wait until no other file of this visitor is read: whoever has many must not take all the seats."""
    if visitor is None:
        yield
        return
    with _lock:
        turn = _turns.setdefault(visitor, threading.Lock())
    with turn:
        yield


def _ask(asked: dict[str, Any], source: Source, limits: Limits, progress: Progress) -> tuple[dict[str, Any], bytes]:
    """Let a process read one file; returns what it says of the file, and the data."""
    path = None if source.path is None else str(source.path.resolve())
    request = json.dumps({**asked, "name": source.name, "path": path, "limits": asdict(limits)}).encode()
    with _SEATS:
        deadline = time.monotonic() + limits.seconds
        child, started = _take()
        try:
            with child.within(deadline - time.monotonic()):
                if not started:
                    child.recv_bytes()
                    started = True
                child.send_bytes(request)
                child.send_bytes(source.data or b"")
                # Read as data and never unpickled: a file may have taken over the process that read it.
                while "progress" in (answer := json.loads(child.recv_bytes())):
                    share, doing = answer["progress"]
                    progress(0.95 * share, doing)
                if "fault" in answer:
                    raise RuntimeError(answer["fault"])
                data = child.recv_bytes()
        except ChildEnded as ended:
            if time.monotonic() >= deadline:
                raise FileError(f"reading it took longer than {limits.seconds:g} s", file=source.name) from ended
            if not started:
                raise RuntimeError(f"the process that reads files cannot be started (code {ended.code})") from ended
            raise FileError(
                f"the file is damaged in a way that ended the process that read it (code {ended.code})",
                file=source.name,
            ) from ended
        except BaseException:
            child.end()  # an answer that nobody waits for any more must not be taken for the next one
            raise
        _keep(child)
    if "reason" in answer:
        raise FileError(answer["reason"], file=answer["file"], row=answer["row"], column=answer["column"])
    return answer, data


def _take() -> tuple[Child, bool]:
    """A process for one file, and whether it has started already."""
    global _spare
    with _lock:
        spare, _spare = _spare, None
    if spare is not None:
        child, since = spare
        # What it says while nobody asks must not be taken for the next answer.
        if child.idle and time.monotonic() - since < _NEARLY_LEAVING:
            return child, True
        child.end()
    # As little as it needs: no secrets of this process, no plug-ins, no terminal.
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return Child(serve, env=kept | _VARIABLES, start_new_session=True, **nowhere), False


def _keep(child: Child) -> None:
    """Leave a process to the next file, unless another one waits for it or this system cannot fork."""
    global _spare
    with _lock:
        if _spare is None and hasattr(os, "fork"):
            _spare = child, time.monotonic()
            return
    child.end()
