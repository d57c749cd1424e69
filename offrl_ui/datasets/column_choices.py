"""Which column of a log is what, and how it is taken: the choices of a mapping, each beside what it means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import streamlit as st

from offrl_core.formats import ColumnInfo, ColumnMapping, Preview
from offrl_core.formats.actions import Binning, suitable_bins
from offrl_ui.datasets import column_roles as roles


def choose_columns(preview: Preview, file_id: str) -> ColumnMapping:
    """Which column is what: the guess made from the names, to be corrected."""
    guess = preview.mapping
    assert guess is not None
    names = [column.name for column in preview.columns]
    st.markdown(roles.question(preview))
    st.dataframe(
        [dict(zip(roles.distinct(names), row, strict=True)) for row in preview.sample],
        height=220,
        key=f"sample {file_id}",
    )
    chosen: dict[str, Any] = {}
    options = list(dict.fromkeys(names))
    state = [name for name in guess.state if name in options]
    chosen["state"] = tuple(st.multiselect(roles.SEVERAL["state"], options, state))
    action = [name for name in guess.action_columns if name in options]
    chosen["action"] = tuple(st.multiselect(roles.SEVERAL["action"], options, action, key=f"action {file_id}"))
    taken = [column for column in preview.columns if column.name in chosen["action"]]
    chosen |= _choose_actions(guess, taken, file_id)
    with st.container(horizontal=True):
        for role, (label, meaning) in roles.ONE_COLUMN.items():
            allowed = options if role == roles.NEEDED else [roles.NONE, *options]
            before = getattr(guess, role)
            index = allowed.index(before) if before in allowed else (None if role == roles.NEEDED else 0)
            picked = st.selectbox(label, allowed, index, width=210, key=f"{role} {file_id}", help=meaning or None)
            chosen[role] = (picked or "") if role == roles.NEEDED else (None if picked == roles.NONE else picked)
    with st.expander(roles.MORE):
        following = [name for name in guess.next_state if name in options]
        chosen["next_state"] = tuple(st.multiselect(roles.SEVERAL["next_state"], options, following))
        for field, (label, meanings) in roles.ONE_MEANING.items():
            chosen[field] = _one_of(label, meanings, getattr(guess, field))
        chosen["shrink"] = _choose_shrink(guess.shrink, file_id)
    return replace(guess, **chosen)


def choose_fixed(format_: str, file_id: str) -> ColumnMapping | None:
    """How continuous actions and large frames are taken of a format with names of its own; None for whatever fits."""
    with st.expander(roles.fixed_question(format_)):
        chosen = _choose_actions(ColumnMapping(), [], file_id)
        chosen["shrink"] = _choose_shrink(None, file_id)
    mapping = ColumnMapping(**chosen)
    return mapping if mapping.to_json() else None


def _choose_actions(guess: ColumnMapping, taken: list[ColumnInfo], file_id: str) -> dict[str, Any]:
    """How the columns of the action are taken, and into how many bins."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = _one_of(roles.ACTION_TYPE, roles.ACTIONS, guess.actions, width=330, key=f"actions {file_id}")
        bins = None
        if how in roles.BINNED:
            label, _ = roles.BINNED[how]
            before = guess.bins or suitable_bins(max(1, len(taken)), cast(Binning, how))
            bins = int(st.number_input(label, 2, roles.MOST_BINS, before, width=200, key=f"bins {how} {file_id}"))
    if said := roles.about_actions(how, taken):
        st.caption(said)
    return {"actions": how, "bins": bins}


def _choose_shrink(before: int | None, file_id: str) -> int | None:
    picked = st.number_input(
        roles.SHRINK,
        1,
        roles.MOST_SHRUNK,
        before,
        placeholder=roles.AS_NEEDED,
        key=f"shrink {file_id}",
        width=330,
        help=roles.WHAT_SHRINKS,
    )
    return None if picked is None else int(picked)


def _one_of(label: str, choices: dict[str, str], before: str, **more: Any) -> str:
    picked = st.selectbox(label, list(choices), list(choices).index(before), format_func=choices.__getitem__, **more)
    return str(picked)
