"""How well tabular data fill their states, and how continuous data become tabular."""

from __future__ import annotations

import numpy as np

from offrl_core.dataset import Array, Dataset


def seen_twice(dataset: Dataset) -> float:
    """The share of rows whose state stands in another row too; exact comparison for continuous observations."""
    _, inverse, counts = np.unique(dataset.observations, axis=0, return_inverse=True, return_counts=True)
    return float((counts[inverse.ravel()] > 1).mean())


def choices_per_state(dataset: Dataset) -> float:
    """The mean over rows of how many different actions the data hold in that row's state: `|Ā(s)|`."""
    return float((dataset.counts > 0).sum(axis=1)[dataset.observations].mean())


def binned(dataset: Dataset, width: float) -> tuple[Dataset, Array]:
    """Continuous data on a grid of square cells: the tabular dataset, and each state's cell `(S, D)` intp.

    Two observations are one state when they fall into one cell `⌊x/width⌋`; as the width shrinks, each is seen once.

    Raises:
        ValueError: the data are tabular already, or the width is not above 0.
    """
    if dataset.tabular or not width > 0:
        raise ValueError(f"binning needs continuous observations and a width above 0, not width = {width!r}")
    cells = np.floor(np.concatenate([dataset.observations, dataset.next_observations]).astype(np.float64) / width)
    states, inverse = np.unique(cells.astype(np.intp), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    rows = len(dataset)
    table = Dataset.from_columns(
        inverse[:rows],
        dataset.actions,
        dataset.rewards,
        dataset.terminations,
        dataset.truncations,
        episode_ids=dataset.episode_of_row,
        next_observations=inverse[rows:],
        next_known=dataset.next_known,
        n_actions=dataset.n_actions,
        n_states=len(states),
        gamma=dataset.gamma,
        name=dataset.name,
    )
    return table, states
