"""Dates as people write them; whether the day or the month comes first is told by the whole column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from offrl_core.columns import Array
from offrl_core.formats.base import FileError

FORMS = "2024-03-31 10:00:00, 03/31/2024 10:00 AM, 31.03.2024 10:00, 31 Mar 2024 or 10:00:00"
"""What is accepted, as messages show it."""

OF_DAY = "a time of day"
"""The form of a clock without a date."""

_CLOCK = (
    r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?: ?(?P<p>[AaPp])\.?[Mm]\.?)?(?: Uhr)? ?(?P<z>Z|UTC|GMT|[-+]\d{2}:?\d{2})?"
)
_TIME = rf"(?:(?:,? +|T){_CLOCK})?$"
_SHAPES = (
    rf"^(?P<a>\d{{4}})(?P<s>[-/.])(?P<b>\d{{1,2}})[-/.](?P<c>\d{{1,2}}){_TIME}",
    rf"^(?P<a>\d{{1,2}})(?P<s>[-/.])(?P<b>\d{{1,2}})[-/.](?P<c>\d{{4}}|\d{{2}}){_TIME}",
    rf"^(?P<a>\d{{1,2}})[-. /]+(?P<b>\pL{{3,9}})[-. /,]+(?P<c>\d{{4}}){_TIME}",
    rf"^(?P<b>\pL{{3,9}})\.? +(?P<a>\d{{1,2}}),? +(?P<c>\d{{4}}){_TIME}",
    rf"^{_CLOCK}$",
)
_MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "mär": 3,
    "mrz": 3,
    "apr": 4,
    "may": 5,
    "mai": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "okt": 10,
    "nov": 11,
    "dec": 12,
    "dez": 12,
}
_THIS_CENTURY = 69
"""Years of two digits below this are of the 21st century, as POSIX has it."""


def look_like_dates(words: Sequence[str]) -> bool:
    """Whether these texts can be nothing but dates: of one shape, with years of four digits or a time of day."""
    shape, parts = _shape(words)
    if shape == len(_SHAPES) - 1 or parts is None:
        return False
    return shape != 1 or bool(_has(parts, "H").all()) or all(len(year) == 4 for year in parts["c"].to_pylist())


def moments(words: Sequence[str], codes: Array, episodes: Array | None = None) -> tuple[Array, str] | None:
    """Texts as microseconds since 1970 (or midnight), and the form that they were read in.

    Where day and month can be told apart by no text, either form will do if it gives the same order; with AM and PM the
    month comes first, as in the United States.

    Args:
        words: distinct texts.
        codes: `(N,)` which text stands in which row.
        episodes: `(N,)` within which the order counts; None where it counts over all rows.

    Returns:
        `(N,)` whole numbers and the form, or
        None where they are not all dates of one form.

    Raises:
        FileError: day first and month first give different orders.
    """
    shape, parts = _shape(words)
    if parts is None:
        return None
    clock = _clock(parts)
    if shape == len(_SHAPES) - 1:
        return None if clock is None else (clock[codes], OF_DAY)
    first, second, third = parts["a"], parts["b"], parts["c"]
    if shape >= 2:
        spelled = np.array([_MONTHS.get(name[:3].lower(), 0) for name in second.to_pylist()])
        candidates = {"day month year": _days(_years(third), spelled, _whole(first))}
    elif shape == 0:
        candidates = {"year-month-day": _days(_whole(first), _whole(second), _whole(third))}
    else:
        day_first = _days(_years(third), _whole(second), _whole(first))
        candidates = {"day.month.year": day_first}
        if set(parts["s"].unique().to_pylist()) != {"."}:
            month_first = _days(_years(third), _whole(first), _whole(second))
            candidates = {"month/day/year": month_first, "day/month/year": day_first}
    whole = {} if clock is None else {form: days + clock for form, days in candidates.items() if days is not None}
    if len(whole) == 2 and not _has(parts, "p").any() and not _same_order(whole.values(), codes, episodes):
        raise FileError(
            f"{words[0]!r} can be month/day/year or day/month/year, and the order of the rows depends on it; write "
            f"dates such as {FORMS}"
        )
    return next(((values[codes], form) for form, values in whole.items()), None)


def _shape(words: Sequence[str]) -> tuple[int, dict[str, pa.Array] | None]:
    """Which of the shapes all of these texts have, and their parts."""
    for shape, pattern in enumerate(_SHAPES):
        if pc.match_substring_regex(pa.array(words[:1], pa.string()), pattern).to_pylist() != [True]:
            continue
        found = pc.extract_regex(pc.utf8_trim_whitespace(pa.array(words, pa.string())), pattern)
        if found.null_count == 0:
            return shape, {field.name: found.field(field.name) for field in found.type}
    return -1, None


def _has(parts: dict[str, pa.Array], name: str) -> Array:
    return np.asarray(pc.not_equal(parts[name], ""))


def _whole(part: pa.Array) -> Array:
    """Numbers, 0 where there are none."""
    filled = pc.if_else(pc.equal(part, ""), "0", part)
    return np.asarray(filled.cast(pa.int64()))


def _years(part: pa.Array) -> Array:
    years = _whole(part)
    short = np.asarray(pc.less(pc.utf8_length(part), 4))
    return np.where(short, years + np.where(years < _THIS_CENTURY, 2000, 1900), years)


def _days(years: Array, months: Array, days: Array) -> Array | None:
    """Microseconds since 1970; None where one of these days does not exist."""
    if (months < 1).any() or (months > 12).any() or (days < 1).any():
        return None
    month = (years - 1970).astype("M8[Y]").astype("M8[M]") + (months - 1)
    start = month.astype("M8[D]")
    if (days > ((month + 1).astype("M8[D]") - start).astype(np.int64)).any():
        return None
    return np.asarray((start + (days - 1)).astype("M8[us]").astype(np.int64))


def _clock(parts: dict[str, pa.Array]) -> Array | None:
    """Microseconds of the day, in universal time where a zone stands there; None where one does not exist."""
    hours, minutes, seconds = (_whole(parts[name]) for name in "HMS")
    half = _has(parts, "p")
    if (
        (minutes > 59).any()
        or (seconds > 60).any()
        or (hours > 23).any()
        or (half & ((hours < 1) | (hours > 12))).any()
    ):
        return None
    afternoon = np.asarray(pc.equal(pc.utf8_lower(parts["p"]), "p"))
    hours = np.where(half, hours % 12 + 12 * afternoon, hours)
    fraction = _whole(pc.utf8_slice_codeunits(pc.utf8_rpad(parts["f"], 6, "0"), 0, 6))
    zones = parts["z"].dictionary_encode()
    ahead = np.array([_minutes_ahead(zone) for zone in zones.dictionary.to_pylist()], dtype=np.int64)
    minutes = minutes - ahead[np.asarray(zones.indices)]
    return np.asarray(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction)


def _minutes_ahead(zone: str) -> int:
    if zone[:1] not in ("+", "-"):
        return 0
    digits = zone[1:].replace(":", "")
    return (1 if zone[0] == "+" else -1) * (60 * int(digits[:2]) + int(digits[2:]))


def _same_order(candidates: Iterable[Array], codes: Array, episodes: Array | None) -> bool:
    within = () if episodes is None else (episodes,)
    one, other = (np.lexsort((values[codes], *within)) for values in candidates)
    return bool(np.array_equal(one, other))
