"""The truth beside a run's members, at each member's own discount, and what the alarms need to know of it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos import Algorithm
from offrl_core.algos import algorithm as find_algorithm
from offrl_core.dataset import Dataset, kept, probe_rows
from offrl_core.declarations import Value
from offrl_core.evaluation.alarm_rules import Facts
from offrl_core.evaluation.rollouts import measuring
from offrl_core.evaluation.truth import Truth
from offrl_core.learning import Learner, Metric
from offrl_core.learning.metric_catalogue import find_metric
from offrl_core.worlds.bandit import ContextualBandit
from offrl_core.worlds.world import Simulator

Array = npt.NDArray[Any]

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


_KEPT = 24


@kept
def _truths(dataset: Dataset) -> dict[float, Truth]:
    return {}


def truth(dataset: Dataset, gamma: float) -> Truth:
    """The truth about a dataset's world at a discount; recently asked ones are kept, for solving takes its time."""
    known = _truths(dataset)
    if gamma not in known:
        if len(known) >= _KEPT:
            del known[next(iter(known))]
        known[gamma] = Truth(dataset, gamma)
    return known[gamma]


def describe(dataset: Dataset, gamma: float) -> dict[str, Any]:
    """What the screen says about the truth."""
    known = truth(dataset, gamma)
    names = ("behavior", "behavior_kind", "behavior_interval", "optimal", "optimal_kind", "optimal_interval")
    told = {name: getattr(known, name) for name in (*names, "in_support", "q_bound", "gamma", "exact")}
    if dataset.reward_rule:
        told |= {"rewards": str(dataset.reward_rule), "given_optimal": known.given_optimal}
    return told if np.isfinite(known.q_bound) else {**told, "q_bound": None}


def evaluate(dataset: Dataset, policy: Array, gammas: Sequence[float]) -> tuple[dict[str, Array], Array]:
    """In a known MDP: the exact return of each member's `policy (M, S, A)`, what follows from it, and `Q^π` float32."""
    returns = np.full(len(policy), np.nan)
    q = np.full(policy.shape, np.nan)
    for gamma, places in _by_discount(gammas):
        returns[places], q[places] = truth(dataset, gamma).of(policy[places])
    seen = dataset.counts > 0
    missing = ~seen & seen.any(axis=1, keepdims=True)
    numbers = {"return": returns, "q_data_true": q[:, seen].mean(axis=1)}
    if dataset.reward_rule:
        assert dataset.mdp is not None
        starts = np.flatnonzero(dataset.mdp.initial)
        chosen = policy[:, starts]
        acts = np.where(chosen > 0, chosen * q[:, starts], 0.0).sum(axis=2)  # no share of an infinite value is none
        numbers["return_given"] = acts @ dataset.mdp.initial[starts]
    if missing.any():
        numbers["q_missing_true"] = q[:, missing].mean(axis=1)
    return numbers, q.astype(np.float32)


def played(dataset: Dataset) -> bool:
    """Whether true returns have to be measured by playing: there is a world, but no exact answer."""
    return dataset.mdp is None and isinstance(dataset.world, Simulator)


def measured_names(dataset: Dataset) -> tuple[str, ...]:
    """The metrics that playing gives: the last one where learners are given other rewards than the log's own."""
    return ("return", "return_low", "return_high", *(["return_given"] if dataset.reward_rule else []))


PLAYED_EPISODES = 128


def measuring_returns(
    dataset: Dataset, learners: Sequence[Learner], gammas: Sequence[float]
) -> Generator[None, None, dict[str, Array]]:
    """Where returns are measured: the metrics of `measured_names` of all members, with a rest after every time step.

    Args:
        dataset: with a world to play in.
        learners: one per lane; they must not train meanwhile.
        gammas: each member's discount.
    """
    assert isinstance(dataset.world, Simulator)
    parts: list[tuple[Array, ...]] = []
    first = 0
    for learner in learners:
        own = np.array(gammas[first : first + len(learner.members)])
        first += len(own)
        if isinstance(dataset.world, ContextualBandit):
            exact = dataset.world.exact_returns(learner.policy)
            parts.append((exact, exact, exact, dataset.world.exact_returns(learner.policy, dataset.reward_rule)))
            continue
        episodes = int(np.clip(PLAYED_EPISODES // len(own), 8, 32))
        rule = dataset.reward_rule
        found = yield from measuring(dataset.world, learner.policy_each, own, episodes=episodes, rule=rule)
        assert found.given is not None
        parts.append((found.mean, found.low, found.high, found.given))
    names = measured_names(dataset)
    return dict(zip(names, map(np.concatenate, zip(*parts, strict=True)), strict=False))


def _by_discount(gammas: Sequence[float]) -> list[tuple[float, list[int]]]:
    return [(gamma, [m for m, g in enumerate(gammas) if g == gamma]) for gamma in dict.fromkeys(gammas)]


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
