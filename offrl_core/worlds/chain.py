"""Sparse Markov chains with rewards: which states reach which, and the expected total reward."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as sparse_linalg

from offrl_core.columns import Array


def chain_value(moves: sparse.csr_matrix, rewards: Array, terminal: Array, gamma: float) -> Array:
    """`(S,)`: the solution of `V = rewards + γ·moves·V`, 0 in terminal states.

    At γ = 1 states that never end have the limit of their total reward, see `endless_value`; states that may fall
    into an endless loop of rewards share its infinity (NaN where signs mix).
    """
    values = np.zeros(len(rewards))
    live = ~terminal
    if gamma == 1.0:
        never = ~spread(terminal, moves)
        values[never] = endless_value(moves, rewards, never)[never]
        lost = ~np.isfinite(values)
        live &= ~never
        if lost.any():
            doomed = spread(lost, moves) & live
            signs = values[lost]
            values[doomed] = signs[0] if np.all(signs == signs[0]) else np.nan
            live &= ~doomed
    rows = np.flatnonzero(live)
    if len(rows):
        values[rows] = solve(moves[rows][:, rows], rewards[rows], gamma)
    return values


def spread(start: Array, moves: sparse.csr_matrix) -> Array:
    """States from which `start` is reached along `moves` (row → column), `start` included."""
    reached = start.copy()
    frontier = start
    while frontier.any():
        frontier = ((moves @ frontier.astype(np.float64)) > 0) & ~reached
        reached |= frontier
    return reached


def endless_value(moves: sparse.csr_matrix, rewards: Array, never: Array) -> Array:
    """Total reward at γ = 1 where the policy never ends: 0 without reward, else ±∞ (NaN where signs mix)."""
    values = np.zeros(len(rewards))
    paying = never & (rewards != 0)
    touched = spread(paying, moves) & never
    for state in np.flatnonzero(touched):
        ahead = spread(np.arange(len(rewards)) == state, moves.T.tocsr()) & paying
        signs = np.sign(rewards[ahead])
        values[state] = signs[0] * np.inf if np.all(signs == signs[0]) else np.nan
    return values


def solve(moves: sparse.csr_matrix, right: Array, gamma: float) -> Array:
    """Solve `(I − γ·moves) x = right`."""
    size = len(right)
    if moves.nnz > 20 * size:
        # Dense rows mix fast: a Krylov solver needs a few dozen products where a factorisation needs size³/3.
        operator = sparse.identity(size, format="csr") - gamma * moves
        solution, failed = sparse_linalg.bicgstab(operator, right, rtol=1e-13, atol=1e-15, maxiter=200)
        error = np.abs(operator @ solution - right).max()
        if not failed and error <= 1e-11 * (1.0 + np.abs(right).max()):
            return np.asarray(solution)
        return np.asarray(np.linalg.solve(operator.toarray(), right))
    system = (sparse.identity(size, format="csc") - gamma * moves.tocsc()).tocsc()
    return np.asarray(sparse_linalg.splu(system).solve(right))
