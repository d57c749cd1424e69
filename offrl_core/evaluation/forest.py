"""Fitted Q evaluation for continuous observations: the fixed point over the leaves of randomised trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as sparse_linalg

from offrl_core.dataset import Array, Dataset, DatasetError
from offrl_core.evaluation.estimates import ModelValues


def forest_solver(
    dataset: Dataset,
    ahead: Array,
    first: Array,
    gamma: float,
    unseen_value: float,
    trees: int,
    min_leaf: int,
    seed: int,
    grow: Array | None = None,
) -> Callable[[Array], ModelValues]:
    """From how often each episode is counted `(E,)` to the values of the policy.

    Args:
        dataset: continuous observations. Rows without a bootstrap target are left out.
        ahead: `(N, A)` what the policy does in each next observation, 0 in rows that terminated.
        first: `(E, A)` what it does where each episode began.
        gamma, unseen_value, trees, min_leaf, seed: as in `fitted_q_evaluation`.
        grow: `(N,)` the rows that the trees are grown on; all of them by default. Others must not be counted.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    rows = len(dataset)
    returns = dataset.returns_to_go(gamma)
    own_rows: list[Array] = []
    own_leaves: list[Array] = []
    after: list[tuple[Array, Array]] = []
    begin: list[tuple[Array, Array]] = []
    leaves = 0
    for action in range(dataset.n_actions):
        mine = np.flatnonzero((dataset.actions == action) & dataset.has_target)
        ground = mine if grow is None else mine[grow[mine]]
        if len(ground) == 0:
            continue
        forest = ExtraTreesRegressor(trees, min_samples_leaf=min_leaf, random_state=seed)
        forest.fit(dataset.observations[ground], returns[ground])
        starts = leaves + np.append(0, np.cumsum([tree.tree_.node_count for tree in forest.estimators_]))
        own_rows.append(np.repeat(mine, trees))
        own_leaves.append((forest.apply(dataset.observations[mine]) + starts[:-1]).ravel())
        for share, observations, found in (
            (ahead[:, action], dataset.next_observations, after),
            (first[:, action], dataset.initial_observations, begin),
        ):
            # A copy, because scikit-learn's check of very large numbers fails on arrays that are read-only.
            index = forest.apply(observations.copy()) + starts[:-1]
            found.append((np.repeat(share / trees, trees), index.ravel()))
        leaves = int(starts[-1])
    gather = _gather(after, rows, leaves)
    start = _gather(begin, dataset.n_episodes, leaves)
    member, leaf = np.concatenate(own_rows), np.concatenate(own_leaves)
    spread = sparse.csr_matrix((np.ones(len(member)), (leaf, member)), shape=(leaves, rows))
    lost = ahead.sum(axis=1) - np.asarray(gather.sum(axis=1)).ravel()
    missing = first.sum(axis=1) - np.asarray(start.sum(axis=1)).ravel()
    unknown = float(np.append(lost, missing).sum())
    # The two sums differ by rounding where every action occurs.
    unseen = max(unknown, 0.0) / max(float(np.append(ahead, first, axis=0).sum()), 1e-300)
    base = dataset.rewards + gamma * unseen_value * lost
    valued = np.bincount(member, minlength=rows) > 0

    def solve(counts: Array) -> ModelValues:
        weights = counts[dataset.episode_of_row]
        totals = spread @ weights
        mean = sparse.diags_array(1.0 / np.maximum(totals, 1e-300)) @ spread @ sparse.diags_array(weights)
        q = _fixed_point(mean, gather, base, gamma)
        taken = np.where(valued, spread.T @ q / trees, unseen_value)
        return ModelValues(start @ q + unseen_value * missing, taken, gather @ q + unseen_value * lost, unseen)

    return solve


def _gather(parts: list[tuple[Array, Array]], rows: int, leaves: int) -> sparse.csr_matrix:
    """`(N, L)`: the value of each row as a weighted sum of the values of the leaves it falls into."""
    share = np.concatenate([part[0] for part in parts])
    column = np.concatenate([part[1] for part in parts])
    row = np.concatenate([np.repeat(np.arange(rows), len(part[0]) // rows) for part in parts])
    matrix = sparse.csr_matrix((share, (row, column)), shape=(rows, leaves))
    matrix.eliminate_zeros()
    return matrix


def _fixed_point(mean: Any, gather: Any, base: Array, gamma: float) -> Array:
    """`q = mean·(base + γ·gather·q)`, solved by a Krylov method and, where that fails, by repeating the backup."""
    target = mean @ base
    operator = sparse_linalg.LinearOperator(
        (len(target), len(target)), matvec=lambda q: q - gamma * (mean @ (gather @ q)), dtype=np.float64
    )
    scale = 1.0 + float(np.abs(target).max())
    q, failed = sparse_linalg.gmres(operator, target, rtol=1e-8, atol=1e-10 * scale, restart=60, maxiter=20)
    if not failed:
        return np.asarray(q)
    q = target
    for _ in range(100_000):
        following = mean @ (base + gamma * (gather @ q))
        change = float(np.abs(following - q).max())
        q = following
        if change <= 1e-8 * scale:
            return np.asarray(q)
    raise DatasetError(f"with gamma = {gamma:g} the estimate does not settle: use gamma below 1")
