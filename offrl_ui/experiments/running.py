"""How an experiment stands: what it will cost, starting it, stopping it, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from offrl_core.dataset import Dataset
from offrl_core.experiments import Design, ExperimentError, Job
from offrl_core.experiments.choices import of_dataset
from offrl_core.writing import number
from offrl_live.runs.datasets import uploaded
from offrl_live.runs.live_runs import NoRoom
from offrl_live.serving.experiments import Experiments, Standing, get_experiments
from offrl_ui.experiments.marks import title_of, word_of
from offrl_ui.setup.links import plain

OWN = "experiments-own"
STATES = {
    "queued": ":material/hourglass_top: waiting",
    "running": ":material/progress_activity: computing",
    "stopping": ":material/pause_circle: stopping",
    "stopped": ":material/pause_circle: stopped",
    "finished": ":material/check_circle: finished",
    "failed": ":material/error: failed",
}


def own_datasets() -> dict[str, Dataset]:
    """The own datasets that this visit made experiments of, by hash."""
    return {key: data for key, (data, _) in _own().items()}


def names_of_own() -> dict[str, str]:
    """Under which names the playground has them, by hash."""
    return {key: name for key, (_, name) in _own().items()}


def remember_own(name: str) -> None:
    """Have an uploaded dataset at hand for experiments of this visit.

    Raises:
        ConfigError: it is no longer kept here.
        ExperimentError: it cannot travel to other processes.
    """
    data = uploaded(name)
    for key in of_dataset(data)[1]:
        _own()[key] = data, name


def _own() -> dict[str, tuple[Dataset, str]]:
    found: dict[str, tuple[Dataset, str]] = st.session_state.setdefault(OWN, {})
    return found


def experiments() -> Experiments | None:
    """This server's queue; None, and the reason on the page, where its folder cannot be used."""
    try:
        return get_experiments()
    except (ExperimentError, OSError) as error:
        st.error(f"Experiments cannot be kept here: {plain(error)}.", icon=":material/folder_off:")
        return None


def name_of(design: Design) -> str:
    """A design in a few words: `BC, IQL and 2 more on Double crossing: rho`.

    What somebody else's dataset is called, which is the name of their file, is theirs: it is "an uploaded dataset".
    """
    mine = own_datasets()
    systems = list(dict.fromkeys(title_of("algorithm", choice.name) for choice in design.algorithms))
    worlds = list(
        dict.fromkeys(
            "an uploaded dataset" if choice.own and choice.own not in mine else title_of("dataset", choice.name)
            for choice in design.datasets
        )
    )
    axes = ", ".join(word_of(axis) for axis in design.axes)
    return f"{_few(systems)} on {_few(worlds)}" + (f": {axes}" if axes else "")


def _few(names: list[str]) -> str:
    if len(names) <= 2:
        return " and ".join(names)
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


def size(jobs: Sequence[Job]) -> str:
    """How many jobs, models and updates it is."""
    models, updates = sum(len(job.runs) for job in jobs), sum(job.updates for job in jobs)
    return f"**{_jobs(jobs)}** train{'s' * (len(jobs) == 1)} {models:,} models with {updates:,} updates in all"


def _jobs(jobs: Sequence[Job]) -> str:
    return f"{len(jobs):,} job{'' if len(jobs) == 1 else 's'}"


def cost(jobs: Sequence[Job], pace: float | None) -> str:
    """How large it is, and about how long it takes.

    Args:
        jobs: what is computed.
        pace: model updates per second, where some are known.
    """
    if not pace:
        return f"{size(jobs)}. How long that takes is not known before the first job is done."
    long = duration(sum(job.updates for job in jobs) / pace)
    return f"{size(jobs)}: about {long} at the pace of what was computed here before."


def duration(seconds: float) -> str:
    """A time in words: `40 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{number(seconds / 3600, 2)} h"


def controls(queue: Experiments, design: Design, jobs: Sequence[Job], standing: Standing, missing: int) -> None:
    """Its cost, a button to start, stop or go on, and its progress: all of one height, whatever the state.

    Args:
        queue: where it is computed.
        design, standing: the experiment, and how it or its chosen settings stand.
        jobs: what is computed.
        missing: how many of its runs are not there.
    """
    words = {"new": "Start", "stopped": "Continue", "failed": "Try again", "finished": "Compute what is missing"}
    if standing.afresh:
        words["new"] = "Run the best settings afresh"
    what = "experiment-afresh" if standing.afresh else "experiment"
    asked = design, standing.afresh
    with st.container(horizontal=True, vertical_alignment="center", height=58, border=False, key=f"{what}-controls"):
        if not standing.waits and queue.limits.queued and missing:
            st.button(
                words[standing.state],
                icon=":material/play_arrow:",
                key=f"{what}-start",
                type="secondary" if standing.state == "finished" else "primary",
                on_click=_start,
                args=asked,
            )
        st.markdown(_said(queue, jobs, standing))
        # Behind the words: the second click of a double click on Start must not stop what the first has started.
        if standing.waits and standing.state != "stopping":
            st.button(
                "Stop",
                icon=":material/stop:",
                key=f"{what}-stop",
                on_click=_stop,
                args=asked,
                help="What is done is kept, and you can continue later.",
            )
    st.progress(_share(standing), text=_progress(standing))
    if refused := st.session_state.get(f"{what}-refused"):
        st.error(plain(refused), icon=":material/block:")


def _said(queue: Experiments, jobs: Sequence[Job], standing: Standing) -> str:
    if queue.limits.queued == 0 and standing.state != "finished":
        return "No experiments are started on this server. Copy the design below, and run it on your own computer."
    if standing.state == "failed":
        return f"It could not go on: {plain(standing.reason)}."
    if standing.state == "stopped":
        return f"Stopped: {plain(standing.reason)}. What is done is kept."
    if standing.state == "finished":
        return size(jobs).replace(" train", " have trained" if len(jobs) != 1 else " has trained", 1) + "."
    told = standing.progress
    if told is not None and told.seconds_left is not None:  # which is said beside the bar, of this very experiment
        return f"{size(jobs)}."
    return cost(jobs, queue.pace)


def _share(standing: Standing) -> float:
    told = standing.progress
    if told is None or not told.updates:
        return 1.0 if standing.state == "finished" else 0.0
    return min(1.0, max(0.0, told.updates_done / told.updates))


def _progress(standing: Standing) -> str:
    told = standing.progress
    if standing.state == "new":
        return "Not started yet"
    if standing.state == "queued":
        before = {1: "next", 2: "behind another"}.get(standing.place, f"behind {standing.place - 1} others")
        return f"Waiting in the queue, {before}"
    if told is None:
        return {"finished": "Finished", "stopped": "Stopped", "failed": "Failed"}.get(
            standing.state, "The workers are starting"
        )
    words = [f"{told.jobs_done:,} of {told.jobs:,} jobs, {told.updates_done:,} of {told.updates:,} updates"]
    if standing.state == "running":
        left = told.seconds_left
        words.append("time left is known after the first job" if left is None else f"about {duration(left)} left")
    elif standing.state == "finished":
        words.append(f"finished in {duration(told.seconds)}" if told.updates_done and told.seconds >= 1 else "finished")
    else:
        words.append({"stopping": "the workers are stopping", "stopped": "stopped", "failed": "failed"}[standing.state])
    if told.found:
        words.append(f"{told.found:,} models were there already")
    if told.diverged:
        words.append(f"{told.diverged:,} models diverged")
    if told.failed:
        words.append(f"{told.failed:,} jobs could not be done")
    return "; ".join(words)


def _start(design: Design, afresh: bool) -> None:
    refused = "experiment-afresh-refused" if afresh else "experiment-refused"
    st.session_state[refused] = ""
    try:
        get_experiments().start(design, afresh)
    except (ExperimentError, NoRoom, OSError) as error:
        st.session_state[refused] = f"{error}."


def _stop(design: Design, afresh: bool) -> None:
    get_experiments().stop(design, afresh)


def queued(queue: Experiments, shown: str) -> Design | None:
    """The experiments of this server as a list of buttons; returns the one that was clicked."""
    clicked, mine = None, own_datasets()
    for standing in queue.all()[:12]:
        before = "Best settings afresh: " if standing.afresh else ""
        label = f"{before}{name_of(standing.design)}  \n{STATES[standing.state]}"
        if standing.state == "queued":
            label += f", {standing.place}."
        others = not standing.design.own.keys() <= mine.keys()
        if st.button(
            label,
            key=f"experiment-{standing.key}",
            width="stretch",
            type="primary" if standing.key == shown else "secondary",
            disabled=others,
            help="Only the visitor who uploaded its data can open it." if others else None,
        ):
            clicked = standing.design
    return clicked
