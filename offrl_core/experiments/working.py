"""Doing a job: one learner of all its models, looked at as it trains. This is what runs in a worker process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos import algorithm as find_algorithm
from offrl_core.dataset import Dataset, DatasetError, kept
from offrl_core.evaluation import member_returns
from offrl_core.evaluation.doubly_robust import doubly_robust
from offrl_core.evaluation.estimates import Behavior, Policy, known_behavior
from offrl_core.evaluation.fitted_q import fitted_q_evaluation
from offrl_core.evaluation.importance_sampling import importance_sampling
from offrl_core.evaluation.rollouts import measuring
from offrl_core.experiments.carrying import Lacking, dataset_of, needed, unpack
from offrl_core.experiments.job import Job
from offrl_core.learning import Learner, Snapshot
from offrl_core.threads import one_thread
from offrl_core.worlds.bandit import ContextualBandit
from offrl_core.worlds.world import Simulator, exhaust

Array = npt.NDArray[Any]

PLAYED_EPISODES = 32
"""Episodes that a return is measured by where it has to be played: as many as the playground plays for one model."""


@dataclass(frozen=True)
class Done:
    """A job that is done.

    Attributes:
        columns: name → one value for each run and evaluated step; runs in the job's order, steps fastest.
        seconds: how long it took.
        training: how long of that was training and looking, without loading the data.
        failed: why it could not be done; the columns are empty then.
        about: what is the same in every row, by name: see `reference`.
    """

    columns: dict[str, list[Any]]
    seconds: float
    training: float = 0.0
    failed: str = ""
    about: dict[str, Any] = field(default_factory=dict)


def do(job: Job, parcels: Mapping[str, bytes], attempt: int) -> Done | Lacking:
    """Do a job, or say what is lacking for it.

    Whatever is wrong with the job itself is an answer, too: it would be wrong elsewhere as well.

    Args:
        job: what to do.
        parcels: what was lacking before, by hash.
        attempt: how often it was tried before. Clusters take calls of equal arguments for one; another try is another.
    """
    start = time.perf_counter()
    try:
        unpack(parcels)
        lacking = needed(job)
        if lacking:
            return Lacking(lacking)
        data = dataset_of(job.data)
        with one_thread():
            references = reference(data)
            before = time.perf_counter()
            columns = trained(job, data)
        end = time.perf_counter()
    except Exception as error:  # a worker goes on to the next job whatever this one has met
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        return Done({}, time.perf_counter() - start, failed=said or type(error).__name__)
    return Done(columns, end - start, end - before, about=references)


def reference(dataset: Dataset) -> dict[str, Any]:
    """What returns are normalised by, at the dataset's own discount: the behaviour's is 0, the best within the data 1.

    Where the best within the data is not known (the world is no known MDP), the best known return takes its place;
    `best_kind` says which one it is. Where the two do not differ there is nothing to normalise by.
    """
    known = member_returns.truth(dataset, dataset.gamma)
    best, kind = known.in_support, "best within the data"
    if best is None:
        best, kind = known.optimal, known.optimal_kind
    behavior = known.behavior
    return {
        "behavior_return": float("nan") if behavior is None else float(behavior),
        "best_return": float("nan") if best is None else float(best),
        "best_kind": kind if best is not None else "unknown",
    }


def normalised(returns: Array, about: Mapping[str, Any]) -> Array:
    """`(J − J_behaviour)/(J_best − J_behaviour)`; NaN where these are not known or the best is no better."""
    low, high = about["behavior_return"], about["best_return"]
    span = high - low
    if not np.isfinite(span) or span <= 1e-9 * max(1.0, abs(high), abs(low)):
        return np.full(np.shape(returns), np.nan)
    return np.asarray((returns - low) / span)


def trained(job: Job, data: Dataset) -> dict[str, list[Any]]:
    """The columns of a job: every metric at every evaluated step."""
    learner = Learner(
        data,
        find_algorithm(job.algorithm, job.version),
        approximator=job.approximator,
        seeds=job.seeds,
        points=job.points,
    )
    looks = []
    for step in job.evaluate:
        if learner.active:
            learner.advance(step - learner.step)
        looks.append({"step": np.full(len(learner.members), step), **_look(learner, data, job.estimates)})
    stopped = np.full(len(learner.members), -1)
    words = [""] * len(learner.members)
    for d in learner.divergences:
        stopped[d.index], words[d.index] = d.step, replace(d, member="").told(data.action_names)
    columns: dict[str, list[Any]] = {"run": [run.key for run in job.runs for _ in job.evaluate]}
    for name in dict.fromkeys(name for look in looks for name in look):
        missing = np.full(len(learner.members), np.nan)
        columns[name] = np.stack([look.get(name, missing) for look in looks], axis=1).ravel().tolist()
    steps = np.array(columns["step"])
    at = np.repeat(stopped, len(job.evaluate))
    # A row from before the divergence does not know of it.
    columns["diverged"] = np.where((at >= 0) & (at <= steps), at, -1).tolist()
    told = np.repeat(np.array(words, dtype=object), len(job.evaluate))
    columns["diverged_how"] = np.where(np.array(columns["diverged"]) >= 0, told, "").tolist()
    return columns


def _look(learner: Learner, data: Dataset, estimates: tuple[str, ...]) -> dict[str, Array]:
    """Every number about each member now, `(M,)` each."""
    snapshot = learner.snapshot()
    gammas = [float(m.values.get("gamma", data.gamma)) for m in learner.members]
    found: dict[str, Array] = {name: value.astype(np.float64) for name, value in snapshot.metrics.items()}
    found |= _returns(learner, data, snapshot, gammas)
    if "return" in found:
        found["normalised"] = normalised(found["judged"], reference(data))
        if "value_start" in found:
            found["gap"] = found["value_start"] - found.get("return_given", found["return"])
    for name in estimates:
        found[name] = np.array([_estimate(name, data, _policy(learner, data, snapshot, m)) for m in range(len(gammas))])
    return found


def _returns(learner: Learner, data: Dataset, snapshot: Snapshot, gammas: list[float]) -> dict[str, Array]:
    """True returns: `return` at each member's own discount, as the playground has it, and `judged` at the data's."""
    if data.mdp is not None:
        found, q_pi = member_returns.evaluate(data, snapshot.policy, gammas)
        if snapshot.q is not None:
            seen = data.counts > 0
            with np.errstate(invalid="ignore"):
                errors = np.abs(snapshot.q[:, seen].astype(np.float64) - q_pi[:, seen])
                found["q_error"] = np.ascontiguousarray(errors).mean(axis=1)
        judged = found["return"].copy()
        others = [m for m, gamma in enumerate(gammas) if gamma != data.gamma]
        if others:
            judged[others] = member_returns.truth(data, data.gamma).of(snapshot.policy[others])[0]
        return {**found, "judged": judged}
    if isinstance(data.world, ContextualBandit):
        names = member_returns.measured_names(data)
        exact = exhaust(member_returns.measuring_returns(data, [learner], gammas))
        return {**{name: exact[name] for name in names}, "judged": exact["return"]}
    if isinstance(data.world, Simulator):
        return _played(learner, data, data.world, gammas)
    return {}


def _played(learner: Learner, data: Dataset, world: Simulator, gammas: list[float]) -> dict[str, Array]:
    """Each member plays by itself, so that its return does not depend on whom it was trained with."""
    rows = []
    for member, gamma in enumerate(gammas):
        policy = learner.policy_of(member)
        own = _measured(world, policy, gamma, data)
        judged = own if gamma == data.gamma else _measured(world, policy, data.gamma, data)
        rows.append(
            (own.mean[0], own.low[0], own.high[0], own.given[0] if own.given is not None else np.nan, judged.mean[0])
        )
    names = ("return", "return_low", "return_high", "return_given", "judged")
    found = dict(zip(names, np.array(rows).T, strict=True))
    if not data.reward_rule:
        del found["return_given"]
    return found


def _measured(world: Simulator, policy: Any, gamma: float, data: Dataset) -> Any:
    each = lambda observations: policy(observations[0])[None]  # noqa: E731
    discounts = np.array([gamma])
    return exhaust(measuring(world, each, discounts, episodes=PLAYED_EPISODES, rule=data.reward_rule))


def _policy(learner: Learner, data: Dataset, snapshot: Snapshot, member: int) -> Policy:
    return snapshot.policy[member].astype(np.float64) if data.tabular else learner.policy_of(member)


@kept
def _behavior(dataset: Dataset) -> Behavior:
    """What is known of the behaviour, estimated once for all policies."""
    return known_behavior(dataset.as_logged, None, 0)


def _estimate(name: str, data: Dataset, policy: Policy) -> float:
    """An estimate of a policy's return from the data, at the data's discount; NaN where the data says nothing, and
    where there is none, such as for a policy that by the data is paid for ever without a discount."""
    shared: dict[str, Any] = {"behavior": _behavior(data), "resamples": 0}
    if data.tabular and not np.isfinite(policy).all():  # type: ignore[arg-type]
        return float("nan")
    try:
        if name == "fqe":
            return fitted_q_evaluation(data, policy, progress=False, **shared).value
        if name == "wis":
            return importance_sampling(data, policy, weighting="weighted", **shared).value
        return doubly_robust(data, policy, progress=False, **shared).value
    except DatasetError:
        return float("nan")
