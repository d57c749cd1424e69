"""The scenes of the triad without a browser: what they say is what the recursions do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from offrl_lecture.base import text
from offrl_lecture.base.encode import result_json
from offrl_lecture.base.scene import Scene, State
from offrl_lecture.deadly_triad import toy as triad
from offrl_lecture.deadly_triad.scene_shared import toy_of
from offrl_lecture.deadly_triad.toy import Switches
from offrl_lecture.registry import scenes
from tests.hypothesis_profiles import examples
from tests.lecture.scene_states import final_pictures, states_of


def result(scene: Scene, state: State) -> dict:
    return json.loads(result_json(scene, state, final_pictures(scene, state)), parse_constant=pytest.fail)


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
    # A small panel has no room for a number beside a long name; the answer names it where that remedy is chosen.
    for remedy, number in (("cql", "alpha"), ("bcq", "rho")):
        assert f"<mn>{text.number(state[number])}</mn>" in named[remedy]
    answer = found["answer_text"].partition(":")[0]
    assert ("K=" in answer.replace(" ", "")) == (state["remedy"] == "target-network")
    assert ("α" in answer) == (state["remedy"] == "cql")
