"""CSV: text tables with a header; `from_file` needs to know, or guesses, which column is what."""

from __future__ import annotations

import io
import json
import re
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv

from offrl_core.formats import metadata, rows
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.log import Log
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.roles import read_table
from offrl_core.formats.source import Source
from offrl_core.formats.table import LazyTable

_MARK = b"# offrl "
"""A first line of our own files that begins so holds the metadata; other programs skip it as a comment."""

_PREVIEW_BYTES = 1 << 18
_PREVIEW_ROWS = 1000
_BLOCK_BYTES = 1 << 20
"""Larger blocks are not faster here, and several of them are in memory at once (measured)."""
_SEPARATORS = (",", ";", "\t", "|")


class _Dialect:
    """How this file writes its table, found out from its beginning."""

    def __init__(self, source: Source, context: Context) -> None:
        head = source.head(_PREVIEW_BYTES)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FileError("this text is UTF-16; save it as UTF-8")
        if b"\0" in head:
            raise FileError("this is not a text file")
        self.skip, self.own = 0, None
        first, _, rest = head.partition(b"\n")
        if first.startswith(_MARK):
            self.own = metadata.parse(first[len(_MARK) :])
            self.skip, head = 1, rest
        lines = head.removeprefix(b"\xef\xbb\xbf").splitlines()
        if not lines or not lines[0].strip():
            raise FileError("its first line must hold the names of the columns")
        if len(lines) == 1 and source.size > _PREVIEW_BYTES:
            raise FileError("its first line is too long for a table")
        try:
            header = lines[0].decode()
        except UnicodeDecodeError as error:
            raise FileError("its header is not UTF-8 text; save the file as UTF-8") from error
        self.separator = max(_SEPARATORS, key=header.count)
        context.limits.check("columns", header.count(self.separator) + 1)
        self.decimal = "."
        if self.separator == ";" and any(re.search(rb"(^|;)-?\d+,\d+(;|$)", line) for line in lines[1:50]):
            self.decimal = ","
        self.names: list[str] = self.first(source).column_names
        if all(re.fullmatch(r"\s*[-+]?[\d.,]*([eE][-+]?\d+)?\s*", name) for name in self.names):
            raise FileError("its first line holds numbers; a line with the names of the columns is needed first")

    def first(self, source: Source) -> pa.Table:
        """The first rows with all columns."""
        try:
            with source.open() as file, pacsv.open_csv(file, *self._options(None, False, _PREVIEW_BYTES)) as reader:
                return pa.Table.from_batches([reader.read_next_batch()])
        except StopIteration:
            raise FileError("there is no row of data") from None
        except pa.ArrowInvalid as error:
            reason, row = _reason(error)
            raise FileError(reason, row=None if row is None else row - self.skip) from error

    def table(
        self, file: Any, only: tuple[str, ...], *, threads: bool = True, types: pa.Schema | None = None
    ) -> pa.Table:
        """All rows of the columns `only`; with `types` the text is not kept until the end to find out what it holds."""
        return pacsv.read_csv(file, *self._options(only, threads, _BLOCK_BYTES, types))

    def _options(
        self, only: tuple[str, ...] | None, threads: bool, block: int, types: pa.Schema | None = None
    ) -> tuple[Any, ...]:
        return (
            pacsv.ReadOptions(use_threads=threads, skip_rows=self.skip, block_size=block),
            pacsv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            pacsv.ConvertOptions(
                include_columns=only, column_types=types, decimal_point=self.decimal, strings_can_be_null=True
            ),
        )


def _reason(error: Exception) -> tuple[str, int | None]:
    """What the parser says, and the data row it says it of."""
    text = str(error).splitlines()[0][:300]
    if "straddl" in text:
        return "a line is too long for a table, or a quotation mark is never closed", None
    match = re.search(r"Row #(\d+)", text)
    return re.sub(r"Row #\d+: ", "", text), int(match[1]) - 1 if match else None


def preview(source: Source, context: Context) -> tuple[pa.Table, int | None, dict[str, Any] | None]:
    """The first rows with all columns, None (the number of rows is not known yet), and our own metadata."""
    dialect = _Dialect(source, context)
    return dialect.first(source).slice(0, _PREVIEW_ROWS), None, dialect.own


def read(source: Source, context: Context) -> Columns:
    """The mapped columns; without a mapping it is guessed, or taken from what one of our own files says."""
    dialect = _Dialect(source, context)
    mapping = rows.choose_mapping(context, dialect.own, lambda: dialect.first(source), dialect.names)
    with source.open() as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 22), b""))
    context.limits.check("rows", lines - 1)
    columns = read_table(LazyTable.of(_load(dialect, source, context), mapping, context), mapping, context)
    if dialect.own is not None:
        metadata.apply(dialect.own, columns, context.limits)
    return columns


def _load(dialect: _Dialect, source: Source, context: Context) -> pa.Table:
    only = context.mapping.columns
    try:
        with source.open() as file:
            types = _types(dialect.first(source), context.mapping)
            return dialect.table(_Watched(file, source.size, context), only, types=types)
    except pa.ArrowInvalid:
        pass  # the first rows were no guide: a column changes its kind, or a line is broken
    try:
        with source.open() as file:
            return dialect.table(_Watched(file, source.size, context), only)
    except pa.ArrowInvalid as error:
        reason, row = _reason(error)
        if row is None:
            # Only a serial reading can say in which row it stumbled.
            try:
                with source.open() as file:
                    dialect.table(file, only, threads=False)
            except pa.ArrowInvalid as again:
                reason, row = _reason(again)
        raise FileError(reason, row=None if row is None else row - dialect.skip) from error


def _types(first: pa.Table, mapping: ColumnMapping) -> pa.Schema:
    """The kinds of the first rows, as small as the dataset needs: text as a dictionary, components as 32-bit floats."""
    vector = mapping.states == "vector" or (mapping.states == "auto" and len(mapping.state) > 1)
    components = (*mapping.state, *mapping.next_state) if vector else ()
    types = []
    for field in first.schema:
        if field.name in mapping.columns and not pa.types.is_null(field.type):
            kind = pa.dictionary(pa.int32(), pa.string()) if pa.types.is_string(field.type) else field.type
            if field.name in components and pa.types.is_floating(kind):
                kind = pa.float32()
            types.append((field.name, kind))
    return pa.schema(types)


class _Watched(io.RawIOBase):
    """A file that tells how far it has been read."""

    def __init__(self, file: BinaryIO, size: int, context: Context) -> None:
        self.file, self.total, self.context, self.done = file, max(size, 1), context, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.done += len(data)
        self.context.progress(0.5 * min(1.0, self.done / self.total), "parse the text")
        return data


def write(log: Log, file: BinaryIO) -> None:
    """Write a line of metadata (which other programs skip as a comment), a header, and the rows."""
    table, plain = rows.as_table(log)
    file.write(_MARK + json.dumps(plain).encode() + b"\n")
    pacsv.write_csv(table, file)
