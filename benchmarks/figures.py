"""Figures beside their targets, as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

Row = tuple[str, str, str, bool]
"""What is measured, what it is, what is wanted, and whether it is that good."""


def report(rows: Iterable[Row]) -> int:
    """Print each row as it comes; returns the exit status, 1 if one misses its target."""
    good = True
    print("| figure | measured | target | |\n|---|---|---|---|", flush=True)
    for figure, measured, target, reached in rows:
        good &= reached
        print(f"| {figure} | {measured} | {target} | {'' if reached else 'missed'} |", flush=True)
    return 0 if good else 1
