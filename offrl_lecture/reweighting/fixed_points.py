"""Where the relatives end on a table, computed from the data without a learner.

The data's own MDP has one pair `(s, a)` for every pair that the data hold, with its mean reward and its counted next
states; `n(s, a)` is how often it stands there. Weighted cloning ends at `π(a|s) ∝ Σ w` over the rows of `(s, a)`,
which is 0 for an action without a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offrl_core.dataset import Array, Dataset

_SWEEPS = 2000


@dataclass(frozen=True, eq=False)
class Pairs:
    """The data's own MDP.

    Attributes:
        state, action: `(K,)` the pairs that the data hold.
        count: `(K,)` how often.
        reward: `(K,)` mean reward.
        next: `(K, S)` share of each next state; a row sums to less than 1 where an episode ended.
        states, actions: sizes of the tables.
    """

    state: Array
    action: Array
    count: Array
    reward: Array
    next: Array
    states: int
    actions: int

    @classmethod
    def of(cls, data: Dataset) -> Pairs:
        """The pairs of a tabular dataset."""
        states, actions = data.counts.shape
        pair = data.observations.astype(np.intp) * actions + data.actions
        held, index = np.unique(pair, return_inverse=True)
        count = np.bincount(index).astype(np.float64)
        following = np.zeros((len(held), states))
        goes = ~data.terminations
        np.add.at(following, (index[goes], data.next_observations[goes]), 1.0)
        reward = np.bincount(index, data.rewards) / count
        return cls(held // actions, held % actions, count, reward, following / count[:, None], states, actions)

    def table(self, values: Array, missing: float = np.nan) -> Array:
        """`(S, A)` of a number per pair."""
        found = np.full((self.states, self.actions), missing)
        found[self.state, self.action] = values
        return found

    def shares(self, mass: Array) -> Array:
        """`(K,)` each pair's share of its state's mass."""
        total = np.bincount(self.state, mass, self.states)
        return np.asarray(mass / total[self.state])

    def mean(self, values: Array, shares: Array) -> Array:
        """`(S,)` the mean over a state's pairs; 0 in states without rows."""
        return np.asarray(np.bincount(self.state, values * shares, self.states))


def capped_exp(exponent: Array, cap: float) -> Array:
    """`min(e^x, cap)`, without overflow."""
    return np.asarray(np.exp(np.minimum(exponent, np.log(cap))))


def critic_end(data: Dataset, temperature: float, cap: float) -> tuple[Array, Array]:
    """Where AWAC and CRR with the exponential filter end: `Q (S, A)` and `π (S, A)`.

    The fixed point of `Q(s,a) = r + γ Σ_b π(b|s') Q(s',b)`, `π(a|s) ∝ n(s,a) · min(exp((Q − E_π Q)/τ), w_max)`. Pairs
    without rows have no part in it: cloning takes their probability away, and with it their say in the critic.
    """
    pairs, gamma = Pairs.of(data), data.gamma
    q, policy = np.zeros(len(pairs.state)), pairs.shares(pairs.count)
    for _ in range(_SWEEPS):
        v = pairs.mean(q, policy)
        improved = pairs.shares(pairs.count * capped_exp((q - v[pairs.state]) / temperature, cap))
        new = pairs.reward + gamma * pairs.next @ v
        if np.abs(new - q).max() < 1e-12 and np.abs(improved - policy).max() < 1e-12:
            break
        q, policy = new, 0.5 * (policy + improved)
    return pairs.table(q), pairs.table(policy, 0.0)


@dataclass(frozen=True, eq=False)
class Recorded:
    """Rows judged by what was recorded after them.

    Attributes:
        returns: `(N,)` `G^λ` of each row.
        values: `(S,)` its mean in each state.
    """

    returns: Array
    values: Array


def recorded(data: Dataset, trace_decay: float) -> Recorded:
    """Where AWR's `V` ends: `V(s)` is the mean of `G^λ_t = r + γ[(1−λ) V(s') + λ G^λ_{t+1}]` over the rows of `s`.

    An episode that was cut off goes on with `V(s')`.
    """
    states, gamma = data.counts.shape[0], data.gamma
    rows = np.maximum(np.bincount(data.observations, minlength=states), 1)
    v, returns = np.zeros(states), np.zeros(len(data))
    ends = set(data.episode_ends.tolist())
    for _ in range(_SWEEPS):
        for row in range(len(data) - 1, -1, -1):
            ahead = v[data.next_observations[row]]
            if row not in ends:
                ahead = (1 - trace_decay) * ahead + trace_decay * returns[row + 1]
            returns[row] = data.rewards[row] + (0.0 if data.terminations[row] else gamma * ahead)
        new = np.bincount(data.observations, returns, states) / rows
        if np.abs(new - v).max() < 1e-12:
            break
        v = new
    return Recorded(returns, v)


def awr_policy(data: Dataset, judged: Recorded, temperature: float, cap: float) -> Array:
    """Where AWR's policy ends: a row weighs `min(exp((G^λ − V)/τ), w_max)`; `(S, A)`, 0 for actions without rows."""
    weights = capped_exp((judged.returns - judged.values[data.observations]) / temperature, cap)
    mass = np.zeros(data.counts.shape)
    np.add.at(mass, (data.observations, data.actions), weights)
    return np.asarray(mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-300))


def expectile(values: Array, shares: Array, tau: float) -> Array:
    """The `τ`-expectile of discrete distributions: `τ E[(x − v)₊] = (1 − τ) E[(v − x)₊]`, over the last axis.

    Between two neighbouring values the condition is linear in `v`, so that one of the pieces holds its solution.

    Args:
        values: `(…, K)`.
        shares: `(…, K)` their probabilities; what has none may be any number. 0 is given where nothing has any.
        tau: from 0 to 1; ½ is the mean.
    """
    order = np.argsort(np.where(shares > 0, values, np.inf), axis=-1)
    p = np.take_along_axis(shares, order, axis=-1)
    x = np.where(p > 0, np.take_along_axis(np.where(shares > 0, values, 0.0), order, axis=-1), np.inf)
    below = np.cumsum(p, axis=-1)
    reached = np.cumsum(p * np.where(p > 0, x, 0.0), axis=-1)
    mass = (1 - tau) * below + tau * (below[..., -1:] - below)
    candidates = ((1 - tau) * reached + tau * (reached[..., -1:] - reached)) / np.where(mass > 0, mass, 1.0)
    ahead = np.concatenate([x[..., 1:], np.full_like(x[..., :1], np.inf)], axis=-1)
    first = (candidates <= ahead).argmax(axis=-1)
    return np.asarray(np.take_along_axis(candidates, first[..., None], axis=-1)[..., 0])


def iql_end(data: Dataset, tau: float) -> tuple[Array, Array]:
    """Where IQL's critic ends: `Q (S, A)` and `V (S,)`, the fixed point of `Q(s,a) = r + γ V(s')` with `V(s)` the
    `τ`-expectile of `Q` over the data's actions in `s`."""
    pairs, gamma = Pairs.of(data), data.gamma
    shares = pairs.table(pairs.shares(pairs.count), 0.0)
    q, v = np.zeros(len(pairs.state)), np.zeros(pairs.states)
    for _ in range(_SWEEPS):
        v = expectile(pairs.table(q, 0.0), shares, tau)
        new = pairs.reward + gamma * pairs.next @ v
        if np.abs(new - q).max() < 1e-12:
            break
        q = new
    return pairs.table(q), v


def tilted(prior: Array, q: Array, eta: float) -> Array:
    """`q(a|s) ∝ prior(a|s) exp(Q(s,a)/η)`, `(S, A)`."""
    with np.errstate(divide="ignore"):
        logits = np.log(prior) + q / eta
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def kl(first: Array, second: Array) -> Array:
    """`KL(first ‖ second)` of each row, in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(first > 0, first * (np.log(first) - np.log(second)), 0.0).sum(axis=1))


def e_step(prior: Array, q: Array, shares: Array, epsilon: float) -> float:
    """MPO's temperature: the `η` at which `Σ_s shares(s) · KL(q ‖ prior)` is `ε`, the root of its dual's slope.

    Where even the greedy policy is nearer than `ε`, no `η` is; the smallest that is looked at, `1e-4`, is returned.
    """

    def excess(log_eta: float) -> float:
        return float(shares @ kl(tilted(prior, q, float(np.exp(log_eta))), prior)) - epsilon

    low, high = np.log(1e-4), np.log(1e6)
    if excess(low) <= 0:
        return 1e-4
    for _ in range(60):
        middle = (low + high) / 2  # the greedier, the further: the divergence falls with η
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return float(np.exp((low + high) / 2))
