"""A scene's state in a link, and what is refused of links and of declarations."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offrl_core.declarations import Hyperparameter, HyperparameterError
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import RESERVED, Control, Preset, Scene
from offrl_lecture.registry import scenes
from tests.hypothesis_profiles import examples
from tests.lecture.scene_states import states_of

SCENES = list(scenes().values())


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_links_round_trip(data: st.DataObject) -> None:
    scene = data.draw(st.sampled_from(SCENES))
    state = scene.resolve(data.draw(states_of(scene, linked=True)))
    query = urlencode(scene.query(state))
    assert f"scene={scene.id}" in query
    assert scene.from_query(query) == (state, [])


@settings(max_examples=examples(60), deadline=None)
@given(query=st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=5))
def test_any_link_gives_a_state_and_says_what_it_refused(query: dict[str, str]) -> None:
    scene = scenes()["emrl"]
    state, notes = scene.from_query(query)
    assert scene.resolve(state) == state
    foreign = [name for name in query if name not in RESERVED and name not in state]
    assert len(notes) >= len(foreign)


def test_a_refused_value_is_named_with_what_is_allowed() -> None:
    scene = scenes()["emrl"]
    state, notes = scene.from_query("scene=emrl&v=1&r_plus=9&share=abc&nonsense=1&start=0.25&step=nan")
    assert state == {**scene.defaults, "start": 0.25}
    assert any("r_plus = 9.0 is not allowed: it must be a number from -3 to 3; 0.9 is used" in note for note in notes)
    assert len(notes) == 4
    assert scene.from_query("v=2")[1] == ["this link has version '2'; this program reads version 1"]


def test_notes_about_a_link_stay_short() -> None:
    scene = scenes()["emrl"]
    _, notes = scene.from_query({"r_plus": "9" * 5000, "x" * 5000: "1", "v": "7" * 5000})
    assert len(notes) == 3
    assert all(len(note) < 200 for note in notes)
    _, notes = scene.from_query({f"name{i}": "1" for i in range(200)})
    assert len(notes) == 7
    assert notes[-1] == "and 194 more"


def test_a_scene_refuses_a_broken_declaration() -> None:
    spec = Hyperparameter("gamma", "", 0.5, "Discount.", low=0.0, high=1.0)

    def scene(**changes):
        given = {"id": "one", "title": "t", "question": "q", "controls": (Control(spec),), "compute": lambda s: {}}
        return Scene(
            **{**given, "answer": lambda s, p: "", "run": lambda state: Run("two-actions", (Lane("bc"),)), **changes}
        )

    assert scene().resolve({"gamma": 1}) == {"gamma": 1.0}
    with pytest.raises(ValueError, match="lower-case"):
        scene(id="One")
    with pytest.raises(ValueError, match="unique"):
        scene(controls=(Control(spec), Control(spec)))
    with pytest.raises(ValueError, match="present"):
        scene(controls=(Control(Hyperparameter("present", "", True, "help")),))
    with pytest.raises(ValueError, match="not covered"):
        scene(stand_in={"a": "b"})
    with pytest.raises(HyperparameterError, match="gamma = 3"):
        scene(presets=(Preset("p", {"gamma": 3}),))
    with pytest.raises(HyperparameterError, match="no control 'beta'"):
        scene().resolve({"beta": 1})
