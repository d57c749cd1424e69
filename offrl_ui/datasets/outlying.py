"""Episodes, looked at one by one: those that stand out, with buttons to leave them out and to take them back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from offrl_core.data.episodes import EPISODES, rule_of
from offrl_core.data.outliers import Outlier, outliers
from offrl_core.dataset import Dataset, kept
from offrl_core.episodes import as_list, numbers_in
from offrl_core.writing import number
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import RunConfig
from offrl_ui.setup.links import plain

MOST_ROWS = 1000
MOST_COMPONENTS = 12
REFUSED = "episodes-refused"
LONGEST = EPISODES[0].max_length
Choose = Callable[[RunConfig], None]


@kept
def found_in(dataset: Dataset) -> tuple[Outlier, ...]:
    """The episodes of a recording that stand out; kept, for every look at the page asks."""
    return outliers(dataset)


def stand_out(config: RunConfig, whole: Dataset, choose: Choose) -> None:
    """The episodes that stand out, and any one that is asked for, each with what leaves it out or takes it back.

    Args:
        config: what is chosen; its options say which episodes are left out.
        whole: the recording with all of its episodes, by whose numbers they are called.
        choose: takes the changed choice (from a callback).
    """
    found = found_in(whole)
    out = whole.left_out(rule_of(config.options))
    one = "1 episode stands out" if len(found) == 1 else f"{len(found):,} episodes stand out"
    with st.expander(f"Episodes: {one}, {out.sum():,} of {whole.n_episodes:,} are left out", icon=":material/rule:"):
        if error := st.session_state.pop(REFUSED, None):
            st.warning(plain(f"{error}."), icon=":material/rule:")
        if found:
            st.caption(
                "An episode stands out if its return, or the logarithm of its length, lies further from the median "
                "than 5 deviations (of 1.4826 times the median absolute deviation each), or if its rewards never move "
                "where others' do; what more than a twentieth of the episodes do is another kind of episode. It may be "
                "a fault of the log, or the best that it holds: look before you leave it out. Numbers are those of the "
                "recording, from 0."
            )
            st.dataframe(
                [
                    {
                        "episode": one.episode,
                        "rows": one.length,
                        "return": one.value,
                        "why": "; ".join(one.reasons),
                        "now": "left out" if out[one.episode] else "used",
                    }
                    for one in found
                ],
                hide_index=True,
                height=min(250, 38 + 35 * len(found)),
            )
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
    rows = slice(int(whole.episode_starts[chosen]), int(whole.episode_ends[chosen]) + 1)
    length = rows.stop - rows.start
    ended = "ends in a terminal state" if whole.terminations[rows.stop - 1] else "is cut off"
    value = number(float(whole.as_logged.returns_to_go(whole.gamma)[rows.start]))
    by_number = chosen in numbers_in(str(config.options["leave_out"]))
    is_out = ("It is left out." if by_number else "A bound leaves it out.") if out[chosen] else ""
    st.markdown(plain(f"{length:,} rows, return {value} at γ = {whole.gamma:g}; it {ended}. {is_out}"))
    st.dataframe(rows_of(whole, chosen), hide_index=True, height=min(250, 38 + 35 * min(length, MOST_ROWS)))
    if length > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} rows.")
    if out[chosen]:
        _take_back(config, choose, {chosen}, f"episode {chosen}", "one")
    else:
        _leave_out(config, choose, {chosen}, f"episode {chosen}", "one")


def rows_of(dataset: Dataset, episode: int) -> dict[str, Any]:
    """The first rows of an episode as columns, with the data's labels."""
    start = int(dataset.episode_starts[episode])
    rows = slice(start, min(int(dataset.episode_ends[episode]) + 1, start + MOST_ROWS))
    columns: dict[str, Any] = {"step": np.arange(rows.stop - rows.start)}
    if dataset.tabular:
        columns["state"] = [dataset.state_labels[s] for s in dataset.observations[rows]]
    else:
        for place, name in enumerate(dataset.component_labels[:MOST_COMPONENTS]):
            columns[name] = dataset.observations[rows, place]
    columns["action"] = [dataset.action_labels[a] for a in dataset.actions[rows]]
    columns["reward"] = dataset.as_logged.rewards[rows]
    return columns


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
        help=None if fits else f"Their numbers do not fit into {LONGEST} characters: use a bound in the panel instead.",
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
