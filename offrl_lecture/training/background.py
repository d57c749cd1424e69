"""Courses that take seconds, trained in a child process, so that no slider waits for them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from multiprocessing.connection import Connection

from offrl_core.processes.child import Child, ChildEnded, inbox
from offrl_lecture.training.course import Course, Frame

_one_at_a_time = threading.Lock()


class CourseFailure(RuntimeError):
    """The child that trains a course ended before its last frame."""


class RemoteCourse:
    """A course trained in a child process from the first time it is asked for; it offers what `Course` does.

    The child trains at low priority up to the last frame and ends. One child trains at a time.

    Args:
        make: a function at the top of a module that makes a `Course`.
        arguments: its arguments.
    """

    def __init__(self, make: Callable[..., Course], *arguments: object) -> None:
        self._make, self._arguments = make, arguments
        self._course = make(*arguments)  # gives frame 0, which needs no training, while the child starts
        self.last = self._course.last
        self._frames: list[Frame] = []
        self._changed = threading.Condition()
        self._started = False
        self._failure = ""

    def __len__(self) -> int:
        return len(self._frames)

    def ready(self, frame: int) -> bool:
        """Whether frames up to `frame` are there already."""
        return len(self._frames) > min(frame, self.last)

    def so_far(self, frame: int) -> list[Frame]:
        """The frames `0 … frame` that are there already; frame 0 always is."""
        return self._frames[: frame + 1] or self._course.frames(0)

    def reach(self, frame: int) -> Iterator[list[Frame]]:
        """The frames `0 … frame`: what there is whenever it is asked for, an empty list where that is no more than last
        time, until all are there. It never waits.

        Raises:
            CourseFailure: the child ended early.
        """
        frame, told = min(frame, self.last), 0
        if frame > 0:
            self._start()
        while not self.ready(frame) and frame > 0:
            if self._failure:
                raise CourseFailure(self._failure)
            known = self.so_far(frame)
            yield known if len(known) > told else []
            told = len(known)
        yield self.so_far(frame)

    def frames(self, frame: int | None = None) -> list[Frame]:
        """The frames `0 … frame` (all by default), waiting for them.

        Raises:
            CourseFailure: the child ended early.
        """
        frame = self.last if frame is None else min(frame, self.last)
        for _ in self.reach(frame):
            with self._changed:
                self._changed.wait_for(lambda: self.ready(frame) or bool(self._failure))
        return self.so_far(frame)

    def _start(self) -> None:
        with self._changed:
            if self._started:
                return
            self._started, self._failure, self._frames = True, "", []
        threading.Thread(target=self._read, name="course", daemon=True).start()

    def _read(self) -> None:
        failure = ""
        with _one_at_a_time:
            try:
                child = Child(train, nice=5)
                child.send((self._make, self._arguments))
                while not self.ready(self.last):
                    frame = child.recv()
                    with self._changed:
                        self._frames.append(frame)
                        self._changed.notify_all()
            except ChildEnded as error:
                failure = f"the process that trains {self._make.__name__} {error}"
            except OSError as error:
                failure = f"no process could be started to train {self._make.__name__}: {error}"
        with self._changed:
            if failure:
                self._failure, self._started = failure, False  # the next viewer may try again
            self._changed.notify_all()


@lru_cache(maxsize=8)
def in_background(make: Callable[..., Course], *arguments: object) -> Course | RemoteCourse:
    """The course that `make(*arguments)` makes, trained in a child process; in a browser, which has none, in place."""
    return make(*arguments) if sys.platform == "emscripten" else RemoteCourse(make, *arguments)


def train(connection: Connection) -> None:
    """In the child: train one course to its end and send every frame."""
    make, arguments = inbox(connection).get()
    course: Course = make(*arguments)
    for number in range(course.last + 1):
        connection.send(course.frames(number)[-1])
