"""A model of a run as a file for PyTorch or ONNX, made in a process of its own: this one never loads PyTorch."""

from __future__ import annotations

import threading
import time
from multiprocessing.connection import Connection

from offrl_core import own_files
from offrl_core.processes.child import Child, ChildEnded
from offrl_live.runs.config import RunConfig
from offrl_live.runs.export import RunExport

SECONDS = 120.0
"""The longest that a file may take, the wait for others included. A file takes some 5 to 10, most of it for PyTorch."""

_SEAT = threading.Lock()
"""One file at a time: each takes half a gigabyte."""

_MADE, _REFUSED = b"\1", b"\0"


def torch_model_file(export: RunExport, format: str, member: int, *, seconds: float = SECONDS) -> bytes:
    """`RunExport.torch_model` in another process.

    Raises:
        ValueError: as there, or a package is missing, or it takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    if not _SEAT.acquire(timeout=seconds):
        raise ValueError("other files are being made: try again in a minute")
    try:
        child = Child(serve, nice=5)
        try:
            config = export.config
            with child.within(deadline - time.monotonic()):
                child.send((config.files, config.to_json(), export.checkpoint, export.dataset, format, member))
                answer = child.recv_bytes()
        except ChildEnded as error:
            late = time.monotonic() >= deadline
            why = f"it took longer than {seconds:g} s" if late else f"the process that makes it {error}"
            raise ValueError(f"the model could not be written: {why}") from error
        finally:
            child.end()
    finally:
        _SEAT.release()
    if answer[:1] != _MADE:
        raise ValueError(answer[1:].decode())
    return answer[1:]


def serve(connection: Connection) -> None:
    """In the process: make one file."""
    files, config, checkpoint, dataset, format, member = connection.recv()
    for file in files:
        own_files.load(file)
    export = RunExport(RunConfig.from_json(config), None, {}, (), (), (), "", "", checkpoint, dataset)
    try:
        connection.send_bytes(_MADE + export.torch_model(format, member))
    except (ValueError, ImportError) as error:
        connection.send_bytes(_REFUSED + str(error).encode())
