"""Scenes that show a training run: at once where it has been trained, growing where it has not."""

from __future__ import annotations

from collections.abc import Callable, Generator

from offrl_lecture.base.pictures import Picture
from offrl_lecture.training.background import RemoteCourse
from offrl_lecture.training.course import Course, Frame

Drawn = dict[str, Picture]


def follow(
    course: Course | RemoteCourse, frame: int, draw: Callable[[list[Frame]], Drawn]
) -> Drawn | Generator[Drawn | None, None, None]:
    """The pictures of the frames up to `frame`: one dict when they are there, else a generator that trains on.

    None where a course that is trained elsewhere has nothing new.
    """
    if frame == 0 or course.ready(frame):
        return draw(course.so_far(frame))
    return (draw(frames) if frames else None for frames in course.reach(frame))
