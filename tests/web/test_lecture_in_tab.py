"""The lecture without a server: what an address opens, and the line that answers states."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offrl_lecture.registry import pages, scenes
from offrl_ui.lecture.opened import config_of
from offrl_ui.setup import links
from offrl_web.runtime.lecture import Lecture, SceneLine

FAST = "weight-function"


@pytest.fixture
def lecture() -> Lecture:
    return Lecture()


def heard(line: SceneLine) -> list[dict[str, Any]]:
    return [json.loads(message) for message in line.take()]


def compute(number: int, scene: str, **state: Any) -> str:
    return json.dumps({"type": "compute", "id": number, "scene": scene, "state": state, "revealed": False})


def work(lecture: Lecture) -> None:
    while lecture.turn() is not None:
        pass


def test_an_address_opens_its_scene_in_its_state(lecture: Lecture):
    found = lecture.answer({"do": "open", "page": "reweighting", "query": {"scene": FAST, "present": "1"}})
    assert (found["opening"]["scene"], found["options"]["present"]) == (FAST, True)
    assert json.loads(found["opening"]["result"])["partial"] is False
    assert [scene["id"] for scene in found["scenes"]] == [scene.id for scene in pages()["reweighting"].scenes]


def test_no_room_is_offered_and_a_followed_one_is_explained(lecture: Lecture):
    found = lecture.answer({"do": "open", "page": "reweighting", "query": {"follow": "ABCDEF", "scene": FAST}})
    assert found["options"]["rooms"] is False
    assert found["options"]["follow"] == ""
    assert "no server for rooms" in found["notes"][0]
    line = lecture.open("", {}, lambda: None)
    line.say(json.dumps({"type": "present"}))
    assert heard(line) == [{"type": "refused", "id": None, "message": "this edition has no rooms: they need a server"}]


def test_a_state_is_answered_with_what_the_scene_computes_and_kept(lecture: Lecture):
    told: list[None] = []
    line = lecture.open("", {}, lambda: told.append(None))
    line.say(compute(1, FAST))
    assert line.take() == []  # nothing is computed before its turn
    work(lecture)
    (answer,) = heard(line)
    scene = scenes()[FAST]
    known = lecture.answer({"do": "open", "page": "reweighting", "query": {"scene": FAST}})["opening"]["result"]
    assert (answer["type"], answer["id"], answer["result"]) == ("result", 1, json.loads(known))
    assert scene.defaults == known_state(lecture)
    line.say(compute(2, FAST))
    assert [message["id"] for message in heard(line)] == [2]  # at once: it is kept
    assert len(told) == 2


def known_state(lecture: Lecture) -> dict[str, Any]:
    state: dict[str, Any] = lecture.answer({"do": "open", "page": "reweighting", "query": {"scene": FAST}})["opening"][
        "state"
    ]
    return state


def test_of_the_states_asked_for_the_newest_is_computed(lecture: Lecture):
    line = lecture.open("", {}, lambda: None)
    for number in range(1, 6):
        line.say(compute(number, "offline-loop", frame=number) if number < 5 else compute(5, FAST))
    work(lecture)
    assert [message["id"] for message in heard(line) if not message["result"]["partial"]] == [5]
    line.close()
    assert lecture.turn() is None


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("{", "Expecting"),
        ("[]", "no rooms"),
        (compute(1, "nothing"), "there is no scene 'nothing'"),
        (compute(1, FAST, nothing=1), "nothing"),
        ('{"type": "compute", "id": "x", "scene": "weight-function"}', "whole number"),
        ('{"type": "qr", "url": "javascript:alert(1)"}', "web address"),
    ],
)
def test_what_is_refused_is_explained_and_the_line_lives(lecture: Lecture, text: str, about: str):
    line = lecture.open("", {}, lambda: None)
    line.say(text)
    (refused,) = heard(line)
    assert refused["type"] == "refused"
    assert about in refused["message"]
    line.say('{"type": "qr", "url": "https://example.org/reweighting/?scene=rwr"}')
    (code,) = heard(line)
    assert code["svg"].startswith("<svg")


def test_the_address_follows_and_leads_to_the_playground_and_back(lecture: Lecture):
    scene = next(scene for scene in pages()["deadly_triad"].scenes if scene.run is not None)
    told = {"scene": scene.id, "state": scene.defaults, "revealed": True}
    asked = {"page": "deadly_triad", "query": {"present": "1"}, "told": told}
    query = lecture.answer({"do": "view", **asked})["query"]
    assert query == {**scene.query(scene.defaults), "reveal": "1", "present": "1"}
    run = lecture.answer({"do": "run", **asked})
    assert run["link"] == links.link(config_of(scene.run(scene.defaults)))
    back = lecture.answer({"do": "back", "address": "deadly_triad?scene=" + scene.id})
    assert back["address"] == f"deadly_triad/?scene={scene.id}"
    assert lecture.answer({"do": "back", "address": "reweighting?scene=" + scene.id}) == {}


def test_another_page_or_question_is_refused(lecture: Lecture):
    with pytest.raises(ValueError, match="page = 'none' is not allowed: it must be one of reweighting"):
        lecture.answer({"do": "open", "page": "none"})
    with pytest.raises(ValueError, match="do = 'sing' is not allowed"):
        lecture.answer({"do": "sing", "page": "reweighting"})
