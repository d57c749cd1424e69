"""Behaviour policies, and how datasets are collected with them: alone, mixed in shares, drawn, or played by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from offrl_core.data.own_episodes import replay
from offrl_core.dataset import Array, Dataset
from offrl_core.declarations import HyperparameterError
from offrl_core.worlds.layout import GridLayout
from offrl_core.worlds.tabular import TabularMDP
from offrl_core.worlds.world import Act, Simulator, TooManyRows

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


Collecting = Callable[[], Sequence[Behavior]]
"""What collects under one name: several behaviours where an entry mixes them itself."""


def uniform(world: TabularMDP) -> Array:
    """`(S, A)`: every action equally likely."""
    return np.full((world.n_states, world.n_actions), 1.0 / world.n_actions)


def noisy(policy: Array, epsilon: float) -> Array:
    """`(1 − ε)·π + ε·uniform`: with probability `epsilon` any action, all equally likely."""
    return np.asarray((1.0 - epsilon) * policy + epsilon / policy.shape[-1])


def noisy_act(act: Act, epsilon: float, n_actions: int) -> Act:
    """`act`, but with probability `epsilon` any action, all equally likely."""
    return partial(_acting, act, epsilon, n_actions)


def _acting(act: Act, epsilon: float, n_actions: int, observations: Array, rng: np.random.Generator) -> Array:
    chosen = act(observations, rng)
    random = rng.integers(n_actions, size=len(observations))
    return np.where(rng.random(len(observations)) < epsilon, random, chosen)


def random_act(n_actions: int) -> Act:
    """Every action equally likely."""
    return partial(_any_action, n_actions)


def _any_action(n_actions: int, observations: Array, rng: np.random.Generator) -> Array:
    return rng.integers(n_actions, size=len(observations))


def softmax(q: Array, temperature: float) -> Array:
    """`π(a|s) ∝ exp(Q(s,a)/temperature)`, computed in log space."""
    weights = np.exp((q - q.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def drawn_policy(world: TabularMDP, text: str) -> Array:
    """`(S, A)`: a policy drawn on a grid, one character per cell: an arrow of `^>v<`, or `.` for any action.

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


def tabular_behaviors(world: TabularMDP, chosen: Mapping[str, Any]) -> dict[str, Collecting]:
    """What can collect in any world whose optimum is known, by name; `chosen` holds the options of `collecting`."""
    gamma, epsilon = chosen["gamma"], chosen["epsilon"]
    return {
        "random": lambda: [Behavior("random", uniform(world))],
        "optimal": lambda: [Behavior("optimal", noisy(world.optimal_policy(gamma), epsilon))],
        "softmax": lambda: [Behavior("softmax", softmax(world.optimal(min(gamma, 0.999))[0], chosen["softness"]))],
        "drawn": lambda: [Behavior("drawn", noisy(drawn_policy(world, chosen["drawn"]), epsilon))],
    }


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
    world: Simulator, parts: Sequence[Mapping[str, Array]], behaviors: Array, names: tuple[str, ...], policies: Any
) -> Dataset:
    columns: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    details = {"behaviors": behaviors, "behavior_names": names, "behavior_policies": policies}
    return Dataset.from_columns(**columns, **{**world.details(), **details})


def record(world: Simulator, available: Mapping[str, Collecting], chosen: Mapping[str, Any], seed: int) -> Dataset:
    """Collect as the options say.

    Args:
        world: where to act.
        available: behaviour name → what collects under that name.
        chosen: the options `behavior`, `episodes`, `horizon`; `mix_<name>` are the shares where `behavior` is `mix`;
            `own` holds the episodes where it is `own`.
        seed: of all randomness.

    Raises:
        HyperparameterError: the shares of a mix are all 0, or the own episodes are not valid.
    """
    name = chosen["behavior"]
    if name == "own":
        parts = [episode.steps.columns() for episode in replay(world, chosen["own"])]
        return _assemble(world, parts, np.zeros(len(parts), dtype=np.intp), ("own",), None)
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
