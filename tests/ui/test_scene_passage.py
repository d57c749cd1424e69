"""From a scene into the playground and back: the playground takes every scene's run, and a link keeps both."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from streamlit.testing.v1 import AppTest

from offrl_lecture.base.scene import State
from offrl_lecture.base.text import plain
from offrl_lecture.registry import number_of, page_of, scenes
from offrl_ui.lecture.opened import config_of
from offrl_ui.setup import links
from tests.hypothesis_profiles import examples
from tests.lecture.scene_states import states_of
from tests.ui.test_playground_page import MAIN

SCENES = list(scenes().values())


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.id)
def test_what_a_scene_opens_is_a_run_whose_link_says_it_all(scene) -> None:
    @settings(max_examples=examples(15), deadline=None, suppress_health_check=list(HealthCheck))
    @given(states_of(scene, linked=True))
    def check(state: State) -> None:
        run = scene.run(scene.resolve(state))
        config = config_of(run)
        read, notes = links.parse({name: [text] for name, text in links.link(config).items()})
        assert notes == []
        assert read == config
        assert run.differs == "" or run.differs.endswith(".")

    check()


def page(back: str, **query: str) -> AppTest:
    app = AppTest.from_file(MAIN, default_timeout=90)
    for name, value in {**query, "back": back}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize("scene", [SCENES[1], SCENES[-1]], ids=lambda scene: scene.id)
def test_a_run_that_came_from_a_scene_has_a_way_back_to_it(scene) -> None:
    back = f"{page_of(scene.id)}?scene={scene.id}&v=1&reveal=1"
    link = links.link(config_of(scene.run(scene.defaults)))
    app = page(back, **link)
    (button,) = [b for b in app.button if b.label.startswith("Back to the lecture")]
    assert button.label.replace("\\", "") == f"Back to the lecture: {number_of(scene.id)} {plain(scene.title)}"
    # It stays in the address when the choice changes, and is no part of the choice.
    assert {name: app.query_params[name] for name in app.query_params} == {**link, "back": back}
    assert not app.warning


@pytest.mark.parametrize("back", ["nowhere?scene=emrl", "deadly_triad?scene=emrl", "reweighting", "x" * 500])
def test_a_way_back_that_leads_nowhere_is_refused(back: str) -> None:
    app = page(back)
    assert [b.label for b in app.button if b.label.startswith("Back to the lecture")] == []
    assert "it names no scene of the lecture" in app.warning[0].value.replace("\\", "")


def test_scenes_are_numbered_as_they_are_walked() -> None:
    numbers = [tuple(map(int, number_of(scene.id).split("."))) for scene in SCENES]
    assert numbers[0] == (1, 1)
    assert numbers == sorted(set(numbers))
    assert all(b in ((p, k + 1), (p + 1, 1)) for (p, k), b in pairwise(numbers))
