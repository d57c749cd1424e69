"""Rooms without a server: how many one address may open, and when they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import Request

from offrl_lecture.registry import pages
from offrl_ui.lecture import join
from offrl_ui.lecture import rooms as module
from offrl_ui.lecture.opened import page_data
from offrl_ui.lecture.rooms import CODES, MAX_ROOMS_OF_ONE, FollowError, Rooms, read_code
from tests.threads import in_a_loop


class Tab:
    """A connection that remembers what it was offered."""

    def __init__(self, voter: str = "") -> None:
        self.voter = voter or str(id(self))
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
        room, _ = rooms.open(Tab(), other)
        rooms.close(room)

    act(take)


def test_a_room_that_nobody_follows_ends_a_minute_after_its_presenter(monkeypatch: pytest.MonkeyPatch) -> None:
    time = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: time)

    def leave(rooms: Rooms) -> None:
        nonlocal time
        who = object()
        empty, followed = (rooms.open(Tab(), who)[0] for _ in range(2))
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


def test_a_restarted_server_knows_a_room_again_by_its_presenters_token_only() -> None:
    remembered: list[tuple[str, str]] = []

    def before(rooms: Rooms) -> None:
        room, token = rooms.open(Tab(), object())
        remembered.append((room.code, token))

    def after(rooms: Rooms) -> None:
        code, token = remembered[0]
        with pytest.raises(FollowError, match="there is no room"):
            rooms.resume(Tab(), object(), code, "another-token")
        with pytest.raises(FollowError, match="there is no room"):
            rooms.resume(Tab(), object(), "ABCDEF", token)
        with pytest.raises(FollowError, match="there is no room"):
            rooms.find(code)
        presenter, follower = Tab(), Tab()
        room = rooms.resume(presenter, object(), code, token)
        assert (room.code, room.presenter) == (code, presenter)
        rooms.find(code.lower()).join(follower)
        room.show("emrl", 2, {"state": {}}, "{}")
        assert [kind for kind, _ in follower.heard] == ["show"]
        with pytest.raises(FollowError, match="another presenter"):
            rooms.resume(Tab(), object(), code, "another-token")

    act(before)
    act(after)


def test_codes_are_of_letters_that_can_be_read_aloud() -> None:
    codes = {module.code_of(f"token {number}") for number in range(20)}
    assert len(codes) == 20
    assert all(len(code) == module.CODE_LENGTH and set(code) <= set(module.ALPHABET) for code in codes)


def test_rooms_that_are_made_anew_count_too() -> None:
    def make(rooms: Rooms) -> None:
        one = object()
        tokens = [f"a token {number}" for number in range(MAX_ROOMS_OF_ONE + 1)]
        for token in tokens[:-1]:
            rooms.resume(Tab(), one, module.code_of(token), token)
        with pytest.raises(FollowError, match="are open from this address already"):
            rooms.resume(Tab(), one, module.code_of(tokens[-1]), tokens[-1])

    act(make)


def test_thirty_connections_of_one_browser_predict_once() -> None:
    def vote(rooms: Rooms) -> None:
        room, _ = rooms.open(Tab(), object())
        room.show("emrl", 3, {"state": {}}, "{}")
        tabs = [Tab("one") for _ in range(30)]
        for number, tab in enumerate([*tabs, Tab("two")]):
            room.join(tab)
            room.vote(tab, "emrl", number % 3)
        assert room.tally()["counts"] == [2, 0, 0]
        for tab in tabs[1:]:
            room.leave(tab)
        assert room.tally()["counts"] == [2, 0, 0], "one of its tabs is still there"
        room.leave(tabs[0])
        assert room.tally()["counts"] == [1, 0, 0]

    act(vote)


def test_predictions_are_hidden_until_the_answer_and_kept_beside_a_second_time() -> None:
    async def main() -> None:
        presenter, follower, other = Tab(), Tab(), Tab()
        room, _ = Rooms().open(presenter, object())

        async def told(whom: Tab) -> dict[str, object]:
            whom.heard.clear()
            room.schedule_tally()
            await asyncio.sleep(1.5 * module.TALLY_SECONDS)
            return json.loads(dict(whom.heard)["votes"])

        def show(revealed: bool) -> dict[str, object]:
            room.show("emrl", 3, {"state": {}, "revealed": revealed}, '{"right": 2}')
            return json.loads(dict(follower.heard)["show"])

        for tab, choice in ((follower, 1), (other, 1)):
            room.join(tab)
            if room.scene is None:
                show(False)
            room.vote(tab, "emrl", choice)
        assert (await told(presenter))["counts"] == [0, 2, 0]
        assert (await told(follower))["counts"] is None
        assert (await told(follower))["predicted"] == 2

        room.clear_votes(again=True)
        room.vote(other, "emrl", 2)
        assert show(False)["first"] == [0, 2, 0]
        assert (await told(presenter))["counts"] == [0, 0, 1]
        shown = show(True)
        assert (shown["first"], shown["result"]) == ([0, 2, 0], {"right": 2})
        assert (await told(follower))["counts"] == [0, 0, 1]
        # Another server of the room learns both from what is shown.
        elsewhere = module.Room(room.code, object(), module.Kept())
        elsewhere.take({"scene": "emrl", "choices": 3, "round": room.round, "shown": room.shown, "record": []})
        assert (elsewhere.first, elsewhere.revealed) == ([0, 2, 0], True)

        room.clear_votes()
        assert show(False)["first"] is None, "a reset forgets both"
        room.clear_votes(again=True)
        room.show("cloning", 2, {"state": {}, "revealed": False}, "{}")
        assert room.first is None, "and so does another question"

    in_a_loop(main())


@pytest.mark.parametrize(
    ("typed", "code"),
    [("abcdef", "ABCDEF"), (" ABC DEF ", "ABCDEF"), ("ABC", ""), ("ABCDE0", ""), ("<b>abc", ""), ("", "")],
)
def test_a_code_is_taken_as_people_type_it(typed: str, code: str) -> None:
    assert read_code(typed) == code


@pytest.mark.parametrize(
    ("code", "follow"), [("abcdef", "ABCDEF"), ("\r\nX", "X"), ("ZZZZZ", "ZZZZZ"), ("a&b=c", "a%26b%3Dc")]
)
def test_the_short_address_leads_to_the_room_below_any_path(code: str, follow: str) -> None:
    answer = in_a_loop(join._lead(Request({"type": "http", "path_params": {"code": code}})))
    assert (answer.status_code, answer.headers["location"]) == (307, f"../reweighting?follow={follow}")


def test_a_page_says_what_codes_look_like_when_it_is_given_something_else() -> None:
    data = page_data(pages()["reweighting"], None, {"follow": "ZZZZZ"}, embedded=False, rooms=True)
    assert data["options"]["follow"] == ""
    assert data["notes"] == ["'ZZZZZ' is not the code of a room. " + CODES]


def test_what_was_predicted_is_there_again_for_a_presenter_who_comes_back() -> None:
    def vote(rooms: Rooms) -> None:
        presenter, early, late = Tab(), Tab(), Tab()
        room, token = rooms.open(presenter, object())

        def show(scene: str) -> None:
            room.show(scene, 3, {"state": {}, "revealed": False}, "{}")

        show("emrl")
        for voter in (early, late):
            room.join(voter)
            room.vote(voter, "emrl", 2)
        room.clear_votes(again=True)
        show("emrl")
        room.vote(early, "emrl", 1)
        room.vote(late, "emrl", 0)
        room._send_tally()
        room.leave(early)  # has predicted all the same
        room._send_tally()
        rooms.away(room, presenter)
        back = rooms.resume(Tab(), object(), room.code, token)
        assert back.first == [0, 0, 2]
        show("cloning")  # where nobody predicts
        show("rwr")
        room.vote(late, "rwr", 0)
        show("cloning")
        told = [(tally["scene"], tally["round"], tally["counts"], tally["predicted"]) for tally in back.record.values()]
        assert told == [("emrl", 1, [0, 0, 2], 2), ("emrl", 2, [1, 1, 0], 2), ("rwr", 4, [1, 0, 0], 1)]
        assert {*back.record[1]} == {"type", "scene", "round", "counts", "predicted", "followers"}, "no names"

    act(vote)


def test_a_room_keeps_the_predictions_of_so_many_rounds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDED", 2)

    def vote(rooms: Rooms) -> None:
        room, voter = rooms.open(Tab(), object())[0], Tab()
        room.join(voter)
        room.show("emrl", 2, {"state": {}}, "{}")
        for _ in range(4):
            room.vote(voter, "emrl", 1)
            room.clear_votes()
        assert list(room.record) == [3, 4]

    act(vote)
