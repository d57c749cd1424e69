"""Logs of decisions as files: one module for each format, and one way in and out.

`Dataset.from_file` and `Dataset.to_file` are the short way; `read_file` also tells what was found and done.
"""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from offrl_core.dataset import Dataset, DatasetError
from offrl_core.formats.assemble import assemble
from offrl_core.formats.base import Context, FileError, Limits, Progress, Reading, Source, nothing
from offrl_core.formats.mapping import ColumnInfo, ColumnMapping, guess_mapping

__all__ = [
    "FORMATS",
    "ColumnInfo",
    "ColumnMapping",
    "FileError",
    "Format",
    "Limits",
    "Preview",
    "Progress",
    "Reading",
    "guess_mapping",
    "preview_file",
    "read_file",
    "write_file",
]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format.

    Attributes:
        name: how Python and links call it.
        title: how people call it.
        suffixes: endings of its files, the usual one first.
        mapped: whether its columns need a mapping.
        writes: whether `to_file` writes it.
        help: one sentence on what it holds.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    mapped: bool
    writes: bool
    help: str

    @property
    def module(self) -> str:
        """The module that reads (and writes) it."""
        return f"offrl_core.formats.{self.name.replace('-', '_')}"


FORMATS: dict[str, Format] = {
    record.name: record
    for record in (
        Format("csv", "CSV", (".csv", ".tsv", ".txt"), True, True, "A text table with a header, one row per decision."),
        Format("parquet", "Parquet", (".parquet", ".pq"), True, True, "A typed table, one row per decision."),
        Format("npz", "NPZ", (".npz",), False, True, "NumPy arrays named observations, actions, rewards, …"),
        Format("d4rl", "D4RL HDF5", (".hdf5", ".h5"), False, False, "Flat arrays with terminals and timeouts."),
        Format("d3rlpy", "d3rlpy HDF5", (".h5", ".hdf5"), False, False, "A dumped ReplayBuffer or MDPDataset."),
        Format("minari", "Minari HDF5", (".hdf5", ".h5", ".zip"), False, True, "main_data.hdf5, or its zipped folder."),
        Format("minari-arrow", "Minari Arrow", (".zip", ".arrow"), False, False, "The dataset's zipped folder."),
    )
}

_Parsed = TypeVar("_Parsed")
_HDF5 = b"\x89HDF\r\n\x1a\n"

# What the parsers raise on files that are not what they seem; anything else is a fault of ours and must be seen.
_BROKEN: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    RuntimeError,
    ArithmeticError,
    AttributeError,
)
_BROKEN += (EOFError, BufferError, zipfile.BadZipFile, zlib.error, struct.error)


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
    isolated: bool = True,
) -> Reading:
    """Read a log of decisions.

    Args:
        source: a path, or what was uploaded: bytes or an open binary file.
        format: one of `FORMATS`; by default it is told from the file's first bytes and its name.
        mapping: which column is what, for CSV and Parquet: a `ColumnMapping`, or its fields by name, such as
            `{"state": ["x", "y"], "action": "drug", "reward": "reward"}`; by default it is guessed from the names.
        limits: what the file may ask for.
        progress: called with the share done in [0, 1] and what is being done.
        name: what messages call the file; by default its own name.
        isolated: read in another process, bounded in memory and time and unable to write files: parsers of binary
            formats crash or hang on some damaged files, and this process goes on all the same. False is a little
            faster, for files that are surely sound.

    Raises:
        FileError: the file cannot be read as a dataset; the message names the file, the row and the column.
    """
    limits, progress = limits or Limits(), progress or nothing
    mapping = ColumnMapping.from_json(mapping) if isinstance(mapping, Mapping) else mapping
    _check_format(format)
    given = Source.of(source, limits, name)
    if isolated:
        from offrl_core.formats.sandbox import read_isolated

        return read_isolated(given, format, mapping, limits, progress)
    context = Context(limits, progress, mapping)

    def parse() -> Reading:
        found = format or sniff(given, context)
        columns = import_module(FORMATS[found].module).read(given, context)
        columns.details.setdefault("name", Path(given.name).stem[:80] or "custom")
        progress(0.85, "build the dataset")
        dataset = assemble(columns, context)
        progress(1.0, "done")
        return Reading(dataset, tuple(context.findings), found, context.mapping)

    return _guarded(given, parse)


def preview_file(
    source: str | Path | bytes | BinaryIO | Source,
    *,
    format: str | None = None,
    limits: Limits | None = None,
    name: str | None = None,
    isolated: bool = True,
) -> Preview:
    """Look at a file: its format, columns, first rows, and a guess of which column is what.

    Arguments and errors as `read_file`.
    """
    limits = limits or Limits()
    _check_format(format)
    given = Source.of(source, limits, name)
    if isolated:
        from offrl_core.formats.sandbox import preview_isolated

        return preview_isolated(given, format, limits)
    context = Context(limits, nothing)

    def look() -> Preview:
        found = format or sniff(given, context)
        if not FORMATS[found].mapped:
            return Preview(found)
        from offrl_core.formats.rows import describe_columns, known_mapping, sample_rows

        table, count, own = import_module(FORMATS[found].module).preview(given, context)
        infos = describe_columns(table)
        guessed = known_mapping(own) or guess_mapping(infos)
        return Preview(found, infos, count, sample_rows(table), guessed)

    return _guarded(given, look)


def write_file(dataset: Dataset, target: str | Path | BinaryIO, *, format: str | None = None) -> None:
    """Write a dataset so that it reads back equal: columns, sizes, labels, discount, name, plain options.

    What belongs to the world (the MDP, the simulator, the layout, features) is not in a log and not in the file.

    Args:
        dataset: what to write.
        target: a path, or an open binary file. A path without an ending makes Minari's folder.
        format: `csv`, `parquet`, `npz` or `minari`; by default told from the path's ending.

    Raises:
        DatasetError: the format is not one that is written, or cannot hold this dataset.
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
        module.write(dataset, target)
    elif format == "minari" and not path.suffix:
        module.write_folder(dataset, path)
    else:
        with path.open("w+b") as file:
            module.write(dataset, file)


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
    if head.startswith(b"ARROW1"):
        return "minari-arrow"
    if head.startswith(_HDF5):
        return _hdf5_format(source, context)
    if head.startswith(b"PK"):
        return _folder_format(source, context)
    suffix = Path(source.name).suffix.lower()
    if head.startswith(b"\x1f\x8b"):
        raise FileError("this is a gzip archive; unpack it first")
    if suffix in FORMATS["csv"].suffixes or b"\0" not in source.head(4096):
        return "csv"
    known = ", ".join(record.title for record in FORMATS.values())
    raise FileError(f"the format is not known; known are {known}")


def _folder_format(source: Source, context: Context) -> str:
    from offrl_core.formats.folder import open_folder

    with open_folder(source, replace(context)) as folder:
        if folder.named("main_data.hdf5"):
            return "minari"
        if any(name.endswith((".arrow", ".feather", ".parquet")) for name in folder.names):
            return "minari-arrow"
        if any(name.endswith(".npy") for name in folder.names):
            return "npz"
        listed = ", ".join(folder.names[:10]) or "nothing"
    raise FileError(f"neither NumPy arrays nor a Minari dataset is in it; it holds {listed}")


def _hdf5_format(source: Source, context: Context) -> str:
    from offrl_core.formats.hdf5 import names, open_hdf5

    with open_hdf5(source) as root:
        present = names(root, context)
    if any(name.startswith("episode_") and name[8:].isdigit() for name in present):
        return "minari"
    if "num_episodes" in present or "discrete_action" in present or "total_size" in present:
        return "d3rlpy"
    if "terminals" in present and "actions" in present:
        return "d4rl"
    listed = ", ".join(present[:10]) or "nothing"
    raise FileError(f"this HDF5 file has none of the known layouts (D4RL, d3rlpy, Minari); it holds {listed}")


def _check_format(format: str | None) -> None:
    if format is not None and format not in FORMATS:
        raise FileError(f"format = {format!r} is not allowed: it must be one of {', '.join(FORMATS)}")


def _guarded(source: Source, parse: Callable[[], _Parsed]) -> _Parsed:
    """Run a parser; whatever a broken file makes it raise becomes an error that names the file."""
    try:
        return parse()
    except FileError as error:
        raise error.within(source.name) from error
    except DatasetError as error:
        raise FileError(str(error), file=source.name) from error
    except MemoryError as error:
        raise FileError("unpacking it needs more memory than there is", file=source.name) from error
    except (*_BROKEN, *_arrow_errors()) as error:
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise FileError(f"the file is damaged or not what it seems: {reason}", file=source.name) from error


def _arrow_errors() -> tuple[type[Exception], ...]:
    """pyarrow's own errors, where it has been loaded at all."""
    loaded = sys.modules.get("pyarrow")
    return () if loaded is None else (loaded.ArrowException,)
