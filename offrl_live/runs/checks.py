"""Checks of plain data that comes from outside: a link, a message, a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ConfigError(ValueError):
    """A configuration that is not allowed; the message names the value and what is allowed."""


def whole(name: str, value: object, low: int, high: int) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} = {value!r} is not allowed: it must be a whole number from {low} to {high}")
    return value


def entries(what: str, data: object, allowed: set[str], needed: set[str]) -> dict[str, Any]:
    """The fields of an object from outside, none unknown and none missing."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{what} must be an object, not {type(data).__name__}")
    unknown = set(map(str, data)) - allowed
    if unknown or not needed <= set(data):
        wrong = f"has the unknown field {min(unknown)!r}" if unknown else f"lacks {min(needed - set(data))!r}"
        raise ConfigError(f"{what} {wrong}; it may have {', '.join(sorted(allowed))}")
    return dict(data)


def listed(name: str, data: object, most: int) -> list[Any]:
    """A list from outside of at most `most` items."""
    if not isinstance(data, (list, tuple)) or len(data) > most:
        raise ConfigError(f"{name} must be a list of at most {most}")
    return list(data)
