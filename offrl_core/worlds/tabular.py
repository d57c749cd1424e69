"""Finite MDPs that are known exactly: solved, evaluated and sampled."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from offrl_core import sparse
from offrl_core.columns import Array, discount, encodings, integers, names, refuse
from offrl_core.interfaces import Layout
from offrl_core.threads import one_thread
from offrl_core.worlds.arrays import MDPError, initial_distribution, reward_arrays, transition_matrix
from offrl_core.worlds.chain import chain_value, from_states, never_ends, spread
from offrl_core.worlds.improvement import Choices, best_values, under
from offrl_core.worlds.layout import GridLayout
from offrl_core.worlds.world import Act, Simulator, check_policy

__all__ = ["Endless", "MDPError", "TabularMDP"]

Endless = Literal["raise", "limit"]

_KEPT = 8
"""Discounts whose optimum a world keeps."""


class TabularMDP(Simulator):
    """A finite MDP `(S, A, P, R, d₀)` with exact solvers.

    Transitions are kept sparse, one row per pair `s·A + a`, so that worlds with hundreds of states and tens of
    actions are evaluated in milliseconds. Values of terminal states are 0 and their rows of `P` and `R` are ignored.

    Args:
        P: `(S, A, S)` transition probabilities `P(s'|s,a)`, or the same as a sparse `(S·A, S)` matrix.
        R: `(S, A)` expected rewards, or `(S, A, S)` rewards on arriving, or the latter as a sparse `(S·A, S)` matrix.
        initial: `(S,)` distribution of the first state.
        terminal: `(S,)` bool; by default no state ends the episode.
        action_names, state_names: labels for screens.
        layout: how to draw the states.
        features, action_features: encodings of states and pairs, as in `Dataset`.
        name: the world's name.

    Raises:
        MDPError: a shape is wrong, a row of `P` is not a distribution, or a reward is not finite; names the place.
    """

    def __init__(
        self,
        P: Any,
        R: Any,
        initial: npt.ArrayLike,
        terminal: npt.ArrayLike | None = None,
        *,
        action_names: tuple[str, ...] = (),
        state_names: tuple[str, ...] = (),
        layout: Layout | None = None,
        features: Mapping[str, Array] | None = None,
        action_features: Array | None = None,
        name: str = "mdp",
    ) -> None:
        self.initial, self.terminal = initial_distribution(initial, terminal)
        states = self.n_states = len(self.initial)
        self.transitions = transition_matrix(P, self.terminal)
        actions = self.n_actions = self.transitions.shape[0] // states
        self.rewards, self._edge_rewards = reward_arrays(R, self.transitions, self.terminal)
        named = names("action_names", action_names, actions, MDPError)
        self.action_names = named or tuple(str(a) for a in range(actions))
        named = names("state_names", state_names, states, MDPError)
        self.state_names = named or tuple(str(s) for s in range(states))
        self.layout = layout
        self.features, self.action_features = encodings(features, action_features, states, actions, MDPError)
        self.name = name
        self._solved: dict[float, tuple[Array, Array]] = {}

    def __repr__(self) -> str:
        return f"<TabularMDP {self.name!r}: {self.n_states} states, {self.n_actions} actions>"

    # -- the arrays, for small worlds and for reading

    @cached_property
    def P(self) -> Array:
        """`(S, A, S)` transition probabilities; rows of terminal states are 0."""
        return np.asarray(self.transitions.toarray()).reshape(self.n_states, self.n_actions, self.n_states)

    @property
    def R(self) -> Array:
        """`(S, A)` expected rewards; 0 in terminal states."""
        return self.rewards

    @property
    def reward_range(self) -> tuple[float, float]:
        """The smallest and the largest reward that a single transition can give."""
        values = self.rewards[~self.terminal] if self._edge_rewards is None else self._edge_rewards
        return float(values.min()), float(values.max())

    def rewarded(self, rule: Callable[[Array], Array]) -> TabularMDP:
        """The same world with `rule(r)` for every reward `r`; ending is still followed by nothing."""
        other = copy.copy(self)
        if self._edge_rewards is None:
            other.rewards = np.where(self.terminal[:, None], 0.0, rule(self.rewards))
        else:
            other._edge_rewards = rule(self._edge_rewards)
            pairs = np.repeat(np.arange(self.rewards.size), np.diff(self.transitions.indptr))
            means = np.bincount(pairs, other._edge_rewards * self.transitions.data, self.rewards.size)
            other.rewards = means.reshape(self.rewards.shape)
        other._solved = {}
        return other

    def _checked(self, policy: npt.ArrayLike) -> Array:
        policies = check_policy(policy, self.n_states, self.n_actions, self.terminal)
        if policies.ndim > 3:
            raise ValueError(f"policy has shape {policies.shape}; it must be (S, A), or (M, S, A) for many at once")
        return policies

    # -- reaching

    @cached_property
    def reachable(self) -> Array:
        """`(S,)` bool: states that some policy reaches from the initial distribution."""
        return self._reached(self._any_action)

    def reachable_under(self, policy: npt.ArrayLike) -> Array:
        """`(S,)` bool: states that `policy (S, A)` reaches from the initial distribution."""
        return self._reached(under(self.transitions, self._checked(policy)))

    @cached_property
    def _any_action(self) -> sparse.csr_matrix:
        return under(self.transitions, np.full((self.n_states, self.n_actions), 1.0 / self.n_actions))

    def _reached(self, moves: sparse.csr_matrix) -> Array:
        return spread(self.initial > 0, moves.T.tocsr())

    # -- values

    def q_from(self, v: Array, gamma: float) -> Array:
        """One Bellman backup: `Q(s,a) = R(s,a) + γ Σ_{s'} P(s'|s,a) V(s')`, for `v (S,)` or `(M, S)`."""
        ahead: Array = (self.transitions @ np.atleast_2d(v).T).T
        return np.asarray(self.rewards + gamma * ahead.reshape(*v.shape[:-1], self.n_states, self.n_actions))

    def value(self, policy: npt.ArrayLike, gamma: float, *, endless: Endless = "raise") -> Array:
        """`V^π`, by a linear solve of `V = R_π + γ P_π V`.

        Args:
            policy: `(S, A)` probabilities, or `(M, S, A)` for many policies at once.
            gamma: discount in [0, 1]; 1 where the policy ends.
            endless: what to do at γ = 1 with states from which the policy never ends: `raise`, or the `limit` of the
                expected total reward: finite where no reward comes any more once it is in a loop, otherwise ±∞ by
                the sign of what the loop pays on average; NaN where that is 0, and where both may come.

        Returns:
            `(S,)`, or `(M, S)`; 0 in terminal states.

        Raises:
            MDPError: γ = 1 and the policy never ends from some state (named), or γ is out of range.
        """
        policies = self._checked(policy)
        single = policies.ndim == 2
        values = self._values(policies[None] if single else policies, gamma, endless, only=None)
        return np.asarray(values[0] if single else values)

    def q_value(self, policy: npt.ArrayLike, gamma: float, *, endless: Endless = "raise") -> Array:
        """`Q^π (S, A)`, or `(M, S, A)`, of `policy`; arguments and errors as `value`."""
        return self.q_from(self.value(policy, gamma, endless=endless), gamma)

    def evaluate(self, policy: npt.ArrayLike, gamma: float, *, endless: Endless = "raise") -> Any:
        """The expected return `J(π) = Σ_s d₀(s) V^π(s)`: a float, or `(M,)` for a policy of shape `(M, S, A)`.

        At γ = 1 only the states that the policy reaches must end.
        """
        policies = self._checked(policy)
        single = policies.ndim == 2
        values = self._values(policies[None] if single else policies, gamma, endless, only=self.initial > 0)
        start = self.initial > 0
        returns = values[:, start] @ self.initial[start]
        return float(returns[0]) if single else np.asarray(returns)

    def _values(self, policies: Array, gamma: float, endless: Endless, only: Array | None) -> Array:
        """`(M, S)` values; `only` restricts the question of ending to what is reached from those states."""
        gamma = discount(gamma, MDPError)
        if endless not in get_args(Endless):
            raise MDPError(f"endless = {endless!r} is not allowed: it must be one of {', '.join(get_args(Endless))}")
        rewards = np.einsum("msa,sa->ms", policies, self.rewards)
        # Rewards that cancel leave no rounding error behind: a loop would pay it for ever.
        rewards[np.abs(rewards) <= 1e-15 * np.einsum("msa,sa->ms", policies, np.abs(self.rewards))] = 0.0
        if self.n_states <= _DENSE_STATES and gamma < 1.0:
            return self._dense_values(policies, rewards, gamma)
        values: Array = np.empty(rewards.shape)
        for member, policy in enumerate(policies):
            moves = under(self.transitions, policy)
            if gamma == 1.0 and endless == "raise":
                self._check_ends(moves, only)
            values[member] = chain_value(moves, rewards[member], self.terminal, gamma)
        return values

    def _dense_values(self, policies: Array, rewards: Array, gamma: float) -> Array:
        with one_thread():
            moves = np.einsum("msa,sat->mst", policies, self.P, optimize=True)
            system = np.eye(self.n_states) - gamma * moves
            return np.asarray(np.linalg.solve(system, rewards[..., None])[..., 0])

    def _check_ends(self, moves: sparse.csr_matrix, only: Array | None) -> None:
        never = ~spread(self.terminal, moves)
        if only is not None:
            never &= spread(only, moves.T.tocsr())
        if never.any():
            raise MDPError(never_ends("the policy", from_states(self.state_names, never), "a policy that ends"))

    def optimal(self, gamma: float) -> tuple[Array, Array]:
        """`Q* (S, A)` and `V* (S,)`, by policy iteration; at γ = 1 of the best policy among those that end, see
        `best_within`.

        Raises:
            MDPError: γ = 1 and from some reachable state no policy surely ends and rewards go on, or a loop that pays
                leaves the best return without a bound.
        """
        solved = self._solved.get(gamma)
        if solved is None:
            q, v = self.best_within(None, gamma)
            lost: Array = ~np.isfinite(v) & self.reachable
            if lost.any():
                state = int(np.argmax(lost))
                why = "no policy ends for sure and rewards go on"
                if v[state] == np.inf:
                    why = "a loop that pays can be repeated at will, so that the best return has no bound"
                raise MDPError(f"with gamma = 1: from state {self.state_names[state]} {why}; use gamma below 1")
            solved = q, v
            # Replaced as a whole: other threads may ask for another discount of the same world.
            self._solved = dict([*self._solved.items(), (gamma, solved)][-_KEPT:])
        return solved

    def best_within(self, allowed: npt.ArrayLike | None, gamma: float) -> tuple[Array, Array]:
        """`Q` and `V` of the best policy that only takes `allowed (S, A)` actions, by policy iteration.

        In a state where nothing is allowed the policy is uniform over all actions. At γ = 1, where some policy surely
        ends, the best of those that do: going round for nothing is no way to avoid a cost. `Q` of an action after
        which ending is no longer sure is what follows it, and may be above `V`. Elsewhere, where some policy surely
        ends or stays for ever where nothing is earned, the best of those; elsewhere the limits that acting equally
        often has, see `value`. +∞ where a loop that pays can be repeated at will.
        """
        every = np.ones((self.n_states, self.n_actions), dtype=bool)
        mask: Array = every if allowed is None else np.asarray(allowed, dtype=bool)
        if mask.shape != every.shape:
            raise MDPError(f"allowed has shape {mask.shape}; it must be {every.shape}")
        gamma = discount(gamma, MDPError)
        free = np.asarray(~mask.any(axis=1))
        v = best_values(Choices(self.transitions, self.rewards, self.terminal, mask | free[:, None], free), gamma)
        return self.q_from(v, gamma), v

    def greedy(self, q: Array, *, tolerance: float = 1e-9) -> Array:
        """`(S, A)`: the policy that takes the best action of `q (S, A)`, ties shared equally."""
        best = q >= q.max(axis=1, keepdims=True) - tolerance
        return np.asarray(best / best.sum(axis=1, keepdims=True))

    def optimal_policy(self, gamma: float) -> Array:
        """`(S, A)`: greedy in `Q*`, ties shared equally.

        Above γ = .999 it is greedy at .999: at γ = 1 every detour is as good as the way, and sharing those ties would
        lose it.
        """
        return self.greedy(self.optimal(min(gamma, 0.999))[0])

    # -- sampling

    def reset(self, episodes: int, rng: np.random.Generator) -> Array:
        """Initial states `(E,)`."""
        return rng.choice(self.n_states, size=episodes, p=self.initial)

    def checked_starts(self, states: Array, episodes: int) -> Array:
        """The given first states `(E,)`, none of them terminal."""
        chosen = integers("states", super().checked_starts(states, episodes))
        refuse("states", chosen >= self.n_states, chosen, f"below {self.n_states}")
        refuse("states", self.terminal[chosen], chosen, "a state that does not end the episode")
        return chosen

    def step(self, states: Array, actions: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw `s' ~ P(·|s,a)` for every episode; one search in the cumulative sum over all pairs."""
        pairs = states * self.n_actions + actions
        edges = np.searchsorted(self._cumulative, pairs + _uniform(len(pairs), rng), side="right")
        following = self.transitions.indices[edges].astype(np.intp)
        rewards = self.rewards[states, actions] if self._edge_rewards is None else self._edge_rewards[edges]
        return following, rewards, self.terminal[following]

    @cached_property
    def _cumulative(self) -> Array:
        """Row `k` of `transitions` as a cumulative distribution that rises from `k` to `k + 1`."""
        indptr = self.transitions.indptr
        rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        total = np.append(0.0, np.cumsum(self.transitions.data))
        within = total[1:] - total[indptr[rows]]
        within[indptr[1:][np.diff(indptr) > 0] - 1] = 1.0
        return np.asarray(rows + within)

    def moves(self) -> dict[str, Array]:
        """Every transition that is possible, for whoever plays this world elsewhere.

        Returns:
            `first` `(S·A + 1,)`: those of the pair `k = s·A + a` stand from place `first[k]` to before `first[k + 1]`
            in `next`, `probability` and `reward`, which have one number for each. A terminal state has none.
        """
        kept = self.transitions.data > 0
        pairs = np.repeat(np.arange(self.rewards.size), np.diff(self.transitions.indptr))[kept]
        rewards = self.rewards.ravel()[pairs] if self._edge_rewards is None else self._edge_rewards[kept]
        return {
            "first": np.append(0, np.cumsum(np.bincount(pairs, minlength=self.rewards.size))),
            "next": self.transitions.indices[kept].astype(np.intp),
            "probability": self.transitions.data[kept],
            "reward": rewards,
        }

    def actor(self, policy: Any) -> Act:
        """Probabilities `(S, A)` or a function `act(states, rng)` as the latter."""
        if callable(policy):
            return super().actor(policy)
        probabilities = self._checked(policy)
        sums = np.cumsum(probabilities, axis=1)
        table = (np.arange(self.n_states)[:, None] + sums / sums[:, -1:]).ravel()

        def act(states: Array, rng: np.random.Generator) -> Array:
            place = np.searchsorted(table, states + _uniform(len(states), rng), side="right")
            return np.asarray(place - states * self.n_actions)

        return act

    def ending(self, observation: Array) -> str:
        """The name of the terminal state; on a grid, what its letter means."""
        state = int(observation)
        if isinstance(self.layout, GridLayout):
            meaning = dict(self.layout.labels).get(self.layout.cells[self.layout.state_of_cell.index(state)])
            if meaning:
                return f"reached the {meaning.partition(',')[0]}"
        name = self.state_names[state]
        return "the episode ended" if name == "end" else f"ended in {name}"

    def details(self) -> dict[str, Any]:
        """The fields that every dataset of this world has."""
        return {
            **super().details(),
            "mdp": self,
            "features": self.features,
            "action_features": self.action_features,
        }


_DENSE_STATES = 150
"""Below this a batched dense solve beats sparse solves one by one (measured)."""


def _uniform(size: int, rng: np.random.Generator) -> Array:
    """Uniform draws that stay below 1 by more than the rounding of `row + u`, so that no draw slips into the next
    row.
    """
    return rng.random(size) * (1.0 - 1e-9)
