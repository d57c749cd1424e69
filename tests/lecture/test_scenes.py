"""Scenes of the lecture without a browser: every scene in every corner, links, text alternatives, the page."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from offrl_core.declarations import Hyperparameter, HyperparameterError
from offrl_lecture.base import text
from offrl_lecture.base.encode import picture_json, result_json, scene_json
from offrl_lecture.base.pictures import Axis, Bar, Bars, Check, Checks, Line, Lines, Panels, Words
from offrl_lecture.base.run import Lane, Run
from offrl_lecture.base.scene import RESERVED, Control, Preset, Scene, State
from offrl_lecture.registry import pages, scenes
from offrl_ui.lecture.scene_results import SceneFailure, SceneResults
from tests.hypothesis_profiles import examples
from tests.lecture.scene_states import final_pictures, quick, states_of
from tests.threads import in_a_loop

ROOT = Path(__file__).resolve().parents[2]
SCENES = list(scenes().values())
IDS = [scene.id for scene in SCENES]


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


# --- scenes --------------------------------------------------------------------------------------------------------


def drawn(scene: Scene, state: State) -> dict:
    """What the browser is sent for a state, before its training where that takes long."""
    state = quick(scene, state)
    return json.loads(result_json(scene, state, final_pictures(scene, state)), parse_constant=pytest.fail)


def reads_well(words: str) -> None:
    assert len(words) > 20
    assert not re.search(r"\bnan\b|no number|None|\bnp\.|[{}$]| {2}| \.(?!\d)", words), words


@pytest.mark.parametrize("scene_id", IDS)
def test_every_corner_of_a_scene_has_pictures_words_and_an_answer(scene_id: str) -> None:
    scene = scenes()[scene_id]
    for values in corners(scene):
        result = drawn(scene, scene.resolve(values))
        assert result["pictures"], values
        for name, picture in result["pictures"].items():
            assert picture["title"], name
            assert len(picture["alt"]) > 12, (name, picture["alt"])
            assert "None" not in picture["alt"]
        reads_well(result["answer_text"])
        assert result["right"] is None or 0 <= result["right"] < len(scene.prediction.choices)


@pytest.mark.parametrize("scene_id", IDS)
def test_any_state_has_an_answer_that_reads_well(scene_id: str) -> None:
    scene = scenes()[scene_id]

    @settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(states_of(scene))
    def check(state: State) -> None:
        reads_well(drawn(scene, scene.resolve(state))["answer_text"])

    check()


@pytest.mark.parametrize("scene_id", IDS)
def test_the_declaration_of_a_scene_is_plain_json(scene_id: str) -> None:
    scene = scenes()[scene_id]
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


@pytest.mark.parametrize("scene_id", IDS)
def test_the_layout_and_the_covers_name_the_pictures(scene_id: str) -> None:
    scene = scenes()[scene_id]
    named = {cell.partition(":")[0] for row in scene.layout for cell in row}
    for values in ({}, *(preset.values for preset in scene.presets)):
        shown = set(drawn(scene, scene.resolve(values))["pictures"])
        assert shown <= named | set(scene.stand_in.values())
        assert set(scene.stand_in.values()) <= shown
    assert set(scene.covered) <= named
    assert set(scene.aside) <= named


@pytest.mark.parametrize("scene_id", IDS)
def test_a_question_comes_before_its_picture(scene_id: str) -> None:
    scene = scenes()[scene_id]
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


@pytest.mark.parametrize("scene_id", IDS)
def test_the_learning_rate_is_lr_and_eta_is_mpos_temperature(scene_id: str) -> None:
    written = everything_written(scenes()[scene_id])
    assert "MPO" in written or not ("η" in written or "&#x003B7;" in written)
    rates = [control.spec for control in scenes()[scene_id].controls if control.name == "learning_rate"]
    assert all(spec.symbol == r"\mathrm{lr}" for spec in rates)


def test_mpos_temperature_is_eta() -> None:
    scene = scenes()["family"]
    state = scene.resolve({"system": "mpo"})
    assert "η" in picture_json(scene.compute(state)["equation"])["alt"]


@pytest.mark.parametrize("scene_id", IDS)
def test_small_panels_have_the_axes_and_lines_that_are_said_once_above_them(scene_id: str) -> None:
    scene = scenes()[scene_id]
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


# --- links ---------------------------------------------------------------------------------------------------------


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
        return Scene(**{**given, "answer": lambda s, p: "", "run": some_run, **changes})

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


# --- words ---------------------------------------------------------------------------------------------------------


def test_rich_text_is_safe_and_typeset() -> None:
    made = text.html(r"**a** *b* `c*d*` <script> $\pi_\theta \color{good}{0.9}$")
    assert made.startswith("<strong>a</strong> <em>b</em> <code>c*d*</code> &lt;script&gt; <math")
    assert 'class="role-good"' in made
    assert text.html("one\n\ntwo", block=True) == "<p>one</p><p>two</p>"
    assert "evil" not in text.mathml(r"\color{evil}{1}")


def test_a_formula_is_not_parted_from_the_signs_around_it() -> None:
    made = text.html("now ($x$), and $y$ too: $z$.")
    assert made.startswith('now <span class="tied">(<math')
    assert "</math>),</span> and <math" in made
    assert made.endswith("</math>.</span>")
    assert text.plain("now ($x$), and $y$.") == "now (x), and y."


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [text.listed(names) for names in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == [
        "",
        "A",
        "A and B",
        "A, B and C",
    ]


def test_mathematics_is_read_as_words() -> None:
    assert text.plain(r"$\gamma=\tfrac12$ and $\frac{a+b}{2}$") == "γ=1/2 and (a+b)/2"
    assert text.plain(r"$\mathrm{KL}(\pi_\beta\|\pi_\theta)$") == "KL(π sub β‖π sub θ)"
    assert text.plain(r"$\pi\propto\pi_\beta\,r$") == "π ∝ π sub β r"
    assert text.plain(r"$\textstyle\sum_b Q$") == "Σ sub b Q"
    assert text.plain(r"$|\bar A(s)|$ and $\bar{x}_1$") == "|Ā(s)| and x̄ sub 1"


def test_labels_and_text_alternatives_are_unicode() -> None:
    assert (
        text.plain(r"the **gap** $\theta_1 \leftarrow \gamma\max_{a'} Q(s',a')$")
        == "the gap θ sub 1 ← γ max sub a′ Q(s′,a′)"
    )
    assert text.runs(r"$\pi_\beta$ now") == [["π", "i"], ["β", "sub"], [" now", ""]]
    assert text.runs("plain") == "plain"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.8181818, "0.8182"),
        (-1, "−1"),
        (float("inf"), "∞"),
        (3.4e38, "3.4·10³⁸"),
        (0, "0"),
        (1e-5, "1·10⁻⁵"),
        (1234.5, "1234"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, said: str) -> None:
    assert text.number(value) == said


def test_numbers_without_a_value_survive_encoding() -> None:
    line = Line("growth", (0, 1, 2), (1.0, float("nan"), float("inf")))
    made = picture_json(Lines(title="T", x=Axis("x"), y=Axis("y"), lines=(line,)))
    assert made["lines"][0]["y"] == [1.0, None, "inf"]
    assert "∞" in made["alt"]


def test_the_text_alternative_reads_the_drawn_numbers() -> None:
    bars = Bars(
        title="Policy",
        categories=("$a^+$", "$a^-$"),
        y=Axis("p"),
        bars=(Bar("learned", (0.9, 0.1), targets=(0.5, 0.5)),),
    )
    assert picture_json(bars)["alt"] == "Policy. learned: a+ 0.9 (exact 0.5), a− 0.1 (exact 0.5)."
    assert picture_json(Words(title="T", text="own", alt="said better"))["alt"] == "T. said better"
    checks = Checks(title="Does it work?", checks=(Check(True, "**Positive**: yes."), Check(None, "flat.")))
    assert picture_json(checks)["alt"] == "Does it work? yes: Positive: yes; not applicable: flat."


# --- results -------------------------------------------------------------------------------------------------------


def some_run(state: State) -> Run:
    return Run("two-actions", (Lane("bc"),))


def counting_scene(compute) -> Scene:
    spec = Hyperparameter("x", "", 0, "A number.", low=0, high=100, integer=True)
    return Scene("counting", "t", "q", (Control(spec),), compute, lambda s, p: "the answer", run=some_run)


def test_a_state_is_computed_once() -> None:
    calls = itertools.count()

    def compute(state):
        next(calls)
        return {"words": Words(title="T", text=str(state["x"]))}

    scene, computed = counting_scene(compute), SceneResults()
    first = computed.first(scene, {"x": 1})
    assert computed.first(scene, {"x": 1}) == first
    assert computed.first(scene, {"x": 2}) != first
    assert next(calls) == 2


def test_viewers_of_one_state_share_its_computation() -> None:
    calls, go = itertools.count(), threading.Event()

    def compute(state):
        next(calls)
        go.wait(5)
        yield {"words": Words(title="T", text="half")}
        yield {"words": Words(title="T", text="whole")}

    scene, computed = counting_scene(compute), SceneResults()

    async def watch() -> list[str]:
        return [result async for result in computed.watch(scene, {"x": 1})]

    async def crowd() -> list[list[str]]:
        tasks = [asyncio.ensure_future(watch()) for _ in range(20)]
        await asyncio.sleep(0.1)
        go.set()
        return await asyncio.wait_for(asyncio.gather(*tasks), 10)

    seen = in_a_loop(crowd())
    assert next(calls) == 1
    for results in seen:
        last = json.loads(results[-1])
        assert "whole" in results[-1]
        assert last["partial"] is False
        assert all(json.loads(r)["partial"] for r in results[:-1])
    assert json.loads(computed.first(scene, {"x": 1}))["partial"] is False


def test_a_computation_nobody_waits_for_is_stopped() -> None:
    closed = threading.Event()

    def compute(state):
        try:
            for i in range(1000):
                time.sleep(0.01)
                yield {"words": Words(title="T", text=str(i))}
        finally:
            closed.set()

    scene, computed = counting_scene(compute), SceneResults()

    async def watch() -> None:
        async for _ in computed.watch(scene, {"x": 1}):
            pass

    async def leave() -> None:
        task = asyncio.ensure_future(watch())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    in_a_loop(leave())
    assert closed.wait(3)


def test_who_waits_for_a_training_keeps_nobody_else_waiting() -> None:
    trained = threading.Event()

    def compute(state):
        if state["x"] < 50:
            yield {"words": Words(title="T", text="begun")}
            while not trained.is_set():
                yield None  # it is trained elsewhere
        yield {"words": Words(title="T", text="there")}

    scene, computed = counting_scene(compute), SceneResults(threads=1)

    async def watch(x: int) -> list[str]:
        return [result async for result in computed.watch(scene, {"x": x})]

    async def hall() -> list[list[str]]:
        waiting = [asyncio.ensure_future(watch(x)) for x in range(20)]
        await asyncio.sleep(0.1)
        for x in range(50, 60):
            assert "there" in (await asyncio.wait_for(watch(x), 2))[-1]
        assert not any(task.done() for task in waiting)
        trained.set()
        return await asyncio.wait_for(asyncio.gather(*waiting), 10)

    for results in in_a_loop(hall()):
        assert "begun" in results[0]
        assert json.loads(results[-1])["partial"] is False
        assert "there" in results[-1]


def test_states_that_nobody_waits_for_any_more_are_not_computed() -> None:
    """Whoever moves a slider fast leaves many states behind that were asked for and never looked at."""
    began, go_on, made = threading.Event(), threading.Event(), []

    def compute(state):
        made.append(state["x"])
        if state["x"] == 0:
            began.set()
            assert go_on.wait(20)
        return {"words": Words(title="T", text=str(state["x"]))}

    scene, computed = counting_scene(compute), SceneResults(threads=1)

    async def look(x: int) -> str:
        async with contextlib.aclosing(computed.watch(scene, {"x": x})) as results:
            return [result async for result in results][-1]

    async def main() -> str:
        busy = asyncio.ensure_future(look(0))
        assert await asyncio.to_thread(began.wait, 20)
        for x in range(1, 40):
            left = asyncio.ensure_future(look(x))
            await asyncio.sleep(0)
            left.cancel()
        await asyncio.sleep(0)
        other = asyncio.ensure_future(look(90))
        await asyncio.sleep(0)
        go_on.set()
        await busy
        return await other

    assert "90" in in_a_loop(main())
    assert made == [0, 90]
    assert computed._jobs == {}


def test_a_failure_is_told_and_the_next_state_works() -> None:
    def compute(state):
        return {"words": Words(title="T", text=str(1 / (state["x"] - 1)))}

    scene, computed = counting_scene(compute), SceneResults()

    async def watch(x: int) -> list[str]:
        return [result async for result in computed.watch(scene, {"x": x})]

    with pytest.raises(SceneFailure, match="counting"):
        in_a_loop(watch(1))
    assert in_a_loop(watch(2))


def test_results_are_dropped_when_the_budget_is_spent() -> None:
    calls = itertools.count()

    def compute(state):
        next(calls)
        return {"words": Words(title="T", text="long " * 200)}

    scene, computed = counting_scene(compute), SceneResults(budget=5000)
    for x in (1, 2, 3, 4, 1):
        computed.first(scene, {"x": x})
    assert next(calls) == 5


# --- the page ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lecture_page() -> AppTest:
    """The page, in one session; each `opening` opens another link in it."""
    return AppTest.from_file(ROOT / "pages" / "reweighting.py", default_timeout=90)


def opening(test: AppTest, **query: str) -> dict:
    """What the page opens with for a link."""
    test.query_params.clear()
    for name, value in query.items():
        test.query_params[name] = value
    assert not test.run().exception
    return test.session_state["lecture-reweighting-memory"]["opening"]


def test_the_page_opens_its_first_scene(lecture_page: AppTest) -> None:
    shown = opening(lecture_page)
    assert shown["scene"] == "cloning"
    assert json.loads(shown["result"])["pictures"]
    assert shown["notes"] == []


def test_a_link_opens_its_scene_and_state_and_explains_what_it_refused(lecture_page: AppTest) -> None:
    shown = opening(lecture_page, scene="emrl", v="1", r_plus="-1.0", r_minus="77", reveal="1")
    assert shown["scene"] == "emrl"
    assert shown["revealed"] is True
    assert shown["state"]["r_plus"] == -1.0
    assert shown["state"]["r_minus"] == 0.1
    assert "r_minus = 77.0 is not allowed" in shown["notes"][0]
    assert "no scene 'nowhere'" in opening(lecture_page, scene="nowhere")["notes"][0]
