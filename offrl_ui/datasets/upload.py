"""Your own log: upload a file, say which column is what, read it in a process of its own, see its report."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any
from weakref import WeakKeyDictionary

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from offrl_core.data.report import Report, validate
from offrl_core.dataset import Dataset
from offrl_core.formats import ColumnMapping, FileError, Limits, Preview, Reading
from offrl_core.processes.file_reader import preview_isolated, read_isolated
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.datasets import UPLOAD, is_kept, keep, uploaded
from offrl_live.serving.environment import takes_uploads, upload_room, uploads_folder
from offrl_live.serving.upload_folder import upload_folder
from offrl_ui.datasets.column_choices import choose_columns, choose_fixed
from offrl_ui.datasets.column_roles import GAMMA, sentence
from offrl_ui.datasets.reporting import (
    ACTIONS_TAKEN,
    FORMATS_READ,
    PACKED,
    SEVERITY,
    WHAT_IS_READ,
    action_rows,
    heading,
    message,
    part_of,
    python_line,
    summary,
    where,
)
from offrl_ui.setup.links import plain

UPLOADS = "uploads"
ICONS = {"error": ":material/error:", "warning": ":material/warning:", "note": ":material/info:"}


# What was found in the files of the datasets that are kept: whoever comes by a link is told the same.
_reports: WeakKeyDictionary[Dataset, Report] = WeakKeyDictionary()


@dataclass(frozen=True)
class Upload:
    """An uploaded dataset: its file's name, the data, and what is to be said about it."""

    title: str
    dataset: Dataset
    report: Report


def uploads(chosen: str = "") -> dict[str, Upload]:
    """What this session has uploaded or found by its link, by the name that a run's configuration uses.

    Args:
        chosen: what is looked at: an upload of a session before, which a reload has ended, is taken in here.
    """
    own: dict[str, Upload] = st.session_state.setdefault(UPLOADS, {})
    if chosen.startswith(UPLOAD) and chosen not in own:
        dataset = uploaded(chosen)
        report = _reports.get(dataset) or validate(dataset)
        own[chosen] = Upload(str(dataset.opened.get("file") or dataset.name), dataset, report)
    for name in set(own) - {chosen}:
        if not is_kept(name):
            del own[name]  # the server needed the room
    return own


def upload_form() -> str | None:
    """The upload, its mapping and its reading; the name of a dataset that was read just now, else None."""
    if not takes_uploads():
        st.caption("This server takes no files. Start the app on your own machine to train on a log of yours.")
        return None
    file = st.file_uploader(
        "A log of decisions",
        key="file",
        help=WHAT_IS_READ,
    )
    megabytes = st.get_option("server.maxUploadSize")
    if file is None:
        st.caption(
            f"Up to {megabytes} MB; {FORMATS_READ}; {PACKED}. What is read "
            f"stays on this server until it {_until()} needs the room; until then the page's link opens it again."
        )
        return None
    room = upload_room()
    limits = Limits(bytes=megabytes * 1024 * 1024, unpacked=room.one)
    memory = st.session_state.get("preview")
    if memory is None or memory["id"] != file.file_id:
        memory = {"id": file.file_id, "preview": None, "error": None}
        try:
            with st.spinner("Looking at the file …"):
                memory["preview"] = preview_isolated(file.getvalue(), name=file.name, limits=limits, visitor=address())
        except FileError as error:
            memory["error"] = str(error)
        st.session_state["preview"] = memory
    if memory["error"]:
        st.error(plain(memory["error"]), icon=":material/error:")
        return None
    preview: Preview = memory["preview"]
    mapping = choose_columns(preview, file.file_id) if preview.mapping else choose_fixed(preview.format, file.file_id)
    gamma = st.slider(GAMMA, 0.0, 1.0, 0.99, 0.01, key=f"gamma {file.file_id}")
    with st.expander("The same in Python"):
        st.code(python_line(file.name, preview.format, mapping, gamma), language="python", wrap_lines=True)
    mapped = mapping is not None and preview.mapping is not None
    problems = mapping.problems([column.name for column in preview.columns]) if mapping and mapped else []
    for problem in problems:
        st.warning(plain(sentence(problem)), icon=":material/rule:")
    if not st.button("Read the file", type="primary", disabled=bool(problems), icon=":material/upload_file:"):
        return None
    try:
        data = file.getvalue()
        reading = _read(data, file.name, preview.format, mapping, limits)
        dataset = Dataset.from_reading(reading, gamma)
        report = validate(dataset, reading.findings)  # before it is kept: what has no report is not kept either
        folder = upload_folder()
        stored = folder.save(data, file.name, preview.format, mapping, gamma) if folder else None
        name = keep(dataset, visitor(), room, stored)
    except (FileError, ConfigError) as error:
        st.error(plain(error), icon=":material/error:")
        return None
    _reports[dataset] = report
    return name


def _until() -> str:
    folder = uploads_folder()
    return "restarts or" if folder is None else f"was not used for {folder[1] / 3600:,.0f} hours, or the server"


def visitor() -> str:
    """The name of this visit, by which the files of one visitor are told from those of others."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def address() -> str:
    """The address that a file is read for. Visits from one address share one reader, so that none takes all of them."""
    return st.context.ip_address or visitor()


def _read(data: bytes, name: str, format_: str, mapping: ColumnMapping | None, limits: Limits) -> Reading:
    """The file, read in a process of its own with its progress on the page."""
    told: dict[str, Any] = {"share": 0.0, "doing": "start"}
    left = Event()

    def progress(share: float, doing: str) -> None:
        if left.is_set():
            raise InterruptedError("the viewer has left")
        told.update(share=share, doing=doing)

    bar = st.progress(0.0, "Reading …")
    who = address()
    with ThreadPoolExecutor(1) as pool:
        # The reader reports from a thread that knows no page: this one looks and draws.
        future = pool.submit(
            read_isolated,
            data,
            format=format_,
            mapping=mapping,
            limits=limits,
            progress=progress,
            name=name,
            visitor=who,
        )
        try:
            while not future.done():
                bar.progress(min(1.0, max(0.0, told["share"])), f"Reading: {told['doing']} …")
                time.sleep(0.1)
        finally:
            left.set()  # whoever goes elsewhere in the middle keeps no reader busy
    bar.empty()
    return future.result()


def report_of(upload: Upload, dataset: Dataset) -> Report:
    """The report on an uploaded log, or on what is left of it where episodes are left out."""
    return upload.report if dataset.n_episodes == upload.dataset.n_episodes else part_of(upload.report, dataset)


def show_report(found: Report, *, left_out: int = 0) -> None:
    """The validation report: what is in the data, and what to mind before training.

    Args:
        found: the report.
        left_out: how many episodes of the file it is not about.
    """
    with st.expander(heading(found, left_out), expanded=True):
        st.markdown(summary(found))
        for finding in found.findings:
            kind, said = f"{ICONS[finding.severity]} **{SEVERITY[finding.severity]}.**", plain(message(finding))
            at = f" {where(finding)}" if finding.rows else ""
            st.markdown(f"{kind} {said} {plain(finding.remedy)}{at}")
        st.caption(ACTIONS_TAKEN)
        rows = action_rows(found)
        st.dataframe(rows, hide_index=True, height=min(250, 38 + 35 * len(rows)))
