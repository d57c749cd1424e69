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
from offrl_core.dataset import Dataset, kept
from offrl_core.formats import (
    FORMATS,
    ColumnMapping,
    FileError,
    Finding,
    Limits,
    Preview,
    Reading,
)
from offrl_core.processes.file_reader import preview_isolated, read_isolated
from offrl_core.writing import number
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.datasets import UPLOAD, is_kept, keep, uploaded
from offrl_live.serving.environment import takes_uploads, upload_room, uploads_folder
from offrl_live.serving.upload_folder import upload_folder
from offrl_ui.datasets.column_choices import choose_columns, choose_fixed
from offrl_ui.setup.links import plain

UPLOADS = "uploads"
SEVERITY = {
    "error": ":material/error: **To fix.**",
    "warning": ":material/warning: **Warning.**",
    "note": ":material/info: **Note.**",
}


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
        help="One row per decision. " + " ".join(f"{record.title}: {record.help}" for record in FORMATS.values()),
    )
    megabytes = st.get_option("server.maxUploadSize")
    if file is None:
        titles = ", ".join(record.title for record in FORMATS.values())
        st.caption(
            f"Up to {megabytes} MB; {titles}; also packed (gzip, bzip2, xz, Zstandard, zip). What is read "
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
    gamma = st.slider("Discount γ of the returns and of training", 0.0, 1.0, 0.99, 0.01, key=f"gamma {file.file_id}")
    with st.expander("The same in Python"):
        st.code(python_line(file.name, preview.format, mapping, gamma), language="python", wrap_lines=True)
    mapped = mapping is not None and preview.mapping is not None
    problems = mapping.problems([column.name for column in preview.columns]) if mapping and mapped else []
    for problem in problems:
        st.warning(plain(f"{problem[:1].upper()}{problem[1:]}."), icon=":material/rule:")
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
    """Who asks: a name for this visit."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def address() -> str:
    """Who waits for a reader: everybody behind one address has one seat, so that nobody takes all by many visits."""
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


def python_line(name: str, format_: str, mapping: ColumnMapping | None, gamma: float) -> str:
    """What reads the same file with the same choices from Python."""
    mapped = "" if mapping is None else f", mapping={mapping.to_json()!r}"
    return f"dataset = orl.Dataset.from_file({name!r}, format={format_!r}{mapped}, gamma={gamma!r})"


def report_of(upload: Upload, dataset: Dataset) -> Report:
    """The report on an uploaded log, or on what is left of it where episodes are left out."""
    if dataset.n_episodes == upload.dataset.n_episodes:
        return upload.report
    return _report_of_part(dataset.as_logged, tuple(f for f in upload.report.findings if f.place == "file"))


@kept
def _reports_of_part(dataset: Dataset) -> dict[tuple[Finding, ...], Report]:
    return {}


def _report_of_part(dataset: Dataset, read: tuple[Finding, ...]) -> Report:
    known = _reports_of_part(dataset)
    if read not in known:
        known[read] = validate(dataset, read)
    return known[read]


def show_report(found: Report, *, left_out: int = 0) -> None:
    """The validation report: what is in the data, and what to mind before training.

    Args:
        found: the report.
        left_out: how many episodes of the file it is not about.
    """
    errors = sum(finding.severity == "error" for finding in found.findings)
    remarks = "1 remark" if len(found.findings) == 1 else f"{len(found.findings)} remarks"
    title = f"{remarks}, {errors} to fix" if errors else f"{remarks}, nothing to fix"
    if not found.findings:
        title = "nothing is suspicious"
    many = "episode that is" if left_out == 1 else f"{left_out:,} episodes that are"
    without = f" without the {many} left out" if left_out else ""
    with st.expander(f"What was found in the file{without}: {title}", expanded=True):
        st.markdown(_summary(found))
        for finding in found.findings:
            st.markdown(_told(finding))
        st.caption("How often each action was taken")
        st.dataframe(
            [
                {"action": action.name, "rows": action.count, "share": f"{action.share:.1%}"}
                | ({} if action.states is None else {"in states": action.states})
                for action in found.actions
            ],
            hide_index=True,
            height=min(250, 38 + 35 * len(found.actions)),
        )


def _summary(found: Report) -> str:
    """The sizes and ranges of a log, in three sentences."""
    lengths, returns = found.lengths, found.returns
    share = found.unknown_next / found.rows
    unknown = f", {found.unknown_next:,} rows ({share:.1%}) without a known next state" if found.unknown_next else ""
    return (
        f"{found.rows:,} rows in {found.episodes:,} episodes of {lengths.low:g} to {lengths.high:g} rows (median "
        f"{lengths.median:g}); {found.terminated:.0%} end in a terminal state, {found.truncated:.0%} are cut off"
        f"{unknown}. "
        f"Returns at γ = {found.gamma:g} go from {number(returns.low)} to {number(returns.high)} "
        f"(mean {number(returns.mean)}). "
        f"{found.distinct_states:,} distinct states; {found.repeated_rows:.0%} of the rows share theirs with another."
    )


def _told(finding: Finding) -> str:
    where = ""
    if finding.rows:
        of = "of the file" if finding.place == "file" else "of the data, counted from 0"
        more = " …" if finding.count > len(finding.rows) else "."
        where = f" Rows {of}: {', '.join(map(str, finding.rows))}{more}"
    message = f"{finding.message[:1].upper()}{finding.message[1:]}."
    return f"{SEVERITY[finding.severity]} {plain(message)} {plain(finding.remedy)}{where}"
