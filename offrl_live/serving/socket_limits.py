"""What a socket of this server takes: so many messages a second."""

from __future__ import annotations

import time


class MessageLimit:
    """Lets through `rate` messages a second of one connection, and up to `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._left, self._asked_at = burst, time.monotonic()

    def take(self) -> bool:
        """Whether one more message is let through now."""
        now = time.monotonic()
        self._left = min(self.burst, self._left + (now - self._asked_at) * self.rate)
        self._asked_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        """The message just taken does not count."""
        self._left = min(self.burst, self._left + 1)
