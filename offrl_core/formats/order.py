"""The order of rows: sorted by episode and time, with findings where the time is irregular."""

from __future__ import annotations

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Context


def order_of(episodes: Array, time: Array | None, name: str, context: Context) -> Array | None:
    """The order in which rows stand episode after episode and in time; None where they already do.

    Args:
        episodes: `(N,)` codes that rise by first appearance.
        time: `(N,)` numbers, or None where the file's order is the time.
        name: what the file calls the time.
        context: the reading in progress.
    """
    same = episodes[1:] == episodes[:-1]
    rising = episodes[1:] > episodes[:-1]
    order = None
    if not (rising | (same if time is None else same & (time[1:] >= time[:-1]))).all():
        order = np.lexsort((episodes,) if time is None else (time, episodes))
        moved = order != np.arange(len(order))
        context.note(
            "unsorted-rows",
            f"{int(moved.sum())} of {len(order)} rows were out of order",
            "They were sorted by episode." if time is None else "They were sorted by episode and time.",
            np.sort(order[moved]) + 1,
        )
        episodes, time = episodes[order], None if time is None else time[order]
    if time is not None:
        _note_time(time, episodes, order, name, context)
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


def cut_where_time_restarts(
    time: Array, flags: tuple[Array | None, Array | None, Array | None], name: str, context: Context
) -> Array | None:
    """The last of three flags (see `take_flags`), also where time goes back and none of them says so."""
    *_, last = flags
    back = np.append(time[1:] <= time[:-1], False)
    for known in flags:
        if known is not None:
            back &= ~known
    if not back.any():
        return last
    context.note(
        "time-restarts",
        f"{name!r} goes back after {int(back.sum())} rows without a flag, and there is no column of episodes",
        "A new episode was begun after each of them.",
        np.flatnonzero(back) + 1,
        "warning",
    )
    return back if last is None else last | back
