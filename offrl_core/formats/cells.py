"""One column of a table as numbers, with its missing values and its labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from offrl_core.columns import Array
from offrl_core.formats.base import FileError
from offrl_core.formats.mapping import Kind

_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "<na>", "nat"))
_TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "n", "0", "0.0"))
_LONGEST_LABEL = 200


@dataclass(slots=True)
class Cells:
    """A column that was read.

    Attributes:
        name: its header.
        values: `(N,)` numbers, `(N, D)` numbers of a column of lists, or codes into `labels`; anything where missing.
        missing: `(N,)` bool.
        labels: what the codes mean, for a column of text; None for numbers.
        truth: what the labels mean as booleans, where all of them are words for true and false.
        whole: whether every value is a whole number and was stored as such, or as a float only for want of a
            missing-value marker.
        holes_made_floats: the latter case.
        rows: `(N,)` file rows from 1; None where they are `1…N`.
    """

    name: str
    values: Array
    missing: Array
    labels: list[str] | None = None
    truth: Array | None = None
    whole: bool = False
    holes_made_floats: bool = False
    rows: Array | None = None

    def take(self, order: Array) -> Cells:
        """The rows in another order."""
        return replace(self, values=self.values[order], missing=self.missing[order], rows=order + 1)

    def row(self, index: int) -> int:
        """The file row (from 1) of row `index` (from 0)."""
        return index + 1 if self.rows is None else int(self.rows[index])

    def refuse(self, bad: Array, allowed: str) -> None:
        """Raise `FileError` naming the first row marked in `bad (N,)`."""
        if bad.any():
            index = int(np.flatnonzero(bad)[0])
            value = self.values[index] if self.labels is None else repr(self.labels[self.values[index]])
            raise FileError(f"{value} is not allowed: {allowed}", row=self.row(index), column=self.name)

    def numbers(self, needed: str, single: str = "") -> Array:
        """`(N,)` or `(N, D)` numbers; words for true and false are 1 and 0.

        Raises:
            FileError: some cell is other text; `needed` says what was asked for. Or, where `single` says that one
                number per row was asked for, there are several.
        """
        if single and self.values.ndim != 1:
            raise FileError(single, column=self.name)
        if self.labels is None:
            return self.values
        if self.truth is not None:
            return np.asarray(self.truth[self.values])
        wrong = np.array([_number(label) is None for label in self.labels])
        self.refuse(wrong[self.values] & ~self.missing, needed)
        raise FileError(needed, column=self.name)

    def flags(self) -> Array:
        """`(N,)` bool, false where missing."""
        allowed = "it must be true or false, or 1 or 0"
        if self.labels is not None and self.truth is None:
            wrong = np.array([label.lower() not in _TRUE | _FALSE for label in self.labels])
            self.refuse(wrong[self.values] & ~self.missing, allowed)
        values = self.numbers(allowed, single="a flag must be one value per row")
        self.refuse(~self.missing & (values != 0) & (values != 1), allowed)
        return np.asarray((values == 1) & ~self.missing)

    def moments(self) -> Array:
        """`(N,)` numbers to order rows by."""
        values = self.numbers("a time must be a number or a date")
        self.refuse_missing("every row needs a time")
        if values.ndim != 1:
            raise FileError("a time must be one value per row", column=self.name)
        self.refuse(~np.isfinite(values), "a time must be finite")
        # Differences of small integers would wrap around.
        return values.astype(np.float64 if values.dtype.kind == "f" else np.int64)

    def refuse_missing(self, needed: str) -> None:
        """Raise `FileError` naming the first row without a value."""
        if self.missing.any():
            raise FileError(needed, row=self.row(int(np.flatnonzero(self.missing)[0])), column=self.name)

    def coded(self) -> tuple[Array, list[str]]:
        """`(N,)` codes by first appearance, and what each code stands for."""
        if self.values.ndim != 1:
            raise FileError("lists cannot tell rows apart", column=self.name)
        codes, kinds = pd.factorize(self.values.astype(np.int8) if self.values.dtype == bool else self.values)
        if self.labels is not None:
            return codes, [self.labels[kind] for kind in kinds]
        return codes, [f"{kind:g}" if kinds.dtype.kind == "f" else str(kind) for kind in kinds]

    def component_names(self) -> tuple[str, ...]:
        """A name per number of a row."""
        if self.values.ndim == 1:
            return (self.name,)
        return tuple(f"{self.name}[{i}]" for i in range(self.values.shape[1]))


def kind_of(kind: pa.DataType) -> Kind:
    """What a column of this type holds; `other` cannot be read, which is known before anything is unpacked."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    return next((name for name, tests in _KINDS.items() if any(test(kind) for test in tests)), "other")


def _is_list(kind: pa.DataType) -> bool:
    """Whether this is a list of numbers."""
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in lists) and kind_of(kind.value_type) in ("integer", "number")


_KINDS: dict[Kind, tuple[Callable[[pa.DataType], bool], ...]] = {
    "boolean": (pa.types.is_boolean,),
    "integer": (pa.types.is_integer,),
    "number": (pa.types.is_floating, pa.types.is_decimal, pa.types.is_null),
    "text": (
        *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        *(pa.types.is_binary, pa.types.is_large_binary),
    ),
    "time": (lambda kind: pa.types.is_temporal(kind) and not pa.types.is_interval(kind),),
    "list": (_is_list,),
}


def read_cells(column: pa.ChunkedArray, name: str) -> Cells:
    """Read one column of a table.

    Raises:
        FileError: it holds something that is neither a number, text, a boolean, a date nor a list of numbers.
    """
    held = kind_of(column.type)
    check_readable(column.type, name)
    if held == "text":
        return _text(column, name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if held == "list":
        return _lists(column, name)
    if pa.types.is_null(column.type):
        return Cells(name, np.zeros(len(column)), np.ones(len(column), dtype=bool))
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if held == "time":
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return _numbers(column, name)


def check_readable(kind: pa.DataType, name: str) -> None:
    """Refuse a column of a type that `read_cells` does not take."""
    if kind_of(kind) == "other":
        raise FileError(f"it holds {kind}, which is neither a number, text nor a list of numbers", column=name)


def _numbers(column: pa.ChunkedArray, name: str) -> Cells:
    missing = column.is_null(nan_is_null=True).to_numpy()
    values = _filled(column)
    if pa.types.is_floating(column.type):
        if missing.any():
            values = np.where(missing, 0.0, values)
            # Only holes make whole numbers into floats by accident; a float column without any was meant as one.
            if (np.abs(values) < 2**53).all() and (values == np.floor(values)).all():
                return Cells(name, values.astype(np.int64), missing, whole=True, holes_made_floats=True)
        return Cells(name, values, missing)
    if values.dtype == np.uint64:
        bad = values > np.iinfo(np.int64).max
        Cells(name, values, missing).refuse(bad, f"it must be at most {np.iinfo(np.int64).max}")
        values = values.astype(np.int64)
    return Cells(name, values, missing, whole=True)


def _filled(column: pa.ChunkedArray) -> Array:
    """Numbers or booleans, 0 where null: nulls would make floats of whole numbers."""
    filled = column.fill_null(False if pa.types.is_boolean(column.type) else 0) if column.null_count else column
    return np.asarray(filled.to_numpy())


def _text(column: pa.ChunkedArray, name: str) -> Cells:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    words = [_label(word, name) for word in encoded.dictionary.to_pylist()] or [""]
    # Equal words with blanks around them are one label.
    place = {label: code for code, label in enumerate(dict.fromkeys(words))}
    labels, indices = list(place), pa.chunked_array([encoded.indices])
    codes = np.array([place[word] for word in words])[_filled(indices)]
    blank = np.array([label.lower() in _MISSING for label in labels])
    missing = column.is_null().to_numpy() | blank[codes]
    present = [label for label in labels if label.lower() not in _MISSING]
    if not present:
        return Cells(name, np.zeros(len(codes)), np.ones(len(codes), dtype=bool))
    numbers = [_number(label) for label in present]
    if all(number is not None for number in numbers):
        table = np.zeros(len(labels))
        table[~blank] = np.array(numbers, dtype=np.float64)
        whole = all(label.lstrip("+-").isdigit() for label in present) and (np.abs(table) < 2**53).all()
        return Cells(name, table.astype(np.int64 if whole else np.float64)[codes], missing, whole=bool(whole))
    flags = all(label.lower() in _TRUE | _FALSE for label in present)
    truth = np.array([label.lower() in _TRUE for label in labels]) if flags else None
    return Cells(name, codes, missing, labels=labels, truth=truth)


def _label(word: object, name: str) -> str:
    if isinstance(word, bytes):
        try:
            word = word.decode()
        except UnicodeDecodeError as error:
            raise FileError("it holds bytes that are not UTF-8 text", column=name) from error
    text = str(word).strip()
    if len(text) > _LONGEST_LABEL:
        raise FileError(f"a label of {len(text)} letters is too long: {_LONGEST_LABEL} are allowed", column=name)
    return text


def _number(label: str) -> float | None:
    try:
        return None if "_" in label else float(label)
    except ValueError:
        return None


def _lists(column: pa.ChunkedArray, name: str) -> Cells:
    missing = column.is_null().to_numpy()
    sizes = _filled(pc.list_value_length(column))
    present = sizes[~missing]
    width = int(present[0]) if len(present) else 1
    uneven = ~missing & (sizes != width)
    if uneven.any():
        row = int(np.flatnonzero(uneven)[0])
        raise FileError(f"a list of {sizes[row]} numbers among lists of {width}", row=row + 1, column=name)
    if width < 1:
        raise FileError("its lists are empty", column=name)
    flat = pc.list_flatten(column)
    if flat.null_count:
        raise FileError("a list has a missing number", column=name)
    numbers = flat.to_numpy()
    values = np.zeros((len(column), width), dtype=numbers.dtype)
    values[~missing] = numbers.reshape(-1, width)
    return Cells(name, values, missing)
