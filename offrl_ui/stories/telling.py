"""A story in a session: which one is told on the playground, and at which step it is."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from offrl_live.runs.live_runs import NoRoom
from offrl_ui.playground.session_run import begin_anew
from offrl_ui.setup import memory
from offrl_ui.setup.links import Note
from offrl_ui.shared import component
from offrl_ui.stories.story import Story, StoryError, from_link, parse

TOLD = "story-told"
BEFORE = -1
"""The step of a story that has not begun: its title and what it is about."""


@dataclass
class Telling:
    """A story that is told: what the link says of it, and the step that it is at.

    Attributes:
        refused: why the last step's run could not begin.
    """

    part: str
    story: Story
    at: int = BEFORE
    refused: str = ""


def told(key: str) -> tuple[Telling | None, list[Note]]:
    """The story that the page's link names, if it does, with the run of its beginning chosen where it is a new one.

    Args:
        key: where the session keeps what is chosen on the page.
    """
    part = st.query_params.get(memory.STORY)
    telling: Telling | None = st.session_state.get(TOLD)
    if part is None:
        st.session_state.pop(TOLD, None)
        return None, []
    if telling is not None and telling.part == part:
        return telling, []
    try:
        telling = Telling(part, parse(from_link(part)))
    except StoryError as error:
        del st.query_params[memory.STORY]
        return None, [Note("story", part, f"{error}.")]
    st.session_state[TOLD] = telling
    _begin(key, telling, 0)
    return telling, []


def _begin(key: str, telling: Telling, at: int) -> None:
    """Choose the run of a step, where one begins there."""
    step = telling.story.steps[at]
    telling.refused = ""
    if step.run is None:
        return
    try:
        begin_anew(step.run, step.speed or 0.0)
    except NoRoom as error:
        telling.refused = f"{error}. Please try again in a few minutes."
        return
    memory.choose(key, step.run, goes_on=False)


def show(telling: Telling, run_id: str, *, key: str, page: str) -> None:
    """The step that the story is at, above the stage; `page` is where the session keeps what is chosen."""

    def went() -> None:
        at = component.told(key, "went").get("at")
        if at is None:
            st.query_params.pop(memory.STORY, None)
            st.session_state.pop(TOLD, None)
        elif isinstance(at, int) and BEFORE < at < len(telling.story.steps) and at != telling.at:
            forward = at == telling.at + 1
            telling.at = at
            # The first step's run stands ready since the story was opened.
            if not (forward and at == 0):
                _begin(page, telling, at)

    data = {
        "title": telling.story.title,
        "sentence": telling.story.sentence,
        "steps": [step.to_json() for step in telling.story.steps],
        "at": telling.at,
        "run": run_id,
        "refused": telling.refused,
    }
    component.show("widgets/story", key=key, data=data, on_went_change=went)
