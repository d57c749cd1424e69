"""Data that never ends, of which nothing can be learned by bootstrapping without a discount."""

from __future__ import annotations

import numpy as np

from offrl_core import sparse
from offrl_core.dataset import Array, Dataset
from offrl_core.worlds.chain import from_states, never_ends, spread


def endless(dataset: Dataset) -> str:
    """What is wrong with γ = 1 on this data, in a sentence; empty where nothing is.

    Tabular: from some visited state no recorded steps lead to a termination, nor to a state from which no step is
    recorded (a value there is a guess, but a fixed one). Of vectors: no row is terminated, and the next state of some
    row is known.
    """
    if dataset.tabular:
        never = _never(dataset)
        if not never.any():
            return ""
        where = from_states(dataset.state_labels, never)
    else:
        if dataset.terminations.any() or not dataset.next_known.any():
            return ""
        where = ", for no row is terminated"
    said = never_ends("what the data shows", where, "data that ends")
    return f"{said}. What is bootstrapped there can come to any number, or grow without end"


def _never(dataset: Dataset) -> Array:
    """`(S,)` bool: visited states from which the recorded steps never lead to an end."""
    states = dataset.n_states or 0
    rows = dataset.goes_on
    pairs = (dataset.observations[rows], dataset.next_observations[rows])
    moves = sparse.csr_matrix((np.ones(int(rows.sum())), pairs), shape=(states, states))
    ends = dataset.target_counts.sum(axis=1) == 0
    ends[dataset.observations[dataset.terminations]] = True
    return np.asarray(~spread(ends, moves))
