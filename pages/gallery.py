"""The gallery: runs worth seeing, one per lesson; each opens with its timeline already there."""

from __future__ import annotations

import streamlit as st

from offrl_ui.datasets.assumption import show_assumption
from offrl_ui.gallery.cards import preset_cards
from offrl_ui.gallery.presets import presets
from offrl_ui.playground.downloads import preset_address
from offrl_ui.setup import links, memory
from offrl_ui.shared.glossary import with_terms
from offrl_ui.shared.stage import stage
from offrl_ui.shared.theme import full_width, page_heading
from offrl_ui.shared.widgets import open_recording, picker, transition

OPENED = "gallery-opened"
"""Where the session keeps the recording of the viewer's own that is shown: its address on the page, and its name."""

full_width()
known = presets()
asked = st.query_params.get("preset")
chosen = known.get(asked or "", next(iter(known.values())))


def pick(name: str) -> None:
    st.session_state.pop(OPENED, None)
    st.query_params["preset"] = name


def show_own(address: str, name: str) -> None:
    st.session_state[OPENED] = (address, name)


opened: tuple[str, str] | None = st.session_state.get(OPENED)
if asked is not None and asked not in known:
    message = f"preset = {asked[:60]!r} was refused: there is no such run; {chosen.title} is shown"
    st.warning(links.plain(message), icon=":material/rule:")
with st.sidebar:
    open_recording(key="gallery-open", on_open=show_own)
    st.subheader("Runs worth seeing")
    picker(preset_cards(), None if opened else chosen.id, key="gallery", label="Run", on_pick=pick, columns=2)


if opened:
    address, name = opened
    page_heading(name)
    st.markdown("A recording of your own: it plays from your browser, and none of it was sent anywhere.")
    stage(recording=address, key="gallery-stage")
    st.stop()
title, button = st.columns([4, 1], vertical_alignment="center")
with title:
    page_heading(chosen.title)
    st.markdown(with_terms(chosen.sentence))
with button:
    if st.button("Train it live", type="primary", icon=":material/play_circle:", width="stretch"):
        memory.go_to_playground(chosen.config)
stage(recording=preset_address(chosen.id), key="gallery-stage", **chosen.view)

beside = st.container()
with st.expander("Look inside one transition", icon=":material/search:"):
    transition(key="gallery-inside")
with beside:
    show_assumption(chosen.config)
