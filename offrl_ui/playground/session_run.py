"""Which run a session watches: kept while only live hyperparameters change, a new one for everything else."""

from __future__ import annotations

from typing import Any

import streamlit as st

from offrl_live.runs.config import RunConfig
from offrl_live.runs.live_runs import UnknownRun
from offrl_live.serving.hub import get_hub
from offrl_live.serving.visits import VISIT
from offrl_ui.setup import selection
from offrl_ui.setup.memory import PLAYGROUND, choose
from offrl_ui.shared import component

MEMORY = "run"
FIRST_SPEED = 10.0
"""Updates per second of a first visit's run: slow enough to see each of them, and its story takes about twenty."""


def run_of(config: RunConfig, step: int | None = None) -> str:
    """The id of the run that shows `config`: this session's own while it fits, else one that the hub has or makes.

    Args:
        config: what is chosen.
        step: the one that a link names, while nothing else was chosen since.

    Raises:
        NoRoom: the server holds as many runs as it takes.
    """
    hub = get_hub()
    memory: Any = st.session_state.get(MEMORY)
    asked = memory is not None and step in (None, memory["step"])
    if asked and selection.same_run(memory["config"].renewed(), config) and _alive(memory["id"]):
        return str(memory["id"])
    owner = st.context.cookies.get(VISIT)
    if config == selection.start():
        # Everybody's own: it stands at step 0, whoever else has played, and nobody's speed is another's.
        title = selection.title_of(config)
        run_id = hub.open(config, private=True, title=title, owner=owner, speed=FIRST_SPEED, step=step)
    else:
        run_id = hub.open(config, title=selection.title_of(config), owner=owner, step=step)
    st.session_state[MEMORY] = {"id": run_id, "config": config, "step": step}
    if config.changes and step is None and hub.info(run_id)["step"] == 0:
        # A link to a branch whose run is gone computes it again.
        hub.play(run_id)
    return run_id


def begin_anew(config: RunConfig, speed: float) -> None:
    """Let this session watch a run of its own of `config`, from step 0.

    Raises:
        NoRoom: the server holds as many runs as it takes.
    """
    run_id = get_hub().open(config, private=True, title=selection.title_of(config), speed=speed)
    st.session_state[MEMORY] = {"id": run_id, "config": config, "step": None}


def go_to(run_id: str) -> None:
    """Let this session watch a run that it has seen before, with the run's own system as what is chosen."""
    try:
        config: RunConfig = get_hub().info(run_id)["config"]
    except UnknownRun:
        return
    st.session_state[MEMORY] = {"id": run_id, "config": config, "step": None}
    choose(PLAYGROUND, config)


def make_ready() -> None:
    """Build the first visit's run once, for everybody's own to begin from without a worker: see `LiveRuns.open`."""
    first = selection.start()
    get_hub().open(first, title=selection.title_of(first), stays=True)


def shown(run_id: str, config: RunConfig) -> RunConfig:
    """What the stage shows for the choice `config`: the same, with the live changes that the run has seen."""
    actual: RunConfig = get_hub().info(run_id)["config"]
    return actual if actual.changes else config


def moved(key: str) -> None:
    """The stage at `key` was moved to a run of the viewer's own (a branch, or a live change of a shared run)."""
    event = component.told(key, "moved")
    memory = st.session_state.get(MEMORY)
    if memory is not None and isinstance(event.get("run_id"), str) and _alive(event["run_id"]):
        memory["id"] = event["run_id"]


def mistakes_in_files() -> list[str]:
    """What is wrong with own files that have not worked yet; of one that has, the stage says it."""
    files = get_hub().files
    return [] if files is None else list(files.never_good().values())


def gone() -> None:
    """The run no longer exists: the next script run opens it anew. This is told until the stage has another run."""
    memory = st.session_state.get(MEMORY)
    if memory is not None and memory["id"] == component.told("stage", "gone").get("run_id"):
        del st.session_state[MEMORY]


def _alive(run_id: str) -> bool:
    try:
        get_hub().info(run_id)
    except UnknownRun:
        return False
    return True
