"""Training runs of the lecture's scenes: the real Learner on small data, recorded frame by frame and kept.

A `Course` trains on demand: a scene asks for frame `k`, and what has not been trained yet is trained then. Frames are
kept, so that scrubbing and other viewers cost nothing. Courses are made by cached functions, one per choice of numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from offrl_core.data.catalogue import load_dataset
from offrl_core.evaluation.truth import Truth
from offrl_core.learning.learner import Learner
from offrl_core.learning.snapshot import Snapshot
from offrl_lecture.deadly_triad.remedies import Remedy
from offrl_lecture.deadly_triad.toy import Array, Toy

Frame = dict[str, Array]
Record = Callable[[list[Learner], list[Snapshot]], Frame]

_PATIENCE = 0.25
_TOY_ROWS = 1000


class Course:
    """One or several learners trained in lock-step on one timeline of frames.

    Args:
        start: makes the learners; called when the first frame is asked for.
        record: what to keep of each frame.
        every: updates between two frames.
        frames: number of the last frame (frame 0 is before the first update).
    """

    def __init__(self, start: Callable[[], list[Learner]], record: Record, every: int, frames: int) -> None:
        self._start, self._record = start, record
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
            self.learners = self._start()
        else:
            for learner in self.learners:
                learner.advance(self.every)
        self._frames.append(self._record(self.learners, [learner.snapshot() for learner in self.learners]))


# --- the toy MDP --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def toy_thetas(toy: Toy, remedy: Remedy, steps: int) -> Array | None:
    """`(k+1,)`: `θ` of the Learner's linear Q, update by update, until it leaves float32 or `steps` are made.

    None for remedies that no system of the lecture is: double Q-learning with two learners in turn, the residual
    gradient, clipped double with unequal starts, and BCQ, whose clone of `π_β` is learned meanwhile. The data's last
    row has no next action, so the lecture's forms of CQL push a thousandth less than the exact recursion.
    """
    if abs(toy.share * 100 - round(toy.share * 100)) > 1e-9:
        return None
    chosen = _system_of(remedy)
    if chosen is None:
        return None
    name, settings = chosen
    learner = Learner(
        load_dataset("deadly-triad", share=toy.share, rows=_TOY_ROWS),
        name,
        approximator="linear",
        gamma=toy.gamma,
        learning_rate=toy.learning_rate,
        initial_value=toy.theta,
        initial_spread=0.0,
        batch_size=0,
        optimizer="sgd",
        **settings,
    )
    thetas = [toy.theta]
    for _ in range(steps):
        if not learner.advance(1):
            break
        # The parameter itself: a snapshot would also take every metric, for one number.
        thetas.append(float(learner.state_dict()["programs"][0]["arrays"]["parameters"][0, 0]))
    made = np.array(thetas)
    made.setflags(write=False)
    return made


def _system_of(remedy: Remedy) -> tuple[str, dict[str, Any]] | None:
    if remedy.name == "none":
        return "q-learning", {}
    if remedy.name == "target-network":
        return "q-learning", {"target_update": "hard", "target_period": remedy.period}
    if remedy.name == "clipped" and remedy.second == 1.0:
        return "q-learning", {"double": "clipped"}
    if remedy.name == "constrained":
        return "constrained-q", {}
    if remedy.name.startswith("cql-"):
        return "cql", {"form": remedy.name.removeprefix("cql-"), "alpha": remedy.alpha}
    return None


# --- the loop without an environment ------------------------------------------------------------------------------


def _returns(learner: Learner, snapshot: Snapshot) -> Array:
    return Truth(learner.dataset).of(snapshot.policy)[0]


@lru_cache(maxsize=6)
def loop_course(world: str, target: str = "td") -> Course:
    """Naive Q-learning on `covered` (every pair seen), `gaps` (the two roads) or `toy` (the deadly triad).

    `target` is `td`, `r + γ max Q(s', ·)`, or `mc`, the recorded return. Frames hold the believed value at the start
    `value` and the true return `return` of the current greedy policy.
    """

    algorithm = {"td": "q-learning", "mc": "mc-q"}[target]

    def start() -> list[Learner]:
        if world == "toy":
            return [
                Learner(
                    load_dataset("deadly-triad"),
                    algorithm,
                    approximator="linear",
                    gamma=0.9,
                    learning_rate=0.1,
                    initial_value=1.0,
                    initial_spread=0.0,
                    batch_size=0,
                    optimizer="sgd",
                )
            ]
        data = load_dataset("double-crossing", behavior="random" if world == "covered" else "walks")
        return [Learner(data, algorithm, approximator="table", learning_rate=0.5, batch_size=0, initial_spread=0.5)]

    def record(learners: list[Learner], snapshots: list[Snapshot]) -> Frame:
        learner, snapshot = learners[0], snapshots[0]
        assert snapshot.q is not None
        mdp = learner.dataset.mdp
        assert mdp is not None
        believed = snapshot.q.max(axis=2) @ mdp.initial
        return {
            "step": np.array([snapshot.step]),
            "value": believed,
            "return": _returns(learner, snapshot),
            "highest": np.abs(snapshot.q).max(axis=(1, 2)),
        }

    return Course(start, record, every=2, frames=60)


@lru_cache(maxsize=1)
def loop_optimum() -> float:
    """The optimal return of the world behind `covered` and `gaps`."""
    best = Truth(load_dataset("double-crossing")).optimal
    assert best is not None
    return best
