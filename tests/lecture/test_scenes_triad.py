"""The scenes of the triad and of breaking it, without a browser: answers are true of their state and read well."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings

from offrl_lecture.base import text
from offrl_lecture.base.encode import result_json
from offrl_lecture.base.scene import Scene, State
from offrl_lecture.deadly_triad import toy as triad
from offrl_lecture.deadly_triad.scene_shared import toy_of
from offrl_lecture.deadly_triad.toy import Switches
from offrl_lecture.registry import pages, scenes
from tests.hypothesis_profiles import examples
from tests.lecture.scene_states import final_pictures, states_of

PAGES = ("deadly_triad", "constraining_q")
IDS = [scene.id for name in PAGES for scene in pages()[name].scenes]
TRAINS_LONG = {"network", "bcq-threshold"}


def result(scene: Scene, state: State) -> dict:
    return json.loads(result_json(scene, state, final_pictures(scene, state)), parse_constant=pytest.fail)


def reads_well(text: str) -> None:
    assert len(text) > 20
    assert not re.search(r"\bnan\b|no number|None|\bnp\.|[{}$]| {2}| \.(?!\d)", text), text


@pytest.mark.parametrize("scene_id", IDS)
def test_every_setting_worth_seeing_has_pictures_and_an_answer(scene_id: str) -> None:
    scene = scenes()[scene_id]
    for values_ in ({}, *(p.values for p in scene.presets), scene.prediction.at):
        if scene_id in TRAINS_LONG and (scene_id == "network" or values_.get("world") == "maze"):
            values_ = {k: v for k, v in values_.items() if k not in ("frame", "training")}
        found = result(scene, scene.resolve(values_))
        assert found["pictures"]
        for name, picture in found["pictures"].items():
            assert picture["title"], name
            assert len(picture["alt"]) > 12, name
        reads_well(found["answer_text"])
    named = {name for row in scene.layout for name in (cell.partition(":")[0] for cell in row)}
    shown = set(found["pictures"])
    assert shown <= named | set(scene.stand_in.values())
    assert set(scene.stand_in.values()) <= shown
    assert set(scene.covered) <= named
    assert set(scene.aside) <= named


@pytest.mark.parametrize("scene_id", [i for i in IDS if i not in TRAINS_LONG])
def test_any_state_has_an_answer_that_reads_well(scene_id: str) -> None:
    scene = scenes()[scene_id]

    @settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(states_of(scene))
    def check(state: State) -> None:
        reads_well(result(scene, scene.resolve(state))["answer_text"])

    check()


@settings(max_examples=examples(80), deadline=None)
@given(states_of(scenes()["doubling"]))
def test_the_doublings_words_are_what_the_recursion_does(state: State) -> None:
    found = result(scenes()["doubling"], state)
    end = triad.outcome(toy_of(state))
    tiles = {plain["value"] for plain in found["pictures"]["factor"]["numbers"]}
    assert end in tiles
    answer = found["answer_text"]
    assert ("doubles every" in answer) == (end == "diverges" and state["theta"] > 0)
    assert ("goes to the truth" in answer) == (end == "settles")


@settings(max_examples=examples(60), deadline=None)
@given(states_of(scenes()["three-switches"]))
def test_each_panels_verdict_is_its_limit(state: State) -> None:
    toy = toy_of(state)
    found = result(scenes()["three-switches"], state)
    panels = found["pictures"]["all"]["panels"]
    assert len(panels) == 8
    for panel in panels:
        on = dict(panel["sets"])
        q1, q2 = triad.limit(toy, Switches(**on))
        assert ("diverges" in panel["verdict"]) == (q1 == float("inf"))
        assert ("the truth" in panel["verdict"]) == (abs(q1) < 1e-9 and abs(q2) < 1e-9)
    chosen = dict(panels[found["pictures"]["all"]["selected"]]["sets"])
    assert chosen == {name: state[name] for name in chosen}


@settings(max_examples=examples(30), deadline=None)
@given(states_of(scenes()["remedies"]))
def test_a_remedys_verdict_stands_beside_the_number_it_depends_on(state: State) -> None:
    found = result(scenes()["remedies"], state)
    named = {panel["value"]: panel["label"] for panel in found["pictures"]["all"]["panels"]}
    for remedy, number in (("cql", "alpha"), ("bcq", "rho"), ("target-network", "period")):
        assert f"<mn>{text.number(state[number])}</mn>" in named[remedy]
    assert ("α" in found["answer_text"].partition(":")[0]) == (state["remedy"] == "cql")


def test_before_the_prediction_nothing_gives_the_answer_away() -> None:
    for name in PAGES:
        for scene in pages()[name].scenes:
            assert scene.prediction is not None
            assert scene.covered
            assert scene.prediction.answer(scene.resolve(scene.prediction.at)) in range(len(scene.prediction.choices))
