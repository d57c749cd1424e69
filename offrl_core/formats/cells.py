"""One column of a table: its numbers or labels, and where a value is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from offrl_core.columns import Array
from offrl_core.formats import dates
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.mapping import Kind
from offrl_core.formats.pictures import REMEDY, kind_of_bytes
from offrl_core.formats.structures import is_structured, parse
from offrl_core.formats.words import as_number, look_measured

MARKERS = ("NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "NULL", "Null", "null", "None", "none", "<NA>", "NaT")
"""Words that stand for a missing value beside numbers, dates and flags. Beside other words they are words."""

_MARKERS = frozenset(word.lower() for word in MARKERS)
_TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0", "wahr", "ja"))
_FALSE = frozenset(("false", "f", "no", "n", "0", "0.0", "falsch", "nein"))
_LONGEST_LABEL = 200
_DAY = 86_400
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_WHOLE = 2.0**53
"""Above this a float no longer tells neighbouring whole numbers apart."""


@dataclass(slots=True)
class Cells:
    """A column that was read.

    Attributes:
        name: its header.
        values: `(N,)` numbers, `(N, D)` numbers of a column of lists or structures, or codes into `labels`; anything
            where missing.
        missing: `(N,)` bool.
        labels: what the codes mean, for a column of labels; None for numbers.
        whole: whether every value is a whole number and was stored as such, or as a float only for want of a
            missing-value marker.
        holes_made_floats: the latter case.
        parts: what the `D` numbers of a row are called; empty where they have no names.
        rows: `(N,)` file rows from 1; None where they are `1…N`.
        day: of times of day, how many of their units make a day; else 0.
    """

    name: str
    values: Array
    missing: Array
    labels: list[str] | None = None
    whole: bool = False
    holes_made_floats: bool = False
    parts: tuple[str, ...] = ()
    rows: Array | None = None
    day: int = 0

    def take(self, order: Array) -> Cells:
        """The rows in another order."""
        return replace(self, values=self.values[order], missing=self.missing[order], rows=order + 1)

    def row(self, index: int) -> int:
        """The file row (from 1) of row `index` (from 0)."""
        return index + 1 if self.rows is None else int(self.rows[index])

    def file_rows(self, where: Array) -> Array:
        """The file rows (from 1) of the rows marked in `where (N,)`."""
        index = np.flatnonzero(where)
        return np.asarray(index + 1 if self.rows is None else self.rows[index])

    def refuse(self, bad: Array, allowed: str) -> None:
        """Raise `FileError` naming the first row marked in `bad (N,)`."""
        if bad.any():
            index = int(np.flatnonzero(bad)[0])
            value = self.values[index] if self.labels is None else repr(self.labels[self.values[index]])
            raise FileError(f"{value} is not allowed: {allowed}", row=self.row(index), column=self.name)

    def refuse_missing(self, needed: str) -> None:
        """Raise `FileError` naming the first row without a value."""
        if self.missing.any():
            raise FileError(needed, row=self.row(int(np.flatnonzero(self.missing)[0])), column=self.name)

    def single(self, needed: str) -> Cells:
        """The column with one value per row; lists of one number are such values.

        Raises:
            FileError: its rows hold several; `needed` says what was asked for.
        """
        if self.values.ndim == 1:
            return self
        if self.values.shape[1] != 1:
            raise FileError(f"{needed}; its rows hold {self.values.shape[1]} numbers", column=self.name)
        return replace(self, values=self.values[:, 0], parts=())

    @property
    def is_text(self) -> bool:
        """Whether it holds words other than those for true, false and nothing."""
        return self.labels is not None and not all(word.lower() in _TRUE | _FALSE | _MARKERS for word in self.labels)

    @property
    def are_measured(self) -> bool:
        """Whether its words are measured numbers but for a few."""
        return look_measured(self.labels or [])

    def numeric(self, needed: str) -> Cells:
        """The column as numbers: words for true and false are 1 and 0, and markers stand for missing values.

        Raises:
            FileError: some cell is another word; `needed` says what was asked for.
        """
        if self.labels is None:
            return self
        table = np.array([as_number(label) for label in self.labels], dtype=np.float64)
        marker = np.array([label.lower() in _MARKERS for label in self.labels], dtype=bool)
        flags = np.array([label.lower() in _TRUE | _FALSE for label in self.labels], dtype=bool)
        if (flags | marker).all():
            table[flags] = [label.lower() in _TRUE for label in self.labels if label.lower() in _TRUE | _FALSE]
        self.refuse((np.isnan(table) & ~marker)[self.values] & ~self.missing, needed)
        table[marker] = 0.0
        whole = bool((table == np.floor(table)).all() and (np.abs(table) < _WHOLE).all())
        values = table.astype(np.int64 if whole else np.float64)[self.values]
        return replace(self, values=values, missing=self.missing | marker[self.values], labels=None, whole=whole)

    def flags(self) -> Array:
        """`(N,)` bool, false where missing."""
        allowed = "it must be true or false, or 1 or 0"
        cells = self.single("a flag must be one value per row")
        if self.labels is not None:
            known = np.array([label.lower() in _TRUE | _FALSE | _MARKERS for label in self.labels], dtype=bool)
            cells.refuse(~known[cells.values] & ~cells.missing, allowed)
        cells = cells.numeric(allowed)
        cells.refuse(~cells.missing & (cells.values != 0) & (cells.values != 1), allowed)
        return np.asarray((cells.values == 1) & ~cells.missing)

    def moments(self, context: Context, episodes: Array | None = None) -> Array:
        """`(N,)` numbers to order rows by, within `episodes (N,)` where these are given."""
        cells = self.single("a time must be one value per row")
        if cells.labels is not None:
            marker = np.array([label.lower() in _MARKERS for label in cells.labels])
            cells = replace(cells, missing=cells.missing | marker[cells.values])
            cells.refuse_missing("every row needs a time")
            cells = cells._dated(context, episodes)
        cells = cells.numeric(f"a time must be a number or a date such as {dates.FORMS}")
        cells.refuse_missing("every row needs a time")
        cells.refuse(~np.isfinite(cells.values), "a time must be finite")
        # Differences of small integers would wrap around.
        values = cells.values.astype(np.float64 if cells.values.dtype.kind == "f" else np.int64)
        return values if episodes is None or not cells.day else cells._past_midnight(values, episodes, context)

    def _past_midnight(self, values: Array, episodes: Array, context: Context) -> Array:
        """Times of day that go on rising where the clock falls by more than half a day, if it falls nowhere else."""
        order = np.argsort(episodes, kind="stable")
        steps = np.diff(values[order])
        back = (steps < 0) & (np.diff(episodes[order]) == 0)
        if not back.any() or (steps[back] >= -self.day // 2).any():
            return values
        context.note(
            "past-midnight",
            f"{self.name!r} holds times of day, and {int(back.sum())} rows come after midnight",
            "They were taken for times of the next day. Write dates with the times if that is not so.",
            self.file_rows(np.isin(np.arange(len(values)), order[1:][back])),
            "warning",
        )
        days = np.append(0, np.cumsum(back))
        later = np.empty_like(values)
        later[order] = values[order] + self.day * days
        return later

    def _dated(self, context: Context, episodes: Array | None) -> Cells:
        """The column with dates that were written as text read as what they are."""
        try:
            found = dates.moments(self.labels or [], self.values, episodes)
        except FileError as error:
            raise FileError(error.reason, column=self.name) from error
        if found is None:
            return self
        context.note("dates", f"{self.name!r} holds dates", f"They were read as {found[1]}.")
        day = _DAY * 1_000_000 if found[1] == dates.OF_DAY else 0
        return replace(self, values=found[0], labels=None, whole=True, day=day)

    def coded(self) -> tuple[Array, list[str]]:
        """`(N,)` codes by first appearance, and what each code stands for."""
        cells = self.single("lists cannot tell rows apart")
        codes, kinds = pd.factorize(cells.values.astype(np.int8) if cells.values.dtype == bool else cells.values)
        if self.labels is not None:
            return codes, [self.labels[kind] for kind in kinds]
        return codes, [f"{kind:g}" if kinds.dtype.kind == "f" else str(kind) for kind in kinds]

    def component_names(self) -> tuple[str, ...]:
        """A name per number of a row."""
        if self.values.ndim == 1:
            return (self.name,)
        return self.parts or tuple(f"{self.name}[{i}]" for i in range(self.values.shape[1]))


def kind_of(kind: pa.DataType) -> Kind:
    """What a column of this type holds; `other` cannot be read, which is known before anything is unpacked."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    return next((name for name, tests in _KINDS.items() if any(test(kind) for test in tests)), "other")


def _holds_numbers(kind: pa.DataType) -> bool:
    """Whether this is a list or a structure of nothing but numbers."""
    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(_is_part(field.type) for field in kind)
    return _is_list(kind) and _is_part(kind.value_type)


def _is_list(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list))


def _is_part(kind: pa.DataType) -> bool:
    return kind_of(kind) in ("integer", "number", "boolean", "list")


_KINDS: dict[Kind, tuple[Callable[[pa.DataType], bool], ...]] = {
    "boolean": (pa.types.is_boolean,),
    "integer": (pa.types.is_integer,),
    "number": (pa.types.is_floating, pa.types.is_decimal, pa.types.is_null),
    "text": (
        *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        *(pa.types.is_binary, pa.types.is_large_binary),
    ),
    "time": (lambda kind: pa.types.is_temporal(kind) and not pa.types.is_interval(kind),),
    "list": (_holds_numbers,),
    "texts": (lambda kind: _is_list(kind) and kind_of(kind.value_type) == "text",),
}


def unfolded(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """The column without a dictionary, and lists and structures that were written as text as what they are.

    Raises:
        FileError: one of its cells is written so, and another one is not.
    """
    if kind_of(column.type) == "text":
        words = _dictionary(column, name)
        return _structures(words, name) if is_structured(words.dictionary) else column
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _structures(words: pa.DictionaryArray, name: str) -> pa.ChunkedArray:
    return pa.chunked_array([parse(words.dictionary, words.indices, name).take(words.indices)])


def read_cells(column: pa.ChunkedArray, name: str, *, labels: int | None = None) -> Cells:
    """Read one column of a table.

    Args:
        column: its cells.
        name: what it is called.
        labels: how many different words text may be of; any number by default.

    Raises:
        FileError: it holds something that is neither a number, text, a boolean, a date nor a list or a structure of
            numbers, or text of more than `labels` different words.
    """
    check_readable(column.type, name)
    if kind_of(column.type) == "text":
        words = _dictionary(column, name)
        if labels is not None:
            _refuse_many_labels(words, name, labels)
        if not is_structured(words.dictionary):
            return _text(words, name)
        column = _structures(words, name)
    else:
        column = unfolded(column, name)
    held = kind_of(column.type)
    check_readable(column.type, name)
    if held == "list":
        return _several(column, name)
    if held == "texts" and pc.all(pc.equal(pc.list_value_length(column), 1)).as_py():
        return read_cells(pc.list_element(column, 0), name)
    if held == "texts":
        raise FileError(
            "its rows hold lists of text; one text per row is needed, or rows that hold whole episodes in all columns "
            "(each_row = 'trajectory')",
            column=name,
        )
    if pa.types.is_null(column.type):
        return Cells(name, np.zeros(len(column)), np.ones(len(column), dtype=bool))
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    day = _DAY * _UNITS[column.type.unit] if pa.types.is_time(column.type) else 0
    if held == "time":
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    elif pa.types.is_decimal(column.type):
        return _decimals(column, name)
    return replace(_numbers(column, name), day=day)


def _refuse_many_labels(column: pa.DictionaryArray, name: str, most: int) -> None:
    """Refuse text of more than `most` different words before each of them is looked at, which takes its time.

    Text that may be numbers or structures, as far as its first words say, is read first.
    """
    words = column.dictionary
    if len(words) <= most:
        return
    first = [word.strip() for word in words.slice(0, 100).to_pylist() if word and word.strip()]
    plain = (word for word in first if word.lower() not in _MARKERS and not is_structured(pa.array([word])))
    if any(np.isnan(as_number(word)) for word in plain):
        distinct = pc.count_distinct(pc.utf8_trim_whitespace(words)).as_py()
        if distinct > most:
            raise FileError(f"{distinct:,} states; at most {most:,} are allowed", column=name)


def check_readable(kind: pa.DataType, name: str) -> None:
    """Refuse a column of a type that `read_cells` does not take."""
    if _holds_bytes(kind):
        raise FileError(f"it holds bytes beside other things, as pictures are stored. {REMEDY}", column=name)
    if kind_of(kind) == "other":
        remedy = "; store its parts as columns of their own" if pa.types.is_struct(kind) else ""
        raise FileError(f"it holds {kind}, which is neither a number, text nor a list of numbers{remedy}", column=name)


def _holds_bytes(kind: pa.DataType) -> bool:
    """Whether this is a structure with a part of bytes, such as a picture and its path."""
    tests = (pa.types.is_binary, pa.types.is_large_binary)
    return pa.types.is_struct(kind) and any(test(field.type) for field in kind for test in tests)


def _numbers(column: pa.ChunkedArray, name: str) -> Cells:
    missing = column.is_null(nan_is_null=True).to_numpy()
    values = _filled(column)
    if pa.types.is_floating(column.type):
        if missing.any():
            values = np.where(missing, 0.0, values)
            # Only holes make whole numbers into floats by accident; a float column without any was meant as one.
            wide = np.abs(values.astype(np.float64, copy=False))
            if (wide < _WHOLE).all() and (wide == np.floor(wide)).all():
                return Cells(name, values.astype(np.int64), missing, whole=True, holes_made_floats=True)
        return Cells(name, values, missing)
    if values.dtype == np.uint64:
        if len(values) and values.max() > np.iinfo(np.int64).max:  # too large to be a quantity: an identifier
            codes, kinds = pd.factorize(values)
            return Cells(name, codes, missing, labels=[str(kind) for kind in kinds])
        values = values.astype(np.int64)
    return Cells(name, values, missing, whole=True)


def _decimals(column: pa.ChunkedArray, name: str) -> Cells:
    """Whole decimals are whole numbers, or identifiers where they are too large for that."""
    if column.type.scale == 0:
        try:
            return _numbers(column.cast(pa.int64()), name)
        except pa.ArrowInvalid:
            return _text(_dictionary(column.cast(pa.string()), name), name)
    return _numbers(column.cast(pa.float64()), name)


def _filled(column: pa.ChunkedArray) -> Array:
    """Numbers or booleans, 0 where null: nulls would make floats of whole numbers."""
    filled = column.fill_null(False if pa.types.is_boolean(column.type) else 0) if column.null_count else column
    return np.asarray(filled.to_numpy())


def _dictionary(column: pa.ChunkedArray, name: str) -> pa.DictionaryArray:
    """Text as codes into its distinct words, which are UTF-8 and not too long to be read."""
    if pa.types.is_string_view(column.type):  # which has fewer functions
        column = column.cast(pa.string())
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], encoded.type)
    try:
        words = encoded.dictionary.cast(pa.string())
    except pa.ArrowInvalid as error:
        first = next((word for word in encoded.dictionary.to_pylist() if word), b"")
        what = kind_of_bytes(first if isinstance(first, bytes) else b"")
        raise FileError(f"it holds bytes that are not UTF-8 text: {what}. {REMEDY}", column=name) from error
    return pa.DictionaryArray.from_arrays(encoded.indices, words)


def _text(encoded: pa.DictionaryArray, name: str) -> Cells:
    lengths = pc.max(pc.utf8_length(encoded.dictionary)).as_py() or 0
    if lengths > _LONGEST_LABEL:
        raise FileError(f"a label of {lengths} letters is too long: {_LONGEST_LABEL} are allowed", column=name)
    # Equal words with blanks around them are one label.
    words = pc.utf8_trim_whitespace(encoded.dictionary).to_pylist() or [""]
    place = {label: code for code, label in enumerate(dict.fromkeys(words))}
    labels = list(place)
    codes = np.array([place[word] for word in words])[_filled(pa.chunked_array([encoded.indices]))]
    blank = np.array([not label for label in labels])
    missing = np.asarray(encoded.indices.is_null()) | blank[codes]
    cells = Cells(name, codes, missing, labels=labels)
    present = [label for label in labels if label]
    if not present:
        return Cells(name, np.zeros(len(codes)), np.ones(len(codes), dtype=bool))
    numbers = [label for label in present if label.lower() not in _MARKERS]
    if not numbers or any(np.isnan(as_number(label)) for label in numbers):
        return cells
    if all(_is_whole(label) for label in numbers):
        if any(abs(int(label)) > np.iinfo(np.int64).max for label in numbers):
            return cells  # identifiers
        plain = {label.removeprefix("+") for label in numbers}
        if len({int(label) for label in plain}) < len(plain):
            return cells  # codes with zeros before them, as 007 beside 7
        table = np.array([int(label) if _is_whole(label) else 0 for label in labels], dtype=np.int64)
        marker = np.array([not _is_whole(label) for label in labels])
        return Cells(name, table[codes], missing | marker[codes], whole=True)
    return replace(cells.numeric("numbers are needed"), whole=False)


def _is_whole(label: str) -> bool:
    return label.lstrip("+-").isdecimal() and label.isascii()


def _several(column: pa.ChunkedArray, name: str) -> Cells:
    """A column of lists or structures as `(N, D)` numbers."""
    missing = column.is_null().to_numpy()
    if pa.types.is_struct(column.type):
        fields = zip(column.type, column.flatten(), strict=True)
        parts = [_leaf(part, f"{name}.{field.name}") for field, part in fields]
        some = np.logical_or.reduce([part.missing for part in parts]) & ~missing
        if some.any():
            wrong = next(part for part in parts if (part.missing & ~missing).any())
            row = int(np.flatnonzero(wrong.missing & ~missing)[0]) + 1
            raise FileError(f"its part {wrong.name!r} has no value", row=row, column=name)
        values = np.concatenate([part.values.reshape(len(missing), -1) for part in parts], axis=1)
        names = tuple(label for part in parts for label in part.component_names())
        return Cells(name, values, missing, parts=names)
    sizes = _filled(pc.list_value_length(column))
    present = sizes[~missing]
    width = int(present[0]) if len(present) else 1
    uneven = ~missing & (sizes != width)
    if uneven.any():
        row = int(np.flatnonzero(uneven)[0])
        raise FileError(f"a list of {sizes[row]} numbers among lists of {width}", row=row + 1, column=name)
    if width < 1:
        raise FileError("its lists are empty", column=name)
    inner = _leaf(pc.list_flatten(column), name)
    if inner.missing.any():
        raise FileError("a list has a missing number", column=name)
    flat = inner.values.reshape(len(present), -1 if len(present) else 1)
    if not missing.any():
        return Cells(name, flat, missing)
    values = np.zeros((len(missing), flat.shape[1]), dtype=flat.dtype)
    values[~missing] = flat
    return Cells(name, values, missing)


def _leaf(column: pa.ChunkedArray | pa.Array, name: str) -> Cells:
    """What stands in lists and structures; what is not a number is missing, and booleans are 0 and 1."""
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    cells = _several(chunked, name) if kind_of(chunked.type) == "list" else _numbers_kept(chunked, name)
    return replace(cells, values=cells.values.astype(np.int64)) if cells.values.dtype == bool else cells


def _numbers_kept(column: pa.ChunkedArray, name: str) -> Cells:
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    # NaN is a number that is refused later, by its row.
    return Cells(name, _filled(column), column.is_null().to_numpy())
