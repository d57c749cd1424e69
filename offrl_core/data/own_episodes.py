"""Episodes played by hand, and how they stand in a link."""

from __future__ import annotations

import re

import numpy as np

from offrl_core.dataset import Array
from offrl_core.declarations import HyperparameterError
from offrl_core.worlds.tabular import TabularMDP
from offrl_core.worlds.world import Simulator, Steps


class OwnEpisode:
    """An episode played by hand, one step at a time; it can be written down and replayed exactly.

    Args:
        world: where to play.
        seed: of the world's randomness in this episode.
        state: where to begin (worlds with numbered states); by default the world's initial distribution decides.

    Raises:
        HyperparameterError: the state does not exist or ends the episode at once.
    """

    def __init__(self, world: Simulator, seed: int = 0, state: int | None = None) -> None:
        self.world, self.seed, self.start = world, seed, state
        self.rng = np.random.default_rng(seed)
        if state is None:
            self.states = world.reset(1, self.rng)
        elif not isinstance(world, TabularMDP) or not 0 <= state < world.n_states or world.terminal[state]:
            raise HyperparameterError(f"an episode cannot start in state {state}")
        else:
            self.states = np.array([state])
        self.actions: list[int] = []
        self.over = False
        self.steps = Steps(1)

    @property
    def observation(self) -> Array:
        """The current observation: a state number or a vector."""
        return np.asarray(self.world.observe(self.states)[0])

    def step(self, action: int) -> float:
        """Take `action` and return the reward.

        Raises:
            HyperparameterError: the action does not exist, or the episode is over.
        """
        if self.over:
            raise HyperparameterError(f"step {len(self.actions)}: the episode was over")
        if not 0 <= action < self.world.n_actions:
            raise HyperparameterError(
                f"step {len(self.actions)}: action {action} is not allowed: "
                f"it must be from 0 to {self.world.n_actions - 1}"
            )
        before = self.world.observe(self.states)
        self.states, rewards, ended = self.world.step(self.states, np.array([action]), self.rng)
        self.steps.add(np.array([0]), before, np.array([action]), rewards, self.world.observe(self.states), ended)
        self.actions.append(action)
        self.over = bool(ended[0])
        return float(rewards[0])

    @property
    def text(self) -> str:
        """The episode as it stands in a link: `seed:actions`, or `seed@state:actions`; an action is one of `0…9a…z`."""
        start = "" if self.start is None else f"@{self.start}"
        return f"{self.seed}{start}:" + "".join(_DIGITS[a] for a in self.actions)


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_EPISODE = re.compile(r"([0-9]{1,9})(?:@([0-9]{1,6}))?:([0-9a-z]+)")


def replay(world: Simulator, text: str) -> list[OwnEpisode]:
    """Play the episodes of `text` again: `seed:actions` or `seed@state:actions`, parted by `;` or line breaks.

    Raises:
        HyperparameterError: a malformed episode, an impossible action, or actions after the end; names episode and
            step.
    """
    written = [piece.strip() for piece in re.split(r"[;\n]", text) if piece.strip()]
    if not written:
        raise HyperparameterError("own is empty: play an episode first (seed:actions, parted by ;)")
    episodes = []
    for number, one in enumerate(written):
        match = _EPISODE.fullmatch(one)
        if match is None:
            raise HyperparameterError(f"own, episode {number}: {one[:20]!r} is not of the form seed:actions")
        seed, state, actions = match.groups()
        try:
            episode = OwnEpisode(world, int(seed), None if state is None else int(state))
            for action in actions:
                episode.step(_DIGITS.index(action))
        except HyperparameterError as error:
            raise HyperparameterError(f"own, episode {number}: {error}") from None
        episodes.append(episode)
    return episodes
