"""Collecting: the policies that record a dataset, alone or mixed in chosen shares, drawn or played by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offrl_core.dataset import Array, Dataset
from offrl_core.declarations import HyperparameterError
from offrl_core.worlds.layout import GridLayout
from offrl_core.worlds.tabular import TabularMDP
from offrl_core.worlds.world import Act, Simulator, Steps, TooManyRows

MAX_ROWS = 1_500_000
"""No dataset of the catalogue is longer: a link must not be able to fill the memory."""

ARROWS = "^>v<"


@dataclass(frozen=True, eq=False)
class Behavior:
    """One behaviour policy of a mix.

    Attributes:
        name: shown beside the episodes it collected.
        policy: `(S, A)` probabilities, or `act(observations, rng) -> actions`.
        share: its share of the episodes, relative to the other shares.
        start: `(episodes, rng) -> states` its episodes start from; by default the world's initial distribution.
    """

    name: str
    policy: Any
    share: float = 1.0
    start: Callable[[int, np.random.Generator], Array] | None = None


def uniform(world: TabularMDP) -> Array:
    """`(S, A)`: every action equally likely."""
    return np.full((world.n_states, world.n_actions), 1.0 / world.n_actions)


def noisy(policy: Array, epsilon: float) -> Array:
    """`(1 − ε)·π + ε·uniform`: with probability `epsilon` any action, all equally likely."""
    return np.asarray((1.0 - epsilon) * policy + epsilon / policy.shape[-1])


def noisy_act(act: Act, epsilon: float, n_actions: int) -> Act:
    """`act`, but with probability `epsilon` any action, all equally likely."""

    def acting(observations: Array, rng: np.random.Generator) -> Array:
        chosen = act(observations, rng)
        random = rng.integers(n_actions, size=len(observations))
        return np.where(rng.random(len(observations)) < epsilon, random, chosen)

    return acting


def random_act(n_actions: int) -> Act:
    """Every action equally likely."""
    return lambda observations, rng: rng.integers(n_actions, size=len(observations))


def softmax(q: Array, temperature: float) -> Array:
    """`π(a|s) ∝ exp(Q(s,a)/temperature)`, computed in log space."""
    weights = np.exp((q - q.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def drawn(world: TabularMDP, text: str) -> Array:
    """`(S, A)`: a policy drawn on a grid, one character a cell: an arrow of `^>v<`, or `.` for any action.

    Characters in walls are not looked at; rows may be parted by `/` or line breaks. Nothing drawn is any action
    everywhere.

    Raises:
        HyperparameterError: the number of cells is wrong, or a character is none of these.
    """
    layout = world.layout
    assert isinstance(layout, GridLayout)
    cells = re.sub(r"[/\r\n]", "", text)
    if cells and len(cells) != layout.rows * layout.cols:
        raise HyperparameterError(
            f"drawn has {len(cells)} cells: it must have {layout.rows} × {layout.cols} = {layout.rows * layout.cols}"
        )
    steps = dict(zip(ARROWS, ((-1, 0), (0, 1), (1, 0), (0, -1)), strict=True))
    policy = uniform(world)
    for place, (character, state) in enumerate(zip(cells, layout.state_of_cell, strict=False)):
        if state < 0 or character == ".":
            continue
        if character not in steps:
            row, column = divmod(place, layout.cols)
            raise HyperparameterError(f"drawn, cell ({row},{column}): {character!r} is not allowed: one of ^ > v < .")
        policy[state] = np.eye(world.n_actions)[layout.directions.index(steps[character])]
    return policy


class Player:
    """A person acting in a world, one step at a time; what was played can be written down and replayed exactly.

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
        """What the player sees now: a state number or a vector."""
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


def replay(world: Simulator, text: str) -> list[Player]:
    """Play the episodes of `text` again: `seed:actions` or `seed@state:actions`, parted by `;` or line breaks.

    Raises:
        HyperparameterError: a malformed episode, an impossible action, or actions after the end; names episode and
            step.
    """
    episodes = [piece.strip() for piece in re.split(r"[;\n]", text) if piece.strip()]
    if not episodes:
        raise HyperparameterError("own is empty: play an episode first (seed:actions, parted by ;)")
    players = []
    for number, episode in enumerate(episodes):
        match = _EPISODE.fullmatch(episode)
        if match is None:
            raise HyperparameterError(f"own, episode {number}: {episode[:20]!r} is not of the form seed:actions")
        seed, state, actions = match.groups()
        try:
            player = Player(world, int(seed), None if state is None else int(state))
            for action in actions:
                player.step(_DIGITS.index(action))
        except HyperparameterError as error:
            raise HyperparameterError(f"own, episode {number}: {error}") from None
        players.append(player)
    return players


def split(episodes: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers of episodes that sum to `episodes`, as near to the shares as possible (largest remainder)."""
    exact = episodes * np.asarray(shares, dtype=np.float64) / sum(shares)
    numbers = np.floor(exact + 1e-9).astype(int)
    for index in np.argsort(-(exact - numbers), kind="stable")[: episodes - int(numbers.sum())]:
        numbers[index] += 1
    return [int(n) for n in numbers]


def collect(world: Simulator, behaviors: Sequence[Behavior], episodes: int, horizon: int, seed: int) -> Dataset:
    """Record `episodes` episodes of at most `horizon` steps, shared out among `behaviors`.

    `Dataset.behaviors` says which behaviour collected each episode. The policies are kept with the data where all of
    them start from the world's own initial states.

    Raises:
        HyperparameterError: more than `MAX_ROWS` transitions.
    """
    seeds = np.random.SeedSequence(seed).spawn(len(behaviors))
    numbers = split(episodes, [b.share for b in behaviors])
    parts: list[dict[str, Array]] = []
    rows = MAX_ROWS
    for behavior, number, source in zip(behaviors, numbers, seeds, strict=True):
        if number == 0:
            continue
        rng = np.random.default_rng(source)
        start = (behavior.start or world.reset)(number, rng)
        try:
            parts.append(world.play(world.actor(behavior.policy), start, horizon, rng, rows).columns())
        except TooManyRows:
            raise HyperparameterError(
                f"{episodes} episodes of up to {horizon} steps are more than {MAX_ROWS} rows: choose fewer or shorter"
            ) from None
        rows -= len(parts[-1]["actions"])
    policies: Any = None
    if all(b.start is None for b in behaviors):
        tables = all(isinstance(b.policy, np.ndarray) for b in behaviors)
        policies = np.stack([b.policy for b in behaviors]) if tables else tuple(b.policy for b in behaviors)
    return _assemble(
        world,
        parts,
        np.repeat(np.arange(len(behaviors)), numbers),
        tuple(b.name for b in behaviors),
        policies,
    )


def _assemble(
    world: Simulator, parts: Sequence[Mapping[str, Array]], who: Array, names: tuple[str, ...], policies: Any
) -> Dataset:
    columns: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    details = {"behaviors": who, "behavior_names": names, "behavior_policies": policies}
    return Dataset.from_columns(**columns, **{**world.details(), **details})


def record(
    world: Simulator, available: Mapping[str, Callable[[], Sequence[Behavior]]], chosen: Mapping[str, Any], seed: int
) -> Dataset:
    """Collect as the options say.

    Args:
        world: where to act.
        available: behaviour name → what collects under that name.
        chosen: the options `behavior`, `episodes`, `horizon`; `mix_<name>` are the shares where `behavior` is `mix`;
            `own` holds the episodes where it is `own`.
        seed: of all randomness.

    Raises:
        HyperparameterError: the shares of a mix are all 0, or a person's own episodes are not valid.
    """
    name = chosen["behavior"]
    if name == "own":
        players = replay(world, chosen["own"])
        parts = [player.steps.columns() for player in players]
        return _assemble(world, parts, np.zeros(len(players), dtype=np.int64), ("own",), None)
    if name != "mix":
        return collect(world, available[name](), chosen["episodes"], chosen["horizon"], seed)
    mix = []
    for part, make in available.items():
        share = float(chosen.get(f"mix_{part}", 0.0))
        if share > 0:
            behaviors = make()
            total = sum(b.share for b in behaviors)
            mix += [Behavior(b.name, b.policy, share * b.share / total, b.start) for b in behaviors]
    if not mix:
        names = ", ".join(n for n in chosen if n.startswith("mix_"))
        raise HyperparameterError(f"a mix needs a share above 0 among {names}")
    return collect(world, mix, chosen["episodes"], chosen["horizon"], seed)
