"""Feather and Arrow files: tables with types, in the file format or the stream format of Arrow IPC."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc

from offrl_core.formats.base import Context, FileError
from offrl_core.formats.cells import check_readable, kind_of
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.source import Source
from offrl_core.formats.table import FIRST_ROWS, Loaded, Table, columns_of

_MAGIC = b"ARROW1"
_END = b"\xff\xff\xff\xff\0\0\0\0"
_DICTIONARY_BATCH = 2


def open_table(source: Source, context: Context) -> Table:
    """The table of an Arrow file or stream; what its pieces claim to need is counted before any of them is unpacked.

    Source: the Arrow columnar format, "Serialization and Interprocess Communication".
    """
    data = _stream(source)
    schema = schema_of(source)
    context.limits.check("columns", len(schema.names))
    rows = _count(data, context)
    readable = [index for index, field in enumerate(schema) if kind_of(field.type) != "other"]
    first: list[pa.RecordBatch] = []
    for batch in _batches(data, readable):
        first.append(batch)
        if sum(piece.num_rows for piece in first) >= FIRST_ROWS:
            break
    kinds = pa.schema([schema.field(index) for index in readable])
    shown = pa.Table.from_batches(first, kinds).slice(0, FIRST_ROWS)
    return Table(tuple(schema.names), columns_of(shown), partial(_load, data, schema, rows), rows)


def schema_of(source: Source) -> pa.Schema:
    """Names and types of the columns."""
    return ipc.open_stream(_stream(source)).schema


def _stream(source: Source) -> pa.Buffer:
    """The messages: a file is a stream between two marks and before a table of contents, which is not needed here."""
    data = source.read()
    in_file = data.startswith(_MAGIC)
    if not data.endswith(_MAGIC if in_file else _END):
        raise FileError("this Arrow file ends too early")
    whole = pa.py_buffer(data)
    return whole.slice(8) if in_file else whole


def _load(data: pa.Buffer, schema: pa.Schema, rows: int, mapping: ColumnMapping) -> Loaded:
    for name in mapping.columns:
        check_readable(schema.field(name).type, name)
    wanted = sorted(schema.get_field_index(name) for name in mapping.columns)
    kinds = pa.schema([schema.field(index) for index in wanted])
    table = pa.Table.from_batches(list(_batches(data, wanted)), kinds)
    return rows, table.column


def _batches(data: pa.Buffer, columns: list[int]) -> Iterator[pa.RecordBatch]:
    """Some columns, piece by piece, each checked before anything points into it."""
    options = ipc.IpcReadOptions(included_fields=columns, use_threads=False)
    for batch in ipc.open_stream(data, options=options):
        batch.validate(full=True)
        yield batch


def _count(data: pa.Buffer, context: Context) -> int:
    """The number of rows; the bytes that all pieces need are held against the limits."""
    rows = 0
    for pieces, message in enumerate(ipc.MessageReader.open_stream(data)):
        context.limits.check("members", pieces)
        if message.type in ("record batch", "dictionary"):
            length, size = _claims(message.metadata.to_pybytes(), message.body)
            if length < 0 or size < 0:
                raise FileError("it claims a negative size")
            context.unpack(size)
            if message.type == "record batch":
                rows += length
                context.limits.check("rows", rows)
    return rows


def _claims(metadata: bytes, body: pa.Buffer) -> tuple[int, int]:
    """Rows of a piece, and the bytes that its buffers have when they are unpacked.

    The metadata is a FlatBuffer: a table is a list of offsets to its fields. A buffer that is compressed begins with
    its size as a 64-bit number, or with −1 where it is not compressed after all.

    Source: `Message.fbs` of the Arrow format.
    """
    message = _Flat.root(metadata)
    piece = message.table(2)
    if message.number(1, "<B") == _DICTIONARY_BATCH:
        piece = piece.table(1)
    packed = piece.place(3) is not None
    size = 0
    for offset, length in piece.pairs(2):
        if packed and length >= 8:
            (claimed,) = struct.unpack_from("<q", body, offset)
            size += length if claimed == -1 else claimed
            if claimed < -1:
                raise FileError("it claims a negative size")
        else:
            size += length
    return piece.number(0, "<q"), size


class _Flat:
    """A table in a FlatBuffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    @classmethod
    def root(cls, data: bytes) -> _Flat:
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def place(self, field: int) -> int | None:
        """Where a field stands; None where it is left out."""
        fields = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        if fields < 0:
            raise FileError("the description of a piece is damaged")
        if 4 + 2 * field >= struct.unpack_from("<H", self.data, fields)[0]:
            return None
        offset = struct.unpack_from("<H", self.data, fields + 4 + 2 * field)[0]
        return self.at + offset if offset else None

    def number(self, field: int, form: str) -> int:
        place = self.place(field)
        return 0 if place is None else int(struct.unpack_from(form, self.data, place)[0])

    def table(self, field: int) -> _Flat:
        place = self.place(field)
        if place is None:
            raise FileError("the description of a piece is damaged")
        return _Flat(self.data, place + struct.unpack_from("<I", self.data, place)[0])

    def pairs(self, field: int) -> list[tuple[Any, ...]]:
        """A list of pairs of 64-bit numbers."""
        place = self.place(field)
        if place is None:
            return []
        start = place + struct.unpack_from("<I", self.data, place)[0]
        count = struct.unpack_from("<I", self.data, start)[0]
        if count > len(self.data) // 16:
            raise FileError("the description of a piece is damaged")
        return [struct.unpack_from("<qq", self.data, start + 4 + 16 * index) for index in range(count)]
