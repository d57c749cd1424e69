"""What was found in a log of one's own, in words."""

from __future__ import annotations

from typing import Any

from offrl_core.data.report import Report, validate
from offrl_core.dataset import Dataset, kept
from offrl_core.formats import FORMATS, ColumnMapping, Finding
from offrl_core.writing import number

SEVERITY = {"error": "To fix", "warning": "Warning", "note": "Note"}
OWN_TITLE = "An uploaded log"
ABOUT_OWN = "The world behind this log is not known, so there is no truth to compare with."
ABOUT_OPTIONS = (
    "Uploaded data cannot be re-collected. Choose which of its episodes are used, and what learners are given for a "
    "reward."
)
ACTIONS_TAKEN = "How often each action was taken"
WHAT_IS_READ = "One row per decision. " + " ".join(f"{record.title}: {record.help}" for record in FORMATS.values())
FORMATS_READ = ", ".join(record.title for record in FORMATS.values())
PACKED = "also packed (gzip, bzip2, xz, Zstandard, zip)"


def python_line(name: str, format_: str, mapping: ColumnMapping | None, gamma: float) -> str:
    """What reads the same file with the same choices from Python."""
    mapped = "" if mapping is None else f", mapping={mapping.to_json()!r}"
    return f"dataset = orl.Dataset.from_file({name!r}, format={format_!r}{mapped}, gamma={gamma!r})"


def part_of(found: Report, dataset: Dataset) -> Report:
    """The report on what is left of a log where episodes are left out, with what was found in its file."""
    read = tuple(finding for finding in found.findings if finding.place == "file")
    known = _reports_of_part(dataset.as_logged)
    if read not in known:
        known[read] = validate(dataset.as_logged, read)
    return known[read]


@kept
def _reports_of_part(dataset: Dataset) -> dict[tuple[Finding, ...], Report]:
    return {}


def heading(found: Report, left_out: int = 0) -> str:
    """What a report is about, and how much it says.

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
    return f"What was found in the file{without}: {title}"


def summary(found: Report) -> str:
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


def message(finding: Finding) -> str:
    """What is the case."""
    return f"{finding.message[:1].upper()}{finding.message[1:]}."


def where(finding: Finding) -> str:
    """The rows that a finding is about; empty where it is about none."""
    if not finding.rows:
        return ""
    of = "of the file" if finding.place == "file" else "of the data, counted from 0"
    more = " …" if finding.count > len(finding.rows) else "."
    return f"Rows {of}: {', '.join(map(str, finding.rows))}{more}"


def action_rows(found: Report) -> list[dict[str, Any]]:
    """How often each action was taken."""
    return [
        {"action": action.name, "rows": action.count, "share": f"{action.share:.1%}"}
        | ({} if action.states is None else {"in states": action.states})
        for action in found.actions
    ]
