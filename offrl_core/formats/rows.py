"""A log as a table, as it is written to CSV and Parquet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats import metadata
from offrl_core.formats.log import Log
from offrl_core.formats.mapping import ColumnMapping


def as_table(log: Log) -> tuple[pa.Table, dict[str, Any]]:
    """One row per transition, and the metadata with the mapping of its columns."""
    episodes = log.episode_ids
    now = _state_columns("observation", log.observations, log)
    unknown = None if log.next_known.all() else ~log.next_known
    after = {
        name: pa.array(values, mask=unknown)
        for name, values in _state_columns("next_observation", log.next_observations, log).items()
    }
    columns: dict[str, Any] = {
        "episode": episodes,
        "step": np.arange(len(log)) - log.episode_starts[episodes],
        **now,
        "action": log.actions,
        "reward": log.rewards,
        **after,
        "terminated": log.terminations,
        "truncated": log.truncations,
    }
    if log.behaviors is not None:
        columns["behavior"] = log.behaviors[episodes]
    if log.propensities is not None:
        columns["propensity"] = log.propensities
    mapping = ColumnMapping(
        state=tuple(now),
        next_state=tuple(after),
        action="action",
        reward="reward",
        episode="episode",
        time="step",
        done="terminated",
        timeout="truncated",
        behavior=None if log.behaviors is None else "behavior",
        propensity=None if log.propensities is None else "propensity",
        states="table" if log.tabular else "vector",
        n_actions=log.n_actions,
        n_states=log.n_states,
    )
    return pa.table(columns), metadata.describe(log, mapping=mapping.to_json())


def _state_columns(name: str, values: Array, log: Log) -> dict[str, Array]:
    if log.tabular:
        return {name: values}
    labels = log.observation_names
    if len(set(labels)) != values.shape[1] or not all(label.isprintable() and label.strip() for label in labels):
        labels = tuple(str(i) for i in range(values.shape[1]))
    return {f"{name}.{label}": values[:, i] for i, label in enumerate(labels)}
