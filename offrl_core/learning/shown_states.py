"""The states that a snapshot shows: every state of tabular data, the probe states of continuous data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset, kept, probe_rows
from offrl_core.learning.rows import Rows
from offrl_core.learning.sampling import FullBatchSampler, NetworkSampler

Array = npt.NDArray[Any]


class ShownStates:
    """A fixed batch of rows, its states, and what the metrics need to know of them.

    Args:
        rows: the data.
        sampler: gives the batch: all rows of tabular data, the probe rows of continuous data.

    Attributes:
        drawn: the batch, without outputs; the same at every step.
        counts: `(1, A, U)`: `n(s,a)`; of probes, among the rows nearest to them (`nearest_counts`).
        unseen: `(1, A, U)` bool: where that is 0.
        share: `(U,)` how often the data visits each state, summing to 1; the probes are rows and count alike.
        pair_share: `(1, A, U)` each pair's share of the rows, NaN where it has none.
        seen, missing: positions in `(A, U)` flattened of the data's pairs, and of the others in visited states.
        starts, start_shares: states where an episode begins, and how often: in the world where it is known, else in
            the data.
        of_row: where in the batch each row of the data stands; of continuous data, each probe row.
    """

    def __init__(self, rows: Rows, sampler: FullBatchSampler | NetworkSampler) -> None:
        data, self.sampler = rows.dataset, sampler
        if isinstance(sampler, FullBatchSampler):
            self.counts = rows.counts
            self.of_row = sampler.merged.of_row
            visits = self.counts[0].sum(axis=0)
        else:
            self.counts = rows.probe_counts
            self.of_row = np.arange(self.counts.shape[2])
            visits = np.ones(self.counts.shape[2], np.float32)
        seen = self.counts[0] > 0
        self.unseen = ~(self.counts > 0)
        self.share = visits / visits.sum()
        self.seen, self.missing = np.flatnonzero(seen), np.flatnonzero(~seen & (visits > 0))
        self.starts, self.start_shares = _starts(data)
        self.drawn = sampler.draw(0)
        share = self.drawn.batch.pair_share()
        self.pair_share = np.where(share > 0, share, np.float32(np.nan))


@kept
def _starts(dataset: Dataset) -> tuple[Array, Array]:
    if not dataset.tabular:
        starts = np.flatnonzero(np.isin(probe_rows(dataset), dataset.episode_starts))
        return starts, np.full(len(starts), 1 / len(starts))
    initial = (
        dataset.mdp.initial
        if dataset.mdp is not None
        else np.bincount(dataset.initial_observations, minlength=dataset.n_states or 0) / dataset.n_episodes
    )
    states = np.flatnonzero(initial)
    return states, initial[states]
