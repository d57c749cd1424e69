"""HDF5 with one flat array per column, as D4RL, Tianshou and many others write it."""

from __future__ import annotations

import pyarrow as pa

from offrl_core.formats.arrays import as_column, table_of
from offrl_core.formats.base import Context
from offrl_core.formats.hdf5 import array, names, open_hdf5, shapes
from offrl_core.formats.names import speaks_of
from offrl_core.formats.source import Source
from offrl_core.formats.table import Table


def open_table(source: Source, context: Context) -> Table:
    """The arrays at the top of the file; those in its groups are left unread.

    The file may end in the middle of an episode, and the last row of a timed-out episode has no next state; without
    `timeouts` (older files) only `next_observations` can show where an episode was cut.

    Source: Fu et al. 2020, and the loader of the D4RL package.
    """
    with open_hdf5(source) as root:
        present = names(root, context)
        found = shapes(root, present)
    told = ("timeout", "episode", "start")
    if not any(speaks_of(name, role) for role in told for name in found) and not any("next" in name for name in found):
        context.note(
            "no-timeouts",
            "the file has no 'timeouts': where a time limit cut an episode is not known",
            "Episodes end at 'terminals' only; the next state of a row at a hidden cut is wrong.",
            severity="warning",
        )

    def column(name: str, rows: int | None, factor: int) -> pa.ChunkedArray:
        with open_hdf5(source) as root:
            return as_column(array(root, name, context, rows=rows), name, factor=factor)

    return table_of(found, column, context, besides=tuple(name for name in present if name not in found))
