"""Pictures that take a moment to draw, and are the same for everybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from threading import RLock
from typing import TypeVar

T = TypeVar("T")

# Whoever comes first draws; others wait for the finished picture instead of drawing it again.
_drawing = RLock()


def drawn_once(draw: Callable[[str], T]) -> Callable[[str], T]:
    """A function of a name whose picture is kept."""
    kept = cache(draw)

    @wraps(draw)
    def drawn(name: str) -> T:
        with _drawing:
            return kept(name)

    return drawn
