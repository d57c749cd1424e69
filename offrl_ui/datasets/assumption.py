"""Beside data whose world assumes something that no record says: what the same policies get under each choice."""

from __future__ import annotations

import streamlit as st

from offrl_live.runs.config import RunConfig
from offrl_ui.datasets.assuming import ASKING, assumed, assumes


def show_assumption(config: RunConfig) -> None:
    """A table of the readings, the chosen one marked; nothing for a dataset that makes no such assumption.

    The first time it trains for some seconds, so a page calls this last, in a place that it kept free.
    """
    if not assumes(config):
        return
    with st.spinner(ASKING):
        found = assumed(config)

    def row(first: str, cells: list[str]) -> str:
        return f"| {first} | {' | '.join(f'**{c}**' if i == found.chosen else c for i, c in enumerate(cells))} |"

    lines = [
        f"| {found.heading} | {' | '.join(found.heads)} |",
        "|---|" + "---:|" * len(found.heads),
        *(row(name, cells) for name, cells in found.rows),
    ]
    st.markdown("\n".join(lines))
    st.caption(found.meaning)
