"""What all readers share: limits, errors, findings, and the columns that a reader hands over."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from offrl_core.columns import Array, DatasetError

Progress = Callable[[float, str], None]
"""`progress(share, doing)`: how much is done, in [0, 1], and what is being done."""

BROKEN: tuple[type[Exception], ...] = (
    *(OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError, ArithmeticError, AttributeError),
    *(EOFError, BufferError, zipfile.BadZipFile, zlib.error, struct.error),
)
"""What parsers raise on files that are not what they seem; anything else is a fault of ours and must be seen."""


class FileError(DatasetError):
    """A file that cannot be read as a dataset.

    Attributes:
        reason: what is wrong and what is allowed.
        file: the file's name.
        row: the row it was found in, counted from 1 without a header; None where it is not about a row.
        column: the column, array or episode it was found in; None where it is not about one.
    """

    def __init__(self, reason: str, *, file: str = "", row: int | None = None, column: str | None = None) -> None:
        self.reason, self.file, self.row, self.column = reason, file, row, column
        places = (file, "" if row is None else f"row {row}", "" if column is None else f"column {column!r}")
        place = ", ".join(part for part in places if part)
        super().__init__(f"{place}: {reason}" if place else reason)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(FileError, file=self.file, row=self.row, column=self.column), (self.reason,)

    def within(self, file: str) -> FileError:
        """The same error, said of `file`."""
        return FileError(self.reason, file=file, row=self.row, column=self.column)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask for. A file beyond a limit is refused before it is unpacked.

    Attributes:
        bytes: size of the file, or of all files of a folder.
        unpacked: bytes of all arrays together, after decompression and again as a dataset.
        rows: rows of the file.
        columns: columns of a table; components of an observation.
        members: files in an archive or folder, episodes stored as groups, or pieces that an array is stored in.
        states: distinct states of tabular data.
        actions: distinct actions.
        seconds: time of a reading in another process.
    """

    bytes: int = 200 * 1024 * 1024
    unpacked: int = 1_000_000_000
    rows: int = 5_000_000
    columns: int = 4_096
    members: int = 200_000
    states: int = 100_000
    actions: int = 1_000
    seconds: float = 120.0

    def check(self, what: str, value: float, **place: Any) -> None:
        """Raise `FileError` where `value` is above the limit called `what`."""
        if value > (allowed := getattr(self, what)):
            raise FileError(f"{value:,.0f} {_LIMIT_NAMES.get(what, what)}; at most {allowed:,.0f} are allowed", **place)


_LIMIT_NAMES = {"bytes": "bytes of file", "unpacked": "bytes after unpacking", "members": "files, episodes or pieces"}


Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about the data.

    Attributes:
        code: stable identifier (`unsorted-rows`).
        severity: `error` (training on this is meaningless), `warning` (it changes what is learned), or `note`.
        message: what is the case.
        remedy: what was done about it, or what must be fixed.
        count: how many rows (or episodes, columns, pairs: the message says which) it is about.
        rows: the first few of those rows.
        place: what `rows` count: rows of the `file`, from 1 without a header, or of the `dataset`, from 0.
    """

    code: str
    severity: Severity
    message: str
    remedy: str = ""
    count: int = 0
    rows: tuple[int, ...] = ()
    place: Literal["file", "dataset"] = "dataset"


@dataclass(slots=True)
class Context:
    """One reading in progress: what is allowed, and what was found so far.

    Attributes:
        limits: what the file may ask for.
        progress: told how far the reading is.
        mapping: the column mapping of a table, given or guessed.
        guessed: whether that mapping is a guess.
        findings: what the reader saw and did, for the report.
        units: of columns, where the file has a row of them.
        unpacked: bytes unpacked so far.
    """

    limits: Limits
    progress: Progress
    mapping: Any = None
    guessed: bool = False
    findings: list[Finding] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    unpacked: int = 0

    def unpack(self, size: int, column: str | None = None) -> None:
        """Count `size` bytes that are about to be unpacked."""
        self.unpacked += size
        self.limits.check("unpacked", self.unpacked, column=column)

    def unpack_array(self, shape: tuple[int, ...], itemsize: int, column: str | None = None) -> None:
        """Count an array that is about to be unpacked, by the shape that the file claims."""
        if any(size < 0 for size in shape):
            raise FileError(f"an array of shape {shape} is impossible", column=column)
        if shape and shape[0] > self.limits.rows + 1:  # one more than rows: an episode's final observation
            self.limits.check("rows", shape[0], column=column)
        self.unpack(math.prod(shape) * itemsize, column)

    def note(
        self,
        code: str,
        message: str,
        done: str = "",
        rows: Array | None = None,
        severity: Severity = "note",
        count: int | None = None,
    ) -> None:
        """Keep a finding; `rows` are file rows from 1, all of them (the first few are kept)."""
        some = () if rows is None else tuple(int(r) for r in rows[:5])
        total = count if count is not None else (0 if rows is None else len(rows))
        self.findings.append(Finding(code, severity, message, done, total, some, "file"))

    def note_units(self, names: Sequence[str], units: Sequence[str]) -> None:
        """Keep the units of columns of these names, and the finding that they stood in a row."""
        self.units = {name: unit for name, unit in zip(names, units, strict=True) if unit}
        self.note("units", "the row under the names holds units", "It was left out.")

    def note_unused(self, names: Sequence[str]) -> None:
        """Keep the finding that these columns were not read."""
        if names:
            listed = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
            many = "1 column was" if len(names) == 1 else f"{len(names)} columns were"
            self.note("unused-columns", f"{many} not used: {listed}", count=len(names))

    def note_actions(self, labels: Sequence[str]) -> None:
        """Keep the finding that actions with these labels were numbered from 0."""
        listed = ", ".join(f"{label} → {number}" for number, label in enumerate(labels[:12]))
        more = " …" if len(labels) > 12 else ""
        self.note("action-labels", f"action labels were mapped to numbers: {listed}{more}", "The labels are kept.")


def single(values: Array) -> Array:
    """`(N,)` of `(N, 1)`; anything else as it is."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def shown(value: Any) -> str:
    """A number as messages show it."""
    return f"{value:g}" if isinstance(value, np.floating) else str(value)


@dataclass(slots=True)
class Columns:
    """What a reader hands over: the file's columns in time order, episode after episode, not yet a dataset.

    Attributes:
        observations: `(N,)` integers (states), or `(N, …)` numbers.
        actions: `(N,)` or `(N, …)` numbers.
        rewards: `(N,)` or `(N, 1)` numbers.
        terminations, truncations: `(N,)` flags, or None where the file has none.
        last: `(N,)` flags of an episode's last row, whatever ended it; None where the file has none.
        next_observations: like `observations`, or None where the following row tells.
        next_known: `(N,)` bool: rows whose next observation the file holds; all of them by default.
        episodes: `(N,)` labels, adjacent; None where flags (and next observations) tell.
        rows: `(N,)` file rows from 1; None where they are `1…N`.
        names: what the file calls each of these, for messages.
        n_actions, n_states, action_names, observation_names: what the file itself says.
        action_parts: names of the actions' components, where an action has several.
        action_words: what the codes of a component of the actions stand for, where it is text.
        action_sizes: how many values each component of an action may take from 0, where the file says so.
        behaviors: `(N,)` integers, which policy acted.
        propensities: `(N,)` how likely the behaviour was to take each action, or the logarithm of that.
        both: which flag counts where a row has both.
        unflagged: how an episode ended whose last row has no flag.
        details: further fields of `Dataset`.
    """

    observations: Array
    actions: Array
    rewards: Array
    terminations: Array | None
    truncations: Array | None = None
    last: Array | None = None
    next_observations: Array | None = None
    next_known: Array | None = None
    episodes: Array | None = None
    rows: Array | None = None
    names: dict[str, str] = field(default_factory=dict)
    n_actions: int | None = None
    n_states: int | None = None
    action_names: tuple[str, ...] = ()
    observation_names: tuple[str, ...] = ()
    action_parts: tuple[str, ...] = ()
    action_words: dict[int, list[str]] = field(default_factory=dict)
    action_sizes: tuple[int, ...] = ()
    behaviors: Array | None = None
    propensities: Array | None = None
    both: str = "terminated"
    unflagged: str = "truncated"
    details: dict[str, Any] = field(default_factory=dict)

    def check_following(self) -> None:
        """Refuse next observations that are not of the observations' shape."""
        if self.next_observations is not None and self.next_observations.shape != self.observations.shape:
            raise FileError(
                f"it has shape {self.next_observations.shape}, {self.name('observations')!r} has "
                f"{self.observations.shape}",
                column=self.name("next_observations"),
            )

    def name(self, role: str) -> str:
        """What the file calls a column."""
        return self.names.get(role, role)

    def row(self, index: int) -> int:
        """The file row (from 1) of row `index` (from 0)."""
        return index + 1 if self.rows is None else int(self.rows[index])

    def refuse(self, bad: Array, values: Array, allowed: str, name: str) -> None:
        """Raise `FileError` of the column `name`, of which the first row marked in `bad (N,)` is not allowed."""
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise FileError(f"{shown(values[row])} is not allowed: {allowed}", row=self.row(row), column=name)

    def file_rows(self, where: Array) -> Array:
        """The file rows (from 1) of the rows marked in `where (N,)`."""
        index = np.flatnonzero(where)
        return np.asarray(index + 1 if self.rows is None else self.rows[index])


def no_progress(share: float, doing: str) -> None:
    """A `Progress` that goes nowhere."""
