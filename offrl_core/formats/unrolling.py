"""Tables whose rows hold whole episodes, a list in each column, as tables of steps."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from offrl_core.columns import Array
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.cells import unfolded
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.table import Loaded


def unrolled(loaded: Loaded, mapping: ColumnMapping, context: Context) -> tuple[Loaded, Array]:
    """A row for each step, and the row of the file (from 0) that each step stands in.

    The rewards say how many steps an episode has. A list of states that has one more holds the final state, too: then
    each episode gets a row more, in which the other columns are empty. A list of numbers that has `D` times as many
    holds vectors of `D` one after the other. A single value is that of all steps, and a flag that of the last one.

    Raises:
        FileError: a list is longer or shorter than the rewards of its row.
    """
    rows, load = loaded
    kept = {name: load(name) for name in dict.fromkeys((mapping.reward, *mapping.state[:1]))}
    steps = _lengths(_as_list(kept[mapping.reward], mapping.reward, "its rewards"))
    _, counts = _elements(_as_list(kept[mapping.state[0]], mapping.state[0], "its states"), steps, mapping.state[0])
    final = bool((counts > steps).any())
    sizes = steps + final
    context.limits.check("rows", int(sizes.sum()))
    episodes = np.repeat(np.arange(rows), sizes)
    time = np.arange(len(episodes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    flags = (mapping.done, mapping.timeout, mapping.end)

    def column(name: str) -> pa.ChunkedArray:
        given = unfolded(kept.pop(name) if name in kept else load(name), name)
        if not _is_list(given.type):
            if name in flags:  # of an episode: it stands in its last row
                before = pa.array(time + 1 < sizes[episodes])
                values = given.take(pa.array(episodes))
                flag = pa.types.is_boolean(values.type) or pa.types.is_integer(values.type)
                return pc.if_else(before, pa.scalar(0 if flag else None).cast(values.type), values)
            return given.take(pa.array(episodes))
        values, counts = _elements(given, steps, name)
        behind = time >= counts[episodes]
        place = (np.cumsum(counts) - counts)[episodes] + time
        if name in flags or name == mapping.start:  # the final state shares the flag of the step before
            place, behind = place - behind, np.zeros(len(place), dtype=bool)
        return pa.chunked_array([values.take(pa.array(np.where(behind, 0, place), mask=behind))])

    return (len(episodes), column), episodes


def holds_trajectories(column: pa.ChunkedArray, name: str) -> bool:
    """Whether the rows of this column, such as rewards, are lists of several steps."""
    given = unfolded(column, name)
    return _is_list(given.type) and bool((_lengths(given) > 1).any())


def _is_list(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list))


def _as_list(column: pa.ChunkedArray, name: str, what: str) -> pa.ChunkedArray:
    given = unfolded(column, name)
    if not _is_list(given.type):
        raise FileError(f"a row is said to hold a whole episode, but {what} are no list; choose 'step'", column=name)
    return given


def _lengths(column: pa.ChunkedArray) -> Array:
    """`(rows,)` the length of each list, 0 where there is none."""
    return np.asarray(pc.list_value_length(column).fill_null(0).to_numpy()).astype(np.intp)


def _elements(column: pa.ChunkedArray, steps: Array, name: str) -> tuple[pa.Array, Array]:
    """What stands in the lists, one after the other, and how many elements each row has."""
    lengths = _lengths(column)
    flat = pc.list_flatten(column).combine_chunks()
    flat = flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat
    for counts in (steps, steps + 1):
        width = int(lengths.sum() // max(1, counts.sum()))
        if width > 0 and (lengths == width * counts).all() and (width == 1 or not pa.types.is_nested(flat.type)):
            return flat if width == 1 else pa.FixedSizeListArray.from_arrays(flat, width), counts
    wrong = (lengths != steps) & (lengths != steps + 1)
    if not wrong.any():  # some episodes with a final state, some without
        return flat, lengths
    row = int(np.flatnonzero(wrong)[0])
    raise FileError(f"it has {lengths[row]} elements, the rewards have {steps[row]}", row=row + 1, column=name)
