"""A limit on the time that code of somebody's own may take: a process that is over it says where, and ends."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from offrl_core.algos.loss_errors import OwnCodeError
from offrl_core.own_files import line_at_work


class TimeLimit:
    """Ends this process when a block takes too long in a line of an own file: `with limit: …`, in the main thread.

    Nothing else can end a loop that does not. A block that is elsewhere at that time, deep in arithmetic of this
    program's own, goes on.

    Args:
        seconds: the limit.
        too_long: told what is to be said; afterwards the process ends.
    """

    def __init__(self, seconds: float, too_long: Callable[[str], None]) -> None:
        self._seconds, self._too_long = seconds, too_long
        self._began: float | None = None
        self._used = threading.Event()
        threading.Thread(target=self._watch, name="time limit", daemon=True).start()

    def __enter__(self) -> None:
        self._began = time.monotonic()
        self._used.set()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._began = None

    def _watch(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        while True:
            self._used.wait()  # a process without own code sleeps here for ever
            self._used.clear()
            time.sleep(self._seconds / 8)
            began = self._began
            if began is None:
                continue
            self._used.set()
            if time.monotonic() - began > self._seconds:
                place = line_at_work(sys._current_frames().get(main))
                if place is not None:
                    file, line = place
                    sentence = f"this does not end: it was stopped after {self._seconds:g} s"
                    self._too_long(str(OwnCodeError(sentence, file.path, line)))
                    os._exit(1)
