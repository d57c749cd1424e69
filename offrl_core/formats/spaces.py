"""The observation and action spaces that Minari stores as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.log import Log


def spaces(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """`observation_space` and `action_space` of a description, each parsed; what is missing is left out.

    Raises:
        FileError: one of them is not the JSON of a space.
    """
    found = {}
    for name in ("observation_space", "action_space"):
        if (text := described.get(name)) is None:
            continue
        try:
            space = json.loads(text) if isinstance(text, (str, bytes)) else text
        except (ValueError, RecursionError) as error:
            raise FileError(f"it is not JSON: {error}", column=name) from error
        if not isinstance(space, dict) or not isinstance(space.get("type"), str):
            raise FileError("it does not describe a space", column=name)
        found[name] = space
    return found


def apply_spaces(found: dict[str, dict[str, Any]], columns: Columns, context: Context) -> None:
    """Give `columns` the sizes that the spaces declare."""
    action = found.get("action_space", {})
    if action.get("type") == "MultiDiscrete":
        _set_sizes(columns, action, context)
    for role, name, limit in (("actions", "action_space", "actions"), ("observations", "observation_space", "states")):
        space = found.get(name, {})
        if space.get("type") != "Discrete" or "n" not in space:
            continue
        size, start = space["n"], space.get("start", 0)
        if not (isinstance(size, int) and isinstance(start, int) and size > 0 and abs(start) < 2**62):
            raise FileError(f"n = {size!r} from {start!r} is not allowed: it must be whole numbers", column=name)
        context.limits.check(limit, size, column=name)
        _set_size(columns, role, size, start)


def _set_sizes(columns: Columns, space: dict[str, Any], context: Context) -> None:
    """Several discrete components: how many values each of them may take."""
    sizes = np.array(space.get("nvec", ()), dtype=object).ravel().tolist()
    start = np.array(space.get("start") or [0] * len(sizes), dtype=object).ravel().tolist()
    whole = all(isinstance(size, int) and abs(size) < 2**31 for size in (*sizes, *start))
    if not whole or len(start) != len(sizes) or any(size < 1 for size in sizes):
        raise FileError(f"nvec = {sizes!r} from {start!r} is not allowed: it must be whole numbers", column="actions")
    width = math.prod(columns.actions.shape[1:])
    if len(sizes) != width:
        raise FileError(f"it has {width} components, its space has {len(sizes)}", column="actions")
    context.limits.check("columns", width, column="actions")
    if columns.actions.dtype.kind in "iu" and width > 1:
        columns.actions = columns.actions.reshape(len(columns.actions), -1).astype(np.int64) - np.array(start)
        columns.action_sizes = tuple(sizes)


def _set_size(columns: Columns, role: str, size: int, start: int) -> None:
    values = getattr(columns, role)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "iu":
        return
    setattr(columns, role, values.astype(np.int64) - start)
    if role == "actions":
        columns.n_actions = size
        columns.action_names = tuple(str(start + i) for i in range(size)) if start else ()
        return
    columns.n_states = size
    columns.observation_names = tuple(str(start + i) for i in range(size)) if start else ()
    if columns.next_observations is not None:
        columns.next_observations = columns.next_observations.reshape(len(values)).astype(np.int64) - start


def note_description(described: dict[str, Any], found: int, columns: Columns, context: Context) -> None:
    """Take the dataset's name, and say so where the number of episodes is not what the description says."""
    name, claimed = described.get("dataset_id"), described.get("total_episodes")
    if isinstance(name, str) and name:
        columns.details["name"] = name[:80]
    if isinstance(claimed, int) and claimed != found:
        context.note(
            "episode-count",
            f"the file says {claimed} episodes and holds {found}",
            "Those that are there were read.",
            severity="warning",
        )


def describe_spaces(log: Log) -> dict[str, str]:
    """Both spaces as Minari writes them."""
    if log.n_states is not None:
        observation: dict[str, Any] = {"type": "Discrete", "dtype": "int64", "start": 0, "n": log.n_states}
    else:
        size = log.observations.shape[1]
        edge = [float("inf")] * size
        low = [-value for value in edge]
        observation = {"type": "Box", "dtype": "float32", "shape": [size], "low": low, "high": edge}
    action = {"type": "Discrete", "dtype": "int64", "start": 0, "n": log.n_actions}
    return {"observation_space": json.dumps(observation), "action_space": json.dumps(action)}
