"""From a table and a mapping to columns in time order: what is the same for all tabular formats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats import metadata
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.cells import Cells
from offrl_core.formats.describing import describe_columns
from offrl_core.formats.final_rows import take_final_rows
from offrl_core.formats.flags import take_flags
from offrl_core.formats.guessing import guess_mapping
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.order import cut_where_time_restarts, order_of
from offrl_core.formats.proposing import propose
from offrl_core.formats.states import take_states
from offrl_core.formats.table import LazyTable, Loaded, Table
from offrl_core.formats.unrolling import unrolled

_MANY_POLICIES = 100
"""Numbers of policies below this are kept as they are."""


def read_table(table: Table, context: Context) -> Columns:
    """The columns that a mapping names: the one that was given, or what one of our own files says, or a guess.

    Raises:
        FileError: the mapping does not fit the table, or a column does not hold what it should.
    """
    mapping = context.mapping or table_mapping(table)
    context.guessed = context.mapping is None and table.own is None
    if problems := mapping.problems(table.names):
        listed = ", ".join(table.names[:30]) + (" …" if len(table.names) > 30 else "")
        raise FileError(f"{'; '.join(problems)}. The columns are: {listed}")
    context.mapping = mapping
    columns = _read(table.load(mapping), mapping, context)
    if table.own is not None:
        metadata.apply(table.own, columns, context.limits)
    else:
        context.note_unused([*(n for n in table.names if n not in mapping.columns), *table.besides])
    return columns


def table_mapping(table: Table) -> ColumnMapping:
    """The mapping that one of our own files holds, or a guess."""
    if table.own is not None and "mapping" in table.own:
        return ColumnMapping.from_json(table.own["mapping"])
    return propose(guess_mapping(describe_columns(table)), table.first, table.whole)


def _read(loaded: Loaded, mapping: ColumnMapping, context: Context) -> Columns:
    """The mapped columns, sorted by episode and time."""
    trajectories = None
    if mapping.each_row == "trajectory":
        loaded, trajectories = unrolled(loaded, mapping, context)
    table = LazyTable(loaded, mapping, context)
    if table.rows == 0:
        raise FileError("there is no row of data")
    context.limits.check("rows", table.rows)
    if mapping.each_row == "episode":
        made = _bandit(table, context)
    else:
        made = _episodes(table, mapping, context, trajectories)
    rewards, actions = table.take(mapping.reward), [table.take(name) for name in mapping.action_columns]
    rewards = rewards.single("a reward must be one number").numeric("a reward must be a number")
    columns = Columns(
        observations=np.empty(0),
        actions=np.empty(0),
        rewards=np.where(rewards.missing, np.nan, rewards.values),
        names=_names(mapping),
        both=mapping.both,
        unflagged=mapping.unflagged,
        n_actions=mapping.n_actions,
        n_states=mapping.n_states,
        **made,
    )
    _take_actions(columns, actions, mapping, context)
    missing = {"reward": rewards.missing, "action": np.logical_or.reduce([cells.missing for cells in actions])}
    del rewards, actions
    if mapping.propensity is not None:
        cells = table.take(mapping.propensity).single("a probability must be one number")
        cells = cells.numeric("the probability of an action must be a number")
        columns.propensities = np.where(cells.missing, np.nan, cells.values)
    if mapping.behavior is not None:
        columns.behaviors, columns.details["behavior_names"] = _behaviors(table.take(mapping.behavior))
    missing["state"] = take_states(columns, table, mapping, context)
    columns.check_following()
    pa.default_memory_pool().release_unused()
    return take_final_rows(columns, missing, mapping, context)


def _bandit(table: LazyTable, context: Context) -> dict[str, Any]:
    """Each row is an episode of its own."""
    if context.guessed:
        context.note(
            "single-decisions",
            "no column says which row follows which",
            "Each row was taken as an episode of its own (each_row = 'episode'); if rows follow each other, choose "
            "'step'.",
            severity="warning",
        )
    return {"terminations": np.ones(table.rows, dtype=bool), "episodes": np.arange(table.rows)}


def _episodes(table: LazyTable, mapping: ColumnMapping, context: Context, trajectories: Array | None) -> dict[str, Any]:
    """The fields of `Columns` that say which rows are an episode; from here on the table is in their order.

    `trajectories (N,)` are the rows of the file, from 0, where each of them holds an episode.
    """
    episodes, order, time = trajectories, None, None
    if episodes is None and mapping.episode is not None:
        cells = table.take(mapping.episode)
        cells.refuse_missing("every row needs an episode")
        episodes = cells.coded()[0]
    if mapping.time is not None:
        time = table.take(mapping.time).moments(context, episodes)
    if episodes is not None:
        order = order_of(episodes, time, mapping.time or "", context)
        if order is not None:
            table.sort(order)
            episodes = episodes[order]
    term, trunc, last = take_flags(table, mapping, context)
    if episodes is None and time is not None:
        last = cut_where_time_restarts(time, (term, trunc, last), mapping.time or "", context)
    rows = None if order is None else order + 1
    if trajectories is not None:
        rows = (trajectories if order is None else trajectories[order]) + 1
    return {"terminations": term, "truncations": trunc, "last": last, "episodes": episodes, "rows": rows}


def _names(mapping: ColumnMapping) -> dict[str, str]:
    given = {
        "observations": mapping.state[0] if len(mapping.state) == 1 else "state",
        "actions": ", ".join(mapping.action_columns),
        "propensities": mapping.propensity,
        "rewards": mapping.reward,
        "terminations": mapping.done or mapping.timeout,
        "truncations": mapping.timeout or mapping.end,
        "last": mapping.start or mapping.end,
        "next_observations": mapping.next_state[0] if len(mapping.next_state) == 1 else "next state",
        "episodes": mapping.episode,
    }
    return {role: name for role, name in given.items() if name}


def _behaviors(cells: Cells) -> tuple[Array, tuple[str, ...]]:
    cells.refuse_missing("every row needs a policy")
    if cells.labels is None and cells.whole and cells.values.min() >= 0 and cells.values.max() < _MANY_POLICIES:
        return cells.values.astype(np.int64), tuple(str(number) for number in range(int(cells.values.max()) + 1))
    codes, labels = cells.coded()
    return codes, tuple(labels)


def _take_actions(columns: Columns, parts: list[Cells], mapping: ColumnMapping, context: Context) -> None:
    """Fill in the actions of `columns`, as numbers or codes of labels; `take_actions` says what they mean."""
    if len(parts) > 1:
        _take_several(columns, parts, mapping)
        return
    (cells,) = parts
    if cells.labels is None:
        columns.actions = cells.values
        columns.action_parts = tuple(part.removeprefix(f"{cells.name}.") for part in cells.parts)
        if cells.holes_made_floats:
            context.note(
                "float-actions",
                f"{cells.name!r} holds whole numbers as floats, because values are missing",
                "They were read as integers.",
            )
        return
    codes, labels = _words(cells)
    context.limits.check("actions", len(labels), column=cells.name)
    columns.actions = codes
    columns.action_names = (*labels, *(f"unseen action {i}" for i in range(len(labels), mapping.n_actions or 0)))
    columns.n_actions = len(columns.action_names)
    context.note_actions(labels)


def _words(cells: Cells) -> tuple[Array, list[str]]:
    """Codes of labels in the order of their text, so that the numbers do not depend on the order of the rows."""
    assert cells.labels is not None
    labels = sorted(cells.labels[code] for code in np.unique(cells.values[~cells.missing]))
    return np.where(cells.missing, 0, pd.Index(labels).get_indexer(cells.labels)[cells.values]), labels


def _take_several(columns: Columns, parts: list[Cells], mapping: ColumnMapping) -> None:
    """Several columns side by side: the components of the actions."""
    missing = np.stack([cells.missing for cells in parts])
    some = missing.any(axis=0) & ~missing.all(axis=0)
    if some.any() and mapping.missing == "refuse":
        row = int(np.flatnonzero(some)[0])
        cells = parts[int(np.flatnonzero(missing[:, row])[0])]
        raise FileError(
            f"this part of the action is missing ({int(some.sum())} such rows). Fill it, or choose missing = 'drop' to "
            "leave out the episodes with missing values",
            row=cells.row(row),
            column=cells.name,
        )
    names: list[str] = []
    values: list[Array] = []
    for cells in parts:
        if cells.labels is None:
            numbers = cells.values.reshape(len(cells.values), -1)
            values.append(np.where(cells.missing[:, None], 0, numbers))
        else:
            codes, columns.action_words[len(names)] = _words(cells)
            values.append(codes[:, None])
        names += cells.component_names()
    columns.actions, columns.action_parts = np.concatenate(values, axis=1), tuple(names)
