"""What estimates of a policy's return from logged episodes share: the record, the behaviour's probabilities, intervals.

Without an environment the true return of a policy is unknown. These estimates come with an interval and an effective
sample size, and both can mislead: the interval knows the spread between recorded episodes, not what they never show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from offrl_core.columns import discount
from offrl_core.dataset import Array, Dataset, DatasetError
from offrl_core.worlds.world import check_policy
from offrl_core.writing import number

Policy = Array | Callable[[Array], Array]
"""`(S, A)` probabilities for tabular data, or a function `observations (N,) or (N, D) → (N, A)` probabilities."""


FEWEST = {"episodes": 10.0, "rows": 30.0}
MOST_UNKNOWN = 0.1
BECOMES = {
    "weights": ("what that would earn is left out", "what would follow is left out"),
    "model": ("what that earns is an assumption", "they are left out"),
    "both": ("nothing corrects the model there", "what follows is what the model says"),
}
"""What each kind of estimate makes of what is unseen, and of what is cut."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated return.

    Attributes:
        value: the estimate of `J(π)`; NaN where the data says nothing about the policy.
        low, high: percentile-bootstrap interval over episodes.
        effective_sample_size: `(Σw)²/Σw²`. For importance sampling `w` are the episodes' weights, so it counts
            episodes; for fitted Q evaluation they are the rows' one-step ratios `π/π_β`, so it counts rows.
        method: name of the estimator.
        unseen: share of the policy's discounted visits (at γ = 1 of those before it stays in a loop for ever) that no
            record speaks of. For fitted Q evaluation (in the model of the data), those to state–action pairs without
            data, whose value is an assumption. For importance sampling (by the episodes' own weights), those to actions
            that the behaviour never takes, whose returns are left out; a lower bound where the behaviour is estimated
            from continuous observations.
        cut: share of the record that says nothing of what follows. For fitted Q evaluation, of the rows: those whose
            next state is not known are left out. For importance sampling, of the episodes: those that did not end in
            the MDP, whose return stops where the recording stops. For the doubly robust estimates, of the episodes,
            too: what follows is the model's.
        rests_on: the importance `weights`, a `model`, or `both`.
    """

    value: float
    low: float
    high: float
    effective_sample_size: float
    method: str
    unseen: float = 0.0
    cut: float = 0.0
    rests_on: Literal["weights", "model", "both"] = "weights"

    @property
    def counted(self) -> str:
        """What the effective sample size counts, and `cut` is a share of."""
        return "rows" if self.rests_on == "model" else "episodes"

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why it should not be believed, a sentence for each reason; empty where nothing speaks against it.

        Reasons are an effective sample below 10 episodes or 30 rows, and more than a tenth that is unseen or cut. Where
        there are none, the interval still knows the spread between recorded episodes only.
        """
        nobody = self.effective_sample_size == 0.0 and self.rests_on != "model"
        if np.isnan(self.value) or (nobody and self.rests_on == "weights"):
            return ("No recorded episode does what this policy does, so the records say nothing about it.",)
        found = []
        missing, after = BECOMES[self.rests_on]
        if nobody:
            found.append("No recorded episode does to its end what this policy does: this is little but the model.")
        elif self.effective_sample_size < FEWEST[self.counted]:
            size = number(self.effective_sample_size)
            found.append(f"It rests on as much as {size} {self.counted}: other records would say something else.")
        if self.unseen > MOST_UNKNOWN:
            found.append(f"{self.unseen:.0%} of what the policy does is in no record: {missing}.")
        if self.cut > MOST_UNKNOWN:
            stop = "stop before the end" if self.counted == "episodes" else "do not say what follows"
            found.append(f"{self.cut:.0%} of the {self.counted} {stop}: {after}.")
        return tuple(found)


class ModelValues(NamedTuple):
    """What a policy is worth in a model of the data.

    Attributes:
        first: `(E,)` `V̂` where each episode began.
        taken: `(N,)` `Q̂` of each recorded state and action.
        ahead: `(N,)` `V̂` of each row's next state, 0 where the episode terminated or the state is not known.
        unseen: as in `Estimate`; NaN where it was not asked for.
    """

    first: Array
    taken: Array
    ahead: Array
    unseen: float


@dataclass(frozen=True, eq=False)
class Behavior:
    """What is known of the policy that collected the data, at its rows.

    Attributes:
        taken: `(N,)` the probability of each recorded action, above 0.
        covered: `(N, A)` bool: the actions that it ever takes there.
    """

    taken: Array
    covered: Array


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


def estimate_behavior(dataset: Dataset, *, floor: float = 0.01, seed: int = 0) -> Behavior:
    """The estimated probability `π_β(a_t|s_t)` of each recorded action, and which actions are taken there at all.

    Tabular data: the action frequencies `n(s,a)/n(s)`, which are the maximum-likelihood estimate; using it instead of
    the true `π_β` usually lowers the variance of importance sampling (Hanna et al. 2019). Continuous data: a forest of
    randomised trees (Geurts et al. 2006), each row judged only by trees that did not see it, mixed with a share `floor`
    of the uniform policy so that no weight explodes; how well it fits decides what the weights are worth. Covered are
    the actions that it finds among a row's neighbours, without that share: since it smooths, rather too many.
    """
    rows = np.arange(len(dataset))
    if dataset.tabular:
        taken = dataset.behavior_policy[dataset.observations, dataset.actions]
        return Behavior(np.asarray(taken), _recorded(dataset))
    present, actions = np.unique(dataset.actions, return_inverse=True)
    if len(present) == 1:
        return Behavior(np.ones(len(dataset)), _recorded(dataset))
    from sklearn.ensemble import ExtraTreesClassifier

    forest = ExtraTreesClassifier(50, min_samples_leaf=5, bootstrap=True, oob_score=_no_score, random_state=seed)
    forest.fit(dataset.observations.copy(), actions)
    shares = forest.oob_decision_function_
    unjudged = ~np.isfinite(shares).all(axis=1)
    if unjudged.any():
        shares[unjudged] = forest.predict_proba(dataset.observations[unjudged])
    covered = np.zeros((len(dataset), dataset.n_actions), dtype=bool)
    covered[:, present] = shares > 0
    covered[rows, dataset.actions] = True
    return Behavior((1.0 - floor) * shares[rows, actions] + floor / dataset.n_actions, covered)


def _recorded(dataset: Dataset) -> Array:
    """`(N, A)` bool: the actions that the data shows in each row's state; of continuous data, those that it shows at
    all."""
    if dataset.tabular:
        return np.asarray(dataset.counts[dataset.observations] > 0)
    present = np.isin(np.arange(dataset.n_actions), dataset.actions)
    return np.broadcast_to(present, (len(dataset), dataset.n_actions))


def _no_score(*_: Any) -> float:
    """A score that is never read: scikit-learn asks for one, and only the out-of-bag votes are used here."""
    return 0.0


def check_arguments(dataset: Dataset, gamma: float | None, confidence: float, resamples: int) -> float:
    gamma = discount(dataset.gamma if gamma is None else gamma)
    if not 0.0 < confidence < 1.0:
        raise DatasetError(f"confidence = {confidence!r} is not allowed: it must be between 0 and 1")
    if resamples < 0:
        raise DatasetError(f"resamples = {resamples!r} is not allowed: it must be 0 or above")
    return gamma


def log_probabilities(values: Array) -> Array:
    return np.log(values, out=np.full(len(values), -np.inf), where=values > 0)


def known_behavior(dataset: Dataset, behavior: Any, seed: int) -> Behavior:
    """What is known of `π_β`: given as `importance_sampling` takes it, or as the log says it, or estimated.

    Raises:
        DatasetError: a recorded action has no probability.
    """
    if behavior is None:
        behavior = dataset.propensities
    if behavior is None:
        return estimate_behavior(dataset, seed=seed)
    if isinstance(behavior, Behavior):
        taken, covered = behavior.taken, behavior.covered
    elif not callable(behavior) and np.shape(behavior) == (len(dataset),):
        taken, covered = np.asarray(behavior, dtype=np.float64), _recorded(dataset)
    else:
        everything = probabilities(dataset, behavior, dataset.observations)
        taken, covered = everything[np.arange(len(dataset)), dataset.actions], everything > 0
    if np.shape(taken) != (len(dataset),):
        raise DatasetError(f"behavior is that of {len(taken)} rows; the data has {len(dataset)}")
    impossible = ~((taken > 0) & (taken <= 1))
    if impossible.any():
        row = int(np.flatnonzero(impossible)[0])
        raise DatasetError(
            f"behavior gives the action of row {row} probability {taken[row]:g}: it was taken, so it must be above 0"
        )
    return Behavior(taken, covered)


def effective_sample_size(logs: Array) -> float:
    """`(Σw)²/Σw²` of weights given by their logarithms; 0 where all are 0."""
    largest = logs.max()
    if np.isneginf(largest):
        return 0.0
    weights = np.exp(logs - largest)
    return float(weights.sum() ** 2 / (weights**2).sum())


def percentile_interval(values: Array, confidence: float) -> tuple[float, float]:
    """Percentiles of bootstrap replicates; those that say nothing (no weight at all) are left out."""
    finite = values[~np.isnan(values)]
    if len(finite) == 0:
        return np.nan, np.nan
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(finite, [tail, 1.0 - tail], method="nearest")
    return float(low), float(high)
