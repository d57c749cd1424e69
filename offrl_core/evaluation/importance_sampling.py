"""Off-policy evaluation by importance sampling: logged episodes, reweighted by how likely the policy is to act so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from offrl_core.dataset import Array, Dataset, DatasetError
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

Weighting = Literal["ordinary", "weighted", "per-decision", "weighted-per-decision"]
WEIGHTINGS: tuple[Weighting, ...] = ("ordinary", "weighted", "per-decision", "weighted-per-decision")


def importance_sampling(
    dataset: Dataset,
    policy: Policy,
    gamma: float | None = None,
    *,
    weighting: Weighting = "weighted",
    behavior: Array | Callable[[Array], Array] | Behavior | None = None,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> Estimate:
    """`J(π)` from episodes of another policy, reweighted by how likely `π` would have acted the same.

    With `ρ_t = π(a_t|s_t)/π_β(a_t|s_t)`, `w_{i,t} = Π_{k≤t} ρ_k` in episode `i`, `w_i` its last and `G_i` its return:

    | weighting | estimate | |
    |---|---|---|
    | ordinary | `1/E Σ_i w_i G_i` | unbiased if covered, with a variance that grows exponentially with the length |
    | weighted | `Σ_i w_i G_i / Σ_i w_i` | biased, consistent if covered, within the range of the recorded returns |
    | per-decision | `1/E Σ_i Σ_t γ^t w_{i,t} r_{i,t+1}` | unbiased if covered; later actions charge no earlier reward |
    | weighted-per-decision | `Σ_t γ^t (Σ_i w_{i,t} r_{i,t+1} / Σ_i w_{i,t})` | biased, consistent if covered |

    A policy is covered if the behaviour takes all of its actions: `π_β(a|s) > 0` wherever `π(a|s) > 0`. Whatever else
    it does is in no episode, however many there are, and no part of the interval: the first and the third form count
    what follows as 0, the others give the return of what stays within. `Estimate.unseen` is the share of such actions
    among the policy's discounted visits: with `u_t = Σ_{a: π_β(a|s_t) = 0} π(a|s_t)` the ratio of
    `Σ_{i,t} γ^t w_{i,t−1} u_t` to `Σ_{i,t} γ^t w_{i,t−1}`. Unbiased is meant with the true `π_β`; with an estimated
    one, those forms are consistent.

    An episode that is over keeps its last weight in the later denominators. What is estimated is the return of the
    recorded horizon: nothing is added for what would follow a truncated episode (`Estimate.cut` is the share of those).
    Products are sums of logarithms.

    Args:
        dataset: logged episodes; the estimate is in the log's own unit, whatever learners were given.
        policy: what to evaluate.
        gamma: discount; the dataset's own by default.
        weighting: which estimator.
        behavior: `π_β` as a policy, or as `(N,)` probabilities of the recorded actions, where it is taken to cover the
            actions that the data shows (in that state, if it is tabular); by default what the log says
            (`Dataset.propensities`), or else as `estimate_behavior` gives it.
        confidence, resamples, seed: of the bootstrap over episodes (and of the forest that estimates `π_β`).

    Raises:
        DatasetError: an argument is out of range, or `behavior` gives a recorded action no probability.

    Source: Precup, Sutton, Singh 2000; the weighted per-decision form as in Thomas 2015, section 3.10.
    """
    if weighting not in WEIGHTINGS:
        raise DatasetError(f"weighting = {weighting!r} is not allowed: it must be one of {', '.join(WEIGHTINGS)}")
    gamma, dataset = check_arguments(dataset, gamma, confidence, resamples), dataset.as_logged
    known = known_behavior(dataset, behavior, seed)
    acts = probabilities(dataset, policy, dataset.observations)
    logs = log_weights(dataset, acts, known)
    unseen = uncovered_share(dataset, gamma, acts, known, logs)
    final = logs[dataset.episode_ends]
    size = effective_sample_size(final)
    cut = 1.0 - float(dataset.terminations[dataset.episode_ends].mean())
    if np.isneginf(final.max()) and weighting in ("weighted", "weighted-per-decision"):
        return Estimate(np.nan, np.nan, np.nan, 0.0, f"{weighting} importance sampling", unseen, cut)
    estimate = episode_estimator(dataset, gamma, weighting, logs)
    episodes = dataset.n_episodes
    rng = np.random.default_rng(seed)
    draws = [rng.multinomial(episodes, np.full(episodes, 1.0 / episodes)).astype(float) for _ in range(resamples)]
    value = estimate(np.ones(episodes))
    low, high = percentile_interval(np.array([estimate(counts) for counts in draws]), confidence)
    return Estimate(value, low, high, size, f"{weighting} importance sampling", unseen, cut)


def log_weights(dataset: Dataset, acts: Array, behavior: Behavior) -> Array:
    """`(N,)`: `log w_{i,t}`, the log of the product of ratios up to each row; −∞ from an impossible action on."""
    chosen = acts[np.arange(len(dataset)), dataset.actions]
    logs = log_probabilities(chosen) - np.log(behavior.taken)
    # The sum within each episode: −∞ would spoil differences of one long sum, so it is counted beside it.
    never = np.isneginf(logs)
    total = np.cumsum(np.where(never, 0.0, logs))
    count = np.cumsum(never)
    before = dataset.episode_starts[dataset.episode_of_row] - 1
    inside = total - np.where(before >= 0, total[before], 0.0)
    lost = count - np.where(before >= 0, count[before], 0) > 0
    return np.where(lost, -np.inf, inside)


def uncovered_share(dataset: Dataset, gamma: float, acts: Array, behavior: Behavior, logs: Array) -> float:
    """The share of the policy's discounted visits that fall on actions which the behaviour never takes."""
    before = np.append(0.0, logs[:-1])
    before[dataset.episode_starts] = 0.0
    time = np.arange(len(dataset)) - dataset.episode_starts[dataset.episode_of_row]
    before[time > 0] += time[time > 0] * (np.log(gamma) if gamma > 0 else -np.inf)
    visits = np.exp(before - before.max())
    return float(visits @ np.where(behavior.covered, 0.0, acts).sum(axis=1) / visits.sum())


def episode_estimator(dataset: Dataset, gamma: float, weighting: Weighting, logs: Array) -> Callable[[Array], float]:
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
