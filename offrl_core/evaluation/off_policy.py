"""Off-policy evaluation: a policy's return estimated from logged episodes, by importance sampling or fitted Q.

Without an environment the true return of a policy is unknown. These estimates come with an interval and an effective
sample size, and both can mislead: the interval knows the spread between recorded episodes, not what they never show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import logsumexp

from offrl_core.columns import discount
from offrl_core.dataset import Array, Dataset, DatasetError
from offrl_core.evaluation.empirical import empirical_mdp
from offrl_core.evaluation.forest import forest_solver
from offrl_core.learning.threads import one_thread
from offrl_core.worlds.tabular import MDPError, TabularMDP
from offrl_core.worlds.world import check_policy

Policy = Array | Callable[[Array], Array]
"""`(S, A)` probabilities for tabular data, or a function `observations (N,) or (N, D) → (N, A)` probabilities."""

Weighting = Literal["ordinary", "weighted", "per-decision", "weighted-per-decision"]
WEIGHTINGS: tuple[Weighting, ...] = ("ordinary", "weighted", "per-decision", "weighted-per-decision")


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated return.

    Attributes:
        value: the estimate of `J(π)`; NaN where the data says nothing about the policy.
        low, high: percentile-bootstrap interval over episodes.
        effective_sample_size: `(Σw)²/Σw²`. For importance sampling `w` are the episodes' weights, so it counts
            episodes; for fitted Q evaluation they are the rows' one-step ratios `π/π_β`, so it counts rows.
        method: name of the estimator.
        unseen: share of the policy's discounted visits (in the model of the data) that fall on state–action pairs
            without data, whose value is an assumption; 0 for importance sampling.
    """

    value: float
    low: float
    high: float
    effective_sample_size: float
    method: str
    unseen: float = 0.0


def probabilities(dataset: Dataset, policy: Policy, observations: Array) -> Array:
    """`(N, A)` float64: what `policy` does in `observations`.

    Raises:
        DatasetError: the shape is wrong, or a row is not a distribution.
    """
    try:
        if not callable(policy):
            if dataset.n_states is None:
                raise DatasetError("continuous observations need a policy that is a function of them")
            table = check_policy(policy, dataset.n_states, dataset.n_actions)
            if table.ndim != 2:
                raise DatasetError(f"policy has shape {table.shape}; one policy (S, A) at a time is evaluated")
            return np.asarray(table[observations])
        rows = np.asarray(policy(observations), dtype=np.float64)
        if rows.shape != (len(observations), dataset.n_actions):
            raise DatasetError(f"policy returned shape {rows.shape}; it must be {len(observations), dataset.n_actions}")
        return np.asarray(check_policy(rows, len(observations), dataset.n_actions))
    except ValueError as error:
        raise error if isinstance(error, DatasetError) else DatasetError(str(error)) from error


def estimate_behavior(dataset: Dataset, *, floor: float = 0.01, seed: int = 0) -> Array:
    """`(N,)`: the estimated probability `π_β(a_t|s_t)` of each recorded action.

    Tabular data: the action frequencies `n(s,a)/n(s)`, which are the maximum-likelihood estimate; using it instead of
    the true `π_β` usually lowers the variance of importance sampling (Hanna et al. 2019). Continuous data: a forest of
    randomised trees (Geurts et al. 2006), each row judged only by trees that did not see it, mixed with a share `floor`
    of the uniform policy so that no weight explodes; how well it fits decides what the weights are worth.
    """
    if dataset.tabular:
        return np.asarray(dataset.behavior_policy[dataset.observations, dataset.actions])
    present, actions = np.unique(dataset.actions, return_inverse=True)
    if len(present) == 1:
        return np.ones(len(dataset))
    from sklearn.ensemble import ExtraTreesClassifier

    forest = ExtraTreesClassifier(50, min_samples_leaf=5, bootstrap=True, oob_score=_no_score, random_state=seed)
    forest.fit(dataset.observations.copy(), actions)
    shares = forest.oob_decision_function_
    unjudged = ~np.isfinite(shares).all(axis=1)
    if unjudged.any():
        shares[unjudged] = forest.predict_proba(dataset.observations[unjudged])
    taken = shares[np.arange(len(dataset)), actions]
    return np.asarray((1.0 - floor) * taken + floor / dataset.n_actions)


def _no_score(*_: Any) -> float:
    """A score that is never read: scikit-learn asks for one, and only the out-of-bag votes are used here."""
    return 0.0


def importance_sampling(
    dataset: Dataset,
    policy: Policy,
    gamma: float | None = None,
    *,
    weighting: Weighting = "weighted",
    behavior: Array | Callable[[Array], Array] | None = None,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> Estimate:
    """`J(π)` from episodes of another policy, reweighted by how likely `π` would have acted the same.

    With `ρ_t = π(a_t|s_t)/π_β(a_t|s_t)`, `w_{i,t} = Π_{k≤t} ρ_k` in episode `i`, `w_i` its last and `G_i` its return:

    | weighting | estimate | |
    |---|---|---|
    | ordinary | `1/E Σ_i w_i G_i` | unbiased, with a variance that grows exponentially with the length |
    | weighted | `Σ_i w_i G_i / Σ_i w_i` | biased, consistent, within the range of the recorded returns |
    | per-decision | `1/E Σ_i Σ_t γ^t w_{i,t} r_{i,t+1}` | unbiased; a reward is not charged for later actions |
    | weighted-per-decision | `Σ_t γ^t (Σ_i w_{i,t} r_{i,t+1} / Σ_i w_{i,t})` | biased, consistent |

    An episode that is over keeps its last weight in the later denominators. What is estimated is the return of the
    recorded horizon: nothing is added for what would follow a truncated episode. Products are sums of logarithms.

    Args:
        dataset: logged episodes.
        policy: what to evaluate.
        gamma: discount; the dataset's own by default.
        weighting: which estimator.
        behavior: `π_β` as a policy, or as `(N,)` probabilities of the recorded actions; estimated by default.
        confidence, resamples, seed: of the bootstrap over episodes (and of the forest that estimates `π_β`).

    Raises:
        DatasetError: an argument is out of range, or `behavior` gives a recorded action no probability.

    Source: Precup, Sutton, Singh 2000; the weighted per-decision form as in Thomas 2015, section 3.10.
    """
    if weighting not in WEIGHTINGS:
        raise DatasetError(f"weighting = {weighting!r} is not allowed: it must be one of {', '.join(WEIGHTINGS)}")
    gamma = _check(dataset, gamma, confidence, resamples)
    logs = _log_weights(dataset, policy, behavior, seed)
    final = logs[dataset.episode_ends]
    size = _effective(final)
    if np.isneginf(final.max()) and weighting in ("weighted", "weighted-per-decision"):
        return Estimate(np.nan, np.nan, np.nan, 0.0, f"{weighting} importance sampling")
    estimate = _estimator(dataset, gamma, weighting, logs)
    episodes = dataset.n_episodes
    rng = np.random.default_rng(seed)
    draws = [rng.multinomial(episodes, np.full(episodes, 1.0 / episodes)).astype(float) for _ in range(resamples)]
    value = estimate(np.ones(episodes))
    low, high = _interval(np.array([estimate(counts) for counts in draws]), confidence)
    return Estimate(value, low, high, size, f"{weighting} importance sampling")


def _check(dataset: Dataset, gamma: float | None, confidence: float, resamples: int) -> float:
    gamma = discount(dataset.gamma if gamma is None else gamma)
    if not 0.0 < confidence < 1.0:
        raise DatasetError(f"confidence = {confidence!r} is not allowed: it must be between 0 and 1")
    if resamples < 0:
        raise DatasetError(f"resamples = {resamples!r} is not allowed: it must be 0 or above")
    return gamma


def _log_weights(dataset: Dataset, policy: Policy, behavior: Any, seed: int) -> Array:
    """`(N,)`: `log w_{i,t}`, the log of the product of ratios up to each row; −∞ from an impossible action on."""
    rows = np.arange(len(dataset))
    chosen = probabilities(dataset, policy, dataset.observations)[rows, dataset.actions]
    logs = _log(chosen) - _log(_behavior(dataset, behavior, seed))
    # The sum within each episode: −∞ would spoil differences of one long sum, so it is counted beside it.
    never = np.isneginf(logs)
    total = np.cumsum(np.where(never, 0.0, logs))
    count = np.cumsum(never)
    before = dataset.episode_starts[dataset.episode_of_row] - 1
    inside = total - np.where(before >= 0, total[before], 0.0)
    lost = count - np.where(before >= 0, count[before], 0) > 0
    return np.where(lost, -np.inf, inside)


def _log(values: Array) -> Array:
    return np.log(values, out=np.full(len(values), -np.inf), where=values > 0)


def _behavior(dataset: Dataset, behavior: Any, seed: int) -> Array:
    """`(N,)`: `π_β(a_t|s_t)`, above 0."""
    if behavior is None:
        return estimate_behavior(dataset, seed=seed)
    if not callable(behavior) and np.shape(behavior) == (len(dataset),):
        given = np.asarray(behavior, dtype=np.float64)
        good = (given >= 0) & (given <= 1)
    else:
        given = probabilities(dataset, behavior, dataset.observations)[np.arange(len(dataset)), dataset.actions]
        good = np.ones(len(given), dtype=bool)
    impossible = ~good | (given <= 0)
    if impossible.any():
        row = int(np.flatnonzero(impossible)[0])
        raise DatasetError(
            f"behavior gives the action of row {row} probability {given[row]:g}: it was taken, so it must be above 0"
        )
    return given


def _effective(logs: Array) -> float:
    """`(Σw)²/Σw²` of weights given by their logarithms; 0 where all are 0."""
    if np.isneginf(logs.max()):
        return 0.0
    return float(np.exp(2.0 * logsumexp(logs) - logsumexp(2.0 * logs)))


def _interval(values: Array, confidence: float) -> tuple[float, float]:
    """Percentiles of bootstrap replicates; those that say nothing (no weight at all) are left out."""
    finite = values[~np.isnan(values)]
    if len(finite) == 0:
        return np.nan, np.nan
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(finite, [tail, 1.0 - tail], method="nearest")
    return float(low), float(high)


def _estimator(dataset: Dataset, gamma: float, weighting: Weighting, logs: Array) -> Callable[[Array], float]:
    """The estimate as a function of how often each episode is counted, `(E,)`."""
    final = logs[dataset.episode_ends]
    time = np.arange(len(dataset)) - dataset.episode_starts[dataset.episode_of_row]
    discounted = dataset.rewards * gamma**time
    if weighting in ("ordinary", "weighted"):
        returns = dataset.episode_returns(gamma)
        scale = _scale(final)
        weights = np.exp(final - scale)
        if weighting == "weighted":
            return lambda counts: _ratio(float(counts @ (weights * returns)), float(counts @ weights))
        return lambda counts: _large(counts @ (weights * returns) / counts.sum(), scale)
    if weighting == "per-decision":
        scale = _scale(logs)
        sums = np.add.reduceat(np.exp(logs - scale) * discounted, dataset.episode_starts)
        return lambda counts: _large(counts @ sums / counts.sum(), scale)
    return _weighted_per_decision(dataset, discounted, time, logs, final)


def _scale(logs: Array) -> float:
    """What to take off log weights so that the largest weight is 1."""
    highest = float(logs.max())
    return 0.0 if np.isneginf(highest) else highest


def _large(value: float, scale: float) -> float:
    """`value·exp(scale)`; infinite where it is beyond a double."""
    with np.errstate(over="ignore"):
        return float(value * np.exp(scale)) if value else 0.0


def _ratio(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom > 0 else np.nan


def _weighted_per_decision(
    dataset: Dataset, discounted: Array, time: Array, logs: Array, final: Array
) -> Callable[[Array], float]:
    """`Σ_t γ^t (Σ_i w_{i,t} r_{i,t+1} / Σ_i w_{i,t})`, where `w_{i,t}` stays at its last value after episode `i`.

    Per time, weights are scaled by the largest among the running and the ended episodes.
    """
    lengths = dataset.episode_ends - dataset.episode_starts + 1
    steps = int(lengths.max())
    running = np.full(steps, -np.inf)
    np.maximum.at(running, time, logs)
    ended = np.full(steps + 1, -np.inf)
    np.maximum.at(ended, lengths, final)
    highest = np.maximum(running, np.maximum.accumulate(ended[:steps]))
    scale = np.where(np.isneginf(highest), 0.0, highest)
    weights = np.exp(logs - scale[time])
    episode = dataset.episode_of_row
    order = np.argsort(lengths, kind="stable")

    def estimate(counts: Array) -> float:
        counted = weights * counts[episode]
        top = np.bincount(time, counted * discounted, steps)
        bottom = np.bincount(time, counted, steps)
        # Weights of the episodes that ended before each time, as log sums so that late times may need another scale.
        with np.errstate(divide="ignore"):
            last = final[order] + np.log(counts[order])
        sums = np.logaddexp.accumulate(np.append(-np.inf, last))
        over = sums[np.searchsorted(lengths[order], np.arange(steps), side="right")]
        bottom += np.exp(over - scale)
        said = bottom > 0
        return float(np.sum(top[said] / bottom[said])) if said.any() else np.nan

    return estimate


def fitted_q_evaluation(
    dataset: Dataset,
    policy: Policy,
    gamma: float | None = None,
    *,
    unseen_value: float = 0.0,
    trees: int = 10,
    min_leaf: int = 10,
    behavior: Array | Callable[[Array], Array] | None = None,
    confidence: float = 0.95,
    resamples: int | None = None,
    seed: int = 0,
) -> Estimate:
    """`J(π)` from the fixed point of `Q(s,a) ← mean over rows of r + γ(1−d) Σ_{a'} π(a'|s') Q(s',a')`.

    Tabular data: solved exactly; it is the value of `π` in the empirical MDP (certainty equivalence). A pair without
    data is worth `unseen_value`, and `Estimate.unseen` says how much of the policy's visits rests on that assumption.

    Continuous data: `Q(·,a)` is, for each action, a forest of randomised trees over the observations, grown once to
    predict the recorded returns-to-go and then kept; the fixed point over its leaves is solved. Averages over fixed
    leaves make the backup a contraction for γ < 1, so this converges (Gordon 1995; Ernst et al. 2005). It extrapolates
    the nearest leaf's value to observations that an action was never taken near, and its bias is not in the interval.

    Args:
        dataset: logged transitions.
        policy: what to evaluate.
        gamma: discount; the dataset's own by default.
        unseen_value: value of pairs without data (tabular), or of actions that never occur (continuous).
        trees, min_leaf: of the forest; more rows in a leaf smooth more.
        behavior: as in `importance_sampling`; only the effective sample size asks for it.
        confidence, resamples, seed: of the bootstrap over episodes, in which the forest's leaves stay as they are; by
            default 200 resamples for tabular data and 50 otherwise.

    Raises:
        DatasetError: an argument is out of range, or γ = 1 and the policy never ends in the model of the data.

    Source: Le, Voloshin, Yue 2019 (FQE).
    """
    resamples = (200 if dataset.tabular else 50) if resamples is None else resamples
    gamma = _check(dataset, gamma, confidence, resamples)
    if dataset.tabular:
        solve = _tabular_solver(dataset, policy, gamma, unseen_value)
    else:
        ahead = probabilities(dataset, policy, dataset.next_observations) * ~dataset.terminations[:, None]
        first = probabilities(dataset, policy, dataset.initial_observations)
        solve = forest_solver(dataset, ahead, first, gamma, unseen_value, trees, min_leaf, seed)
    episodes = dataset.n_episodes
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(episodes, np.full(episodes, 1.0 / episodes), size=resamples)
    # Beside any other busy process a second thread makes these small products a hundred times slower (measured).
    with one_thread():
        value, unseen = solve(np.ones(episodes))
        replicates = np.array([solve(counts.astype(np.float64))[0] for counts in draws])
    low, high = _interval(replicates, confidence)
    rows = np.arange(len(dataset))
    chosen = probabilities(dataset, policy, dataset.observations)[rows, dataset.actions]
    size = _effective(_log(chosen) - _log(_behavior(dataset, behavior, seed)))
    return Estimate(value, low, high, size, "fitted Q evaluation", unseen)


Solver = Callable[[Array], tuple[float, float]]
"""From how often each episode is counted to the estimate and its share of unseen visits."""


def _tabular_solver(dataset: Dataset, policy: Policy, gamma: float, unseen_value: float) -> Solver:
    states = dataset.n_states or 0
    table = probabilities(dataset, policy, np.arange(states))
    whole = np.vstack([table, np.full(dataset.n_actions, 1.0 / dataset.n_actions)])

    def solve(counts: Array) -> tuple[float, float]:
        model = empirical_mdp(dataset, counts, unseen_value=unseen_value)
        if not np.all(counts == 1.0):
            # A draw of the bootstrap may lack the very episode that shows the way out of a state.
            return float(model.evaluate(whole, gamma, endless="limit")), np.nan
        try:
            value = float(model.evaluate(whole, gamma))
        except MDPError as error:
            raise DatasetError(f"in the model of the data: {error}") from error
        # Visits to unseen pairs and to all pairs are values too: of rewards that are 1 there.
        seen = np.append(dataset.counts > 0, np.ones((1, dataset.n_actions), dtype=bool), axis=0)
        visits = [
            TabularMDP(model.transitions, paid, model.initial, model.terminal).evaluate(whole, gamma)
            for paid in ((~seen).astype(float), np.ones(seen.shape))
        ]
        return value, float(visits[0] / visits[1])

    return solve
