"""The part of scipy's sparse matrices that the core uses, in numpy alone, under scipy's names."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from offrl_core.columns import Array
from offrl_core.threads import one_thread

__all__ = ["csr_matrix", "diags_array", "issparse", "solve", "strong_components"]

_DENSE_PRODUCT = 4_000_000
"""Numbers in a product of two matrices up to which its sums are gathered in a dense array (32 MB)."""

_DIRECT = 200
"""Unknowns up to which a system is solved by elimination; above, that needs size³/3 where iterating needs a few hundred
products."""

_BEGINNINGS = 8
"""How often iterating is begun again before a large system is solved by elimination; twice or three times is usual."""


class Edges(NamedTuple):
    """The stored entries, `(nnz,)` each."""

    data: Array
    row: Array
    col: Array


class csr_matrix:
    """A matrix of stored entries, row after row, in each row by column, none twice.

    Args:
        given: a dense matrix, one of these, `(data, (row, col))` where entries of one place are added, or
            `(data, indices, indptr)` in the order above.
        shape: `(rows, columns)` where `given` does not say so.
        dtype: taken for scipy's sake; numbers are float64.
    """

    def __init__(self, given: Any, shape: tuple[int, int] | None = None, dtype: npt.DTypeLike = np.float64) -> None:
        self.shape: tuple[int, int]
        self.data: Array
        self.indices: Array
        self.indptr: Array
        if isinstance(given, csr_matrix):
            self.data, self.indices, self.indptr = given.data.copy(), given.indices.copy(), given.indptr.copy()
            self.shape = given.shape
        elif isinstance(given, tuple) and len(given) == 3:
            assert shape is not None
            self.data, self.indices, self.indptr = given
            self.shape = shape
        elif isinstance(given, tuple):
            assert shape is not None
            data, (row, col) = given
            self._gather(np.asarray(data, np.float64), np.asarray(row), np.asarray(col), shape)
        else:
            dense = np.asarray(given, np.float64)
            row, col = np.nonzero(dense)
            self.data, self.indices, self.shape = dense[row, col], col, (dense.shape[0], dense.shape[1])
            self.indptr = _begins(row, self.shape[0])

    def _gather(self, data: Array, row: Array, col: Array, shape: tuple[int, int]) -> None:
        self.shape = shape
        key = row.astype(np.int64) * shape[1] + col  # of 64 bits: a place may be beyond what an index can be
        places, entry = np.unique(key, return_inverse=True)
        self.data = np.bincount(entry, data, len(places))
        at, self.indices = (part.astype(np.intp) for part in np.divmod(places, shape[1]))
        self.indptr = _begins(at, shape[0])

    @property
    def nnz(self) -> int:
        return len(self.data)

    @property
    def _rows(self) -> Array:
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    @property
    def T(self) -> csr_matrix:
        return csr_matrix((self.data, (self.indices, self._rows)), self.shape[::-1])

    def copy(self) -> csr_matrix:
        return csr_matrix(self)

    def tocsr(self) -> csr_matrix:
        return self

    def tocoo(self) -> Edges:
        return Edges(self.data, self._rows, self.indices)

    def toarray(self) -> Array:
        dense = np.zeros(self.shape)
        dense[self._rows, self.indices] = self.data
        return dense

    def sum_duplicates(self) -> None:
        """Nothing: no place is stored twice."""

    def eliminate_zeros(self) -> None:
        kept = self.data != 0
        self.indptr = np.append(0, np.cumsum(kept))[self.indptr]
        self.data, self.indices = self.data[kept], self.indices[kept]

    def sum(self, axis: int) -> Array:
        """The sums of the rows."""
        assert axis == 1
        return np.bincount(self._rows, self.data, self.shape[0])

    def __getitem__(self, key: Any) -> Any:
        """`[rows]`, `[:, columns]`, or the entries `[rows, columns]`."""
        if not isinstance(key, tuple):
            return self._chosen_rows(np.asarray(key))
        rows, columns = key
        if isinstance(rows, slice):
            place = np.full(self.shape[1], -1)
            place[columns] = np.arange(len(columns))
            col = place[self.indices]
            kept = col >= 0
            return csr_matrix((self.data[kept], (self._rows[kept], col[kept])), (self.shape[0], len(columns)))
        mine = self._rows.astype(np.int64) * self.shape[1] + self.indices
        asked = np.asarray(rows).astype(np.int64) * self.shape[1] + columns
        found = np.searchsorted(mine, asked)
        stored = np.append(mine, -1)[found] == asked
        return np.where(stored, np.append(self.data, 0.0)[found], 0.0)

    def _chosen_rows(self, rows: Array) -> csr_matrix:
        lengths = np.diff(self.indptr)[rows]
        at = _ranges(self.indptr[rows], lengths)
        shape = (len(rows), self.shape[1])
        return csr_matrix((self.data[at], self.indices[at], np.append(0, np.cumsum(lengths))), shape)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, csr_matrix):
            return self._times(other)
        if other.ndim == 1:
            return np.bincount(self._rows, self.data * other[self.indices], self.shape[0])
        rows = self._rows
        columns = [np.bincount(rows, self.data * column[self.indices], self.shape[0]) for column in other.T]
        return np.stack(columns, axis=1)

    def _times(self, other: csr_matrix) -> csr_matrix:
        lengths = np.diff(other.indptr)[self.indices]
        at = _ranges(other.indptr[self.indices], lengths)
        row, col = np.repeat(self._rows, lengths), other.indices[at]
        terms = np.repeat(self.data, lengths) * other.data[at]
        shape = (self.shape[0], other.shape[1])
        if shape[0] * shape[1] > _DENSE_PRODUCT:
            return csr_matrix((terms, (row, col)), shape)
        return csr_matrix(np.bincount(row * shape[1] + col, terms, shape[0] * shape[1]).reshape(shape))

    def __add__(self, other: csr_matrix) -> csr_matrix:
        mine, others = self.tocoo(), other.tocoo()
        data, row, col = (np.append(a, b) for a, b in zip(mine, others, strict=True))
        return csr_matrix((data, (row, col)), self.shape)

    def __sub__(self, other: csr_matrix) -> csr_matrix:
        return self + -1.0 * other

    def __rmul__(self, number: float) -> csr_matrix:
        return csr_matrix((number * self.data, self.indices, self.indptr), self.shape)


def _begins(row: Array, rows: int) -> Array:
    """Where each row's entries begin, given the rows of all entries in order."""
    begins: Array = np.searchsorted(row, np.arange(rows + 1))
    return begins


def _ranges(starts: Array, lengths: Array) -> Array:
    """The numbers `starts[k] … starts[k] + lengths[k] − 1`, for one `k` after the other."""
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths))


def diags_array(diagonal: Array) -> csr_matrix:
    """The matrix with this diagonal."""
    size = len(diagonal)
    return csr_matrix((np.asarray(diagonal), np.arange(size), np.arange(size + 1)), (size, size))


def issparse(given: Any) -> bool:
    """Whether this is one of these matrices."""
    return isinstance(given, csr_matrix)


def strong_components(moves: csr_matrix) -> Array:
    """`(S,)`: the number of each state's communicating class: states that reach each other along `moves`.

    A state that nothing unnumbered leads to, or that leads to nothing unnumbered, is a class of its own. Elsewhere a
    state's class is what it reaches and is reached from (Fleischer, Hendrickson and Pınar, 2000).
    """
    label = np.full(moves.shape[0], -1)
    edges = moves.tocoo()
    apart = (edges.data != 0) & (edges.row != edges.col)
    row, col = edges.row[apart], edges.col[apart]
    number = 0
    while (rest := label < 0).any():
        inside = rest[row] & rest[col]
        row, col = row[inside], col[inside]
        leaves, entered = np.zeros_like(rest), np.zeros_like(rest)
        leaves[row], entered[col] = True, True
        alone = np.flatnonzero(rest & ~(leaves & entered))
        if len(alone):
            label[alone] = np.arange(number, number + len(alone))
            number += len(alone)
            continue
        pivot = int(np.argmax(rest))
        label[_reached(pivot, row, col, rest) & _reached(pivot, col, row, rest)] = number
        number += 1
    return label


def _reached(start: int, row: Array, col: Array, within: Array) -> Array:
    """`(S,)` bool: states that `start` leads to along `row → col`."""
    reached = np.zeros_like(within)
    reached[start] = True
    known = 0
    while (now := int(reached.sum())) > known:
        known = now
        reached[col[reached[row]]] = True
    return reached


def solve(system: csr_matrix, right: Array) -> Array:
    """`x (S,)` of `system · x = right`."""
    if len(right) > _DIRECT:
        found, rest = np.zeros_like(right), right
        # An iteration that breaks down goes on from where it stands, with a shadow of what is left.
        for _ in range(_BEGINNINGS):
            found = found + _bicgstab(system, rest)
            rest = right - system @ found
            if np.abs(rest).max() <= 1e-12 * (1.0 + np.abs(right).max()):
                return found
    with one_thread():
        return np.asarray(np.linalg.solve(system.toarray(), right))


def _bicgstab(system: csr_matrix, right: Array, iterations: int = 1000) -> Array:
    """The biconjugate gradient method, stabilised (van der Vorst, 1992); how good the answer is has to be looked at."""
    entries, row, col = system.tocoo()  # once: a product finds them out anew

    def times(vector: Array) -> Array:
        return np.bincount(row, entries * vector[col], len(right))

    x = np.zeros_like(right)
    residual = right.copy()
    shadow, direction = residual.copy(), np.zeros_like(right)
    rho, alpha, omega, moved = 1.0, 1.0, 1.0, np.zeros_like(right)
    enough = 1e-14 * (1.0 + np.abs(right).max())
    for _ in range(iterations):
        if np.abs(residual).max() <= enough:
            break
        before, rho = rho, float(shadow @ residual)
        if rho == 0.0 or omega == 0.0:
            break
        direction = residual + rho / before * (alpha / omega) * (direction - omega * moved)
        moved = times(direction)
        along = float(shadow @ moved)
        if along == 0.0:
            break
        alpha = rho / along
        half = residual - alpha * moved
        turned = times(half)
        size = float(turned @ turned)
        omega = float(turned @ half) / size if size > 0.0 else 0.0
        x += alpha * direction + omega * half
        residual = half - omega * turned
    return x
