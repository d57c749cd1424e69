"""What a dataset's own files keep beside the columns, as JSON: sizes, labels, discount, name and options."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from offrl_core.formats.base import Columns, FileError, Limits
from offrl_core.formats.log import Log

KEY = "offrl"
"""The name under which formats with metadata of their own (Parquet, HDF5, NPZ) store it."""

VERSION = 1


def describe(log: Log, **more: Any) -> dict[str, Any]:
    """Plain data to be stored with the columns; options that are not plain are left out."""
    return {
        "version": VERSION,
        "n_actions": log.n_actions,
        "n_states": log.n_states,
        "action_names": list(log.action_names),
        "observation_names": list(log.observation_names),
        "behavior_names": list(log.behavior_names),
        "gamma": log.gamma,
        "name": log.name,
        "options": {k: v for k, v in log.options.items() if isinstance(v, (str, int, float, bool))},
        **more,
    }


def parse(text: str | bytes) -> dict[str, Any]:
    """The metadata of `describe`, checked.

    Raises:
        FileError: it is not JSON, or holds something that `describe` never writes.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"the stored metadata cannot be read: {error}") from error
    if not isinstance(plain, dict) or plain.get("version") != VERSION:
        raise FileError(f"the stored metadata must be of version {VERSION}")
    for name, check in _CHECKS.items():
        if name in plain and not check(plain[name]):
            raise FileError(f"the stored metadata has {name} = {str(plain[name])[:80]!r}, which is not allowed")
    return plain


def fields(plain: dict[str, Any]) -> dict[str, Any]:
    """What the metadata says, as fields of a `Log`."""
    labels = ("action_names", "observation_names", "behavior_names")
    found: dict[str, Any] = {name: plain.get(name) for name in ("n_actions", "n_states")}
    found |= {name: tuple(plain.get(name, ())) for name in labels}
    return found | {name: plain[name] for name in ("gamma", "name", "options") if name in plain}


def apply(plain: dict[str, Any], columns: Columns, limits: Limits) -> None:
    """Give `columns` what the file itself says about them."""
    limits.check("actions", plain.get("n_actions", 0))
    limits.check("states", plain.get("n_states") or 0)
    for name, value in fields(plain).items():
        if name in ("n_actions", "n_states", "action_names", "observation_names"):
            setattr(columns, name, value)
        else:
            columns.details[name] = value


def _size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "n_actions": _size,
    "n_states": lambda value: value is None or _size(value),
    "action_names": _names,
    "observation_names": _names,
    "behavior_names": _names,
    "gamma": lambda value: isinstance(value, (int, float)) and 0.0 <= value <= 1.0,
    "name": lambda value: isinstance(value, str),
    "options": lambda value: (
        isinstance(value, dict) and all(isinstance(item, (str, int, float, bool)) for item in value.values())
    ),
    "mapping": lambda value: isinstance(value, dict),
}
