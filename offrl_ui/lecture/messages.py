"""What a page says about scenes over its line, and what it is answered, with a server or without one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from offrl_core.declarations import Value
from offrl_lecture.base.encode import scene_json
from offrl_lecture.base.scene import Scene
from offrl_lecture.registry import page_of, scenes
from offrl_ui.lecture.rooms import join_result


class Refused(ValueError):
    """A message that is not accepted; the text is shown to its sender."""


def scene_of(message: Mapping[str, Any]) -> Scene:
    """The scene that a message is about.

    Raises:
        Refused: there is none of that name.
    """
    name = message.get("scene")
    scene = scenes().get(name) if isinstance(name, str) else None
    if scene is None:
        raise Refused(f"there is no scene {str(name)[:40]!r}; scenes are {', '.join(scenes())}")
    return scene


def to_compute(message: Mapping[str, Any]) -> tuple[int, Scene, dict[str, Value]]:
    """What a `compute` message asks for: its number, the scene, and the whole state.

    Raises:
        Refused: there is no such scene, or the message has no state or number.
        HyperparameterError: the state has a name or a value that is not allowed.
    """
    scene, given, number = scene_of(message), message.get("state", {}), message.get("id")
    if not isinstance(given, dict):
        raise Refused("the state must be a JSON object")
    if not isinstance(number, int) or isinstance(number, bool):
        raise Refused("a compute message needs a whole number as its id")
    return number, scene, scene.resolve(given)


def result_message(number: int, scene: Scene, began: float, result: str) -> str:
    """The answer to a `compute` message: an encoded result, and how long since `began` (by `time.perf_counter`)."""
    ms = round(1000 * (time.perf_counter() - began), 2)
    return join_result({"type": "result", "id": number, "scene": scene.id, "ms": ms}, result)


def scene_message(scene: Scene) -> str:
    """The answer to a `describe` message: what a scene declares, and the page it stands on."""
    return json.dumps({"type": "scene", "page": page_of(scene.id), "scene": scene_json(scene)})


def refusal(message: object, why: str) -> dict[str, Any]:
    """The answer to a message that is refused, with its number where it has one."""
    about = message.get("id") if isinstance(message, dict) else None
    return {"type": "refused", "id": about if isinstance(about, int) else None, "message": why}
