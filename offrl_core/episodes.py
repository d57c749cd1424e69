"""Which episodes of a log are left out: by their numbers, or by how long they are and what they earned."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from offrl_core.columns import Array, DatasetError
from offrl_core.names import unknown

_PART = re.compile(r"\s*(\d{1,9})(?:\s*[-–]\s*(\d{1,9}))?\s*")


@dataclass(frozen=True, slots=True)
class EpisodeRule:
    """Leaves out the episodes numbered in `listed`, and those that are too short, too long, too bad or too good.

    Attributes:
        listed: numbers and ranges, counted from 0: `3, 7-12`.
        shorter_than, longer_than: rows.
        return_below, return_above: discounted returns in the log's own unit.

    Raises:
        DatasetError: the list is not written like that, or a bound is no number.
    """

    listed: str = ""
    shorter_than: float = 0
    longer_than: float = math.inf
    return_below: float = -math.inf
    return_above: float = math.inf

    def __post_init__(self) -> None:
        ranges(self.listed)
        for name in ("shorter_than", "longer_than", "return_below", "return_above"):
            if math.isnan(getattr(self, name)):
                raise DatasetError(f"{name} = nan is not allowed: it must be a number")

    @classmethod
    def of(cls, listed: str | Iterable[int], **bounds: float) -> EpisodeRule:
        """The rule with these numbers, and bounds by their names.

        Raises:
            DatasetError: as the rule itself, or there is no such bound.
        """
        known = [f.name for f in fields(cls)][1:]
        for name in bounds:
            if name not in known:
                raise DatasetError(unknown("bound", name, known))
        return cls(listed if isinstance(listed, str) else ",".join(map(str, listed)), **bounds)

    def leaves_out(self, lengths: Array, returns: Array) -> Array:
        """`(E,)` bool, from the episodes' lengths and returns.

        Raises:
            DatasetError: an episode is listed that there is not, or none would stay.
        """
        out = (lengths < self.shorter_than) | (lengths > self.longer_than)
        out |= (returns < self.return_below) | (returns > self.return_above)
        for first, last in ranges(self.listed):
            if last >= len(out):
                raise DatasetError(f"there is no episode {last}: the data has episodes 0 to {len(out) - 1}")
            out[first : last + 1] = True
        if out.all():
            raise DatasetError(f"all {len(out)} episodes would be left out: one must stay")
        return np.asarray(out)


def ranges(listed: str) -> list[tuple[int, int]]:
    """The first and the last number of each range in a list such as `3, 7-12`.

    Raises:
        DatasetError: it is no such list.
    """
    found = []
    for part in listed.split(",") if listed.strip() else ():
        match = _PART.fullmatch(part)
        if match is None:
            shown = part.strip()[:40]
            raise DatasetError(f"{shown!r} is not an episode: numbers and ranges are allowed, such as '3, 7-12'")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise DatasetError(f"{part.strip()!r} is not a range of episodes: it must go upwards")
        found.append((first, last))
    return found


def numbers_in(listed: str) -> set[int]:
    """Every number in such a list. Raises as `ranges`."""
    return {number for first, last in ranges(listed) for number in range(first, last + 1)}


def as_list(numbers: Iterable[int]) -> str:
    """Numbers as such a list, in order and as short as it can be: `3,7-12`."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
