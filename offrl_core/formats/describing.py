"""What the columns of a table hold, as a preview shows it."""

from __future__ import annotations

from itertools import zip_longest

import pyarrow as pa
import pyarrow.compute as pc

from offrl_core.formats.base import FileError
from offrl_core.formats.cells import kind_of, unfolded
from offrl_core.formats.dates import look_like_dates
from offrl_core.formats.mapping import ColumnInfo
from offrl_core.formats.table import Table

_SHOWN_ROWS = 20


def describe_columns(table: Table) -> tuple[ColumnInfo, ...]:
    """What each column holds; one that cannot be read is of kind `other`."""
    return tuple(
        _describe(name, table.first[name]) if name in table.first else ColumnInfo(name, "other") for name in table.names
    )


def sample_rows(table: Table) -> tuple[tuple[str, ...], ...]:
    """The first rows as text; a column has no more than it has rows."""
    nothing: list[object] = []
    columns = [
        table.first[name].slice(0, _SHOWN_ROWS).to_pylist() if name in table.first else nothing for name in table.names
    ]
    return tuple(tuple(_shown(value) for value in row) for row in zip_longest(*columns))


def _shown(value: object) -> str:
    return "" if value is None else str(value)[:80]


def _describe(name: str, column: pa.ChunkedArray) -> ColumnInfo:
    examples = tuple(_shown(value) for value in column.slice(0, _SHOWN_ROWS).to_pylist())
    try:
        column = unfolded(column, name)
    except FileError:
        return ColumnInfo(name, "other", examples)
    held = kind_of(column.type)
    if held == "text":  # an empty cell is no label
        words = column.cast(pa.string())
        column = pc.if_else(pc.equal(words, ""), None, words)
        if look_like_dates(column.drop_null().to_pylist()):
            held = "time"
    uncounted = held in ("list", "texts", "other") or pa.types.is_null(column.type)
    distinct = 0 if uncounted else int(pc.count_distinct(column).as_py())
    return ColumnInfo(name, held, examples, distinct, column.null_count)
