"""CSV: text tables with a header."""

from __future__ import annotations

import io
import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterable
from functools import partial
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from offrl_core.formats import metadata, rows
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.cells import MARKERS
from offrl_core.formats.headings import are_numbers, heading_of
from offrl_core.formats.log import Log
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.source import Source
from offrl_core.formats.table import FIRST_ROWS, Loaded, Table, columns_of

_MARK = b"# offrl "
"""A first line of our own files that begins so holds the metadata; other programs skip it as a comment."""

_PREVIEW_BYTES = 1 << 18
_BLOCK_BYTES = 1 << 20
"""Larger blocks are not faster here, and several of them are in memory at once (measured)."""
_HEADING_LINES = 1000
_WITH_THOUSANDS = r"^[-+]?([1-9]\d{0,2}(,\d{3})+|\d+)(\.\d+)?$"
_PAIR = r"^\d{1,3},\d{1,3}$"
_WITH_POINT = r"^[-+]?\d*\.\d+([eE][-+]?\d+)?$|^[-+]?\d+$"
_WITH_COMMA = r"^[-+]?(\d+|\d{1,3}(\.\d{3})+)?(,\d+)?([eE][-+]?\d+)?$"
_TEXT = pa.dictionary(pa.int32(), pa.string())
_PADDED = re.compile(rb'[,;\t|"\n]0\d')
_LONG = r"^\s*[-+]?\d{19,}\s*$"


class _Dialect:
    """How this file writes its table, found out from its beginning."""

    def __init__(self, source: Source, context: Context) -> None:
        head = source.head(_PREVIEW_BYTES)
        if b"\0" in head:
            raise FileError("this is not a text file")
        lines = head.removeprefix(b"\xef\xbb\xbf").splitlines()
        self.own = metadata.parse(lines[0][len(_MARK) :]) if lines and lines[0].startswith(_MARK) else None
        heading = heading_of([line.decode("utf-8", "surrogateescape") for line in lines[:_HEADING_LINES]])
        if not heading.line:
            raise FileError("its first line must hold the names of the columns")
        if len(lines) == heading.skip + 1 and source.size > _PREVIEW_BYTES:
            raise FileError("its first line is too long for a table")
        try:
            heading.line.encode()
        except UnicodeEncodeError as error:
            raise FileError("its header is not UTF-8 text; save the file as UTF-8") from error
        self.heading = heading
        self.separator = heading.separator
        context.limits.check("columns", heading.line.count(self.separator) + 1)
        self.decimal, self.left_out = ".", 0
        self.commented = b"\n#" in head
        self.units = int(bool(heading.units))
        self.names: list[str] = self._block(source).column_names
        if are_numbers(self.names):
            raise FileError("its first line holds numbers; a line with the names of the columns is needed first")
        if self.separator != ",":
            self._find_decimal_commas(self._text(source))
        if heading.units:
            context.note_units(self.names, heading.units)
        comments = heading.comments - (self.own is not None)
        if comments:
            _note_comments(comments, "above the names of the columns", context)

    def _find_decimal_commas(self, text: pa.Table) -> None:
        """Numbers are written with a comma where some are, and none with a point."""
        with_point = any(_all_fit(column, _WITH_POINT, ".") for column in text.columns)
        if not with_point and any(
            _all_fit(column, _WITH_COMMA, ",") and not _are_pairs(column) for column in text.columns
        ):
            self.decimal = ","

    def first(self, source: Source) -> pa.Table:
        """The first rows with all columns; whole numbers of more than 64 bits, and nothing but markers, are text."""
        found = self._block(source)
        doubtful = [i for i, field in enumerate(found.schema) if _may_be_text(field.type)]
        if doubtful:
            text = self._text(source)
            for index in doubtful:
                words = text.column(index)
                if pa.types.is_null(found.schema.field(index).type) or _has_identifiers(words) or _are_pairs(words):
                    found = found.set_column(index, self.names[index], text.column(index))
        return found

    def _text(self, source: Source) -> pa.Table:
        """The first block with all columns as text."""
        return self._block(source, pa.schema([(name, pa.string()) for name in self.names]))

    def _block(self, source: Source, types: pa.Schema | None = None) -> pa.Table:
        """The first block with all columns, of the kinds that are found in it unless `types` says others."""
        options = self._options(None, False, _PREVIEW_BYTES, types)
        try:
            with source.open() as file, pacsv.open_csv(file, *options) as reader:
                return pa.Table.from_batches([reader.read_next_batch()])
        except StopIteration:
            raise FileError("there is no row of data") from None
        except pa.ArrowInvalid as error:
            raise self.refusal(error) from error

    def table(
        self, file: Any, only: Iterable[str], *, threads: bool = True, types: pa.Schema | None = None
    ) -> pa.Table:
        """All rows of the columns `only`; with `types` the text is not kept until the end to find out what it holds."""
        self.left_out = 0
        return pacsv.read_csv(file, *self._options(only, threads, _BLOCK_BYTES, types))

    def numbers(self, table: pa.Table) -> pa.Table:
        """The table with numbers that are still text, for their decimal commas or commas of thousands, as numbers."""
        for index, field in enumerate(table.schema):
            if field.type in (_TEXT, pa.string()):
                column = table.column(index)
                if self.separator != "," and _all_fit(column, _WITH_COMMA, ",") and not _are_pairs(column):
                    table = table.set_column(index, field.name, _as_numbers(column, thousands=".", decimal=","))
                elif _all_fit(column, _WITH_THOUSANDS, ",") and _any_holds(column, r",.*\."):
                    table = table.set_column(index, field.name, _as_numbers(column, thousands=",", decimal="."))
        return table

    def refusal(self, error: pa.ArrowInvalid) -> FileError:
        """What the parser says, in the file's own rows."""
        reason, row = _reason(error)
        before = self.heading.skip + self.units - (self.heading.names is not None)
        return FileError(reason, row=None if row is None else row - before)

    def _options(
        self, only: Iterable[str] | None, threads: bool, block: int, types: pa.Schema | None
    ) -> tuple[Any, ...]:
        return (
            pacsv.ReadOptions(
                use_threads=threads,
                skip_rows=self.heading.skip,
                skip_rows_after_names=self.units,
                column_names=self.heading.names,
                block_size=block,
            ),
            pacsv.ParseOptions(
                delimiter=self.separator,
                newlines_in_values=True,
                invalid_row_handler=self._leave_out_comment if self.commented else None,
            ),
            pacsv.ConvertOptions(
                include_columns=None if only is None else list(only),
                column_types=types,
                decimal_point=self.decimal,
                null_values=["", *MARKERS],
                strings_can_be_null=False,  # words beside words are words
            ),
        )

    def _leave_out_comment(self, row: Any) -> str:
        """What becomes of a row of too many or too few cells."""
        if not row.text.lstrip().startswith("#"):
            return "error"
        self.left_out += 1
        return "skip"


def _all_fit(column: pa.ChunkedArray, pattern: str, mark: str) -> bool:
    """Whether the texts of a column, but for blanks and markers, all fit a pattern, and some hold the mark."""
    words = column.unique().drop_null()
    words = pc.utf8_trim_whitespace(words.cast(pa.string()))
    words = words.filter(pc.invert(pc.is_in(words, pa.array(["", *MARKERS]))))
    if not len(words) or not pc.any(pc.match_substring(words, mark)).as_py():
        return False
    return bool(pc.all(pc.match_substring_regex(words, pattern)).as_py())


def _are_pairs(column: pa.ChunkedArray) -> bool:
    """Whether texts such as `3,10` are places on a grid, which as numbers with a decimal comma would run into others.

    They are where two of them would be one number (`1,1` and `1,10`), or where they are all pairs of two ranges of
    whole numbers from 0 or 1; but ten second numbers from 0 to 9 are digits.
    """
    if not _all_fit(column, _PAIR, ","):
        return False
    words = {word.strip() for word in column.unique().cast(pa.string()).drop_null().to_pylist()}
    pairs = [word.split(",") for word in words if "," in word]
    if len({float(".".join(pair)) for pair in pairs}) < len(pairs):
        return True
    sides = [sorted({int(pair[side]) for pair in pairs}) for side in (0, 1)]
    ranges = all(len(side) > 1 and side[0] in (0, 1) and side[-1] - side[0] == len(side) - 1 for side in sides)
    return ranges and len(sides[0]) * len(sides[1]) == len(pairs) and sides[1] != list(range(10))


def _any_holds(column: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(column.unique().cast(pa.string()), pattern)).as_py())


def _as_numbers(column: pa.ChunkedArray, *, thousands: str, decimal: str) -> pa.Array:
    """A column of texts that are all numbers, blanks or markers as numbers."""
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    words = pc.utf8_trim_whitespace(encoded.dictionary.cast(pa.string()))
    words = pc.replace_substring(pc.replace_substring(words, thousands, ""), decimal, ".")
    words = pc.if_else(pc.match_substring_regex(words, r"\d"), words, None)
    return words.cast(pa.float64()).take(encoded.indices)


def _may_be_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_null(kind))


def _has_identifiers(text: pa.ChunkedArray | pa.Array) -> bool:
    """Whether it holds whole numbers that no 64 bits hold; as floats they would run into each other."""
    long = text.filter(pc.match_substring_regex(text, _LONG))
    return any(abs(int(word)) >= 2**63 for word in long.to_pylist())


def _reason(error: Exception) -> tuple[str, int | None]:
    """What the parser says, and the data row it says it of."""
    text = str(error).splitlines()[0][:300]
    if "UTF8" in text:
        return "it holds bytes that are not UTF-8 text; save the file as UTF-8", None
    if "Empty CSV" in text:
        return "there is no row of data", None
    if "straddl" in text:
        return "a line is too long for a table, or a quotation mark is never closed", None
    match = re.search(r"Row #(\d+)", text)
    return re.sub(r"Row #\d+: ", "", text), int(match[1]) - 1 if match else None


def _in_utf8(source: Source, context: Context) -> Source:
    """The file in UTF-8: Excel also writes UTF-16 and Windows-1252.

    A file that holds letters in UTF-8 is of no other encoding, even if it is damaged somewhere.
    """
    head = source.head(_PREVIEW_BYTES)
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "cp1252"
    if encoding == "cp1252" and (b"\0" in head or not _is_foreign(head)):
        return source
    try:
        data = source.read().decode(encoding).encode()
    except UnicodeError as error:
        raise FileError("this text is not UTF-8; save the file as UTF-8") from error
    context.unpack(len(data))
    told = "UTF-16" if encoding == "utf-16" else "Windows-1252"
    context.note("encoding", "the text is not UTF-8", f"It was read as {told}.")
    return Source(source.name, data=data)


def _is_foreign(head: bytes) -> bool:
    try:
        getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return head.decode("utf-8", "ignore").isascii()
    return False


def open_table(source: Source, context: Context) -> Table:
    """The table of a text file."""
    source = _in_utf8(source, context)
    dialect = _Dialect(source, context)
    first = dialect.first(source)
    count = first.num_rows if source.size <= _PREVIEW_BYTES else None
    shown = columns_of(dialect.numbers(first.slice(0, FIRST_ROWS)))
    load = partial(_load, dialect, first.schema, source, context)
    return Table(tuple(dialect.names), shown, load, count, dialect.own)


def _load(dialect: _Dialect, first: pa.Schema, source: Source, context: Context, mapping: ColumnMapping) -> Loaded:
    lines, before, padded = 0, b"", False
    with source.open() as file:
        while block := file.read(1 << 22):
            lines += block.count(b"\n")
            dialect.commented = dialect.commented or (b"#" in block and b"\n#" in before + block)
            padded = padded or _PADDED.search(before + block) is not None
            before = block[-1:]
    context.limits.check("rows", lines - 1)
    table = dialect.numbers(_parse(dialect, _types(first, mapping), source, context, mapping))
    if padded:
        table = _with_padded_labels(table, dialect, source, mapping)
    if dialect.left_out:
        _note_comments(dialect.left_out, "among the rows, after '#'", context)
    held = {name: table.column(name) for name in mapping.columns}
    return table.num_rows, held.pop


def _with_padded_labels(table: pa.Table, dialect: _Dialect, source: Source, mapping: ColumnMapping) -> pa.Table:
    """The table with labels where whole numbers with zeros before them, as `007`, would be one with others, as `7`."""
    single = mapping.states != "vector" and len(mapping.state) == 1
    states = (*mapping.state, *mapping.next_state) if single else ()
    for names in (states, *((name,) for name in (*mapping.action_columns, mapping.episode) if name)):
        if not names or not all(pa.types.is_integer(table.schema.field(name).type) for name in names):
            continue
        with source.open() as file:
            words = dialect.table(file, names, types=pa.schema([(name, _TEXT) for name in names]))
        if any(_run_together(words.column(name), table.column(name)) for name in names):
            for name in names:
                table = table.set_column(table.column_names.index(name), name, words.column(name))
    return table


def _run_together(words: pa.ChunkedArray, numbers: pa.ChunkedArray) -> bool:
    """Whether texts of digits are fewer numbers than texts."""
    texts = pc.utf8_trim_whitespace(words.unique().drop_null().cast(pa.string()))
    texts = texts.filter(pc.match_substring_regex(texts, r"^\d+$")).unique()
    return len(texts) > len(texts.cast(pa.int64()).unique()) if len(texts) else False


def _note_comments(count: int, where: str, context: Context) -> None:
    lines = "1 line" if count == 1 else f"{count} lines"
    context.note("comments", f"text stands {where}: {lines}", "It was left out.", count=count)


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
        refusal = dialect.refusal(error)
        if refusal.row is None:
            # Only a serial reading can say in which row it stumbled.
            try:
                with source.open() as file:
                    dialect.table(file, only, threads=False)
            except pa.ArrowInvalid as again:
                refusal = dialect.refusal(again)
        raise refusal from error
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
