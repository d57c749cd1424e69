"""Spreadsheets: the values of their cells, what stands above a table, and workbooks that want too much."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from log_files import CASES, assert_same, codes, read_csv, read_file
from workbooks import ods, xlsx, zip_of

from offrl_core.formats import FileError, Limits, preview_file

LIMITS = Limits(bytes=1_000_000, unpacked=5_000_000, rows=5_000, columns=50, seconds=20.0)
BOTH = pytest.mark.parametrize("book", [xlsx, ods], ids=["xlsx", "ods"])
NAMES = ["episode", "when", "state", "action", "reward", "done"]
DAY = dt.datetime(2024, 5, 1)
ROWS: list[list[Any]] = [
    [1, DAY.replace(hour=10), 0, "none", 0, False],
    [1, DAY, 2, "go", 0.5, False],
    [2, DAY, 0, "none", 1, False],
    [2, DAY.replace(hour=12), 1, "NA", 3.25, True],
]


@pytest.mark.parametrize("name", ["log.xlsx", "log.ods"])
def test_a_workbook(name: str) -> None:
    reading = read_file(CASES / name, isolated=True)
    assert reading.format == "spreadsheet"
    data = reading.dataset
    assert data.n_states == 2
    np.testing.assert_array_equal(data.observations, [0, 1, 0, 1])
    assert [data.action_names[a] for a in data.actions] == ["l", "r", "r", "l"]
    np.testing.assert_array_equal(data.rewards, [0, 1, 0, 1])
    np.testing.assert_array_equal(data.terminations, [False, True, False, True])


@BOTH
def test_cells_of_every_kind(book: Callable[..., bytes]) -> None:
    """Times order rows, whole numbers are states, words are labels, and blank rows and columns mean nothing."""
    table = [[*NAMES[:3], None, *NAMES[3:]], *([*row[:3], None, *row[3:]] for row in ROWS), [None] * 7]
    reading = read_file(book(table))
    data = reading.dataset
    assert "unsorted-rows" in codes(reading)
    np.testing.assert_array_equal(data.observations, [2, 0, 0, 1])
    assert [data.action_names[a] for a in data.actions] == ["go", "none", "none", "NA"]
    np.testing.assert_array_equal(data.rewards, [0.5, 0, 1, 3.25])
    np.testing.assert_array_equal(data.terminations, [False, False, False, True])
    preview = preview_file(book(table))
    assert [(column.name, column.kind) for column in preview.columns][:3] == [
        ("episode", "integer"),
        ("when", "time"),
        ("state", "integer"),
    ]
    assert preview.rows == 4


@BOTH
def test_what_stands_above_a_table(book: Callable[..., bytes]) -> None:
    above: list[list[Any]] = [["A log of 2024"], [], ["# made by hand"], NAMES, ["-", None, None, None, "USD", None]]
    reading = read_file(book([*above, *ROWS]))
    assert "units" in codes(reading)
    assert len(reading.dataset) == 4
    assert_same(reading.dataset, read_file(book([NAMES, *ROWS])).dataset)


@BOTH
def test_the_first_sheet_with_a_table_is_read(book: Callable[..., bytes]) -> None:
    reading = read_file(book([["only a note"]], [NAMES, *ROWS], [["x", "y"], [1, 2]]))
    assert len(reading.dataset) == 4
    (others,) = [found for found in reading.findings if found.code == "other-sheets"]
    assert (others.message, others.remedy) == ("the sheet 'Sheet 2' was read", "Not read: Sheet 3.")


@BOTH
def test_a_workbook_is_read_as_a_text_table_is(book: Callable[..., bytes]) -> None:
    rows = [["ep", "x", "a", "r"], [0, 0.5, "u", 1], [0, 1.25, "v", 2], [1, -3.5, "v", 0.125]]
    text = "\n".join(",".join(map(str, row)) for row in rows)
    assert_same(read_file(book(rows), name="log.csv").dataset, read_csv(text).dataset)


@BOTH
def test_missing_values_and_mixed_columns(book: Callable[..., bytes]) -> None:
    with pytest.raises(FileError, match="row 2, column 'reward'"):
        read_file(book([NAMES, ROWS[0], [*ROWS[1][:4], None, False], *ROWS[2:]]))
    mixed = read_file(book([["s", "a", "r"], [1, 0, 1], ["home", 1, 0], [2.5, 0, 1], [True, 1, 1]])).dataset
    assert mixed.observation_names == ("1", "2.5", "home", "true")


def test_errors_of_formulas_are_missing() -> None:
    with pytest.raises(FileError, match="row 1, column 'reward'"):
        read_file(xlsx([NAMES, [*ROWS[0][:4], "#DIV/0!", False], *ROWS[1:]]))


@BOTH
def test_what_is_refused(book: Callable[..., bytes]) -> None:
    for rows, message in (
        ([], "no sheet holds a row"),
        ([NAMES], "no sheet holds a row"),
        ([[1, 2, 3], [4, 5, 6]], "first row holds numbers"),
        ([["a", "b"], [1, 2]], "no column is mapped to"),
    ):
        with pytest.raises(FileError, match=message):
            read_file(book(rows))


def test_workbooks_within_the_limits() -> None:
    begun = time.monotonic()
    for book in (xlsx, ods):
        with pytest.raises(FileError, match="5,001 rows; at most 5,000 are allowed"):
            read_file(book([["s", "a", "r"], *([i, 0, 1] for i in range(5001))]), limits=LIMITS)
        with pytest.raises(FileError, match="51 columns; at most 50 are allowed"):
            read_file(book([[f"s{i}" for i in range(51)], list(range(51))]), limits=LIMITS)
        with pytest.raises(FileError, match="bytes after unpacking"):
            read_file(book([["s", "a", "r"], ["x" * 6_000_000, 0, 1]]), limits=LIMITS)
    assert time.monotonic() - begun < 20


FAR = "<c r='A1'><v>1</v></c></row><row r='1048576'><c r='XFD1048576'><v>1</v></c></row>"


@pytest.mark.parametrize(
    "raw",
    [
        f"<row r='1'>{FAR}",
        f"<row r='1'>{FAR.lower()}",
        '<row r="1"><c r="A1"><v>1</v></c><c r="AX5000"><v>1</v></c></row>',
        '<row r="4000000000"><c><v>1</v></c></row>',
    ],
    ids=range(4),
)
def test_cells_far_apart(raw: str) -> None:
    """The library would lay out every cell between them: 17 billion."""
    with pytest.raises(FileError, match=r"^far\.xlsx: .*are allowed"):
        read_file(xlsx(raw=raw), name="far.xlsx", limits=LIMITS)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [(1_048_576, 1, "rows; at most"), (1, 16_384, "columns; at most"), (4_900, 49, "bytes after unpacking")],
)
def test_cells_that_are_repeated(rows: int, columns: int, message: str) -> None:
    cell = f'<table:table-cell table:number-columns-repeated="{columns}" office:value-type="float" office:value="1"/>'
    raw = f'<table:table-row table:number-rows-repeated="{rows}">{cell}</table:table-row>'
    with pytest.raises(FileError, match=message):
        read_file(ods(raw=raw), limits=LIMITS)


def test_entities_that_multiply() -> None:
    """An XML bomb is text to this parser; it is never expanded."""
    entities = "".join(f'<!ENTITY x{i} "{f"&x{i - 1};" * 10 if i else "boom"}">' for i in range(12))
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>&x11;</t></is></c></row>'
    bomb = f"<!DOCTYPE x [{entities}]><worksheet><sheetData>{cell}</sheetData></worksheet>"
    members = {"xl/workbook.xml": "<workbook/>", "xl/worksheets/sheet1.xml": bomb}
    with pytest.raises(FileError):
        read_file(zip_of(members), limits=LIMITS, isolated=True)
    with pytest.raises(FileError):
        read_file(xlsx(raw="<row r='1'><c r='A1' t='str'><v>&x11;</v></c></row>"), limits=LIMITS, isolated=True)
