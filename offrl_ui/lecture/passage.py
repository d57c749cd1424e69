"""Between a scene and the playground: the run that the scene opens there, and the way back to the very scene."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from offrl_lecture.base.text import plain
from offrl_lecture.registry import number_of, page_of, scenes
from offrl_live.runs.config import RunConfig
from offrl_ui.lecture.opened import config_of
from offrl_ui.setup import links, memory
from offrl_ui.setup.memory import BACK


def go_to_playground(config: RunConfig, scene: str, query: Mapping[str, str]) -> None:
    """Leave for the playground with a run; its link remembers the scene, as `query` shows it."""
    back = f"{page_of(scene)}?{urlencode(query)}"
    memory.go_to_playground(config, **{BACK: back})


def way_back(shown: RunConfig) -> None:
    """Where the page's link names a scene that it was opened from: a button that leads back there, and what differs
    from the scene as long as its run is `shown`."""
    address = st.query_params.get(BACK)
    if address is None:
        return
    page, _, query = address.partition("?")
    state = dict(parse_qsl(query))
    scene = state.get("scene", "")
    if scene not in scenes() or page_of(scene) != page:
        note = links.Note(BACK, address, "it names no scene of the lecture.")
        st.warning(links.plain(note), icon=":material/rule:")
        return
    title = links.plain(plain(scenes()[scene].title))
    if st.button(f"Back to the lecture: {number_of(scene)} {title}", icon=":material/arrow_back:", type="tertiary"):
        st.switch_page(f"pages/{page}.py", query_params=state)
    run = scenes()[scene].run(scenes()[scene].from_query(state)[0])
    if run.differs and links.link(config_of(run)) == links.link(shown):
        st.caption(links.plain(f"Not as in the scene: {plain(run.differs)}"))
