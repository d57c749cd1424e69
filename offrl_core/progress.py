"""A progress bar for those who wait in a terminal or a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from time import monotonic
from typing import Any

SHORT = 0.5
"""Seconds that nobody needs a bar for."""


@contextmanager
def progress_bar(total: int, title: str, unit: str, wanted: bool | None = None) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how much more is done, and draws it with `tqdm`.

    Args:
        total: how much there is to do.
        title, unit: what stands beside the bar, and what is counted.
        wanted: whether to draw; by default in a terminal or notebook, once it has taken half a second, where `tqdm` is
            installed.

    Raises:
        ModuleNotFoundError: a bar is wanted and `tqdm` is not installed.
    """
    if not (_watched() if wanted is None else wanted):
        yield lambda more: None
        return
    began, done = monotonic(), 0
    bar: Any = None

    def tell(more: int) -> None:
        nonlocal bar, done
        if bar is None and (wanted or monotonic() - began > SHORT):
            from tqdm.auto import tqdm

            bar = tqdm(total=total, initial=done, desc=title, unit=f" {unit}")
        done += more
        if bar is not None:
            bar.update(more)

    try:
        yield tell
    finally:
        if bar is not None:
            bar.close()


def _watched() -> bool:
    if find_spec("tqdm") is None:
        return False
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
