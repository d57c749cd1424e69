"""From the return to the advantage: one small chain, three signals, and MARWIL's two steps on it.

The chain has `n` states in a row and two actions. Either action moves one state to the right and out at the end; the
reward on arriving is `1 + δ` after `a+` and `1 − δ` after `a−`. So the return of a row says above all *where* it was,
the advantage says which action was taken. Source of the two steps: Wang et al. (2018), MARWIL.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.worlds.tabular import TabularMDP

Array = npt.NDArray[Any]

STATES = 8
VALUE_RATE = 0.5
CLONE_RATE = 0.5


def chain(delta: float, states: int = STATES) -> TabularMDP:
    """The chain as an MDP: actions `a+`, `a−`, initial state uniform, the last state is the end."""
    P = np.zeros((states + 1, 2, states + 1))
    P[np.arange(states), :, np.arange(1, states + 1)] = 1.0
    P[states, :, states] = 1.0
    R = np.tile([1.0 + delta, 1.0 - delta], (states + 1, 1))
    R[states] = 0.0
    initial = np.append(np.full(states, 1 / states), 0.0)
    return TabularMDP(P, R, initial, np.arange(states + 1) == states, action_names=("a+", "a−"), name="chain")


@dataclass(frozen=True, eq=False)
class ChainData:
    """Rows collected on the chain by choosing `a+` with probability `skill`.

    Attributes:
        state, good: `(N,)` where each row was, and whether it took `a+`.
        reward: `(N,)`.
        ret: `(N,)` the return from that row to the end, discounted.
        value: `(n,)` the exact value of the behaviour.
        gamma, delta: as given.
    """

    state: Array
    good: Array
    reward: Array
    ret: Array
    value: Array
    gamma: float
    delta: float

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.state)


@lru_cache(256)
def collect(*, episodes: int, delta: float, gamma: float, skill: float, seed: int = 0) -> ChainData:
    """Sample episodes with a uniform start state; a seed means the same starts and the same luck."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(STATES, size=episodes)
    luck = rng.random((episodes, STATES))
    state = np.concatenate([np.arange(s, STATES) for s in starts])
    good = np.concatenate([row[s:] < skill for s, row in zip(starts, luck, strict=True)])
    reward = np.where(good, 1 + delta, 1 - delta)
    ret = reward.copy()
    for i in range(len(ret) - 2, -1, -1):
        if state[i + 1] == state[i] + 1:
            ret[i] += gamma * ret[i + 1]
    mdp = chain(delta)
    value = mdp.value(np.tile([skill, 1 - skill], (STATES + 1, 1)), gamma)[:STATES]
    return ChainData(state, good, reward, ret, value, gamma, delta)


def state_mean(data: ChainData, x: Array) -> Array:
    """`(n,)` mean of a row quantity in each state, NaN where the data never were."""
    count = np.bincount(data.state, minlength=STATES)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(data.state, x, STATES) / np.where(count, count, np.nan))


@dataclass(frozen=True, eq=False)
class Marwil:
    """MARWIL's two steps on the chain, update by update.

    Attributes:
        td, mc: `(T+1, n)` the value learned from `r + γV(s')` and from the return, from 0; NaN where no data is.
        policy: `(K+1, n)` `π(a+|s)` while cloning with the weights, from ½.
        target: `(n,)` where the cloning ends.
    """

    td: Array
    mc: Array
    policy: Array
    target: Array


def learn_values(data: ChainData, updates: int) -> tuple[Array, Array]:
    """Step 1: `V ← V + ½ · (mean target − V)`, by TD and by Monte Carlo; `(updates+1, n)` each.

    TD bootstraps on the current `V(s')`, so it reaches the first states last; both estimate the behaviour's value.
    """
    mean_reward, mean_return = state_mean(data, data.reward), state_mean(data, data.ret)
    td, mc = np.zeros((updates + 1, STATES)), np.zeros((updates + 1, STATES))
    for t in range(updates):
        following = np.append(td[t, 1:], 0.0)
        td[t + 1] = td[t] + VALUE_RATE * (mean_reward + data.gamma * following - td[t])
        mc[t + 1] = mc[t] + VALUE_RATE * (mean_return - mc[t])
    unseen = np.isnan(mean_reward)
    td[:, unseen] = mc[:, unseen] = np.nan
    return td, mc


def signals(data: ChainData, value: Array) -> dict[str, Array]:
    """Each row's signals under a value `(n,)`: `return`, `baseline` `G − V(s)`, `advantage` `r + γV(s') − V(s)`."""
    v = np.append(np.nan_to_num(value), 0.0)
    here, there = v[data.state], v[data.state + 1]
    return {"return": data.ret, "baseline": data.ret - here, "advantage": data.reward + data.gamma * there - here}


def weights_of(signal: Array, beta: float) -> Array:
    """`exp(β · signal)` divided by its largest value: nothing overflows, policy and sample size are the same."""
    return np.asarray(np.exp(beta * (signal - signal.max())))


def cloned(data: ChainData, weights: Array) -> Array:
    """`π(a+|s) = Σ_{a+} w / Σ w` in each state: where weighted cloning ends; NaN where no data is."""
    total = np.bincount(data.state, weights, STATES)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.bincount(data.state, weights * data.good, STATES) / np.where(total > 0, total, np.nan))


def clone(target: Array, updates: int) -> Array:
    """Step 2: gradient steps on the weighted cross-entropy, `gap ← gap + 2·½·(target − π)`.

    Returns `(updates+1, n)` of `π(a+|s)`; `gap` is the difference of the two logits, the weights have mean 1 in each
    state.
    """
    gap = np.zeros((updates + 1, len(target)))
    for t in range(updates):
        gap[t + 1] = gap[t] + 2 * CLONE_RATE * (target - 1 / (1 + np.exp(-gap[t])))
    return np.asarray(1 / (1 + np.exp(-gap)))


@lru_cache(256)
def marwil(*, episodes: int, delta: float, gamma: float, skill: float, beta: float, value: str, updates: int) -> Marwil:
    """Both steps: `updates` value updates, then `updates` cloning updates with `w = exp(β·A)` under the learned value.

    Args:
        value: whose estimate the advantage uses, `td` or `mc`.
    """
    data = collect(episodes=episodes, delta=delta, gamma=gamma, skill=skill)
    td, mc = learn_values(data, updates)
    advantage = signals(data, (td if value == "td" else mc)[-1])["advantage"]
    target = cloned(data, weights_of(advantage, beta))
    return Marwil(td, mc, clone(target, updates), target)
