"""Where episodes stand in arrays: along one of two leading axes, or one after the other with their lengths told."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from offrl_core.columns import Array
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.names import NAMES, plain_name, speaks_of

EPISODE = "episode"
"""The column that is made of the two axes."""

_LENGTHS = (
    *("length", "lengths", "lens", "episode_length", "episode_lengths", "ep_length", "ep_lengths", "ep_len", "ep_lens"),
    *("seq_len", "seq_lens", "seq_length", "seq_lengths", "sequence_length", "sequence_lengths", "traj_length"),
    *("traj_lengths", "traj_len", "traj_lens", "trajectory_length", "trajectory_lengths", "path_lengths", "n_steps"),
    *("num_steps", "episode_steps", "horizons"),
)
_MASKS = (
    *("mask", "valid", "valids", "is_valid", "valid_mask", "step_mask", "traj_mask", "attention_mask", "loss_mask"),
)
_ENDS = ("episode_ends", "ep_ends", "traj_ends", "trajectory_ends", "path_ends", "ends", "done_idxs", "end_indices")
_STARTS = (
    *("episode_starts", "ep_starts", "traj_starts", "trajectory_starts", "path_starts", "starts", "start_indices"),
    *("start_index", "first_indices"),
)
Shapes = Mapping[str, tuple[int, ...]]
Column = Callable[[str, int | None, int], pa.ChunkedArray]


@dataclass(frozen=True, slots=True)
class Block:
    """Where the steps of a table stand in arrays of two leading axes.

    Attributes:
        lead: the two axes.
        order: `(N,)` the place of each step among all of them, row by row.
        episodes: `(N,)` the episode of each step.
        used: the arrays that told so.
    """

    lead: tuple[int, int]
    order: Array
    episodes: Array
    used: tuple[str, ...]

    def shapes(self, shapes: Shapes) -> dict[str, tuple[int, ...]]:
        """The shapes of the arrays that hold steps, with one axis of steps, and that of the episodes."""
        steps = {name: (len(self.order), *shape[2:]) for name, shape in shapes.items() if shape[:2] == self.lead}
        return {**steps, EPISODE: (len(self.order),)}

    def column(self, given: Column) -> Column:
        """What gives these arrays as columns, from what gives the arrays as they are."""

        def column(name: str, rows: int | None, factor: int) -> pa.ChunkedArray:
            if name == EPISODE:
                return pa.chunked_array([pa.array(self.episodes[:rows])])
            flat = _flat(given(name, None if rows is None else self.lead[0], factor))
            width = len(flat) // math.prod(self.lead)
            steps = flat if width == 1 else pa.FixedSizeListArray.from_arrays(flat, width)
            return pa.chunked_array([steps.take(pa.array(self.order[:rows]))])

        return column


def block_of(shapes: Shapes, given: Column, context: Context) -> Block | None:
    """How steps stand in arrays of two leading axes; None where there are none, or each row is simply one episode.

    The time is told by an array of lengths or a mask of the steps that are real, by next observations, or by flags:
    they stand in the last step of each episode, and where zeros follow them these are padding. Otherwise the first axis
    is that of episodes.

    Args:
        shapes: of the arrays, by name.
        given: gives an array as a column.
        context: the reading in progress.

    Raises:
        FileError: an episode seems to end in the middle, and nothing tells which axis is the time.
    """
    rewards = next((name for name in shapes if speaks_of(name, "reward")), "")
    shape = shapes.get(rewards, ())
    if len(shape) < 2 or shape[1] < 2 or math.prod(shape) != math.prod(shape[:2]) or not shape[0]:
        return None
    lead = (shape[0], shape[1])
    if not any(shapes[name][:2] == lead for name in shapes if speaks_of(name, "action")):
        return None
    found = _Axes(lead, shapes, given)
    told = found.by_lengths() or found.by_mask() or found.by_following() or found.by_flags()
    if told is None:
        return None
    if any(shape[:2] == (lead[0], lead[1] + 1) for shape in shapes.values()):
        raise _untold(lead, "an array has one step more than the rewards")
    time, valid, used = told
    places = np.arange(math.prod(lead)).reshape(lead)
    marks = found.marks
    if time == 0:
        places, valid, marks = places.T, valid.T, marks.T
    ended = marks[valid]
    stream = np.repeat(np.arange(len(valid)), valid.sum(axis=1))
    begins = np.append(True, (stream[1:] != stream[:-1]) | ended[:-1])[: len(stream)]
    left_out = int((~valid).sum())
    context.note(
        "two-axes",
        f"the arrays have two axes of steps, {lead[0]} × {lead[1]}",
        f"The {('first', 'second')[time]} was taken as the time"
        + (f", and {left_out:,} steps that only fill up episodes were left out." if left_out else "."),
        count=left_out,
    )
    return Block(lead, places[valid], np.cumsum(begins) - 1, used)


def episodes_of(shapes: Shapes, given: Column, context: Context) -> tuple[str, Array] | None:
    """The short array that tells where episodes begin or end in the others, and `(N,)` the episode of each step.

    It holds the lengths of episodes, or the places of their first steps, or those of their last steps or of the steps
    behind these. None where there is none, or a column tells episodes apart.

    Args:
        shapes: of the arrays, by name.
        given: gives an array as a column.
        context: the reading in progress.
    """
    steps = next((shape[0] for name, shape in shapes.items() if speaks_of(name, "reward")), 0)
    if any(speaks_of(name, "episode") and shape[0] == steps for name, shape in shapes.items()):
        return None
    for name, shape in shapes.items():
        kind = next((kind for kind in (_LENGTHS, _ENDS, _STARTS) if plain_name(name) in kind), None)
        if kind is None or not 0 < math.prod(shape) == shape[0] < steps:
            continue
        told = np.asarray(given(name, None, 1).to_numpy())
        if told.dtype.kind not in "iuf" or (told != np.floor(told)).any():
            continue
        if kind is _STARTS:
            lengths = np.diff(np.append(told, steps))
        elif kind is _ENDS:
            lengths = np.diff(told + (told[-1] == steps - 1), prepend=0)
        else:
            lengths = told
        if (lengths > 0).all() and lengths.sum() == steps:
            context.note("episodes-told", f"{name!r} tells where episodes begin", f"They are {len(lengths)}.")
            return name, np.repeat(np.arange(len(lengths)), lengths.astype(np.intp))
    return None


_Told = tuple[int, Array, tuple[str, ...]]
"""Which axis is the time, `lead` bool of the steps that are real, and the arrays that told so."""


class _Axes:
    """The arrays of steps, and what each of them tells of the two axes."""

    def __init__(self, lead: tuple[int, int], shapes: Shapes, given: Column) -> None:
        self.lead, self.shapes, self.given = lead, shapes, given
        self.marks = np.zeros(lead, dtype=bool)
        for name in shapes:
            if any(speaks_of(name, role) for role in ("done", "timeout", "end")) and self._is_plain(name):
                self.marks |= self._array(name)[..., 0] != 0

    def _is_plain(self, name: str) -> bool:
        """Whether it holds one number per step."""
        shape = self.shapes[name]
        return shape[:2] == self.lead and math.prod(shape) == math.prod(self.lead)

    def _array(self, name: str) -> Array:
        flat = _flat(self.given(name, self.lead[0], 1))
        return np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(*self.lead, -1)

    def by_lengths(self) -> _Told | None:
        for name, shape in self.shapes.items():
            if plain_name(name) not in _LENGTHS or math.prod(shape) not in self.lead or shape[:2] == self.lead:
                continue
            counts = np.asarray(_flat(self.given(name, shape[0], 1)).to_numpy(zero_copy_only=False)).astype(np.float64)
            for time in (1, 0):
                steps = self.lead[time]
                if len(counts) == self.lead[1 - time] and ((counts >= 0) & (counts <= steps)).all():
                    real = np.arange(steps) < counts[:, None]
                    return time, real if time == 1 else real.T, (name,)
            raise FileError(f"its lengths are not all from 0 to {self.lead[1]}, the steps that there are", column=name)
        return None

    def by_mask(self) -> _Told | None:
        for name in self.shapes:
            if plain_name(name) not in _MASKS or not self._is_plain(name):
                continue
            real = self._array(name)[..., 0] != 0
            for time in (1, 0):
                if (np.diff(real.astype(np.int8), axis=time) <= 0).all():
                    return time, real, (name,)
            raise FileError("real steps follow steps that are left out, along both axes", column=name)
        return None

    def by_following(self) -> _Told | None:
        """Along the time, the next observation is the observation of the next step unless the episode ends."""
        pair = self._pair()
        if pair is None:
            return None
        now, after = (self._array(name) for name in pair)
        fits = [
            bool(((after[:-1] == now[1:]).all(axis=-1) | self.marks[:-1]).all()),
            bool(((after[:, :-1] == now[:, 1:]).all(axis=-1) | self.marks[:, :-1]).all()),
        ]
        if fits[0] == fits[1]:
            return None
        time = fits.index(True)
        if time == 1 and not self.marks[:, :-1].any():
            return None  # simply episodes
        real = self._without_padding(time)
        return time, np.ones(self.lead, dtype=bool) if real is None else real, ()

    def by_flags(self) -> _Told | None:
        if not self.marks[:, :-1].any():
            return None
        padded = {time: real for time in (1, 0) if (real := self._without_padding(time)) is not None}
        if len(padded) == 1:
            return (*padded.popitem(), ())
        if not padded and self.marks[-1].all() and not self.marks[:-1].any():
            return 0, np.ones(self.lead, dtype=bool), ()
        raise _untold(self.lead, "episodes end in the middle")

    def _without_padding(self, time: int) -> Array | None:
        """The steps that are no padding, where the steps after each first flag hold nothing but zeros."""
        marks = self.marks if time == 1 else self.marks.T
        before: Array = np.cumsum(marks, axis=1) - marks == 0
        if before.all():
            return None
        real: Array = before if time == 1 else before.T
        for name in self.shapes:
            told = any(speaks_of(name, role) for role in ("state", "action", "reward"))
            if told and self.shapes[name][:2] == self.lead and self._array(name)[~real].any():
                return None
        return real

    def _pair(self) -> tuple[str, str] | None:
        """The observations and the next observations."""
        like = [name for name, shape in self.shapes.items() if shape[:2] == self.lead]
        now = next((name for name in like if speaks_of(name, "state")), None)
        wanted = {f"{prefix}_{name}" for prefix in ("next", "new") for name in NAMES["state"]}
        wanted |= {f"{name}_next" for name in NAMES["state"]}
        after = next((name for name in like if plain_name(name) in wanted), None)
        return None if now is None or after is None or self.shapes[now] != self.shapes[after] else (now, after)


def _untold(lead: tuple[int, int], why: str) -> FileError:
    return FileError(
        f"the arrays have two axes of steps, {lead[0]} × {lead[1]}; {why}, and nothing tells which steps follow each "
        "other. Write one row per step (values.reshape(-1, …)) and beside them an array 'episode' with the number of "
        f"each row's episode; or, for {lead[0]} episodes that were filled up to {lead[1]} steps, an array 'lengths'"
    )


def _flat(column: pa.ChunkedArray) -> pa.Array:
    """All numbers of a column one after the other."""
    whole = column.combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    return whole.flatten() if pa.types.is_fixed_size_list(whole.type) else whole
