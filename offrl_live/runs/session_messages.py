"""What a session sends of its run, in the messages that `worker_messages` takes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from offrl_core.evaluation.alarms import Alarm
from offrl_core.evaluation.film import Film
from offrl_live.runs.engine import Engine
from offrl_live.runs.films import film_message
from offrl_live.runs.snapshot import RunSnapshot
from offrl_live.runs.timeline import Mark
from offrl_live.runs.wire import Array, encode, json_data

Command = Mapping[str, Any]
Send = Callable[[bytes], None]

# Frames up to this size carry every member; above it, those that are looked at, and all of them more rarely.
FULL_FRAME_BYTES = 512_000


class SessionMessages:
    """Sends messages of one run, and knows what has been sent.

    Args:
        run: its id.
        engine: what is told of.
        focus: the members that are looked at.
        send: takes a message of the wire format.
    """

    def __init__(self, run: str, engine: Engine, focus: tuple[int, ...], send: Send) -> None:
        self._run = run
        self._engine = engine
        self._focus = focus
        self._send = send
        self._until_full = 0
        self._marks: list[Mark] = []
        self._gammas = engine.gammas
        hello = engine.describe()
        self._members = len(hello["members"])
        self._metrics = [metric["name"] for metric in hello["metrics"]]
        self._tell("built", engine.static(), hello=json_data(hello))
        self.marks()

    def _tell(self, kind: str, arrays: Mapping[str, Array] | None = None, **header: Any) -> None:
        self._send(encode({"kind": kind, "run": self._run, **header}, arrays or {}))

    def arrived(self) -> None:
        """The step to continue from is reached: commands are taken from here on."""
        self._tell("arrived")

    def state(self, state: str, reason: str, *, order: int, rate: float) -> None:
        """How the run stands, in answer to the command numbered `order`."""
        self._tell("state", state=state, reason=reason, step=self._engine.step, order=order, rate=rate)

    def reply(self, command: Command, kind: str, **more: Any) -> None:
        """The answer to a viewer's command: `accepted`, `refused` or what was asked for."""
        self._tell("reply", viewer=command["viewer"], id=command["id"], type=kind, **more)

    def marks(self) -> bool:
        """The live changes that have acted since this was called last; whether there are any."""
        if self._marks is self._engine.marks:
            return False
        for mark in self._engine.marks:
            if mark not in self._marks:
                self._tell("mark", mark=json_data(mark.to_json()))
        self._marks = self._engine.marks
        return True

    def truth(self) -> None:
        """What is true, where a live change of the discount has changed it."""
        if self._engine.gammas != self._gammas:
            self._gammas = self._engine.gammas
            self._tell("truth", self._engine.static(), truth=json_data(self._engine.truth()))

    def alarms(self, alarms: Iterable[Alarm]) -> None:
        """Alarms that rise or calm down."""
        for alarm in alarms:
            self._tell("alarm", alarm=json_data(alarm.to_json()))

    def checkpoint(self) -> None:
        """Everything needed to continue from here."""
        message = encode({"kind": "checkpoint", "run": self._run, "step": self._engine.step}, {})
        self._send(message + self._engine.checkpoint())

    def film(self, order: Command, film: Film) -> None:
        """A film that a viewer ordered."""
        header = {"kind": "film", "run": self._run, "viewer": order["viewer"], "id": order["id"]}
        gamma = self._engine.gammas[order["member"]]
        self._send(film_message({**header, "step": order["step"], "member": order["member"], "gamma": gamma}, film))

    def focus(self, members: tuple[int, ...]) -> None:
        """Other members are looked at; the next frame has all of them."""
        self._focus = members
        self._until_full = 0

    def frame(self, snapshot: RunSnapshot, *, date: float, rate: float, spent: float) -> None:
        """A frame with the tables of all members, or of those that are looked at where all would be too large.

        Args:
            snapshot: what is shown.
            date: seconds since 1970.
            rate: updates a second.
            spent: processor time since the last play, in seconds.
        """
        tables = snapshot.tables
        size = sum(table.nbytes for table in tables.values())
        members: tuple[int, ...] = tuple(range(self._members))
        if size > FULL_FRAME_BYTES and self._members > 1:
            self._until_full -= 1
            if self._until_full > 0:
                members = tuple(m for m in self._focus if m < self._members) or (0,)
            else:
                self._until_full = max(2, size // FULL_FRAME_BYTES)
        chosen = slice(None) if len(members) == self._members else list(members)
        fields = {"metrics": snapshot.matrix(self._metrics), **{name: table[chosen] for name, table in tables.items()}}
        self._tell("frame", fields, step=snapshot.step, time=date, rate=rate, members=members, spent=spent)
