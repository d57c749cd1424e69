"""What a lecture page shows for an address, and what its address is once a viewer has moved something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from offrl_core.declarations import HyperparameterError, Value
from offrl_lecture.base.encode import scene_json
from offrl_lecture.base.run import Run
from offrl_lecture.base.scene import RESERVED, Scene
from offrl_lecture.registry import Page, pages, scenes
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.datasets import find
from offrl_ui.lecture.rooms import CODES, read_code
from offrl_ui.lecture.scene_results import SceneFailure
from offrl_ui.setup import selection

Query = dict[str, str]
First = Callable[[Scene, dict[str, Value]], str]
"""The first result of a scene in a state, encoded."""


def page_data(page: Page, opening: dict[str, Any] | None, params: Query, *, embedded: bool, rooms: bool) -> Any:
    """What the component is given.

    Args:
        page: which page.
        opening: the scene that is opened, see `opened`.
        params: the address.
        embedded: whether the page stands in another.
        rooms: whether there are rooms to open and to follow.
    """
    options, notes = _options(params, page)
    if options["follow"] and not rooms:
        notes.append(f"The room {options['follow']} is followed in the app: this edition has no server for rooms.")
        options["follow"] = ""
    return {
        "page": page.name,
        "title": page.title,
        "pages": [{"name": p.name, "title": p.title} for p in pages().values()],
        "scenes": _declarations(page.name),
        "opening": opening,
        "options": {**options, "embed": embedded, "rooms": rooms},
        "notes": notes,
    }


@cache
def _declarations(name: str) -> list[dict[str, Any]]:
    return [scene_json(scene) for scene in pages()[name].scenes]


def shown(params: Query) -> Query:
    """The part of an address that says what is shown."""
    return {k: v for k, v in params.items() if k not in RESERVED or k in ("scene", "v", "reveal")}


def beside(params: Query) -> Query:
    """The part of an address that says how a scene is shown."""
    return {k: v for k, v in params.items() if k in ("present", "hide", "fix", "follow")}


def opened(page: Page, params: Query, before: Mapping[str, Any] | None, first: First) -> dict[str, Any]:
    """The scene that an address opens, in its state, with its first result; `before` was open before it."""
    by_id = {scene.id: scene for scene in page.scenes}
    scene, notes = page.scenes[0], []
    if (asked := params.get("scene")) in by_id:
        scene = by_id[asked]
    elif asked is not None:
        notes.append(f"There is no scene {asked[:40]!r} on this page; the first one is shown.")
        params = {}
    state, refused = scene.from_query(params)
    try:
        result = first(scene, state)
    except SceneFailure as failure:
        result = None
        notes.append(f"{failure}; its data could not be drawn.")
    return {
        "number": before["number"] + 1 if before else 1,
        "scene": scene.id,
        "state": state,
        "revealed": params.get("reveal") == "1",
        "notes": notes + refused,
        "result": result,
    }


def _options(params: Query, page: Page) -> tuple[dict[str, Any], list[str]]:
    known = {control.name for scene in page.scenes for control in scene.controls}
    notes, lists = [], {}
    for option in ("hide", "fix"):
        names = [name for name in params.get(option, "").split(",") if name]
        lists[option] = [name for name in names if name in known]
        notes += [f"{option}: {name[:40]!r} is not a control of this page" for name in names if name not in known]
    typed = params.get("follow", "").strip()
    code = read_code(typed)
    if typed and not code:
        notes.append(f"{typed[:12]!r} is not the code of a room. {CODES}")
    return {"present": params.get("present") == "1", "follow": code, **lists}, notes


def query_of(page: Page, reported: Mapping[str, Any]) -> Query | None:
    """The address of what a viewer shows; None where it is refused."""
    scene: Scene | None = next((s for s in page.scenes if s.id == reported.get("scene")), None)
    state = reported.get("state")
    if scene is None or not isinstance(state, dict):
        return None
    try:
        query = scene.query(scene.resolve(state))
    except HyperparameterError:
        # The picture came from the socket, which explains what it refuses; the link stays as it was.
        return None
    return {**query, "reveal": "1"} if reported.get("revealed") is True else query


def asked_to_open(told: Mapping[str, Any], params: Query) -> tuple[RunConfig, str, Query] | None:
    """The run that a viewer opens in the playground, the scene's id, and the address of the scene as it was left."""
    scene, state = scenes().get(str(told.get("scene"))), told.get("state")
    if scene is None or not isinstance(state, dict):
        return None
    try:
        state = scene.resolve(state)
    except HyperparameterError:
        # The picture came from the socket, which explains what it refuses.
        return None
    left = {**scene.query(state), **({"reveal": "1"} if told.get("revealed") is True else {})}
    return config_of(scene.run(state)), scene.id, {**left, **beside(params)}


def config_of(run: Run) -> RunConfig:
    """A scene's run as the playground's choice."""
    data = find(run.dataset, run.options)
    lanes = [
        selection.with_values(data, Lane(lane.algorithm, lane.approximator, lane.seeds), lane.hyperparameters)
        for lane in run.lanes
    ]
    return RunConfig(run.dataset, run.options, tuple(lanes))
