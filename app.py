"""Entry point: `streamlit run app.py`."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from offrl_live.serving.hub import close_hub, get_hub
from offrl_live.serving.socket import live_route
from offrl_ui import cards, choices, formulas, gallery, lecture, live, takehome
from offrl_ui.network import send_without_delay
from offrl_ui.stage import asset_routes

# Until `st.navigation` has run once, Streamlit takes a folder called `pages` for its older kind of multipage app, and
# the first visitor of a link such as /datasets would see a bare page without navigation.
PagesManager.uses_pages_directory = False


def _warm() -> None:
    """Have ready what a first visit shows: its run, trained, and the pictures on the cards."""
    first = choices.start()
    live.train_ahead(get_hub().open(first, title=live.title_of(first)))
    cards.dataset_cards()
    cards.algorithm_cards()
    gallery.cards()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the workers with the server and end them with it."""
    send_without_delay()
    get_hub()
    threading.Thread(target=_warm, name="warm", daemon=True).start()
    try:
        yield
    finally:
        close_hub()


app = st.App(
    "main.py",
    routes=[live_route(), *asset_routes(), *lecture.routes(), *formulas.routes(), *takehome.routes()],
    lifespan=lifespan,
)
