"""CSV: text tables with a header."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from functools import partial
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from offrl_core.formats import metadata, rows
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.cells import MARKERS
from offrl_core.formats.log import Log
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.source import Source
from offrl_core.formats.table import FIRST_ROWS, Loaded, Table, columns_of

_MARK = b"# offrl "
"""A first line of our own files that begins so holds the metadata; other programs skip it as a comment."""

_PREVIEW_BYTES = 1 << 18
_BLOCK_BYTES = 1 << 20
"""Larger blocks are not faster here, and several of them are in memory at once (measured)."""
_SEPARATORS = (",", ";", "\t", "|")
_TEXT = pa.dictionary(pa.int32(), pa.string())
_LONG = r"^\s*[-+]?\d{19,}\s*$"


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
        self.names: list[str] = self._block(source).column_names
        if all(re.fullmatch(r"\s*[-+]?[\d.,]*([eE][-+]?\d+)?\s*", name) for name in self.names):
            raise FileError("its first line holds numbers; a line with the names of the columns is needed first")

    def first(self, source: Source) -> pa.Table:
        """The first rows with all columns; whole numbers of more than 64 bits, and nothing but markers, are text."""
        found = self._block(source)
        doubtful = [i for i, field in enumerate(found.schema) if _may_be_text(field.type)]
        if doubtful:
            text = self._block(source, pa.schema([(name, pa.string()) for name in self.names]))
            for index in doubtful:
                if pa.types.is_null(found.schema.field(index).type) or _has_identifiers(text.column(index)):
                    found = found.set_column(index, self.names[index], text.column(index))
        return found

    def _block(self, source: Source, types: pa.Schema | None = None) -> pa.Table:
        """The first block with all columns, of the kinds that are found in it unless `types` says others."""
        options = self._options(None, False, _PREVIEW_BYTES, types)
        try:
            with source.open() as file, pacsv.open_csv(file, *options) as reader:
                return pa.Table.from_batches([reader.read_next_batch()])
        except StopIteration:
            raise FileError("there is no row of data") from None
        except pa.ArrowInvalid as error:
            reason, row = _reason(error)
            raise FileError(reason, row=None if row is None else row - self.skip) from error

    def table(
        self, file: Any, only: Iterable[str], *, threads: bool = True, types: pa.Schema | None = None
    ) -> pa.Table:
        """All rows of the columns `only`; with `types` the text is not kept until the end to find out what it holds."""
        return pacsv.read_csv(file, *self._options(only, threads, _BLOCK_BYTES, types))

    def _options(
        self, only: Iterable[str] | None, threads: bool, block: int, types: pa.Schema | None = None
    ) -> tuple[Any, ...]:
        return (
            pacsv.ReadOptions(use_threads=threads, skip_rows=self.skip, block_size=block),
            pacsv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            pacsv.ConvertOptions(
                include_columns=None if only is None else list(only),
                column_types=types,
                decimal_point=self.decimal,
                null_values=["", *MARKERS],
                strings_can_be_null=False,  # words beside words are words
            ),
        )


def _may_be_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_null(kind))


def _has_identifiers(text: pa.ChunkedArray | pa.Array) -> bool:
    """Whether it holds whole numbers that no 64 bits hold; as floats they would run into each other."""
    long = text.filter(pc.match_substring_regex(text, _LONG))
    return any(abs(int(word)) >= 2**63 for word in long.to_pylist())


def _reason(error: Exception) -> tuple[str, int | None]:
    """What the parser says, and the data row it says it of."""
    text = str(error).splitlines()[0][:300]
    if "straddl" in text:
        return "a line is too long for a table, or a quotation mark is never closed", None
    match = re.search(r"Row #(\d+)", text)
    return re.sub(r"Row #\d+: ", "", text), int(match[1]) - 1 if match else None


def open_table(source: Source, context: Context) -> Table:
    """The table of a text file."""
    dialect = _Dialect(source, context)
    first = dialect.first(source)
    count = first.num_rows if source.size <= _PREVIEW_BYTES else None
    shown = columns_of(first.slice(0, FIRST_ROWS))
    load = partial(_load, dialect, first.schema, source, context)
    return Table(tuple(dialect.names), shown, load, count, dialect.own)


def _load(dialect: _Dialect, first: pa.Schema, source: Source, context: Context, mapping: ColumnMapping) -> Loaded:
    with source.open() as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 22), b""))
    context.limits.check("rows", lines - 1)
    table = _parse(dialect, _types(first, mapping), source, context, mapping)
    held = {name: table.column(name) for name in mapping.columns}
    return table.num_rows, held.pop


def _parse(dialect: _Dialect, types: pa.Schema, source: Source, context: Context, mapping: ColumnMapping) -> pa.Table:
    only = mapping.columns
    try:
        with source.open() as file:
            return dialect.table(_Watched(file, source.size, context), only, types=types)
    except pa.ArrowInvalid:
        pass  # the first rows were no guide: a column changes its kind, or a line is broken
    text = pa.schema([field for field in types if field.type == _TEXT])
    try:
        with source.open() as file:
            table = dialect.table(_Watched(file, source.size, context), only, types=text)
        whole = [
            f.name for f in types if pa.types.is_integer(f.type) and pa.types.is_floating(table.field(f.name).type)
        ]
        for name in whole:
            with source.open() as file:
                words = dialect.table(file, [name], types=pa.schema([(name, _TEXT)])).column(0)
            if words.num_chunks and _has_identifiers(words.unify_dictionaries().chunk(0).dictionary):
                table = table.set_column(table.column_names.index(name), name, words)
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
    return table


def _types(first: pa.Schema, mapping: ColumnMapping) -> pa.Schema:
    """The kinds of the first rows, as small as the dataset needs: text as a dictionary, components as 32-bit floats."""
    vector = mapping.states == "vector" or (mapping.states == "auto" and len(mapping.state) > 1)
    components = (*mapping.state, *mapping.next_state) if vector else ()
    types = []
    for field in first:
        if field.name in mapping.columns:
            kind = _TEXT if pa.types.is_string(field.type) else field.type
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
