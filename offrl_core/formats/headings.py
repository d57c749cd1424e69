"""What stands above the rows of a table that people and programs write: comments, the separator, names and units."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from offrl_core.formats.cells import MARKERS

SEPARATORS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r'"?sep=(?P<separator>[^"])"?', re.IGNORECASE)
_NUMBER = re.compile(r"\s*[-+]?(\d[\d.,]*|[.,]\d+)([eE][-+]?\d+)?\s*")
_BLANK_UNITS = frozenset(("", "-", "–", "—"))
_FEW_ROWS = 50
_FLAGS = frozenset(("true", "false", "yes", "no"))


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the rows.

    Attributes:
        skip: lines before the names of the columns, or before the first row where `names` are given.
        line: the names as they are written.
        separator: what stands between them.
        names: the names, where they stand in a comment; None where they are a line of the table.
        comments: lines that were left out: comments and titles.
        units: what the row under the names holds, where these are units.
    """

    skip: int
    line: str
    separator: str
    names: tuple[str, ...] | None
    comments: int
    units: tuple[str, ...]


def heading_of(lines: Sequence[str]) -> Heading:
    """The heading of a text table, from its first lines.

    Skipped are blank lines, comments (`#`), a line that names the separator, as Excel understands it (`sep=;`), and
    lines without a separator above one that has several. The last comment holds the names where numbers follow it in as
    many columns (NumPy writes tables so).
    """
    separator, comment, comments, skip = "", "", 0, 0
    line = ""
    for index, line in enumerate(lines):
        if named := _SEP_LINE.fullmatch(line.strip("\r\n ")):
            separator = named["separator"]
        elif line.lstrip().startswith("#"):
            comment = line.lstrip()
            comments += 1
        elif _is_title(line, lines[index + 1 :]):
            comments += 1
        elif line.strip():
            break
        skip += 1
    else:
        line = ""
    if not separator:
        separator = max(SEPARATORS, key=line.count)
        if not line.count(separator) and len(line.split()) > 2:
            separator = " "
    fields = line.split(separator)
    names = [name.strip().strip('"') for name in comment.lstrip("#").split(separator)]
    if 1 < len(names) == len(fields) and any(_NUMBER.fullmatch(field) for field in fields):
        named_by = tuple(name or "#" for name in names)
        return Heading(skip, comment, separator, named_by, comments - 1, ())
    return Heading(skip, line, separator, None, comments, units_of(_cells(lines[skip + 1 :], separator)))


def _cells(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The cells of the first rows; none where they cannot be told without the lines that follow."""
    try:
        rows = [row for row in csv.reader(lines[:_FEW_ROWS], delimiter=separator) if row]
    except csv.Error:
        return []
    return [row for row in rows if len(row) == len(rows[0])]


def _is_title(line: str, below: Sequence[str]) -> bool:
    """Whether this line is one of prose above a table."""
    if not line.strip() or any(separator in line for separator in SEPARATORS):
        return False
    following = next((text for text in below if text.strip()), "")
    return any(following.count(separator) > 1 for separator in SEPARATORS)


def units_of(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The units (`m`, `[kg]`) that the first of these rows holds; empty where it holds values.

    It does where every column of numbers begins with a word or with nothing, and one at least with a word.
    """
    if len(rows) < 2:
        return ()
    above, values = rows[0], rows[1:]
    numbers = []
    for index, unit in enumerate(above):
        held = [row[index] for row in values if row[index].strip()]
        if held and all(_NUMBER.fullmatch(value) for value in held):
            numbers.append(unit.strip())
    words = [unit for unit in numbers if unit not in _BLANK_UNITS]
    if not words or any(_NUMBER.fullmatch(unit) or unit in MARKERS or unit.lower() in _FLAGS for unit in words):
        return ()
    return tuple("" if unit.strip() in _BLANK_UNITS else unit.strip().strip("[]()") for unit in above)


def are_numbers(names: Sequence[str]) -> bool:
    """Whether what should be the names of columns are numbers, or nothing."""
    return all(not name.strip() or _NUMBER.fullmatch(name) for name in names)
