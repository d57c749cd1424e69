"""In a tab, networks multiply with the kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.learning import products
from offrl_web.products.kernel import kernel, scratch_bytes

Array = npt.NDArray[Any]

_FEW = 4000
"""Multiplications up to which calling the kernel takes longer than numpy (measured)."""


Multiply = Callable[[int, int, int, int], object]
"""The kernel's function."""


def use_kernel(link: Callable[[bytes], Multiply]) -> None:
    """From now on networks multiply with the kernel.

    Args:
        link: makes the function of a module that works on this interpreter's own memory.

    Raises:
        RuntimeError: it does not give what numpy gives.
    """
    product = product_of(link(kernel()))
    numbers = np.arange(31 * 33 * 2, dtype=np.float32).reshape(2, 31, 33) % 7
    found, known = np.empty((2, 31, 31), np.float32), numbers @ numbers.swapaxes(1, 2)
    product(numbers, numbers.swapaxes(1, 2), found)
    if not (found == known).all():  # sums of whole numbers have no rounding
        raise RuntimeError("the kernel for matrix products is wrong here: it must give what numpy gives")
    products.product = product


def product_of(multiply: Multiply) -> products.Product:
    """The product that calls the kernel's function, or numpy where there is little to multiply."""
    scratch, address = np.empty(0, np.uint8), 0

    def product(a: Array, b: Array, out: Array) -> None:
        nonlocal scratch, address
        _, m, k = a.shape
        if out.size * k < _FEW:
            np.matmul(a, b, out=out)
            return
        if (need := scratch_bytes(m, k)) > scratch.size:
            scratch = np.empty(need, np.uint8)
            address = scratch.__array_interface__["data"][0]
        multiply(id(a), id(b), id(out), address)

    return product
