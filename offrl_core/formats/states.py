"""State columns of a table: one number for each distinct state, or a vector."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from offrl_core.columns import Array
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.cells import Cells
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.table import LazyTable


def take_states(columns: Columns, table: LazyTable, mapping: ColumnMapping, context: Context) -> Array:
    """Fill in the observations (and next observations) of `columns`.

    Returns:
        `(N,)` bool: rows whose state is missing.
    """
    # Taken one by one, so that only one column of a vector is in memory twice.
    now: Iterable[Cells] = (table.take(name, labels=context.limits.states) for name in mapping.state)
    after = (table.take(name, labels=context.limits.states) for name in mapping.next_state)
    several = len(mapping.state) > 1
    vector = mapping.states == "vector" or (mapping.states == "auto" and several)
    if not vector:
        now = list(now)
        vector = mapping.states == "auto" and not _is_table(now[0], mapping, context)
    if vector:
        refuse_text = several and mapping.states == "auto"
        columns.observations, columns.observation_names, missing = _vectors(now, refuse_text=refuse_text)
        if mapping.next_state:
            columns.next_observations, _, unknown = _vectors(after)
            columns.next_known = ~unknown
        return missing
    states, following = list(now), list(after)
    if following:
        columns.next_known = ~_any_missing(following)
    states, following = _alike(states), _alike(following)
    if not several and all(cells.labels is None for cells in (*states, *following)):
        columns.observations = _whole(states[0])
        columns.next_observations = _whole(following[0]) if following else None
    else:
        _number_states(columns, states, following, context, mapping)
    return _any_missing(states)


def _alike(columns: list[Cells]) -> list[Cells]:
    return [cells.single("a state of a table must be one value per row") for cells in columns]


def _any_missing(cells: list[Cells]) -> Array:
    return np.asarray(np.logical_or.reduce([cell.missing for cell in cells]))


def _is_table(cells: Cells, mapping: ColumnMapping, context: Context) -> bool:
    """Whether a single column is best read as state numbers: it holds text or whole numbers, and not too many."""
    if cells.labels is not None:
        return True
    if not cells.whole or cells.values.ndim != 1:
        return False
    if mapping.n_states is None and len(np.unique(cells.values)) > context.limits.states:
        context.note(
            "many-states",
            f"{cells.name!r} has more than {context.limits.states} distinct whole numbers",
            "It was read as a number, not as a table of states.",
            severity="warning",
        )
        return False
    return True


def _vectors(columns: Iterable[Cells], refuse_text: bool = False) -> tuple[Array, tuple[str, ...], Array]:
    """Columns side by side as `(N, D)` float32, the names of their components, and `(N,)` where one is missing."""
    parts: list[Array] = []
    names: list[str] = []
    missing: Array = np.zeros(1, dtype=bool)
    for cells in columns:
        if refuse_text and cells.is_text and not cells.are_measured:
            raise FileError(
                "this state column holds text and there are several state columns: leave it out, or choose states = "
                "'table', where each combination is a state of its own",
                column=cells.name,
            )
        numbers = cells.numeric("a component of a vector must be a number")
        parts.append(_vector(numbers))
        names += numbers.component_names()
        missing = missing | numbers.missing
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1), tuple(names), missing


def _vector(cells: Cells) -> Array:
    """`(N, D)` float32, 0 where missing."""
    values = cells.values.reshape(len(cells.values), -1)
    with np.errstate(over="ignore"):
        part = values.astype(np.float32)
    if not np.isfinite(part).all():
        part = values.astype(np.float64)  # which is refused by its own value
    part[cells.missing] = 0.0
    return np.asarray(part)


def _whole(cells: Cells) -> Array:
    """`(N,)` state numbers, 0 where missing."""
    if cells.values.dtype.kind == "f":
        whole = (cells.values == np.floor(cells.values)) & (np.abs(cells.values) < 2**53)
        cells.refuse(~cells.missing & ~whole, "a state number must be whole")
    return np.asarray(np.where(cells.missing, 0, cells.values).astype(np.int64))


def _number_states(
    columns: Columns, now: list[Cells], after: list[Cells], context: Context, mapping: ColumnMapping
) -> None:
    """A number for each distinct state, or combination of state columns, of this row and the next."""
    rows = len(now[0].values)
    numbers = np.zeros(rows * (2 if after else 1), dtype=np.intp)
    labels: list[str] = [""]
    for index, cells in enumerate(now):
        codes, names = _shared_codes([cells, after[index]] if after else [cells])
        combined, numbers = np.unique(numbers * len(names) + codes, return_inverse=True)
        context.limits.check("states", len(combined), column=cells.name)
        pairs = [(labels[code // len(names)], names[code % len(names)]) for code in combined]
        labels = [f"{before}, {name}" if before else name for before, name in pairs]
    columns.observations = numbers[:rows].astype(np.intp)
    columns.next_observations = numbers[rows:].astype(np.intp) if after else None
    columns.n_states, columns.observation_names = len(labels), tuple(labels)
    context.note(
        "state-labels",
        f"{len(labels)} distinct values of {', '.join(mapping.state)} were numbered as states",
        "Their labels are kept.",
    )


def _shared_codes(pair: list[Cells]) -> tuple[Array, list[str]]:
    """Codes of both columns one after the other, in one list of labels that is sorted."""
    coded = [cell.coded() for cell in pair]
    numeric = all(cell.labels is None for cell in pair)
    names = sorted({name for _, labels in coded for name in labels}, key=float if numeric else str)
    place = pd.Index(names)
    return np.concatenate([place.get_indexer(labels)[codes] for codes, labels in coded]), names
