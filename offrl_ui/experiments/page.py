"""The two kinds of experiments on the page: a stored one with its question, and one that is computed here."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import pandas as pd
import streamlit as st

from offrl_core.experiments import Choice, Design
from offrl_core.experiments.run_links import link_parts
from offrl_live.serving.experiments import Experiments, Standing
from offrl_ui.experiments import building, fresh, links, memory, running, viewing
from offrl_ui.experiments.studies import Study
from offrl_ui.setup.links import plain
from offrl_ui.shared.glossary import with_terms
from offrl_ui.shared.theme import page_heading

LOOK_SECONDS = 1.0
"""How often the page looks at an experiment that is computed."""
PICTURE_SECONDS = 4.0
"""How often its pictures are drawn anew: what changes all the time cannot be read."""


def show_study(study: Study) -> None:
    """A stored experiment: its question, a prediction, then what came out."""
    page_heading(study.title, study.question)
    decided = st.session_state.setdefault("experiment-predicted", {})
    with st.container(border=True):
        if study.id not in decided:
            chosen = st.radio(
                f"**Your prediction.** {study.ask}",
                range(len(study.choices)),
                index=None,
                key=f"predict-{study.id}",
                format_func=study.choices.__getitem__,
            )
            with st.container(horizontal=True):
                if st.button("This is my prediction", type="primary", key=f"commit-{study.id}"):
                    if chosen is None:
                        st.warning("Choose one of the answers first.", icon=":material/touch_app:")
                    else:
                        decided[study.id] = chosen
                        st.rerun()
                if st.button("Show the answer", key=f"reveal-{study.id}"):
                    decided[study.id] = None
                    st.rerun()
        else:
            mine = decided[study.id]
            if mine is not None:
                right = ":material/check: **As you predicted:**"
                verdict = right if mine == study.right else ":material/close: **Not as you predicted:**"
                st.markdown(f"{verdict} {study.choices[mine]}.")
            st.markdown(with_terms(study.answer))
    if study.id not in decided:
        st.caption(f"The pictures follow your prediction. {running.size(study.design.jobs)}.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Change it and run it", icon=":material/tune:", key="study-change"):
            memory.look_at(json.loads(links.written(study.design)))
            st.rerun()
        text = links.written(study.design)
        viewing.take_home(study.frame, text, python_of(study.design), name=study.id, key=f"study-{study.id}")
    viewing.view(
        study.frame,
        study.design.columns,
        f"study {study.id}",
        partial(link_parts, study.design),
        key=f"study-{study.id}",
        first=study.picture,
        by=study.by,
        metric=study.metric,
    )
    with st.expander(fresh.TITLE, icon=":material/casino:"):
        st.markdown(fresh.WHY.format(fresh=study.choice.fresh))
        fresh.show(study.choice, study.afresh, study.metric)


def show_design(queue: Experiments | None, shown: memory.Shown, design: Design | None, mistake: str) -> None:
    """A design that is built and computed here."""
    started = queue is not None and design is not None and queue.standing(design).state != "new"
    with st.expander("The design", icon=":material/tune:", expanded=not started):
        tab, text_tab = st.tabs(["Controls", "JSON"])
        with tab:
            changed = building.build(shown.plain, key=f"design-{shown.number}")
        with text_tab:
            given = building.as_text(shown.plain, key=f"design-{shown.number}")
    if given is not None:
        memory.look_at(given)
        st.rerun()
    first = memory.first_look(mistake)
    if changed != shown.plain:
        memory.change(changed, by_hand=not first)
        st.rerun()
    for sentence in dict.fromkeys(filter(None, (memory.remark(), mistake))):
        st.error(
            f"This design is not allowed: {plain(sentence)}."
            if sentence == mistake
            else f"Not allowed, so the controls have their usual values: {plain(sentence)}.",
            icon=":material/rule:",
        )
    if mistake:
        return
    if queue is None or design is None:
        return
    if len(links.written(design)) > links.LONGEST:
        st.info("This design is too long for a link; save it as JSON instead.", icon=":material/link_off:")
    waits = _waits(queue, design)
    _live(waits)(queue, design, waits)


@lru_cache(2)
def _live(moving: bool) -> Any:
    """The part of the page that changes by itself while an experiment is computed."""
    return st.fragment(_moving, run_every=LOOK_SECONDS if moving else None)


def _waits(queue: Experiments, design: Design) -> bool:
    return any(queue.standing(design, afresh).waits for afresh in (False, True))


def _moving(queue: Experiments, design: Design, waited: bool) -> None:
    standing = queue.standing(design)
    if _waits(queue, design) != waited:
        st.rerun()
    frame, stamp = _frame(queue, design, standing)
    sound = frame[frame["failed"] == ""] if "failed" in frame else frame
    missing = design.runs - sound["run"].nunique()
    running.controls(queue, design, design.jobs, standing, missing)
    if frame.empty or "normalised" not in frame:
        if "failed" in frame and len(frame):
            _say_failures(frame)
        st.caption("The pictures fill as soon as the first job is done.")
        return
    _say_failures(frame)
    text = links.written(design)
    viewing.take_home(frame, text, python_of(design), name="experiment", key="experiment")
    own = running.names_of_own()
    viewing.view(
        frame,
        design.columns,
        stamp,
        lambda run: link_parts(design, run, own),
        key=f"view-{design.key[:8]}",
        metric=fresh.unit_of(frame),
    )
    if not missing or standing.state == "finished":
        _afresh(queue, design, frame, stamp)


def _afresh(queue: Experiments, design: Design, frame: pd.DataFrame, stamp: str) -> None:
    """The chosen settings again, on seeds that had no part in the choice."""
    choice = _choice(stamp, frame, design)
    if not choice.jobs:
        return
    again = queue.standing(design, afresh=True)
    with st.expander(fresh.TITLE, icon=":material/casino:", expanded=again.state != "new"):
        st.markdown(fresh.WHY.format(fresh=choice.fresh))
        found = queue.results(design).afresh(choice)
        runs = sum(len(job.runs) for job in choice.jobs)
        running.controls(queue, design, choice.jobs, again, runs - found["run"].nunique())
        if len(found):
            fresh.show(choice, found, fresh.unit_of(frame))


@st.cache_resource(max_entries=8, show_spinner=False)
def _choice(stamp: str, _frame: pd.DataFrame, _design: Design) -> Choice:
    return Choice(_design, _frame)


def _say_failures(frame: pd.DataFrame) -> None:
    lost = frame[frame["failed"] != ""]
    if len(lost):
        reasons = lost.groupby("failed", sort=False).size()
        words = "; ".join(f"{plain(reason)} ({count:,} runs)" for reason, count in reasons.head(3).items())
        st.warning(f"Some runs could not be computed: {words}. “Compute what is missing” tries them again.")


def _frame(queue: Experiments, design: Design, standing: Standing) -> tuple[pd.DataFrame, str]:
    """The results that are there, read again when there are more, at most every few seconds while it is computed; and
    what tells them from those of another time, when fewer were there or some had failed."""
    held = st.session_state.get("experiment-frame")
    done = standing.progress.jobs_done if standing.progress is not None else -1
    told = f"{standing.state} {done}"
    if held is not None and held["key"] == standing.key:
        fresh = time.monotonic() - held["at"] < PICTURE_SECONDS
        if held["told"] == told or (standing.state == "running" and fresh):
            return held["frame"], held["stamp"]
    frame = queue.results(design).frame
    stamp = f"{standing.key}: {len(frame)} rows, {(frame['failed'] != '').sum()} of failed runs"
    held = {"key": standing.key, "told": told, "stamp": stamp, "frame": frame, "at": time.monotonic()}
    st.session_state["experiment-frame"] = held
    return frame, stamp


def python_of(design: Design) -> str:
    """The experiment as Python."""
    plain_design: Mapping[str, Any] = json.loads(links.written(design))
    arguments = ",\n".join(f"    {name}={value!r}" for name, value in plain_design.items())
    return f"import offrl_core as orl\n\nresults = orl.experiment(\n{arguments},\n)\nprint(results.describe())"
