"""Where episodes end and begin, as flags say it."""

from __future__ import annotations

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Context
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.table import LazyTable

Flags = tuple[Array | None, Array | None, Array | None]
"""Terminated, truncated, and ended for a reason that nobody gives; `(N,)` bool each, None where nothing says so."""


def take_flags(table: LazyTable, mapping: ColumnMapping, context: Context) -> Flags:
    """What the flags of a table say together.

    An episode is cut where any of them says that it ends, and before a row that begins one. Where `done` says which
    rows ended in the MDP, the other rows with `end` were cut off.
    """
    term, trunc = _flag(table, mapping.done, context), _flag(table, mapping.timeout, context)
    end, start = _flag(table, mapping.end, context), _flag(table, mapping.start, context)
    last = None if start is None else np.append(start[1:], False)
    if end is not None and term is not None:
        trunc = end & ~term if trunc is None else trunc | (end & ~term)
    elif end is not None:
        last = end if last is None else last | end
    if mapping.start is not None and mapping.end is not None and mapping.last_row == "decision":
        context.note(
            "last-steps",
            f"the file marks first and last steps ({mapping.start!r}, {mapping.end!r}), as RLDS does",
            "Each row was taken as a decision. In RLDS the action and the reward of a last step mean nothing: then "
            "choose last_row = 'state'.",
            severity="warning",
        )
    return term, trunc, last


def _flag(table: LazyTable, name: str | None, context: Context) -> Array | None:
    if name is None:
        return None
    cells = table.take(name)
    flags, missing = cells.flags(), cells.missing
    if cells.labels is not None:
        missing = missing | cells.numeric("a flag").missing
    if missing.any():
        message = f"{int(missing.sum())} rows have no value in {name!r}"
        context.note("missing-flags", message, "They were taken as false.", cells.file_rows(missing))
    return flags
