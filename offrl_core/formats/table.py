"""From a table and a column mapping to columns in time order: what CSV and Parquet share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.cells import Cells, read_cells
from offrl_core.formats.final_rows import settle
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.order import cut_where_time_restarts, order_of
from offrl_core.formats.states import take_states

_MANY_POLICIES = 100
"""Numbers of policies below this are kept as they are."""


class Frame:
    """A table whose columns are loaded and converted one by one, so that few of them are in memory twice.

    Args:
        load: gives a column by its name.
        rows: how many rows each column has.
        mapping: says how often each column is asked for.
        context: the reading in progress.
    """

    def __init__(
        self, load: Callable[[str], pa.ChunkedArray], rows: int, mapping: ColumnMapping, context: Context
    ) -> None:
        self.rows = rows
        self._load, self._context = load, context
        self._left = self._all = len(mapping.roles)
        self._order: Array | None = None

    @classmethod
    def of(cls, table: pa.Table, mapping: ColumnMapping, context: Context) -> Frame:
        """The columns of a table that is in memory: each is freed when it was asked for the last time."""
        uses = Counter(mapping.roles)
        columns = {name: table.column(name) for name in uses}

        def load(name: str) -> pa.ChunkedArray:
            uses[name] -= 1
            return columns[name] if uses[name] else columns.pop(name)

        return cls(load, table.num_rows, mapping, context)

    def take(self, name: str) -> Cells:
        """One column, in the order that was set."""
        cells = read_cells(self._load(name), name)
        if len(cells.missing) != self.rows:
            raise FileError(f"it has {len(cells.missing)} rows, the table has {self.rows}", column=name)
        pa.default_memory_pool().release_unused()
        self._left -= 1
        self._context.progress(0.8 - 0.3 * self._left / self._all, f"read {name}")
        return cells if self._order is None else cells.take(self._order)

    def sort(self, order: Array) -> None:
        """Give the columns that are taken from now on in this order."""
        self._order = order


def read_table(frame: Frame, mapping: ColumnMapping, context: Context) -> Columns:
    """The mapped columns of a table, sorted by episode and time."""
    if frame.rows == 0:
        raise FileError("there is no row of data")
    episodes = order = time = None
    if mapping.episode is not None:
        cells = frame.take(mapping.episode)
        cells.refuse_missing("every row needs an episode")
        episodes = cells.coded()[0]
    if mapping.time is not None:
        time = frame.take(mapping.time).moments()
    if episodes is not None:
        order = order_of(episodes, time, mapping.time or "", context)
        if order is not None:
            frame.sort(order)
            episodes = episodes[order]
    term, trunc = _flag(frame, mapping.done, context), _flag(frame, mapping.timeout, context)
    if episodes is None and time is not None:
        trunc = cut_where_time_restarts(time, term, trunc, mapping.time or "", context)
    rewards = frame.take(mapping.reward)
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
        n_actions=mapping.n_actions,
        n_states=mapping.n_states,
    )
    actions = frame.take(mapping.action)
    _take_actions(columns, actions, mapping, context)
    missing = {"reward": rewards.missing, "action": actions.missing}
    del rewards, actions, time
    if mapping.behavior is not None:
        columns.behaviors, columns.details["behavior_names"] = _behaviors(frame.take(mapping.behavior))
    missing["state"] = take_states(columns, frame, mapping, context)
    columns.check_following()
    pa.default_memory_pool().release_unused()
    return settle(columns, missing, mapping, context)


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


def _flag(frame: Frame, name: str | None, context: Context) -> Array | None:
    if name is None:
        return None
    cells = frame.take(name)
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
    values = cells.numbers("a reward must be a number")
    if values.ndim != 1:
        raise FileError("a reward must be one number", column=cells.name)
    return np.asarray(np.where(cells.missing, np.nan, values))


def _behaviors(cells: Cells) -> tuple[Array, tuple[str, ...]]:
    cells.refuse_missing("every row needs a policy")
    if cells.labels is None and cells.whole and cells.values.min() >= 0 and cells.values.max() < _MANY_POLICIES:
        return cells.values.astype(np.int64), tuple(str(number) for number in range(int(cells.values.max()) + 1))
    codes, labels = cells.coded()
    return codes, tuple(labels)


def _take_actions(columns: Columns, cells: Cells, mapping: ColumnMapping, context: Context) -> None:
    if cells.values.ndim != 1:
        columns.actions = cells.values
        return
    if cells.labels is None:
        columns.actions = cells.values
        if cells.holes_made_floats:
            context.note(
                "float-actions",
                f"{mapping.action!r} holds whole numbers as floats, because values are missing",
                "They were read as integers.",
            )
        return
    # Labels keep the order of their text, so that the numbers do not depend on the order of the rows.
    used = np.unique(cells.values[~cells.missing])
    labels = sorted(cells.labels[code] for code in used)
    context.limits.check("actions", len(labels), column=mapping.action)
    place = {label: number for number, label in enumerate(labels)}
    numbers = np.array([place.get(label, 0) for label in cells.labels], dtype=np.int64)
    columns.actions = np.where(cells.missing, 0, numbers[cells.values])
    more = range(len(labels), mapping.n_actions or 0)
    columns.action_names = (*labels, *(f"unseen action {number}" for number in more))
    columns.n_actions = len(columns.action_names)
    listed = ", ".join(f"{label} → {number}" for label, number in list(place.items())[:12])
    context.note(
        "action-labels",
        f"action labels were mapped to numbers: {listed}" + (" …" if len(labels) > 12 else ""),
        "The labels are kept.",
    )
