"""Rooms that several servers share by Redis: whoever presents on one is followed on all, and predictions count once.

Every server has a room object for its own followers. What a room shows lies under `offrl:room:CODE` and is told to the
others on the channel of that name. Predictions are a hash from voter to choice, and in another one each server says how
many follow there. All of it expires a while after nobody speaks of it. A room's token is never stored: its code follows
from it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
import time
from collections import Counter
from typing import Any

from redis import Redis, RedisError

from offrl_ui.lecture.rooms import PRESENTER_AWAY_SECONDS, FollowError, Kept, Room, Rooms, Viewer

log = logging.getLogger(__name__)

PREFIX = "offrl:room:"
REFRESH_SECONDS = 4.0
SILENT_SECONDS = 3 * REFRESH_SECONDS
LIFE_SECONDS = int(PRESENTER_AWAY_SECONDS)
ANSWER_SECONDS = 1.0
AGAIN_SECONDS = 5.0
HEARING_SECONDS = 0.25


class Store:
    """Redis, asked from the event loop: it answers at once, or is left alone for some seconds.

    Args:
        url: where it is, such as `redis://127.0.0.1:6379/0`.
    """

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )
        self._again_at = 0.0

    def must(self, command: str, *arguments: Any, **options: Any) -> Any:
        """The answer to a command.

        Raises:
            FollowError: there is none.
        """
        if time.monotonic() >= self._again_at:
            try:
                return getattr(self.redis, command)(*arguments, **options)
            except RedisError as error:
                self._again_at = time.monotonic() + AGAIN_SECONDS
                log.warning("rooms are not shared at the moment: %s", error)
        raise FollowError("the servers of this room cannot reach each other; try again in a moment")

    def may(self, command: str, *arguments: Any, **options: Any) -> Any:
        """The same, None where there is no answer."""
        try:
            return self.must(command, *arguments, **options)
        except FollowError:
            return None


class SharedKept(Kept):
    """The predictions of one room, in Redis, and what the other servers are to hear of it."""

    def __init__(self, store: Store, server: str, code: str) -> None:
        self._store, self._server, self._key = store, server, PREFIX + code

    def cast(self, voter: str, choice: int) -> None:
        """The first prediction of a voter stands, whichever server it comes by."""
        self._store.must("hsetnx", f"{self._key}:votes", voter, choice)
        self._store.may("expire", f"{self._key}:votes", LIFE_SECONDS)
        self.tell("tally")

    def withdraw(self, voter: str) -> None:
        """The voter has left."""
        self._store.may("hdel", f"{self._key}:votes", voter)
        self.tell("tally")

    def clear(self) -> None:
        """Forget all of them."""
        self._store.may("delete", f"{self._key}:votes")

    def counts(self) -> Counter[int]:
        """How many predicted each choice, on all servers."""
        return Counter(int(choice) for choice in self._store.must("hvals", f"{self._key}:votes"))

    def follow(self, here: int) -> None:
        """So many follow on this server now."""
        key = f"{self._key}:followers"
        self._store.may("hset", key, self._server, f"{here} {time.time():.0f}")
        self._store.may("expire", key, LIFE_SECONDS)
        self.tell("tally")

    def followers(self, here: int) -> int:
        """How many follow on all servers, `here` of them on this one."""
        now, elsewhere = time.time(), 0
        for server, said in self._store.must("hgetall", f"{self._key}:followers").items():
            count, _, at = said.partition(" ")
            if server != self._server and now - float(at) < SILENT_SECONDS:
                elsewhere += int(count)
        return here + elsewhere

    def show(self, room: Room) -> None:
        """What the presenter shows now."""
        self.tell("show", **self._store_state(room))

    def presence(self, room: Room) -> None:
        """Whether the presenter is away."""
        self.tell("presence", away=self._store_state(room)["away"])

    def _store_state(self, room: Room) -> dict[str, Any]:
        """What a server that hears of the room later, or missed what was said, is to know."""
        state: dict[str, Any] = {"scene": room.scene, "choices": room.choices, "round": room.round, "shown": room.shown}
        state |= {"record": list(room.record.values()), "away": room.presenter is None}
        self._store.may("set", self._key, json.dumps(state), ex=LIFE_SECONDS)
        return state

    def tell(self, what: str, **more: Any) -> None:
        """Say something to the other servers."""
        self._store.may("publish", self._key, json.dumps({"by": self._server, "what": what, **more}))

    def end(self) -> None:
        """Nothing of the room is kept."""
        self._store.may("delete", self._key, f"{self._key}:votes", f"{self._key}:followers")
        self.tell("ended")


class SharedRooms(Rooms):
    """The rooms of several servers.

    Args:
        url: see `Store`.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._server = secrets.token_hex(8)
        self._store = Store(url)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listening: threading.Thread | None = None
        self._closed = threading.Event()

    def kept(self, code: str) -> Kept:
        """Where a room's predictions are."""
        return SharedKept(self._store, self._server, code)

    def open(self, presenter: Viewer, opened_by: object) -> tuple[Room, str]:
        """See `Rooms.open`."""
        self._listen()
        room, token = super().open(presenter, opened_by)
        room.kept.show(room)
        return room, token

    def resume(self, presenter: Viewer, opened_by: object, code: object, token: object) -> Room:
        """See `Rooms.resume`; a presenter may come to another server than before."""
        room = super().resume(presenter, opened_by, code, token)
        room.led_elsewhere = False
        room.kept.presence(room)
        return room

    def find(self, code: object) -> Room:
        """See `Rooms.find`; a room that another server has is known here from now on."""
        self._listen()
        try:
            return super().find(code)
        except FollowError:
            name = code.strip().upper() if isinstance(code, str) else ""
            found = self._store.must("get", PREFIX + name) if name.isalnum() and len(name) < 16 else None
            if found is None:
                raise
            room = self._rooms[name] = Room(name, None, self.kept(name))
            self._take(room, json.loads(found))
            return room

    def away(self, room: Room, presenter: Viewer) -> None:
        """See `Rooms.away`."""
        super().away(room, presenter)
        if room.presenter is None:
            room.kept.presence(room)

    def stop(self) -> None:
        """Hear nothing any more."""
        self._closed.set()
        if self._listening is not None:
            self._listening.join(5)
        self._store.redis.close()

    # what other servers say

    def _listen(self) -> None:
        """Hear what other servers say, from the first room on; everything is done in the loop that asks here."""
        self._loop = asyncio.get_running_loop()
        if self._listening is None:
            self._listening = threading.Thread(target=self._hear_on, name="rooms", daemon=True)
            self._listening.start()

    def _hear_on(self) -> None:
        refreshed = time.monotonic()
        while not self._closed.is_set():
            try:
                speaker = self._store.redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                with speaker as channel:
                    channel.psubscribe(f"{PREFIX}*")
                    self._in_loop(self._catch_up)  # what was said meanwhile
                    while not self._closed.is_set():
                        message = channel.get_message(timeout=HEARING_SECONDS)
                        if message is not None:
                            self._in_loop(self._heard, message["channel"].removeprefix(PREFIX), message["data"])
                        if time.monotonic() - refreshed > REFRESH_SECONDS:
                            refreshed = time.monotonic()
                            self._in_loop(self._refresh)
            except RedisError as error:
                log.warning("rooms are not shared at the moment: %s", error)
                self._closed.wait(1.0)

    def _in_loop(self, act: Any, *arguments: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *arguments)

    def _heard(self, code: str, data: str) -> None:
        said = json.loads(data)
        room = self._rooms.get(code)
        if room is None or said["by"] == self._server:
            return
        if said["what"] == "show":
            room.take(said)
        elif said["what"] == "presence":
            self._presence(room, away=said["away"])
        elif said["what"] == "ended":
            self._forget(room)
        room.schedule_tally()

    def _catch_up(self) -> None:
        for code, room in list(self._rooms.items()):
            found = self._store.may("get", PREFIX + code)
            if found is not None and room.presenter is None:
                self._take(room, json.loads(found))

    def _take(self, room: Room, state: dict[str, Any]) -> None:
        """The room is as another server stored it."""
        self._presence(room, away=state["away"])
        room.take(state)

    def _presence(self, room: Room, *, away: bool) -> None:
        """The presenter is away, or connected to another server."""
        if away == room.led_elsewhere:
            room.led_elsewhere = not away
            room.away_since = time.monotonic()
            room.tell_all("presence", {"type": "presence", "away": away})

    def _refresh(self) -> None:
        """Rooms that are led here live on; those that nobody leads any more, on no server, have ended."""
        for code, room in list(self._rooms.items()):
            try:
                if room.presenter is not None and not self._store.must("expire", PREFIX + code, LIFE_SECONDS):
                    room.kept.show(room)
                elif room.led_elsewhere and not self._store.must("exists", PREFIX + code):
                    self._forget(room)
                room.kept.follow(len(room.followers))
                room.schedule_tally()  # a server that has gone no longer counts
            except FollowError:
                return  # the log says so
