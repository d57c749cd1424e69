"""Rooms of two servers by a real Redis: one presents on the one, others follow on the other, and predict once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("redis", reason='Python\'s package for Redis is not here: pip install -e ".[redis]"')

from offrl_live.serving.environment import redis_url
from offrl_ui.lecture import shared_rooms
from offrl_ui.lecture.rooms import FollowError
from offrl_ui.lecture.shared_rooms import SharedRooms
from tests.redis_server import Redis
from tests.threads import in_a_loop
from tests.ui.test_rooms import Tab

Act = Callable[[SharedRooms, SharedRooms], Awaitable[None]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    running = Redis(tmp_path_factory.mktemp("redis"))
    yield running
    running.stop()


def on_two_servers(store: Redis, act: Act) -> None:
    async def main() -> None:
        servers = SharedRooms(store.url), SharedRooms(store.url)
        try:
            await act(*servers)
        finally:
            for server in servers:
                await asyncio.to_thread(server.stop)

    in_a_loop(main())


async def heard(tab: Tab, kind: str, **fields: object) -> dict:
    """The message of this kind with these fields, once the tab has been offered it."""
    async with asyncio.timeout(10):
        while True:
            for name, payload in reversed(tab.heard):
                message = json.loads(payload)
                if name == kind and all(message.get(key) == value for key, value in fields.items()):
                    return message
            await asyncio.sleep(0.01)


def test_a_room_is_followed_on_another_server(store: Redis) -> None:
    async def act(one: SharedRooms, other: SharedRooms) -> None:
        presenter, early, late = Tab(), Tab(), Tab()
        room, _ = one.open(presenter, object())
        there = other.find(room.code.lower())
        there.join(early)
        room.show("emrl", 3, {"state": {"share": 0.5}, "revealed": False}, '{"pictures": []}')
        seen = await heard(early, "show", scene="emrl")
        assert (seen["state"], seen["result"]) == ({"share": 0.5}, {"pictures": []})
        other.find(room.code).join(late)
        assert (await heard(late, "show"))["round"] == room.round
        for number, tab in enumerate((early, late)):
            there.vote(tab, "emrl", 2 * number)
        await heard(presenter, "votes", counts=[1, 0, 1], followers=2)
        room.clear_votes()
        room.schedule_tally()
        await heard(presenter, "votes", counts=[0, 0, 0], followers=2)
        one.close(room)
        await heard(early, "presence", type="ended")
        with pytest.raises(FollowError, match="there is no room"):
            other.find(room.code)

    on_two_servers(store, act)


def test_a_browser_predicts_once_whichever_server_it_comes_to(store: Redis) -> None:
    async def act(one: SharedRooms, other: SharedRooms) -> None:
        presenter = Tab()
        room, _ = one.open(presenter, object())
        room.show("emrl", 3, {"state": {}}, "{}")
        here, there, another = Tab("browser"), Tab("browser"), Tab("another")
        for rooms, tab, choice in ((one, here, 0), (other, there, 1), (other, another, 2)):
            rooms.find(room.code).join(tab)
            rooms.find(room.code).vote(tab, "emrl", choice)
        await heard(presenter, "votes", counts=[1, 0, 1], followers=3)
        with pytest.raises(FollowError, match="from 0 to 2"):
            other.find(room.code).vote(another, "emrl", 3)

    on_two_servers(store, act)


def test_a_presenter_goes_on_on_another_server_and_predictions_outlive_the_first(store: Redis) -> None:
    async def act(one: SharedRooms, other: SharedRooms) -> None:
        presenter, follower = Tab(), Tab()
        room, token = one.open(presenter, object())
        room.show("emrl", 2, {"state": {}}, "{}")
        other.find(room.code).join(follower)
        other.find(room.code).vote(follower, "emrl", 1)
        await asyncio.to_thread(one.stop)  # the first server is no more
        with pytest.raises(FollowError, match="another presenter"):
            other.resume(Tab(), object(), room.code, "a guess")
        again = Tab()
        there = other.resume(again, object(), room.code, token)
        assert (there.scene, there.round) == ("emrl", room.round)
        there.show("emrl", 2, {"state": {"share": 0.1}}, "{}")
        await heard(again, "votes", counts=[0, 1], followers=1)
        assert await heard(follower, "show", state={"share": 0.1})

    on_two_servers(store, act)


def test_what_was_predicted_is_known_on_a_server_that_a_presenter_comes_back_to(store: Redis) -> None:
    async def act(one: SharedRooms, other: SharedRooms) -> None:
        presenter, follower = Tab(), Tab()
        room, token = one.open(presenter, object())
        room.show("emrl", 2, {"state": {}, "revealed": False}, "{}")
        room.join(follower)
        room.vote(follower, "emrl", 1)
        room.clear_votes(again=True)
        room.show("emrl", 2, {"state": {}, "revealed": False}, "{}")
        one.away(room, presenter)
        there = other.resume(Tab(), object(), room.code, token)
        assert (there.first, [(t["scene"], t["counts"]) for t in there.record.values()]) == ([0, 1], [("emrl", [0, 1])])

    on_two_servers(store, act)


def test_whoever_is_away_is_away_on_all_servers(store: Redis) -> None:
    async def act(one: SharedRooms, other: SharedRooms) -> None:
        presenter, follower = Tab(), Tab()
        room, token = one.open(presenter, object())
        there = other.find(room.code)
        there.join(follower)
        one.away(room, presenter)
        await heard(follower, "presence", away=True)
        assert not there.led_elsewhere
        one.resume(Tab(), object(), room.code, token)
        await heard(follower, "presence", away=False)
        assert there.led_elsewhere

    on_two_servers(store, act)


def test_a_server_that_hears_of_a_room_later_knows_that_its_presenter_is_away(store: Redis) -> None:
    async def act(one: SharedRooms, other: SharedRooms) -> None:
        presenter = Tab()
        room, token = one.open(presenter, object())
        room.show("emrl", 2, {"state": {}}, "{}")
        one.away(room, presenter)
        there = other.find(room.code)
        assert not there.led_elsewhere
        one.resume(Tab(), object(), room.code, token)
        there.led_elsewhere = False  # as where the word that it came back was missed
        other._catch_up()
        assert there.led_elsewhere

    on_two_servers(store, act)


def test_without_redis_a_room_goes_on_for_those_who_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Redis(tmp_path)
    monkeypatch.setattr(shared_rooms, "AGAIN_SECONDS", 0.1)

    async def act(one: SharedRooms, other: SharedRooms) -> None:
        presenter, here, there = Tab(), Tab(), Tab()
        room, _ = one.open(presenter, object())
        room.join(here)
        other.find(room.code).join(there)
        await asyncio.to_thread(own.stop)
        room.show("emrl", 2, {"state": {}}, "{}")
        assert await heard(here, "show", scene="emrl")
        with pytest.raises(FollowError, match="cannot reach each other"):
            room.vote(here, "emrl", 1)
        await asyncio.to_thread(own.start)
        await asyncio.sleep(0.2)
        room.show("emrl", 2, {"state": {"share": 0.2}}, "{}")
        assert await heard(there, "show", state={"share": 0.2})
        room.vote(here, "emrl", 1)
        await heard(presenter, "votes", counts=[0, 1])

    try:
        on_two_servers(own, act)
    finally:
        own.stop()


def test_where_redis_is_is_checked_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFRL_REDIS", raising=False)
    assert redis_url() == ""
    monkeypatch.setenv("OFFRL_REDIS", "http://127.0.0.1")
    with pytest.raises(ValueError, match="it must begin with redis://, rediss:// or unix://"):
        redis_url()
    monkeypatch.setenv("OFFRL_REDIS", "redis://127.0.0.1")
    assert redis_url() == "redis://127.0.0.1"
    monkeypatch.setattr("offrl_live.serving.environment.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install -e ".\[redis\]"'):
        redis_url()
