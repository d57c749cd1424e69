"""The arrays of a finite MDP: read, brought into one sparse form, and refused where they are not an MDP."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core import sparse
from offrl_core.columns import Array


class MDPError(ValueError):
    """Arrays that are not an MDP, or a question that has no finite answer; the message names the state."""


def initial_distribution(given: npt.ArrayLike, terminal: npt.ArrayLike | None) -> tuple[Array, Array]:
    """`(S,)` probabilities of the first state, and `(S,)` bool: which states are terminal."""
    initial = _numbers("initial", given)
    if initial.ndim != 1 or len(initial) == 0:
        raise MDPError(f"initial has shape {initial.shape}; it must be (S,)")
    if not (initial >= 0).all():
        state = int(np.argmin(np.where(np.isnan(initial), -np.inf, initial)))
        raise MDPError(f"initial of state {state} is {initial[state]:g}: a probability must be 0 or above")
    if not np.isclose(initial.sum(), 1.0):
        raise MDPError(f"initial sums to {initial.sum():g}: it must be a distribution")
    ends = np.zeros(len(initial)) if terminal is None else _numbers("terminal", terminal)
    if ends.shape != initial.shape:
        raise MDPError(f"terminal has shape {ends.shape}; it must be {initial.shape}")
    if not np.isin(ends, (0.0, 1.0)).all():
        state = int(np.argmin(np.isin(ends, (0.0, 1.0))))
        raise MDPError(f"terminal of state {state} is {ends[state]:g}: it must be true or false")
    started = initial * ends
    if started.any():
        raise MDPError(f"initial puts probability on terminal state {int(np.argmax(started))}")
    return initial, ends.astype(bool)


def transition_matrix(given: Any, terminal: Array) -> sparse.csr_matrix:
    """`(S·A, S)` sparse `P(s'|s,a)`, one row per pair `s·A + a`; rows of terminal states are empty."""
    states = len(terminal)
    if sparse.issparse(given):
        matrix = sparse.csr_matrix(given, dtype=np.float64)
        if matrix.shape[1] != states or matrix.shape[0] == 0 or matrix.shape[0] % states:
            raise MDPError(f"P has shape {matrix.shape}; it must be (S·A, S) with S = {states}")
        matrix.sum_duplicates()
    else:
        dense = _numbers("P", given)
        if dense.ndim != 3 or dense.shape[0] != states or dense.shape[2] != states or dense.shape[1] == 0:
            raise MDPError(f"P has shape {dense.shape}; it must be (S, A, S) with S = {states}")
        matrix = sparse.csr_matrix(dense.reshape(-1, states))
    actions = matrix.shape[0] // states
    alive = np.repeat(~terminal, actions)
    matrix = matrix.copy()
    matrix.data[~np.repeat(alive, np.diff(matrix.indptr))] = 0.0
    matrix.eliminate_zeros()
    wrong = ~((matrix.data >= 0) & np.isfinite(matrix.data))
    if wrong.any():
        place = int(np.argmax(wrong))
        state, action = divmod(int(np.searchsorted(matrix.indptr, place, side="right")) - 1, actions)
        raise MDPError(
            f"P in state {state}, action {action} holds {matrix.data[place]:g}: a probability must be 0 or above"
        )
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    bad = alive & ~np.isclose(sums, 1.0, atol=1e-8)
    if bad.any():
        pair = int(np.argmax(bad))
        state, action = divmod(pair, actions)
        raise MDPError(f"P in state {state}, action {action} sums to {sums[pair]:g}: it must be a distribution")
    matrix.data /= np.repeat(np.where(alive, sums, 1.0), np.diff(matrix.indptr))
    return matrix


def reward_arrays(given: Any, transitions: sparse.csr_matrix, terminal: Array) -> tuple[Array, Array | None]:
    """Expected rewards `(S, A)`, and the reward of each stored transition where it depends on `s'`."""
    states = len(terminal)
    shape = (states, transitions.shape[0] // states)
    rows = np.repeat(np.arange(transitions.shape[0]), np.diff(transitions.indptr))
    if sparse.issparse(given):
        if given.shape != transitions.shape:
            raise MDPError(f"R has shape {given.shape}; as a sparse matrix it must be {transitions.shape}")
        edges = np.asarray(sparse.csr_matrix(given)[rows, transitions.indices]).ravel()
    else:
        dense = _numbers("R", given)
        if dense.shape == shape:
            expected = np.where(terminal[:, None], 0.0, dense)
            _check_finite(expected.ravel(), np.arange(expected.size), shape[1])
            return expected, None
        if dense.shape != (*shape, states):
            raise MDPError(f"R has shape {dense.shape}; it must be {shape} or {(*shape, states)}")
        edges = dense.reshape(-1, states)[rows, transitions.indices]
    _check_finite(edges, rows, shape[1])
    means = np.bincount(rows, weights=edges * transitions.data, minlength=shape[0] * shape[1])
    return means.reshape(shape), edges


def _check_finite(rewards: Array, pairs: Array, actions: int) -> None:
    if not np.isfinite(rewards).all():
        place = int(np.argmin(np.isfinite(rewards)))
        state, action = divmod(int(pairs[place]), actions)
        raise MDPError(f"R in state {state}, action {action} is {rewards[place]:g}: it must be finite")


def _numbers(name: str, given: Any) -> Array:
    try:
        values = np.asarray(given)
        if values.dtype.kind == "c":
            raise TypeError("complex numbers")
        return values.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise MDPError(f"{name} must be an array of numbers: {error}") from error
