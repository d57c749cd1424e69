"""Rows that hold only an episode's final state, and rows with missing values."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.mapping import ColumnMapping


def take_final_rows(columns: Columns, missing: dict[str, Array], mapping: ColumnMapping, context: Context) -> Columns:
    """Turn rows that only hold an episode's final state into next states, and deal with missing values.

    Args:
        columns: sorted by episode and time; NaN or 0 stands where a value is missing.
        missing: `(N,)` bool for `state`, `action` and `reward`.
        mapping: says where rewards stand and what to do about missing values.
        context: the reading in progress.

    Raises:
        FileError: a value is missing and the mapping says to refuse that, or nothing is left.
    """
    last = _last(columns, missing["action"])
    no_reward = missing["reward"]
    final = last & ~missing["state"]
    if mapping.reward_row == "same" and mapping.last_row == "decision":
        final &= missing["action"]
    if mapping.each_row == "episode":
        final[:] = False
    if final.any():
        _use_final_rows(columns, final, last, no_reward, mapping, context)
    if mapping.reward_row == "next":
        columns.rewards = np.append(columns.rewards[1:], 0.0)
        no_reward = np.append(no_reward[1:], False)
    keep = ~final
    bad = missing["state"] | ((missing["action"] | no_reward) & keep)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        role = "state" if missing["state"][row] else "action" if missing["action"][row] else "reward"
        column = {"state": ", ".join(mapping.state), "action": columns.name("actions"), "reward": mapping.reward}[role]
        if mapping.missing == "refuse":
            raise FileError(
                f"the {role} is missing ({int(bad.sum())} such rows). Fill it, or choose missing = 'drop' to leave out "
                "the episodes with missing values",
                row=columns.row(row + (role == "reward" and mapping.reward_row == "next")),
                column=column,
            )
        episode = np.cumsum(np.append(0, last[:-1]))
        whole = np.isin(episode, episode[bad])
        context.note(
            "dropped-episodes",
            f"{len(np.unique(episode[bad]))} episodes have missing values ({int(bad.sum())} rows)",
            f"Those episodes were left out, {int(whole.sum())} rows in all.",
            columns.file_rows(bad),
            "warning",
        )
        keep &= ~whole
        if columns.episodes is None:
            columns.episodes = episode
    if not keep.all():
        _select(columns, keep)
    return columns


def _last(columns: Columns, no_action: Array) -> Array:
    """The last row of each episode, rows that only hold a final state included."""
    if columns.episodes is not None:
        return np.append(columns.episodes[1:] != columns.episodes[:-1], True)
    given = (columns.terminations, columns.truncations, columns.last)
    flags = [column for column in given if column is not None]
    last = np.zeros(len(columns.rewards), dtype=bool)
    for column in flags:
        last |= column
    # Without a column of episodes, a row without an action belongs to the rows above it: it carries the flag itself, or
    # stands below the row that does, or is the only sign of an end there is. Elsewhere its action is simply missing.
    ends = no_action.copy()
    if flags:
        ends &= last | np.append(False, last[:-1]) | (np.arange(len(last)) == len(last) - 1)
    last[:-1] &= ~ends[1:] | ends[:-1]
    last |= ends
    last[-1] = True
    return last


def _use_final_rows(
    columns: Columns, final: Array, last: Array, no_reward: Array, mapping: ColumnMapping, context: Context
) -> None:
    """The state of a final row is the next state of the row before; its flags say how that row's transition ended."""
    where = np.flatnonzero(final)
    alone = np.append(True, last[:-1])[where]
    before = where[~alone] - 1
    after = where[~alone]
    if columns.next_observations is None:
        columns.next_observations = np.concatenate([columns.observations[1:], columns.observations[-1:]])
        columns.next_known = ~last
    elif columns.next_known is None:
        columns.next_known = np.ones(len(last), dtype=bool)
    columns.next_observations[before] = columns.observations[after]
    assert columns.next_known is not None
    columns.next_known[before] = True
    if columns.episodes is None:
        columns.episodes = np.cumsum(np.append(0, last[:-1]))
    for flags in (columns.terminations, columns.truncations, columns.last):
        if flags is not None:
            flags[before] |= flags[after]
    context.note(
        "final-rows",
        f"{len(where)} rows hold only the final state of their episode"
        if mapping.reward_row == "same"
        else f"{len(where)} last rows hold the final state and reward of their episode",
        "They were taken as the next state of the row before"
        + (f"; {int(alone.sum())} of them are alone in their episode and were left out." if alone.any() else "."),
        columns.file_rows(final),
    )
    if mapping.reward_row == "same" and (paid := final & ~no_reward & (columns.rewards != 0)).any():
        context.note(
            "rewards-in-final-rows",
            f"{int(paid.sum())} of those final rows have a reward, though no action was taken in them",
            "It was left out. If rewards stand in the row of the state they are received in, choose reward_row = "
            "'next'.",
            columns.file_rows(paid),
            "warning",
        )


def _select(columns: Columns, keep: Array) -> None:
    """Keep some rows of every column."""
    if not keep.any():
        raise FileError("no row of data is left")
    columns.rows = np.flatnonzero(keep) + 1 if columns.rows is None else columns.rows[keep]
    for role in fields(columns):
        if role.name != "rows" and isinstance(column := getattr(columns, role.name), np.ndarray):
            setattr(columns, role.name, column[keep])
