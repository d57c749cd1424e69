"""BLAS on one thread: on small matrices a second one gives nothing, and where cores are busy waiting for it costs much.

Measured: 25 systems of 104 equations take 2 ms with one thread or two, and 150 ms with two beside other work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_LOAD = Path("/proc/loadavg")


@cache
def _controller() -> Any:
    """The pools of threads that are loaded; None where `threadpoolctl` is not installed, as in a browser."""
    if find_spec("threadpoolctl") is None:
        return None
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def _already_one() -> bool:
    controller = _controller()
    return controller is None or all(library["num_threads"] == 1 for library in controller.info())


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside; free of cost where the environment already says so."""
    if _already_one():
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        yield


def free_cores() -> int:
    """Cores that nothing else runs on at this moment, that of the caller included; 1 where the system does not say."""
    try:
        running = int(_LOAD.read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 1
    return max(1, cores() - max(0, running - 1))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
