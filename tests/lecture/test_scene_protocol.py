"""The declarations of `/scene` for the browser (`assets/lecture/protocol.d.ts`) name what Python sends, one by one."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import offrl_ui
from offrl_core.worlds.layout import GridLayout
from offrl_lecture.base import pictures
from offrl_lecture.base.encode import picture_json, scene_json
from offrl_lecture.base.scene import Play
from offrl_lecture.registry import scenes
from offrl_ui.lecture.socket import _HANDLERS

DECLARED = (Path(offrl_ui.__file__).parent / "assets" / "lecture" / "protocol.d.ts").read_text()


def fields(name: str) -> set[str]:
    """The fields of an interface, with those that it extends."""
    found = re.search(rf"^(?:export )?interface {name}( extends [\w, ]+)? \{{\n(.*?)^\}}", DECLARED, re.M | re.S)
    assert found, f"{name} is not declared"
    own = set(re.findall(r"^  (\w+)\??:", found[2], re.M))
    parents = re.findall(r"\w+", (found[1] or "").removeprefix(" extends"))
    return own.union(*(fields(parent) for parent in parents))


RECORDS = [
    record
    for record in vars(pictures).values()
    if isinstance(record, type) and dataclasses.is_dataclass(record) and record.__module__ == pictures.__name__
]


@pytest.mark.parametrize("record", [r for r in RECORDS if r is not pictures.Picture], ids=lambda r: r.__name__)
def test_every_record_of_a_picture_is_declared(record: type) -> None:
    more = {"kind"} if issubclass(record, pictures.Picture) else set()
    assert fields(record.__name__) == {f.name for f in dataclasses.fields(record)} | more


def test_kinds_of_pictures_are_told_apart_by_name() -> None:
    kinds = {record.kind for record in RECORDS if issubclass(record, pictures.Picture)} - {""}
    assert set(re.findall(r'^  kind: "([\w-]+)";', DECLARED, re.M)) == kinds


def test_what_is_sent_has_the_declared_fields() -> None:
    assert set(picture_json(pictures.Words(title="", text=""))) == fields("Words")
    assert fields("Layout") <= {f.name for f in dataclasses.fields(GridLayout)}
    scene = scenes()["doubling"]
    sent = scene_json(scene)
    assert set(sent) == fields("Scene")
    assert set(sent["controls"][0]) == fields("Control")
    assert set(sent["prediction"]) == fields("Prediction")
    assert set(sent["presets"][0]) == fields("Preset")
    assert set(sent["layout"][0][0]) == fields("Place")
    assert {f.name for f in dataclasses.fields(Play)} == fields("Play")


def test_every_message_of_the_socket_is_declared() -> None:
    to_server = re.search(r"export type FromBrowser =(.*?);\n\n", DECLARED, re.S)
    assert to_server
    assert sorted(re.findall(r'type: "(\w+)"', to_server[1])) == sorted(_HANDLERS)
