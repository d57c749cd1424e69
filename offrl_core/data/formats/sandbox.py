"""Reading in a process of its own: bounded in memory and time, and unable to write files.

The process turns the file into this project's plain NPZ on its standard output; only that is parsed here. A parser that
crashes, hangs or asks for endless memory takes down that process and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from offrl_core.data.formats import ColumnInfo, ColumnMapping, Preview, npz, preview_file, read_file
from offrl_core.data.formats.assemble import assemble
from offrl_core.data.formats.base import Context, FileError, Limits, Progress, Reading, Source, nothing
from offrl_core.data.report import Finding

_BASE_MEMORY = 2_000_000_000
"""Address space of the process beyond what the data needs: the interpreter and its libraries reserve much of it."""

_ANSWER_HEADER = 64_000_000
"""Bytes of findings and columns that are believed."""


def read_isolated(
    source: Source, format: str | None, mapping: ColumnMapping | None, limits: Limits, progress: Progress
) -> Reading:
    """`read_file` in a process of its own; arguments and errors as there."""
    asked = {"format": format, "mapping": None if mapping is None else mapping.to_json()}
    header, payload = _ask("read", source, asked, limits, progress)
    context = Context(Limits(bytes=len(payload), **_all_but_bytes(limits)), nothing)
    columns = npz.read(Source(source.name, data=payload), context)
    del payload
    dataset = assemble(columns, context)
    plain = header["mapping"]
    return Reading(
        dataset,
        tuple(Finding(**{**finding, "rows": tuple(finding["rows"])}) for finding in header["findings"]),
        header["format"],
        None if plain is None else ColumnMapping.from_json(plain),
    )


def preview_isolated(source: Source, format: str | None, limits: Limits) -> Preview:
    """`preview_file` in a process of its own; arguments and errors as there."""
    header, _ = _ask("preview", source, {"format": format}, limits, nothing)
    plain = header["mapping"]
    return Preview(
        header["format"],
        tuple(ColumnInfo(**{**info, "examples": tuple(info["examples"])}) for info in header["columns"]),
        header["rows"],
        tuple(tuple(row) for row in header["sample"]),
        None if plain is None else ColumnMapping.from_json(plain),
    )


def _all_but_bytes(limits: Limits) -> dict[str, Any]:
    return {name: value for name, value in asdict(limits).items() if name != "bytes"}


def _ask(
    what: str, source: Source, asked: dict[str, Any], limits: Limits, progress: Progress
) -> tuple[dict[str, Any], bytes]:
    """Start the process, hand it the file, and wait for its answer."""
    request = {"what": what, "name": source.name, "limits": asdict(limits), **asked}
    request["path"] = None if source.path is None else str(source.path.resolve())
    process = subprocess.Popen(
        [sys.executable, "-m", "offrl_core.data.formats.sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    late = threading.Timer(limits.seconds, process.kill)
    late.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        feed = threading.Thread(target=_feed, args=(process.stdin, request, source.data or b""), daemon=True)
        said: list[str] = []
        listen = threading.Thread(target=_listen, args=(process.stderr, progress, said), daemon=True)
        feed.start()
        listen.start()
        start = process.stdout.read(4)
        size = struct.unpack("<I", start)[0] if len(start) == 4 else 0
        header = process.stdout.read(min(size, _ANSWER_HEADER))
        body = process.stdout.read(4 * limits.unpacked)
        process.wait()
        listen.join(5)
    finally:
        timed_out = late.finished.is_set()
        late.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    if process.returncode != 0 or not header:
        if timed_out:
            raise FileError(f"reading it took longer than {limits.seconds:g} s", file=source.name)
        raise FileError(
            f"the file is damaged: its reader ended with code {process.returncode}. {' '.join(said[-1:])}".rstrip(),
            file=source.name,
        )
    told = json.loads(header)
    if "reason" in told:
        raise FileError(told["reason"], file=told["file"], row=told["row"], column=told["column"])
    return told, body


def _environment() -> dict[str, str]:
    """As little as the process needs: no secrets of this one, one thread, no plug-ins."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    root = str(Path(__file__).resolve().parents[3])
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([root, *(path for path in sys.path if path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "HDF5_PLUGIN_PRELOAD": "::",
    }


def _feed(pipe: BinaryIO, request: dict[str, Any], data: bytes) -> None:
    # A process that refuses early closes the pipe; its answer says why.
    with contextlib.suppress(BrokenPipeError, OSError), pipe:
        text = json.dumps(request).encode()
        pipe.write(struct.pack("<I", len(text)) + text)
        pipe.write(data)


def _listen(pipe: BinaryIO, progress: Progress, said: list[str]) -> None:
    with contextlib.suppress(ValueError, OSError):
        for line in pipe:
            text = line.decode(errors="replace").rstrip()
            kind, _, rest = text.partition(" ")
            if kind == "progress":
                share, _, doing = rest.partition(" ")
                progress(float(share), doing)
            elif len(said) < 100:
                said.append(text[:300])


def _confine(limits: Limits) -> None:
    """Give up what reading does not need."""
    try:
        import resource
    except ImportError:  # not on Windows: there the limits of the parsers themselves and the time remain
        return
    memory = _BASE_MEMORY + 4 * limits.unpacked
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, int(limits.seconds) + 1),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _answer(header: dict[str, Any], write: Callable[[BinaryIO], None] | None = None) -> None:
    text = json.dumps(header).encode()
    sys.stdout.buffer.write(struct.pack("<I", len(text)) + text)
    if write is not None:
        body = BytesIO()
        write(body)
        sys.stdout.buffer.write(body.getbuffer())
    sys.stdout.buffer.flush()


def _main() -> None:
    """What the process does: one request, one answer."""
    (size,) = struct.unpack("<I", sys.stdin.buffer.read(4))
    request = json.loads(sys.stdin.buffer.read(size))
    limits = Limits(**request["limits"])
    _confine(limits)
    path, told = request["path"], [0.0]

    def report(share: float, doing: str) -> None:
        if share - told[0] >= 0.01 or share in (0.0, 1.0):
            told[0] = share
            print(f"progress {share:.3f} {doing}", file=sys.stderr, flush=True)

    try:
        named = request["name"]
        given = Source(named, path=Path(path)) if path else Source.of(sys.stdin.buffer, limits, named)
        if request["what"] == "preview":
            preview = preview_file(given, format=request["format"], limits=limits)
            mapping = None if preview.mapping is None else preview.mapping.to_json()
            _answer({**asdict(preview), "mapping": mapping})
            return
        plain = request["mapping"]
        reading = read_file(
            given,
            format=request["format"],
            mapping=None if plain is None else ColumnMapping.from_json(plain),
            limits=limits,
            progress=report,
        )
    except FileError as error:
        _answer({"reason": error.reason, "file": error.file, "row": error.row, "column": error.column})
        return
    used = None if reading.mapping is None else reading.mapping.to_json()
    header = {"format": reading.format, "mapping": used, "findings": [asdict(f) for f in reading.findings]}
    _answer(header, lambda body: npz.write(reading.dataset, body, compress=False))


if __name__ == "__main__":
    _main()
