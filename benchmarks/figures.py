"""Figures beside their targets, as a table in Markdown."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

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


def command(doc: str | None, parts: Mapping[str, Callable[[argparse.Namespace], Iterable[Row]]], **options: Any) -> int:
    """Measure the parts that the command line names, or all of them, see `report`.

    Args:
        doc: of the script, whose first line stands above its help.
        parts: by name, what measures them with the given options.
        options: name → what it is by default, of its type.
    """
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("what", nargs="*", choices=[*parts, []], default=[])
    for name, default in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    given = parser.parse_args()
    return report(row for name in given.what or parts for row in parts[name](given))
