"""Archives of arrays as tables: an array with one row per transition is a column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.blocks import EPISODE, Column, block_of, episodes_of
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.names import speaks_of
from offrl_core.formats.pictures import choose_factor, shrunk
from offrl_core.formats.table import FIRST_ROWS, Loaded, Table

_SHOWN_NUMBERS = 1 << 26
"""Numbers of the largest array that a preview looks at."""

_FEWEST = 20


def table_of(
    shapes: Mapping[str, tuple[int, ...]],
    column: Column,
    context: Context,
    *,
    besides: tuple[str, ...] = (),
    own: dict[str, Any] | None = None,
) -> Table:
    """A table of arrays.

    Args:
        shapes: of the arrays that can be columns, by name.
        column: gives an array as a column (see `as_column`) by its name, how many of its first rows (None for all), and
            by how much its frames are shrunk.
        context: the reading in progress.
        besides: names of what else the file holds.
        own: the metadata of one of our own files.

    """
    block = None if own is not None else block_of(shapes, column, context)
    if block is not None:
        besides += tuple(name for name in shapes if shapes[name][:2] != block.lead and name not in block.used)
        shapes, column = block.shapes(shapes), block.column(column)
    elif own is None and (told := episodes_of(shapes, column, context)) is not None:
        shapes = {**{name: shape for name, shape in shapes.items() if name != told[0]}, EPISODE: told[1].shape}
        column = _with_episodes(column, told[1])
    first: dict[str, pa.ChunkedArray] = {}
    steps = next((shape[1] for name, shape in shapes.items() if len(shape) == 2 and speaks_of(name, "reward")), 1)
    frames = {name: _of_one_step(shape, steps) for name, shape in shapes.items()}
    largest = max((math.prod(frame) for frame in frames.values()), default=1)
    shown = min(FIRST_ROWS, max(_FEWEST, _SHOWN_NUMBERS // max(1, largest)))
    for name, shape in shapes.items():
        if shape[0] > 0 and np.prod(shape[1:], dtype=float) > 0:
            with suppress(FileError):  # whoever reads it is told
                factor = choose_factor(frames[name], name, replace(context, mapping=None, findings=[]))
                first[name] = column(name, min(shown, shape[0]), factor)
    actions = next((name for name in shapes if speaks_of(name, "action")), None)
    rows = None if actions is None else max(0, shapes[actions][0])

    def load(mapping: ColumnMapping) -> Loaded:
        action = mapping.action_columns[0]
        if action not in shapes:
            column(action, None, 1)  # says why it is no column
        factors = {
            name: choose_factor(frames[name], name, context)
            for name in (*mapping.state, *mapping.next_state)
            if len(frames.get(name, ())) > 1
        }
        return shapes[action][0], lambda name: column(name, None, factors.get(name, 1))

    # What has the name of a column without being one is refused by that name.
    claimed = [name for name in besides if any(speaks_of(name, role) for role in ("state", "action", "reward", "done"))]
    rest = tuple(name for name in besides if name not in claimed)
    return Table((*shapes, *claimed), first, load, rows, own, rest)


def _with_episodes(given: Column, episodes: Array) -> Column:
    def column(name: str, rows: int | None, factor: int) -> pa.ChunkedArray:
        return pa.chunked_array([pa.array(episodes[:rows])]) if name == EPISODE else given(name, rows, factor)

    return column


def _of_one_step(shape: tuple[int, ...], steps: int) -> tuple[int, ...]:
    """The shape of what an array holds of one step, where an episode's rewards are `steps` numbers in one row."""
    episodes = steps > 1 and len(shape) > 1 and shape[1] in (steps, steps + 1)
    return shape[2:] if episodes else shape[1:]


def as_column(values: Array, name: str, missing: Array | None = None, factor: int = 1) -> pa.ChunkedArray:
    """An array as a column: of numbers or text, or of lists where a row has several numbers.

    Args:
        values: `(N, …)`.
        name: of the column.
        missing: `(N,)` bool, which rows are null.
        factor: by how much frames are shrunk.

    Raises:
        FileError: its rows are empty, or its bytes are no text.
    """
    values = shrunk(values, factor)
    flat = values.reshape(len(values), -1) if values.size else values.reshape(len(values), 0)
    if not len(values):
        return pa.chunked_array([pa.nulls(0)])
    if flat.shape[1] == 0:
        raise FileError("it has no component", column=name)
    if values.dtype.kind in "SU":
        return _text(flat, name)
    plain = flat.ravel().astype(values.dtype.newbyteorder("="), copy=False)
    if flat.shape[1] == 1:
        return pa.chunked_array([pa.array(plain, mask=missing)])
    mask = None if missing is None else pa.array(missing)
    return pa.chunked_array([pa.FixedSizeListArray.from_arrays(pa.array(plain), flat.shape[1], mask=mask)])


def _text(flat: Array, name: str) -> pa.ChunkedArray:
    if flat.shape[1] > 1:
        raise FileError(f"it holds {flat.shape[1]} texts per row; one is needed", column=name)
    try:
        words = [word.decode() if isinstance(word, bytes) else word for word in flat[:, 0].tolist()]
    except UnicodeDecodeError as error:
        raise FileError("it holds bytes that are not UTF-8 text", column=name) from error
    return pa.chunked_array([pa.array(words, pa.string()).dictionary_encode()])
