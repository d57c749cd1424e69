"""Tables in CSV and Parquet: a log as one, and what the columns of one hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from offrl_core.columns import Array
from offrl_core.formats import metadata
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.cells import kind_of
from offrl_core.formats.log import Log
from offrl_core.formats.mapping import ColumnInfo, ColumnMapping, guess_mapping


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


def known_mapping(own: dict[str, Any] | None) -> ColumnMapping | None:
    """The mapping that one of our own files holds."""
    return None if own is None or "mapping" not in own else ColumnMapping.from_json(own["mapping"])


def choose_mapping(
    context: Context, own: dict[str, Any] | None, first: Callable[[], pa.Table], columns: list[str]
) -> ColumnMapping:
    """The mapping that was given, or what one of our own files says, or a guess from the names and kinds of columns.

    Raises:
        FileError: it does not fit the table.
    """
    mapping = context.mapping or known_mapping(own) or guess_mapping(describe_columns(first()))
    if problems := mapping.problems(columns):
        listed = ", ".join(columns[:30]) + (" …" if len(columns) > 30 else "")
        raise FileError(f"{'; '.join(problems)}. The columns are: {listed}")
    context.mapping = mapping
    return mapping


def describe_columns(table: pa.Table) -> tuple[ColumnInfo, ...]:
    """What the columns of a preview hold."""
    return tuple(_describe(name, column) for name, column in zip(table.column_names, table.columns, strict=True))


def sample_rows(table: pa.Table, count: int = 20) -> tuple[tuple[str, ...], ...]:
    """The first rows of a preview as text."""
    columns = [[_shown(value) for value in column.slice(0, count).to_pylist()] for column in table.columns]
    return tuple(zip(*columns, strict=True))


def _shown(value: object) -> str:
    return "" if value is None else str(value)[:80]


def _describe(name: str, column: pa.ChunkedArray) -> ColumnInfo:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    elif pa.types.is_string_view(column.type):  # which cannot be counted
        column = column.cast(pa.string())
    held = kind_of(column.type)
    examples = tuple(_shown(value) for value in column.slice(0, 20).to_pylist())
    uncounted = held in ("list", "other") or pa.types.is_null(column.type)
    distinct = 0 if uncounted else int(pc.count_distinct(column).as_py())
    return ColumnInfo(name, held, examples, distinct, column.null_count)
