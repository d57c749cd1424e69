"""What the screen says of the truth beside a run's members, and what the alarms need to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from offrl_core.algos import Algorithm
from offrl_core.algos import algorithm as find_algorithm
from offrl_core.dataset import Dataset, probe_rows
from offrl_core.declarations import Value
from offrl_core.evaluation.alarm_rules import Facts
from offrl_core.evaluation.member_returns import played, truth
from offrl_core.learning import Metric
from offrl_core.learning.metric_catalogue import find_metric
from offrl_core.worlds.bandit import ContextualBandit

_PLAYED_HELP = (
    "If this grows, the policy really got better; it is measured by playing in the real world, which the learner never "
    "does: always from the same starts, its 95 % interval beside it."
)


_IN_THE_LOGS_UNIT = ("return", "return_low", "return_high")


def declared(name: str, dataset: Dataset) -> Metric:
    """What a column of a frame's metrics is for this data."""
    metric = find_metric(name)
    if dataset.reward_rule and metric.unit.startswith("reward") and name not in _IN_THE_LOGS_UNIT:
        # What is learned counts in other rewards than the true return, and so has no place beside it.
        metric = replace(metric, unit=metric.unit.replace("reward", "given reward"))
        if name == "value_start":
            return replace(metric, panel="q")
    if name == "return" and played(dataset) and not isinstance(dataset.world, ContextualBandit):
        return replace(metric, help=_PLAYED_HELP)
    if metric.probed and not dataset.tabular:
        probes = len(probe_rows(dataset))
        return replace(metric, help=f"{metric.help} Taken over {probes} rows of the data, the probes.")
    return metric


def describe(dataset: Dataset, gamma: float) -> dict[str, Any]:
    """What the screen says about the truth."""
    known = truth(dataset, gamma)
    names = ("behavior", "behavior_kind", "behavior_interval", "optimal", "optimal_kind", "optimal_interval")
    told = {name: getattr(known, name) for name in (*names, "in_support", "q_bound", "gamma", "exact")}
    if dataset.reward_rule:
        told |= {"rewards": str(dataset.reward_rule), "given_optimal": known.given_optimal}
    return told if np.isfinite(known.q_bound) else {**told, "q_bound": None}


def facts(dataset: Dataset, members: Sequence[Mapping[str, Any]], gammas: Sequence[float]) -> list[Facts]:
    """What the alarms know of each member."""
    entropy = _behavior_entropy(dataset) if dataset.tabular else float("nan")
    return [
        _facts(dataset, find_algorithm(m["algorithm"])(), m["values"], g, entropy)
        for m, g in zip(members, gammas, strict=True)
    ]


def _facts(dataset: Dataset, system: Algorithm, values: Mapping[str, Value], gamma: float, entropy: float) -> Facts:
    known = truth(dataset, gamma)
    best = known.optimal
    if best is None:
        own = dataset.as_logged
        bound = truth(own, gamma).q_bound
        best = bound if np.isfinite(bound) else float(own.returns_to_go(gamma).max())
    base = known.behavior if known.behavior is not None else 0.0
    return Facts(
        q_bound=known.q_bound,
        q_floor=known.q_floor,
        trains_policy=system.group == "cloning",
        actions=dataset.n_actions,
        rows=len(dataset),
        behavior_entropy=entropy,
        return_scale=max(abs(best - base), 1e-3 * max(1.0, abs(best))),
        stays_on_data=system.stays_on_data(values),
        value_unit=dataset.reward_rule.scale,
        best=next((x for x in (known.in_support, known.optimal) if x is not None), float("nan")),
        probes=0 if dataset.tabular else len(probe_rows(dataset)),
    )


def _behavior_entropy(dataset: Dataset) -> float:
    policy, visits = dataset.behavior_policy, dataset.counts.sum(axis=1)
    terms = np.where(policy > 0, policy * np.log(np.where(policy > 0, policy, 1)), 0.0)
    return float(-(terms.sum(axis=1) @ visits) / visits.sum())
