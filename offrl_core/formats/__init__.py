"""Logs of decisions as files: one module for each format, and one way in and out.

`Dataset.from_file` and `Dataset.to_file` are the short way; `read_file` also tells what was found and done.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from offrl_core.columns import DatasetError
from offrl_core.formats.base import FileError, Finding, Limits, Progress, nothing
from offrl_core.formats.log import Log, Reading
from offrl_core.formats.mapping import ColumnInfo, ColumnMapping, guess_mapping
from offrl_core.formats.parse import Preview, parse_file, parse_preview
from offrl_core.formats.registry import FORMATS, Format
from offrl_core.formats.source import Source

__all__ = [
    "FORMATS",
    "ColumnInfo",
    "ColumnMapping",
    "FileError",
    "Finding",
    "Format",
    "Limits",
    "Log",
    "Preview",
    "Progress",
    "Reading",
    "guess_mapping",
    "preview_file",
    "read_file",
    "write_file",
]


def read_file(
    source: str | Path | bytes | BinaryIO | Source,
    *,
    format: str | None = None,
    mapping: ColumnMapping | Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    name: str | None = None,
) -> Reading:
    """Read a log of decisions.

    Parsers of binary formats crash or hang on some damaged files, and the process with them: a server reads what it is
    sent in a process of its own.

    Args:
        source: a path, or what was uploaded: bytes or an open binary file.
        format: one of `FORMATS`; by default it is told from the file's first bytes and its name.
        mapping: which column is what, for CSV and Parquet: a `ColumnMapping`, or its fields by name, such as
            `{"state": ["x", "y"], "action": "drug", "reward": "reward"}`; by default it is guessed from the names.
        limits: what the file may ask for.
        progress: called with the share done in [0, 1] and what is being done.
        name: what messages call the file; by default its own name.

    Raises:
        FileError: the file cannot be read as a dataset; the message names the file, the row and the column.
    """
    limits, progress = limits or Limits(), progress or nothing
    mapping = ColumnMapping.from_json(mapping) if isinstance(mapping, Mapping) else mapping
    _check_format(format)
    given = Source.of(source, limits, name)
    return parse_file(given, format, mapping, limits, progress)


def preview_file(
    source: str | Path | bytes | BinaryIO | Source,
    *,
    format: str | None = None,
    limits: Limits | None = None,
    name: str | None = None,
) -> Preview:
    """Look at a file: its format, columns, first rows, and a guess of which column is what.

    Arguments and errors as `read_file`.
    """
    limits = limits or Limits()
    _check_format(format)
    given = Source.of(source, limits, name)
    return parse_preview(given, format, limits)


def write_file(log: Log, target: str | Path | BinaryIO, *, format: str | None = None) -> None:
    """Write a log so that it reads back equal: columns, sizes, labels, discount, name, plain options.

    What belongs to the world (the MDP, the simulator, the layout, features) is not in a log and not in the file.

    Args:
        log: what to write.
        target: a path, or an open binary file. A path without an ending makes Minari's folder.
        format: `csv`, `parquet`, `npz` or `minari`; by default told from the path's ending.

    Raises:
        DatasetError: the format is not one that is written, or cannot hold this log.
    """
    path = Path(target) if isinstance(target, (str, Path)) else None
    if format is None and path is not None:
        endings = {suffix: f.name for f in FORMATS.values() if f.writes for suffix in f.suffixes if suffix != ".zip"}
        format = {"": "minari", **endings}.get(path.suffix.lower())
    if format not in FORMATS or not FORMATS[format].writes:
        allowed = ", ".join(f"{f.name} ({f.suffixes[0]})" for f in FORMATS.values() if f.writes)
        raise DatasetError(f"format = {format!r} is not allowed for {str(target)[:200]!r}: it must be one of {allowed}")
    module = import_module(FORMATS[format].module)
    if path is None:
        module.write(log, target)
    elif format == "minari" and not path.suffix:
        module.write_folder(log, path)
    else:
        with path.open("w+b") as file:
            module.write(log, file)


def _check_format(format: str | None) -> None:
    if format is not None and format not in FORMATS:
        raise FileError(f"format = {format!r} is not allowed: it must be one of {', '.join(FORMATS)}")
