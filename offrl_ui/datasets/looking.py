"""Episodes, looked at one by one: those that stand out, and the rows of any."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.data.episodes import EPISODES
from offrl_core.data.outliers import Outlier, outliers
from offrl_core.dataset import Dataset, kept
from offrl_core.writing import number

MOST_ROWS = 1000
MOST_COMPONENTS = 12
LONGEST = EPISODES[0].max_length
WHAT_STANDS_OUT = (
    "An episode stands out if its return, or the logarithm of its length, lies more than 5 deviations from the "
    "median (a deviation is 1.4826 times the median absolute deviation), or if its rewards never change where "
    "others' do; what more than a twentieth of the episodes do counts as another kind of episode. It may be an "
    "error in the log, or the best episode in it: look before you leave it out. Episodes are numbered from 0, as "
    "recorded."
)
TOO_MANY = f"Their numbers do not fit into {LONGEST} characters: use a bound in the panel instead."


@kept
def found_in(dataset: Dataset) -> tuple[Outlier, ...]:
    """The episodes of a recording that stand out; kept, for every look at the page asks."""
    return outliers(dataset)


def heading(whole: Dataset, out: npt.NDArray[np.bool_]) -> str:
    """How many stand out, and how many are left out."""
    found = found_in(whole)
    one = "1 episode stands out" if len(found) == 1 else f"{len(found):,} episodes stand out"
    return f"Episodes: {one}, {out.sum():,} of {whole.n_episodes:,} are left out"


def standing_out(whole: Dataset, out: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Those that stand out, a row each."""
    return [
        {
            "episode": one.episode,
            "rows": one.length,
            "return": one.value,
            "why": "; ".join(one.reasons),
            "now": "left out" if out[one.episode] else "used",
        }
        for one in found_in(whole)
    ]


def about(whole: Dataset, episode: int, *, out: bool, by_number: bool) -> str:
    """An episode in a sentence: its length, its return, how it ended, and what leaves it out.

    Args:
        whole: the recording with all of its episodes.
        episode: its number.
        out: whether it is left out.
        by_number: whether its number is listed among those that are.
    """
    start, end = int(whole.episode_starts[episode]), int(whole.episode_ends[episode])
    ended = "ends in a terminal state" if whole.terminations[end] else "is cut off"
    value = number(float(whole.as_logged.returns_to_go(whole.gamma)[start]))
    is_out = ("It is left out." if by_number else "A bound leaves it out.") if out else ""
    return f"{end - start + 1:,} rows, return {value} at γ = {whole.gamma:g}; it {ended}. {is_out}"


def rows_of(dataset: Dataset, episode: int) -> dict[str, Any]:
    """The first rows of an episode as columns, with the data's labels."""
    start = int(dataset.episode_starts[episode])
    rows = slice(start, min(int(dataset.episode_ends[episode]) + 1, start + MOST_ROWS))
    columns: dict[str, Any] = {"step": np.arange(rows.stop - rows.start)}
    if dataset.tabular:
        columns["state"] = [dataset.state_labels[s] for s in dataset.observations[rows]]
    else:
        for place, name in enumerate(dataset.component_labels[:MOST_COMPONENTS]):
            columns[name] = dataset.observations[rows, place]
    columns["action"] = [dataset.action_labels[a] for a in dataset.actions[rows]]
    columns["reward"] = dataset.as_logged.rewards[rows]
    return columns
