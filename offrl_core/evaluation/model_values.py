"""What a policy is worth in a model that is fitted to the data: the empirical MDP, or a forest over its leaves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from offrl_core.data.endless import endless
from offrl_core.dataset import Array, Dataset, DatasetError
from offrl_core.evaluation.empirical import empirical_mdp
from offrl_core.evaluation.estimates import ModelValues, Policy, probabilities
from offrl_core.evaluation.forest import forest_solver
from offrl_core.worlds.chain import closed_classes
from offrl_core.worlds.improvement import under
from offrl_core.worlds.tabular import MDPError, TabularMDP

Solver = Callable[[Array], ModelValues]
"""From how often each episode is counted, `(E,)`, to the values."""


def model_solver(
    dataset: Dataset,
    policy: Policy,
    gamma: float,
    *,
    unseen_value: float,
    trees: int,
    min_leaf: int,
    seed: int,
    grow: Array | None = None,
) -> Solver:
    """The values of a policy by fitted Q evaluation, as a function of how often each episode is counted.

    Args: as of `fitted_q_evaluation` and `forest_solver`.

    Raises:
        DatasetError: no row's next state is known, the policy does not fit the data, or γ = 1 and it is paid for ever.
    """
    if not dataset.has_target.any():
        raise DatasetError(
            "the next state of no row is known, so nothing can be said of what follows an action. If each episode "
            "ended in a terminal state, say so when the file is read (unflagged = 'terminated')"
        )
    if dataset.tabular:
        return _tabular(dataset, policy, gamma, unseen_value)
    if gamma == 1.0 and (said := endless(dataset)):
        raise DatasetError(said)
    ahead = probabilities(dataset, policy, dataset.next_observations) * dataset.goes_on[:, None]
    first = probabilities(dataset, policy, dataset.initial_observations)
    return forest_solver(dataset, ahead, first, gamma, unseen_value, trees, min_leaf, seed, grow)


def _tabular(dataset: Dataset, policy: Policy, gamma: float, unseen_value: float) -> Solver:
    states = dataset.n_states or 0
    table = probabilities(dataset, policy, np.arange(states))
    whole = np.vstack([table, np.full(dataset.n_actions, 1.0 / dataset.n_actions)])

    def solve(counts: Array) -> ModelValues:
        model = empirical_mdp(dataset, counts, unseen_value=unseen_value)
        everything = np.all(counts == 1.0)
        v = model.value(whole, gamma, endless="limit")
        # What the policy reaches must not be paid for ever; a part of the episodes may lack the one that shows the end.
        if everything and not np.isfinite(v[model.initial > 0]).all():
            try:
                model.evaluate(whole, gamma)
            except MDPError as error:
                raise DatasetError(f"in the model of the data: {error}") from error
        q = model.q_from(v, gamma)
        ahead = np.where(dataset.goes_on, v[dataset.next_observations], 0.0)
        taken = q[dataset.observations, dataset.actions]
        return ModelValues(v[dataset.initial_observations], taken, ahead, unseen(model) if everything else np.nan)

    def unseen(model: TabularMDP) -> float:
        # Visits to unseen pairs and to all pairs are values too: of rewards that are 1 there. Without a discount those
        # count that come before a loop that is never left.
        seen = np.append(dataset.target_counts > 0, np.ones((1, dataset.n_actions), dtype=bool), axis=0)
        counted = np.ones(seen.shape)
        if gamma == 1.0:
            moves = under(model.transitions, whole)
            counted[closed_classes(moves)] = 0.0
        visits = [
            TabularMDP(model.transitions, paid, model.initial, model.terminal).evaluate(whole, gamma, endless="limit")
            for paid in ((~seen).astype(float), counted)
        ]
        return float(visits[0] / visits[1]) if visits[1] else 0.0

    return solve
