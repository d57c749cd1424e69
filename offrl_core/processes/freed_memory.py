"""Memory that is no longer used goes back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys
import time


class FreedMemory:
    """Asks the C library, now and then, to give back what was freed.

    glibc keeps freed memory for later, between what is still in use: after many large runs have come and gone a process
    would hold several times what it needs. With another C library nothing of that happens.

    Args:
        seconds: how far apart it is asked at least, for it takes some milliseconds.
        collect: objects that refer to each other in circles go first. A few large ones are too few for the collector
            to begin by itself. What is there now is taken to stay, so that it need not be gone through.
    """

    def __init__(self, seconds: float, *, collect: bool = False) -> None:
        self._seconds = seconds
        self._collect = collect
        if collect:
            gc.collect()
            gc.freeze()
        self._asked_at = time.monotonic()
        library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None  # Windows refuses no name
        self._trim = getattr(library, "malloc_trim", None)

    def give_back(self) -> None:
        """Ask, if it is time."""
        now = time.monotonic()
        if now - self._asked_at < self._seconds:
            return
        self._asked_at = now
        if self._collect:
            gc.collect()
        if self._trim is not None:
            self._trim(0)
