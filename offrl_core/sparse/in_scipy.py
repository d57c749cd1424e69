"""scipy's sparse matrices, and what is solved with them."""

from __future__ import annotations

import numpy as np
import scipy.sparse.csgraph as csgraph
import scipy.sparse.linalg as linalg
from scipy.sparse import csr_matrix, diags_array, issparse

from offrl_core.columns import Array
from offrl_core.threads import one_thread

__all__ = ["csr_matrix", "diags_array", "issparse", "solve", "strong_components"]


def strong_components(moves: csr_matrix) -> Array:
    """`(S,)`: the number of each state's communicating class: states that reach each other along `moves`."""
    return np.asarray(csgraph.connected_components(moves, connection="strong")[1])


def solve(system: csr_matrix, right: Array) -> Array:
    """`x (S,)` of `system · x = right`."""
    size = len(right)
    if system.nnz > 20 * size:
        # Dense rows mix fast: a Krylov solver needs a few dozen products where a factorisation needs size³/3.
        system = system.tocsr()
        solution, failed = linalg.bicgstab(system, right, rtol=1e-13, atol=1e-15, maxiter=200)
        error = np.abs(system @ solution - right).max()
        if not failed and error <= 1e-11 * (1.0 + np.abs(right).max()):
            return np.asarray(solution)
        with one_thread():
            return np.asarray(np.linalg.solve(system.toarray(), right))
    return np.asarray(linalg.splu(system.tocsc()).solve(right))
