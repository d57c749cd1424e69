"""BLAS keeps to one thread where training says so, whatever it had before."""

from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from offrl_core import threads


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in ThreadpoolController().info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _nothing_known_before() -> Iterator[None]:
    assert np.linalg.norm([3.0, 4.0]) == 5  # a library of linear algebra is loaded
    threads._already_one.cache_clear()
    yield
    threads._already_one.cache_clear()


@pytest.mark.parametrize("before", [1, 2])
def test_one_thread_inside_and_as_many_as_before_outside(before: int) -> None:
    with ThreadpoolController().limit(limits=before, user_api="blas"):
        assert blas_threads() == {before}
        with threads.one_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {before}
