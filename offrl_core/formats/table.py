"""A table whose columns are loaded one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.cells import Cells, read_cells
from offrl_core.formats.mapping import ColumnMapping


class LazyTable:
    """A table whose columns are loaded and converted one by one, so that few of them are in memory twice.

    Args:
        load: gives a column by its name.
        rows: how many rows each column has.
        mapping: says how often each column is asked for.
        context: the reading in progress.
    """

    def __init__(
        self, load: Callable[[str], pa.ChunkedArray], rows: int, mapping: ColumnMapping, context: Context
    ) -> None:
        self.rows = rows
        self._load, self._context = load, context
        self._left = self._all = len(mapping.roles)
        self._order: Array | None = None

    @classmethod
    def of(cls, table: pa.Table, mapping: ColumnMapping, context: Context) -> LazyTable:
        """The columns of a table that is in memory: each is freed when it was asked for the last time."""
        uses = Counter(mapping.roles)
        columns = {name: table.column(name) for name in uses}

        def load(name: str) -> pa.ChunkedArray:
            uses[name] -= 1
            return columns[name] if uses[name] else columns.pop(name)

        return cls(load, table.num_rows, mapping, context)

    def take(self, name: str) -> Cells:
        """One column, in the order that was set."""
        cells = read_cells(self._load(name), name)
        if len(cells.missing) != self.rows:
            raise FileError(f"it has {len(cells.missing)} rows, the table has {self.rows}", column=name)
        pa.default_memory_pool().release_unused()
        self._left -= 1
        self._context.progress(0.8 - 0.3 * self._left / self._all, f"read {name}")
        return cells if self._order is None else cells.take(self._order)

    def sort(self, order: Array) -> None:
        """Give the columns that are taken from now on in this order."""
        self._order = order
