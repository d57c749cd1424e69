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


class Forward:
    """A clock that can be put forward.

    Args:
        base: the clock that it goes with.

    Attributes:
        clock: the same, and ahead of it by what was skipped.
    """

    def __init__(self, base: Clock) -> None:
        self._skipped = 0.0
        self.clock = Clock(lambda: base.now() + self._skipped, base.effort, lambda: base.date() + self._skipped)

    def skip(self, seconds: float) -> None:
        """Go on as if this time had passed."""
        self._skipped += seconds
