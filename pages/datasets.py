"""The catalogue: every dataset with its rows drawn, its truth beside it, and one button into the playground."""

from __future__ import annotations

import time
from dataclasses import replace

import streamlit as st

import offrl_core as orl
from offrl_core.worlds.layout import GridLayout, MatrixLayout
from offrl_ui import choices, datacharts, datasheet, state
from offrl_ui.cards import dataset_cards
from offrl_ui.controls import apply, data_sections
from offrl_ui.panel import panel, picker, picture
from offrl_ui.pictures import marked

KEY = "datasets"
config, notes = state.recall(KEY)


def pick(name: str) -> None:
    state.choose(KEY, choices.other_dataset(config, name))


def change(given: dict) -> None:
    state.choose(KEY, *apply(config, 0, given))


state.write_link(KEY, state.data_link)
st.title("Datasets")
for note in notes:
    st.warning(state.plain(note), icon=":material/rule:")
picker(
    [{"title": "", "cards": dataset_cards()}],
    config.dataset,
    key="datasets-picker",
    label="Dataset",
    on_pick=pick,
    columns=0,
)

spec = orl.datasets()[config.dataset]
refused = {note.key: note.message for note in notes}
with st.sidebar:
    st.subheader(spec.title)
    panel(
        data_sections(config, every=True), key="datasets-panel", scope=config.dataset, refused=refused, on_change=change
    )
with st.spinner("Recording the episodes …"):
    began = time.perf_counter()
    dataset = orl.load_dataset(config.dataset, **config.options)
    facts = datasheet.facts(dataset)

st.header(spec.title)
st.markdown(f"{spec.description} **{spec.lesson}**")
if st.button("Open in the playground", type="primary", icon=":material/play_arrow:"):
    before = st.session_state.get("playground", {}).get("config", choices.start())
    wanted = replace(choices.other_dataset(before, config.dataset), options=config.options)
    st.switch_page("pages/playground.py", query_params=state.link(wanted))

with st.container(horizontal=True, gap="large"):
    for name, value, help_ in facts:
        st.metric(name, value, help=help_, width="content")

layout = dataset.layout
left, right = st.columns(2, gap="medium")
if isinstance(layout, GridLayout):
    kinds = [(marked(number), name) for number, name, _ in datasheet.groups(dataset)]
    with left:
        title = f"{min(datasheet.WALKS, dataset.n_episodes)} of {dataset.n_episodes:,} recorded episodes"
        picture(datasheet.walks_grid(dataset, layout), title, key="walks", legend=kinds)
    with right:
        title = "State–action counts: brighter is more, hatched is never"
        picture(datasheet.counts_grid(dataset, layout), title, key="counts")
elif dataset.tabular:
    if isinstance(layout, MatrixLayout):
        left.plotly_chart(datacharts.severity_figure(dataset, layout), key="walks")
        right.plotly_chart(datacharts.counts_figure(dataset, layout), key="counts")
    else:
        left.plotly_chart(datacharts.counts_figure(dataset, None), key="counts")
else:
    names = datasheet.dimension_names(dataset)
    first = (layout.x, layout.y) if layout is not None else (0, min(1, len(names) - 1))
    with st.container(horizontal=True):
        across = st.selectbox(
            "Across", range(len(names)), first[0], format_func=names.__getitem__, width=240, key="slice-x"
        )
        up = st.selectbox("Up", range(len(names)), first[1], format_func=names.__getitem__, width=240, key="slice-y")
    left.plotly_chart(datacharts.walks_figure(dataset, across, up), key="walks")
    right.plotly_chart(datacharts.visits_figure(dataset, across, up), key="visits")

for column, figure, key in zip(
    st.columns(3, gap="medium"),
    (
        datacharts.returns_figure(dataset, dataset.gamma, datasheet.return_marks(dataset)),
        datacharts.actions_figure(dataset),
        datacharts.lengths_figure(dataset),
    ),
    ("returns", "actions", "lengths"),
    strict=True,
):
    column.plotly_chart(figure, key=key)
st.caption(f"{len(dataset):,} rows drawn in {time.perf_counter() - began:.2f} s.")
