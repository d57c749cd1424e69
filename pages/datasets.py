"""The catalogue: every dataset with its rows drawn, its truth beside it, and one button into the playground."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import streamlit as st

import offrl_core as orl
from offrl_ui import choices, state
from offrl_ui.cards import dataset_cards
from offrl_ui.collect import collect
from offrl_ui.controls import apply, data_sections
from offrl_ui.dataset_page import save, sheet
from offrl_ui.estimates import estimates
from offrl_ui.panel import panel, picker
from offrl_ui.upload import bring, report, uploads

KEY = "datasets"
config, notes = state.recall(KEY)


def pick(name: str) -> None:
    state.choose(KEY, choices.other_dataset(config, name))


def change(given: dict[str, Any]) -> None:
    state.choose(KEY, *apply(config, 0, given))


state.write_link(KEY, state.data_link)
st.title("Datasets")
for note in notes:
    st.warning(state.plain(note), icon=":material/rule:")
picker(
    [{"title": "", "cards": dataset_cards(uploads())}],
    config.dataset,
    key="datasets-picker",
    label="Dataset",
    on_pick=pick,
    columns=0,
)
with st.expander("Open your own log", icon=":material/upload_file:"):
    fresh = bring()
if fresh is not None:
    state.choose(KEY, choices.other_dataset(config, fresh))
    st.rerun()

spec = orl.datasets().get(config.dataset)
brought = uploads().get(config.dataset)
refused = {note.key: note.message for note in notes}
with st.sidebar:
    if spec is not None:
        st.subheader(spec.title)
        sections = data_sections(config, every=True)
        panel(sections, key="datasets-panel", scope=config.dataset, refused=refused, on_change=change)
    else:
        st.caption("An uploaded log is what it is: its episodes were collected elsewhere.")

with st.spinner("Recording the episodes …"):
    began = time.perf_counter()
    dataset = config.data
if spec is not None:
    st.header(spec.title)
    st.markdown(f"{spec.description} **{spec.lesson}**")
else:
    st.header(brought.title if brought else "An uploaded log")
    st.markdown("The world behind this log is not known, so there is no truth to compare with.")
ready = brought is None or brought.report.ok
with st.container(horizontal=True):
    opened = st.button("Open in the playground", type="primary", icon=":material/play_arrow:", disabled=not ready)
    save(dataset, spec.name if spec else "log")
if opened:
    before = st.session_state.get("playground", {}).get("config", choices.start())
    wanted = replace(choices.other_dataset(before, config.dataset), options=config.options)
    st.switch_page("pages/playground.py", query_params=state.link(wanted))
if brought is not None:
    report(brought.report)
    estimates(brought.dataset, key=f"estimates {config.dataset}")
collect(config, dataset, lambda changed: state.choose(KEY, changed))
sheet(dataset)
st.caption(f"{len(dataset):,} rows drawn in {time.perf_counter() - began:.2f} s.")
