"""The ways between the playground and experiments: a run becomes one, and each of its runs opens there."""

from __future__ import annotations

import streamlit as st

from offrl_core.experiments import ExperimentError
from offrl_live.runs.config import RunConfig
from offrl_ui.experiments import links
from offrl_ui.experiments.running import remember_own
from offrl_ui.setup.links import plain


def make_an_experiment(config: RunConfig) -> None:
    """A button that opens the experiments' page with what stands on the playground."""
    if not st.button(
        "Make this an experiment",
        icon=":material/experiment:",
        help="The same with many seeds, and "
        "whatever else you let vary: pictures with intervals instead of a single run",
    ):
        return
    try:
        design = links.of_run(config)
        if own := bool(design.own):
            remember_own(config.dataset)
    except (ExperimentError, ValueError) as error:
        st.error(f"This run cannot become an experiment: {plain(error)}.", icon=":material/experiment:")
        return
    upload = {links.UPLOADED: config.dataset} if own else {}
    st.switch_page("pages/experiments.py", query_params={"design": links.written(design), **upload})
