"""What tests of live runs share: two runs, a viewer that reads everything, and waiting for something to come true."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from offrl_live.runs import wire
from offrl_live.runs.clock import Clock
from offrl_live.runs.commands import parse
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.live_runs import LiveRuns
from offrl_live.runs.viewer_commands import carry_out
from offrl_live.serving.clock import SYSTEM_CLOCK

CQL = RunConfig("double-crossing", {}, (Lane("cql"),), budget=0)
NOISY = RunConfig("double-crossing", {}, (Lane("cql", hyperparameters={"batch_size": 64}),), budget=0)


def until(what: Callable[[], object], seconds: float = 30.0) -> Any:
    """Wait until `what()` is true and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found


class HandClock:
    """A clock that stands still until `sleep` moves it."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.clock = Clock(*[lambda: self.time] * 3)

    def sleep(self, seconds: float) -> None:
        """Let time pass; never exactly as long as was asked for, as in life."""
        self.time += seconds + 1e-4


class SkippingClock:
    """The machine's clock, on which `sleep` takes no time."""

    def __init__(self) -> None:
        self._skipped = 0.0
        machine = SYSTEM_CLOCK
        self.clock = Clock(
            now=lambda: machine.now() + self._skipped,
            effort=machine.effort,
            date=lambda: machine.date() + self._skipped,
        )

    def sleep(self, seconds: float) -> None:
        """Go on as if this time had passed."""
        self._skipped += seconds


class Watcher:
    """A viewer that reads all its messages.

    Args:
        runs: a hub, or live runs without one.
        run_id: what to watch.
        after: the last frame that it already has.
        until: waits for something to come true.
    """

    def __init__(self, runs: LiveRuns, run_id: str, after: int = -1, until: Callable[..., Any] = until) -> None:
        self.runs = runs
        self.viewer = runs.join(run_id, lambda: None, after=after)
        self.command = getattr(runs, "command", partial(carry_out, runs))
        self.until = until
        self.texts: list[dict] = []
        self.binaries: list[dict] = []
        self.count = 0

    def read(self) -> "Watcher":
        for message in self.runs.messages(self.viewer):
            if isinstance(message, str):
                self.texts.append(json.loads(message))
            else:
                header, payload = wire.split(message)
                self.binaries.append({**header, "payload": payload})
        return self

    def say(self, cmd: str, **arguments) -> int:
        self.count += 1
        self.command(self.viewer, parse(json.dumps({"cmd": cmd, "id": self.count, **arguments})))
        return self.count

    def of(self, kind: str) -> list[dict]:
        return [m for m in self.read().texts if m["type"] == kind] + [m for m in self.binaries if m["kind"] == kind]

    def answer(self, number: int) -> dict:
        return self.until(lambda: next((m for m in self.read().texts if m.get("id") == number), None))

    def state(self) -> dict:
        return self.of("state")[-1]

    def wait_for(self, state: str) -> dict:
        self.until(lambda: self.of("state") and self.state()["state"] == state)
        return self.state()

    def frames(self) -> list[dict]:
        self.read()
        return [f for m in self.binaries if m["kind"] in ("frame", "backlog") for f in m.get("frames", [m])]

    def leave(self) -> None:
        self.runs.leave(self.viewer)
