"""Returns by playing: many episodes of many policies at once, with a confidence interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from offrl_core.data.dataset import Array
from offrl_core.worlds.world import Act, Simulator

Policy = Callable[[Array], Array]
"""Action probabilities of `M` members: `(N, D)` observations → `(M, N, A)`."""

MAX_HORIZON = 2000


@dataclass(frozen=True, eq=False)
class Measured:
    """Mean return of `M` policies with its 95 % interval (normal approximation: ±1.96 standard errors).

    Attributes:
        mean, low, high: `(M,)`.
        episodes: how many were played by each.
    """

    mean: Array
    low: Array
    high: Array
    episodes: int


def evaluation_horizon(world: Simulator, gamma: float) -> int:
    """How many steps an evaluation plays: until what is left counts less than a thousandth, `γ^T < 10⁻³`.

    A time limit is not an end of the world, so discounted evaluation plays on beyond it; at γ = 1 it plays up to the
    world's time limit, as is customary. Never more than 2000 steps.
    """
    if gamma <= 0.0:
        return 1
    if gamma >= 1.0:
        return world.time_limit
    return min(MAX_HORIZON, math.ceil(math.log(1e-3) / math.log(gamma)))


def measure_act(world: Simulator, act: Act, gamma: float, *, episodes: int = 400, seed: int = 0) -> Measured:
    """The return of one `act(observations, rng)`, from `episodes` episodes of the world's own starts."""
    returns = world.rollout(act, episodes, evaluation_horizon(world, gamma), seed).returns(gamma)
    return _summary(returns[None])


def measure(world: Simulator, policy: Policy, gamma: float, *, episodes: int = 32, seed: int = 0) -> Measured:
    """The returns of all members of `policy`, each from `episodes` episodes.

    Members start from the same states, so that their differences owe less to luck. Only episodes still running are
    asked for an action.
    """
    return _summary(member_returns(world, policy, gamma, episodes=episodes, seed=seed))


def member_returns(world: Simulator, policy: Policy, gamma: float, *, episodes: int, seed: int) -> Array:
    """`(M, E)`: the discounted return of each episode of each member."""
    rng = np.random.default_rng(seed)
    starts = world.reset(episodes, rng)
    members = len(policy(world.observe(starts[:1])))
    states = np.concatenate([starts] * members)
    returns = np.zeros(members * episodes)
    member = np.repeat(np.arange(members), episodes)
    running = np.arange(members * episodes)
    discount = 1.0
    for _ in range(evaluation_horizon(world, gamma)):
        probabilities = _own(policy, world.observe(states), member[running], members)
        sums = np.cumsum(probabilities, axis=1)
        draws = rng.random((len(running), 1)) * sums[:, -1:]
        actions = np.minimum((draws >= sums).sum(axis=1), world.n_actions - 1)
        states, rewards, ended = world.step(states, actions, rng)
        returns[running] += discount * rewards
        discount *= gamma
        running, states = running[~ended], states[~ended]
        if not len(running):
            break
    return returns.reshape(members, episodes)


def _own(policy: Policy, observations: Array, member: Array, members: int) -> Array:
    """`(N, A)`: each observation's probabilities under its own member."""
    probabilities = np.asarray(policy(observations), dtype=np.float64)
    return np.asarray(probabilities[member, np.arange(len(member))])


def _summary(returns: Array) -> Measured:
    mean = returns.mean(axis=1)
    error = 1.96 * returns.std(axis=1, ddof=1) / math.sqrt(returns.shape[1]) if returns.shape[1] > 1 else np.inf
    return Measured(mean, mean - error, mean + error, returns.shape[1])
