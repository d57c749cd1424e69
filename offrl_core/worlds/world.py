"""The base of all worlds: a simulator of many episodes at a time, and the record of what happened in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from offrl_core.columns import Array, discount
from offrl_core.dataset import Dataset
from offrl_core.interfaces import Layout

Result = TypeVar("Result")
Act = Callable[[Array, np.random.Generator], Array]
"""`act(observations (E, …), rng) -> actions (E,)`: one decision for every episode still running."""


class TooManyRows(ValueError):
    """More transitions than were allowed."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """`E` episodes side by side, padded to the longest.

    Attributes:
        observations: `(T+1, E)` states or `(T+1, E, D)` vectors; after an episode's end its last one is repeated.
        actions: `(T, E)` intp, −1 where the episode is over.
        rewards: `(T, E)` float64, 0 where the episode is over.
        alive: `(T, E)` bool: a transition took place.
        terminated: `(E,)` bool: the MDP ended, rather than the time.
    """

    observations: Array
    actions: Array
    rewards: Array
    alive: Array
    terminated: Array

    @property
    def lengths(self) -> Array:
        """`(E,)` number of transitions of each episode."""
        return np.asarray(self.alive.sum(axis=0))

    def returns(self, gamma: float) -> Array:
        """`(E,)` the discounted return `Σ_t γ^t r_{t+1}` of each episode."""
        return np.asarray(discount(gamma) ** np.arange(len(self.rewards)) @ self.rewards)


def exhaust(work: Generator[None, None, Result]) -> Result:
    """Run a generator to its end and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Result = done.value
            return result


class Simulator(ABC):
    """A world given by its one-step dynamics, vectorised over episodes.

    Subclasses give `reset`, `step` and, where the observation is not the state itself, `observe`; the rest is here.
    """

    n_actions: int
    action_names: tuple[str, ...] = ()
    observation_names: tuple[str, ...] = ()
    layout: Layout | None = None
    name: str = "world"
    time_limit: int = 200
    """How many steps an episode is usually given; running out of them is a truncation."""

    @abstractmethod
    def reset(self, episodes: int, rng: np.random.Generator) -> Array:
        """Initial states `(E, …)`."""

    @abstractmethod
    def step(self, states: Array, actions: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Next states `(E, …)`, rewards `(E,)`, terminated `(E,)`."""

    def observe(self, states: Array) -> Array:
        """What the agent sees of `states`."""
        return states

    def controller(self, gamma: float) -> Act | None:
        """The best known way to act, where there is one."""
        return None

    def imitate(self, dataset: Dataset) -> Act | None:
        """A policy that acts as the data does, where the world can tell from the observation."""
        return None

    def ending(self, observation: Array) -> str:
        """In words, what has happened where an episode terminated on arriving at `observation`."""
        return "the episode ended"

    def play(
        self, act: Act, states: Array, horizon: int, rng: np.random.Generator, max_rows: int | None = None
    ) -> Steps:
        """Act from `states` until every episode has terminated or `horizon` transitions have passed.

        Raises:
            TooManyRows: more than `max_rows` transitions.
        """
        return exhaust(self.playing(act, states, horizon, rng, max_rows))

    def playing(
        self, act: Act, states: Array, horizon: int, rng: np.random.Generator, max_rows: int | None = None
    ) -> Generator[None, None, Steps]:
        """`play` as a generator that yields after every time step and returns the steps."""
        steps, rows = Steps(len(states)), 0
        running = np.arange(len(states))
        seen = self.observe(states)
        for _ in range(_whole("horizon", horizon)):
            rows += len(running)
            if max_rows is not None and rows > max_rows:
                raise TooManyRows(f"more than {max_rows} transitions")
            actions = self._checked_actions(act(seen, rng), len(running))
            states, rewards, terminated = self.step(states, actions, rng)
            following = self.observe(states)
            steps.add(running, seen, actions, rewards, following, terminated)
            if terminated.any():
                going = ~terminated
                running, states, seen = running[going], states[going], following[going]
                if not len(running):
                    break
            else:
                seen = following
            yield
        return steps

    def _checked_actions(self, actions: Array, running: int) -> Array:
        """The policy's actions `(E,)`, one for each running episode, each of them possible."""
        decided = np.asarray(actions)
        if decided.shape != (running,) or decided.dtype.kind not in "iu":
            raise ValueError(
                f"the policy gave {decided.dtype} of shape {decided.shape}: it must give one whole number for each of "
                f"{running} episodes"
            )
        if decided.min() < 0 or decided.max() >= self.n_actions:
            wrong = decided.min() if decided.min() < 0 else decided.max()
            raise ValueError(f"the policy chose action {wrong}: it must be from 0 to {self.n_actions - 1}")
        return decided.astype(np.intp, copy=False)

    def checked_starts(self, states: Array, episodes: int) -> Array:
        """The given first states `(E, …)` of `episodes` episodes.

        Raises:
            ValueError: they are not one for each episode.
        """
        states = np.asarray(states)
        if states.ndim == 0 or len(states) != episodes:
            raise ValueError(f"states has shape {states.shape}: it must hold one for each of {episodes} episodes")
        return states

    def _begin(self, episodes: int, seed: int, states: Array | None) -> tuple[Array, np.random.Generator]:
        """The first states of `episodes` episodes, and what draws the rest."""
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed = {seed!r} is not allowed: it must be a whole number, 0 or above")
        rng = np.random.default_rng(seed)
        episodes = _whole("episodes", episodes)
        return self.reset(episodes, rng) if states is None else self.checked_starts(states, episodes), rng

    def sample(
        self, policy: Any, episodes: int, horizon: int, seed: int, *, states: Array | None = None, **details: Any
    ) -> Dataset:
        """Collect `episodes` episodes of at most `horizon` transitions; time running out is a truncation.

        Args:
            policy: `act(observations, rng) -> actions`; worlds with numbered states also take `(S, A)` probabilities.
            episodes, horizon, seed: how many, how long at most, and the random seed.
            states: where the episodes begin, `(episodes, …)`; drawn from the world's initial distribution by default.
            details: fields of `Dataset`.

        Raises:
            ValueError: an argument is out of range, or the policy decides for an action that there is not.
        """
        start, rng = self._begin(episodes, seed, states)
        columns: dict[str, Any] = self.play(self.actor(policy), start, horizon, rng).columns()
        return Dataset.from_columns(**columns, **{**self.details(), **details})

    def rollout(self, act: Any, episodes: int, horizon: int, seed: int, *, states: Array | None = None) -> Rollout:
        """Play `episodes` episodes of at most `horizon` transitions and keep them side by side; as `sample`."""
        start, rng = self._begin(episodes, seed, states)
        return self.play(self.actor(act), start, horizon, rng).rollout()

    def actor(self, policy: Any) -> Act:
        """`policy` as a function `act(observations, rng) -> actions`."""
        if not callable(policy):
            raise TypeError(f"a policy of {self.name} is a function act(observations, rng) -> actions, not {policy!r}")
        act: Act = policy
        return act

    def details(self) -> dict[str, Any]:
        """The fields that every dataset of this world has."""
        return {
            "n_actions": self.n_actions,
            "action_names": self.action_names,
            "observation_names": self.observation_names,
            "layout": self.layout,
            "world": self,
            "name": self.name,
        }


class Steps:
    """Transitions as they happen: many episodes per time step, put in episode order at the end."""

    def __init__(self, episodes: int) -> None:
        self.episodes = episodes
        self.pieces: list[tuple[Array, ...]] = []

    def add(self, *piece: Array) -> None:
        """One time step of the running episodes: `(episode, observation, action, reward, next, terminated)`."""
        self.pieces.append(piece)

    def columns(self) -> dict[str, Array]:
        """The transitions episode after episode, as `Dataset.from_columns` takes them."""
        lengths = np.zeros(self.episodes, dtype=np.intp)
        for piece in self.pieces:
            lengths[piece[0]] += 1
        starts = np.cumsum(lengths) - lengths
        rows = int(lengths.sum())
        names = ("observations", "actions", "rewards", "next_observations", "terminations")
        out = {
            name: np.empty((rows, *first.shape[1:]), dtype=first.dtype)
            for name, first in zip(names, self.pieces[0][1:], strict=True)
        }
        for time, (episode, *values) in enumerate(self.pieces):
            place = starts[episode] + time
            for name, value in zip(names, values, strict=True):
                out[name][place] = value
        out["truncations"] = np.zeros(rows, dtype=bool)
        last = starts + lengths - 1
        out["truncations"][last] = ~out["terminations"][last]
        return out

    def rollout(self) -> Rollout:
        """The transitions side by side."""
        time, episodes = len(self.pieces), self.episodes
        first = self.pieces[0][1]
        observations = np.empty((time + 1, episodes, *first.shape[1:]), dtype=first.dtype)
        observations[0] = first
        actions = np.full((time, episodes), -1, dtype=np.intp)
        rewards = np.zeros((time, episodes))
        alive = np.zeros((time, episodes), dtype=bool)
        terminated = np.zeros(episodes, dtype=bool)
        for t, (episode, _, action, reward, following, ended) in enumerate(self.pieces):
            observations[t + 1] = observations[t]
            observations[t + 1, episode] = following
            actions[t, episode], rewards[t, episode], alive[t, episode] = action, reward, True
            terminated[episode] = ended
        return Rollout(observations, actions, rewards, alive, terminated)


def _whole(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} = {value!r} is not allowed: it must be a whole number, 1 or more")
    return int(value)


def check_policy(policy: npt.ArrayLike, n_states: int, n_actions: int, terminal: Array | None = None) -> Array:
    """`policy` as float64 probabilities `(…, S, A)`; in `terminal (S,)` states, where nothing is done, any row passes.

    Raises:
        ValueError: the shape is wrong, or a row is not a distribution (the message names state and row).
    """
    try:
        probabilities = np.asarray(policy, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"policy must be an array of probabilities: {error}") from error
    if probabilities.shape[-2:] != (n_states, n_actions):
        raise ValueError(f"policy has shape {probabilities.shape}; it must be (…, {n_states}, {n_actions})")
    if terminal is not None and terminal.any():
        probabilities = np.where(terminal[:, None], 1.0 / n_actions, probabilities)
    sums = probabilities.sum(axis=-1)
    bad = ~(np.isclose(sums, 1.0, atol=1e-4) & (probabilities >= 0).all(axis=-1))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        row = probabilities[where].round(6).tolist()
        raise ValueError(f"policy in state {where[-1]} is {row}: probabilities must be 0 or above and sum to 1")
    return np.asarray(probabilities / sums[..., None])
