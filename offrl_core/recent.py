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
        size: the bytes of a value, which stay the same.
        gone: called with each value that goes.

    Attributes:
        nbytes: the bytes of all values.
    """

    def __init__(self, most: int, size: Callable[[V], int], gone: Callable[[V], object] = lambda value: None) -> None:
        self.most = most
        self.nbytes = 0
        self._size = size
        self._gone = gone
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value that is kept for a key, which counts as using it; None where none is."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep a value, in the place of the key's own."""
        gone = []
        with self._lock:
            if key in self._values:
                self.nbytes -= self._size(self._values.pop(key))
            self._values[key] = value
            self.nbytes += self._size(value)
            while len(self._values) > 1 and self.nbytes > self.most:
                _, dropped = self._values.popitem(last=False)
                self.nbytes -= self._size(dropped)
                gone.append(dropped)
        for dropped in gone:
            self._gone(dropped)

    def of(self, key: K, make: Callable[[], V]) -> V:
        """The value that is kept for a key, else the one that `make` makes, which is kept."""
        value = self.get(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value
