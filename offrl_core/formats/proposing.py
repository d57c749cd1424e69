"""How the episodes of a log seem to be made, from its first rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats.actions import How, fitting, suitable_bins
from offrl_core.formats.base import FileError
from offrl_core.formats.cells import read_cells
from offrl_core.formats.guessing import FLAGS, IDENTIFIER
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.names import plain_name, speaks_of
from offrl_core.formats.propensities import is_log_probability
from offrl_core.formats.unrolling import holds_trajectories

_FEW_ROWS = 3


def propose(mapping: ColumnMapping, first: Mapping[str, pa.ChunkedArray], whole: bool) -> ColumnMapping:
    """A guessed mapping with what the first rows say of how episodes are made.

    Each row is an episode of its own (a bandit) where nothing tells an order and no two rows share an episode, or where
    the probability of each action was recorded and no column tells episodes apart. Episodes without a flag ended in a
    terminal state where they are of different lengths: a time limit cuts all of them at one. But a column that is
    called after the end of the MDP, and is true somewhere, says of the other episodes that they were cut.

    Args:
        mapping: as `guess_mapping` makes it.
        first: the first rows of the table, by column.
        whole: whether these are all rows.
    """
    if mapping.problems(list(first)):
        return mapping
    rows = {len(first[name]) for name in mapping.columns}
    if len(rows) > 1 or 0 in rows:
        return mapping
    try:
        if all(holds_trajectories(first[name], name) for name in (mapping.reward, *mapping.action_columns)):
            return replace(mapping, each_row="trajectory")
        mapping = _with_actions(mapping, first)
        if mapping.end is not None or mapping.start is not None:
            return mapping
        if _is_bandit(mapping, first, whole):
            return replace(mapping, each_row="episode", episode=None)
        if _ends_by_itself(mapping, first, whole):
            return replace(mapping, unflagged="terminated")
    except FileError:
        pass  # what cannot be read says nothing; reading it says why
    return mapping


def _with_actions(mapping: ColumnMapping, first: Mapping[str, pa.ChunkedArray]) -> ColumnMapping:
    """Continuous actions in bins; and their probabilities left unused, as those of bins are not known."""
    cells = [read_cells(first[name], name) for name in mapping.action_columns]
    known = ~np.logical_or.reduce([part.missing for part in cells])
    how: How = "labels"
    if all(part.labels is None for part in cells) and known.any():
        parts = [part.values.reshape(len(known), -1)[known] for part in cells]
        how = fitting(np.concatenate(parts, axis=1))
    if how == "quantiles" or how == "k-means":
        width = sum(part.shape[1] for part in parts)
        return replace(mapping, actions=how, bins=suitable_bins(width, how), propensity=None)
    if mapping.propensity is not None:
        cell = read_cells(first[mapping.propensity], mapping.propensity).single("").numeric("")
        values = cell.values[~cell.missing & known].astype(float)
        values = np.exp(values) if is_log_probability(mapping.propensity, values) else values
        if not ((values > 0) & (values <= 1)).all():
            return replace(mapping, propensity=None)
    return mapping


def _is_bandit(mapping: ColumnMapping, first: Mapping[str, pa.ChunkedArray], whole: bool) -> bool:
    if any(getattr(mapping, role) is not None for role in FLAGS) or mapping.next_state:
        return False
    if mapping.episode is not None:
        return (whole or mapping.time is None) and _all_differ(first[mapping.episode])
    if any(speaks_of(name, "propensity") for name in first):
        return True
    unused = [name for name in first if name not in mapping.columns and IDENTIFIER.search(plain_name(name))]
    return mapping.time is None and any(_all_differ(first[name]) for name in unused)


def _all_differ(column: pa.ChunkedArray) -> bool:
    cells = read_cells(column, "")
    rows = len(cells.values)
    return rows >= _FEW_ROWS and not cells.missing.any() and len(np.unique(cells.coded()[0])) == rows


def _ends_by_itself(mapping: ColumnMapping, first: Mapping[str, pa.ChunkedArray], whole: bool) -> bool:
    if mapping.episode is None or mapping.timeout is not None or mapping.next_state:
        return False
    episodes = read_cells(first[mapping.episode], mapping.episode).coded()[0]
    starts = np.flatnonzero(np.append(True, episodes[1:] != episodes[:-1]))
    if not whole and len(starts) != len(np.unique(episodes)):
        return False  # the rows of an episode are scattered over the file
    order = np.argsort(episodes, kind="stable")
    last = np.append(episodes[order][1:] != episodes[order][:-1], True)
    lengths = np.bincount(episodes)
    given = (read_cells(first[name], name) for name in mapping.action_columns)
    final = np.logical_and.reduce([cells.missing for cells in given])[order][last]
    flagged = _flagged(mapping, first, episodes)
    if flagged.any() and plain_name(mapping.done or "").removeprefix("is_").startswith("termin"):
        return False
    open_end = ~flagged & ~final
    # The last one may be cut by the end of the recording, or of these first rows.
    return len(set(lengths[:-1][open_end[:-1]].tolist())) > 1


def _flagged(mapping: ColumnMapping, first: Mapping[str, pa.ChunkedArray], episodes: Array) -> Array:
    """`(E,)` bool: the episodes with a flag of their end."""
    if mapping.done is None:
        return np.zeros(int(episodes.max()) + 1, dtype=bool)
    cells = read_cells(first[mapping.done], mapping.done)
    return np.bincount(episodes, weights=cells.flags()) > 0
