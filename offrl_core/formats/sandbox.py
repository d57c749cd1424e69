"""Reading in another process: bounded in memory and time, unable to write files or to start anything.

Parsers of binary formats crash or hang on some damaged files (libparquet and libhdf5 do, on single flipped bits). The
process that reads turns the file into this project's plain NPZ; only that is parsed here. Whatever happens to it, this
process goes on.

A process that waits for files is kept for a while, and forks for each file, so that one file cannot touch the next.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from offrl_core.formats import npz
from offrl_core.formats.assemble import assemble
from offrl_core.formats.base import Context, FileError, Finding, Limits, Progress, nothing
from offrl_core.formats.log import Reading
from offrl_core.formats.mapping import ColumnInfo, ColumnMapping
from offrl_core.formats.parse import Preview
from offrl_core.formats.source import Source

FRAME = struct.Struct("<cQ")
"""What the process says: one letter and the length of what follows. `S` it has started, `P` progress, `A` answer, `D`
data, `X` a fault.
"""

_SEATS = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
"""Files read at once; who comes later waits. Each reading may fill a good part of the memory."""


def read_isolated(
    source: Source, format: str | None, mapping: ColumnMapping | None, limits: Limits, progress: Progress
) -> Reading:
    """`read_file` in another process; arguments and errors as there."""
    asked = {"format": format, "mapping": None if mapping is None else mapping.to_json()}
    answer, data = _ask("read", source, asked, limits, progress)
    wide = {**asdict(limits), "bytes": len(data), "unpacked": 2 * limits.unpacked}
    columns = npz.read(Source(source.name, data=data), Context(Limits(**wide), nothing))
    del data
    log = assemble(columns, Context(limits, nothing))
    progress(1.0, "done")
    used = answer["mapping"]
    return Reading(
        source.name,
        log,
        tuple(Finding(**{**finding, "rows": tuple(finding["rows"])}) for finding in answer["findings"]),
        answer["format"],
        None if used is None else ColumnMapping.from_json(used),
    )


def preview_isolated(source: Source, format: str | None, limits: Limits) -> Preview:
    """`preview_file` in another process; arguments and errors as there."""
    answer, _ = _ask("preview", source, {"format": format}, limits, nothing)
    guessed = answer["mapping"]
    return Preview(
        answer["format"],
        tuple(ColumnInfo(**{**info, "examples": tuple(info["examples"])}) for info in answer["columns"]),
        answer["rows"],
        tuple(tuple(row) for row in answer["sample"]),
        None if guessed is None else ColumnMapping.from_json(guessed),
    )


class _Reader:
    """The process that reads, from this side."""

    def __init__(self) -> None:
        self.busy = threading.Lock()
        self._owner = 0
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: bytes, data: bytes, seconds: float, progress: Progress) -> tuple[bytes, bytes] | None:
        """Send one file and wait for the answer; None where the process had gone before it began.

        Raises:
            _Ended: the process ended before it answered.
        """
        late = threading.Timer(seconds, self.kill)
        late.start()
        started = begun = False
        try:
            process = self._running()
            started = True
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(struct.pack("<cIQ", b"R", len(request), len(data)) + request)
            process.stdin.write(data)
            process.stdin.flush()
            answer: bytes | None = None
            while True:
                kind, size = FRAME.unpack(_exactly(process.stdout, FRAME.size))
                begun = True
                body = _exactly(process.stdout, size)
                if kind == b"P":
                    share, doing = json.loads(body)
                    progress(0.95 * share, doing)
                elif kind == b"A":
                    answer = body
                elif kind == b"D" and answer is not None:
                    return answer, body
                else:
                    raise RuntimeError(body.decode(errors="replace"))
        except (EOFError, BrokenPipeError) as error:
            if not begun and self._ended() == 0:
                return None
            raise _Ended(late.finished.is_set(), self._ended(), started) from error
        except BaseException:
            self.end()  # an answer that nobody waits for any more must not be taken for the next one
            raise
        finally:
            late.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        """The process, started if there is none (or only that of a process this one was forked from).

        Raises:
            EOFError: it ended before it could say that it has started.
        """
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._close()
            self._process, self._owner = _start(), os.getpid()
            assert self._process.stdout is not None
            _exactly(self._process.stdout, FRAME.size)
        return self._process

    def _ended(self) -> int:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(5)
        self.kill()
        return self._process.wait()

    def kill(self) -> None:
        """End the process and whatever it forked."""
        process = self._process
        if process is not None and self._owner == os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()

    def end(self) -> None:
        """End the process and forget it."""
        self.kill()
        if self._process is not None and self._owner == os.getpid():
            self._process.wait()
        self._close()


class _Ended(Exception):
    """The process ended without an answer."""

    def __init__(self, late: bool, code: int, started: bool) -> None:
        super().__init__(late, code, started)
        self.late, self.code, self.started = late, code, started


_kept = _Reader()
atexit.register(_kept.end)


def _ask(
    what: str, source: Source, asked: dict[str, Any], limits: Limits, progress: Progress
) -> tuple[dict[str, Any], bytes]:
    """Let the kept process read, or another one while that is busy."""
    request = {"what": what, "name": source.name, "limits": asdict(limits), **asked}
    request["path"] = None if source.path is None else str(source.path.resolve())
    text, data = json.dumps(request).encode(), source.data or b""
    with _SEATS:
        reader = _kept if _kept.busy.acquire(blocking=False) else _Reader()
        try:
            # A process that went away while idle is simply started again.
            got = reader.ask(text, data, limits.seconds, progress) or reader.ask(text, data, limits.seconds, progress)
        except _Ended as ended:
            if ended.late:
                raise FileError(f"reading it took longer than {limits.seconds:g} s", file=source.name) from ended
            if not ended.started:
                raise RuntimeError(f"the process that reads files cannot be started (code {ended.code})") from ended
            raise FileError(
                f"the file is damaged in a way that ended the process that read it (code {ended.code})",
                file=source.name,
            ) from ended
        finally:
            if reader is _kept:
                _kept.busy.release()
            else:
                reader.end()
    if got is None:
        raise RuntimeError("the process that reads files ends as soon as it is started")
    answer = json.loads(got[0])
    if "reason" in answer:
        raise FileError(answer["reason"], file=answer["file"], row=answer["row"], column=answer["column"])
    return answer, got[1]


def _exactly(pipe: Any, size: int) -> bytes:
    body: bytes = pipe.read(size)
    if len(body) < size:
        raise EOFError
    return body


def _start() -> subprocess.Popen[bytes]:
    """As little as the process needs: no secrets of this one, one thread, no plug-ins."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "TZ") if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    # The path is set once Python runs: modules beside a viewer's script must not stand in for Python's own.
    run = "import sys; sys.path[:] = sys.argv[1:]; from offrl_core.formats.sandbox_process import serve; serve()"
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", run, root, *(path for path in sys.path if path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={
            **kept,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
            "HDF5_PLUGIN_PRELOAD": "::",
        },
    )
