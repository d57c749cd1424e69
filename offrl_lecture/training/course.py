"""Training runs of the lecture's scenes: the real Learner on small data, recorded frame by frame and kept.

A `Course` trains on demand: a scene asks for frame `k`, and what has not been trained yet is trained then. Frames are
kept, so that scrubbing and other viewers cost nothing. Courses are made by cached functions, one per choice of numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from offrl_core.data.catalogue import load_dataset
from offrl_core.dataset import Array
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot
from offrl_lecture.base.run import Run

Frame = dict[str, Array]
Record = Callable[[list[Learner], list[Snapshot]], Frame]

_PATIENCE = 0.25


def learners(run: Run) -> list[Learner]:
    """The learners of a run, as the playground trains them."""
    options: dict[str, Any] = dict(run.options)
    data = load_dataset(run.dataset, **options)
    made = []
    for lane in run.lanes:
        opened: dict[str, Any] = {
            name: list(v) if isinstance(v, tuple) else v for name, v in lane.hyperparameters.items()
        }
        made.append(Learner(data, lane.algorithm, approximator=lane.approximator, seeds=lane.seeds, **opened))
    return made


class Course:
    """One or several learners trained in lock-step on one timeline of frames.

    Args:
        run: what trains; its learners are made when the first frame is asked for.
        record: what to keep of each frame.
        every: updates between two frames.
        frames: number of the last frame (frame 0 is before the first update).
    """

    def __init__(self, run: Run, record: Record, every: int, frames: int) -> None:
        self.run, self._record = run, record
        self.every, self.last = every, frames
        self.learners: list[Learner] = []
        self._frames: list[Frame] = []
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._frames)

    def ready(self, frame: int) -> bool:
        """Whether frames up to `frame` are there already."""
        return len(self._frames) > min(frame, self.last)

    def so_far(self, frame: int) -> list[Frame]:
        """The frames `0 … frame` that are there already; frame 0 always is."""
        if not self._frames:
            self.frames(0)
        return self._frames[: frame + 1]

    def reach(self, frame: int) -> Iterator[list[Frame]]:
        """The frames `0 … frame`, trained where they are missing; partial lists come about four times a second."""
        frame = min(frame, self.last)
        while not self.ready(frame):
            with self._lock:
                until = time.monotonic() + _PATIENCE
                while not self.ready(frame) and time.monotonic() < until:
                    self._extend()
            if not self.ready(frame):
                yield self._frames[: frame + 1]
        yield self._frames[: frame + 1]

    def frames(self, frame: int | None = None) -> list[Frame]:
        """The frames `0 … frame` (all by default), trained first where they are missing."""
        *_, made = self.reach(self.last if frame is None else frame)
        return made

    def _extend(self) -> None:
        if not self.learners:
            self.learners = learners(self.run)
        else:
            for learner in self.learners:
                learner.advance(self.every)
        self._frames.append(self._record(self.learners, [learner.snapshot() for learner in self.learners]))
