"""How many updates a run makes at a time, and how often frames, true returns and checkpoints are made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SLICE_SECONDS = 0.012
FRAME_SECONDS = 0.084
SLOWEST_FRAME_SECONDS = 0.1
CHEAP_SECONDS = 0.02

# Where a run is trained ahead of those who watch it, because others wait, a turn ends at the latest after so much
# processor time.
AHEAD_EFFORT = 1.5

# Training starts slow: single updates for a second, then the rate doubles every quarter of a second.
SLOW_RATE = 10.0
SLOW_SECONDS = 1.0
DOUBLING_SECONDS = 0.25
SLOW_END = 5.0

# Shares of the working time; what is left, over 90 %, goes to updates.
FRAME_SHARE = 0.04
TRUTH_SHARE = 0.03
PLAYED_SHARE = 0.05
CHECKPOINT_SHARE = 0.01
CHECKPOINT_SECONDS = 0.25

# While a viewer waits for a film, or the numbers of an earlier step, that it asked for.
LOOK_BACK_SHARE = 0.25

# What playing all policies takes, until it was done once.
PLAYED_SECONDS = 0.5


class Pacer:
    """Says how many updates are due now.

    Updates come in slices of about 12 ms, so that a command never waits longer than that. `speed` is in updates per
    second, 0 as fast as it goes. With `slow_start` the first second shows single updates, whatever the speed.
    """

    def __init__(self, speed: float = 0.0) -> None:
        self.speed = speed
        self.rate = 0.0
        self._per_update = 1e-3
        self._slow_left = 0.0
        self._due = 0.0
        self._clock = 0.0
        self._window = (0.0, 0)

    def start(self, now: float, *, slow_start: bool) -> None:
        """Begin to train at `now`; the first update is due at once."""
        self._slow_left = SLOW_END if slow_start else 0.0
        self._clock = now
        self._due = 1.0
        self._window = (now, 0)
        self.rate = 0.0

    def resume(self, now: float) -> None:
        """Something else took the time until `now`; no updates are due for it."""
        self._clock = now

    def _allowed(self) -> float:
        """Updates per second allowed now."""
        speed = self.speed or math.inf
        if self._slow_left <= 0:
            return speed
        elapsed = SLOW_END - self._slow_left
        return min(speed, SLOW_RATE * 2 ** (max(0.0, elapsed - SLOW_SECONDS) / DOUBLING_SECONDS))

    @property
    def most(self) -> int:
        """Updates that fill one slice."""
        return max(1, int(SLICE_SECONDS / self._per_update))

    def due(self, now: float) -> int:
        """Updates to do in the next slice."""
        passed, self._clock = now - self._clock, now
        rate = self._allowed()
        self._slow_left -= passed
        if math.isinf(rate):
            return self.most
        # What a stall left behind is not made up for at once: that would look like a jump.
        self._due = min(self._due + rate * passed, max(1.0, rate * FRAME_SECONDS))
        updates = min(int(self._due), self.most)
        self._due -= updates
        return updates

    def ahead(self, seconds: float) -> tuple[int, float]:
        """Updates that are watched for about so many seconds, at least one; and for how long they are."""
        rate = self._allowed()
        updates = max(1, round(rate * seconds))
        self._slow_left -= updates / rate
        self.rate = rate
        return updates, updates / rate

    def wait(self) -> float:
        """Seconds until the next update is due, when none is."""
        rate = self._allowed()
        return 0.0 if math.isinf(rate) else min(0.05, max(0.0, (1.0 - self._due) / rate))

    def spent(self, updates: int, seconds: float, now: float) -> None:
        """Take note of a slice: how long its updates took."""
        if updates:
            self._per_update += 0.3 * (max(seconds, 1e-7) / updates - self._per_update)
        since, count = self._window
        count += updates
        if now - since >= 0.5:
            self.rate = count / (now - since)
            since, count = now, 0
        self._window = (since, count)


@dataclass
class Rhythm:
    """When something that costs time is due: every `period` seconds, but never above its share of working time.

    Moments are those of the clock on the wall, `work` and costs are processor time: on a busy machine, where both take
    longer, the share stays what it is. What is cheap, at most 20 ms, comes at least every `at_least` seconds, or as
    often as takes a tenth of the time, however little is done.
    """

    share: float
    period: float = 0.0
    at_least: float = math.inf
    cost: float = 0.0
    _last: float = field(default=-math.inf)
    _worked: float = 0.0
    _idle: float = 0.0

    def work(self, worked: float, idle: float = 0.0) -> None:
        """Time passed: `worked` seconds of updates, `idle` seconds with nothing to do (free to be used)."""
        self._worked += worked
        self._idle += idle

    def due(self, now: float) -> bool:
        """Whether it is time."""
        waited = now - self._last
        if waited >= self.at_least and self.cost <= min(0.1 * waited, CHEAP_SECONDS):
            return True
        return waited >= self.period and self.cost <= self._worked * self.share + self._idle * 0.5

    def done(self, now: float, seconds: float) -> None:
        """It was done and took `seconds`."""
        self.cost = seconds if not self.cost else self.cost + 0.3 * (seconds - self.cost)
        self._last = now
        self._worked = self._idle = 0.0

    def reset(self) -> None:
        """Due at once."""
        self._last = -math.inf
        self._worked = math.inf
