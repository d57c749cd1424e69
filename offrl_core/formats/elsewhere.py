"""What a reading, or a look at a file, is on its way from where it was made: plain data for JSON, and a log as NPZ.

Files that nobody vouches for are read in another process, and in a browser tab in another worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any

from offrl_core.formats import npz
from offrl_core.formats.base import Finding, Limits
from offrl_core.formats.log import Reading
from offrl_core.formats.mapping import ColumnInfo, ColumnMapping
from offrl_core.formats.reading import Preview


def sent_preview(preview: Preview) -> dict[str, Any]:
    """A look at a file as plain data."""
    return {**asdict(preview), "mapping": _sent(preview.mapping)}


def preview_of(sent: Mapping[str, Any]) -> Preview:
    """The look at a file that `sent_preview` wrote."""
    columns = tuple(ColumnInfo(**{**info, "examples": tuple(info["examples"])}) for info in sent["columns"])
    sample = tuple(tuple(row) for row in sent["sample"])
    return Preview(sent["format"], columns, sent["rows"], sample, _mapping(sent))


def sent_reading(reading: Reading) -> tuple[dict[str, Any], memoryview]:
    """A reading as plain data, and its log as bytes."""
    log = BytesIO()
    npz.write(reading.log, log, compress=False)
    findings = [asdict(finding) for finding in reading.findings]
    return {"format": reading.format, "findings": findings, "mapping": _sent(reading.mapping)}, log.getbuffer()


def reading_of(sent: Mapping[str, Any], data: bytes, file: str, limits: Limits) -> Reading:
    """The reading that `sent_reading` wrote; whoever did is not trusted.

    Args:
        sent: the plain data.
        data: the log.
        file: the file's name.
        limits: what the file was allowed to ask for.

    Raises:
        FileError: the bytes are no log.
    """
    log = npz.unpack(data, replace(limits, unpacked=2 * limits.unpacked))
    findings = tuple(Finding(**{**finding, "rows": tuple(finding["rows"])}) for finding in sent["findings"])
    return Reading(file, log, findings, sent["format"], _mapping(sent))


def _sent(mapping: ColumnMapping | None) -> dict[str, Any] | None:
    return None if mapping is None else mapping.to_json()


def _mapping(sent: Mapping[str, Any]) -> ColumnMapping | None:
    return None if sent["mapping"] is None else ColumnMapping.from_json(sent["mapping"])
