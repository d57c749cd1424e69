"""One-step offline RL with real images."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from offrl_core.data import options as opt
from offrl_core.data.behaviors import Behavior, collect
from offrl_core.data.spec import DatasetSpec
from offrl_core.dataset import Array, Dataset
from offrl_core.worlds.digits import Digits, digits


def _digits(seed: int, chosen: dict[str, Any]) -> Dataset:
    world = digits()
    logging = partial(_logging, world, chosen["quality"])
    return collect(world, [Behavior("logging policy", logging)], chosen["episodes"], 1, seed)


def _logging(world: Digits, quality: float, observations: Array, rng: np.random.Generator) -> Array:
    right = world.labels[world.numbers(observations)]
    guess = rng.integers(world.n_actions, size=len(right))
    return np.where(rng.random(len(right)) < quality, right, guess)


DIGITS = DatasetSpec(
    name="digits-bandit",
    title="Digits bandit",
    description="Name the handwritten digit (scikit-learn's 1797 images of 8×8 pixels): reward 1 for the right name,"
    " one decision an episode. The logging policy knows the answer as often as you say and guesses otherwise.",
    lesson="Only the reward of the named digit is recorded, never the right answer. Cloning repeats the guesses too;"
    " cloning only what was rewarded learns to read.",
    options=(
        opt.episodes(4000, high=50_000),
        opt.DatasetOption(
            "quality",
            "q",
            0.4,
            "How often the logging policy knows the answer; otherwise it guesses among all ten.",
            low=0.0,
            high=1.0,
            section="collecting",
        ),
        opt.gamma(1.0),
    ),
    builder=_digits,
)
