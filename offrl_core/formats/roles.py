"""From a table and a column mapping to columns in time order: what CSV and Parquet share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.cells import Cells
from offrl_core.formats.final_rows import take_final_rows
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.order import cut_where_time_restarts, order_of
from offrl_core.formats.states import take_states
from offrl_core.formats.table import LazyTable

_MANY_POLICIES = 100
"""Numbers of policies below this are kept as they are."""


def read_table(table: LazyTable, mapping: ColumnMapping, context: Context) -> Columns:
    """The mapped columns of a table, sorted by episode and time."""
    if table.rows == 0:
        raise FileError("there is no row of data")
    alone = mapping.each_row == "episode"
    if alone:
        mapping = replace(mapping, episode=None, time=None, done=None, timeout=None, next_state=())
    episodes = order = time = None
    if mapping.episode is not None:
        cells = table.take(mapping.episode)
        cells.refuse_missing("every row needs an episode")
        episodes = cells.coded()[0]
    if mapping.time is not None:
        time = table.take(mapping.time).moments()
    if episodes is not None:
        order = order_of(episodes, time, mapping.time or "", context)
        if order is not None:
            table.sort(order)
            episodes = episodes[order]
    term, trunc = _flag(table, mapping.done, context), _flag(table, mapping.timeout, context)
    if episodes is None and time is not None:
        trunc = cut_where_time_restarts(time, term, trunc, mapping.time or "", context)
    if alone:
        term = np.ones(table.rows, dtype=bool)
    rewards = table.take(mapping.reward)
    columns = Columns(
        observations=np.empty(0),
        actions=np.empty(0),
        rewards=_rewards(rewards),
        terminations=term,
        truncations=trunc,
        episodes=episodes,
        rows=None if order is None else order + 1,
        names=_names(mapping),
        both=mapping.both,
        unflagged=mapping.unflagged,
        n_actions=mapping.n_actions,
        n_states=mapping.n_states,
    )
    actions = table.take(mapping.action)
    _take_actions(columns, actions, mapping, context)
    missing = {"reward": rewards.missing, "action": actions.missing}
    del rewards, actions, time
    if mapping.behavior is not None:
        columns.behaviors, columns.details["behavior_names"] = _behaviors(table.take(mapping.behavior))
    missing["state"] = take_states(columns, table, mapping, context)
    columns.check_following()
    pa.default_memory_pool().release_unused()
    return take_final_rows(columns, missing, mapping, context)


def _names(mapping: ColumnMapping) -> dict[str, str]:
    given = {
        "observations": mapping.state[0] if len(mapping.state) == 1 else "state",
        "actions": mapping.action,
        "rewards": mapping.reward,
        "terminations": mapping.done or mapping.timeout,
        "truncations": mapping.timeout,
        "next_observations": mapping.next_state[0] if len(mapping.next_state) == 1 else "next state",
        "episodes": mapping.episode,
    }
    return {role: name for role, name in given.items() if name}


def _flag(table: LazyTable, name: str | None, context: Context) -> Array | None:
    if name is None:
        return None
    cells = table.take(name)
    if cells.missing.any():
        where = np.flatnonzero(cells.missing)
        context.note(
            "missing-flags",
            f"{len(where)} rows have no value in {name!r}",
            "They were taken as false.",
            where + 1 if cells.rows is None else cells.rows[where],
        )
    return cells.flags()


def _rewards(cells: Cells) -> Array:
    values = cells.numbers("a reward must be a number", single="a reward must be one number")
    return np.asarray(np.where(cells.missing, np.nan, values))


def _behaviors(cells: Cells) -> tuple[Array, tuple[str, ...]]:
    cells.refuse_missing("every row needs a policy")
    if cells.labels is None and cells.whole and cells.values.min() >= 0 and cells.values.max() < _MANY_POLICIES:
        return cells.values.astype(np.int64), tuple(str(number) for number in range(int(cells.values.max()) + 1))
    codes, labels = cells.coded()
    return codes, tuple(labels)


def _take_actions(columns: Columns, cells: Cells, mapping: ColumnMapping, context: Context) -> None:
    if cells.labels is None:
        columns.actions = cells.values
        if cells.holes_made_floats:
            context.note(
                "float-actions",
                f"{mapping.action!r} holds whole numbers as floats, because values are missing",
                "They were read as integers.",
            )
        return
    # In the order of their text, so that the numbers do not depend on the order of the rows.
    labels = sorted(cells.labels[code] for code in np.unique(cells.values[~cells.missing]))
    context.limits.check("actions", len(labels), column=mapping.action)
    columns.actions = np.where(cells.missing, 0, pd.Index(labels).get_indexer(cells.labels)[cells.values])
    columns.action_names = (*labels, *(f"unseen action {i}" for i in range(len(labels), mapping.n_actions or 0)))
    columns.n_actions = len(columns.action_names)
    context.note_actions(labels)
