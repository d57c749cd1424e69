"""Python's values as Arrow columns, for formats whose cells each have a type of their own (JSON, spreadsheets)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from offrl_core.formats.base import FileError

_EXACT = 2**53
"""From here on a float does not tell neighbouring whole numbers apart: such numbers are identifiers."""
_SINGLE = frozenset((bool, int, float, str, dt.datetime, dt.date, dt.time, dt.timedelta))
_DEEPEST = 6
_FORMS = "its cells hold lists or structures of different forms; each row needs one of the same parts"
_PLAIN: tuple[tuple[frozenset[type], pa.DataType], ...] = (
    (frozenset((bool,)), pa.bool_()),
    (frozenset((dt.time,)), pa.time64("us")),
    (frozenset((dt.timedelta,)), pa.duration("us")),
)


def column_of(values: Sequence[Any], name: str, before: int = 0) -> pa.Array:
    """One column; None is null, and single values of several types are text, as they are in a text table.

    Args:
        values: None, booleans, numbers, text, dates, times, lists and dicts.
        name: of the column.
        before: how many rows stand before these, to name the row of a value that does not fit.

    Raises:
        FileError: lists stand beside single values, or have different forms.
    """
    kinds = frozenset(map(type, values)) - {type(None)}
    try:
        if not kinds:
            return pa.nulls(len(values))
        if kinds <= {int, float}:
            return _numbers(values, kinds)
        if kinds <= {dt.datetime, dt.date}:
            values = [dt.datetime(*day.timetuple()[:3]) if type(day) is dt.date else day for day in values]
            return pa.array(values, pa.timestamp("us"))
        for known, kind in _PLAIN:
            if kinds <= known:
                return pa.array(values, kind)
        if kinds <= _SINGLE:
            return _text(values)
        if kinds <= {list} or kinds <= {dict}:
            return _shallow(pa.array(values), name)
    except UnicodeEncodeError as error:
        raise FileError("it holds text that is not valid Unicode", column=name) from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise FileError(_FORMS, column=name) from error
    usual = type(next(value for value in values if value is not None))
    row = next(i for i, value in enumerate(values) if value is not None and type(value) is not usual)
    raise FileError(
        f"it holds {_called(values[row])} where the rows before hold {_called(usual())}",
        row=before + row + 1,
        column=name,
    )


def joined(parts: Sequence[pa.Array], name: str) -> pa.ChunkedArray:
    """The pieces of one column, each made by `column_of`, as one.

    Raises:
        FileError: their types have nothing in common.
    """
    kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
    if not kinds:
        return pa.chunked_array(parts, pa.null())
    kind = kinds.pop()
    if not kinds:
        return pa.chunked_array([part.cast(kind) for part in parts], kind)
    kinds.add(kind)
    try:
        if all(pa.types.is_nested(one) for one in kinds):
            tables = [pa.table({name: part}) for part in parts]
            return pa.concat_tables(tables, promote_options="permissive").column(0)
        if all(pa.types.is_integer(one) or pa.types.is_floating(one) for one in kinds):
            return pa.chunked_array([part.cast(pa.float64(), safe=False) for part in parts], pa.float64())
        if not any(pa.types.is_nested(one) for one in kinds):
            words = [_words(part).dictionary_encode() for part in parts]
            return pa.chunked_array(words, pa.dictionary(pa.int32(), pa.string()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise FileError(_FORMS, column=name) from error
    raise FileError("it holds lists or structures in some rows and single values in others", column=name)


def _numbers(values: Sequence[Any], kinds: frozenset[type]) -> pa.Array:
    if float not in kinds:
        try:
            return pa.array(values, pa.int64())
        except (OverflowError, pa.ArrowInvalid):
            return _text(values)  # identifiers
    if int in kinds and any(type(value) is int and abs(value) > _EXACT for value in values):
        return _text([None if value is None or value != value else value for value in values])
    return pa.array(np.array([np.nan if value is None else value for value in values], dtype=np.float64))


def _text(values: Sequence[Any]) -> pa.Array:
    return pa.array([_word(value) for value in values], pa.string()).dictionary_encode()


def _word(value: Any) -> str | None:
    """A value as the text of a table; None for nothing."""
    return (
        value
        if value is None or isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def _words(part: pa.Array) -> pa.Array:
    return part.dictionary_decode() if pa.types.is_dictionary(part.type) else part.cast(pa.string())


def _shallow(column: pa.Array, name: str) -> pa.Array:
    """The column, unless its type is nested deeper than any observation is."""
    level = [column.type]
    for _ in range(_DEEPEST):
        level = [kind.field(i).type for kind in level for i in range(kind.num_fields)]
        if not level:
            return column
    raise FileError("its lists and structures are nested too deeply", column=name)


def _called(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a structure" if isinstance(value, dict) else "a single value"
