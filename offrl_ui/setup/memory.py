"""What this session has chosen on a page, kept in step with the page's link."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from offrl_live.runs.config import RunConfig
from offrl_ui.setup import links

BACK = "back"
"""The part of a link that names where it was opened from: it stays in the address and is no part of what is chosen."""


def recall(key: str, *, whole: bool = False) -> tuple[RunConfig, list[links.Note]]:
    """What is chosen on this page: what the link says if it is new, else what this session chose last.

    Args:
        key: where the session keeps it.
        whole: a link that names no algorithm is no news while the dataset is the chosen one: the back button brings it
            along from a page that is about the data alone.
    """
    query = {name: st.query_params.get_all(name) for name in st.query_params if name != BACK}
    flat = {name: given[0] for name, given in query.items() if given}
    memory = st.session_state.get(key)
    stray = whole and memory is not None and "algo" not in flat and flat.get("data") == memory["config"].dataset
    if memory is not None and memory.pop("chosen", False):
        # What was just chosen is newer than any link: the browser may not have heard of the last one yet.
        memory["link"] = flat
    if memory is None or (query and flat != memory["link"] and not stray):
        config, notes = links.parse(query)
        memory = {"config": config, "notes": notes, "link": flat}
        st.session_state[key] = memory
    return memory["config"], memory["notes"]


def choose(key: str, config: RunConfig, notes: Sequence[links.Note] = ()) -> None:
    """Remember another choice (from a callback, before the script runs again)."""
    st.session_state[key] |= {"config": config, "notes": list(notes), "chosen": True}


def tell(key: str, config: RunConfig, sentence: str) -> None:
    """Have the page say `sentence` as long as these very systems are chosen there."""
    st.session_state[f"{key}-told"] = (_systems(config), sentence)


def told(key: str, config: RunConfig) -> str:
    """What is to be said of the present choice; often nothing."""
    about, sentence = st.session_state.get(f"{key}-told", ("", ""))
    return sentence if about == _systems(config) else ""


def _systems(config: RunConfig) -> tuple[object, ...]:
    return (config.dataset, *((lane.algorithm, lane.approximator) for lane in config.lanes))


def write_link(
    key: str, write: Callable[[RunConfig], dict[str, str]] = links.link, *, shown: RunConfig | None = None
) -> None:
    """Put the session's choice into the address bar, or what is `shown` for it, as `write` makes a link of it."""
    memory = st.session_state[key]
    parts = write(memory["config"] if shown is None else shown)
    if parts != memory["link"] or not st.query_params:
        memory["link"] = parts
        kept = {BACK: st.query_params[BACK]} if BACK in st.query_params else {}
        st.query_params.from_dict({**parts, **kept})
