"""Courses that take seconds: trained in a child process, so that nobody's slider waits for them.

`RemoteCourse` offers what `Course` does. The child runs ahead to the last frame at low priority and ends; its frames
come back as NumPy archives without pickled objects. At most one child trains at a time; it ends with the server.
"""

from __future__ import annotations

import atexit
import importlib
import io
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from offrl_lecture.training.course import Course, Frame

_LENGTH = struct.Struct("<I")
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_turn = threading.Semaphore(1)
_children: set[subprocess.Popen[bytes]] = set()


class CourseFailure(RuntimeError):
    """The child that trains a course ended before its last frame."""


class RemoteCourse:
    """A course trained in a child process from the first time it is asked for.

    Args:
        name, arguments: `module:function` of what makes the course, and its arguments (plain JSON values).
        course: the same course here: it gives frame 0, which needs no training, while the child starts.
    """

    def __init__(self, name: str, arguments: list[object], course: Course) -> None:
        self.name, self.arguments, self.last = name, arguments, course.last
        self._course = course
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
        threading.Thread(target=self._read, name=f"course-{self.name}", daemon=True).start()

    def _read(self) -> None:
        with _turn:
            root = str(Path(__file__).resolve().parents[2])
            path = os.environ.get("PYTHONPATH")
            child = subprocess.Popen(
                [sys.executable, "-m", "offrl_lecture.training.background", self.name, json.dumps(self.arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={
                    **os.environ,
                    **dict.fromkeys(_ONE_THREAD, "1"),
                    "PYTHONPATH": root + os.pathsep + path if path else root,
                },
            )
            _children.add(child)
            stream = child.stdout
            assert stream is not None
            while len(head := stream.read(_LENGTH.size)) == _LENGTH.size:
                (length,) = _LENGTH.unpack(head)
                data = stream.read(length)
                if len(data) < length:
                    break
                with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                    frame = {name: archive[name] for name in archive.files}
                with self._changed:
                    self._frames.append(frame)
                    self._changed.notify_all()
            code = child.wait()
            _children.discard(child)
        with self._changed:
            if not self.ready(self.last):
                self._failure = f"the training of {self.name} ended early, with code {code}"
                self._started = False  # the next viewer may try again
            self._changed.notify_all()


@lru_cache(maxsize=8)
def in_background(make: Callable[..., Course], *arguments: object) -> RemoteCourse:
    """The course that the module-level function `make` gives for `arguments`, trained in a child process."""
    return RemoteCourse(f"{make.__module__}:{make.__name__}", list(arguments), make(*arguments))


@atexit.register
def _end_children() -> None:
    for child in list(_children):
        child.kill()


def main(name: str, arguments: str) -> None:
    """Train one course to its end, frame by frame to standard output; end when standard input does, with the parent."""

    def end_with_parent() -> None:
        # Not the buffered stream: the interpreter's end would find it locked.
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # the server answers first
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not end up between the frames
    module, _, function = name.partition(":")
    course = getattr(importlib.import_module(module), function)(*json.loads(arguments))
    for number in range(course.last + 1):
        packed = io.BytesIO()
        np.savez(packed, **course.frames(number)[-1])
        data = packed.getvalue()
        out.write(_LENGTH.pack(len(data)) + data)
        out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
