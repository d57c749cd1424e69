"""What every tabular format hands over: named columns of Arrow types, each loaded when it is asked for.

A reader of a format is one function, `open_table(source, context) -> Table`; what the columns mean is told by a mapping
and is the same for all of them (`tabular.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.cells import Cells, read_cells
from offrl_core.formats.mapping import ColumnMapping

FIRST_ROWS = 1000
"""Rows that a preview looks at."""

Loaded = tuple[int, Callable[[str], pa.ChunkedArray]]
"""The number of rows, and a function that gives a column by its name; it is asked for each column once."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a file.

    Attributes:
        names: of all columns, in their order; a name may stand there twice.
        first: the first rows of each column that can be read (`FIRST_ROWS` at most).
        load: loads the columns of a mapping.
        rows: the number of rows; None where it is not known before reading.
        own: the metadata of one of our own files, see `metadata`.
        besides: what else the file holds, which is never read.
    """

    names: tuple[str, ...]
    first: Mapping[str, pa.ChunkedArray]
    load: Callable[[ColumnMapping], Loaded]
    rows: int | None = None
    own: dict[str, Any] | None = None
    besides: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: pa.Table, **more: Any) -> Table:
        """A table that is in memory already."""

        def load(mapping: ColumnMapping) -> Loaded:
            return table.num_rows, table.column

        first = table.slice(0, FIRST_ROWS)
        return cls(tuple(table.column_names), columns_of(first), load, table.num_rows, **more)

    @property
    def whole(self) -> bool:
        """Whether the first rows are all there are."""
        return self.rows is not None and self.rows <= FIRST_ROWS


def columns_of(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Columns by name; of several with one name, the first."""
    return dict(reversed(list(zip(table.column_names, table.columns, strict=True))))


class LazyTable:
    """The columns of a mapping as cells, converted one by one, so that few of them are in memory twice.

    Args:
        loaded: the columns.
        mapping: says how often each is asked for.
        context: the reading in progress.
    """

    def __init__(self, loaded: Loaded, mapping: ColumnMapping, context: Context) -> None:
        self.rows, self._load = loaded
        self._context = context
        self._uses = Counter(mapping.roles)
        self._kept: dict[str, pa.ChunkedArray] = {}
        self._left = self._all = len(mapping.roles)
        self._order: Array | None = None

    def take(self, name: str, *, labels: int | None = None) -> Cells:
        """One column, in the order that was set.

        Raises:
            FileError: it cannot be read, or is text of more than `labels` different words.
        """
        self._uses[name] -= 1
        column = self._kept.pop(name) if name in self._kept else self._load(name)
        if self._uses[name] > 0:
            self._kept[name] = column
        if len(column) != self.rows:
            raise FileError(f"it has {len(column)} rows, the table has {self.rows}", column=name)
        cells = read_cells(column, name, labels=labels)
        del column
        pa.default_memory_pool().release_unused()
        self._left -= 1
        self._context.progress(0.8 - 0.3 * self._left / self._all, f"read {name}")
        return cells if self._order is None else cells.take(self._order)

    def sort(self, order: Array) -> None:
        """Give the columns that are taken from now on in this order."""
        self._order = order
