"""The catalogue: every dataset with its rows drawn, its truth beside it, and one button into the playground."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import streamlit as st

import offrl_core as orl
from offrl_live.runs.datasets import recorded
from offrl_ui.datasets import reporting
from offrl_ui.datasets.assumption import show_assumption
from offrl_ui.datasets.collect import collect
from offrl_ui.datasets.estimates import estimates
from offrl_ui.datasets.outlying import stand_out
from offrl_ui.datasets.page import save, show_dataset
from offrl_ui.datasets.upload import report_of, show_report, upload_form, uploads
from offrl_ui.setup import links, memory, selection
from offrl_ui.setup.controls import apply, data_sections
from offrl_ui.setup.dataset_cards import dataset_cards
from offrl_ui.setup.notes import reward_note
from offrl_ui.shared.glossary import with_terms
from offrl_ui.shared.theme import page_heading
from offrl_ui.shared.widgets import picker, settings

KEY = "datasets"
config, notes = memory.recall(KEY)


def pick(name: str) -> None:
    memory.choose(KEY, selection.other_dataset(memory.chosen(KEY), name))


def change(given: dict[str, Any]) -> None:
    memory.choose(KEY, *apply(memory.chosen(KEY), 0, given))


memory.write_link(KEY, links.data_link)
page_heading("Datasets", "Every dataset drawn, counted and compared with its optimum; or bring your own.")
for note in notes:
    st.warning(links.plain(note), icon=":material/rule:")
picker(
    [{"title": "", "cards": dataset_cards(uploads(config.dataset))}],
    config.dataset,
    key="datasets-picker",
    label="Dataset",
    on_pick=pick,
    columns=0,
    skip="Skip to the datasets",
)
with st.expander("Open your own log", icon=":material/upload_file:"):
    fresh = upload_form()
if fresh is not None:
    memory.choose(KEY, selection.other_dataset(config, fresh))
    st.rerun()

spec = orl.datasets().get(config.dataset)
uploaded = uploads().get(config.dataset)
refused = {note.key: note.message for note in notes}
with st.sidebar:
    if spec is not None:
        st.subheader(spec.title)
    else:
        st.caption(reporting.ABOUT_OPTIONS)
    sections = data_sections(config, every=True)
    settings(
        sections,
        key="datasets-panel",
        scope=lambda: memory.chosen(KEY).dataset,
        refused=refused,
        on_change=change,
    )

with st.spinner("Recording the episodes …"):
    began = time.perf_counter()
    dataset = config.data
if spec is not None:
    st.header(spec.title)
    st.markdown(with_terms(f"{spec.description} **{spec.lesson}**"))
    beside = st.container()
else:
    st.header(uploaded.title if uploaded else reporting.OWN_TITLE)
    st.markdown(reporting.ABOUT_OWN)
whole = recorded(config.dataset, config.options)
report = None if uploaded is None else report_of(uploaded, dataset)
ready = report is None or report.ok
with st.container(horizontal=True):
    opened = st.button("Open in the playground", type="primary", icon=":material/play_arrow:", disabled=not ready)
    save(dataset, spec.name if spec else "log")
if opened:
    before = st.session_state.get(memory.PLAYGROUND, {}).get("config", selection.start())
    wanted = replace(selection.other_dataset(before, config.dataset), options=config.options)
    memory.tell(memory.PLAYGROUND, wanted, selection.why_other(before, wanted))
    memory.go_to_playground(wanted)
if report is not None:
    show_report(report, left_out=whole.n_episodes - dataset.n_episodes)
    estimates(dataset, key=f"estimates {links.data_link(config)}")
stand_out(config, whole, lambda changed: memory.choose(KEY, changed))
collect(config, dataset, lambda changed: memory.choose(KEY, changed))
if rule := reward_note(dataset):
    st.info(rule, icon=":material/balance:")
show_dataset(dataset)
st.caption(f"{len(dataset):,} rows drawn in {time.perf_counter() - began:.2f} s.")
if spec is not None:
    with beside:
        show_assumption(config)
