"""Minari Arrow (and its Parquet twin): a folder for each episode, whose table is padded with one row."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from offrl_core.columns import Array
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.cells import read_cells
from offrl_core.formats.episodes import join_episodes, join_parts
from offrl_core.formats.folder import Folder, open_folder
from offrl_core.formats.source import Source

_ROLES = ("actions", "rewards", "terminations", "truncations")


def read(source: Source, context: Context) -> Columns:
    """The dataset's folder, a zip archive of it, or the file of a single episode.

    Each table has one row more than the episode has steps: the last row holds the final observation, and its action,
    reward and flags are padding.

    Source: files written by Minari 0.5.
    """
    labels: dict[str, tuple[str, ...]] = {}
    if not source.folder and not source.head(4).startswith(b"PK"):
        table = _table(source, context)
        episode, labels = _episode(table, 0, context)
        _note_unused(table, context)
        return join_episodes([episode], [0], labels, {}, context)
    with open_folder(source, context) as folder:
        episodes: list[dict[str, Array]] = []
        found = _files(folder)
        for done, (number, files) in enumerate(found):
            table = pa.concat_tables([_table(folder.source(name), context) for name in files])
            episode, labels = _episode(table, number, context)
            if not episodes:
                _note_unused(table, context)
            episodes.append(episode)
            if done % 64 == 0:
                context.progress(0.8 * done / len(found), "read episodes")
        description = folder.named("metadata.json")
        described: dict[str, Any] = {} if description is None else folder.description(description)
    return join_episodes(episodes, [number for number, _ in found], labels, described, context)


def _note_unused(table: pa.Table, context: Context) -> None:
    """Name the columns that are left unread, but for the number of the episode."""
    known = ("observations", *_ROLES, "episode_id")
    context.note_unused([name for name in table.column_names if name not in known])


def _files(folder: Folder) -> list[tuple[int, list[str]]]:
    """The files of each episode, in the order of the numbers in their names."""
    found: dict[int, list[tuple[int, str]]] = {}
    for name in folder.names:
        if match := re.search(r"(?:^|/)(\d{1,18})/[^/]*?(\d{0,18})\.(?:arrow|feather|parquet)$", name):
            found.setdefault(int(match[1]), []).append((int(match[2] or 0), name))
    if not found:
        raise FileError("there is no episode: a folder such as '0/part-0.arrow' is needed")
    return [(number, [name for _, name in sorted(found[number])]) for number in sorted(found)]


def _table(source: Source, context: Context) -> pa.Table:
    given: Any = pa.BufferReader(source.read())
    if source.head(4) == b"PAR1":
        file = pq.ParquetFile(given, pre_buffer=False)
        context.limits.check("rows", file.metadata.num_rows, column=source.name)
        needed = [file.metadata.row_group(g).total_byte_size for g in range(file.num_row_groups)]
        context.unpack(sum(max(0, size) for size in needed), source.name)
        table = file.read()
    else:
        # Uncompressed pages point into the file itself; compressed ones are counted as they come.
        opened = ipc.open_file(given)
        batches = []
        for index in range(opened.num_record_batches):
            batch = opened.get_batch(index)
            batch.validate(full=True)
            context.unpack(batch.nbytes, source.name)
            batches.append(batch)
        table = pa.Table.from_batches(batches, opened.schema)
    table.validate(full=True)
    context.limits.check("rows", table.num_rows, column=source.name)
    return table


def _episode(table: pa.Table, number: int, context: Context) -> tuple[dict[str, Array], dict[str, tuple[str, ...]]]:
    """The arrays of one episode without the padding, and the names of observations' and actions' components."""
    for name in ("observations", *_ROLES):
        if name not in table.column_names:
            listed = ", ".join(table.column_names[:20])
            raise FileError(f"episode {number} has no column {name!r}; it has {listed}")
    if table.num_rows == 0:
        raise FileError(f"episode {number} has no row")
    rows = table.num_rows - 1
    episode: dict[str, Array] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for name in _ROLES:
        cells = read_cells(table.column(name).slice(0, rows), name)
        cells.refuse_missing(f"episode {number} has no value here")
        episode[name] = cells.numeric("a number is needed").values
        if name == "actions" and not all(part.rpartition(".")[2].startswith("_index_") for part in cells.parts):
            labels["actions"] = tuple(part.removeprefix("actions.") for part in cells.parts)
    parts: dict[str, Array] = {}
    skipped: list[str] = []
    _collect(table.column("observations"), "", parts, skipped)
    if list(parts) == [""]:
        episode["observations"] = parts[""]
    else:
        episode["observations"], labels["observations"] = join_parts(parts, skipped, context)
    return episode, labels


def _collect(column: pa.ChunkedArray, prefix: str, parts: dict[str, Array], skipped: list[str]) -> None:
    """The leaves of a column of structures; a plain column is its own leaf."""
    if pa.types.is_struct(column.type):
        for field in column.type:
            pieces = [chunk.field(field.name) for chunk in column.chunks]
            _collect(pa.chunked_array(pieces, field.type), f"{prefix}/{field.name}".strip("/"), parts, skipped)
        return
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        skipped.append(prefix or "observations")
        return
    cells = read_cells(column, prefix or "observations")
    cells.refuse_missing("every step needs an observation")
    parts[prefix] = np.asarray(cells.values)
