"""Episodes, looked at one by one: those that stand out, with buttons to leave them out and to take them back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from offrl_core.data.episodes import EPISODES, rule_of
from offrl_core.dataset import Dataset
from offrl_core.episodes import as_list, numbers_in
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import RunConfig
from offrl_ui.datasets.looking import (
    LONGEST,
    MOST_ROWS,
    TOO_MANY,
    WHAT_STANDS_OUT,
    about,
    found_in,
    heading,
    rows_of,
    standing_out,
)
from offrl_ui.setup.links import plain

REFUSED = "episodes-refused"
Choose = Callable[[RunConfig], None]


def stand_out(config: RunConfig, whole: Dataset, choose: Choose) -> None:
    """The episodes that stand out, and any one that is asked for, each with what leaves it out or takes it back.

    Args:
        config: what is chosen; its options say which episodes are left out.
        whole: the recording with all of its episodes, by whose numbers they are called.
        choose: takes the changed choice (from a callback).
    """
    found = found_in(whole)
    out = whole.left_out(rule_of(config.options))
    with st.expander(heading(whole, out), icon=":material/rule:"):
        if error := st.session_state.pop(REFUSED, None):
            st.warning(plain(f"{error}."), icon=":material/rule:")
        if found:
            st.caption(WHAT_STANDS_OUT)
            st.dataframe(standing_out(whole, out), hide_index=True, height=min(250, 38 + 35 * len(found)))
        flagged = {one.episode for one in found}
        with st.container(horizontal=True):
            _leave_out(config, choose, flagged - set(np.flatnonzero(out).tolist()), "those that stand out", "flagged")
            _take_back(config, choose, flagged, "those that stand out", "flagged")
            if out.any():
                kept = {h.name: h.default for h in EPISODES}
                given = (config, choose, kept)
                st.button("Take all back", icon=":material/undo:", on_click=_change, args=given, key="all-back")
        _look(config, whole, out, choose, first=min(flagged, default=0))


def _look(config: RunConfig, whole: Dataset, out: Any, choose: Choose, first: int) -> None:
    """One episode, row by row."""
    asked = st.number_input(
        "Look at episode", 0, whole.n_episodes - 1, first, key=f"look {config.dataset} {whole.n_episodes}", width=180
    )
    chosen = int(asked)
    length = int(whole.episode_ends[chosen] - whole.episode_starts[chosen]) + 1
    by_number = chosen in numbers_in(str(config.options["leave_out"]))
    st.markdown(plain(about(whole, chosen, out=bool(out[chosen]), by_number=by_number)))
    st.dataframe(rows_of(whole, chosen), hide_index=True, height=min(250, 38 + 35 * min(length, MOST_ROWS)))
    if length > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} rows.")
    if out[chosen]:
        _take_back(config, choose, {chosen}, f"episode {chosen}", "one")
    else:
        _leave_out(config, choose, {chosen}, f"episode {chosen}", "one")


def _leave_out(config: RunConfig, choose: Choose, numbers: set[int], which: str, key: str) -> None:
    if not numbers:
        return
    listed = as_list(numbers | numbers_in(str(config.options["leave_out"])))
    fits = len(listed) <= LONGEST
    st.button(
        f"Leave out {which}",
        icon=":material/playlist_remove:",
        on_click=_change,
        args=(config, choose, {"leave_out": listed}),
        disabled=not fits,
        help=None if fits else TOO_MANY,
        key=f"leave-out-{key}",
    )


def _take_back(config: RunConfig, choose: Choose, numbers: Iterable[int], which: str, key: str) -> None:
    """Of the episodes that are listed; what a bound leaves out, the bound must take back."""
    now = numbers_in(str(config.options["leave_out"]))
    if not now & set(numbers):
        return
    st.button(
        f"Take back {which}",
        icon=":material/playlist_add:",
        on_click=_change,
        args=(config, choose, {"leave_out": as_list(now - set(numbers))}),
        key=f"take-back-{key}",
    )


def _change(config: RunConfig, choose: Choose, options: Mapping[str, Any]) -> None:
    try:
        choose(replace(config, options={**config.options, **options}))
    except ConfigError as error:
        st.session_state[REFUSED] = str(error)
