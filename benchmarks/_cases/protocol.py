"""One JSON line in, one out: a worker prepares a system and then trains it in timed turns.

Nothing but the standard library is imported here: every environment can run it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

Turn = Callable[[int], None]


def serve(make: Callable[[dict[str, object]], Turn]) -> None:
    """Answer `{"make": {...}}` by preparing, `{"turn": seconds}` by `[updates, seconds]`, until the input ends."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not stand between the answers
    turn: Turn | None = None
    for line in sys.stdin:
        order = json.loads(line)
        if "make" in order:
            turn = make(order["make"])
            turn(20)
            reply: object = "ready"
        else:
            assert turn is not None
            done, start = 0, time.perf_counter()
            while time.perf_counter() - start < order["turn"]:
                turn(order["portion"])
                done += order["portion"]
            reply = [done, time.perf_counter() - start]
        answers.write(json.dumps(reply) + "\n")
        answers.flush()
