"""Parquet: tables with types."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from offrl_core.formats import metadata, rows
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.cells import check_readable, kind_of
from offrl_core.formats.log import Log
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.source import Source
from offrl_core.formats.table import FIRST_ROWS, Loaded, Table, columns_of


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
            path = f"{column.path_in_schema}."
            name = next((name for name in columns if path.startswith(f"{name}.")), None)
            if name is not None:
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
    batches = list(islice(file.iter_batches(batch_size=FIRST_ROWS, row_groups=[0], columns=names), 1))
    return pa.Table.from_batches(batches) if batches else file.schema_arrow.empty_table().select(names)


def open_table(source: Source, context: Context) -> Table:
    """The table of a Parquet file."""
    file = _open(source, context)
    names = tuple(file.schema_arrow.names)
    load = partial(_load, file, context)
    return Table(names, columns_of(_first(file, context)), load, file.metadata.num_rows, _own(file))


def _load(file: pq.ParquetFile, context: Context, mapping: ColumnMapping) -> Loaded:
    for name in mapping.columns:
        check_readable(file.schema_arrow.field(name).type, name)
    _unpack(file, list(range(file.num_row_groups)), mapping.columns, context)
    return file.metadata.num_rows, partial(_column, file)


def _column(file: pq.ParquetFile, name: str) -> pa.ChunkedArray:
    """One column: whatever the file claims of itself, it is checked before anything points into it."""
    table = file.read(columns=[name])
    table.validate(full=True)
    return table.column(0)


def write(log: Log, file: BinaryIO) -> None:
    """Write the rows, with the metadata in the schema."""
    table, plain = rows.as_table(log)
    table = table.replace_schema_metadata({metadata.KEY: json.dumps(plain)})
    pq.write_table(table, file, compression="zstd", row_group_size=1 << 18)
