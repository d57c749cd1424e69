"""Contextual bandits: one decision an episode, and the reward of every action is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from offrl_core.columns import Array
from offrl_core.worlds.world import Act, Simulator


class ContextualBandit(Simulator):
    """A context is drawn at random, one action is taken, its reward is given, and the episode ends.

    The truth is exact: an action's value is its reward, whatever the policy.

    Args:
        contexts: `(C, D)` float32, all different, equally likely; the observations.
        rewards: `(C, A)` of every action in every context.
    """

    time_limit = 1

    def __init__(self, contexts: Array, rewards: Array) -> None:
        self.contexts, self.rewards = contexts, rewards
        self.n_actions = rewards.shape[1]
        self._index = {context.tobytes(): number for number, context in enumerate(contexts)}

    def reset(self, episodes: int, rng: np.random.Generator) -> Array:
        """Numbers of contexts `(E,)`."""
        return rng.integers(len(self.contexts), size=episodes)

    def step(self, states: Array, actions: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """The action's reward, and always the end."""
        return states, self.rewards[states, actions], np.ones(len(states), dtype=bool)

    def observe(self, states: Array) -> Array:
        """Contexts `(E, D)`."""
        return np.asarray(self.contexts[states])

    def numbers(self, observations: Array) -> Array:
        """`(N,)`: which context each observation is.

        Raises:
            KeyError: an observation is none of the contexts.
        """
        return np.array([self._index[row.tobytes()] for row in observations.astype(np.float32)])

    def q_star(self, observations: Array) -> Array:
        """`(N, A)`: the reward of every action; the true `Q` of every policy, since the episode ends at once."""
        return np.asarray(self.rewards[self.numbers(observations)])

    def exact_returns(self, policy: Callable[[Array], Array], rule: Callable[[Array], Array] = np.asarray) -> Array:
        """`(M,)`: the mean, over all contexts, of the expected `rule(reward)`; `policy (N, D) -> (M, N, A)`."""
        probabilities = np.asarray(policy(self.contexts), dtype=np.float64)
        return np.asarray((probabilities * rule(self.rewards)).sum(axis=2).mean(axis=1))

    def controller(self, gamma: float) -> Act:
        """Takes the best action of every context."""
        return self._best

    def _best(self, observations: Array, rng: np.random.Generator) -> Array:
        return np.asarray(self.q_star(observations).argmax(axis=1))
