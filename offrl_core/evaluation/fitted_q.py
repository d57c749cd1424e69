"""Off-policy evaluation by fitted Q: the fixed point of a policy's backup on the recorded transitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from offrl_core.dataset import Array, Dataset
from offrl_core.evaluation.estimates import (
    Behavior,
    Estimate,
    Policy,
    check_arguments,
    effective_sample_size,
    known_behavior,
    log_probabilities,
    percentile_interval,
    probabilities,
)
from offrl_core.evaluation.model_values import model_solver
from offrl_core.progress import progress_bar
from offrl_core.threads import one_thread


def fitted_q_evaluation(
    dataset: Dataset,
    policy: Policy,
    gamma: float | None = None,
    *,
    unseen_value: float = 0.0,
    trees: int = 10,
    min_leaf: int = 10,
    behavior: Array | Callable[[Array], Array] | Behavior | None = None,
    confidence: float = 0.95,
    resamples: int | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> Estimate:
    """`J(π)` from the fixed point of `Q(s,a) ← mean over rows of r + γ(1−d) Σ_{a'} π(a'|s') Q(s',a')`.

    The rows are those that have a bootstrap target; `Estimate.cut` is the share of the others, whose next state is not
    known.

    Tabular data: solved exactly; it is the value of `π` in the empirical MDP (certainty equivalence). A pair without
    data is worth `unseen_value`, and `Estimate.unseen` says how much of the policy's visits rests on that assumption.
    At γ = 1 a loop of that model that is never left and pays nothing is worth 0, the limit of the total reward.

    Continuous data: `Q(·,a)` is, for each action, a forest of randomised trees over the observations, grown once to
    predict the recorded returns-to-go and then kept; the fixed point over its leaves is solved. Averages over fixed
    leaves make the backup a contraction for γ < 1, so this converges (Gordon 1995; Ernst et al. 2005). It extrapolates
    the nearest leaf's value to observations that an action was never taken near, and its bias is not in the interval.

    Args:
        dataset: logged transitions; the estimate is in the log's own unit, whatever learners were given.
        policy: what to evaluate.
        gamma: discount; the dataset's own by default.
        unseen_value: value of pairs without data (tabular), or of actions that never occur (continuous).
        trees, min_leaf: of the forest; more rows in a leaf smooth more.
        behavior: as in `importance_sampling`; only the effective sample size asks for it.
        confidence, resamples, seed: of the bootstrap over episodes, in which the forest's leaves stay as they are; by
            default 200 resamples for tabular data and 50 otherwise.
        progress: whether to draw a progress bar; by default in a terminal or notebook, where `tqdm` is installed.

    Raises:
        DatasetError: an argument is out of range, no row's next state is known, or γ = 1 and the policy is paid for
            ever in the model of the data.

    Source: Le, Voloshin, Yue 2019 (FQE).
    """
    resamples = (200 if dataset.tabular else 50) if resamples is None else resamples
    gamma, dataset = check_arguments(dataset, gamma, confidence, resamples), dataset.as_logged
    solve = model_solver(dataset, policy, gamma, unseen_value=unseen_value, trees=trees, min_leaf=min_leaf, seed=seed)
    episodes = dataset.n_episodes
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(episodes, np.full(episodes, 1.0 / episodes), size=resamples)
    # Beside any other busy process a second thread makes these small products a hundred times slower (measured).
    with one_thread(), progress_bar(resamples, "fitted Q evaluation", "resamples", progress) as tell:
        found = solve(np.ones(episodes))
        replicates = np.empty(resamples)
        for number, counts in enumerate(draws):
            replicates[number] = counts @ solve(counts.astype(np.float64)).first / episodes
            tell(1)
    low, high = percentile_interval(replicates, confidence)
    rows = np.arange(len(dataset))
    chosen = probabilities(dataset, policy, dataset.observations)[rows, dataset.actions]
    taken = known_behavior(dataset, behavior, seed).taken
    size = effective_sample_size(log_probabilities(chosen) - log_probabilities(taken))
    cut = 1.0 - float(dataset.has_target.mean())
    return Estimate(
        float(found.first.mean()),
        low,
        high,
        size,
        "fitted Q evaluation",
        found.unseen,
        cut,
        "model",
    )
