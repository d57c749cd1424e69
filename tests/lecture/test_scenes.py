"""Scenes of the lecture without a browser: every scene in every corner, its declaration, its words."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from offrl_lecture.base import text
from offrl_lecture.base.encode import picture_json, result_json, scene_json
from offrl_lecture.base.pictures import Panels
from offrl_lecture.base.scene import Scene, State
from offrl_lecture.registry import pages, scenes
from tests.hypothesis_profiles import examples
from tests.lecture.scene_states import final_pictures, quick, states_of

SCENES = list(scenes().values())
IDS = [scene.id for scene in SCENES]


@pytest.fixture(scope="module", params=SCENES, ids=IDS)
def scene(request: pytest.FixtureRequest) -> Scene:
    """Each scene in turn: all tests of one, then those of the next."""
    return request.param


def corners(scene: Scene):
    """The default state, each preset, the question's state, and each control at both ends (or at each choice)."""
    yield scene.defaults
    for preset in scene.presets:
        yield {**scene.defaults, **preset.values}
    if scene.prediction and scene.prediction.at:
        yield {**scene.defaults, **scene.prediction.at}
    for control in scene.controls:
        spec = control.spec
        ends = (True, False) if isinstance(spec.default, bool) else spec.choices or (spec.low, spec.high)
        for end in ends:
            extra = {control.shown_if[0]: control.shown_if[1][0]} if control.shown_if else {}
            yield {**scene.defaults, **extra, control.name: int(end) if spec.integer else end}


def drawn(scene: Scene, state: State) -> dict:
    """What the browser is sent for a state, before its training where that takes long."""
    state = quick(scene, state)
    return json.loads(result_json(scene, state, final_pictures(scene, state)), parse_constant=pytest.fail)


def reads_well(words: str) -> None:
    assert len(words) > 20
    assert not re.search(r"\bnan\b|no number|None|\bnp\.|[{}$]| {2}| \.(?!\d)", words), words


def test_every_corner_of_a_scene_has_pictures_words_and_an_answer(scene: Scene) -> None:
    for values in corners(scene):
        result = drawn(scene, scene.resolve(values))
        assert result["pictures"], values
        for name, picture in result["pictures"].items():
            assert picture["title"], name
            assert len(picture["alt"]) > 12, (name, picture["alt"])
            assert "None" not in picture["alt"]
        reads_well(result["answer_text"])
        assert result["right"] is None or 0 <= result["right"] < len(scene.prediction.choices)


def test_any_state_has_an_answer_that_reads_well(scene: Scene) -> None:

    @settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(states_of(scene))
    def check(state: State) -> None:
        reads_well(drawn(scene, scene.resolve(state))["answer_text"])

    check()


def test_the_declaration_of_a_scene_is_plain_json(scene: Scene) -> None:
    declared = json.loads(json.dumps(scene_json(scene), allow_nan=False))
    assert declared["question"]
    assert [c["name"] for c in declared["controls"]] == [c.name for c in scene.controls]
    for control in declared["controls"]:
        assert control["help"], control["name"]
        # What a list of options, a title and a slider's value show is text and no markup.
        named = [words for *_, words in (*control["choices"], *control["texts"])]
        for words in (control["help_text"], *named):
            assert words
            assert not re.search(r"[<&$\\]", words), words
    named = {cell["name"] for row in declared["layout"] for cell in row} | set(declared["covered"])
    assert all(named)


def test_the_layout_and_the_covers_name_the_pictures(scene: Scene) -> None:
    named = {cell.partition(":")[0] for row in scene.layout for cell in row}
    for values in ({}, *(preset.values for preset in scene.presets)):
        shown = set(drawn(scene, scene.resolve(values))["pictures"])
        assert shown <= named | set(scene.stand_in.values())
        assert set(scene.stand_in.values()) <= shown
    assert set(scene.covered) <= named
    assert set(scene.aside) <= named


def test_a_question_comes_before_its_picture(scene: Scene) -> None:
    assert scene.covered
    asked = scene.resolve(scene.prediction.at)
    assert scene.prediction.answer(asked) in range(len(scene.prediction.choices))


QUESTIONS = {
    "reweighting": (
        "equally often: what does behaviour cloning learn?",
        "Is that a good idea?",
        "Which one is better, and how can we measure it?",
        "What can we use for the weights w sub + and w sub −?",
        "any problems with EMRL?",
        "What if the reward is negative?",
        "Does f(r)=|r| work?",
        "Does RWR maximise the right thing?",
        "fail in practice?",
        "in actor-critic?",
        "Is MARWIL reinforcement learning or supervised learning?",
        "Can it use Monte Carlo instead of TD, and why?",
    ),
    "deadly_triad": (
        "Why an off-policy algorithm?",
        "TD or Monte Carlo?",
        "What turns Q-learning offline, and will it work?",
        "Why does θ keep increasing?",
        "Which of the three can we remove offline?",
    ),
    "constraining_q": ("What if the state space is continuous?",),
}


@pytest.mark.parametrize("page_name", QUESTIONS)
def test_a_page_asks_the_lectures_questions(page_name: str) -> None:
    asked = " ".join(text.plain(scene.question) for scene in pages()[page_name].scenes)
    for words in QUESTIONS[page_name]:
        assert words in asked, words


def everything_written(scene: Scene) -> str:
    """All that a scene writes on screen, in its default state and in the one that its question is about."""
    parts = [scene_json(scene), *(drawn(scene, scene.resolve(values)) for values in ({}, scene.prediction.at))]
    return json.dumps(parts, ensure_ascii=False)


def test_the_learning_rate_is_lr_and_eta_is_mpos_temperature(scene: Scene) -> None:
    written = everything_written(scene)
    assert "MPO" in written or not ("η" in written or "&#x003B7;" in written)
    rates = [control.spec for control in scene.controls if control.name == "learning_rate"]
    assert all(spec.symbol == r"\mathrm{lr}" for spec in rates)


def test_mpos_temperature_is_eta() -> None:
    scene = scenes()["family"]
    state = scene.resolve({"system": "mpo"})
    assert "η" in picture_json(scene.compute(state)["equation"])["alt"]


def test_small_panels_have_the_axes_and_lines_that_are_said_once_above_them(scene: Scene) -> None:
    for values in ({}, *(preset.values for preset in scene.presets)):
        pictures = final_pictures(scene, quick(scene, scene.resolve(values)))
        panels = [picture for picture in pictures.values() if isinstance(picture, Panels)]
        if not panels:
            return
        assert len(panels) == 1
        first, *others = (panel.lines for panel in panels[0].panels)
        assert None not in (first.x.low, first.x.high, first.y.low, first.y.high)
        for lines in others:
            assert (lines.x, lines.y) == (first.x, first.y)
            assert [(line.name, line.color, line.dash) for line in lines.lines] == [
                (line.name, line.color, line.dash) for line in first.lines
            ]


def test_what_the_pictures_of_page_1_say_is_what_the_lecture_says() -> None:
    emrl = scenes()["emrl"]
    state = emrl.resolve(emrl.prediction.at)
    pictures = emrl.compute(state)
    answer = text.plain(emrl.answer(state, pictures))
    assert "0.818182" in answer
    assert "the worse action" in answer
    assert emrl.prediction.answer(state) == 2
    assert pictures["numbers"].numbers[0].value < 1e-9
    rwr = scenes()["rwr"]
    pictures = rwr.compute(rwr.resolve(rwr.prediction.at))
    assert "inf" in pictures["policy"].alarm
    assert [text.number(m.at, 5) for m in pictures["line"].marks] == ["88.723", "−103.97"]


def test_the_marker_of_emrls_loss_stands_at_its_loss() -> None:
    emrl = scenes()["emrl"]
    for values in ({"r_plus": -3.0, "r_minus": -3.0, "share": 0.95}, {"start": 0.02, "step": 0, "r_plus": 3.0}, {}):
        pictures = emrl.compute(emrl.resolve(values))
        picture, loss = pictures["loss"], pictures["numbers"].numbers[1].value
        (point,) = picture.points
        assert point.y == loss
        assert picture.y.low < loss < picture.y.high
        curve = picture.lines[0]
        near = abs(np.asarray(curve.x) - point.x).argmin()
        assert min(curve.y) < loss + 1e-3
        assert curve.y[near] == pytest.approx(loss, rel=0.2)
