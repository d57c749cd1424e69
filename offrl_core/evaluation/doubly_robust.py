"""Doubly robust off-policy evaluation: a model's value, corrected by its reweighted errors on the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from offrl_core.dataset import Array, Dataset, DatasetError
from offrl_core.evaluation.estimates import (
    Behavior,
    Estimate,
    ModelValues,
    Policy,
    check_arguments,
    effective_sample_size,
    known_behavior,
    percentile_interval,
    probabilities,
)
from offrl_core.evaluation.importance_sampling import episode_estimator, log_weights, uncovered_share
from offrl_core.evaluation.model_values import Solver, model_solver
from offrl_core.progress import progress_bar
from offrl_core.threads import one_thread

Correction = Literal["ordinary", "weighted"]


def doubly_robust(
    dataset: Dataset,
    policy: Policy,
    gamma: float | None = None,
    *,
    weighting: Correction = "weighted",
    q: Array | Callable[[Array], Array] | None = None,
    unseen_value: float = 0.0,
    trees: int = 10,
    min_leaf: int = 10,
    behavior: Array | Callable[[Array], Array] | Behavior | None = None,
    confidence: float = 0.95,
    resamples: int | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> Estimate:
    """`J(π)` from a model's values and importance weights; it is right where either of them is.

    With `V̂(s) = Σ_a π(a|s) Q̂(s,a)` and the error `δ_{i,t} = r_{i,t+1} + γ(1−d) V̂(s_{i,t+1}) − Q̂(s_{i,t}, a_{i,t})`:

    | weighting | estimate |
    |---|---|
    | ordinary | `1/E Σ_i [V̂(s_{i,0}) + Σ_t γ^t w_{i,t} δ_{i,t}]` |
    | weighted | `1/E Σ_i V̂(s_{i,0}) + Σ_t γ^t (Σ_i w_{i,t} δ_{i,t} / Σ_i w_{i,t})` |

    Where `Q̂` is that of the policy, the errors are 0 on average, whatever the weights; where the weights are right and
    the policy is covered (see `importance_sampling`), the ordinary form is unbiased whatever `Q̂` is, and the weighted
    one consistent. What follows a truncated episode is left to the model (`Estimate.cut` is the share of those), and so
    are actions that the behaviour never takes (`Estimate.unseen`, or the model's own share if that is larger). A row
    whose next state is not known corrects nothing.

    `Q̂` is by default that of `fitted_q_evaluation`, an exact solution for tables and a forest for vectors, cross-fitted
    on two halves of the episodes: the errors on each half are those of the other one's model, which has not seen it.

    Args:
        dataset: logged episodes; the estimate is in the log's own unit, whatever learners were given.
        policy: what to evaluate.
        gamma: discount; the dataset's own by default.
        weighting: which estimator.
        q: the model: `(S, A)` values for tabular data, or a function `observations → (N, A)`; fitted by default.
        unseen_value, trees, min_leaf: of the fitted model, as in `fitted_q_evaluation`.
        behavior: as in `importance_sampling`.
        confidence, resamples, seed: of the bootstrap over episodes, in which the model is fitted anew on the same
            halves and leaves; by default 200 resamples, and 50 where it is a forest.
        progress: whether to draw a progress bar; by default in a terminal or notebook, where `tqdm` is installed.

    Raises:
        DatasetError: an argument is out of range, `behavior` gives a recorded action no probability, no row's next
            state is known, or γ = 1 and the policy is paid for ever in the model.

    Source: Jiang, Li 2016; the weighted form as in Thomas, Brunskill 2016; cross-fitting as in Chernozhukov et al.
    2018.
    """
    if weighting not in get_args(Correction):
        raise DatasetError(f"weighting = {weighting!r} is not allowed: it must be one of ordinary, weighted")
    resamples = (200 if dataset.tabular or q is not None else 50) if resamples is None else resamples
    gamma, dataset = check_arguments(dataset, gamma, confidence, resamples), dataset.as_logged
    known = known_behavior(dataset, behavior, seed)
    acts = probabilities(dataset, policy, dataset.observations)
    logs = log_weights(dataset, acts, known)
    kind: Any = "per-decision" if weighting == "ordinary" else "weighted-per-decision"

    def estimate(counts: Array) -> float:
        values = model(counts)
        with np.errstate(invalid="ignore"):  # of infinite values, which are refused
            errors = np.where(dataset.has_target, dataset.rewards + gamma * values.ahead - values.taken, 0.0)
        if not np.isfinite(errors).all() or not np.isfinite(values.first).all():
            return np.nan
        correction = episode_estimator(replace(dataset, rewards=errors), gamma, kind, logs)
        return float(counts @ values.first / counts.sum()) + correction(counts)

    episodes = dataset.n_episodes
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(episodes, np.full(episodes, 1.0 / episodes), size=resamples).astype(float)
    with one_thread(), progress_bar(resamples, "doubly robust", "resamples", progress) as tell:
        if q is None:
            fitting = {"unseen_value": unseen_value, "trees": trees, "min_leaf": min_leaf, "seed": seed}
            model, unseen = _fitted(dataset, policy, gamma, fitting)
        else:
            given = _given(dataset, policy, acts, q)
            model, unseen = lambda counts: given, 0.0
        # Where no episode begins as the policy does, nothing is known of the model's errors.
        lost = bool(np.isneginf(logs).all())
        value = np.nan if lost else estimate(np.ones(episodes))
        if np.isnan(value) and not lost:
            raise DatasetError(f"the model's values are not finite with gamma = {gamma:g}: use gamma below 1")
        replicates = np.full(resamples, np.nan)
        for number, counts in enumerate(() if lost else draws):
            replicates[number] = estimate(counts)
            tell(1)
    low, high = percentile_interval(replicates, confidence)
    return Estimate(
        value,
        low,
        high,
        effective_sample_size(logs[dataset.episode_ends]),
        f"{weighting} doubly robust",
        max(unseen, uncovered_share(dataset, gamma, acts, known, logs)),
        1.0 - float(dataset.terminations[dataset.episode_ends].mean()),
        "both",
    )


def _fitted(dataset: Dataset, policy: Policy, gamma: float, fitting: dict[str, Any]) -> tuple[Solver, float]:
    """The values of two models, each at the episodes that the other one was fitted to, and what is unseen."""
    episode = dataset.episode_of_row
    whole = model_solver(dataset, policy, gamma, **fitting)
    unseen = whole(np.ones(dataset.n_episodes)).unseen
    side = np.random.default_rng(fitting["seed"]).permutation(dataset.n_episodes) % 2 == 0
    if not all(dataset.has_target[side[episode] == part].any() for part in (True, False)):
        return whole, unseen
    # The table of the empirical MDP is fitted by counting alone; a forest grows, too, on what it may know.
    solvers = [
        whole if dataset.tabular else model_solver(dataset, policy, gamma, **fitting, grow=(side != part)[episode])
        for part in (True, False)
    ]

    def crossed(counts: Array) -> ModelValues:
        if not counts[side].any() or not counts[~side].any():  # a draw of few episodes may leave a half empty
            return whole(counts)
        one, other = (solve(np.where(part, 0.0, counts)) for part, solve in zip((side, ~side), solvers, strict=True))
        rows = side[episode]
        return ModelValues(
            np.where(side, one.first, other.first),
            np.where(rows, one.taken, other.taken),
            np.where(rows, one.ahead, other.ahead),
            unseen,
        )

    return crossed, unseen


def _given(dataset: Dataset, policy: Policy, acts: Array, q: Any) -> ModelValues:
    """The values that a given `Q̂` says."""

    def at(observations: Array) -> Array:
        values = np.asarray(q(observations) if callable(q) else q, dtype=np.float64)
        rows = len(observations) if callable(q) else dataset.n_states
        if values.shape != (rows, dataset.n_actions):
            raise DatasetError(f"q has shape {values.shape}; it must be {rows, dataset.n_actions}")
        return values if callable(q) else values[observations]

    if not callable(q) and not dataset.tabular:
        raise DatasetError("continuous observations need a q that is a function of them")
    rows = np.arange(len(dataset))
    following = dataset.next_observations
    ahead = (probabilities(dataset, policy, following) * at(following)).sum(axis=1)
    here = at(dataset.observations)
    first = (acts * here).sum(axis=1)[dataset.episode_starts]
    return ModelValues(first, here[rows, dataset.actions], np.where(dataset.goes_on, ahead, 0.0), 0.0)
