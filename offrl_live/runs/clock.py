"""The times that runs go by, handed in from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Functions that tell the time in seconds.

    Attributes:
        now: of a clock that never goes back.
        effort: the processor time that this thread has spent.
        date: since 1970.
    """

    now: Callable[[], float]
    effort: Callable[[], float]
    date: Callable[[], float]
