"""The empirical MDP of tabular data: transition frequencies and mean rewards."""

from __future__ import annotations

import numpy as np

from offrl_core import sparse
from offrl_core.dataset import Array, Dataset, DatasetError
from offrl_core.worlds.tabular import TabularMDP


def empirical_mdp(dataset: Dataset, counts: Array | None = None, *, unseen_value: float = 0.0) -> TabularMDP:
    """The maximum-likelihood MDP of tabular data: `P̂(s'|s,a) = n(s,a,s')/n(s,a)`, `r̂(s,a)` the mean reward.

    Terminated rows lead to one more state, number `S`, where everything ends; truncated rows lead to their next state.
    Rows without a bootstrap target (`has_target`) are left out: a pair with no others is one without data. The initial
    distribution is that of the recorded episodes.

    Args:
        dataset: tabular data.
        counts: `(E,)` how often each episode is counted; once by default.
        unseen_value: what a pair without data is worth; it ends the episode with this reward.

    Raises:
        DatasetError: the observations are not states.
    """
    if dataset.n_states is None:
        raise DatasetError("an empirical MDP needs tabular data")
    states, actions = dataset.n_states, dataset.n_actions
    weights = np.ones(len(dataset)) if counts is None else counts[dataset.episode_of_row].astype(np.float64)
    weights = np.where(dataset.has_target, weights, 0.0)
    pairs = dataset.observations * actions + dataset.actions
    following = np.where(dataset.terminations, states, dataset.next_observations)
    shape = ((states + 1) * actions, states + 1)
    totals = np.bincount(pairs, weights, shape[0])
    rewards = np.bincount(pairs, weights * dataset.rewards, shape[0]) / np.maximum(totals, 1.0)
    unseen = np.flatnonzero(totals == 0)
    rewards[unseen], totals[unseen] = unseen_value, 1.0
    places = np.append(pairs, unseen), np.append(following, np.full(len(unseen), states))
    moves = sparse.csr_matrix((np.append(weights, np.ones(len(unseen))), places), shape=shape)
    moves.data /= np.repeat(totals, np.diff(moves.indptr))
    starts = np.ones(dataset.n_episodes) if counts is None else counts
    initial = np.bincount(dataset.initial_observations, starts, states + 1)
    return TabularMDP(
        moves,
        rewards.reshape(states + 1, actions),
        initial / initial.sum(),
        np.arange(states + 1) == states,
        name="empirical",
    )


def constrained_values(dataset: Dataset, gamma: float) -> tuple[Array, Array]:
    """The best values within tabular data, to which constrained Q-learning converges.

    `Q(s,a) = r̂ + γ Σ_{s'} P̂(s'|s,a) max_{a' ∈ Ā(s')} Q(s',a')`, where `Ā(s)` are the actions that the data shows.

    Returns:
        `Q (S, A)`, NaN where the data shows no row of the pair with a target, and `V (S,)`, 0 where it shows no such
        action.

    Raises:
        DatasetError: the observations are not states.
    """
    seen = dataset.target_counts > 0
    q, v = empirical_mdp(dataset).best_within(np.vstack([seen, np.zeros((1, dataset.n_actions), bool)]), gamma)
    return np.where(seen, q[:-1], np.nan), v[:-1]


def behavior_values(dataset: Dataset, gamma: float) -> tuple[Array, Array]:
    """The values of the data's own action frequencies in the empirical MDP (certainty equivalence).

    Returns:
        `Q (S, A)`, NaN where the data shows no row of the pair with a target, and `V (S,)`, 0 where it shows no such
        action.

    Raises:
        DatasetError: the observations are not states.
    """
    counts = np.vstack([dataset.target_counts, np.zeros((1, dataset.n_actions), dtype=np.intp)])
    seen, totals = counts[:-1] > 0, counts.sum(axis=1, keepdims=True)
    policy = np.where(totals > 0, counts / np.maximum(totals, 1), 1 / dataset.n_actions)
    mdp = empirical_mdp(dataset)
    v = mdp.value(policy, gamma, endless="limit")
    return np.where(seen, mdp.q_from(v, gamma)[:-1], np.nan), v[:-1]
