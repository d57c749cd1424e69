"""Child processes: what passes between them and their parent, and that none is left behind however the parent ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from offrl_core.processes.child import Child, ChildEnded, inbox
from offrl_live.serving.worker_process import WorkerProcess
from tests.processes import descendants, left_behind

ROOT = Path(__file__).parents[2]


def echo(connection: Connection) -> None:
    """Send back what comes."""
    messages = inbox(connection)
    print("this must not end up between the messages")
    while True:
        connection.send(messages.get())


def surroundings(connection: Connection) -> None:
    """Tell what this process was given."""
    threads = {name: text for name, text in os.environ.items() if name.endswith("_THREADS")}
    connection.send((threads, os.nice(0), os.getpgid(0) == os.getpid(), os.environ.get("OFFRL_TEST")))


def leave(connection: Connection) -> None:
    """Close the connection and stay."""
    connection.close()
    time.sleep(60)


def forget_the_parent(connection: Connection) -> None:
    """As on a system that does not end a child with its parent: take that request back, and wait for messages."""
    ctypes.CDLL(None).prctl(1, 0)
    connection.send("ready")
    inbox(connection)
    time.sleep(60)


def stop(connection: Connection) -> None:
    """End with a code of its own."""
    sys.exit(7)


def test_messages_of_any_size_come_back_as_they_were() -> None:
    child = Child(echo)
    for size in (0, 1, 20_000, 30_000_000):
        sent = np.random.default_rng(size).bytes(size)
        child.send(sent)
        assert child.recv() == sent
    child.kill()
    assert child.wait(10) == -signal.SIGKILL
    with pytest.raises(ChildEnded, match="was ended by signal 9"):
        child.recv_bytes()
    with pytest.raises(ChildEnded, match="was ended by signal 9"):
        child.send_bytes(b"x")


def test_a_child_has_one_thread_for_linear_algebra_and_stands_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name)  # as outside of tests
    own = os.nice(0)
    threads, nice, alone, given = Child(surroundings, nice=3, env={"OFFRL_TEST": "yes"}).recv()
    assert set(threads.values()) == {"1"}
    assert set(threads) >= {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"}
    assert nice == own + 3
    assert alone  # Ctrl-C in a terminal goes to the group that the server leads
    assert given == "yes"


def test_why_a_child_has_ended() -> None:
    with pytest.raises(ChildEnded, match="ended with code 7") as ended:
        Child(stop).recv()
    assert ended.value.code == 7
    with pytest.raises(ChildEnded, match="ended with code 1"):
        Child(lambda connection: None).recv()  # it has no name by which the child could find it


def test_a_child_that_leaves_its_connection_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offrl_core.processes.child._PATIENCE", 0.1)
    with pytest.raises(ChildEnded, match="signal 9"):
        Child(leave).recv()


def test_a_child_that_cannot_be_started_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        Child(echo)


def test_a_child_outlives_the_thread_that_asked_for_it() -> None:
    with ThreadPoolExecutor(1) as pool:
        child = pool.submit(Child, echo).result()
    child.send("still here")
    assert child.recv() == "still here"
    child.kill()


COURSE = """
from offrl_lecture.constraining_q import courses
from offrl_lecture.training.background import in_background
in_background(courses.bcq_maze)._start()
"""
WORKERS = """
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.live_runs import Limits
from offrl_live.serving.hub import Hub
hub = Hub(Limits(workers=2)).start()
run = hub.open(RunConfig("double-crossing", {}, (Lane("cql", hyperparameters={"batch_size": 64}),), budget=0))
hub.play(run)
while hub.info(run)["step"] < 20:
    time.sleep(0.02)
"""
READER = """
from threading import Event, Thread
from offrl_core.processes.file_reader import read_isolated
begun = Event()
def reading(share, doing):
    begun.set()
    Event().wait()
log = b"s,a,r\\n" + b"0,0,0\\n1,1,1\\n" * 500_000
Thread(target=read_isolated, args=(log,), kwargs={"progress": reading}, daemon=True).start()
begun.wait()
"""
ANYWHERE = """
sys.path.append(sys.argv[2])
from test_processes import Child, forget_the_parent
child = Child(forget_the_parent)
child.recv()
"""
# What starts children, and how many at least: all in one parent, for its imports take longer than all they do. What may
# be done soon comes last.
USERS = (
    (WORKERS, 3),
    (ANYWHERE, 1),
    (COURSE, 1),
    (READER, 2),
)
PARENT = """
import select, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is told to ignore it
if __name__ == "__main__":
    exec(sys.argv[1])
    print("started", flush=True)
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        pass
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at Linux's list of processes")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "SIGINT", "its own"])
def test_no_child_outlives_its_parent(end: str) -> None:
    code, least = "".join(code for code, _ in USERS), sum(count for _, count in USERS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PARENT, code, str(Path(__file__).parent)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        deadline = time.monotonic() + 20
        while len(children := descendants(parent.pid)) < least:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        if end == "its own":
            parent.communicate()
            assert parent.returncode == 0
        else:
            parent.send_signal(signal.Signals[end])
            parent.wait(20)
    assert left_behind(children, 5) == []


def _sends_half_and_dies(connection: Connection) -> None:
    connection.send_bytes(b"\xff" * 8)
    os.kill(os.getpid(), signal.SIGKILL)


def _sends_rubbish_and_lives(connection: Connection) -> None:
    connection.send_bytes(b"\xff" * 8)
    time.sleep(60)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (_sends_half_and_dies, "the worker was ended by signal 9"),
        (_sends_rubbish_and_lives, "the worker sent something that is not a message"),
    ],
)
def test_a_worker_that_was_killed_is_not_called_one_that_sends_rubbish(function, why: str) -> None:
    told: list[str] = []
    worker = WorkerProcess(lambda *_: None, lambda _, reason: told.append(reason))
    child = Child(function)
    worker._read(child)
    assert told[0].startswith(why)
    child.wait(10)
