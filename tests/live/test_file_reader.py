"""The process that reads files for this one: it gives the same, ends in time, and when it dies it dies alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

import pytest

from offrl_core.formats import ColumnMapping, FileError, Limits, cells, preview_file
from offrl_core.formats import read_file as read_here
from offrl_core.processes import confined_reader, file_reader
from offrl_core.processes.child import Child
from offrl_core.processes.file_reader import preview_isolated, read_isolated
from tests.core.log_files import assert_same, d4rl, log, read_file

CSV = b"s,a,r\n0,0,0\n1,1,1\n"


def test_isolated_reading_gives_the_same(tmp_path: Path) -> None:
    told: list[float] = []
    data = d4rl(log())
    apart = read_file(data, name="x.h5", isolated=True, progress=lambda share, doing: told.append(share))
    here = read_file(data, name="x.h5")
    assert_same(apart.dataset, here.dataset)
    assert (apart.format, apart.mapping, apart.findings) == (here.format, here.mapping, here.findings)
    assert told == sorted(told)
    assert told[-1] == 1.0
    path = tmp_path / "x.csv"
    path.write_bytes(CSV)
    mapping = ColumnMapping(state=("s",), action="a", reward="r", states="vector")
    table = read_file(path, isolated=True, mapping=mapping)
    assert_same(table.dataset, read_file(path, mapping=mapping).dataset)
    assert table.mapping == mapping
    assert preview_isolated(CSV, name="x.csv") == preview_file(CSV, name="x.csv")


def test_isolated_reading_passes_errors_on() -> None:
    with pytest.raises(FileError, match=r"^x\.csv, row 2, column 'r': 'z' is not allowed") as caught:
        read_isolated(b"s,a,r\n0,0,0\n1,1,z\n", name="x.csv")
    assert (caught.value.row, caught.value.column) == (2, "r")


def test_isolated_reading_ends_in_time() -> None:
    big = b"s,a,r\n" + b"0,0,0\n1,1,1\n" * 1_000_000
    with pytest.raises(FileError, match=r"^upload: reading it took longer than 0\.05 s"):
        read_isolated(big, limits=Limits(seconds=0.05))
    assert len(read_isolated(CSV).log) == 2


def spare() -> Child:
    """The process that waits for the next file."""
    read_isolated(CSV)
    assert file_reader._spare is not None
    return file_reader._spare[0]


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_reader_that_dies_takes_nothing_with_it() -> None:
    big = b"s,a,r\n" + b"0,0,0\n1,1,1\n" * 500_000
    waiting = spare()

    def crash(share: float, doing: str) -> None:
        for child in children_of(waiting.pid):
            os.kill(child, signal.SIGSEGV)

    with pytest.raises(FileError, match=r"^upload: the file is damaged in a way that ended the process .*\(code 245\)"):
        read_isolated(big, progress=crash)
    assert len(read_isolated(CSV).log) == 2


def test_one_process_reads_file_after_file() -> None:
    waiting = spare()
    with pytest.raises(FileError):
        read_isolated(b"")
    assert spare() is waiting


def test_a_reader_that_was_lost_while_idle_is_started_again() -> None:
    waiting = spare()
    waiting.kill()
    waiting.wait(10)
    assert len(read_isolated(CSV).log) == 2
    assert spare() is not waiting


def test_a_reader_that_is_about_to_leave_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = spare()
    monkeypatch.setattr(file_reader, "_NEARLY_LEAVING", 0.0)
    assert len(read_isolated(CSV).log) == 2
    assert waiting.wait(10) == -signal.SIGKILL


def test_a_reader_that_nobody_asks_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined_reader, "IDLE_SECONDS", 0.2)
    mine, theirs = Pipe()
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(confined_reader.serve, theirs)
        assert mine.recv_bytes() == b"started"
        served.result(10)


def test_what_a_reader_says_out_of_turn_is_not_heard() -> None:
    """A file that has taken over the process that reads it must not answer for the next one."""
    waiting = spare()
    waiting.send_bytes(b"{}")  # a request that nobody waits for: the fork fails, and the process with it
    waiting.send_bytes(b"")
    waiting.wait(10)
    assert len(read_isolated(CSV).log) == 2


def test_a_viewer_who_leaves_while_reading_disturbs_nobody() -> None:
    class Left(BaseException):
        """What a page raises when its viewer goes elsewhere."""

    def leave(share: float, doing: str) -> None:
        raise Left

    with pytest.raises(Left):
        read_isolated(b"s,a,r\n" + b"0,0,0\n1,1,1\n" * 50_000, progress=leave)
    assert len(read_isolated(CSV).log) == 2


def test_the_reader_takes_pythons_own_modules(tmp_path: Path) -> None:
    """A module beside a viewer's script that is called like one of Python's must not end the process that reads."""
    (tmp_path / "types.py").write_text("raise SystemExit(3)")
    script = "import sys\nbeside = sys.path.pop(0)\n"
    script += "from offrl_core.processes.file_reader import read_isolated\nsys.path.insert(0, beside)\n"
    script += "print(len(read_isolated(b's,a,r\\n0,0,0\\n1,1,1\\n').log))"
    (tmp_path / "run.py").write_text(script)
    for command in (["run.py"], ["-c", script]):
        ran = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.stdout == "2\n", ran.stderr


def test_a_reader_that_cannot_be_started_is_no_files_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    spare().end()
    with monkeypatch.context() as changed:
        changed.setattr(sys, "executable", "/bin/false")
        with pytest.raises(RuntimeError, match=r"cannot be started \(code 1\)"):
            read_isolated(CSV)
    assert len(read_isolated(CSV).log) == 2


def test_no_more_readers_than_seats() -> None:
    def reads(pid: str) -> bool:
        try:
            return b"confined_reader" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:  # it has ended
            return False

    def readers() -> int:
        children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        return sum(reads(pid) for found in children for pid in found.read_text().split())

    most = 0

    def progress(share: float, doing: str) -> None:
        nonlocal most
        most = max(most, readers())

    texts = [b"s,a,r\n" + b"0,0,0\n1,1,1\n" * 50_000] * 8
    with ThreadPoolExecutor(8) as pool:
        lengths = [len(reading.log) for reading in pool.map(lambda text: read_isolated(text, progress=progress), texts)]
    assert lengths == [100_000] * 8
    assert 0 < most <= max(2, os.cpu_count() or 1)


def test_one_visitors_many_files_leave_a_seat_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = [threading.Semaphore(0), threading.Semaphore(0)], threading.Event()
    original = file_reader._ask

    def ask(asked: dict, source: Any, *more: Any) -> Any:
        if source.name != "slow.csv":
            return original(asked, source, *more)
        with file_reader._SEATS:
            begun[0].release()
            assert go_on.wait(20)
        return original(asked, source, *more)

    monkeypatch.setattr(file_reader, "_SEATS", threading.BoundedSemaphore(2))
    monkeypatch.setattr(file_reader, "_ask", ask)
    with ThreadPoolExecutor(6) as pool:
        slow = [pool.submit(read_isolated, CSV, name="slow.csv", visitor="one") for _ in range(4)]
        assert begun[0].acquire(timeout=20)
        assert preview_isolated(CSV, name="small.csv", visitor="two").rows == 2
        assert not begun[0].acquire(timeout=0.1), "the first visitor's other files wait"
        go_on.set()
        assert [len(reading.result().log) for reading in slow] == [2] * 4
    assert not file_reader._turns


def test_too_many_labels_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("every label was looked at")

    monkeypatch.setattr(cells, "_text", never)
    head, rows = b"state,action,reward\n", [b"%d,0,0\n" % n for n in range(300)]
    labels = head + b"".join(b"s" + row for row in rows)
    with pytest.raises(FileError, match="300 states; at most 200 are allowed"):
        read_here(labels, limits=Limits(states=200))
    monkeypatch.undo()
    # Numbers are no labels, and blanks around a label make no other one.
    assert len(read_here(head + b"".join(rows), limits=Limits(states=200)).log) == 300
    padded = head + b"".join(b"s%d%s,0,0\n" % (n // 2, b" " * (n % 2)) for n in range(300))
    assert len(read_here(padded, limits=Limits(states=200)).log) == 300


def test_several_files_at_once() -> None:
    texts = [b"s,a,r\n" + b"0,0,0\n1,1,1\n" * size for size in (1, 20_000, 3, 4_000)]
    with ThreadPoolExecutor(4) as pool:
        lengths = [len(reading.log) for reading in pool.map(read_isolated, texts)]
    assert lengths == [2, 40_000, 6, 8_000]


def test_the_process_that_reads_can_do_nothing_else(tmp_path: Path) -> None:
    script = """
import os, pickle, subprocess, sys
from offrl_core.formats import Limits
from offrl_core.processes.confined_reader import confine
old = open(sys.argv[1] + "/old", "w")
confine(Limits(unpacked=10**6))
for name, act in {
    "file": lambda: open(sys.argv[1] + "/new", "w"),
    "more": lambda: print("x" * 100, file=old, flush=True),
    "program": lambda: subprocess.run(["true"]),
    "shell": lambda: os.system("true"),
    "pickle": lambda: pickle.loads(pickle.dumps(os.getcwd)),
    "memory": lambda: bytearray(5 * 10**9),
}.items():
    try:
        act()
    except (OSError, MemoryError) as error:
        print(name, type(error).__name__)
"""
    ran = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[:6] == [
        "file PermissionError",
        "more OSError",
        "program PermissionError",
        "shell PermissionError",
        "pickle PermissionError",
        "memory MemoryError",
    ], ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
