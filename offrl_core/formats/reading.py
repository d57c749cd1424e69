"""Reading a file: its format is recognised, its module reads the columns, and they become a log."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from offrl_core.columns import DatasetError
from offrl_core.formats import strangers
from offrl_core.formats.assemble import assemble
from offrl_core.formats.base import BROKEN, Columns, Context, FileError, Limits, Progress, no_progress
from offrl_core.formats.log import Reading
from offrl_core.formats.mapping import OF_ALL_FORMATS, ColumnInfo, ColumnMapping
from offrl_core.formats.names import speaks_of
from offrl_core.formats.packed import unpacked
from offrl_core.formats.registry import FORMATS, Format
from offrl_core.formats.source import Source

_JSON = rb"[\xef\xbb\xbf\xff\xfe\0]*\s*\0*(\[[\s\0]*)*\{[\s\0]*\""
"""How JSON begins, in any encoding; no header of a text table begins with a name in quotes in a brace."""
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file looks like before it is read.

    Attributes:
        format: name of its format.
        columns: its columns; empty for formats that need no mapping.
        rows: number of rows; None where it is not known before reading.
        sample: the first rows as text, one tuple per row.
        mapping: a guess of which column is what; None for formats that need no mapping.
    """

    format: str
    columns: tuple[ColumnInfo, ...] = ()
    rows: int | None = None
    sample: tuple[tuple[str, ...], ...] = ()
    mapping: ColumnMapping | None = None


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

    Parsers of binary formats crash or hang on some damaged files, and the process with them:
    `offrl_core.processes.file_reader.read_isolated` reads in a process of its own.

    Args:
        source: a path, or what was uploaded: bytes or an open binary file.
        format: one of `FORMATS`; by default it is told from the file's first bytes and its name.
        mapping: which column is what, for tables (CSV, Parquet, arrays in NPZ and HDF5): a `ColumnMapping`, or its
            fields by name, such as `{"state": ["x", "y"], "action": "drug", "reward": "reward"}`; by default it is
            guessed from the names and the first rows. Of formats with fixed names only `actions`,
            `bins` and `shrink`.
        limits: what the file may ask for.
        progress: called with the share done in [0, 1] and what is being done.
        name: what messages call the file; by default its own name.

    Raises:
        FileError: the file cannot be read as a dataset; the message names the file, the row and the column.
    """
    mapping = ColumnMapping.from_json(mapping) if isinstance(mapping, Mapping) else mapping
    _check_format(format)
    context = Context(limits or Limits(), progress or no_progress, mapping)
    given = Source.of(source, context.limits, name)
    with _errors_name(given):
        inner = unpacked(given, context)
        found = format or sniff(inner, context)
        module = import_module(FORMATS[found].module)
        if FORMATS[found].mapped:
            from offrl_core.formats.tabular import read_table

            columns = read_table(module.open_table(inner, context), context)
        else:
            _check_fixed(mapping, FORMATS[found])
            columns = module.read(inner, context)
        columns.details.setdefault("name", Path(inner.name).stem[:80] or "custom")
        return _assembled(columns, given.name, found, context)


def read_frame(
    frame: Any,
    *,
    mapping: ColumnMapping | Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    name: str = "frame",
) -> Reading:
    """Take columns that are in memory for a log of decisions, as `read_file` takes those of a file.

    Args:
        frame: a pandas `DataFrame`, a table of pyarrow or Polars, or a dict of columns: see `table_of_frame`.
        mapping, limits, progress: as in `read_file`.
        name: what messages call it.

    Raises:
        FileError: the columns cannot be a dataset; the message names the row and the column.
    """
    from offrl_core.formats.frames import table_of_frame
    from offrl_core.formats.tabular import read_table

    mapping = ColumnMapping.from_json(mapping) if isinstance(mapping, Mapping) else mapping
    context = Context(limits or Limits(), progress or no_progress, mapping)
    with _errors_name(Source(name)):
        return _assembled(read_table(table_of_frame(frame, context), context), name, "frame", context)


def _assembled(columns: Columns, name: str, format: str, context: Context) -> Reading:
    context.progress(0.85, "build the dataset")
    log = assemble(columns, context)
    context.progress(1.0, "done")
    return Reading(name, log, tuple(context.findings), format, context.mapping)


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
    _check_format(format)
    context = Context(limits or Limits(), no_progress)
    given = Source.of(source, context.limits, name)
    with _errors_name(given):
        inner = unpacked(given, context)
        found = format or sniff(inner, context)
        preview = Preview(found)
        if FORMATS[found].mapped:
            from offrl_core.formats.describing import describe_columns, sample_rows
            from offrl_core.formats.tabular import table_mapping

            table = import_module(FORMATS[found].module).open_table(inner, context)
            preview = Preview(found, describe_columns(table), table.rows, sample_rows(table), table_mapping(table))
    return preview


def sniff(source: Source, context: Context) -> str:
    """The name of a file's format, from its first bytes, what lies in it, and last its name.

    Raises:
        FileError: it is none of `FORMATS`.
    """
    if source.folder:
        return _folder_format(source, context)
    head = source.head(16)
    if not head:
        raise FileError("the file is empty")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return _arrow_format(source)
    if head.startswith(_HDF5):
        return _hdf5_format(source, context)
    if head.startswith(_ZIP):
        return _folder_format(source, context)
    beginning, suffix = source.head(4096), Path(source.name).suffix.lower()
    if re.match(_JSON, beginning) is not None:
        return "json"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "csv"  # text in UTF-16
    if (refusal := strangers.of_file(source.name, beginning)) is not None:
        raise FileError(refusal)
    if suffix in FORMATS["json"].suffixes:
        return "json"
    if suffix in FORMATS["csv"].suffixes or strangers.is_table(beginning):
        return "csv"
    raise FileError(strangers.of_no_kind(beginning))


def _folder_format(source: Source, context: Context) -> str:
    from offrl_core.formats.folder import open_folder
    from offrl_core.formats.spreadsheet import is_spreadsheet

    with open_folder(source, replace(context)) as folder:
        if is_spreadsheet(folder):
            return "spreadsheet"
        if folder.named("main_data.hdf5"):
            return "minari"
        if any(name.endswith((".arrow", ".feather", ".parquet")) for name in folder.names):
            return "minari-arrow"
        if any(name.endswith(".npy") for name in folder.names):
            return "npz"
        raise FileError(strangers.of_members(folder.names))


def _arrow_format(source: Source) -> str:
    """An episode of Minari's has these columns and no others; any other table is one row per decision."""
    from offrl_core.formats.arrow import schema_of

    names = set(schema_of(source).names)
    needed = {"observations", "actions", "rewards", "terminations", "truncations"}
    return "minari-arrow" if needed <= names <= needed | {"episode_id", "infos"} else "arrow"


def _hdf5_format(source: Source, context: Context) -> str:
    from offrl_core.formats.hdf5 import names, open_hdf5

    with open_hdf5(source) as root:
        present = names(root, context)
    if any(name.startswith("episode_") and name[8:].isdigit() for name in present):
        return "minari"
    if "num_episodes" in present or "discrete_action" in present or "total_size" in present:
        return "d3rlpy"
    if any(speaks_of(name, "action") for name in present):
        return "d4rl"
    listed = ", ".join(present[:10]) or "nothing"
    raise FileError(
        f"this HDF5 file has none of the known layouts (D4RL, d3rlpy, Minari); it holds {listed}. Write arrays called "
        "observations, actions, rewards, terminals and timeouts at its top, each with one row per step"
    )


def _check_fixed(mapping: ColumnMapping | None, format: Format) -> None:
    """Refuse to map the columns of a format whose names are fixed."""
    asked = () if mapping is None else tuple(name for name in mapping.to_json() if name not in OF_ALL_FORMATS)
    if asked:
        raise FileError(
            f"mapping: {', '.join(asked)} cannot be chosen, because {format.title} has names of its own; what can be "
            f"chosen there is {', '.join(OF_ALL_FORMATS)}"
        )


def _check_format(format: str | None) -> None:
    if format is not None and format not in FORMATS:
        raise FileError(f"format = {format!r} is not allowed: it must be one of {', '.join(FORMATS)}")


@contextmanager
def _errors_name(source: Source) -> Iterator[None]:
    """Whatever a broken file makes a parser raise becomes an error that names the file."""
    try:
        yield
    except FileError as error:
        raise error.within(source.name) from error
    except DatasetError as error:
        raise FileError(str(error), file=source.name) from error
    except MemoryError as error:
        raise FileError("unpacking it needs more memory than there is", file=source.name) from error
    except (*BROKEN, *_arrow_errors()) as error:
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise FileError(f"the file is damaged or not what it seems: {reason}", file=source.name) from error


def _arrow_errors() -> tuple[type[Exception], ...]:
    """pyarrow's own errors, where it has been loaded at all."""
    loaded = sys.modules.get("pyarrow")
    return () if loaded is None else (loaded.ArrowException,)
