"""What is remembered of a run: frames and checkpoints, thinned to a byte budget, and the marks of live changes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy.typing as npt

Array = npt.NDArray[Any]

FRAME_BYTES = 44_000_000
CHECKPOINT_BYTES = 16_000_000
MAX_FRAMES = 600
MAX_CHECKPOINTS = 240


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Everything shown of one step.

    Attributes:
        seq: number of the frame within its run, growing; a viewer asks for what it misses by it.
        step: updates done.
        time: when it was computed, seconds since 1970.
        rate: updates per second reached at that moment.
        members: the members whose arrays are here, in order (all of them, unless the world is large).
        metrics: `(M, K)` float32, every member.
        fields: name → `(len(members), …)`: `q, v, policy, advantages, weights, q_pi, behavior, allowed, …` where known.
        nbytes: memory it takes.
    """

    seq: int
    step: int
    time: float
    rate: float
    members: tuple[int, ...]
    metrics: Array
    fields: Mapping[str, Array]
    nbytes: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A learner state to continue from, exact to the bit: every lane's bytes as the engine wrote them."""

    step: int
    data: bytes

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Mark:
    """A live change: `what` maps each hyperparameter to `[old, new]`."""

    step: int
    lane: int
    what: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The message a viewer receives."""
        return {"type": "mark", "step": self.step, "lane": self.lane, "what": dict(self.what)}


class _Kept(Protocol):
    @property
    def step(self) -> int: ...
    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=_Kept)


class Thinned(Generic[T]):
    """Items in order of step that stay within a number of bytes.

    When the budget is spent every second item goes, and from then on every second new one: what is left stays evenly
    spread over the run (over wall time, for frames: the slow first updates keep their place). The first and the newest
    item are always there, and those of pinned steps while there is room for others beside them. An item with the newest
    one's step takes its place.

    Attributes:
        pinned: the steps whose items are to stay.
    """

    def __init__(self, budget: int, limit: int) -> None:
        self.budget = budget
        self.limit = limit
        self.nbytes = 0
        self.pinned: set[int] = set()
        self._items: list[tuple[int, T]] = []  # (how many came before it, item)
        self._stride = 1
        self._count = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter([item for _, item in self._items])

    @property
    def last(self) -> T | None:
        """The newest item."""
        return self._items[-1][1] if self._items else None

    def append(self, item: T) -> None:
        """Add the newest item; older ones may go."""
        if self._items:
            number, newest = self._items[-1]
            if item.step < newest.step:
                raise ValueError(f"step {item.step} comes after step {newest.step}: a timeline only grows")
            if item.step == newest.step:
                self._drop_last()
                self._count = number
            elif len(self._items) > 1 and not self._stays(number, newest):
                self._drop_last()
        self._items.append((self._count, item))
        self._count += 1
        self.nbytes += item.nbytes
        while len(self._items) > 2 and (self.nbytes > self.budget or len(self._items) > self.limit):
            self.thin()

    def thin(self) -> None:
        """Let every second item go."""
        self._stride *= 2
        first, last = self._items[0], self._items[-1]
        kept = [entry for entry in self._items if entry is first or entry is last or self._stays(*entry)]
        if 4 * len(kept) > 3 * len(self._items):
            self.pinned.clear()  # they take the room of the others: the next time they may go
        self._items = kept
        self.nbytes = sum(item.nbytes for _, item in kept)

    def _stays(self, number: int, item: T) -> bool:
        return number % self._stride == 0 or item.step in self.pinned

    def _drop_last(self) -> None:
        self.nbytes -= self._items.pop()[1].nbytes

    def until(self, step: int) -> T | None:
        """The newest item at or before `step`."""
        place = bisect_right(self._items, step, key=lambda entry: entry[1].step)
        return self._items[place - 1][1] if place else None

    def fork(self, step: int) -> Thinned[T]:
        """A list of its own with the items at or before `step`; the items themselves are shared."""
        other: Thinned[T] = Thinned(self.budget, self.limit)
        other._items = [entry for entry in self._items if entry[1].step <= step]
        other._stride = self._stride
        other.pinned = {pinned for pinned in self.pinned if pinned <= step}
        other._count = other._items[-1][0] + 1 if other._items else 0
        other.nbytes = sum(item.nbytes for _, item in other._items)
        return other


def _frames() -> Thinned[Frame]:
    return Thinned(FRAME_BYTES, MAX_FRAMES)


def _checkpoints() -> Thinned[Checkpoint]:
    return Thinned(CHECKPOINT_BYTES, MAX_CHECKPOINTS)


@dataclass
class Timeline:
    """A run's frames, checkpoints and marks, from step 0 to now: at most 64 MB, whatever the run's length.

    It lives in the server, so that it survives the worker that trains.

    Attributes:
        seq: number of the newest frame.
        aim: for a branch, the step at which it leaves its parent, until its worker has come there.
    """

    frames: Thinned[Frame] = field(default_factory=_frames)
    checkpoints: Thinned[Checkpoint] = field(default_factory=_checkpoints)
    marks: list[Mark] = field(default_factory=list)
    seq: int = 0
    aim: int = 0

    @property
    def nbytes(self) -> int:
        """Memory of frames and checkpoints."""
        return self.frames.nbytes + self.checkpoints.nbytes

    @property
    def step(self) -> int:
        """The newest step known: the one to continue from."""
        return max(self.frames.last.step if self.frames.last else 0, self.aim)

    def add(self, frame: Frame) -> Frame:
        """Append a frame under the next number and return it as stored."""
        self.seq += 1
        numbered = replace(frame, seq=self.seq)
        self.frames.append(numbered)
        return numbered

    def mark(self, mark: Mark) -> bool:
        """Note a live change, or what it came to at its step; whether that is news."""
        if mark in self.marks:
            return False
        self.marks = [known for known in self.marks if (known.step, known.lane) != (mark.step, mark.lane)]
        self.marks.append(mark)
        return True

    def after(self, seq: int) -> list[Frame]:
        """Frames numbered above `seq`, oldest first."""
        return [frame for frame in self.frames if frame.seq > seq]

    def fork(self, step: int) -> Timeline:
        """The timeline of a branch from `step`: the common past, shared, and a future of its own."""
        return Timeline(
            frames=self.frames.fork(step),
            checkpoints=self.checkpoints.fork(step),
            marks=[mark for mark in self.marks if mark.step <= step],
            seq=self.seq,
            aim=step,
        )
