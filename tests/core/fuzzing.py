"""Reading files that nobody vouches for, and watching that nothing but reading happens."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from log_files import read_file

from offrl_core import Dataset
from offrl_core.data.report import validate
from offrl_core.formats import ColumnMapping, FileError, Limits
from offrl_core.processes.child import Child
from tests.hypothesis_profiles import examples

LIMITS = Limits(bytes=1_000_000, unpacked=50_000_000, rows=100_000, columns=200, members=1000, seconds=10.0)

_watched: dict[str, Any] = {"on": False, "seen": []}
_FORBIDDEN = ("exec", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pickle.find_class")
_FORBIDDEN += ("socket.connect", "socket.bind", "os.mkdir", "os.rename", "os.remove", "ctypes.dlopen", "marshal.loads")


def _ours() -> bool:
    """Whether Python is importing a module, or the process that reads files is being started."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib") or frame.f_code is Child._hold.__code__:
            return True
        frame = frame.f_back
    return False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched["on"]:
        return
    written = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if (written or event in _FORBIDDEN) and not _ours():
        _watched["seen"].append((event, str(arguments)[:200]))


sys.addaudithook(_audit)


@contextmanager
def watched() -> Iterator[None]:
    """Fail where code is run, a process is started, a file is written or the network is touched."""
    _watched["seen"].clear()
    _watched["on"] = True
    try:
        yield
    finally:
        _watched["on"] = False
    assert not _watched["seen"]


def judge(
    data: bytes, mapping: ColumnMapping | None = None, format: str | None = None, *, isolated: bool = False
) -> str:
    """Read a file: it is read or refused; everything else fails the test."""
    begun = time.monotonic()
    try:
        with watched():
            reading = read_file(data, name="fuzz.bin", limits=LIMITS, mapping=mapping, format=format, isolated=isolated)
    except FileError as refusal:
        message, reading = str(refusal), None
    assert time.monotonic() - begun < LIMITS.seconds + 5
    if reading is None:
        assert message.startswith("fuzz.bin")
        return "refused"
    sound(reading.dataset)
    validate(reading.dataset, reading.findings)
    return "read"


def sound(data: Dataset) -> None:
    """The dataset keeps its promises, whatever it was made of."""
    assert len(data) > 0
    assert np.isfinite(data.rewards).all()
    assert np.isfinite(data.observations).all()
    assert np.isfinite(data.next_observations).all()
    assert data.actions.min() >= 0
    assert data.actions.max() < data.n_actions
    assert not (data.terminations & data.truncations).any()
    assert (data.terminations | data.truncations)[data.episode_ends].all()
    if data.n_states is not None:
        assert max(data.observations.max(), data.next_observations.max()) < data.n_states


def fuzzed(count: int) -> Any:
    """Settings of a run of the fuzzer."""
    return settings(max_examples=examples(count), deadline=None, database=None, suppress_health_check=list(HealthCheck))
