"""NumPy arrays in a zip archive, read without pickle and bounded before anything is unpacked."""

from __future__ import annotations

import math
import zipfile
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Context, FileError


def open_zip(file: BinaryIO, context: Context) -> zipfile.ZipFile:
    """Open an archive whose members are few and small enough to be unpacked in memory."""
    archive = zipfile.ZipFile(file)
    members = archive.infolist()
    context.limits.check("members", len(members))
    context.limits.check("unpacked", sum(info.file_size for info in members))
    for info in members:
        if info.flag_bits & 1:
            raise FileError(f"{info.filename!r} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileError(f"{info.filename!r} is compressed in an unusual way; use plain zip compression")
    return archive


def _header(member: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type that an array claims to have; nothing of it is unpacked."""
    version = np.lib.format.read_magic(member)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise FileError(f"version {version} of the array format is not known", column=name)
    try:
        return readers[version](member)
    except (SyntaxError, TokenError) as error:  # the header is a Python literal, which NumPy parses, not runs
        raise FileError(f"its header cannot be read: {error}", column=name) from error


def claimed_shape(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[int, ...]:
    """The shape that an array claims, as far as that can be told; `(0,)` otherwise."""
    try:
        with archive.open(info) as member:
            return _header(member, info.filename)[0]
    except (FileError, ValueError):
        return (0,)


def read_array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, context: Context, name: str, rows: int | None = None
) -> Array:
    """One member as an array, or its first rows; its header is believed only as far as the archive's size allows."""
    with archive.open(info) as member:
        shape, fortran, dtype = _header(member, name)
        if dtype.hasobject:
            raise FileError("it holds Python objects, which are never unpacked", column=name)
        if dtype.kind not in "biufSU":
            raise FileError(f"it holds {dtype}, numbers are needed", column=name)
        if shape == ():
            raise FileError("it is a single number; one row per transition is needed", column=name)
        if rows is None:
            context.unpack_array(shape, dtype.itemsize, name)
        elif not fortran:
            shape = (min(rows, shape[0]), *shape[1:])
        size = math.prod(shape) * dtype.itemsize
        if rows is not None and size > context.limits.unpacked:
            raise FileError("its first rows are too large to be shown", column=name)
        data = member.read(size + 1 if rows is None else size)
    if len(data) != size:
        raise FileError(f"an array of shape {shape} needs {size} bytes, the file holds {len(data)}", column=name)
    flat = np.frombuffer(data, dtype=dtype)
    array = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    return array if rows is None else array[:rows]
