"""Logs of decisions as files: one module for each format, and one way in and out.

`Dataset.from_file` and `Dataset.to_file` are the short way; `read_file` also tells what was found and done.
"""

from __future__ import annotations

from offrl_core.formats.base import FileError, Finding, Limits, Progress
from offrl_core.formats.guessing import guess_mapping
from offrl_core.formats.log import Log, Reading
from offrl_core.formats.mapping import ColumnInfo, ColumnMapping
from offrl_core.formats.reading import Preview, preview_file, read_file, read_frame
from offrl_core.formats.registry import FORMATS, Format
from offrl_core.formats.writing import write_file

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
    "read_frame",
    "write_file",
]
