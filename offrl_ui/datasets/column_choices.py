"""Which column of a log is what, and how it is taken: the choices of a mapping, each beside what it means."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import streamlit as st

from offrl_core.formats import FORMATS, ColumnInfo, ColumnMapping, Limits, Preview
from offrl_core.formats.actions import Binning, suitable_bins

NONE = "(none)"
ONE_COLUMN = {
    "reward": ("Reward", ""),
    "episode": ("Episode", ""),
    "time": ("Time within the episode", ""),
    "done": ("Ended (terminated)", ""),
    "timeout": ("Cut off (truncated)", ""),
    "end": ("Last row, whatever ended it", ""),
    "start": ("First row", ""),
    "behavior": ("Who acted (behaviour)", ""),
    "propensity": (
        "Probability of the action",
        "How likely the behaviour was to take the action that it took, above 0 and up to 1, or the natural logarithm "
        "of that. Importance sampling weighs by it; without it, the probability is estimated from the log.",
    ),
}
"""Roles of one column each: their labels, and what they mean where the label does not say it."""

ONE_MEANING = {
    "states": (
        "State type",
        {"auto": "automatic", "table": "a number per distinct state", "vector": "a vector of numbers"},
    ),
    "reward_row": (
        "The reward in a row",
        {"same": "belongs to the row's own action", "next": "was received on arriving in the row's state"},
    ),
    "both": (
        "Rows flagged both terminated and truncated",
        {"terminated": "count as terminated", "truncated": "count as cut off"},
    ),
    "unflagged": (
        "An episode whose last row has no flag",
        {"truncated": "was cut off", "terminated": "ended in a terminal state"},
    ),
    "each_row": (
        "A row is",
        {
            "step": "one step of its episode",
            "episode": "an episode of its own (bandit)",
            "trajectory": "a whole episode, a list in each column",
        },
    ),
    "last_row": (
        "The last row of an episode is",
        {"decision": "a decision like the others", "state": "no more than the final state (RLDS)"},
    ),
    "missing": ("Episodes with missing values", {"refuse": "refuse the file", "drop": "leave them out"}),
}
"""Fields of the mapping that are one of a few words: their labels, and what each word means."""

NEEDED = "reward"
ACTIONS = {
    "auto": "automatic",
    "labels": "labels: each value, or each combination of values",
    "one-hot": "one-hot: the column that is 1",
    "quantiles": "bins: quantiles of each number",
    "k-means": "bins: clusters of all numbers (k-means)",
}
BINNED = {
    "quantiles": (
        "Quantiles of each number",
        "Each number is cut into bins that hold equally many rows, and each combination of bins is an action.",
    ),
    "k-means": (
        "Clusters",
        "Rows whose numbers lie close together, in standard deviations, are one action.",
    ),
}
LOSS = "An action's label is the centre of its bin. The report says how much of the actions' variance the bins keep."
MOST_BINS = Limits().actions


def choose_columns(preview: Preview, file_id: str) -> ColumnMapping:
    """Which column is what: the guess made from the names, to be corrected."""
    guess = preview.mapping
    assert guess is not None
    names = [column.name for column in preview.columns]
    rows = f"{preview.rows:,} rows" if preview.rows is not None else "the first rows"
    guessed = "The guess is made from the names and these rows."
    st.markdown(f"**{FORMATS[preview.format].title}**, {rows}. Which column is what? {guessed}")
    st.dataframe(
        [dict(zip(_distinct(names), row, strict=True)) for row in preview.sample], height=220, key=f"sample {file_id}"
    )
    chosen: dict[str, Any] = {}
    options = list(dict.fromkeys(names))
    state = [name for name in guess.state if name in options]
    chosen["state"] = tuple(st.multiselect("State (one column of labels or numbers, or several)", options, state))
    action = [name for name in guess.action_columns if name in options]
    chosen["action"] = tuple(
        st.multiselect("Action (one column, or several that make one action)", options, action, key=f"action {file_id}")
    )
    taken = [column for column in preview.columns if column.name in chosen["action"]]
    chosen |= _choose_actions(guess, taken, file_id)
    with st.container(horizontal=True):
        for role, (label, meaning) in ONE_COLUMN.items():
            allowed = options if role == NEEDED else [NONE, *options]
            before = getattr(guess, role)
            index = allowed.index(before) if before in allowed else (None if role == NEEDED else 0)
            picked = st.selectbox(label, allowed, index, width=210, key=f"{role} {file_id}", help=meaning or None)
            chosen[role] = (picked or "") if role == NEEDED else (None if picked == NONE else picked)
    with st.expander("More about the columns"):
        following = [name for name in guess.next_state if name in options]
        chosen["next_state"] = tuple(st.multiselect("Next state, if the file has it", options, following))
        for field, (label, meanings) in ONE_MEANING.items():
            chosen[field] = _one_of(label, meanings, getattr(guess, field))
        chosen["shrink"] = _choose_shrink(guess.shrink, file_id)
    return replace(guess, **chosen)


def choose_fixed(format_: str, file_id: str) -> ColumnMapping | None:
    """How continuous actions and large frames are taken of a format with names of its own; None for whatever fits."""
    with st.expander(f"Continuous actions and frames of {FORMATS[format_].title}"):
        chosen = _choose_actions(ColumnMapping(), [], file_id)
        chosen["shrink"] = _choose_shrink(None, file_id)
    mapping = ColumnMapping(**chosen)
    return mapping if mapping.to_json() else None


def _choose_actions(guess: ColumnMapping, taken: list[ColumnInfo], file_id: str) -> dict[str, Any]:
    """How the columns of the action are taken, and into how many bins."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = _one_of("Action type", ACTIONS, guess.actions, width=330, key=f"actions {file_id}")
        bins = None
        if how in BINNED:
            label, _ = BINNED[how]
            before = guess.bins or suitable_bins(max(1, len(taken)), cast(Binning, how))
            bins = int(st.number_input(label, 2, MOST_BINS, before, width=200, key=f"bins {how} {file_id}"))
    if said := about_actions(how, taken):
        st.caption(said)
    return {"actions": how, "bins": bins}


def about_actions(how: str, taken: list[ColumnInfo]) -> str:
    """What is made of the columns of the action, in a sentence or two; empty where there is nothing to say."""
    if how in BINNED:
        return f"{BINNED[how][1]} {LOSS}"
    if len(taken) < 2:
        return ""
    sizes = [max(1, column.distinct) for column in taken]
    size = f"{' × '.join(map(str, sizes))} = {math.prod(sizes):,} actions, by the values in these rows"
    if how == "labels":
        return f"Each combination of the {len(taken)} columns' values is an action: {size}."
    if how == "one-hot":
        return f"Exactly one of the {len(taken)} columns must be 1 in each row: {len(taken)} actions."
    return (
        f"If exactly one of the {len(taken)} columns is 1 in each row, they are one-hot: {len(taken)} actions. If not, "
        f"each combination of their values is an action: {size}."
    )


def _choose_shrink(before: int | None, file_id: str) -> int | None:
    picked = st.number_input(
        "Shrink frames by a factor of",
        1,
        64,
        before,
        placeholder="as little as needed",
        key=f"shrink {file_id}",
        width=330,
        help="For observations that are pictures: height and width are divided by it, and each pixel is the mean of an "
        "area. Left empty, frames are shrunk only as far as the limit of an observation asks for; the report says how "
        "far.",
    )
    return None if picked is None else int(picked)


def _one_of(label: str, choices: dict[str, str], before: str, **more: Any) -> str:
    picked = st.selectbox(label, list(choices), list(choices).index(before), format_func=choices.__getitem__, **more)
    return str(picked)


def _distinct(names: list[str]) -> list[str]:
    """Names for a table on screen: columns of one name are numbered."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    count: dict[str, int] = {}
    result = []
    for name in names:
        count[name] = count.get(name, 0) + 1
        result.append(f"{name} ({count[name]})" if seen[name] > 1 else name)
    return result
