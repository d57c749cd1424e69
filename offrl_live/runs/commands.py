"""The commands of viewers: a message is parsed and checked here, and becomes a `Request` or a refusal."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from offrl_live.runs.views import MODES

MAX_TEXT = 16_384
MAX_SPEED = 1_000_000.0
MAX_WATCHED = 16
MAX_STEP = 10**9


class CommandError(ValueError):
    """A message that is not a command; `id` is the message's own, where it has one."""

    def __init__(self, message: str, id: int | str | None = None) -> None:
        super().__init__(message)
        self.id = id


@dataclass(frozen=True, slots=True)
class Request:
    """One checked command of a viewer."""

    cmd: str
    id: int | str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.arguments.get(name)


Check = Callable[[str, Any], Any]


def _whole(high: float = 2**53) -> Check:
    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
            raise CommandError(f"{name} = {_short(value)} is not allowed: it must be a whole number from 0")
        return value

    return check


def _one_of(*choices: str) -> Check:
    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise CommandError(f"{name} = {_short(value)} is not allowed: it must be one of {', '.join(choices)}")
        return str(value)

    return check


def _speed(name: str, value: Any) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or not 0 <= value <= MAX_SPEED
    ):
        raise CommandError(
            f"{name} = {_short(value)} is not allowed: it must be updates per second from 0 (as fast as it goes) "
            f"to {MAX_SPEED:,.0f}"
        )
    return float(value)


def _values(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not 1 <= len(value) <= 64:
        raise CommandError(f"{name} = {_short(value)} is not allowed: it must map hyperparameters to their values")
    return value


def _changes(name: str, value: Any) -> dict[str, Any]:
    """As `_values`, but nothing need change: a branch may simply go on from an earlier step."""
    return value if value == {} and isinstance(value, dict) else _values(name, value)


def _members(name: str, value: Any) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_WATCHED or len(set(map(str, value))) < len(value):
        raise CommandError(
            f"{name} = {_short(value)} is not allowed: it must be a list of 1 to {MAX_WATCHED} different members"
        )
    return tuple(_whole()(name, item) for item in value)


def _flag(name: str, value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise CommandError(f"{name} = {_short(value)} is not allowed: it must be true or false")
    return bool(value)


_NEEDED: dict[str, dict[str, Check]] = {
    "ack": {"seq": _whole()},
    "play": {},
    "pause": {},
    "step": {"unit": _one_of("update", "epoch", "snapshot")},
    "speed": {"value": _speed},
    "set": {"lane": _whole(), "values": _values},
    "reset": {},
    "stop": {},
    "restart": {},
    "view": {"member": _whole()},
    "select": {"state": _whole()},
    "history": {"member": _whole()},
    "frame": {"step": _whole()},
    "branch": {"step": _whole(), "lane": _whole(), "values": _changes},
    "explain": {},
    "film": {},
    "catch_up": {"step": _whole(MAX_STEP)},
}
_OPTIONAL: dict[str, dict[str, Check]] = {
    "film": {"step": _whole(), "member": _whole(), "seed": _whole(2**32 - 1)},
    "view": {"members": _members, "mode": _one_of(*MODES), "reads": _flag},
    "explain": {"member": _whole(), "row": _whole(), "state": _whole(), "action": _whole(), "step": _whole()},
}


def parse(text: str) -> Request:
    """The command in a viewer's message.

    Raises:
        CommandError: too long, not a JSON object, an unknown command or field, or a value that is not allowed.
    """
    if len(text) > MAX_TEXT:
        raise CommandError(f"a message of {len(text)} characters is too long: at most {MAX_TEXT} are allowed")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError("a message must be JSON") from error
    if not isinstance(data, dict):
        raise CommandError("a message must be a JSON object")
    id, cmd = data.pop("id", None), data.pop("cmd", None)
    plain = not isinstance(id, str) or id.isprintable()  # half a character could not be sent back
    if isinstance(id, bool) or not isinstance(id, (int, str, type(None))) or len(str(id)) > 64 or not plain:
        raise CommandError("id must be a number or a short text")
    try:
        if not isinstance(cmd, str) or cmd not in _NEEDED:
            raise CommandError(f"cmd = {_short(cmd)} is not allowed: it must be one of {', '.join(_NEEDED)}")
        needed, optional = _NEEDED[cmd], _OPTIONAL.get(cmd, {})
        for name in needed:
            if name not in data:
                raise CommandError(f"{cmd} needs {name}")
        for name in data:
            if name not in needed and name not in optional:
                raise CommandError(
                    f"{cmd} has no {_short(name)}; it takes {', '.join([*needed, *optional]) or 'nothing'}"
                )
        checks = {**needed, **optional}
        return Request(cmd, id, {name: checks[name](name, value) for name, value in data.items()})
    except CommandError as error:
        raise CommandError(str(error), id) from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
