"""Navigation over the pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from offrl_ui.shared.theme import readable
from offrl_ui.shared.widgets import footer

ICON = Path(__file__).parent / "offrl_ui" / "assets" / "icon.svg"
PAGES = (
    (
        "playground",
        "Playground",
        "play_circle",
        "Train an algorithm on a dataset and watch it learn, beside the truth.",
    ),
    (
        "gallery",
        "Gallery",
        "photo_library",
        "Sixteen runs worth seeing, one per lesson, with their timelines already there.",
    ),
    (
        "stories",
        "Stories",
        "auto_stories",
        "Guided runs, one question each; write your own and pass it on as a link.",
    ),
    ("datasets", "Datasets", "dataset", "Every dataset drawn, counted and compared with its optimum; bring your own."),
    (
        "experiments",
        "Experiments",
        "experiment",
        "From one run to an answer: many algorithms, datasets, settings and seeds, compared with intervals.",
    ),
    ("reweighting", "1 Reweighting", "balance", "The lecture, part 1: behaviour cloning with rewards."),
    ("deadly_triad", "2 Deadly triad", "all_inclusive", "The lecture, part 2: Q-learning without exploration."),
    ("constraining_q", "3 Constraining Q", "fence", "The lecture, part 2 goes on: keeping Q-learning on the data."),
)

st.set_page_config(page_title="Offline RL Explorer", page_icon=str(ICON), layout="wide", initial_sidebar_state=340)
page = st.navigation(
    [
        st.Page(f"pages/{name}.py", title=title, icon=f":material/{icon}:", help=help_, default=name == "playground")
        for name, title, icon, help_ in PAGES
    ],
    position="top",
)
readable()
page.run()
footer()
