"""Policy iteration: the values of the best policy of a finite MDP, at γ = 1 of the best one that ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from offrl_core import sparse
from offrl_core.columns import Array
from offrl_core.worlds.arrays import MDPError
from offrl_core.worlds.chain import absorbed_value, chain_value, closed_classes, loop_values, spread

_ITERATIONS = 1000
_ROUNDING = 1e-13
"""What is not above this, relative to the terms that it is the sum of, is no gain."""


@dataclass(frozen=True)
class Choices:
    """What may be done where.

    Attributes:
        transitions: `(S·A, S)` sparse `P(s'|s,a)`; empty rows where an episode is over.
        rewards: `(S, A)` expected.
        terminal: `(S,)` bool.
        allowed: `(S, A)` bool: the actions to choose from.
        fixed: `(S,)` bool: states in which nothing is chosen: their allowed actions are taken equally often.
    """

    transitions: sparse.csr_matrix
    rewards: Array
    terminal: Array
    allowed: Array
    fixed: Array

    def under(self, policy: Array) -> tuple[sparse.csr_matrix, Array]:
        """`P_π (S, S)` and `R_π (S,)` of `policy (S, A)`."""
        return under(self.transitions, policy), np.asarray((policy * self.rewards).sum(axis=1))

    def uniform(self) -> Array:
        """`(S, A)`: the allowed actions equally often; 0 where none is."""
        return np.asarray(self.allowed / np.maximum(self.allowed.sum(axis=1, keepdims=True), 1))

    def within(self, states: Array) -> Choices:
        """Only what surely stays in `states (S,)` or ends the episode there."""
        outside = (self.transitions @ (~states).astype(np.float64) > 0).reshape(self.allowed.shape)
        stays = np.where(self.fixed[:, None], ~(outside & self.allowed).any(axis=1, keepdims=True), ~outside)
        return replace(self, allowed=self.allowed & stays & states[:, None])

    def reaching(self, targets: Array) -> tuple[Array, Choices]:
        """The states from which some policy surely reaches `targets (S,)`, those included, and what such a policy may
        do there: whatever does not lead out of these states."""
        states, safe = np.ones(len(targets), dtype=bool), self
        while True:
            safe = self.within(states)
            reached = spread(targets, safe.under(safe.uniform())[0])
            if (reached == states).all():
                return states, safe
            states = reached


def under(transitions: sparse.csr_matrix, policy: Array) -> sparse.csr_matrix:
    """`P_π (S, S)`: the state transitions of `policy (S, A)`, sparse."""
    states, actions = policy.shape
    rows, columns = np.nonzero(policy)
    choose = sparse.csr_matrix(
        (policy[rows, columns], (rows, rows * actions + columns)), shape=(states, states * actions)
    )
    moves = (choose @ transitions).tocsr()
    moves.eliminate_zeros()
    return moves


def best_values(choices: Choices, gamma: float) -> Array:
    """`V (S,)` of the best policy.

    At γ = 1 these are, one after the other: where some policy surely ends, the best of those that do (so that going
    round for nothing is no way to avoid a cost); elsewhere, where some policy surely ends or stays for ever where
    nothing is earned, the best of those, staying being worth 0; elsewhere the limits that acting equally often has. +∞
    where a loop that pays on average can be repeated at will.

    Raises:
        MDPError: it does not settle.
    """
    ended, values = choices.terminal, np.zeros(len(choices.terminal))
    nowhere = np.zeros_like(ended)
    if gamma < 1.0:
        return _improved(choices, ~ended, nowhere, values, gamma)
    ending, safe = choices.reaching(ended)
    values = _improved(safe, ending & ~ended, nowhere, values, gamma)
    if ending.all():
        return values
    idle = _idle(choices, ~ending)
    settling, safe = choices.reaching(ending | idle)
    values = _improved(safe, settling & ~ending, idle, values, gamma)
    if settling.all():
        return values
    # Nothing settles here. A loop that pays shows itself where stopping is allowed everywhere.
    rest = ~settling
    paying = _improved(choices, rest, rest, np.where(np.isfinite(values), values, 0.0), gamma) == np.inf
    limits = chain_value(*choices.under(choices.uniform()), choices.terminal, gamma)
    return np.where(rest, np.where(paying, np.inf, limits), values)


def _idle(choices: Choices, states: Array) -> Array:
    """`(S,)` bool: those of `states` in which some policy stays for ever and earns nothing on the way."""
    free = choices.allowed & (choices.rewards == 0)
    free &= ~choices.fixed[:, None] | (free == choices.allowed).all(axis=1, keepdims=True)
    idle, inside = states, replace(choices, allowed=free).within(states)
    while (idle & ~inside.allowed.any(axis=1)).any():
        idle = np.asarray(inside.allowed.any(axis=1))
        inside = inside.within(idle)
    return idle


def _improved(choices: Choices, inside: Array, stops: Array, values: Array, gamma: float) -> Array:
    """`values (S,)`, but in the states `inside` those of the best policy that surely leaves them.

    It starts from a policy that does: stopping in `stops`, which is worth 0, and elsewhere any allowed action. Only
    what earns more is switched to, so that every policy on the way leaves; one that does not has found a loop that
    pays, unless rounding found it.
    """
    values = values.copy()
    everything = under(choices.transitions, choices.uniform())
    inside = _lifted(values == np.inf, everything, inside, values)
    policy, stopped = choices.uniform(), inside & stops
    values[stopped] = 0.0
    before: Array | None = None
    for _ in range(_ITERATIONS):
        moves, rewards = choices.under(policy)
        values = absorbed_value(moves, rewards, inside & ~stopped, values, gamma)
        if before is not None and not _rises(before[inside], values[inside]):
            return values
        gain = np.where(inside[:, None], _gain(choices, values, gamma), -np.inf)
        best = gain.argmax(axis=1)
        better = gain[np.arange(len(best)), best] > 0
        if not better.any():
            return values
        before, was, rested = values.copy(), policy.copy(), stopped
        policy[better] = np.eye(policy.shape[1])[best[better]]
        stopped = stopped & ~better
        if gamma == 1.0:
            moves, rewards = choices.under(policy)
            staying = inside & ~stopped
            staying &= ~spread(~staying, moves)
            loops = closed_classes(moves) & staying
            inside = _lifted(loops & (loop_values(moves, rewards, loops) == np.inf), everything, inside, values)
            policy[staying], stopped = was[staying], stopped | (rested & staying)
    raise MDPError(f"policy iteration did not settle within {_ITERATIONS} improvements")


def _lifted(unbounded: Array, everything: sparse.csr_matrix, inside: Array, values: Array) -> Array:
    """Give every state of `inside` from which something `unbounded` can be reached its value, and return the others."""
    lifted = inside & spread(unbounded, everything)
    values[lifted] = np.inf
    return np.asarray(inside & ~lifted)


def _gain(choices: Choices, values: Array, gamma: float) -> Array:
    """`(S, A)`: what an action earns more than `V` if `V` follows, `R + γ Σ P (V(s') − V(s)) − (1 − γ) V(s)`; −∞ where
    it is not allowed, or the gain is no more than rounding."""
    edges = choices.transitions.tocoo()
    pairs, actions = choices.rewards.size, choices.rewards.shape[1]
    known = np.where(np.isfinite(values), values, 0.0)
    here, there = known[edges.row // actions], known[edges.col]
    apart = edges.data * (edges.row // actions != edges.col)
    ahead = np.bincount(edges.row, apart * (there - here), pairs).reshape(choices.rewards.shape)
    terms = np.bincount(edges.row, apart * (np.abs(there) + np.abs(here)), pairs).reshape(choices.rewards.shape)
    now = (1.0 - gamma) * known[:, None]
    gain = choices.rewards + gamma * ahead - now
    margin = _ROUNDING * (np.abs(choices.rewards) + gamma * terms + np.abs(now))
    return np.where(choices.allowed & ~choices.fixed[:, None] & (gain > margin), gain, -np.inf)


def _rises(before: Array, after: Array) -> bool:
    """Whether values have risen by more than rounding: an improvement raises some and lowers none."""
    size = np.abs(before) + np.abs(after)
    return bool(np.sum((after - before) / np.where(size > 0, size, 1.0)) > 1e-12)
