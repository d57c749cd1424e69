"""Rooms to follow a presenter in: a short code, and everybody that opens it sees the presenter's scene.

A state is computed once (by the presenter's change) and its bytes are sent to all. What a follower has not yet received
is replaced by what is newer, so a slow connection falls behind in frames and never in time. Predictions of the audience
are counted once for each browser, shown as counts only, and forgotten when the scene changes or the room ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without 0/O, 1/I/L
CODE_LENGTH = 6
CODES = "A code has six letters and digits, without 0, 1, I, L and O."
MAX_ROOMS = 256
MAX_ROOMS_OF_ONE = 8
MAX_FOLLOWERS = 500
MAX_RECORDED = 200
PRESENTER_AWAY_SECONDS = 600.0
EMPTY_AWAY_SECONDS = 60.0
TALLY_SECONDS = 0.2
RESULT = ',"result":'


class FollowError(ValueError):
    """A room that does not exist, is full, or is not the caller's; the message says which."""


def read_code(typed: str) -> str:
    """A code as rooms know it, from what somebody typed; empty where that cannot be one."""
    plain = "".join(typed.split()).upper()
    return plain if len(plain) == CODE_LENGTH and set(plain) <= set(ALPHABET) else ""


def code_of(token: str) -> str:
    """The code of the room whose presenter has this token.

    Whoever has the token can show that the room is theirs, also to a server that was restarted and knows no rooms. It
    takes some milliseconds, so that nobody finds another token for a code that stands on the wall.
    """
    digest = hashlib.scrypt(token.encode(), salt=b"offrl room", n=2**12, r=8, p=1, dklen=CODE_LENGTH * 4)
    words = (int.from_bytes(digest[4 * i : 4 * i + 4], "big") for i in range(CODE_LENGTH))
    return "".join(ALPHABET[word % len(ALPHABET)] for word in words)


def join_result(head: dict[str, Any], result: str) -> str:
    """A message with an already encoded result in it."""
    return json.dumps(head)[:-1] + RESULT + result + "}"


def head_of(message: str) -> dict[str, Any]:
    """What `join_result` was given beside the result."""
    head: dict[str, Any] = json.loads(message[: message.index(RESULT)] + "}")
    return head


class Viewer(Protocol):
    """A connection that can be offered messages; of each kind only the newest is kept until it is sent.

    Attributes:
        voter: whose it is: the connections of one browser predict once.
    """

    voter: str

    def offer(self, kind: str, payload: str) -> None: ...


class Kept:
    """The predictions of one room, by voter, and what other servers are to hear of it: there are none here."""

    def __init__(self) -> None:
        self._votes: dict[str, int] = {}

    def cast(self, voter: str, choice: int) -> None:
        """The first prediction of a voter stands."""
        self._votes.setdefault(voter, choice)

    def withdraw(self, voter: str) -> None:
        """The voter has left."""
        self._votes.pop(voter, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._votes.clear()

    def counts(self) -> Counter[int]:
        """How many predicted each choice."""
        return Counter(self._votes.values())

    def follow(self, here: int) -> None:
        """So many follow on this server now."""

    def followers(self, here: int) -> int:
        """How many follow on all servers, `here` of them on this one."""
        return here

    def show(self, room: Room) -> None:
        """What the presenter shows now."""

    def presence(self, room: Room) -> None:
        """Whether the presenter is away."""

    def end(self) -> None:
        """Nothing of the room is kept."""
        self.clear()


class Room:
    """One presenter's room.

    Attributes:
        presenter: who shows, None where nobody does here.
        led_elsewhere: whoever shows is connected to another server.
        revealed: the answer is shown; until then only the presenter is told who predicted what.
        first: what was predicted before the discussion, where everybody may predict a second time.
        record: by round, the counts when most had predicted: a presenter who comes back has them again.
    """

    def __init__(self, code: str, opened_by: object, kept: Kept) -> None:
        self.code = code
        self.opened_by = opened_by
        self.kept = kept
        self.led_elsewhere = False
        self.presenter: Viewer | None = None
        self.away_since = time.monotonic()
        self.followers: set[Viewer] = set()
        self.shown: str | None = None
        self.scene: str | None = None
        self.choices = 0
        self.round = 0
        self.revealed = False
        self.first: list[int] | None = None
        self.record: dict[int, dict[str, Any]] = {}
        self._tally: asyncio.TimerHandle | None = None

    def show(self, scene: str, choices: int, head: dict[str, Any], result: str) -> None:
        """Send what the presenter sees to everyone; another scene starts a new count of predictions.

        Args:
            scene: the scene's id.
            choices: how many predictions it offers.
            head: its state and whether its answer is revealed.
            result: the encoded result, the same for everyone.
        """
        if scene != self.scene:
            with suppress(FollowError):
                self._remember(self.tally())
            self.scene, self.choices = scene, choices
            self._new_round(None)
        self._reveal(head.get("revealed") is True)
        head = {"type": "show", "scene": scene, "round": self.round, "first": self.first, **head}
        self.shown = join_result(head, result)
        for follower in self.followers:
            follower.offer("show", self.shown)
        self.kept.show(self)

    def take(self, state: Mapping[str, Any]) -> None:
        """Show what the room's presenter, on another server, shows: `scene`, `choices`, `round`, `shown` and
        `record`."""
        self.scene, self.choices, self.round = state["scene"], state["choices"], state["round"]
        for tally in state["record"]:
            self._remember(tally)
        self.shown = state["shown"]
        if self.shown is not None:
            head = head_of(self.shown)
            self.first = head.get("first")
            self._reveal(head.get("revealed") is True)
        for follower in self.followers if self.shown is not None else ():
            follower.offer("show", self.shown)

    def go_on(self, scene: str, choices: int, round: int) -> None:
        """A room that was made anew goes on in the round in which it was, so that its followers' predictions stand."""
        if self.scene is None:
            self.scene, self.choices, self.round = scene, choices, round

    def join(self, follower: Viewer) -> None:
        """Add a follower and show the current picture.

        Raises:
            FollowError: the room is full.
        """
        if len(self.followers) >= MAX_FOLLOWERS:
            raise FollowError(f"this room is full: {MAX_FOLLOWERS} people follow it")
        self.followers.add(follower)
        if self.shown is not None:
            follower.offer("show", self.shown)
        self.kept.follow(len(self.followers))
        self.schedule_tally()

    def leave(self, follower: Viewer) -> None:
        """Remove a follower and their prediction."""
        self.followers.discard(follower)
        if all(other.voter != follower.voter for other in self.followers):
            self.kept.withdraw(follower.voter)
        self.kept.follow(len(self.followers))
        self.schedule_tally()

    def vote(self, follower: Viewer, scene: object, choice: object) -> None:
        """Count one prediction; the first one of a browser stands until the presenter resets or changes the scene.

        Raises:
            FollowError: not a follower, another scene, or no such choice.
        """
        if follower not in self.followers:
            raise FollowError("only followers of this room can predict")
        if scene != self.scene:
            raise FollowError("the presenter has gone on to another scene")
        if not isinstance(choice, int) or isinstance(choice, bool) or not 0 <= choice < self.choices:
            raise FollowError(f"choice {choice!r} is not allowed: it must be from 0 to {self.choices - 1}")
        self.kept.cast(follower.voter, choice)
        self.schedule_tally()

    def _reveal(self, revealed: bool) -> None:
        if revealed != self.revealed:
            self.revealed = revealed
            self.schedule_tally()

    def clear_votes(self, *, again: bool = False) -> None:
        """Forget all predictions; everybody may predict again.

        Args:
            again: this was the first prediction of a question that is discussed now; how many said what is kept.

        Raises:
            FollowError: the counts cannot be had at the moment.
        """
        tally = self.tally()
        self._remember(tally)
        self._new_round(tally["counts"] if again else None)

    def _new_round(self, first: list[int] | None) -> None:
        self.first = first
        self.kept.clear()
        self.round += 1
        self.schedule_tally()

    def tally(self) -> dict[str, Any]:
        """The audience's predictions as counts, as its presenter sees them: no names, no order."""
        counts = self.kept.counts()
        return {
            "type": "votes",
            "scene": self.scene,
            "round": self.round,
            "counts": [counts[i] for i in range(self.choices)],
            "predicted": counts.total(),
            "followers": self.kept.followers(len(self.followers)),
        }

    def _remember(self, tally: dict[str, Any]) -> None:
        """Keep the counts of a round; whoever leaves afterwards has predicted all the same."""
        round, known = tally["round"], self.record.get(tally["round"])
        if tally["predicted"] >= (known["predicted"] if known else 1):
            self.record[round] = tally
            if len(self.record) > MAX_RECORDED:
                del self.record[min(self.record)]

    def schedule_tally(self) -> None:
        """Send the counts soon: many votes within a moment make one message."""
        if self._tally is None:
            self._tally = asyncio.get_running_loop().call_later(TALLY_SECONDS, self._send_tally)

    def _send_tally(self) -> None:
        self._tally = None
        with suppress(FollowError):  # where the servers of a room do not reach each other, the counts stay as they were
            tally = self.tally()
            self._remember(tally)
            if self.presenter is not None:
                self.presenter.offer("votes", json.dumps(tally))
            # Who has seen what most say predicts no more.
            seen = json.dumps(tally if self.revealed else {**tally, "counts": None})
            for follower in self.followers:
                follower.offer("votes", seen)

    def tell_all(self, kind: str, message: dict[str, Any]) -> None:
        """Offer a message to the presenter and all followers."""
        payload = json.dumps(message)
        for viewer in (*self.followers, *([self.presenter] if self.presenter else [])):
            viewer.offer(kind, payload)


class Rooms:
    """All rooms of the server. Used from the event loop only."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    def open(self, presenter: Viewer, opened_by: object) -> tuple[Room, str]:
        """A new room, and its presenter's token.

        Args:
            presenter: the connection that shows.
            opened_by: who has so many rooms at most.

        Raises:
            FollowError: too many rooms are open.
        """
        self._sweep()
        self._check_room_for(opened_by)
        token = secrets.token_urlsafe(24)
        while (code := code_of(token)) in self._rooms:
            token = secrets.token_urlsafe(24)
        room = self._rooms[code] = Room(code, opened_by, self.kept(code))
        room.presenter = presenter
        return room, token

    def kept(self, code: str) -> Kept:
        """Where the predictions of a room are."""
        return Kept()

    def _check_room_for(self, opened_by: object) -> None:
        if len(self._rooms) >= MAX_ROOMS:
            raise FollowError(f"{MAX_ROOMS} rooms are open already; try again later")
        if sum(room.opened_by is opened_by for room in self._rooms.values()) >= MAX_ROOMS_OF_ONE:
            raise FollowError(f"{MAX_ROOMS_OF_ONE} rooms are open from this address already; end one of them")

    def resume(self, presenter: Viewer, opened_by: object, code: object, token: object) -> Room:
        """The presenter's own room again, after a reload or a lost connection, or after the server was restarted.

        Raises:
            FollowError: no such room, or the token is not its presenter's.
        """
        own = isinstance(token, str) and len(token) <= 64 and token.isascii() and code_of(token) == code
        try:
            room = self.find(code)
        except FollowError:
            if not own:
                raise
            self._check_room_for(opened_by)
            name = str(code)
            room = self._rooms[name] = Room(name, opened_by, self.kept(name))
        if not own:
            raise FollowError("this room belongs to another presenter")
        room.presenter = presenter
        room.tell_all("presence", {"type": "presence", "away": False})
        room.schedule_tally()
        return room

    def find(self, code: object) -> Room:
        """The room with this code; case does not matter.

        Raises:
            FollowError: no such room.
        """
        self._sweep()
        room = self._rooms.get(code.strip().upper()) if isinstance(code, str) else None
        if room is None:
            raise FollowError(f"there is no room {str(code)[:12]!r}: the code is wrong or the presenter has ended it")
        return room

    def away(self, room: Room, presenter: Viewer) -> None:
        """The presenter's connection is gone; the room waits for a while."""
        if room.presenter is presenter:
            room.presenter = None
            room.away_since = time.monotonic()
            room.tell_all("presence", {"type": "presence", "away": True})

    def close(self, room: Room) -> None:
        """End a room; nothing of it is kept."""
        if self._forget(room):
            room.kept.end()

    def _forget(self, room: Room) -> bool:
        """The room has ended; whether it was known here."""
        known = self._rooms.pop(room.code, None) is not None
        if known:
            room.tell_all("presence", {"type": "ended"})
            room.followers.clear()
        return known

    def _sweep(self) -> None:
        now = time.monotonic()
        for room in [room for room in self._rooms.values() if room.presenter is None and not room.led_elsewhere]:
            if now - room.away_since > (PRESENTER_AWAY_SECONDS if room.followers else EMPTY_AWAY_SECONDS):
                self.close(room)
