"""Where the rows of each pair of a log lead."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset, kept

Array = npt.NDArray[Any]


@kept
def successors(dataset: Dataset) -> tuple[Array, Array]:
    """The state that the rows of each `(s, a)` lead to most often; of several, the one with the lowest number.

    Counted are the rows whose target asks for the next state: it is known, and the episode did not terminate.

    Returns:
        `(S, A)` int32 the next state, −1 where there is no such row; `(S, A)` float32 its share of the pair's rows.
    """
    states, actions = dataset.counts.shape
    following = np.full(states * actions, -1, np.int32)
    share = np.zeros(states * actions, np.float32)
    rows = dataset.goes_on
    pairs = (dataset.observations * actions + dataset.actions)[rows]
    ways, counts = np.unique(pairs * states + dataset.next_observations[rows], return_counts=True)
    order = np.lexsort((ways, -counts))  # the most frequent first
    pair, first = np.unique(ways[order] // states, return_index=True)
    best = order[first]
    following[pair] = ways[best] % states
    share[pair] = counts[best] / dataset.counts.reshape(-1)[pair]
    return following.reshape(states, actions), share.reshape(states, actions)
