"""Observations that are pictures: frames shrunk by averaging areas, and the names of what bytes hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.mapping import ColumnMapping

_SMALLEST = 16
_MOST_CHANNELS = 16
_BLOCK_BYTES = 1 << 26
_KINDS = (
    (b"\xff\xd8\xff", "JPEG pictures"),
    (b"\x89PNG", "PNG pictures"),
    (b"GIF8", "GIF pictures"),
    (b"RIFF", "WebP pictures"),
    (b"BM", "BMP pictures"),
    (b"\x80", "pickled Python objects"),
    (b"\x1f\x8b", "compressed data"),
    (b"\x93NUMPY", "NumPy arrays"),
)
REMEDY = "Store each frame as an array of numbers, height × width × channels"


def kind_of_bytes(data: bytes) -> str:
    """What bytes seem to hold, by their beginning."""
    return next((name for mark, name in _KINDS if data.startswith(mark)), "data of an unknown kind")


def plane(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Which axes of an observation are height and width; None where it is no picture.

    Channels stand before or behind them, and frames that were stacked before all of these.
    """
    if len(shape) == 2:
        return (0, 1) if min(shape) >= _SMALLEST else None
    if len(shape) == 3:
        for place, channels in ((0, shape[2]), (1, shape[0])):
            if channels <= _MOST_CHANNELS and min(shape[place], shape[place + 1]) >= _SMALLEST:
                return place, place + 1
    if len(shape) == 4 and (inner := plane(shape[1:])) is not None:
        return inner[0] + 1, inner[1] + 1
    return None


def small_shape(shape: tuple[int, ...], factor: int) -> tuple[int, ...]:
    """The shape of a picture that was shrunk by `factor` in both directions."""
    axes = plane(shape) or ()
    return tuple(-(-size // factor) if axis in axes else size for axis, size in enumerate(shape))


def choose_factor(shape: tuple[int, ...], name: str, context: Context) -> int:
    """By how much observations of this shape are shrunk: as the mapping says, or as little as the limit asks for.

    What was chosen stands in the mapping and in a finding.

    Raises:
        FileError: they are larger than allowed and no pictures, or the mapping says by too little.
    """
    mapping, allowed = context.mapping or ColumnMapping(), context.limits.columns
    size = math.prod(shape)
    if plane(shape) is None:
        context.limits.check("columns", size, column=name)
        return 1
    least = next(f for f in range(1, max(shape) + 1) if f == max(shape) or math.prod(small_shape(shape, f)) <= allowed)
    factor = least if mapping.shrink is None else mapping.shrink
    small = small_shape(shape, factor)
    if math.prod(small) > allowed:
        raise FileError(
            f"a frame of {_product(shape)} has {size:,} numbers; at most {allowed:,} are allowed: choose shrink = "
            f"{least} for frames of {_product(small_shape(shape, least))}",
            column=name,
        )
    if factor == 1:
        return 1
    why = f"; {allowed:,} numbers are allowed" if mapping.shrink is None else ""
    if not any(finding.code == "shrunk-frames" for finding in context.findings):
        context.note(
            "shrunk-frames",
            f"each observation is a frame of {_product(shape)}, {size:,} numbers{why}",
            f"Frames were shrunk by {factor} in both directions, to {_product(small)}, {math.prod(small):,} numbers: "
            "each is the mean of an area.",
            severity="warning" if mapping.shrink is None else "note",
        )
    context.mapping = replace(mapping, shrink=factor)
    return factor


def _product(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def shrunk(values: Array, factor: int) -> Array:
    """`(N, …)` float32: pictures whose pixels are means of `factor × factor` areas, smaller ones at the far edges.

    Args:
        values: `(N, …)` pictures, see `plane`.
        factor: 1 or above.
    """
    axes = plane(values.shape[1:])
    if factor == 1 or axes is None:
        return values
    height, width = (axis + 1 for axis in axes)
    small = np.empty((len(values), *small_shape(values.shape[1:], factor)), dtype=np.float32)
    rows = max(1, _BLOCK_BYTES // (4 * math.prod(values.shape[1:])))
    for start in range(0, len(values), rows):
        block: Array = values[start : start + rows].astype(np.float32)
        for axis in (height, width):
            edges = np.arange(0, values.shape[axis], factor)
            counts = np.diff(np.append(edges, values.shape[axis])).astype(np.float32)
            shape = [-1 if other == axis else 1 for other in range(values.ndim)]
            block = np.add.reduceat(block, edges, axis=axis) / counts.reshape(shape)
        small[start : start + rows] = block
    return small
