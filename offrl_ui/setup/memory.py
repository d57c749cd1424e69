"""What this session has chosen on a page, kept in step with the page's link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from offrl_core.data.picture import layout_of
from offrl_live.runs.config import RunConfig
from offrl_live.serving.upload_folder import bring_back
from offrl_ui.setup import links, selection
from offrl_ui.setup import looks as pictures

PLAYGROUND = "playground"
"""Where the session keeps what is chosen on the playground."""
BACK, STORY = "back", "story"
"""The parts of a link that name where it was opened from, and the story that is told: they stay in the address and are
no part of what is chosen."""


def recall(key: str, *, whole: bool = False) -> tuple[RunConfig, list[links.Note]]:
    """What is chosen on this page: what the link says if it is new, else what this session chose last.

    Args:
        key: where the session keeps it.
        whole: a link that names no algorithm is no news while the dataset is the chosen one: the back button brings it
            along from a page that is about the data alone.
    """
    query = {name: st.query_params.get_all(name) for name in st.query_params if name not in (BACK, STORY)}
    flat = {name: given[0] for name, given in query.items() if given}
    memory = st.session_state.get(key)
    stray = whole and memory is not None and "algo" not in flat and flat.get("data") == memory["config"].dataset
    if memory is not None and flat == memory["link"]:
        memory["left"] = []
    # A message that the browser sent before it heard of the newest link still bears one that was left since then.
    late = memory is not None and flat in memory["left"] and not _went_back()
    if memory is None or (query and flat != memory["link"] and not stray and not late):
        config, looks, notes = _read(query)
        # Links that the browser has not heard of yet arrive there after this one was opened, and take its place in the
        # address bar: messages may bear them, and this one is written once more.
        left = [*memory["left"][1:], memory["link"]] if memory is not None and memory["left"] else []
        memory = {"config": config, "notes": notes, "link": flat, "left": left, "again": bool(left), "looks": looks}
        memory["goes_on"] = False
        st.session_state[key] = memory
    memory["config"] = memory["config"].renewed()  # an own file may have been saved since it was chosen
    return memory["config"], memory["notes"]


def chosen(key: str) -> RunConfig:
    """What is chosen at this moment, for callbacks: the script run that drew their control may have been cut short by a
    newer one."""
    config: RunConfig = st.session_state[key]["config"]
    return config


def choose(key: str, config: RunConfig, notes: Sequence[links.Note] = (), *, goes_on: bool = True) -> None:
    """Remember another choice (from a callback, before the script runs again).

    Args:
        goes_on: see `goes_on`.
    """
    memory = st.session_state[key]
    looks: pictures.Looks = memory["looks"]
    if not selection.same_choice(config, memory["config"]):
        looks = looks.moved_on() if config.dataset == memory["config"].dataset else looks.elsewhere()
    memory |= {"config": config, "notes": list(notes), "looks": looks, "goes_on": goes_on}


def choose_again(key: str, link: Mapping[str, str]) -> None:
    """Remember what a link of this page names as the choice (from a callback)."""
    config, looks, notes = _read({name: [value] for name, value in link.items()})
    st.session_state[key] |= {"config": config, "notes": notes, "looks": looks, "goes_on": True}


def goes_on(key: str) -> bool:
    """Whether the choice was made by hand on the page, where its run goes on at the pace of the one before; what a link
    names begins as it is."""
    return bool(st.session_state[key]["goes_on"])


def go_to_playground(config: RunConfig, **beside: str) -> None:
    """Leave for the playground with a choice; `beside` is what else stands in its link."""
    if PLAYGROUND in st.session_state:
        st.session_state[PLAYGROUND]["left"] = []  # a link that is opened on purpose is news, whenever it was left
    st.switch_page("pages/playground.py", query_params={**links.link(config), **beside})


def look(key: str, told: Mapping[str, object]) -> None:
    """Remember how the picture was arranged by hand: what the stage has `told` of `order` and `axes`."""
    memory = st.session_state[key]
    memory["looks"] = pictures.arranged(memory["looks"], told, layout_of(memory["config"].data))


def looks(key: str) -> pictures.Looks:
    """How the picture is to be arranged."""
    found: pictures.Looks = st.session_state[key]["looks"]
    return found


def tell(key: str, config: RunConfig, sentence: str) -> None:
    """Have the page say `sentence` as long as these very systems are chosen there."""
    st.session_state[f"{key}-told"] = (selection.systems(config), sentence)


def told(key: str, config: RunConfig) -> str:
    """What is to be said of the present choice; often nothing."""
    about, sentence = st.session_state.get(f"{key}-told", ("", ""))
    return sentence if about == selection.systems(config) else ""


def write_link(
    key: str, write: Callable[[RunConfig], dict[str, str]] = links.link, *, shown: RunConfig | None = None
) -> None:
    """Put the session's choice into the address bar, or what is `shown` for it, as `write` makes a link of it."""
    memory = st.session_state[key]
    parts = write(memory["config"] if shown is None else shown) | pictures.link(memory["looks"])
    if parts != memory["link"] or not st.query_params or memory["again"]:
        memory["left"].append(memory["link"])
        memory["link"], memory["again"] = parts, False
        kept = {name: st.query_params[name] for name in (BACK, STORY) if name in st.query_params}
        st.query_params.from_dict({**parts, **kept})


def written_link(key: str) -> dict[str, str]:
    """The parts of the link that the address bar has by now."""
    parts: dict[str, str] = st.session_state[key]["link"]
    return parts


def _read(query: Mapping[str, Sequence[str]]) -> tuple[RunConfig, pictures.Looks, list[links.Note]]:
    """What a link says; a log that it names is brought back."""
    bring_back("".join(query.get("data", ())[:1]), st.context.ip_address)
    return pictures.parse_all(query)


def _went_back() -> bool:
    """Whether the script runs because the browser's back or forward button was pressed."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
