"""Sparse Markov chains with rewards: which states reach which, and the expected total reward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from offrl_core import sparse
from offrl_core.columns import Array


def chain_value(moves: sparse.csr_matrix, rewards: Array, terminal: Array, gamma: float) -> Array:
    """`(S,)`: the solution of `V = rewards + γ·moves·V`, 0 in terminal states.

    At γ = 1 it is the limit of the expected total reward; of a loop that is never left, see `loop_values`. States that
    may end up where it is infinite share it (NaN where that may be +∞ as well as −∞).
    """
    values = np.zeros(len(rewards))
    live = ~terminal
    if gamma == 1.0 and (never := live & ~spread(terminal, moves)).any():
        loops = closed_classes(moves) & never
        values[loops] = loop_values(moves, rewards, loops)[loops]
        lost = [spread(loops & part, moves) for part in (values == np.inf, values == -np.inf, np.isnan(values))]
        values[lost[0]], values[lost[1]] = np.inf, -np.inf
        values[lost[0] & lost[1] | lost[2]] = np.nan
        live &= ~loops & np.isfinite(values)
    return absorbed_value(moves, rewards, live, values, gamma)


def never_ends(what: str, where: str, instead: str) -> str:
    """What is said, without a discount, of what goes on for ever."""
    return f"with gamma = 1 {what} never ends{where}; use gamma below 1 or {instead}"


def from_states(names: Sequence[str], at: Array, *, most: int = 8) -> str:
    """In words, where something happens: ` from 2 states (left, middle)` for the states `at`, `(S,)` bool."""
    found = np.flatnonzero(at)
    few = ", ".join(names[state] for state in found[:most]) + (", …" if len(found) > most else "")
    return f" from {len(found)} state{'s' if len(found) > 1 else ''} ({few})"


def absorbed_value(moves: sparse.csr_matrix, rewards: Array, live: Array, values: Array, gamma: float) -> Array:
    """`(S,)`: `values`, but in `live` states the solution of `V = rewards + γ·moves·V`.

    At γ = 1 every live state must lead out of them at last. Rows of `moves` are distributions: what stays in a state is
    what does not leave it, so that a state that is left once in 10⁹ steps keeps its digits.
    """
    rows = np.flatnonzero(live)
    result = values.copy()
    if not len(rows):
        return result
    edges = moves[rows].tocoo()
    apart = rows[edges.row] != edges.col
    size = (len(rows), len(values))
    leaving = sparse.csr_matrix((edges.data[apart], (edges.row[apart], edges.col[apart])), shape=size)
    leave = np.asarray(leaving.sum(axis=1)).ravel()
    right = rewards[rows] + gamma * (leaving @ np.where(live, 0.0, values))
    result[rows] = sparse.solve(sparse.diags_array((1.0 - gamma) + gamma * leave) - gamma * leaving[:, rows], right)
    return result


def spread(start: Array, moves: sparse.csr_matrix) -> Array:
    """States from which `start` is reached along `moves` (row → column), `start` included."""
    reached = start.copy()
    frontier = start
    while frontier.any():
        frontier = ((moves @ frontier.astype(np.float64)) > 0) & ~reached
        reached |= frontier
    return reached


def closed_classes(moves: sparse.csr_matrix) -> Array:
    """`(S,)` bool: states of communicating classes that are never left."""
    label = sparse.strong_components(moves)
    edges = moves.tocoo()
    left = np.unique(label[edges.row[label[edges.row] != label[edges.col]]])
    return ~np.isin(label, left)


def loop_values(moves: sparse.csr_matrix, rewards: Array, loops: Array) -> Array:
    """`(S,)`: the limit of the total reward in closed classes `loops (S,)` that never end; 0 elsewhere.

    0 in a class without rewards; ±∞ by the sign of the mean reward there; NaN where gains and losses cancel: such a
    total goes up and down for ever.
    """
    values = np.zeros(len(rewards))
    places = np.flatnonzero(loops & spread(loops & (rewards != 0), moves))
    label = sparse.strong_components(moves[places][:, places])
    best, worst = np.full(len(places), -np.inf), np.full(len(places), np.inf)
    np.maximum.at(best, label, rewards[places])
    np.minimum.at(worst, label, rewards[places])
    values[places] = np.where(best[label] > 0, np.inf, -np.inf)
    for number in np.flatnonzero((best > 0) & (worst < 0)):
        mine = places[label == number]
        values[mine] = _sign(moves[mine][:, mine], rewards[mine])
    return values


def _sign(moves: sparse.csr_matrix, rewards: Array) -> float:
    """±∞ by the sign of the mean reward of a closed class, NaN where it is 0 but for rounding."""
    # Between two visits of one state the class earns the mean reward times the time between them.
    live = np.arange(len(rewards)) > 0
    gained, size = (
        r[0] + float(moves[[0]].toarray()[0] @ absorbed_value(moves, r, live, np.zeros(len(r)), 1.0))
        for r in (rewards, np.abs(rewards))
    )
    return float(np.sign(gained) * np.inf) if abs(gained) > 1e-12 * size else np.nan
