"""Numbers that are written as text."""

from __future__ import annotations

import math
from collections.abc import Sequence


def as_number(label: str) -> float:
    """The number that a text is; NaN where it is none."""
    try:
        return math.nan if "_" in label else float(label)
    except ValueError:
        return math.nan


def look_measured(words: Sequence[str]) -> bool:
    """Whether these are numbers but for a few, such as `--`, and some of them have a decimal point."""
    numbers = [word for word in words if not math.isnan(as_number(word))]
    return 5 * len(numbers) >= 4 * len(words) and any("." in word for word in numbers)
