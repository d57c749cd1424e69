"""Returns measured by simulation: many episodes of many policies at once, with a confidence interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import numpy as np

from offrl_core.dataset import Array
from offrl_core.worlds.world import Act, Simulator, exhaust

Policy = Callable[[Array], Array]
"""Action probabilities of `M` members: `(N, D)` observations → `(M, N, A)`."""
PolicyEach = Callable[[Array], Array]
"""Action probabilities of `M` members, each at observations of its own: `(M, N, D)` → `(M, N, A)`."""

Rule = Callable[[Array], Array]
"""Rewards as learners are given them."""

MAX_HORIZON = 2000


@dataclass(frozen=True, eq=False)
class Measured:
    """Mean return of `M` policies with its 95 % interval (normal approximation: ±1.96 standard errors).

    Attributes:
        mean, low, high: `(M,)`.
        episodes: how many were played by each.
        given: `(M,)` the mean return in the rewards that learners are given, where that was asked for.
    """

    mean: Array
    low: Array
    high: Array
    episodes: int
    given: Array | None = None


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


def measuring(
    world: Simulator, policy: PolicyEach, gammas: Array, *, episodes: int, seed: int = 0, rule: Rule = np.asarray
) -> Generator[None, None, Measured]:
    """The returns of members with discounts `gammas (M,)`, with a rest after every time step.

    `rule` says what learners are given for a reward; `Measured.given` is in that unit.

    The same seed gives the same starts and the same draws: returns measured at two moments of a training differ by
    what was learned more than by luck.
    """
    returns, given = yield from _playing(world, policy, gammas, episodes, seed, rule)
    return replace(_summary(returns), given=given.mean(axis=1))


def member_returns(world: Simulator, policy: Policy, gamma: float, *, episodes: int, seed: int) -> Array:
    """`(M, E)`: the discounted return of each episode of each member; NaN where its policy is not finite."""
    members = len(policy(world.observe(world.reset(1, np.random.default_rng(seed)))))
    every = np.arange(members)

    def each(observations: Array) -> Array:
        flat = observations.reshape(-1, *observations.shape[2:])
        return np.asarray(policy(flat).reshape(members, members, observations.shape[1], -1)[every, every])

    return exhaust(_playing(world, each, np.full(members, gamma), episodes, seed))[0]


def _playing(
    world: Simulator, policy: PolicyEach, gammas: Array, episodes: int, seed: int, rule: Rule = np.asarray
) -> Generator[None, None, tuple[Array, Array]]:
    """`member_returns`, and the same in the rewards that `rule` gives; only episodes that still run, and still count,
    are asked for an action."""
    rng = np.random.default_rng(seed)
    members = len(gammas)
    horizons = np.array([evaluation_horizon(world, float(gamma)) for gamma in gammas])
    discounts = np.ones(members)
    states = np.concatenate([world.reset(episodes, rng)] * members)
    returns, given = np.zeros((2, members * episodes))
    running = np.arange(members * episodes)
    for time in range(int(horizons.max())):
        member = running // episodes
        probabilities = _own(policy, world.observe(states), member, members)
        lost = np.isin(member, member[~np.isfinite(probabilities).all(axis=1)])
        if lost.any():
            for paid in (returns, given):
                paid.reshape(members, episodes)[member[lost]] = np.nan
            running, states, member, probabilities = running[~lost], states[~lost], member[~lost], probabilities[~lost]
        states, rewards, ended = world.step(states, draw(probabilities, rng), rng)
        returns[running] += discounts[member] * rewards
        given[running] += discounts[member] * rule(rewards)
        discounts *= gammas
        going = ~ended & (time + 1 < horizons[member])
        running, states = running[going], states[going]
        if not len(running):
            break
        yield
    return returns.reshape(members, episodes), given.reshape(members, episodes)


def draw(probabilities: Array, rng: np.random.Generator) -> Array:
    """`(N,)`: an action from each row of `(N, A)`; rows need not sum to one exactly."""
    sums = np.cumsum(probabilities, axis=1)
    draws = rng.random((len(sums), 1)) * sums[:, -1:]
    return np.asarray(np.minimum((draws >= sums).sum(axis=1), sums.shape[1] - 1))


def _own(policy: PolicyEach, observations: Array, member: Array, members: int) -> Array:
    """`(N, A)`: each observation's probabilities under its own member; `member (N,)` is sorted."""
    counts = np.bincount(member, minlength=members)
    slot = np.arange(len(member)) - (np.cumsum(counts) - counts)[member]
    rows = np.zeros((members, int(counts.max(initial=0)), *observations.shape[1:]), observations.dtype)
    rows[member, slot] = observations
    return np.asarray(policy(rows), dtype=np.float64)[member, slot]


def _summary(returns: Array) -> Measured:
    mean = returns.mean(axis=1)
    error = 1.96 * returns.std(axis=1, ddof=1) / math.sqrt(returns.shape[1]) if returns.shape[1] > 1 else np.inf
    return Measured(mean, mean - error, mean + error, returns.shape[1])
