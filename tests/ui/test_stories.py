"""Stories: what they say comes true when it is trained, and what cannot be told is refused with a reason."""

from __future__ import annotations

import random
import re
import string
import zlib
from base64 import urlsafe_b64encode
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from offrl_core.writing import number
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.serving.hub import get_hub
from offrl_ui.playground.session_run import MEMORY
from offrl_ui.stories import story, telling
from offrl_ui.stories.story import MOST_BYTES, STEP, Condition, StoryError

ROOT = Path(__file__).resolve().parents[2]
LATEST = 6000  # updates within which a step's conditions must have come true


def measured(engine: Engine, condition: Condition) -> float:
    """The median over an algorithm's models, as the stage shows it."""
    if condition.what == STEP:
        return float(engine.step)
    members = [m for m in range(engine.config.members) if engine.config.lane_of(m) == condition.algorithm]
    return float(np.median(engine.snapshot(truth=True).metrics[condition.what][members]))


def rehearse(told: story.Story) -> list[int]:
    """Train a story as its steps say; the updates that each of them took.

    A step that only changes something must not be true already, or its words would be about nothing.
    """
    engine: Engine | None = None
    took = []
    for place, step in enumerate(told.steps, 1):
        if step.run is not None:
            engine = Engine(step.run)
        assert engine is not None
        waits = [c for c in step.until if c.what != STEP]
        if step.set:
            before = [c.holds(measured(engine, c)) for c in waits]
            assert not all(before), f"step {place} of {told.title!r} is true before it begins"
            engine.set(step.algorithm, dict(step.set))
        began = engine.step
        while not all(c.holds(measured(engine, c)) for c in step.until):
            there = {f"{c.what} {c.algorithm + 1}": number(measured(engine, c)) for c in step.until}
            assert engine.step - began < LATEST, f"step {place} of {told.title!r} never comes true: {there}"
            engine.advance(max(1, (engine.step - began) // 10))
        took.append(engine.step - began)
    return took


@pytest.mark.parametrize("name", story.names())
def test_what_a_story_says_comes_true(name: str) -> None:
    told = story.known(name)
    took = rehearse(told)
    assert 4 <= len(took) <= 5
    *measuring, free = told.steps
    assert all(step.until and step.done for step in measuring), "every step but the last one says what is seen"
    assert not free.until
    # With the speed that it chooses, a step comes true within half a minute.
    for step, updates in zip(measuring, took, strict=False):
        if step.speed:
            assert updates / step.speed < 30


def test_the_numbers_that_the_stories_quote() -> None:
    first = story.known("rho").steps[0].run
    assert first is not None
    data, mdp = first.data, first.data.mdp
    assert mdp is not None
    assert f"{mdp.evaluate(mdp.optimal_policy(data.gamma), data.gamma):.3f}" == "0.569"
    assert f"{mdp.evaluate(data.behavior_policy, data.gamma):.3f}" == "0.230"
    # No walk from S earned more than Monte Carlo does: 0.3 at D after some steps, discounted.
    starts = data.observations[data.episode_starts]
    from_s = [r for s, r in zip(starts, data.episode_returns(data.gamma), strict=True) if s == starts[0]]
    assert f"{max(from_s):.3f}" == "0.232"
    weight = {}
    for beta in (10.0, 20.0):
        engine = Engine(RunConfig("double-crossing", {}, (Lane("marwil", hyperparameters={"beta": beta}),)))
        engine.advance(400)
        weight[beta] = float(engine.snapshot().metrics["weight_max"][0])
    assert f"{weight[10.0]:.0f}" == "171"
    assert weight[20.0] == pytest.approx(weight[10.0] ** 2, rel=1e-3), "the largest weight is squared"
    told = story.known("naive-q").steps[2].run
    assert told is not None
    engine, values = Engine(told), []
    for _ in range(5):
        values.append(float(engine.snapshot().metrics["value_start"][0]))
        engine.advance(1)
    assert np.diff(np.log2(values)) == pytest.approx(1.0), "it doubles with every update"


def test_the_guide_shows_the_text_that_a_new_story_begins_with_and_it_comes_true() -> None:
    guide = (ROOT / "docs" / "write-a-story.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", guide, re.S)
    assert text == story.template()
    rehearse(story.parse(text))
    for word in ("text", "link", "set", "algorithm", "speed", "look", "until", "done"):
        assert f"| `{word}` |" in guide


SHORT = """title = "A story"
sentence = "Of one step."
[[steps]]
text = "Watch."
link = "algo=bcq&seeds=1"
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1 to 12"),
        ("title = ", "not TOML"),
        (SHORT.replace("title", "titel"), "did you mean 'title'"),
        (SHORT.replace('"A story"', "7"), "title is missing"),
        (SHORT.replace('"A story"', '"' + "x" * 81 + '"'), "at most 80"),
        (SHORT.replace("Watch.", "a\\u202eb"), "cannot be shown"),
        (SHORT.replace("link", "# link"), "step 1 needs a link"),
        (SHORT.replace("algo=bcq&seeds=1", "algo=nobody"), "nobody"),
        (SHORT.replace("algo=bcq&seeds=1", "https://elsewhere.org/"), "https"),
        (SHORT + "set = { rho = 7 }", "from 0 to 1"),
        (SHORT + "set = { initial_value = 1 }", "restarts"),
        (SHORT + "set = { alpha = 1 }", "alpha"),
        (SHORT + "speed = -1", "from 0"),
        (SHORT + "speed = nan", "from 0"),
        (SHORT + 'look = "page"', "must be one of"),
        (SHORT + "algorithm = 2\nset = { rho = 0 }", "from 1 to 1"),
        (SHORT + 'until = [{ what = "reward", above = 1 }]', "must be one of"),
        (SHORT + 'until = [{ what = "return" }]', "above or below"),
        (SHORT + 'until = [{ what = "return", above = inf }]', "must be a number"),
        (SHORT + 'until = [{ what = "return", above = true }]', "must be a number"),
        (SHORT + "until = 3", "list of at most"),
        (SHORT + 'script = "alert(1)"', "has no 'script'"),
        ("#" * (MOST_BYTES + 1), "too long"),
        ('title = "A"\nsentence = "b"\nsteps = [1]', "must be a table"),
        (SHORT + "[[steps]]\ntext = 'x'\n" * 12, "1 to 12"),
    ],
)
def test_what_cannot_be_told_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(StoryError, match=re.escape(said)):
        story.parse(text)


def test_a_story_goes_into_a_link_and_comes_back() -> None:
    for name in story.names():
        text = story.from_link(name)
        part = story.in_link(text)
        assert story.from_link(part) == text
        assert len(part) < 2_500
        with pytest.raises(StoryError, match=r"cut short|not known"):
            story.from_link(part[:-8])
    bomb = urlsafe_b64encode(zlib.compress(b" " * 3_000_000)).decode().rstrip("=")
    assert len(bomb) < story.LONGEST_LINK
    with pytest.raises(StoryError, match="too long"):
        story.parse(story.from_link(bomb))
    for odd in ("", "rhoo", "../rho", "x" * 9_000, "ü", "AAAA"):
        with pytest.raises(StoryError, match="not known"):
            story.from_link(odd)
    with pytest.raises(StoryError, match="pass it on as a file"):
        story.in_link("".join(random.Random(1).choices(string.printable, k=15_000)))


def page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "playground.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def test_the_playground_tells_a_story_with_a_run_of_the_visitors_own() -> None:
    first, second = page(story="rho"), page(story="rho")
    runs = [get_hub().info(app.session_state[MEMORY]["id"]) for app in (first, second)]
    assert runs[0]["id"] != runs[1]["id"]
    for run in runs:
        assert (run["private"], run["step"], run["speed"]) == (True, 0, 10.0)
        assert run["config"] == story.known("rho").steps[0].run
    told = first.session_state[telling.TOLD]
    assert told.at == telling.BEFORE
    assert first.query_params["story"] in ("rho", ["rho"])


def test_a_story_that_nobody_knows_is_said_and_leaves_the_page_as_it_is() -> None:
    app = page(story="rhoo", algo="cql")
    assert not app.exception
    assert "not known" in app.warning[0].value
    assert "story" not in app.query_params
    assert get_hub().info(app.session_state[MEMORY]["id"])["config"].lanes[0].algorithm == "cql"
