"""The truth beside a run's members, at each member's own discount, and what the alarms need to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algorithms import algorithm as find_algorithm
from offrl_core.data.dataset import Dataset
from offrl_core.evaluation.alarms import Facts
from offrl_core.evaluation.truth import Truth
from offrl_core.learning import Metric, metrics

Array = npt.NDArray[Any]

_HELP = "What the Q on these pairs would be if the learner knew the true value of its policy."
_METRICS = (
    Metric(
        "gap",
        "estimate − truth",
        "reward",
        r"\hat V(s_0) - J(\pi)",
        "If this grows above 0, the learner believes its policy to be better than it is.",
        "Large and growing: overestimation that no data corrects.",
        "gap",
    ),
    Metric(
        "q_data_true",
        "true Q on data pairs",
        "reward",
        r"\operatorname{mean}\{Q^\pi(s,a) : n(s,a) > 0\}",
        _HELP,
        "Far below the learned Q on the same pairs: overestimation.",
        "q",
    ),
    Metric(
        "q_missing_true",
        "true Q on missing pairs",
        "reward",
        r"\operatorname{mean}\{Q^\pi(s,a) : n(s,a) = 0 < n(s)\}",
        _HELP,
        "Far below the learned Q on the same pairs: the maximum is choosing fiction.",
        "q",
    ),
)
DECLARED = {**metrics(), **{metric.name: metric for metric in _METRICS}}
"""What every column of a frame's metrics is."""

_truths: dict[tuple[int, float], tuple[Dataset, Truth]] = {}
_KEPT = 24


def truth(dataset: Dataset, gamma: float) -> Truth:
    """The truth about a dataset's world at a discount; recently asked ones are kept, for solving takes its time."""
    key = (id(dataset), gamma)
    if key not in _truths:
        if len(_truths) >= _KEPT:
            del _truths[next(iter(_truths))]
        _truths[key] = (dataset, Truth(dataset, gamma))  # the dataset is held, so that its id stays its own
    return _truths[key][1]


def describe(dataset: Dataset, gamma: float) -> dict[str, Any]:
    """What the screen says about the truth."""
    known = truth(dataset, gamma)
    names = ("behavior", "behavior_kind", "optimal", "optimal_kind", "in_support", "q_bound", "gamma")
    return {name: getattr(known, name) for name in names}


def judge(dataset: Dataset, policy: Array, gammas: Sequence[float]) -> tuple[dict[str, Array], Array]:
    """The true return of each member's `policy (M, S, A)`, the metrics made of it, and `Q^π (M, S, A)` float32."""
    returns = np.full(len(policy), np.nan)
    q = np.full(policy.shape, np.nan)
    for gamma in dict.fromkeys(gammas):
        places = [m for m, g in enumerate(gammas) if g == gamma]
        found, values = truth(dataset, gamma).of(policy[places])
        returns[places] = found
        if values is not None:
            q[places] = values
    seen = dataset.counts > 0
    missing = ~seen & seen.any(axis=1, keepdims=True)
    numbers = {"return": returns, "q_data_true": q[:, seen].mean(axis=1)}
    if missing.any():
        numbers["q_missing_true"] = q[:, missing].mean(axis=1)
    return numbers, q.astype(np.float32)


def facts(dataset: Dataset, members: Sequence[Mapping[str, Any]], gammas: Sequence[float]) -> list[Facts]:
    """What the alarms know of each member."""
    entropy = _behavior_entropy(dataset) if dataset.tabular else float("nan")
    return [_facts(dataset, str(m["algorithm"]), g, entropy) for m, g in zip(members, gammas, strict=True)]


def _facts(dataset: Dataset, algorithm: str, gamma: float, entropy: float) -> Facts:
    known = truth(dataset, gamma)
    lowest = float(dataset.rewards.min()) if dataset.mdp is None else dataset.mdp.reward_range[0]
    lowest = lowest / (1 - gamma) if gamma < 1 else float(dataset.returns_to_go(1.0).min())
    best = known.optimal if known.optimal is not None else known.q_bound
    base = known.behavior if known.behavior is not None else 0.0
    return Facts(
        q_bound=known.q_bound,
        q_floor=min(lowest, 0.0),
        trains_policy=find_algorithm(algorithm).group == "cloning",
        actions=dataset.n_actions,
        rows=len(dataset),
        behavior_entropy=entropy,
        return_scale=max(abs(best - base), 1e-3 * max(1.0, abs(best))),
    )


def _behavior_entropy(dataset: Dataset) -> float:
    policy, visits = dataset.behavior_policy, dataset.counts.sum(axis=1)
    terms = np.where(policy > 0, policy * np.log(np.where(policy > 0, policy, 1)), 0.0)
    return float(-(terms.sum(axis=1) @ visits) / visits.sum())
