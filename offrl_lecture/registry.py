"""Every scene of the lecture, by page and by id."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache

from offrl_lecture.base.scene import Scene

_MODULES = ("reweighting", "deadly_triad", "constraining_q")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the lecture: its name in the address, its title, its scenes in order."""

    name: str
    title: str
    scenes: tuple[Scene, ...]


@cache
def pages() -> dict[str, Page]:
    """The lecture's pages in order."""
    found = {}
    for name in _MODULES:
        module = importlib.import_module(f"offrl_lecture.{name}.page")
        found[name] = Page(name, module.TITLE, module.SCENES)
    return found


@cache
def scenes() -> dict[str, Scene]:
    """All scenes by id.

    Raises:
        ValueError: two scenes share an id.
    """
    found: dict[str, Scene] = {}
    for page in pages().values():
        for scene in page.scenes:
            if scene.id in found:
                raise ValueError(f"two scenes have the id {scene.id!r}")
            found[scene.id] = scene
    return found


@cache
def number_of(scene_id: str) -> str:
    """A scene's place in the lecture: `2.4` is the fourth scene of the second page."""
    page = pages()[page_of(scene_id)]
    return f"{list(pages()).index(page.name) + 1}.{page.scenes.index(scenes()[scene_id]) + 1}"


@cache
def page_of(scene_id: str) -> str:
    """The page a scene stands on."""
    return next(page.name for page in pages().values() for scene in page.scenes if scene.id == scene_id)
