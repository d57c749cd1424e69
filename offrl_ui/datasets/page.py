"""A dataset's page: its numbers, its episodes drawn in its world, its counts, its histograms."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import streamlit as st

from offrl_core.dataset import Dataset
from offrl_core.formats import FORMATS
from offrl_ui.datasets import facts
from offrl_ui.datasets.pictures import Drawing, rows_of_pictures
from offrl_ui.shared import theme
from offrl_ui.shared.widgets import drawing


def show_dataset(dataset: Dataset) -> None:
    """Draw everything there is to see of `dataset`."""
    with st.container(horizontal=True, gap="medium"):
        for name, value, help_ in facts.key_numbers(dataset):
            st.metric(name, value, help=help_, width="content")
    for row in rows_of_pictures(dataset, _axes(dataset), theme.look()):
        for column, (name, picture) in zip(st.columns(len(row), gap="medium"), row.items(), strict=True):
            with column:
                if isinstance(picture, Drawing):
                    drawing(picture.svg, picture.title, key=name, legend=picture.legend)
                else:
                    st.plotly_chart(picture, key=name)


def _axes(dataset: Dataset) -> tuple[int, int]:
    """The two dimensions that are drawn of a continuous world, to be chosen where there are more."""
    names, first = facts.dimension_names(dataset), facts.first_axes(dataset)
    if dataset.tabular or len(names) < 3:
        return first
    with st.container(horizontal=True):
        width: dict[str, Any] = {"format_func": names.__getitem__, "width": 260}
        across = st.selectbox("Across", range(len(names)), first[0], key=f"across {dataset.name}", **width)
        up = st.selectbox("Up", range(len(names)), first[1], key=f"up {dataset.name}", **width)
    return across, up


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
