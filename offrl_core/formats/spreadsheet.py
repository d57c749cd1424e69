"""Spreadsheets of Excel (.xlsx) and LibreOffice (.ods): the first sheet that holds a table."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from offrl_core.formats.base import Context, FileError
from offrl_core.formats.folder import Folder, open_folder
from offrl_core.formats.headings import are_numbers, units_of
from offrl_core.formats.source import Source
from offrl_core.formats.table import Table
from offrl_core.formats.values import column_of

_BYTES_PER_CELL = 32
_SLICE, _OVERLAP = 1 << 20, 64
_REFERENCE = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]{1,9})?(\d{1,18})[\"']")
_ODS_TAG = re.compile(rb"<(/?)table:(?:covered-)?table-(row|cell)\b([^>]*?)(/?)>")
_REPEATED = re.compile(rb"number-(?:columns|rows)-repeated\s*=\s*[\"'](\d{1,18})[\"']")
_FEW_ROWS = 50
_EXACT = 2**53


def is_spreadsheet(folder: Folder) -> bool:
    """Whether an archive is a workbook."""
    if "mimetype" in folder.names:
        return folder.read("mimetype").strip() == b"application/vnd.oasis.opendocument.spreadsheet"
    return "xl/workbook.xml" in folder.names


def open_table(source: Source, context: Context) -> Table:
    """The first sheet that holds a table: comments and titles, a row with the names of columns, perhaps units, rows.

    Whole numbers are whole numbers, although spreadsheets store all numbers as floats. Formulas are not computed: read
    is what the program that saved the file has computed.
    """
    with open_folder(source, context) as folder:
        data = _checked(folder, context)
    with _panics_are_refusals():
        book = CalamineWorkbook.from_filelike(BytesIO(data))
        found = [(name, _rows(book.get_sheet_by_name(name).to_python())) for name in book.sheet_names]
    held = [(name, rows) for name, rows in found if len(rows) > 1]
    if not held:
        raise FileError("no sheet holds a row with the names of the columns and rows of data below it")
    others = [name for name, _ in held[1:]]
    if others:
        context.note("other-sheets", f"the sheet {held[0][0]!r} was read", f"Not read: {', '.join(others[:20])}.")
    return Table.of(_table(held[0][1], context))


def _checked(folder: Folder, context: Context) -> bytes:
    """The workbook once more, of parts that were unpacked within the limits, and whose cells need no more than allowed.

    The library lays out every cell between the first and the last, so that two far apart would fill the memory.
    """
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in folder.names:
            part = folder.read(name)
            if re.fullmatch(r"xl/worksheets/.*\.xml", name):
                _check_cells(*_extent(part), context)
            elif name == "content.xml":
                _check_cells(*_ods_extent(part), context)
            archive.writestr(name, part)
    return file.getvalue()


def _check_cells(rows: int, columns: int, context: Context) -> None:
    context.limits.check("rows", rows - 1)
    context.limits.check("columns", columns)
    context.unpack(_BYTES_PER_CELL * rows * columns)


def _extent(sheet: bytes) -> tuple[int, int]:
    """The last row and column that a sheet of Excel names, or has room for."""
    letters: set[bytes] = set()
    rows = 0
    for start in range(0, len(sheet), _SLICE):
        found = _REFERENCE.findall(sheet, start, min(len(sheet), start + _SLICE + _OVERLAP))
        letters.update(name for name, _ in found)
        rows = max((int(row) for _, row in set(found)), default=rows) if found else rows
    columns = 0
    for name in letters:
        number = 0
        for letter in name.upper():
            number = 26 * number + letter - 64
        columns = max(columns, number)
    return rows, columns


def _ods_extent(content: bytes) -> tuple[int, int]:
    """Rows up to the last that holds something, and the most cells in one, over all sheets."""
    rows = columns = width = blank_cells = blank_rows = 0
    repeated = 1
    for closing, kind, attributes, single in _ODS_TAG.findall(content):
        match = _REPEATED.search(attributes)
        times = int(match[1]) if match else 1
        if kind == b"cell":
            if closing:
                continue
            if single and b"office:" not in attributes:
                blank_cells += times
            else:
                width, blank_cells = width + blank_cells + times, 0
            continue
        if not closing:
            repeated, width, blank_cells = times, 0, 0
        if closing or single:
            if width:
                rows, blank_rows = rows + blank_rows + repeated, 0
                columns = max(columns, width)
            else:
                blank_rows += repeated
    return rows, columns


@contextmanager
def _panics_are_refusals() -> Iterator[None]:
    """The library's errors, and its panics, which are no `Exception`, say that the file is damaged."""
    try:
        yield
    except CalamineError as error:
        raise FileError(f"the workbook is damaged: {str(error)[:200]}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise FileError("the workbook is damaged") from error


def _rows(cells: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The rows from the names on, without those that hold nothing; empty cells are None."""
    rows = [[None if cell == "" else cell for cell in row] for row in cells]
    rows = [row for row in rows if any(cell is not None for cell in row)]
    start = 0
    while start < len(rows) and _is_above(rows[start]):
        start += 1
    return rows[start:]


def _is_above(row: Sequence[Any]) -> bool:
    """Whether this is a comment, or a title: a single cell of a table of several columns."""
    first = next(cell for cell in row if cell is not None)
    return (isinstance(first, str) and first.startswith("#") and first != "#") or (
        len(row) > 2 and sum(cell is not None for cell in row) == 1
    )


def _table(rows: list[list[Any]], context: Context) -> pa.Table:
    context.limits.check("columns", len(rows[0]))
    names = [f"Unnamed: {index}" if cell is None else _word(cell) for index, cell in enumerate(rows[0])]
    if are_numbers([_word(cell) for cell in rows[0]]):
        raise FileError("its first row holds numbers; a row with the names of the columns is needed first")
    body = rows[1:]
    if units := units_of([[_word(cell) for cell in row] for row in body[:_FEW_ROWS]]):
        context.note_units(names, units)
        body = body[1:]
    context.limits.check("rows", len(body))
    used = [
        index for index, cell in enumerate(rows[0]) if cell is not None or any(row[index] is not None for row in body)
    ]
    columns = []
    for index in used:
        columns.append(column_of(_whole([row[index] for row in body]), names[index]))
        context.progress(0.5 * (index + 1) / len(names), "read the sheet")
    return pa.Table.from_arrays(columns, names=[names[index] for index in used])


def _whole(values: list[Any]) -> list[Any]:
    """Whole floats as whole numbers, unless they stand beside others in a column of numbers."""
    whole = [type(value) is float and value.is_integer() and abs(value) < _EXACT for value in values]
    numbers = all(value is None or type(value) is float for value in values)
    if numbers and sum(whole) < sum(value is not None for value in values):
        return values
    return [int(value) if fits else value for value, fits in zip(values, whole, strict=True)]


def _word(cell: Any) -> str:
    return "" if cell is None else f"{cell:g}" if type(cell) is float else str(cell)
