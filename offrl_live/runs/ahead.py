"""What a run has computed before it is watched: kept here, and shown at the pace at which it is watched."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from offrl_live.runs.timeline import Checkpoint

Header = dict[str, Any]

SHOWN_LATER = ("frame", "checkpoint", "mark", "truth", "alarm")
"""Kinds of messages that belong to a moment of the run; all others are answers to somebody now."""


class Ahead:
    """Messages of a worker that trains faster than its run is watched, each to be taken in when its time has come.

    While it trains so, the worker goes by a clock on which waiting takes no time: the times that its frames carry say
    how far apart they are to be shown.

    Args:
        step: the step that is shown now.

    Attributes:
        step: the newest step here: training goes on from there.
        checkpoint: the newest one here.
        end: the state in which training has ended there, and why; None where it can go on.
        nbytes: memory it takes.
    """

    def __init__(self, step: int) -> None:
        self.step = step
        self.checkpoint: Checkpoint | None = None
        self.end: tuple[str, str] | None = None
        self.nbytes = 0
        self._messages: deque[tuple[float, Header, memoryview]] = deque()
        self._watched = 0.0
        self._due = 0.0
        self._last: float | None = None

    @property
    def left(self) -> float:
        """Seconds for which there is something to show."""
        return max(self._due - self._watched, 0.0)

    @property
    def empty(self) -> bool:
        """Whether everything has been shown."""
        return not self._messages

    def begin(self) -> None:
        """Another turn begins: its frames follow those that are here, whatever their clock says."""
        self._last = self.end = None

    def keep(self, header: Header, payload: memoryview) -> None:
        """Keep the next message. A frame of the same step as the last one is shown with it, whenever it was made."""
        if header["kind"] == "frame":
            if self._last is not None and header["step"] != self.step:
                self._due += max(header["time"] - self._last, 0.0)
            self._last, self.step = header["time"], header["step"]
        elif header["kind"] == "checkpoint":
            self.checkpoint = Checkpoint(header["step"], bytes(payload))
        self._messages.append((self._due, header, payload))
        self.nbytes += len(payload)

    def watch(self, seconds: float) -> Iterator[tuple[Header, memoryview]]:
        """The messages whose time comes within the next `seconds` of watching."""
        self._watched += seconds
        while self._messages and self._messages[0][0] <= self._watched:
            _, header, payload = self._messages.popleft()
            self.nbytes -= len(payload)
            yield header, payload
        if not self._messages:
            self._watched = self._due  # nothing is skipped of what comes next
