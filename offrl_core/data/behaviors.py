"""Collecting: the policies that record a dataset, alone or mixed in chosen shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offrl_core.data.dataset import Array, Dataset
from offrl_core.worlds.tabular import TabularMDP
from offrl_core.worlds.world import Simulator


@dataclass(frozen=True, eq=False)
class Behavior:
    """One behaviour policy of a mix.

    Attributes:
        name: shown beside the episodes it collected.
        policy: `(S, A)` probabilities, or `act(observations, rng) -> actions`.
        share: its share of the episodes, relative to the other shares.
        states: the states its episodes start from in turn; by default drawn from the world's initial distribution.
    """

    name: str
    policy: Any
    share: float = 1.0
    states: tuple[int, ...] = ()


def uniform(world: TabularMDP) -> Array:
    """`(S, A)`: every action equally likely."""
    return np.full((world.n_states, world.n_actions), 1.0 / world.n_actions)


def noisy(policy: Array, epsilon: float) -> Array:
    """`(1 − ε)·π + ε·uniform`: with probability `epsilon` any action, all equally likely."""
    return (1.0 - epsilon) * policy + epsilon / policy.shape[-1]


def softmax(q: Array, temperature: float) -> Array:
    """`π(a|s) ∝ exp(Q(s,a)/temperature)`, computed in log space."""
    logits = (q - q.max(axis=-1, keepdims=True)) / temperature
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def split(episodes: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers of episodes that sum to `episodes`, as near to the shares as possible (largest remainder)."""
    exact = episodes * np.asarray(shares, dtype=np.float64) / sum(shares)
    numbers = np.floor(exact + 1e-9).astype(int)
    for index in np.argsort(-(exact - numbers), kind="stable")[: episodes - int(numbers.sum())]:
        numbers[index] += 1
    return [int(n) for n in numbers]


def collect(
    world: Simulator, behaviors: Sequence[Behavior], episodes: int, horizon: int, seed: int, **details: Any
) -> Dataset:
    """Record `episodes` episodes of at most `horizon` steps, shared out among `behaviors`.

    `Dataset.behaviors` says which behaviour collected each episode. The exact policies are kept with the data where all
    of them are Markov and start from the world's own initial states.
    """
    seeds = np.random.SeedSequence(seed).spawn(len(behaviors))
    parts: list[tuple[int, dict[str, Array]]] = []
    for index, (behavior, number) in enumerate(
        zip(behaviors, split(episodes, [b.share for b in behaviors]), strict=True)
    ):
        if number == 0:
            continue
        rng = np.random.default_rng(seeds[index])
        start = np.resize(np.array(behavior.states), number) if behavior.states else world.reset(number, rng)
        parts.append((index, world.play(world.actor(behavior.policy), start, horizon, rng).columns()))
    columns = {name: np.concatenate([part[name] for _, part in parts]) for name in parts[0][1]}
    ends = [int((part["terminations"] | part["truncations"]).sum()) for _, part in parts]
    markov = all(isinstance(b.policy, np.ndarray) and not b.states for b in behaviors)
    return Dataset.from_columns(
        **columns,
        **{
            **world.details(),
            "behaviors": np.repeat([index for index, _ in parts], ends),
            "behavior_names": tuple(b.name for b in behaviors),
            "behavior_policies": np.stack([b.policy for b in behaviors]) if markov else None,
            **details,
        },
    )
