"""The route `/scene`: a state goes in, its pictures come out; rooms are followed here too.

Text messages of JSON both ways, for pages of allowed origins only. From the browser:

    {"type": "compute", "id": 7, "scene": "emrl", "state": {…}, "revealed": false}
    {"type": "describe", "scene": "doubling"}                    a scene of another page, needed by followers
    {"type": "present"}   {"type": "present", "code", "token", "scene", "round"}   open a room, or take one's own up
                                                                 again in the round in which it was
    {"type": "follow", "code"}   {"type": "leave"}   {"type": "vote", "scene", "choice"}
    {"type": "clear", "again"}   {"type": "end"}                 the presenter: forget the predictions (`again`: but not
                                                                 how many said what before the discussion); end the room
    {"type": "qr", "url"}                                        an address of this site as an SVG

To the browser: `result` (id, scene, ms, result), `scene`, `presenting` (code, token), `following` (code), `show`
(scene, round, first, state, revealed, result), `votes` (scene, round, counts, predicted, followers; followers are told
no counts until the answer is revealed), `presence` (away), `ended`, `qr` (svg), and `refused` (id, message) for
whatever was not accepted. A browser that hears nothing for a while takes the connection for lost: where nothing else is
said, `alive` is, every two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from functools import cache
from importlib import import_module
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from offrl_core.declarations import HyperparameterError, Value
from offrl_lecture.base.scene import Scene
from offrl_lecture.registry import scenes
from offrl_live.serving.counted import REFUSALS
from offrl_live.serving.entrance import Entrance
from offrl_live.serving.environment import redis_url
from offrl_live.serving.origins import Origins
from offrl_live.serving.socket_limits import MessageLimit, Visitor
from offrl_live.serving.visits import visit_of
from offrl_ui.lecture.messages import Refused, refusal, result_message, scene_message, scene_of, to_compute
from offrl_ui.lecture.rooms import FollowError, Room, Rooms
from offrl_ui.lecture.scene_results import SceneFailure, scene_results
from offrl_ui.shared.qr import MAX_URL, is_of, qr_svg

log = logging.getLogger(__name__)

MAX_MESSAGE = 8192
MESSAGES_PER_SECOND = 60.0
BURST = 120.0
MAX_REFUSALS = 100
MAX_WRONG_CODES = 10
ALIVE_SECONDS = 2.0
MAX_ROUND = 1_000_000


@cache
def _rooms() -> Rooms:
    """The rooms of this server, or those that it shares with others."""
    url = redis_url()
    return Rooms() if not url else import_module("offrl_ui.lecture.shared_rooms").SharedRooms(url)


class Connection:
    """One browser tab."""

    def __init__(self, websocket: WebSocket, visitor: Visitor, voter: str) -> None:
        self.voter = voter
        self._websocket = websocket
        self._visitor = visitor
        # Behind a proxy the host may be another; the origin was checked.
        self._site = websocket.headers.get("origin") or f"http://{websocket.headers.get('host', '')}"
        self._waiting: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._computing: asyncio.Task[None] | None = None
        self._drawing: asyncio.Task[None] | None = None
        self._wanted = ""
        self._limit = MessageLimit(MESSAGES_PER_SECOND, BURST)
        self._refusals = self._wrong_codes = 0
        self.presents: Room | None = None
        self._token = ""
        self.follows: Room | None = None

    def offer(self, kind: str, payload: str) -> None:
        """Send soon; a message of the same kind that has not been sent yet is replaced."""
        self._waiting[kind] = payload
        self._wake.set()

    def tell(self, message: dict[str, Any]) -> None:
        """Offer a message of its own type."""
        self.offer(message["type"], json.dumps(message))

    async def send_all(self) -> None:
        """Send what was offered, for as long as the connection lives, and at least a word every two seconds."""
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), ALIVE_SECONDS)
            except TimeoutError:
                self.tell({"type": "alive"})
            self._wake.clear()
            while self._waiting:
                kind = next(iter(self._waiting))
                await self._websocket.send_text(self._waiting.pop(kind))

    async def receive_all(self) -> None:
        """Answer messages until the browser leaves or sends too much that is refused."""
        while True:
            event = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            message: Any = None
            try:
                if not self._limit.take():
                    raise Refused(f"too many messages: at most {MESSAGES_PER_SECOND:.0f} a second are allowed")
                if text is None:
                    raise Refused("a message must be text")
                if len(text) > MAX_MESSAGE:
                    raise Refused(f"a message of {len(text)} characters is too long: at most {MAX_MESSAGE} are allowed")
                message = json.loads(text)
                if not isinstance(message, dict):
                    raise Refused("a message must be a JSON object")
                self._handle(message)
            except (Refused, FollowError, HyperparameterError) as error:
                self._refuse(message, str(error))
            except (ValueError, RecursionError):
                self._refuse(message, "a message must be JSON")
            if self._refusals > MAX_REFUSALS:
                await self._websocket.close(1008, "too many refused messages")
                return

    def gone(self) -> None:
        """Leave whatever this connection was part of."""
        for task in (self._computing, self._drawing):
            if task is not None:
                task.cancel()
        if self.follows is not None:
            self.follows.leave(self)
        if self.presents is not None:
            _rooms().away(self.presents, self)

    def _refuse(self, message: Any, why: str) -> None:
        self._refusals += 1
        REFUSALS.labels("message to a scene").inc()
        log.warning("scene socket refused a message: %s", why)
        self.tell(refusal(message, why))

    def _handle(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is None:
            raise Refused(f"message type {str(kind)[:40]!r} is not known; known are {', '.join(_HANDLERS)}")
        handler(self, message)

    def _compute(self, message: dict[str, Any]) -> None:
        number, scene, state = to_compute(message)
        if self._computing is not None:
            self._computing.cancel()
        self._computing = asyncio.ensure_future(self._answer(number, scene, state, message.get("revealed") is True))

    async def _answer(self, number: int, scene: Scene, state: dict[str, Value], revealed: bool) -> None:
        began = time.perf_counter()
        try:
            async with contextlib.aclosing(scene_results().watch(scene, state)) as results:
                async for result in results:
                    self.offer("result", result_message(number, scene, began, result))
                    if self.presents is not None:
                        self.presents.show(scene.id, _choices(scene), {"state": state, "revealed": revealed}, result)
        except SceneFailure as error:
            self._refuse({"id": number}, str(error))

    def _describe(self, message: dict[str, Any]) -> None:
        scene = scene_of(message)
        self.offer(f"scene-{scene.id}", scene_message(scene))

    def _present(self, message: dict[str, Any]) -> None:
        if self.follows is not None:
            raise Refused("leave the room you follow before you open one")
        if "code" in message:
            self._try_a_code()
            self.presents = _rooms().resume(self, self._visitor, message["code"], message.get("token"))
            self._wrong_codes -= 1
            self._token = str(message["token"])
            scene, round = message.get("scene"), message.get("round")
            if isinstance(scene, str) and scene in scenes() and type(round) is int and 0 <= round <= MAX_ROUND:
                self.presents.go_on(scene, _choices(scenes()[scene]), round)
        elif self.presents is None:
            self.presents, self._token = _rooms().open(self, self._visitor)
        room = self.presents
        known = {"scene": room.scene, "first": room.first, "record": list(room.record.values())}
        self.tell({"type": "presenting", "code": room.code, "token": self._token, **known})

    def _follow(self, message: dict[str, Any]) -> None:
        self._try_a_code()
        room = _rooms().find(message.get("code"))
        self._wrong_codes -= 1
        if self.presents is room:
            raise Refused("you present this room yourself")
        self._leave(message)
        room.join(self)
        self.follows = room
        self.tell({"type": "following", "code": room.code})

    def _try_a_code(self) -> None:
        """A code counts as wrong until it has been found."""
        if self._wrong_codes >= MAX_WRONG_CODES:
            raise Refused("too many wrong codes from this page; reload it to try again")
        self._wrong_codes += 1

    def _leave(self, _message: dict[str, Any]) -> None:
        if self.follows is not None:
            self.follows.leave(self)
            self.follows = None

    def _end(self, _message: dict[str, Any]) -> None:
        if self.presents is not None:
            _rooms().close(self.presents)
            self.presents = None

    def _vote(self, message: dict[str, Any]) -> None:
        if self.follows is None:
            raise Refused("only followers of a room can predict")
        self.follows.vote(self, message.get("scene"), message.get("choice"))

    def _clear(self, message: dict[str, Any]) -> None:
        if self.presents is not None:
            self.presents.clear_votes(again=message.get("again") is True)

    def _qr(self, message: dict[str, Any]) -> None:
        url = message.get("url")
        if not is_of(url, self._site):
            raise Refused(f"only addresses of this site with at most {MAX_URL} characters become a QR code")
        # A long address takes a tenth of a second: in a thread, one at a time, and of those that wait only the newest.
        self._wanted = url
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.ensure_future(self._draw_qr())

    async def _draw_qr(self) -> None:
        url = ""
        while url != self._wanted:
            url = self._wanted
            self.tell({"type": "qr", "url": url, "svg": await asyncio.to_thread(qr_svg, url)})


_HANDLERS = {
    "compute": Connection._compute,
    "describe": Connection._describe,
    "present": Connection._present,
    "follow": Connection._follow,
    "leave": Connection._leave,
    "end": Connection._end,
    "vote": Connection._vote,
    "clear": Connection._clear,
    "qr": Connection._qr,
}


def _choices(scene: Scene) -> int:
    """How many predictions a scene offers."""
    return len(scene.prediction.choices) if scene.prediction else 0


async def _serve(websocket: WebSocket, visitor: Visitor, voter: str) -> None:
    """Serve one connection of an allowed page."""
    connection = Connection(websocket, visitor, voter)
    tasks = [asyncio.ensure_future(connection.send_all()), asyncio.ensure_future(connection.receive_all())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            error = task.exception()
            # A browser that leaves in the middle of a send is no fault.
            if error is not None and not isinstance(error, (WebSocketDisconnect, RuntimeError)):
                raise error
    finally:
        connection.gone()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def routes(origins: Origins | None = None) -> list[WebSocketRoute]:
    """What the app serves beside its pages for the scenes.

    Args:
        origins: the pages that may connect, by default those of the server's own address.
    """
    entrance = Entrance("scenes", origins)

    async def scene_socket(websocket: WebSocket) -> None:
        visit, cookie = visit_of(websocket)
        async with entrance.admitted(websocket, [cookie]) as visitor:
            if visitor is not None:
                await _serve(websocket, visitor, visit)

    return [WebSocketRoute("/scene", scene_socket)]
