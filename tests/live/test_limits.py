"""Nobody can shut the others out: connections and new runs of one address, acknowledgements, what is kept of resets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.websockets import WebSocket

from offrl_live.runs.live_runs import Limits
from offrl_live.serving.entrance import Entrance
from offrl_live.serving.environment import limits
from offrl_live.serving.socket_limits import MessageLimit, Visitors
from tests.live.test_live_runs import OneThread
from tests.live.test_socket import Client, Served, browse, run_id, served  # noqa: F401
from tests.live.watching import CQL, NOISY, HandClock
from tests.threads import in_a_loop


def of(host: str) -> Any:
    return SimpleNamespace(client=SimpleNamespace(host=host))


def test_one_address_leaves_room_for_others() -> None:
    visitors = Visitors(most=8, each=5)
    mine = [visitors.enter(of("10.0.0.1")) for _ in range(20)]
    assert sum(visitor is not None for visitor in mine) == 5
    assert all(visitors.enter(of("10.0.0.2")) for _ in range(3))
    assert visitors.enter(of("10.0.0.3")) is None, "the server is full"
    visitors.leave(mine[0])  # type: ignore[arg-type]
    assert visitors.enter(of("10.0.0.3")) is not None


def test_one_too_many_is_told_so_and_let_in_once_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRL_VIEWERS", "1")
    entrance = Entrance("test")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    def connection() -> WebSocket:
        return WebSocket({"type": "websocket", "headers": [], "client": ("10.0.0.1", 40_000)}, receive, send)

    async def main() -> None:
        async with entrance.admitted(connection()) as first:
            assert first is not None
            async with entrance.admitted(connection()) as second:
                assert second is None
        async with entrance.admitted(connection()) as third:
            assert third is first, "the address is known"

    in_a_loop(main())
    told = [(message["type"], message.get("code"), message.get("reason")) for message in sent]
    accepted = ("websocket.accept", None, None)
    refused = ("websocket.close", 1013, "this server has no room for another viewer")
    assert told == [accepted, accepted, refused, accepted]


def test_an_address_that_connects_again_and_again_is_slowed() -> None:
    hand = HandClock()
    visitors = Visitors(most=10_000, each=10_000, now=hand.clock.now)

    def come_and_go() -> bool:
        visitor = visitors.enter(of("10.0.0.1"))
        if visitor is not None:
            visitors.leave(visitor)
        return visitor is not None

    # A class of a hundred opens the lecture at once, each with two connections.
    assert sum(come_and_go() for _ in range(1000)) == 300
    hand.sleep(10)
    assert sum(come_and_go() for _ in range(1000)) == 200
    assert visitors.enter(of("10.0.0.2")) is not None
    hand.sleep(61)
    visitors.enter(of("10.0.0.3"))
    assert "10.0.0.1" not in visitors._known, "nothing is kept of who has gone"


def test_an_address_begins_only_so_many_runs() -> None:
    hand = HandClock()
    visitor = Visitors(10, 10, hand.clock.now).enter(of("10.0.0.1"))
    assert visitor is not None
    assert sum(visitor.new_runs.take() for _ in range(500)) == 60
    hand.sleep(5)
    assert sum(visitor.new_runs.take() for _ in range(500)) == 5


@pytest.mark.parametrize("command", ["reset", "branch", "set", "step"])
def test_whoever_begins_too_many_runs_is_told_and_makes_none(command: str) -> None:
    alone = OneThread()
    watcher = alone.watch(alone.runs.open(CQL))
    watcher.wait_for("paused")
    alone.watch(watcher.viewer.run.id)  # others watch: a change goes on in a copy
    watcher.viewer._new_runs = MessageLimit(0.0, 3.0)
    more: dict[str, Any] = {"set": {"lane": 0, "values": {"alpha": 2.0}}, "step": {"unit": "update"}}.get(command, {})
    more = {"step": 0, "lane": 0, "values": {}} if command == "branch" else more
    answers = [watcher.answer(watcher.say(command, **more)) for _ in range(5)]
    assert [answer["type"] for answer in answers] == ["accepted"] * 3 + ["refused"] * 2
    assert "too many new runs were begun from here" in answers[-1]["message"]
    assert len(alone.runs.runs) == 4


def test_of_runs_that_begin_again_only_so_many_are_kept() -> None:
    alone = OneThread()
    others = alone.runs.open(NOISY)
    watcher = alone.watch(alone.runs.open(CQL))
    watcher.wait_for("paused")
    first = watcher.viewer.run.id
    for number in range(60):
        alone.time += 1
        watcher.say("reset" if number % 2 else "branch", **({} if number % 2 else {"step": 0, "lane": 0, "values": {}}))
    kept = alone.runs.runs
    assert others in kept, "what somebody else has left is not what goes"
    assert first in kept, "nor is what is watched"
    assert len(kept) == 2 + Limits().max_family
    newest = watcher.of("moved")[-1]["run_id"]
    assert newest in kept
    # What went comes back when it is asked for.
    assert alone.watch(watcher.of("moved")[0]["run_id"]).wait_for("paused")["step"] == 0


def test_a_viewer_who_acknowledges_every_frame_is_not_disturbed(served: Served, run_id: str) -> None:  # noqa: F811
    async def watch(client: Client) -> list[str]:
        await client.say(cmd="play", id=1)
        for _ in range(15):
            frame = await client.next("frame")
            await client.say(cmd="ack", seq=frame["seq"])
        return [message["message"] for message in client.seen if message.get("type") == "refused"]

    assert browse(served.url(run_id), watch) == []


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("OFFRL_RUNS", "max_runs"),
        ("OFFRL_VIEWERS", "max_viewers"),
        ("OFFRL_VIEWERS_OF_ONE", "max_viewers_of_one"),
        ("OFFRL_WORKERS", "workers"),
    ],
)
def test_the_operator_sets_the_limits(monkeypatch: pytest.MonkeyPatch, name: str, field: str) -> None:
    monkeypatch.setenv(name, "7")
    assert getattr(limits(), field) == 7
    monkeypatch.setenv(name, "0")
    with pytest.raises(ValueError, match=f"{name} = '0' is not allowed: it must be a whole number from"):
        limits()
