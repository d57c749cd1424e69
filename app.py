"""Entry point: `streamlit run app.py`."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager

from offrl_core.data.catalogue import withdraw_dataset
from offrl_core.data.entries.custom import OWN_GRID
from offrl_core.experiments.cluster import cluster_executor
from offrl_live.serving import logs
from offrl_live.serving.command_line import cluster_address, named_files
from offrl_live.serving.environment import takes_own_grids, upload_room, warms_up
from offrl_live.serving.experiments import close_experiments, use_cluster
from offrl_live.serving.hub import close_hub, get_hub
from offrl_live.serving.operator import Operator
from offrl_live.serving.socket import live_route
from offrl_ui.experiments.cards import study_cards
from offrl_ui.gallery.cards import preset_cards
from offrl_ui.lecture import join
from offrl_ui.lecture import socket as scene_socket
from offrl_ui.playground import downloads, session_run, waiting
from offrl_ui.setup.algorithm_cards import algorithm_cards
from offrl_ui.setup.dataset_cards import dataset_cards
from offrl_ui.shared import assets, card_pictures, formulas, network
from offrl_ui.shared.first_visit import FirstVisit
from offrl_ui.shared.raw_uploads import RawUploads, streamlits_store
from offrl_web import serving as static_site

# Until `st.navigation` has run once, Streamlit takes a folder called `pages` for its older kind of multipage app, and
# the first visitor of a link such as /datasets would see a bare page without navigation.
PagesManager.uses_pages_directory = False

# `streamlit run` leaves what stands behind `--` to the script; another server's command line is its own.
NAMED = named_files(sys.argv[1:]) if Path(sys.argv[0]).name == Path(__file__).name else ()
CLUSTER = cluster_address(sys.argv[1:]) if Path(sys.argv[0]).name == Path(__file__).name else ""


# By page: what its components begin with.
FIRST_MODULES = {
    "": ("stage/mount.js", "widgets/settings.js", "widgets/picker.js", "widgets/transition.js"),
    "gallery": ("widgets/picker.js",),
    "datasets": ("widgets/picker.js", "widgets/settings.js"),
    "experiments": ("widgets/picker.js",),
    **dict.fromkeys(("reweighting", "deadly_triad", "constraining_q"), ("lecture/scene.js",)),
}


if not takes_own_grids():
    withdraw_dataset(OWN_GRID)

SITE = static_site.folder()
if SITE is not None:
    waiting.trains_in_tabs("web/")


def _warm() -> None:
    """Have ready what a first visit shows: its run, built, and the pictures on the cards."""
    session_run.make_ready()
    dataset_cards()
    algorithm_cards()
    preset_cards()
    study_cards()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the workers with the server and end them with it."""
    logs.set_up()
    network.send_without_delay()
    await asyncio.to_thread(get_hub().watch, NAMED)
    if CLUSTER:
        use_cluster(partial(cluster_executor, CLUSTER))
    if warms_up():
        threading.Thread(target=_warm, name="warm", daemon=True).start()
    try:
        yield
    finally:
        close_experiments()
        close_hub()


_origins = network.allowed_origins()
app = st.App(
    "main.py",
    routes=network.below_base_path(
        live_route(origins=_origins),
        *scene_socket.routes(_origins),
        *join.routes(),
        *assets.routes(),
        *card_pictures.routes(),
        *formulas.routes(),
        *downloads.routes(),
        *Operator().routes(),
        *static_site.routes(SITE),
    ),
    lifespan=lifespan,
    middleware=[
        Middleware(FirstVisit, modules=FIRST_MODULES, base=network.base_path()),
        Middleware(
            RawUploads,
            store=streamlits_store,
            room=upload_room(),
            largest=st.get_option("server.maxUploadSize") * 1024 * 1024,
            base=network.base_path(),
        ),
    ],
)
