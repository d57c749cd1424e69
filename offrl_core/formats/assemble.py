"""From the columns of a file to a log: what is the same for all formats.

Labels are mapped to numbers, flags are completed, episodes are cut, next states are found, and each of these is noted.
"""

from __future__ import annotations

import math

import numpy as np

from offrl_core.columns import Array, is_finite
from offrl_core.formats.actions import take_actions
from offrl_core.formats.base import Columns, Context, FileError, shown, single
from offrl_core.formats.log import Log
from offrl_core.formats.pictures import choose_factor, shrunk
from offrl_core.formats.propensities import take_propensities


def assemble(columns: Columns, context: Context) -> Log:
    """Make a log of what a reader found.

    Raises:
        FileError: the columns cannot be a log of decisions; the message names the row and the column.
    """
    rows = len(columns.actions)
    if rows == 0:
        raise FileError("there is no row of data")
    context.limits.check("rows", rows)
    _shrink(columns, context)
    # Two vectors of 32-bit numbers a row, or two states; an action, a reward and two flags. Small numbers grow to that.
    width = math.prod(columns.observations.shape[1:])
    context.limits.check("unpacked", rows * (8 * width + 26), column=columns.name("observations"))
    whole = ("observations", "rewards", "terminations", "truncations", "last", "next_observations", "episodes")
    for role in (*whole, "propensities"):
        column = getattr(columns, role)
        if column is not None and len(column) != rows:
            raise FileError(
                f"it has {len(column)} rows, {columns.name('actions')!r} has {rows}", column=columns.name(role)
            )
    actions, n_actions, action_names = take_actions(columns, context)
    propensities = take_propensities(columns, context)
    rewards = _numbers("rewards", columns.rewards, columns)
    observations, following, n_states, observation_names = _observations(columns, context)
    term = _flags("terminations", columns, rows)
    trunc = _flags("truncations", columns, rows)
    both = term & trunc
    if both.any():
        (trunc if columns.both == "terminated" else term)[both] = False
        context.note(
            "both-flags",
            f"{int(both.sum())} rows are marked as terminated and as timed out",
            f"They were taken as {columns.both}.",
            columns.file_rows(both),
        )
    last = _last_rows(columns, context, observations, following, term, trunc)
    if columns.unflagged == "terminated":
        _end(columns, context, last & ~term & ~trunc, term)
    else:
        _note_ends(columns, context, last, term, trunc)
    nxt, known = _next(columns, observations, following, last)
    missing = last & ~term & ~known
    if missing.any():
        context.note(
            "no-next-state",
            f"{int(missing.sum())} episodes were cut at a row whose next state is not in the file",
            "Those rows have no bootstrap target: values are not learned from them, cloning is. If the episodes ended "
            "in a terminal state, say so (unflagged = 'terminated').",
            columns.file_rows(missing),
            "warning",
        )
    details = dict(columns.details)
    if columns.behaviors is not None:
        details["behaviors"] = _behaviors(columns, context, last)
    return Log(
        observations,
        actions,
        rewards,
        term,
        trunc | (last & ~term),
        np.cumsum(np.append(0, last[:-1])),
        nxt,
        known,
        n_actions=n_actions,
        n_states=n_states,
        action_names=action_names,
        observation_names=observation_names,
        propensities=propensities,
        **details,
    )


def _shrink(columns: Columns, context: Context) -> None:
    """Make frames that are too large, or that the mapping wants smaller, small enough to be observations."""
    if columns.observations.ndim < 3:
        return
    columns.check_following()
    factor = choose_factor(columns.observations.shape[1:], columns.name("observations"), context)
    for role in ("observations", "next_observations"):
        if (values := getattr(columns, role)) is not None and values.dtype.kind in "biuf":
            setattr(columns, role, shrunk(values, factor))


def _numbers(role: str, values: Array, columns: Columns) -> Array:
    """One finite number per row."""
    name = columns.name(role)
    flat = single(values)
    if flat.ndim != 1:
        raise FileError(f"it has shape {values.shape}; one number per row is needed", column=name)
    if flat.dtype.kind not in "biuf":
        raise FileError(f"it holds {flat.dtype}, numbers are needed", column=name)
    numbers = flat.astype(np.float64, copy=False)
    columns.refuse(~is_finite(numbers), numbers, "it must be a finite 32-bit number", name)
    return numbers


def _observations(columns: Columns, context: Context) -> tuple[Array, Array | None, int | None, tuple[str, ...]]:
    """States or vectors, those of the next states, the number of states, and names."""
    name, values, following = columns.name("observations"), columns.observations, columns.next_observations
    if values.dtype.kind not in "biuf" or (following is not None and following.dtype.kind not in "biuf"):
        raise FileError(f"it holds {values.dtype}, numbers are needed", column=name)
    columns.check_following()
    flat = single(values) if values.dtype.kind in "iu" else values
    if flat.ndim == 1 and flat.dtype.kind in "biu":
        states, after = flat.astype(np.int64), None
        if following is not None:
            known = following.reshape(len(states)).astype(np.int64)
            after = known if columns.next_known is None else np.where(columns.next_known, known, states)
        together = states if after is None else np.concatenate([states, after])
        numbers, labels = _relabel_states(together, columns, context, name)
        count = columns.n_states or (len(labels) if labels else int(numbers.max()) + 1)
        after = None if after is None else numbers[len(states) :]
        return numbers[: len(states)], after, count, columns.observation_names or tuple(labels)
    vectors = _vectors(values, columns, context, name, None)
    after = None
    if following is not None:
        after = _vectors(following, columns, context, columns.name("next_observations"), columns.next_known)
    return vectors, after, None, columns.observation_names


def _relabel_states(together: Array, columns: Columns, context: Context, name: str) -> tuple[Array, list[str]]:
    """State numbers; numbers with gaps stay as they are while the table they need stays small."""
    low, high = int(together.min()), int(together.max())
    if columns.n_states is None and low >= 0 and high < min(context.limits.states, max(1000, 4 * len(together))):
        return together, []
    if columns.n_states is not None:
        bad = (together < 0) | (together >= columns.n_states)
        rows = len(columns.actions)
        for part in (slice(rows), slice(rows, None)):
            columns.refuse(bad[part], together[part], f"it must be from 0 to {columns.n_states - 1}", name)
        return together, []
    labels, numbers = np.unique(together, return_inverse=True)
    context.limits.check("states", len(labels), column=name)
    context.note(
        "state-labels",
        f"{len(labels)} states from {low} to {high} were numbered 0 to {len(labels) - 1}",
        "Their labels are kept.",
    )
    return numbers.astype(np.intp), [str(label) for label in labels]


def _vectors(values: Array, columns: Columns, context: Context, name: str, known: Array | None) -> Array:
    """`(N, D)` float32, finite where known."""
    flat = values.reshape(len(values), -1)
    if flat.shape[1] == 0:
        raise FileError("it has no component", column=name)
    context.limits.check("columns", flat.shape[1], column=name)
    with np.errstate(over="ignore"):
        vectors = flat.astype(np.float32, copy=False)
    bad = ~np.isfinite(vectors).all(axis=1)
    if known is not None:
        bad &= known
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        part = int(np.flatnonzero(~np.isfinite(vectors[row]))[0])
        labels = columns.observation_names
        label = labels[part] if len(labels) == flat.shape[1] else f"{name}[{part}]"
        raise FileError(
            f"{shown(flat[row, part])} is not allowed: it must be a finite 32-bit number",
            row=columns.row(row),
            column=label,
        )
    return vectors


def _flags(role: str, columns: Columns, rows: int) -> Array:
    values = getattr(columns, role)
    if values is None:
        return np.zeros(rows, dtype=bool)
    name = columns.name(role)
    flat = single(values)
    if flat.ndim != 1 or flat.dtype.kind not in "biuf":
        raise FileError(f"it holds {values.dtype} of shape {values.shape}; one flag per row is needed", column=name)
    if flat.dtype.kind != "b":
        columns.refuse((flat != 0) & (flat != 1), flat, "it must be 0 or 1", name)
    return np.asarray(flat.astype(bool))


def _last_rows(
    columns: Columns, context: Context, observations: Array, following: Array | None, term: Array, trunc: Array
) -> Array:
    """`(N,)` bool: the last row of each episode."""
    last = term | trunc
    if columns.last is not None:
        last |= columns.last
    inside = last.copy()
    last[-1] = True
    if columns.episodes is not None:
        change: Array = np.append(columns.episodes[1:] != columns.episodes[:-1], True)
        starts = np.flatnonzero(np.append(True, change[:-1]))
        _, first = np.unique(columns.episodes[starts], return_index=True)
        if len(first) < len(starts):
            row = int(starts[np.setdiff1d(np.arange(len(starts)), first)[0]])
            raise FileError(
                "the episode of this row began earlier and was interrupted: the rows of one episode must be adjacent",
                row=columns.row(row),
                column=columns.name("episodes"),
            )
        inside &= ~change
        if inside.any():
            row = int(np.flatnonzero(inside)[0])
            flag = "terminations" if term[row] else "truncations" if trunc[row] else "last"
            raise FileError(
                f"the episode goes on after this row, which is marked as its last ({int(inside.sum())} such rows). "
                "Check the column of episodes, or leave it out: then episodes end at the flags",
                row=columns.row(row),
                column=columns.name(flag),
            )
        return np.asarray(change)
    if following is not None:
        known = np.ones(len(last), dtype=bool) if columns.next_known is None else columns.next_known
        different = following[:-1] != observations[1:]
        if different.ndim > 1:
            different = different.any(axis=1)
        cut = np.append(different & known[:-1], False) & ~last
        if cut.any():
            context.note(
                "hidden-cuts",
                f"{int(cut.sum())} rows have a next state that is not the state of the following row",
                "An episode was cut (truncated) after each of them.",
                columns.file_rows(cut),
                "warning",
            )
            last |= cut
    return last


def _end(columns: Columns, context: Context, unflagged: Array, term: Array) -> None:
    """Let episodes without a flag end in a terminal state, as the mapping says."""
    if unflagged.any():
        term |= unflagged
        why = "as the mapping says"
        if context.guessed:
            why = "because they differ in length. If a time limit or the recording cut them, choose 'truncated'"
        context.note(
            "taken-as-ended",
            f"{int(unflagged.sum())} episodes have no flag in their last row",
            f"They were taken as ended in a terminal state (unflagged = 'terminated'), {why}.",
            columns.file_rows(unflagged),
            "warning" if context.guessed else "note",
        )


def _note_ends(columns: Columns, context: Context, last: Array, term: Array, trunc: Array) -> None:
    unflagged = last & ~term & ~trunc
    if columns.terminations is None and columns.truncations is None:
        context.note(
            "no-flags",
            "the file has no flag that says where an episode ended in a terminal state",
            "Every episode was taken as cut (truncated).",
            severity="warning",
        )
    elif unflagged.any():
        context.note(
            "missing-final-flag",
            f"{int(unflagged.sum())} episodes have no flag in their last row",
            "They were taken as cut (truncated), not as terminated.",
            columns.file_rows(unflagged),
        )


def _next(columns: Columns, observations: Array, following: Array | None, last: Array) -> tuple[Array, Array]:
    """The next observation of each row, and whether it is really known."""
    if following is None:
        after = np.concatenate([observations[1:], observations[-1:]])
        after[last] = observations[last]
        return after, ~last
    if columns.next_known is None:
        return following, np.ones(len(last), dtype=bool)
    after = following if following.flags.writeable else following.copy()
    gaps = np.flatnonzero(~columns.next_known)
    after[gaps] = observations[gaps + ~last[gaps]]
    return after, columns.next_known | ~last


def _behaviors(columns: Columns, context: Context, last: Array) -> Array:
    """`(E,)`: the policy of each episode's first row."""
    assert columns.behaviors is not None
    starts = np.flatnonzero(np.append(True, last[:-1]))
    lengths = np.diff(np.append(starts, len(last)))
    mixed = columns.behaviors != np.repeat(columns.behaviors[starts], lengths)
    if mixed.any():
        context.note(
            "mixed-behavior",
            f"{int(mixed.sum())} rows name another policy than the first row of their episode",
            "The first row's was taken for the episode.",
            columns.file_rows(mixed),
            "warning",
        )
    return np.asarray(columns.behaviors[starts], dtype=np.intp)
