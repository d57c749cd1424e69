"""BLAS on one thread while training: on small matrices a second thread costs many times what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def _already_one() -> bool:
    return all(library["num_threads"] == 1 for library in _controller().info())


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside; free of cost where the environment already says so."""
    if _already_one():
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        yield
