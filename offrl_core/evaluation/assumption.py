"""What a world assumes where the records are silent: the same policies under each choice of that assumption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from offrl_core.data.catalogue import datasets, load_dataset
from offrl_core.declarations import Value
from offrl_core.evaluation.truth import Truth
from offrl_core.learning.learner import Learner

SYSTEMS = ("q-learning", "bcq")
UPDATES = 200
SEEDS = 4


@dataclass(frozen=True)
class Reading:
    """True returns of a few policies under one choice of an assumption; exact, discounted as the dataset is.

    Attributes:
        choice: the value of the option that the catalogue names as the dataset's `assumption`.
        uniform: of choosing every action equally often.
        behavior: of the policies that collected the data.
        learned: algorithm → the median return of its policies, trained on the data of this choice with a table.
        optimal: of the best policy there is.
    """

    choice: str
    uniform: float
    behavior: float
    learned: Mapping[str, float]
    optimal: float


def readings(name: str, options: Mapping[str, Value] | None = None) -> tuple[Reading, ...]:
    """A dataset's reading under each choice of its assumption, the other options as given; none where it makes none.

    Args:
        name: a dataset of the catalogue with a known MDP.
        options: as `load_dataset` takes them, `seed` among them.
    """
    spec = datasets()[name]
    choices = {option.name: option.choices for option in spec.options}.get(spec.assumption, ())
    return tuple(_reading(name, {**(options or {}), spec.assumption: choice}, str(choice)) for choice in choices)


def _reading(name: str, options: Mapping[str, Any], choice: str) -> Reading:
    truth = Truth(load_dataset(name, **options))
    data = truth.dataset
    assert data.mdp is not None
    assert truth.behavior is not None
    assert truth.optimal is not None
    uniform = np.full((1, data.mdp.n_states, data.n_actions), 1 / data.n_actions)
    learned = {}
    for system in SYSTEMS:
        learner = Learner(data, system, seeds=SEEDS)
        learner.advance(UPDATES)
        learned[system] = float(np.median(truth.of(learner.snapshot().policy)[0]))
    return Reading(choice, float(truth.of(uniform)[0][0]), truth.behavior, learned, truth.optimal)
