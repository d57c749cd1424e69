"""A dataset's page: its numbers, its episodes drawn in its world, its counts, its histograms."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import streamlit as st

from offrl_core.dataset import Dataset
from offrl_core.formats import FORMATS
from offrl_core.worlds.layout import GridLayout, MatrixLayout, PlaneLayout
from offrl_ui.datasets import charts, facts
from offrl_ui.shared import theme
from offrl_ui.shared.svg import marked
from offrl_ui.shared.widgets import drawing


def show_dataset(dataset: Dataset) -> None:
    """Draw everything there is to see of `dataset`."""
    with st.container(horizontal=True, gap="medium"):
        for name, value, help_ in facts.key_numbers(dataset):
            st.metric(name, value, help=help_, width="content")
    layout = dataset.layout
    if isinstance(layout, GridLayout) and dataset.tabular:
        _in_the_grid(dataset, layout)
    elif dataset.tabular:
        _as_a_matrix(dataset, layout if isinstance(layout, MatrixLayout) else None)
    else:
        _in_the_plane(dataset)
    marks, look = facts.return_marks(dataset), theme.look()
    left, middle, right = st.columns(3, gap="medium")
    left.plotly_chart(charts.returns_figure(dataset, dataset.gamma, marks, look), key="returns")
    middle.plotly_chart(charts.actions_figure(dataset, look), key="actions")
    right.plotly_chart(charts.lengths_figure(dataset, look), key="lengths")


def save(dataset: Dataset, name: str) -> None:
    """A menu that writes the data as a file, in each format that is written."""
    with st.popover("Save the data", icon=":material/download:"):
        for record in FORMATS.values():
            if record.writes:
                st.download_button(
                    record.title,
                    partial(_file, dataset, record.name),
                    f"{name}{record.suffixes[0]}",
                    on_click="ignore",
                    key=f"save-{record.name}",
                    help=record.help,
                    type="tertiary",
                )


def _file(dataset: Dataset, format_: str) -> bytes:
    written = io.BytesIO()
    dataset.to_file(written, format=format_)
    return written.getvalue()


def _in_the_grid(dataset: Dataset, layout: GridLayout) -> None:
    kinds = [(marked(number), name) for number, name, _ in facts.groups(dataset)]
    left, right = st.columns(2, gap="medium")
    with left:
        drawing(facts.walks_grid(dataset, layout), facts.recorded(dataset)[1], key="walks", legend=kinds)
    with right:
        scale = facts.counts_legend(dataset)
        drawing(facts.counts_grid(dataset, layout), facts.COUNTS, key="counts", legend=scale)


def _as_a_matrix(dataset: Dataset, layout: MatrixLayout | None) -> None:
    if layout is None or len(layout.order) < 2:
        st.plotly_chart(charts.counts_figure(dataset, layout, theme.look()), key="counts")
        return
    left, right = st.columns(2, gap="medium")
    left.plotly_chart(charts.episodes_figure(dataset, layout, theme.look()), key="walks")
    right.plotly_chart(charts.counts_figure(dataset, layout, theme.look()), key="counts")


def _in_the_plane(dataset: Dataset) -> None:
    names = facts.dimension_names(dataset)
    layout = dataset.layout
    first = facts.first_axes(dataset)
    if len(names) > 2:
        with st.container(horizontal=True):
            width: dict[str, Any] = {"format_func": names.__getitem__, "width": 260}
            across = st.selectbox("Across", range(len(names)), first[0], key=f"across {dataset.name}", **width)
            up = st.selectbox("Up", range(len(names)), first[1], key=f"up {dataset.name}", **width)
    else:
        across, up = first
    left, right = st.columns(2, gap="medium")
    if isinstance(layout, PlaneLayout) and layout.image is not None:
        kinds = [(marked(facts.REWARDED), "rewarded"), (marked(facts.UNREWARDED), "not")]
        with left:
            drawing(facts.decisions(dataset, layout), facts.decisions_title(dataset), key="walks", legend=kinds)
    else:
        left.plotly_chart(charts.walks_figure(dataset, across, up, theme.look()), key="walks")
    right.plotly_chart(charts.visits_figure(dataset, across, up, theme.look()), key="visits")
