"""A log of decisions as it is read from a file, and written to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Finding
from offrl_core.formats.mapping import ColumnMapping


@dataclass(frozen=True, eq=False)
class Log:
    """What files hold of a dataset: its fields are the arguments of `Dataset.from_columns`.

    Attributes:
        observations, actions, rewards, terminations, truncations, next_observations, next_known: columns of `N` rows,
            in time order, episode after episode.
        episode_ids: `(N,)` the episode of each row, counted from 0.
        behaviors: `(E,)` which policy collected each episode; None where that is not known.
        propensities: `(N,)` how likely the behaviour was to take each action; None where that is not known.
    """

    observations: Array
    actions: Array
    rewards: Array
    terminations: Array
    truncations: Array
    episode_ids: Array
    next_observations: Array
    next_known: Array
    n_actions: int
    n_states: int | None = None
    action_names: tuple[str, ...] = ()
    observation_names: tuple[str, ...] = ()
    gamma: float = 0.99
    name: str = "custom"
    options: Mapping[str, Any] = field(default_factory=dict)
    behaviors: Array | None = None
    behavior_names: tuple[str, ...] = ()
    propensities: Array | None = None

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def tabular(self) -> bool:
        """Whether observations are state numbers."""
        return self.n_states is not None

    @property
    def episode_starts(self) -> Array:
        """`(E,)` the first row of each episode."""
        return np.flatnonzero(np.diff(self.episode_ids, prepend=-1))

    @property
    def episode_ends(self) -> Array:
        """`(E,)` the last row of each episode."""
        return np.append(self.episode_starts[1:], len(self)) - 1


@dataclass(frozen=True, eq=False)
class Reading:
    """A log that was read from a file.

    Attributes:
        file: what messages call the file.
        log: its data, of which `Dataset.from_reading` makes a dataset.
        findings: what the reader saw and did (rows sorted, labels mapped, …).
        format: name of the format; `frame` for columns that were in memory.
        mapping: the column mapping that was used; None for formats that have fixed names, where nothing was chosen.
    """

    file: str
    log: Log
    findings: tuple[Finding, ...]
    format: str
    mapping: ColumnMapping | None = None
