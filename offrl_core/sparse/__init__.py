"""Sparse matrices: scipy's, or in numpy the part of them that the core uses.

The latter where scipy is not installed, and in a browser, where scipy is larger than all the rest.

Both give the same numbers up to the rounding of a linear solve. `issparse` knows matrices of either kind where scipy is
loaded.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

csr_matrix: Any
diags_array: Any
issparse: Any
solve: Any
strong_components: Any

if sys.platform == "emscripten" or find_spec("scipy") is None:
    from offrl_core.sparse.in_numpy import csr_matrix, diags_array, issparse, solve, strong_components
else:
    from offrl_core.sparse.in_scipy import csr_matrix, diags_array, issparse, solve, strong_components

__all__ = ["csr_matrix", "diags_array", "issparse", "solve", "strong_components"]
