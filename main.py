"""Navigation over the pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

ICON = Path(__file__).parent / "offrl_ui" / "assets" / "icon.svg"
st.set_page_config(page_title="Offline RL Explorer", page_icon=str(ICON), layout="wide", initial_sidebar_state=340)
page = st.navigation(
    {
        "": [
            st.Page(
                "pages/playground.py",
                title="Playground",
                icon=":material/play_circle:",
                default=True,
                help="Train an algorithm on a dataset and watch it learn, live, beside the exact truth.",
            ),
            st.Page(
                "pages/datasets.py",
                title="Datasets",
                icon=":material/dataset:",
                help="The catalogue: every dataset drawn, counted and compared with its optimum.",
            ),
        ]
    },
    position="top",
)
page.run()
