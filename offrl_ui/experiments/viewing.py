"""The pictures of an experiment on the page: which one, of what, the run behind a point, and what is taken home."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from offrl_core.experiments import ExperimentError, statistics
from offrl_live.serving.environment import warms_up
from offrl_ui.experiments.marks import order_of, title_of, word_of
from offrl_ui.experiments.pictures import PICTURES, plane_of
from offrl_ui.experiments.prepared import Prepared, compared
from offrl_ui.setup.links import plain
from offrl_ui.shared import theme
from offrl_ui.shared.glossary import with_terms

LinkOf = Callable[[str], Mapping[str, str]]


Kept = tuple[tuple[str, Any], ...]
MOST_VALUES = 40
METRICS = {"normalised": "normalised return", "judged": "true return"}


@st.cache_resource(max_entries=24, show_spinner=False)
def _prepared(stamp: str, by: str, metric: str, kept: Kept, _frame: pd.DataFrame, columns: tuple[str, ...]) -> Prepared:
    frame = _frame
    for column, value in kept:
        frame = frame[frame[column] == value]
    return Prepared(frame, columns, by, metric)


@st.cache_resource(max_entries=96, show_spinner=False)
def _figure(
    stamp: str, by: str, metric: str, kept: Kept, name: str, plane: tuple[str, ...], dark: bool, _of: Prepared
) -> go.Figure:
    return PICTURES[name].draw(_of, *plane)


def view(
    frame: pd.DataFrame,
    columns: tuple[str, ...],
    stamp: str,
    link_of: LinkOf,
    *,
    key: str,
    first: str = "",
    by: str = "",
    metric: str = "normalised",
) -> None:
    """Show the pictures of results, one at a time.

    Args:
        frame: `Results.frame`.
        columns: `Design.columns`.
        stamp: changes whenever the results do: what was made of them is kept by it.
        link_of: the link's parts that open a run in the playground, by the run's key.
        key: of the controls.
        first, by, metric: the picture, the compared column and what counts, at the beginning.
    """
    choices = compared(frame[frame["step"] == frame["step"].max()], columns)
    name = st.segmented_control(
        "Picture",
        list(PICTURES),
        default=first if first in PICTURES else "scores",
        key=f"{key}-picture",
        required=True,
        format_func=lambda name: PICTURES[name].title,
        label_visibility="collapsed",
    )
    picture = PICTURES[name]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        compare = choices[0]
        if len(choices) > 1:
            compare = st.selectbox(
                "Compare",
                choices,
                choices.index(by) if by in choices else 0,
                key=f"{key}-by",
                format_func=word_of,
                width=170,
            )
        counts = st.selectbox(
            "What counts",
            list(METRICS),
            list(METRICS).index(metric),
            key=f"{key}-metric",
            format_func=METRICS.__getitem__,
            width=190,
            help="Normalised: the behaviour is 0, the best within the data is 1. True returns of different worlds "
            "have no such common measure; those of one world over different data do.",
        )
        others = [column for column in choices if column != compare]
        kept = _kept(frame, others, key) if others else ()
        prepared = _prepared(stamp, compare, counts, kept, frame, columns)
        plane: tuple[str, ...] = ()
        lacking = picture.lacks(prepared) if len(prepared.scored) else f"no run has a {METRICS[counts]} yet"
        if picture.plane and not lacking:
            over = plane_of(prepared)
            across = st.selectbox("Across", over, 0, key=f"{key}-{compare}-across", format_func=word_of, width=150)
            rest = [column for column in over if column != across]
            up = st.selectbox("Up", rest, 0, key=f"{key}-{compare}-{across}-up", format_func=word_of, width=150)
            plane = (across, up)
    st.caption(with_terms(picture.help))
    if lacking:
        st.info(f"This picture cannot be drawn: {lacking}.", icon=":material/image_not_supported:")
        return
    try:
        figure = _figure(stamp, compare, counts, kept, name, plane, theme.dark(), prepared)
    except ExperimentError as error:
        st.info(f"This picture cannot be drawn: {plain(error)}.", icon=":material/image_not_supported:")
        return
    form = st.session_state.get(f"{key}-form", "png")
    event = st.plotly_chart(
        figure,
        key=f"{key}-{name}-chart",
        on_select="rerun",
        selection_mode="points",
        alt=f"{picture.title}: {picture.help}",
        config={
            "toImageButtonOptions": {
                "format": form,
                "filename": f"experiment-{name}",
                "scale": 2 if form == "png" else 1,
            },
            "displaylogo": False,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        },
    )
    _open(event, prepared, link_of)
    _load_libraries()


@lru_cache(1)
def _load_libraries() -> None:
    """Once a picture stands, import what others need, beside: whoever comes to them next does not wait for it."""
    if warms_up():
        threading.Thread(target=statistics.load_libraries, name="experiments-libraries", daemon=True).start()


def _kept(frame: pd.DataFrame, columns: list[str], key: str) -> Kept:
    """Of the other columns: all values, or one."""
    kept: list[tuple[str, Any]] = []
    chosen_before = sum(st.session_state.get(f"{key}-only-{column}", -1) >= 0 for column in columns)
    label = f"Which runs: {chosen_before} chosen" if chosen_before else "Which runs: all"
    menu = st.popover(label, icon=":material/filter_alt:", key=f"{key}-only")
    for column in columns:
        values: list[Any] = sorted(frame[column].dropna().unique(), key=order_of)
        if len(values) > MOST_VALUES:
            continue
        chosen = menu.selectbox(
            word_of(column).capitalize(),
            range(-1, len(values)),
            key=f"{key}-only-{column}",
            width=160,
            format_func=partial(_value, column, values),
        )
        if chosen >= 0:
            kept.append((column, values[chosen]))
    return tuple(kept)


def _value(column: str, values: list[Any], place: int) -> str:
    return "all" if place < 0 else title_of(column, values[place])


def _open(event: Any, prepared: Prepared, link_of: LinkOf) -> None:
    """The run behind the point that was clicked, with the way into the playground; a line that is always there."""
    run = _clicked(event)
    with st.container(horizontal=True, vertical_alignment="center", key="experiment-point", height=58, border=False):
        if run not in prepared.words:
            st.caption(":material/ads_click: Click a point: its run opens in the playground.")
            return
        parts = link_of(run)
        words = plain(prepared.words[run].replace("<br>", ": ", 1).replace("<br>", "; "))
        if not parts:
            st.caption(f"{words}. The playground cannot open this run.")
            return
        st.page_link(
            "pages/playground.py", label="Open this run", icon=":material/play_circle:", query_params=dict(parts)
        )
        st.caption(words)


def _clicked(event: Any) -> str:
    points = event.selection.points if event is not None else []
    for point in points:
        data = point.get("customdata")
        found = data[0] if isinstance(data, (list, tuple)) and data else data
        if isinstance(found, str) and found:
            return found
    return ""


def take_home(frame: pd.DataFrame, design_text: str, python: str, *, name: str, key: str) -> None:
    """The results as files, the design as a script, and the form in which the camera saves a picture."""
    with st.popover("Take it home", icon=":material/download:"):
        st.download_button(
            "Results as CSV",
            lambda: frame.to_csv(index=False).encode(),
            f"{name}.csv",
            "text/csv",
            on_click="ignore",
            key=f"{key}-csv",
            type="tertiary",
            icon=":material/table:",
        )
        st.download_button(
            "Results as Parquet",
            lambda: _parquet(frame),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            on_click="ignore",
            key=f"{key}-parquet",
            type="tertiary",
            icon=":material/database:",
        )
        st.download_button(
            "The design as JSON",
            design_text,
            f"{name}.json",
            "application/json",
            on_click="ignore",
            key=f"{key}-design",
            type="tertiary",
            icon=":material/data_object:",
        )
        st.segmented_control(
            "The camera on a picture saves",
            ["png", "svg"],
            default="png",
            key=f"{key}-form",
            required=True,
            format_func=str.upper,
        )
        st.caption("In Python:")
        st.code(python, language="python", wrap_lines=True)


def _parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    return file.getvalue()
