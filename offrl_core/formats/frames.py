"""Columns that are in memory already, as a table: pandas' frames, what speaks Arrow, and columns by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from offrl_core.formats.arrays import as_column
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.pictures import choose_factor, plane
from offrl_core.formats.table import Table
from offrl_core.formats.values import column_of


def table_of_frame(frame: Any, context: Context) -> Table:
    """A table of a frame's columns.

    Args:
        frame: a pandas `DataFrame` (levels of its index that have a name are columns, too), anything else that gives
            Arrow's columns (`__arrow_c_stream__`: pyarrow, Polars), or a mapping from names to columns of one length,
            each an array `(N,)` or `(N, …)`, a pandas `Series`, or a list.
        context: the reading in progress.

    Raises:
        FileError: it is none of these, or a column holds what no file could hold.
    """
    if isinstance(frame, Mapping):
        named = [(key, frame[key]) for key in frame]
    elif hasattr(frame, "iloc") and hasattr(frame, "columns"):
        levels = [level for level in frame.index.names if level is not None]
        whole = frame.reset_index(levels) if levels else frame
        named = [(key, whole.iloc[:, place]) for place, key in enumerate(whole.columns)]
    elif hasattr(frame, "__arrow_c_stream__"):
        return Table.of(pa.table(frame))
    else:
        raise FileError(
            f"{type(frame).__name__} is not allowed: a DataFrame, a table of Arrow, or a dict of columns is needed"
        )
    if not named:
        raise FileError("there is no column")
    names = [
        " ".join(part for part in map(str, key) if part) if isinstance(key, tuple) else str(key) for key, _ in named
    ]
    columns = [_column(values, name, context) for name, (_, values) in zip(names, named, strict=True)]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(columns[0]):
            raise FileError(f"it has {len(column)} rows, {names[0]!r} has {len(columns[0])}", column=name)
    return Table.of(pa.Table.from_arrays(columns, names=names))


def _column(values: Any, name: str, context: Context) -> pa.ChunkedArray:
    if isinstance(values, (pa.ChunkedArray, pa.Array)):
        return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    try:
        if not isinstance(values, np.ndarray) and str(getattr(values, "dtype", "object")) != "object":
            if hasattr(values, "array") or hasattr(values, "__arrow_array__"):  # pandas
                return _of_series(values)
            values = np.asarray(values)
        return _of_array(values if isinstance(values, np.ndarray) else _as_array(values, name), name, context)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"it cannot be a column: {str(error).splitlines()[0][:200]}", column=name) from error


def _of_series(values: Any) -> pa.ChunkedArray:
    """A column of one of pandas' own types: periods begin where they begin, and intervals are labels."""
    kinds = (str(values.dtype), str(getattr(getattr(values.dtype, "categories", None), "dtype", "")))
    if kinds[0].startswith("Sparse"):
        return pa.chunked_array([pa.array(np.asarray(values), from_pandas=True)])
    if any(kind.startswith("interval") for kind in kinds):
        values = values.astype("string")
    elif kinds[0].startswith("period"):
        values = (values.dt if hasattr(values, "dt") else values).to_timestamp()
    made = pa.array(values, from_pandas=True)
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


def _as_array(values: Any, name: str) -> np.ndarray[Any, Any]:
    """A list as an array, of Python's objects where its values are not all of one kind."""
    if isinstance(values, (str, bytes, set, frozenset)) or not isinstance(values, Iterable):
        raise FileError(f"a column is needed, one value per row; it is {type(values).__name__}", column=name)
    given = list(values)
    try:
        made = np.asarray(given)
    except ValueError:  # lists of several lengths
        made = np.empty(0, dtype=object)
    if made.dtype.kind not in "OSU" and len(made):
        return made
    objects = np.empty(len(given), dtype=object)
    objects[:] = given if made.ndim < 2 else [list(row) for row in given]
    return objects


def _of_array(values: np.ndarray[Any, Any], name: str, context: Context) -> pa.ChunkedArray:
    if values.ndim == 0:
        raise FileError("a column is needed, one value per row; it is a single value", column=name)
    missing = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) and values.ndim == 1 else None
    plain = np.asarray(values)
    kind = plain.dtype.kind
    if kind in "mM":
        unit = "us" if np.datetime_data(plain.dtype)[0] not in ("s", "ms", "us", "ns") else None
        plain = plain if unit is None else plain.astype(f"{kind}8[{unit}]")
        return pa.chunked_array([pa.array(plain.ravel() if plain.size == len(plain) else plain, mask=missing)])
    if kind == "f" and plain.dtype.itemsize not in (4, 8):
        plain = plain.astype(np.float32 if plain.dtype.itemsize == 2 else np.float64)
    if kind in "biufSU":
        mapping = context.mapping
        wanted = mapping is None or name in (*mapping.state, *mapping.next_state)
        factor = 1
        if plain.ndim > 2 and plane(plain.shape[1:]) is not None and wanted:
            factor = choose_factor(plain.shape[1:], name, replace(context))
        return as_column(plain, name, missing, factor)
    if kind != "O":
        raise FileError(f"it holds {plain.dtype}, which is neither a number, text, a date nor a list", column=name)
    rows = plain if plain.ndim == 1 else [row.tolist() for row in plain]
    return pa.chunked_array([column_of([_plain(value) for value in rows], name)])


def _plain(value: Any) -> Any:
    """A cell as Python's own value; None where pandas says that it is missing."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    elif type(value).__name__ in ("NAType", "NaTType"):
        return None
    elif isinstance(value, dt.datetime) and hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False)
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    elif isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return None if isinstance(value, float) and value != value else value
