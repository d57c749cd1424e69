"""What was used recently, kept within a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by key, for several threads: the least recently used ones go when all together are too large.

    The newest one stays, however large it is.

    Args:
        most: bytes that all may take.
        size: the bytes of a value.
        gone: called with each value that goes.
    """

    def __init__(self, most: int, size: Callable[[V], int], gone: Callable[[V], object] = lambda value: None) -> None:
        self.most = most
        self._size = size
        self._gone = gone
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def nbytes(self) -> int:
        """The bytes of all values."""
        with self._lock:
            return sum(map(self._size, self._values.values()))

    def of(self, key: K, make: Callable[[], V]) -> V:
        """The value that is kept for a key, else the one that `make` makes, which is kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            sizes = {key: self._size(held) for key, held in self._values.items()}
            gone = []
            while len(self._values) > 1 and sum(sizes.values()) > self.most:
                oldest, dropped = self._values.popitem(last=False)
                del sizes[oldest]
                gone.append(dropped)
        for dropped in gone:
            self._gone(dropped)
        return value
