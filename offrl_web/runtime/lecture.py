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
from offrl_lecture.base.encode import scene_json
from offrl_lecture.base.scene import Scene
from offrl_lecture.base.text import plain
from offrl_lecture.registry import number_of, page_of, pages, scenes
from offrl_live.runs.run import Message
from offrl_ui.lecture import opened
from offrl_ui.lecture.rooms import join_result
from offrl_ui.lecture.scene_results import SceneFailure, key_of, results_of
from offrl_ui.setup import links
from offrl_ui.shared.qr import is_of, qr_svg

log = logging.getLogger(__name__)

KEPT = 8 * 2**20
"""Characters of results that are kept."""


class Lecture:
    """All scenes of a tab: their results are computed a piece at a time, and kept."""

    def __init__(self) -> None:
        self._kept: Recent[str, str] = Recent(KEPT, len)
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
        """The first result of a state: complete, or partial where it is computed in steps.

        Raises:
            SceneFailure: the scene's computation raised.
        """
        key = key_of(scene, state)
        if (kept := self._kept.get(key)) is not None:
            return kept
        results = results_of(scene, state)
        payload, last = next(result for result in results if result is not None)
        results.close()
        if last:
            self._kept.put(key, payload)
        return payload

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

    def kept(self, key: str) -> str | None:
        """The complete result of a state, if it is still there."""
        return self._kept.get(key)

    def keep(self, key: str, result: str) -> None:
        """Remember a complete result."""
        self._kept.put(key, result)


class SceneLine:
    """What the route `/scene` of the server is, without rooms. Of the states asked for, the newest is computed."""

    def __init__(self, lecture: Lecture, notify: Callable[[], None]) -> None:
        self._lecture, self._notify = lecture, notify
        self._due: deque[Message] = deque()
        self._results: Generator[tuple[str, bool] | None, None, None] | None = None
        self._asked: tuple[int, str, str] = (0, "", "")
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
            self._refuse(message.get("id") if isinstance(message, dict) else None, str(error))

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
        number, scene, key = self._asked
        try:
            result = next(self._results, None)
        except SceneFailure as error:
            self._drop()
            self._refuse(number, str(error))
            return
        if result is None:
            return
        payload, last = result
        if last:
            self._lecture.keep(key, payload)
            self._drop()
        self._answer(number, scene, payload)

    def _drop(self) -> None:
        if self._results is not None:
            self._results.close()
        self._results = None

    def _answer(self, number: int, scene: str, result: str) -> None:
        ms = round(1000 * (time.perf_counter() - self._began), 2)
        self._tell(join_result({"type": "result", "id": number, "scene": scene, "ms": ms}, result))

    def _tell(self, message: str) -> None:
        self._due.append(message)
        self._notify()

    def _refuse(self, about: Any, why: str) -> None:
        log.warning("the scenes' line refused a message: %s", why)
        number = about if isinstance(about, int) else None
        self._tell(json.dumps({"type": "refused", "id": number, "message": why}))

    def _compute(self, message: dict[str, Any]) -> None:
        scene, given, number = _scene(message), message.get("state", {}), message.get("id")
        if not isinstance(given, dict) or not isinstance(number, int):
            raise ValueError("a compute message needs a state and a whole number as its id")
        state = scene.resolve(given)
        self._drop()
        self._began, self._asked = time.perf_counter(), (number, scene.id, key_of(scene, state))
        if (kept := self._lecture.kept(self._asked[2])) is not None:
            self._answer(number, scene.id, kept)
        else:
            self._results = results_of(scene, state)

    def _describe(self, message: dict[str, Any]) -> None:
        scene = _scene(message)
        self._tell(json.dumps({"type": "scene", "page": page_of(scene.id), "scene": scene_json(scene)}))

    def _qr(self, message: dict[str, Any]) -> None:
        url = message.get("url")
        if not is_of(url, "http:/") and not is_of(url, "https:/"):
            raise ValueError("only a web address becomes a QR code")
        self._tell(json.dumps({"type": "qr", "url": url, "svg": qr_svg(str(url))}))


_HANDLERS = {"compute": SceneLine._compute, "describe": SceneLine._describe, "qr": SceneLine._qr}


def _scene(message: dict[str, Any]) -> Scene:
    name = message.get("scene")
    scene = scenes().get(name) if isinstance(name, str) else None
    if scene is None:
        raise ValueError(f"there is no scene {str(name)[:40]!r}; scenes are {', '.join(scenes())}")
    return scene
