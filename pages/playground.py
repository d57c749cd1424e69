"""The playground: pick a dataset and an algorithm, press play, watch it learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

import offrl_core as orl
from offrl_core.runs.hub import HubFull
from offrl_ui import choices, state
from offrl_ui.bring import uploads
from offrl_ui.cards import algorithm_cards, dataset_cards
from offrl_ui.controls import apply, data_sections, lane_sections
from offrl_ui.live import gone, moved, run_of
from offrl_ui.panel import inside, panel, picker
from offrl_ui.stage import stage

KEY = "playground"
config, notes = state.recall(KEY)
lane = config.lanes[0]


def pick_dataset(name: str) -> None:
    state.choose(KEY, choices.other_dataset(config, name))


def pick_algorithm(name: str) -> None:
    other = choices.other_system(config, 0, name, lane.approximator)
    state.choose(KEY, replace(config, lanes=(other, *config.lanes[1:])))


def change(given: dict[str, Any]) -> None:
    state.choose(KEY, *apply(config, 0, given))


state.write_link(KEY)
refused = {note.key: note.message for note in notes}
with st.sidebar:
    st.subheader("Dataset")
    picker(
        [{"title": "", "cards": dataset_cards(uploads())}],
        config.dataset,
        key="dataset",
        label="Dataset",
        on_pick=pick_dataset,
        few=4,
    )
    panel(data_sections(config), key="options", scope=config.dataset, refused=refused, on_change=change)
    st.subheader("Algorithm")
    picker(algorithm_cards(), lane.algorithm, key="algorithm", label="Algorithm", on_pick=pick_algorithm)
    panel(
        lane_sections(config, 0),
        key="hyperparameters",
        scope=f"{config.dataset} {lane.algorithm} {lane.approximator}",
        refused=refused,
        on_change=change,
    )

spec = orl.datasets().get(config.dataset)
kind = orl.algorithms()[lane.algorithm]
for note in notes:
    st.warning(state.plain(note), icon=":material/rule:")
if spec is not None:
    st.caption(spec.lesson)
try:
    run_id = run_of(config)
except HubFull as error:
    st.error(f"{error}. Please try again in a few minutes.", icon=":material/hourglass_top:")
    st.stop()
seen = stage(run_id, key="stage", on_moved=lambda: moved("stage"), on_gone=gone)

st.subheader("What this run learns by")
st.markdown(kind.summary)
for formula in kind.equation.split(r"\qquad"):
    st.latex(formula)
if kind.source:
    st.caption(f"Source: {kind.source}.")
st.subheader("The same with the numbers of the selected state")
inside(key="inside")
with st.expander("The loss as it runs, in its own source", icon=":material/code:"):
    st.code(kind.loss_source(), language="python", line_numbers=True)
