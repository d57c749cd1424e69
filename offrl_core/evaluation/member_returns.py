"""The true returns of a learner's members, each at a discount of its own: exact where the MDP is known, else played."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.dataset import Dataset, kept
from offrl_core.evaluation.rollouts import measuring
from offrl_core.evaluation.truth import Truth
from offrl_core.learning import Learner
from offrl_core.recent import Recent
from offrl_core.worlds.bandit import ContextualBandit
from offrl_core.worlds.world import Simulator

Array = npt.NDArray[Any]

_KEPT = 24


@kept
def _truths(dataset: Dataset) -> Recent[float, Truth]:
    return Recent(_KEPT, lambda truth: 1)  # by their number


def truth(dataset: Dataset, gamma: float) -> Truth:
    """The truth about a dataset's world at a discount; recently asked ones are kept, for solving takes its time."""
    return _truths(dataset).of(gamma, lambda: Truth(dataset, gamma))


def evaluate(dataset: Dataset, policy: Array, gammas: Sequence[float]) -> tuple[dict[str, Array], Array]:
    """In a known MDP: the exact return of each member's `policy (M, S, A)`, what follows from it, and `Q^π` float32."""
    returns = np.full(len(policy), np.nan)
    q = np.full(policy.shape, np.nan)
    for gamma, places in _by_discount(gammas):
        returns[places], q[places] = truth(dataset, gamma).of(policy[places])
    seen = dataset.counts > 0
    missing = ~seen & seen.any(axis=1, keepdims=True)
    numbers = {"return": returns, "q_data_true": _mean_over(q, seen)}
    if dataset.reward_rule:
        assert dataset.mdp is not None
        starts = np.flatnonzero(dataset.mdp.initial)
        chosen = policy[:, starts]
        acts = np.where(chosen > 0, chosen * q[:, starts], 0.0).sum(axis=2)  # no share of an infinite value is none
        numbers["return_given"] = acts @ dataset.mdp.initial[starts]
    if missing.any():
        numbers["q_missing_true"] = _mean_over(q, missing)
    return numbers, q.astype(np.float32)


def _mean_over(tables: Array, pairs: Array) -> Array:
    """`(M,)`: each member's mean over some pairs, summed in the same order however many members there are."""
    return np.asarray(np.ascontiguousarray(tables[:, pairs]).mean(axis=1))


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
