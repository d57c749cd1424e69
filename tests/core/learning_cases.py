"""Datasets and reference computations that the tests of training share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from offrl_core.dataset import Dataset
from offrl_core.worlds.tabular import TabularMDP

Array = Any


def noisy_world() -> TabularMDP:
    """Three states and an end, reached with probability 0.2 from anywhere."""
    rng = np.random.default_rng(4)
    P = np.zeros((4, 2, 4))
    P[:3, :, :3] = 0.8 * rng.dirichlet(np.ones(3), size=(3, 2))
    P[:3, :, 3] = 0.2
    return TabularMDP(P, rng.normal(size=(4, 2)), [0.5, 0.3, 0.2, 0.0], [False, False, False, True])


def one_state(actions: list[int], rewards: list[float], n_actions: int = 2) -> Dataset:
    """One state; every row ends the episode with its reward."""
    rows = len(actions)
    return Dataset.from_columns(
        np.zeros(rows, np.int64),
        np.array(actions),
        np.array(rewards, dtype=float),
        np.ones(rows, bool),
        next_observations=np.ones(rows, np.int64),
        n_actions=n_actions,
        n_states=2,
        gamma=1.0,
    )


def random_data(seed: int, *, full: bool = False, states: int = 30, actions: int = 5, rows: int = 1500) -> Dataset:
    """Episodes in a random MDP under a random behaviour: with incomplete coverage, terminations and truncations.

    With `full`, every pair of a non-terminal state stands in the data.
    """
    rng = np.random.default_rng(seed)
    n_states, n_actions = int(rng.integers(3, states + 1)), int(rng.integers(2, actions + 1))
    transitions = rng.dirichlet(np.full(n_states, 0.3), size=(n_states, n_actions))
    rewards = rng.normal(size=(n_states, n_actions, n_states))
    terminal = np.zeros(n_states, bool)
    terminal[-1] = True
    behavior = rng.dirichlet(np.full(n_actions, 0.5), size=n_states)
    behavior[behavior < 0.1] = 0
    behavior /= behavior.sum(axis=1, keepdims=True)
    columns: dict[str, list[Any]] = {name: [] for name in ("s", "a", "r", "n", "term", "trunc")}

    def episode(state: int, first: int | None) -> None:
        for step in range(12):
            action = int(rng.choice(n_actions, p=behavior[state])) if step or first is None else first
            following = int(rng.choice(n_states, p=transitions[state, action]))
            last = step == 11
            row = (state, action, rewards[state, action, following], following, terminal[following])
            for name, value in zip(("s", "a", "r", "n", "term"), row, strict=True):
                columns[name].append(value)
            columns["trunc"].append(last and not terminal[following])
            if terminal[following]:
                return
            state = following

    if full:
        for state in range(n_states - 1):
            for action in range(n_actions):
                for _ in range(3):
                    episode(state, action)
    while len(columns["s"]) < rows:
        episode(int(rng.integers(n_states - 1)), None)
    return Dataset.from_columns(
        np.array(columns["s"]),
        np.array(columns["a"]),
        np.array(columns["r"]),
        np.array(columns["term"]),
        np.array(columns["trunc"]),
        next_observations=np.array(columns["n"]),
        n_actions=n_actions,
        n_states=n_states,
        gamma=0.9,
    )


def vectors(seed: int = 0, rows: int = 300, actions: int = 3) -> Dataset:
    """Continuous observations with no structure: a walk with random rewards, terminations and truncations."""
    rng = np.random.default_rng(seed)
    last = np.arange(rows) % 20 == 19
    terminated = last & (np.arange(rows) % 40 == 39)
    return Dataset.from_columns(
        rng.normal(size=(rows, 4)).astype(np.float32),
        rng.integers(0, actions, rows),
        rng.normal(size=rows),
        terminated,
        last & ~terminated,
        next_observations=rng.normal(size=(rows, 4)).astype(np.float32),
        n_actions=actions,
        gamma=0.9,
    )


def with_pairs(data: Dataset) -> Dataset:
    """The same log with three features of each pair."""
    rng = np.random.default_rng(0)
    return replace(data, action_features=rng.normal(size=(data.n_states, data.n_actions, 3)).astype(np.float32))


def with_features(data: Dataset) -> Dataset:
    """The same log with four features of each state."""
    return replace(data, features={"place": np.random.default_rng(1).normal(size=(data.n_states, 4))})


def cut(data: Dataset) -> Dataset:
    """The same log as somebody keeps it who does not write down where an episode was cut off."""
    known = data.next_known & ~data.truncations
    return replace(data, next_known=known, next_observations=stand_in(data, known))


def stand_in(data: Dataset, known: Array, seed: int | None = None) -> Array:
    """Next observations, where they are not known the row's own, or with a seed anything."""
    own = data.observations if seed is None else np.random.default_rng(seed).permutation(data.observations)
    return np.where(known if data.tabular else known[:, None], data.next_observations, own)


class Empirical:
    """The MDP that a tabular dataset shows, by counting; nothing of the library is used.

    Attributes:
        counts: `(S, A)`; reward: `(S, A)` mean; go: `(S, A, S)` share of rows that arrive and go on; policy: `(S, A)`
            frequencies.
    """

    def __init__(self, data: Dataset) -> None:
        n_states, n_actions = int(data.n_states or 0), data.n_actions
        self.counts = np.zeros((n_states, n_actions))
        self.reward = np.zeros((n_states, n_actions))
        self.go = np.zeros((n_states, n_actions, n_states))
        for s, a, r, n, term in zip(
            data.observations, data.actions, data.rewards, data.next_observations, data.terminations, strict=True
        ):
            self.counts[s, a] += 1
            self.reward[s, a] += r
            self.go[s, a, n] += not term
        seen = np.maximum(self.counts, 1)
        self.reward /= seen
        self.go /= seen[:, :, None]
        visits = self.counts.sum(axis=1, keepdims=True)
        self.policy = np.where(visits > 0, self.counts / np.maximum(visits, 1), 0)
        self.seen, self.visited = self.counts > 0, visits[:, 0] > 0

    def evaluate(self, policy: Array, gamma: float) -> tuple[Array, Array]:
        """`Q (S, A)` and `V (S,)` of a policy; 0 in states that the data never visits."""
        pi = np.where(self.visited[:, None], policy, 0)
        moves = np.einsum("sa,sat->st", pi, self.go)
        v = np.linalg.solve(np.eye(len(moves)) - gamma * moves, (pi * self.reward).sum(axis=1))
        return self.reward + gamma * self.go @ v, v

    def optimum(self, allowed: Array, gamma: float) -> Array:
        """`Q (S, A)` of dynamic programming over the allowed actions; a state without any is worth 0."""
        q = np.zeros_like(self.reward)
        for _ in range(math.ceil(-40 / math.log(gamma))):  # of the start, e⁻⁴⁰ is left
            v = np.where(allowed.any(axis=1), np.where(allowed, q, -np.inf).max(axis=1), 0)
            q = self.reward + gamma * self.go @ v
        return q


def returns_to_go(data: Dataset, gamma: float) -> Array:
    """`(N,)`, by a plain loop."""
    returns = np.zeros(len(data))
    ends = set(data.episode_ends.tolist())
    carry = 0.0
    for row in range(len(data) - 1, -1, -1):
        carry = data.rewards[row] + (0 if row in ends else gamma * carry)
        returns[row] = carry
    return returns


def by_pair(data: Dataset, rows: Array) -> Array:
    """Mean of a row quantity over each pair, NaN where unseen."""
    total = np.zeros((int(data.n_states or 0), data.n_actions))
    count = np.zeros_like(total)
    np.add.at(total, (data.observations, data.actions), rows)
    np.add.at(count, (data.observations, data.actions), 1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
