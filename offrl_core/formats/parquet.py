"""Parquet: tables with types; `from_file` needs to know, or guesses, which column is what."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from offrl_core.formats import metadata, rows
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.cells import check_readable, kind_of
from offrl_core.formats.log import Log
from offrl_core.formats.roles import read_table
from offrl_core.formats.source import Source
from offrl_core.formats.table import LazyTable

_PREVIEW_ROWS = 1000


def _open(source: Source, context: Context) -> pq.ParquetFile:
    """Open the file and hold its claims against the limits, before any page is unpacked.

    Text is read as a dictionary: a short file that repeats one long word a million times stays small in memory.
    """
    given: Any = source.path if source.path is not None else pa.BufferReader(source.data)
    schema = pq.read_schema(given)
    context.limits.check("columns", len(schema.names))
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    text = [field.name for field in schema if any(test(field.type) for test in tests)]
    given = source.path if source.path is not None else pa.BufferReader(source.data)
    file = pq.ParquetFile(given, read_dictionary=text, pre_buffer=False)
    context.limits.check("rows", file.metadata.num_rows)
    return file


def _unpack(file: pq.ParquetFile, groups: list[int], columns: tuple[str, ...], context: Context) -> None:
    """Count what the wanted columns claim to need."""
    for group in groups:
        described = file.metadata.row_group(group)
        for index in range(described.num_columns):
            column = described.column(index)
            name = column.path_in_schema.split(".")[0]
            if name in columns:
                if column.total_uncompressed_size < 0 or column.num_values < 0:
                    raise FileError("it claims a negative size", column=name)
                context.unpack(max(column.total_uncompressed_size, 8 * column.num_values), name)


def _own(file: pq.ParquetFile) -> dict[str, Any] | None:
    """Our own metadata, where the file has some."""
    stored = (file.schema_arrow.metadata or {}).get(metadata.KEY.encode())
    return None if stored is None else metadata.parse(stored)


def _first(file: pq.ParquetFile, context: Context) -> pa.Table:
    """The first rows with all columns that can be read."""
    names = [field.name for field in file.schema_arrow if kind_of(field.type) != "other"]
    if not file.num_row_groups:
        return file.schema_arrow.empty_table().select(names)
    _unpack(file, [0], tuple(names), replace(context))
    batches = list(islice(file.iter_batches(batch_size=_PREVIEW_ROWS, row_groups=[0], columns=names), 1))
    return pa.Table.from_batches(batches) if batches else file.schema_arrow.empty_table().select(names)


def preview(source: Source, context: Context) -> tuple[pa.Table, int | None, dict[str, Any] | None]:
    """The first rows with all columns, the number of rows, and our own metadata."""
    file = _open(source, context)
    return _first(file, context), file.metadata.num_rows, _own(file)


def read(source: Source, context: Context) -> Columns:
    """The mapped columns; without a mapping it is guessed, or taken from what one of our own files says."""
    file = _open(source, context)
    own = _own(file)
    mapping = rows.choose_mapping(context, own, lambda: _first(file, context), file.schema_arrow.names)
    for name in mapping.columns:
        check_readable(file.schema_arrow.field(name).type, name)
    _unpack(file, list(range(file.num_row_groups)), mapping.columns, context)
    table = LazyTable(partial(_load, file), file.metadata.num_rows, mapping, context)
    columns = read_table(table, mapping, context)
    if own is not None:
        metadata.apply(own, columns, context.limits)
    return columns


def _load(file: pq.ParquetFile, name: str) -> pa.ChunkedArray:
    """One column: whatever the file claims of itself, it is checked before anything points into it."""
    table = file.read(columns=[name])
    table.validate(full=True)
    return table.column(0)


def write(log: Log, file: BinaryIO) -> None:
    """Write the rows, with the metadata in the schema."""
    table, plain = rows.as_table(log)
    table = table.replace_schema_metadata({metadata.KEY: json.dumps(plain)})
    pq.write_table(table, file, compression="zstd", row_group_size=1 << 18)
