"""The lecture's pages without a server: what an address opens, and a line that answers states with their pictures."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from offrl_core.declarations import HyperparameterError, Value
from offrl_core.recent import Recent
from offrl_lecture.base.scene import Scene
from offrl_lecture.base.text import plain
from offrl_lecture.registry import number_of, page_of, pages, scenes
from offrl_live.runs.run import Message
from offrl_ui.lecture import opened
from offrl_ui.lecture.messages import refusal, result_message, scene_message, scene_of, to_compute
from offrl_ui.lecture.scene_results import SceneFailure, first_of, key_of, results_of
from offrl_ui.setup import links
from offrl_ui.shared.qr import is_of, qr_svg

log = logging.getLogger(__name__)

KEPT = 8 * 2**20
"""Characters of results that are kept."""


class Lecture:
    """All scenes of a tab: their results are computed a piece at a time, and kept.

    Attributes:
        results: the complete ones, by `key_of` a scene and its state.
    """

    def __init__(self) -> None:
        self.results: Recent[str, str] = Recent(KEPT, len)
        self._lines: list[SceneLine] = []

    def answer(self, question: Mapping[str, Any]) -> Any:
        """A page's question: `do` is `open`, `view` or `run`, of the page `page` at the address `query`, or `back`.

        `open` gives what the component is given; `view`, the address of what the viewer shows; `run`, the link of
        what a scene trains, with the address to come back to; `back`, where the playground's run was opened from.

        Raises:
            ValueError: there is no such page or question.
        """
        do, told = question.get("do"), question.get("told") or {}
        if do == "back":
            return self.back(str(question.get("address")))
        page, query = pages().get(str(question.get("page"))), dict(question.get("query") or {})
        if page is None:
            raise ValueError(f"page = {question.get('page')!r} is not allowed: it must be one of {', '.join(pages())}")
        if do == "open":
            opening = opened.opened(page, opened.shown(query), question.get("before"), self.first)
            embedded = bool(question.get("embedded"))
            return opened.page_data(page, opening, query, embedded=embedded, rooms=False)
        if do == "view":
            found = opened.query_of(page, told)
            return {"query": None if found is None else {**found, **opened.beside(query)}}
        if do == "run":
            asked = opened.asked_to_open(told, query)
            return {} if asked is None else {"link": links.link(asked[0]), "page": page.name, "query": asked[2]}
        raise ValueError(f"do = {do!r} is not allowed: it must be one of back, open, view, run")

    def back(self, address: str) -> dict[str, str]:
        """Where a run was opened from: the scene's name, and its address; empty where that names no scene.

        Args:
            address: `page?query`, as the playground's link has it.
        """
        page, _, query = address.partition("?")
        scene = dict(parse_qsl(query)).get("scene", "")
        if scene not in scenes() or page_of(scene) != page:
            return {}
        return {"title": f"{number_of(scene)} {plain(scenes()[scene].title)}", "address": f"{page}/?{query}"}

    def first(self, scene: Scene, state: dict[str, Value]) -> str:
        """The first result of a state, see `first_of`."""
        return first_of(self.results, scene, state)

    def open(self, path: str, query: Mapping[str, str], notify: Callable[[], None]) -> SceneLine:
        """A page's line."""
        line = SceneLine(self, notify)
        self._lines.append(line)
        return line

    def close(self, line: SceneLine) -> None:
        """A page is gone."""
        self._lines.remove(line)

    def turn(self) -> float | None:
        """Compute a piece of what is asked for; the seconds until the next one, None for none."""
        busy = [line for line in self._lines if line.busy]
        for line in busy:
            line.turn()
        return 0.0 if busy else None


class SceneLine:
    """What the route `/scene` of the server is, without rooms. Of the states asked for, the newest is computed."""

    def __init__(self, lecture: Lecture, notify: Callable[[], None]) -> None:
        self._lecture, self._notify = lecture, notify
        self._due: deque[Message] = deque()
        self._results: Generator[tuple[str, bool] | None, None, None] | None = None
        self._asked: tuple[int, Scene, str] | None = None
        self._began = 0.0

    @property
    def busy(self) -> bool:
        """Whether there is something to compute."""
        return self._results is not None

    def say(self, text: str) -> None:
        """Take a message of the page in."""
        message: Any = None
        try:
            message = json.loads(text)
            handler = _HANDLERS.get(str(message.get("type"))) if isinstance(message, dict) else None
            if handler is None:
                raise ValueError("this edition has no rooms: they need a server")
            handler(self, message)
        except (ValueError, HyperparameterError) as error:
            self._refuse(message, str(error))

    def take(self) -> list[Message]:
        """What is to be sent."""
        due = list(self._due)
        self._due.clear()
        return due

    def close(self) -> None:
        """The page is gone."""
        self._drop()
        self._lecture.close(self)

    def turn(self) -> None:
        """Compute the next result."""
        assert self._results is not None
        assert self._asked is not None
        number, scene, key = self._asked
        try:
            result = next(self._results, None)
        except SceneFailure as error:
            self._drop()
            self._refuse({"id": number}, str(error))
            return
        if result is None:
            return
        payload, last = result
        if last:
            self._lecture.results.put(key, payload)
            self._drop()
        self._tell(result_message(number, scene, self._began, payload))

    def _drop(self) -> None:
        if self._results is not None:
            self._results.close()
        self._results = None

    def _tell(self, message: str) -> None:
        self._due.append(message)
        self._notify()

    def _refuse(self, message: object, why: str) -> None:
        log.warning("the scenes' line refused a message: %s", why)
        self._tell(json.dumps(refusal(message, why)))

    def _compute(self, message: dict[str, Any]) -> None:
        number, scene, state = to_compute(message)
        key = key_of(scene, state)
        self._drop()
        self._began, self._asked = time.perf_counter(), (number, scene, key)
        if (kept := self._lecture.results.get(key)) is not None:
            self._tell(result_message(number, scene, self._began, kept))
        else:
            self._results = results_of(scene, state)

    def _describe(self, message: dict[str, Any]) -> None:
        self._tell(scene_message(scene_of(message)))

    def _qr(self, message: dict[str, Any]) -> None:
        url = message.get("url")
        if not is_of(url, "http:/") and not is_of(url, "https:/"):
            raise ValueError("only a web address becomes a QR code")
        self._tell(json.dumps({"type": "qr", "url": url, "svg": qr_svg(str(url))}))


_HANDLERS = {"compute": SceneLine._compute, "describe": SceneLine._describe, "qr": SceneLine._qr}
