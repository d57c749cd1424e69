"""The MDP that a dataset describes, solved: what constrained and one-step methods converge to on a table.

The empirical MDP takes the data at its word: in a seen pair `(s, a)` its own rows are the distribution of `(r, s')`; a
pair that was never seen does not exist. Where a state has no seen action (an episode's cut end), its value is 0.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from offrl_core.dataset import Array, Dataset

_TOLERANCE = 1e-10
_SWEEPS = 20_000


class EmpiricalMDP:
    """A tabular dataset read as an MDP over its seen pairs, which are numbered `0 … K−1`, sorted by state and action.

    Args:
        dataset: tabular data.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        pair = dataset.observations * dataset.n_actions + dataset.actions
        self.pairs, self.pair_of_row, self.count = np.unique(pair, return_inverse=True, return_counts=True)
        self.state_of_pair = self.pairs // dataset.n_actions

    @cached_property
    def _first_pairs(self) -> tuple[Array, Array]:
        """The first pair of each visited state, and those states."""
        states, first = np.unique(self.state_of_pair, return_index=True)
        return first, states

    def _means(self, rows: Array) -> Array:
        return np.bincount(self.pair_of_row, weights=rows, minlength=len(self.pairs)) / self.count

    def _solve(self, gamma: float, combine: str) -> tuple[Array, Array]:
        data = self.dataset
        first, states = self._first_pairs
        reward = self._means(data.rewards)
        keep = np.where(data.terminations, 0.0, gamma)
        v = np.zeros(data.n_states or 0)
        share = self.count / np.add.reduceat(self.count, first)[np.searchsorted(states, self.state_of_pair)]
        q = reward
        for _ in range(_SWEEPS):
            q = reward + self._means(keep * v[data.next_observations])
            best = np.maximum.reduceat(q, first) if combine == "max" else np.add.reduceat(share * q, first)
            change = np.abs(best - v[states]).max()
            v[states] = best
            if change < _TOLERANCE:
                break
        else:
            raise ValueError(
                f"the empirical MDP at gamma = {gamma:g} did not settle: it has an endless loop of rewards"
            )
        return q, v

    def constrained(self, gamma: float) -> tuple[Array, Array]:
        """`Q` of the seen pairs `(K,)` and `V (S,)` of tabular constrained Q-learning: the max over `Ā(s')`."""
        return self._solve(gamma, "max")

    def behavior(self, gamma: float) -> tuple[Array, Array]:
        """`Q (K,)` and `V (S,)` of the empirical `π_β`, by the same rows (certainty equivalence)."""
        return self._solve(gamma, "mean")

    def as_table(self, q: Array) -> Array:
        """`(S, A)`: values of seen pairs in place, NaN elsewhere."""
        data = self.dataset
        table = np.full((data.n_states or 0) * data.n_actions, np.nan)
        table[self.pairs] = q
        return table.reshape(-1, data.n_actions)


def seen_twice(dataset: Dataset) -> float:
    """The share of rows whose state stands in another row too; exact comparison for continuous observations."""
    _, inverse, counts = np.unique(dataset.observations, axis=0, return_inverse=True, return_counts=True)
    return float((counts[inverse.ravel()] > 1).mean())


def choices_per_state(dataset: Dataset) -> float:
    """The mean over rows of how many different actions the data hold in that row's state: `|Ā(s)|`."""
    model = EmpiricalMDP(dataset)
    per_state = np.bincount(model.state_of_pair, minlength=dataset.n_states or 0)
    return float(per_state[dataset.observations].mean())


def binned(dataset: Dataset, width: float) -> tuple[Dataset, Array]:
    """Continuous data on a grid of square cells: the tabular dataset, and each state's cell `(S, D)` int64.

    Two observations are one state when they fall into one cell `⌊x/width⌋`; as the width shrinks, each is seen once.

    Raises:
        ValueError: the data are tabular already, or the width is not above 0.
    """
    if dataset.tabular or not width > 0:
        raise ValueError(f"binning needs continuous observations and a width above 0, not width = {width!r}")
    cells = np.floor(np.concatenate([dataset.observations, dataset.next_observations]).astype(np.float64) / width)
    states, inverse = np.unique(cells.astype(np.int64), axis=0, return_inverse=True)
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
        n_actions=dataset.n_actions,
        n_states=len(states),
        gamma=dataset.gamma,
        name=dataset.name,
    )
    return table, states
