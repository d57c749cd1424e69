"""The runs of one visit as a tree: which came from which, at which step, and by what change."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from offrl_core.writing import number
from offrl_live.runs.config import Change, RunConfig
from offrl_live.runs.live_runs import UnknownRun

MOST = 40
LONGEST_NAME = 40
NOTHING_YET = (
    "Scrub back and press “branch here”, or move a live control while others watch: "
    "each branch is kept here, with what was changed, when, and what it earns."
)

Info = Callable[[str], dict[str, Any]]
"""What is known of a run; see `LiveRuns.info`."""


class Branches:
    """The runs that a visit has seen, by the names that it gave them.

    Attributes:
        names: the oldest first.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def remember(self, run_id: str) -> None:
        """Note a run that this visit has seen, in order; the oldest are let go."""
        if run_id not in self.names:
            self.names[run_id] = "start" if not self.names else f"branch {len(self.names)}"
            while len(self.names) > MOST:
                del self.names[next(iter(self.names))]

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name; an empty one is none."""
        if run_id in self.names and name:
            self.names[run_id] = name[:LONGEST_NAME]

    def nodes(self, info: Info) -> list[dict[str, Any]]:
        """The tree, parents first: what branched, and what it branched from; runs that are gone are let go."""
        nodes: list[dict[str, Any]] = []
        for run_id, name in list(self.names.items()):
            try:
                known = info(run_id)
            except UnknownRun:
                del self.names[run_id]
                continue
            parent = known["parent"] or {}
            nodes.append(
                {
                    "id": run_id,
                    "parent": parent.get("id"),
                    "name": name,
                    "text": text_of(known, info) + _returns(known),
                    "step": parent.get("step", 0),
                    "state": known["state"],
                }
            )
        parents = {node["parent"] for node in nodes}
        there = {node["id"] for node in nodes}
        return [node for node in nodes if node["parent"] in there or node["id"] in parents]


def text_of(known: dict[str, Any], info: Info) -> str:
    """What a run is: where it came from, and by what change."""
    config: RunConfig = known["config"]
    parent = known["parent"] or {}
    if parent:
        before = _changes(parent, info)
        own = [change for change in config.changes if change.step >= parent["step"] and change not in before]
        at_once = [_what(config, change) for change in own if change.step == parent["step"]]
        anew = f"{parent['saved']} was saved" if "saved" in parent else "begun again"
        text = f"from step {parent['step']}, nothing changed" if parent["step"] else anew
        if at_once:
            text = f"from step {parent['step']}: {', '.join(at_once)}"
        later = [change for change in own if change.step > parent["step"]]
    else:
        text, later = known["title"] or "run", list(config.changes)
    few = [f"{change.step}: {_what(config, change)}" for change in later[-3:]]
    return "; ".join([text, *(["…"] if len(later) > 3 else []), *few])


def _returns(known: dict[str, Any]) -> str:
    """The true return of each algorithm by now, where it can be measured."""
    measured = [number(value) for value in known["returns"] if math.isfinite(value)]
    return f" · J(π) {' and '.join(measured)}" if measured else ""


def _changes(parent: dict[str, Any], info: Info) -> tuple[Change, ...]:
    """The live changes of the run that another one came from; none where it is forgotten."""
    try:
        config: RunConfig = info(parent["id"])["config"]
    except UnknownRun:
        return ()
    return config.changes


def _what(config: RunConfig, change: Change) -> str:
    lane = f"{change.lane + 1}. " if len(config.lanes) > 1 else ""
    return ", ".join(f"{lane}{name} → {_plain(value)}" for name, value in change.values.items())


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
