"""What a socket of this server takes: so many connections of one address, and so many messages a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from weakref import WeakValueDictionary

from starlette.websockets import WebSocket


class MessageLimit:
    """Lets through `rate` messages a second of one connection, and up to `burst` at once."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst = rate, burst
        self._now = now
        self._left, self._asked_at = burst, now()

    def take(self) -> bool:
        """Whether one more message is let through now."""
        now = self._now()
        self._left = min(self.burst, self._left + (now - self._asked_at) * self.rate)
        self._asked_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Visitor:
    """Everybody behind one address: a person, or a class behind its router.

    Attributes:
        connections: how many of its connections are open.
        arrivals, new_runs: how fast it may connect, and begin runs of its own.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.connections = 0
        self.arrivals = MessageLimit(20.0, 300.0, now)
        self.new_runs = MessageLimit(1.0, 60.0, now)


class Visitors:
    """The connections of a route, counted in all and for each address.

    Args:
        most: connections of all together.
        each: connections of one address: more than a class behind one router has, and far from all.
        now: seconds of a clock.
    """

    def __init__(self, most: int, each: int, now: Callable[[], float] = time.monotonic) -> None:
        self.most, self.each = most, each
        self.connections = 0
        self._now = now
        self._known: WeakValueDictionary[str, Visitor] = WeakValueDictionary()
        self._remembered: dict[str, tuple[float, Visitor]] = {}

    def enter(self, websocket: WebSocket) -> Visitor | None:
        """Count a connection; None where there are too many."""
        address = websocket.client.host if websocket.client else ""
        visitor = self._known.get(address)
        if visitor is None:
            visitor = self._known[address] = Visitor(self._now)
        self._remember(address, visitor)
        full = self.connections >= self.most or visitor.connections >= self.each
        if full or not visitor.arrivals.take():
            return None
        visitor.connections += 1
        self.connections += 1
        return visitor

    def leave(self, visitor: Visitor) -> None:
        """A connection that was counted has ended."""
        visitor.connections -= 1
        self.connections -= 1

    def _remember(self, address: str, visitor: Visitor) -> None:
        """Keep what is counted of an address for a minute after its last connection: a reload does not clear it."""
        now = self._now()
        self._remembered.pop(address, None)
        self._remembered[address] = (now, visitor)
        while next(iter(self._remembered.values()))[0] < now - 60.0 or len(self._remembered) > 10_000:
            del self._remembered[next(iter(self._remembered))]
