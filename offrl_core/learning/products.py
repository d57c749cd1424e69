"""The matrix products of networks, behind one function: in a browser numpy has no BLAS, and another takes over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Product = Callable[..., Any]
"""`product(a, b, out=out)` writes `a · b`: float32 `a (1 or M, m, k)`, `b (1 or M, k, n)` and `out (M, m, n)`."""

product: Product = np.matmul
"""What networks multiply with: looked up here at each product."""
