"""HDF5 arrays: only numbers that lie in this very file, within the limits, with known filters."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.pictures import REMEDY
from offrl_core.formats.source import Source

_FILTERS = {
    getattr(h5py.h5z, f"FILTER_{name}")
    for name in ("DEFLATE", "SHUFFLE", "FLETCHER32", "SZIP", "NBIT", "SCALEOFFSET", "LZF")
}
"""Filters that come with h5py; any other would be loaded from a plug-in."""


@contextmanager
def open_hdf5(source: Source) -> Iterator[h5py.h5g.GroupID]:
    """The root group of a file, read-only."""
    try:
        if source.path is not None:
            file = h5py.h5f.open(os.fsencode(source.path), h5py.h5f.ACC_RDONLY)
        else:
            file = h5py.h5f.open_file_image(source.data)
    except (OSError, ValueError) as error:
        raise FileError("this HDF5 file ends too early, or is damaged where it begins") from error
    try:
        yield h5py.h5g.open(file, b"/")
    finally:
        file.close()


def names(group: h5py.h5g.GroupID, context: Context) -> list[str]:
    """What stands in a group, in the order of its text."""
    context.limits.check("members", group.get_num_objs())
    found: list[bytes] = []

    def collect(name: bytes) -> bool | None:
        # It stops by itself, because the number of links that a file claims may be a lie. It must not raise.
        found.append(name)
        return True if len(found) > context.limits.members else None

    group.links.iterate(collect)
    context.limits.check("members", len(found))
    try:
        return [name.decode() for name in found]
    except UnicodeDecodeError as error:
        raise FileError(f"a name in it is not UTF-8 text: {error.object[:40]!r}") from error


def numbered(group: h5py.h5g.GroupID, pattern: str, context: Context) -> list[tuple[int, str]]:
    """The members whose whole name fits `pattern`, whose first part is a number, in the order of that number."""
    fitting = [(int(match[1]), match[0]) for name in names(group, context) if (match := re.fullmatch(pattern, name))]
    return sorted(fitting)


def _open(group: h5py.h5g.GroupID, name: str, column: str) -> h5py.h5g.GroupID | h5py.h5d.DatasetID:
    key = name.encode()
    if not group.links.exists(key):
        raise FileError("it is not in the file", column=column)
    if group.links.get_info(key).type != h5py.h5l.TYPE_HARD:
        raise FileError("it is a link to another place or another file, which is not followed", column=column)
    return h5py.h5o.open(group, key)


def open_group(group: h5py.h5g.GroupID, name: str) -> h5py.h5g.GroupID:
    """A group that lies in this file."""
    found = _open(group, name, name)
    if not isinstance(found, h5py.h5g.GroupID):
        raise FileError("a group is needed here", column=name)
    return found


def is_group(group: h5py.h5g.GroupID, name: str, column: str) -> bool:
    """Whether a member, which messages call `column`, is a group that lies in this file."""
    return isinstance(_open(group, name, column), h5py.h5g.GroupID)


def shapes(group: h5py.h5g.GroupID, present: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The shapes of those members that are not known to be a group or a single number."""
    found: dict[str, tuple[int, ...]] = {}
    for name in present:
        try:
            member = _open(group, name, name)
        except FileError:
            found[name] = (0,)  # reading it tells what is wrong
            continue
        if isinstance(member, h5py.h5d.DatasetID) and member.shape != ():
            found[name] = member.shape or (0,)
    return found


def array(
    group: h5py.h5g.GroupID,
    name: str,
    context: Context,
    column: str | None = None,
    *,
    single: bool = False,
    rows: int | None = None,
) -> Array:
    """One array of numbers, after everything that it claims about itself has been held against the limits.

    Args:
        group: where it lies.
        name: what it is called there.
        context: the reading in progress.
        column: what messages call it; its name by default.
        single: whether it may be a single number, instead of one row per step.
        rows: how many of its first rows; all by default.
    """
    column = column or name
    found = _open(group, name, column)
    if not isinstance(found, h5py.h5d.DatasetID):
        raise FileError("an array is needed here", column=column)
    layout = found.get_create_plist()
    if layout.get_layout() == h5py.h5d.VIRTUAL or layout.get_external_count():
        raise FileError("its numbers lie in other files, which are not opened", column=column)
    for index in range(layout.get_nfilters()):
        if layout.get_filter(index)[0] not in _FILTERS:
            raise FileError(f"it is compressed with an unknown filter ({layout.get_filter(index)[0]})", column=column)
    dtype, shape = found.dtype, found.shape
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise FileError(_no_numbers(dtype), column=column)
    if shape is None:
        raise FileError("it is empty", column=column)
    if shape == () and not single:
        raise FileError("it is a single number; one row per step is needed", column=column)
    if rows is None:
        context.unpack_array(shape, dtype.itemsize, column)
    else:
        shape = (min(rows, shape[0]), *shape[1:])
        context.limits.check("unpacked", math.prod(shape) * dtype.itemsize, column=column)
    if layout.get_layout() == h5py.h5d.CHUNKED:
        chunk = layout.get_chunk()
        context.limits.check("unpacked", math.prod(chunk) * dtype.itemsize, column=column)
        # Each chunk is looked up on its own: a claim of millions of tiny ones would take for ever.
        pieces = math.prod(-(-size // max(1, part)) for size, part in zip(shape, chunk, strict=True))
        context.limits.check("members", pieces, column=column)
    values = np.empty(shape, dtype=dtype)
    if values.size and rows is not None:
        part = found.get_space()
        part.select_hyperslab((0,) * len(shape), shape)
        found.read(h5py.h5s.create_simple(shape), part, values)
    elif values.size:
        found.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values


def _no_numbers(dtype: np.dtype[Any]) -> str:
    """What an array holds that holds no numbers."""
    inner = h5py.check_vlen_dtype(dtype)
    if h5py.check_string_dtype(dtype) is not None:
        return "it holds text, numbers are needed"
    if inner is not None and np.dtype(inner).kind == "u" and np.dtype(inner).itemsize == 1:
        return (
            "each row holds bytes, as compressed pictures are stored (JPEG, PNG; Minari's jpeg_encoding), no array. "
            f"{REMEDY}"
        )
    if inner is not None:
        return f"each row holds a list of {inner} of a length of its own; all rows need one shape"
    return f"it holds {dtype}, numbers are needed"


def text_attribute(group: h5py.h5g.GroupID, name: str) -> str | None:
    """A text stored with a group; None where there is none."""
    if not h5py.h5a.exists(group, name.encode()):
        return None
    value = h5py.AttributeManager(h5py.Group(group)).get(name)
    return value if isinstance(value, str) else None


def number_attribute(group: h5py.h5g.GroupID, name: str) -> int | None:
    """A whole number stored with a group; None where there is none."""
    if not h5py.h5a.exists(group, name.encode()):
        return None
    stored = h5py.h5a.open(group, name.encode())
    if stored.shape != () or stored.dtype.kind not in "iu":
        return None
    value = np.empty((), dtype=stored.dtype)
    stored.read(value)
    return int(value)
