"""From a table and a column mapping to columns in time order: what CSV and Parquet share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from offrl_core.data.dataset import Array
from offrl_core.data.formats.base import Columns, Context, FileError
from offrl_core.data.formats.cells import Cells, read_cells
from offrl_core.data.formats.mapping import ColumnMapping

_MANY_POLICIES = 100
"""Numbers of policies below this are kept as they are."""


def read_table(table: pa.Table, mapping: ColumnMapping, context: Context) -> Columns:
    """The mapped columns of a table, sorted by episode and time.

    Args:
        table: holds at least the mapped columns.
        mapping: which of them is what.
        context: the reading in progress.
    """
    if table.num_rows == 0:
        raise FileError("there is no row of data")
    cells = {}
    for done, name in enumerate(mapping.columns):
        cells[name] = read_cells(table.column(name), name)
        table = table.drop_columns([name])  # so that its memory is free as soon as it is converted
        context.progress(0.5 + 0.3 * (done + 1) / len(mapping.columns), f"convert {name}")
    episodes = None if mapping.episode is None else _episode_codes(cells[mapping.episode])
    order = _order(episodes, cells.get(mapping.time or ""), mapping, context)
    if order is not None:
        for name, cell in cells.items():
            cells[name] = cell.take(order)
        episodes = None if episodes is None else episodes[order]
    term = _flag(cells, mapping.done, context)
    trunc = _flag(cells, mapping.timeout, context)
    if episodes is None and mapping.time is not None:
        trunc = _cut_where_time_restarts(cells[mapping.time], term, trunc, mapping, context)
    columns = Columns(
        observations=np.empty(0),
        actions=np.empty(0),
        rewards=_rewards(cells[mapping.reward]),
        terminations=term,
        truncations=trunc,
        episodes=episodes,
        rows=None if order is None else order + 1,
        names=_names(mapping),
        both=mapping.both,
        n_actions=mapping.n_actions,
        n_states=mapping.n_states,
    )
    _take_actions(columns, cells[mapping.action], mapping, context)
    _take_states(columns, cells, mapping, context)
    if mapping.behavior is not None:
        columns.behaviors, columns.details["behavior_names"] = _behaviors(cells[mapping.behavior])
    missing = {role: cells[name].missing for role, name in (("action", mapping.action), ("reward", mapping.reward))}
    missing["state"] = np.logical_or.reduce([cells[name].missing for name in mapping.state])
    return _settle(columns, missing, mapping, context)


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


def _episode_codes(cells: Cells) -> Array:
    cells.refuse_missing("every row needs an episode")
    return cells.coded()[0]


def _order(episodes: Array | None, time: Cells | None, mapping: ColumnMapping, context: Context) -> Array | None:
    """The order in which rows are episode after episode and in time; None where they already are."""
    if episodes is None:
        return None
    moments = None if time is None else time.moments()
    within = np.ones(len(episodes) - 1, dtype=bool) if moments is None else moments[1:] >= moments[:-1]
    same = episodes[1:] == episodes[:-1]
    # Codes rise by first appearance, so adjacent rows of sorted data never go back.
    order = None
    if not ((episodes[1:] > episodes[:-1]) | (same & within)).all():
        keys = (episodes,) if moments is None else (moments, episodes)
        order = np.lexsort(keys)
        moved = order != np.arange(len(order))
        by = "episode" if moments is None else "episode and time"
        context.note(
            "unsorted-rows",
            f"{int(moved.sum())} of {len(order)} rows were out of order",
            f"They were sorted by {by}.",
            np.sort(order[moved]) + 1,
        )
    if moments is not None:
        _note_time(
            moments if order is None else moments[order],
            episodes if order is None else episodes[order],
            order,
            mapping.time or "",
            context,
        )
    return order


def _note_time(moments: Array, episodes: Array, order: Array | None, name: str, context: Context) -> None:
    """Say where an episode has two rows of one moment, or leaves steps out."""
    same = episodes[1:] == episodes[:-1]
    step = moments[1:] - moments[:-1]
    rows = np.arange(1, len(moments) + 1) if order is None else order + 1
    twice = np.append(False, same & (step == 0))
    if twice.any():
        context.note(
            "same-time",
            f"{int(twice.sum())} rows have the same {name!r} as the row before in their episode",
            "They were kept in the file's order; check for rows that were logged twice.",
            rows[twice],
            "warning",
        )
    steps = step[same & (step > 0)]
    if len(steps) and np.median(steps) == 1 and (steps > 1).any() and (steps == np.floor(steps)).all():
        gaps = np.append(False, same & (step > 1))
        context.note(
            "time-gaps",
            f"{int(gaps.sum())} rows come more than one step of {name!r} after the row before",
            "Rows seem to be missing there; the next state is then several steps later.",
            rows[gaps],
            "warning",
        )


def _cut_where_time_restarts(
    time: Cells, term: Array | None, trunc: Array | None, mapping: ColumnMapping, context: Context
) -> Array | None:
    moments = time.moments()
    back = np.append(moments[1:] <= moments[:-1], False)
    for flags in (term, trunc):
        if flags is not None:
            back &= ~flags
    if not back.any():
        return trunc
    context.note(
        "time-restarts",
        f"{mapping.time!r} goes back after {int(back.sum())} rows without a flag, and there is no column of episodes",
        "A new episode was begun after each of them.",
        np.flatnonzero(back) + 1,
        "warning",
    )
    return back if trunc is None else trunc | back


def _flag(cells: dict[str, Cells], name: str | None, context: Context) -> Array | None:
    if name is None:
        return None
    cell = cells[name]
    if cell.missing.any():
        where = np.flatnonzero(cell.missing)
        context.note(
            "missing-flags",
            f"{len(where)} rows have no value in {name!r}",
            "They were taken as false.",
            where + 1 if cell.rows is None else cell.rows[where],
        )
    return cell.flags()


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


def _take_states(columns: Columns, cells: dict[str, Cells], mapping: ColumnMapping, context: Context) -> None:
    now = [cells[name] for name in mapping.state]
    after = [cells[name] for name in mapping.next_state]
    text = [cell for cell in now if cell.labels is not None and (cell.truth is None or len(now) == 1)]
    kind = mapping.states
    if kind == "auto":
        if text and len(now) > 1:
            raise FileError(
                "this state column holds text and there are several state columns: leave it out, or choose states = "
                "'table', where each combination is a state of its own",
                column=text[0].name,
            )
        single = len(now) == 1 and now[0].values.ndim == 1
        kind = "table" if text or (single and now[0].whole) else "vector"
        if kind == "table" and not text and _distinct(now[0].values) > context.limits.states:
            context.note(
                "many-states",
                f"{mapping.state[0]!r} has more than {context.limits.states} distinct whole numbers",
                "It was read as a number, not as a table of states.",
                severity="warning",
            )
            kind = "vector"
    if after:
        columns.next_known = ~np.logical_or.reduce([cell.missing for cell in after])
    if kind == "vector":
        columns.observations = _stack(now)
        columns.next_observations = _stack(after) if after else None
        columns.observation_names = tuple(name for cell in now for name in cell.component_names())
    elif len(now) == 1 and not text and not after and now[0].values.ndim == 1:
        columns.observations = _whole(now[0])
    else:
        _number_states(columns, now, after, context, mapping)


def _distinct(values: Array) -> int:
    return len(np.unique(values))


def _whole(cells: Cells) -> Array:
    if cells.values.dtype.kind == "f":
        whole = (cells.values == np.floor(cells.values)) & (np.abs(cells.values) < 2**53)
        cells.refuse(~cells.missing & ~whole, "a state number must be whole")
        return np.asarray(np.where(cells.missing, 0, cells.values).astype(np.int64))
    return np.asarray(cells.values.astype(np.int64))


def _stack(cells: list[Cells]) -> Array:
    numbers = [cell.numbers("a component of a vector must be a number") for cell in cells]
    parts = [part[:, None] if part.ndim == 1 else part for part in numbers]
    matrix = np.empty((len(parts[0]), sum(part.shape[1] for part in parts)), dtype=np.float32)
    at = 0
    with np.errstate(over="ignore"):
        for part, cell in zip(parts, cells, strict=True):
            matrix[:, at : at + part.shape[1]] = part
            matrix[cell.missing, at : at + part.shape[1]] = 0.0
            at += part.shape[1]
    return matrix


def _number_states(
    columns: Columns, now: list[Cells], after: list[Cells], context: Context, mapping: ColumnMapping
) -> None:
    """A number for each distinct state, or combination of state columns, of this row and the next."""
    rows = len(now[0].values)
    numbers = np.zeros(rows * (2 if after else 1), dtype=np.int64)
    labels: list[str] = [""]
    plain = len(now) == 1 and now[0].labels is None and now[0].values.ndim == 1
    if plain and after:
        columns.observations, columns.next_observations = _whole(now[0]), _whole(after[0])
        return
    for index, cell in enumerate(now):
        if cell.values.ndim != 1:
            raise FileError("a list cannot be part of a table of states", column=cell.name)
        pair = [cell, after[index]] if after else [cell]
        codes, names = _shared_codes(pair)
        combined, numbers = np.unique(numbers * len(names) + codes, return_inverse=True)
        context.limits.check("states", len(combined), column=cell.name)
        prefix = [labels[c // len(names)] for c in combined]
        labels = [
            f"{p}, {names[c % len(names)]}" if p else names[c % len(names)]
            for p, c in zip(prefix, combined, strict=True)
        ]
    columns.observations = numbers[:rows].astype(np.int64)
    columns.next_observations = numbers[rows:].astype(np.int64) if after else None
    columns.n_states, columns.observation_names = len(labels), tuple(labels)
    context.note(
        "state-labels",
        f"{len(labels)} distinct values of {', '.join(mapping.state)} were numbered as states",
        "Their labels are kept.",
    )


def _shared_codes(pair: list[Cells]) -> tuple[Array, list[str]]:
    """Codes of both columns one after the other, in one list of labels that is sorted."""
    coded = [cell.coded() for cell in pair]
    numeric = all(cell.labels is None for cell in pair)
    names = sorted({name for _, labels in coded for name in labels}, key=float if numeric else str) or [""]
    place = {name: number for number, name in enumerate(names)}
    parts = [np.array([place[name] for name in labels] or [0], dtype=np.int64)[codes] for codes, labels in coded]
    return np.concatenate(parts), names


def _settle(columns: Columns, missing: dict[str, Array], mapping: ColumnMapping, context: Context) -> Columns:
    """Turn rows that only hold an episode's final observation into next states, and deal with missing values."""
    last = _last(columns, missing["action"])
    final = missing["action"] & last & ~missing["state"]
    if mapping.reward_row == "next":
        final = last & ~missing["state"]
    keep = ~final
    if final.any():
        _use_final_rows(columns, final, last, missing["reward"], mapping, context)
        missing["reward"] = missing["reward"] & keep
        missing["action"] = missing["action"] & keep
        if mapping.reward_row == "next":
            missing["reward"] = np.append(missing["reward"][1:], False) & keep
    bad = missing["state"] | missing["action"] | missing["reward"]
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        role = next(role for role in ("state", "action", "reward") if missing[role][row])
        column = {"state": ", ".join(mapping.state), "action": mapping.action, "reward": mapping.reward}[role]
        if mapping.missing == "refuse":
            raise FileError(
                f"the {role} is missing ({int(bad.sum())} such rows). Fill it, or choose missing = 'drop' to leave out "
                "the episodes with missing values",
                row=columns.row(row),
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
    """The last row of each episode, rows that only hold a final observation included."""
    if columns.episodes is not None:
        return np.append(columns.episodes[1:] != columns.episodes[:-1], True)
    last = np.zeros(len(columns.rewards), dtype=bool)
    for flags in (columns.terminations, columns.truncations):
        if flags is not None:
            last |= flags
    # Without a column of episodes, a row without an action belongs to the rows above it, even below a flag.
    last[:-1] &= ~no_action[1:] | no_action[:-1]
    last |= no_action
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
    for flags in (columns.terminations, columns.truncations):
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
    if mapping.reward_row == "next":
        columns.rewards = np.append(columns.rewards[1:], 0.0)
    elif (paid := final & ~no_reward & (np.nan_to_num(columns.rewards) != 0)).any():
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
    every: tuple[Any, ...] = (
        *("observations", "actions", "rewards", "terminations", "truncations"),
        *("next_observations", "next_known", "episodes", "behaviors"),
    )
    for role in every:
        column = getattr(columns, role)
        if column is not None:
            setattr(columns, role, column[keep])
