"""Experiments: from one run to an answer."""

from __future__ import annotations

import json

import streamlit as st

from offrl_core.experiments import Design, ExperimentError
from offrl_ui.experiments import building, links, memory, running
from offrl_ui.experiments.cards import study_cards
from offrl_ui.experiments.page import show_design, show_study
from offrl_ui.experiments.studies import STUDIES
from offrl_ui.setup.links import plain
from offrl_ui.shared.theme import page_heading
from offrl_ui.shared.widgets import picker

shown = memory.recall()
for note in shown.notes:
    st.warning(plain(note), icon=":material/rule:")
queue = running.experiments()
design: Design | None = None
mistake = ""
if not shown.study:
    try:
        design = links.design_of(shown.plain, running.own_datasets())
    except (ExperimentError, ValueError) as error:
        mistake = str(error)
memory.write_link(shown, design)

with st.sidebar:
    st.subheader("Questions with an answer")
    picker(
        study_cards(), shown.study or None, key="studies", label="Experiment", on_pick=memory.look_at_study, columns=2
    )
    st.button(
        "Build your own", icon=":material/add:", width="stretch", on_click=memory.look_at, args=(dict(building.FIRST),)
    )
    if queue is not None and queue.all():
        st.subheader("On this server")
        clicked = running.queued(queue, design.key if design else "")
        if clicked is not None:
            memory.look_at(json.loads(links.written(clicked)))
            st.rerun()

if shown.study:
    show_study(STUDIES[shown.study])
else:
    page_heading("Experiments", running.name_of(design) if design else "")
    show_design(queue, shown, design, mistake)
