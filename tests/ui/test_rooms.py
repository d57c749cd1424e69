"""Rooms without a server: how many one address may open, and when they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from offrl_ui.lecture import rooms as module
from offrl_ui.lecture.rooms import MAX_ROOMS_OF_ONE, FollowError, Rooms
from tests.threads import in_a_loop


class Tab:
    """A connection that remembers what it was offered."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def offer(self, kind: str, payload: str) -> None:
        self.heard.append((kind, payload))


def act(what: Callable[[Rooms], None]) -> None:
    """Do something with rooms, in the loop that they need."""

    async def main() -> None:
        what(Rooms())
        await asyncio.sleep(0)

    made: Awaitable[None] = main()
    in_a_loop(made)


def test_one_address_cannot_take_all_rooms() -> None:
    def take(rooms: Rooms) -> None:
        one, other = object(), object()
        for _ in range(MAX_ROOMS_OF_ONE):
            rooms.open(Tab(), one)
        with pytest.raises(FollowError, match=f"{MAX_ROOMS_OF_ONE} rooms are open from this address already"):
            rooms.open(Tab(), one)
        room = rooms.open(Tab(), other)
        rooms.close(room)

    act(take)


def test_a_room_that_nobody_follows_ends_a_minute_after_its_presenter(monkeypatch: pytest.MonkeyPatch) -> None:
    time = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: time)

    def leave(rooms: Rooms) -> None:
        nonlocal time
        who = object()
        empty, followed = (rooms.open(Tab(), who) for _ in range(2))
        followed.join(Tab())
        for room in (empty, followed):
            assert room.presenter is not None
            rooms.away(room, room.presenter)
        time += 61
        with pytest.raises(FollowError, match="there is no room"):
            rooms.find(empty.code)
        assert rooms.find(followed.code) is followed
        time += 600
        with pytest.raises(FollowError, match="there is no room"):
            rooms.find(followed.code)

    act(leave)
