"""Watches the own files that this server was given: what is saved is tried, then known to the server and trained."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from offrl_core.algos import Algorithm, algorithms
from offrl_core.algos.loss_errors import OwnCodeError
from offrl_core.own_files import OwnFile, load, prepare, read
from offrl_live.runs import own_runs
from offrl_live.runs.live_runs import LiveRuns
from offrl_live.serving.trial_process import TrialProcess

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
SETTLE_SECONDS = 0.05
MOST_TRIED = 3

Signature = tuple[int, ...]


class WatchedFiles:
    """The own files, one thread that looks whether they were saved, and a process that tries them.

    Args:
        paths: the files.
        runs: what trains their algorithms.
        lock: to be held while runs are changed.
    """

    def __init__(self, paths: Sequence[Path], runs: LiveRuns, lock: AbstractContextManager[Any]) -> None:
        self._paths, self._runs, self._lock = paths, runs, lock
        self._trials = TrialProcess()
        self._seen: dict[Path, Signature | None] = {}
        self._newest: dict[Path, OwnFile] = {}
        self._good: dict[Path, OwnFile] = {}
        self._policies: dict[tuple[str, str, str, int], list[list[float]] | None] = {}
        self._asked: deque[tuple[str, str, str, int]] = deque()
        self._work = threading.Event()
        self._closed = False
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="own files", daemon=True)

    def start(self) -> None:
        """Begin to watch; returns when each file was tried once."""
        self._thread.start()
        self._tried.wait()

    def close(self) -> None:
        """Watch no more."""
        self._closed = True
        self._work.set()
        self._trials.close()

    def never_good(self) -> dict[str, str]:
        """Files of which no text could be used so far, by name: what is wrong."""
        good = {path.name for path in self._good}
        return {name: sentence for name, sentence in dict(self._runs.mistakes).items() if name not in good}

    def policy(self, kind: type[Algorithm], dataset: str, updates: int) -> list[list[float]] | None:
        """`π(a|s)` of an algorithm after so many updates of a table; None until it was trained, or where it cannot be.

        It is trained in the process of the trials, whenever nothing else is to be done there.
        """
        asked = (kind.name, kind.version, dataset, updates)
        if asked not in self._policies and asked not in self._asked:
            self._asked.append(asked)
            self._work.set()
        return self._policies.get(asked)

    def _watch(self) -> None:
        files = [file for path in self._paths if (file := self._read(path)) is not None]
        self._trials.start(files)
        prepare(files)  # at the same time as the other process
        while not self._closed:
            for path in self._paths:
                self._guarded(self._look, path)
            self._tried.set()
            if self._asked:
                self._guarded(self._train)
            self._work.wait(0.0 if self._asked else POLL_SECONDS)
            self._work.clear()

    def _guarded(self, act: Callable[..., None], *arguments: Any) -> None:
        try:
            act(*arguments)
        except Exception:  # the thread must live to see the next text
            if not self._closed:
                log.exception("own files: %s", arguments)

    def _look(self, path: Path) -> None:
        """Take in what was saved, if anything was."""
        now = _signature(path)
        if path in self._seen and now == self._seen[path]:
            return
        while path in self._seen and now != (later := self._later(path)):  # an editor may write in several steps
            now = later
        self._seen[path] = now
        file = self._read(path)
        if file is not None and file != self._newest.get(path):
            self._newest[path] = file
            self._take(path, file)

    def _later(self, path: Path) -> Signature | None:
        threading.Event().wait(SETTLE_SECONDS)
        return _signature(path)

    def _read(self, path: Path) -> OwnFile | None:
        try:
            return read(path)
        except OwnCodeError as error:
            self._newest.pop(path, None)
            self._mistaken(path, str(error))
            return None

    def _take(self, path: Path, file: OwnFile) -> None:
        with self._lock:
            watched = [run.config.to_json() for run in self._runs.runs.values() if run.viewers]
        names = {name for name, kind in algorithms().items() if kind.file == file.name}
        configs = [data for data in watched if names & {lane["algorithm"] for lane in data["lanes"]}]
        mistake = self._trials.try_out(file, configs[:MOST_TRIED])
        if not mistake:
            prepare([file])
            try:
                load(file)
            except OwnCodeError as error:  # such as a name that another own file has here
                mistake = str(error)
            else:
                self._good[path] = file
                with self._lock:
                    self._runs.scheduler.files = tuple(self._good.values())
                    own_runs.saved(self._runs, file)
                    self._runs.scheduler.schedule()
        if mistake:
            self._mistaken(path, mistake)
        else:
            log.info("%s is in use", file.name)

    def _mistaken(self, path: Path, sentence: str) -> None:
        if self._runs.mistakes.get(path.name) != sentence:
            log.warning("%s", sentence)
            with self._lock:
                own_runs.mistaken(self._runs, path.name, sentence)

    def _train(self) -> None:
        asked = self._asked[0]
        finished, policy = self._trials.policy(*asked)
        if finished:
            self._policies[asked] = policy
            self._asked.popleft()


def _signature(path: Path) -> Signature | None:
    """What changes when a file is saved; None where there is none."""
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size, now.st_ino
