"""Films: a few episodes of a policy in its world, recorded step by step for the screen."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from offrl_core.dataset import Array, Dataset
from offrl_core.evaluation.rollouts import draw
from offrl_core.worlds.world import Act, Simulator, exhaust

EPISODES = 6
MAX_HORIZON = 1000


def about(dataset: Dataset) -> dict[str, Any]:
    """What a viewer must know of films here: `world, horizon`, and `why_not`, which is empty where there can be one."""
    world = world_of(dataset)
    if world is None:
        return {"world": "", "horizon": 0, "why_not": "the world of this data is unknown: nobody can walk in it"}
    if world.time_limit == 1:
        why = "an episode is a single decision here: there is no way to watch"
        return {"world": world.name, "horizon": 1, "why_not": why}
    horizon = int(dataset.options.get("horizon", world.time_limit))
    return {"world": world.name, "horizon": min(horizon, MAX_HORIZON), "why_not": ""}


def world_of(dataset: Dataset) -> Simulator | None:
    """The world that the data came from, where it is known."""
    world = dataset.mdp if dataset.mdp is not None else dataset.world
    return world if isinstance(world, Simulator) else None


@dataclass(frozen=True, eq=False)
class Film:
    """`E` episodes of one policy from the world's own starts, padded to the longest, `T` steps.

    Attributes:
        seed: of the starts, the world's chance and the policy's draws: the same seed gives the same film.
        horizon: after how many steps an episode was cut.
        observations: `(T+1, E)` states or `(T+1, E, D)` vectors; after an episode's end its last one is repeated.
        actions: `(T, E)` intp, −1 where the episode is over.
        rewards: `(T, E)`, 0 where the episode is over.
        lengths: `(E,)` transitions of each episode.
        terminated: `(E,)` bool: the world ended the episode, rather than the horizon.
        endings: how each episode ended, in words.
    """

    seed: int
    horizon: int
    observations: Array
    actions: Array
    rewards: Array
    lengths: Array
    terminated: Array
    endings: tuple[str, ...]

    def returns(self, gamma: float) -> Array:
        """`(E,)` the discounted return `Σ_t γ^t r_{t+1}` of each episode."""
        return np.asarray(gamma ** np.arange(len(self.rewards)) @ self.rewards)


def film(
    world: Simulator,
    policy: Array | Callable[[Array], Array],
    horizon: int,
    seed: int = 0,
    *,
    episodes: int = EPISODES,
) -> Film:
    """Play `episodes` episodes of at most `horizon` steps in `world`.

    Args:
        world: where to play.
        policy: `(S, A)` probabilities over the states of a tabular world, or a function of observations
            `(N, …) → (N, A)`.
        horizon, seed, episodes: see `Film`.

    Raises:
        ValueError: a probability is not finite, or the table does not fit the world.
    """
    return exhaust(filming(world, policy, horizon, seed, episodes=episodes))


def filming(
    world: Simulator,
    policy: Array | Callable[[Array], Array],
    horizon: int,
    seed: int = 0,
    *,
    episodes: int = EPISODES,
) -> Generator[None, None, Film]:
    """`film`, with a rest after every time step; the film is the generator's return value."""
    if not callable(policy) and not np.isfinite(policy).all():
        raise ValueError(_NOT_FINITE)
    act = _drawn(policy) if callable(policy) else world.actor(policy)
    rng = np.random.default_rng(seed)
    steps = yield from world.playing(act, world.reset(episodes, rng), horizon, rng)
    played = steps.rollout()
    endings = tuple(
        world.ending(last) if ended else f"time ran out after {horizon} steps"
        for last, ended in zip(played.observations[-1], played.terminated, strict=True)
    )
    return Film(
        seed=seed,
        horizon=horizon,
        observations=played.observations,
        actions=played.actions,
        rewards=played.rewards,
        lengths=played.lengths,
        terminated=played.terminated,
        endings=endings,
    )


_NOT_FINITE = "the policy's probabilities are not finite numbers: it cannot act"


def _drawn(policy: Callable[[Array], Array]) -> Act:
    """Actions drawn from a function that gives probabilities."""

    def act(observations: Array, rng: np.random.Generator) -> Array:
        probabilities = np.asarray(policy(observations), dtype=np.float64)
        if not np.isfinite(probabilities).all():
            raise ValueError(_NOT_FINITE)
        return draw(probabilities, rng)

    return act
