"""The server's part, in one thread of a browser tab: live runs, their viewers, and the questions of the pages.

The page's worker calls `turn` whenever it may, `tick` four times a second, and carries what `Line` and `Tab.ask` say.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from offrl_live.runs.clock import Clock
from offrl_live.runs.commands import CommandError, parse
from offrl_live.runs.live_runs import Limits, LiveRuns, NoRoom, UnknownRun
from offrl_live.runs.run import Message
from offrl_live.runs.scheduler import Ended, Received
from offrl_live.runs.viewer_commands import carry_out
from offrl_live.runs.wire import dumps
from offrl_live.runs.worker import LocalWorker

# A browser tells the time of a thread's work to nobody: what a turn takes is the time that passes in it.
CLOCK = Clock(now=time.perf_counter, effort=time.perf_counter, date=time.time)

UNKNOWN_RUN, UNKNOWN_ROUTE, NO_ROOM = 4404, 4400, 1013
"""Codes that a line is closed with; the first and the last are the server's."""

OWNER = "this tab"
MEMORY = 300_000_000


class Closed(Exception):
    """A line that cannot be opened.

    Attributes:
        code: as WebSockets have it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


class Line(Protocol):
    """One connection of the page."""

    def say(self, text: str) -> None:
        """The page says something."""
        ...

    def take(self) -> list[Message]:
        """What there is to be sent to the page, in order."""
        ...

    def close(self) -> None:
        """The page is gone."""
        ...


Open = Callable[[str, Mapping[str, str], Callable[[], None]], Line]
"""Opens a line of a route: gets the rest of its path, its query, and what to call when there is something to take."""
Answer = Callable[[Any], Any]
"""Answers a question of the page: plain data for plain data, or bytes."""
AnswerWithFile = Callable[[Any, bytes], Any]
"""The same for a question that comes with the bytes of a file."""


class Tab:
    """The routes of a tab.

    Args:
        clock: the times to go by.

    Attributes:
        runs: the live runs.
        lines: routes of connections, by the first part of their paths.
        answers: routes of questions.
        with_file: routes of questions that come with the bytes of a file.
        work: what else wants turns: each takes one if it is due, and gives the seconds until the next, None for none.
    """

    def __init__(self, clock: Clock = CLOCK) -> None:
        self.clock = clock
        self._workers: list[LocalWorker] = []
        limits = Limits(workers=1, ahead=0.0, memory=MEMORY, max_runs=60, pause_after=20.0)
        self.runs = LiveRuns(self._worker, clock, limits)
        self.lines: dict[str, Open] = {"live": self._live}
        self.answers: dict[str, Answer] = {}
        self.with_file: dict[str, AnswerWithFile] = {}
        self.work: list[Callable[[], float | None]] = []
        self.runs.scheduler.start()

    def _worker(self, received: Received, ended: Ended) -> LocalWorker:
        worker = LocalWorker(received, self.clock)
        self._workers.append(worker)
        return worker

    def open(self, path: str, notify: Callable[[], None]) -> Line:
        """Open the connection of a path, such as `live/0a1b?after=3`.

        Args:
            path: below the place of the site.
            notify: called when the line has something to take.

        Raises:
            Closed: there is no such route, or it will not have it.
        """
        parts = urlsplit(path)
        route, _, rest = parts.path.partition("/")
        if route not in self.lines:
            raise Closed(UNKNOWN_ROUTE, f"there is nothing at {route!r} in this edition")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return self.lines[route](unquote(rest), query, notify)

    def ask(self, path: str, body: str, file: memoryview | None = None) -> str | bytes:
        """Answer a question of the page.

        Args:
            path: names the route.
            body: JSON.
            file: the bytes that come with it.

        Raises:
            ValueError: there is no such route, or it refuses the question; the message says why.
        """
        if path not in (self.answers if file is None else self.with_file):
            raise ValueError(f"there is nothing at {path!r} in this edition")
        question = json.loads(body)
        answer = self.answers[path](question) if file is None else self.with_file[path](question, bytes(file))
        return answer if isinstance(answer, bytes) else dumps(answer)

    def turn(self) -> float:
        """One turn of everything that has work; seconds until the next one, −1 when only the page brings some."""
        waits = []
        for worker in self._workers:
            if worker.wait() == 0.0:
                worker.turn()
            waits.append(worker.wait())
        waits += [more() for more in self.work]
        return min((wait for wait in waits if wait is not None), default=-1.0)

    def tick(self) -> None:
        """Time passes."""
        self.runs.tick()

    def _live(self, run_id: str, query: Mapping[str, str], notify: Callable[[], None]) -> Line:
        after = query.get("after", "")
        try:
            return _Viewed(self.runs, run_id, int(after) if after.isdecimal() and len(after) < 16 else -1, notify)
        except UnknownRun as error:
            raise Closed(UNKNOWN_RUN, str(error)) from error
        except NoRoom as error:
            raise Closed(NO_ROOM, str(error)) from error


class _Viewed:
    """The line of a stage: one viewer of a run."""

    def __init__(self, runs: LiveRuns, run_id: str, after: int, notify: Callable[[], None]) -> None:
        self._runs = runs
        self._viewer = runs.join(run_id, notify, after=after, owner=OWNER)

    def say(self, text: str) -> None:
        try:
            request = parse(text)
        except CommandError as error:
            self._viewer.send(dumps({"type": "refused", "id": error.id, "message": str(error)}))
        else:
            carry_out(self._runs, self._viewer, request)

    def take(self) -> list[Message]:
        return list(self._runs.messages(self._viewer))

    def close(self) -> None:
        self._runs.leave(self._viewer)
