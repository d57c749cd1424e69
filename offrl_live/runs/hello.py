"""`hello`, the first message to a viewer: everything that must be known before the first frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offrl_live.runs.config import RunConfig
from offrl_live.runs.wire import json_data

PROTOCOL = 1


def hello(
    config: RunConfig,
    described: Mapping[str, Any],
    *,
    id: str = "",
    title: str = "",
    private: bool = True,
    parent: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The message, from what is known of a run and what its engine says of itself (`described`, plain data)."""
    run = {
        "id": id,
        "key": config.key,
        "title": title,
        "private": private,
        "parent": json_data(parent),
        "config": json_data(config.to_json()),
    }
    return {"type": "hello", "protocol": PROTOCOL, "run": run, **described}


def with_current_values(described: dict[str, Any], config: RunConfig, step: int) -> dict[str, Any]:
    """`described` with the hyperparameters as they are from `step` on, and the equations that follow from them."""
    lanes, members = [], []
    for number, lane in enumerate(described["lanes"]):
        now = config.current(number, step)
        declared = [
            {**h, "value": list(v) if isinstance(v := now[h["name"]], tuple) else v} for h in lane["hyperparameters"]
        ]
        kind = config.lanes[number].kind()
        choices = {name: value for name, value in now.items() if not isinstance(value, tuple)}
        learns = {"equation": kind.equation_for(choices), "formulas": kind.formulas(choices)}
        lanes.append({**lane, "hyperparameters": declared, **learns})
    for member in described["members"]:
        now = config.current(member["lane"], step)
        values = {n: v if isinstance(now.get(n), tuple) else now.get(n, v) for n, v in member["values"].items()}
        members.append({**member, "values": values})
    return {**described, "lanes": lanes, "members": members}
