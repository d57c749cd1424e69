"""NPZ: NumPy arrays in a zip archive, read without pickle and bounded before anything is unpacked."""

from __future__ import annotations

import json
import math
import zipfile
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from offrl_core.columns import Array
from offrl_core.formats import metadata
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.log import Log
from offrl_core.formats.names import array_names
from offrl_core.formats.source import Source

_ALIASES = {
    "observations": array_names("state"),
    "actions": array_names("action"),
    "rewards": array_names("reward"),
    "terminations": array_names("done"),
    "truncations": array_names("timeout"),
    "next_observations": tuple(f"next_{name}" for name in array_names("state")),
    "next_known": ("next_known",),
    "episodes": array_names("episode"),
    "behaviors": array_names("behavior"),
}


def read(source: Source, context: Context) -> Columns:
    """Arrays of one row per transition: observations, actions, rewards, and flags or episode numbers.

    Names in use elsewhere are taken too (`terminals`, `timeouts`, `dones`, `obs`, …); other arrays are left unread.
    """
    with source.open() as file, open_zip(file, context) as archive:
        names = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        arrays: dict[str, Array] = {}
        found: dict[str, str] = {}
        for done, (role, aliases) in enumerate(_ALIASES.items()):
            present = [alias for alias in aliases if alias in names]
            if not present:
                if role in ("observations", "actions", "rewards"):
                    listed = ", ".join(sorted(names)[:20]) or "none"
                    raise FileError(f"there is no array {role!r}; the file has {listed}")
                continue
            found[role] = present[0]
            arrays[role] = read_array(archive, names[present[0]], context, present[0])
            context.progress(0.8 * (done + 1) / len(_ALIASES), f"read {present[0]}")
        columns = Columns(
            arrays["observations"],
            arrays["actions"],
            arrays["rewards"],
            arrays.get("terminations"),
            arrays.get("truncations"),
            next_observations=arrays.get("next_observations"),
            next_known=_known(arrays, found),
            episodes=_labels(arrays, "episodes", found),
            behaviors=_labels(arrays, "behaviors", found),
            names=found,
        )
        if metadata.KEY in names:
            text = read_array(archive, names[metadata.KEY], context, metadata.KEY)
            metadata.apply(metadata.parse(text.astype(np.uint8).tobytes()), columns, context.limits)
    return columns


def _known(arrays: dict[str, Array], found: dict[str, str]) -> Array | None:
    """`(N,)` bool."""
    values = arrays.get("next_known")
    if values is not None and (values.shape != arrays["actions"].shape[:1] or values.dtype.kind != "b"):
        raise FileError(
            f"it holds {values.dtype} of shape {values.shape}; one boolean per row is needed",
            column=found["next_known"],
        )
    return values


def _labels(arrays: dict[str, Array], role: str, found: dict[str, str]) -> Array | None:
    """One whole number per row."""
    values = arrays.get(role)
    if values is None:
        return None
    if values.ndim != 1 or len(values) != len(arrays["actions"]) or values.dtype.kind not in "iu":
        raise FileError(
            f"it holds {values.dtype} of shape {values.shape}; one whole number per row is needed", column=found[role]
        )
    return values


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


def read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, context: Context, name: str) -> Array:
    """One member as an array; its header is believed only as far as the archive's own size allows."""
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise FileError(f"version {version} of the array format is not known", column=name)
        try:
            shape, fortran, dtype = readers[version](member)
        except (SyntaxError, TokenError) as error:  # the header is a Python literal, which NumPy parses, not runs
            raise FileError(f"its header cannot be read: {error}", column=name) from error
        if dtype.hasobject:
            raise FileError("it holds Python objects, which are never unpacked", column=name)
        if dtype.kind not in "biuf":
            raise FileError(f"it holds {dtype}, numbers are needed", column=name)
        context.unpack_array(shape, dtype.itemsize, name)
        size = math.prod(shape) * dtype.itemsize
        data = member.read(size + 1)
    if len(data) != size:
        raise FileError(f"an array of shape {shape} needs {size} bytes, the file holds {len(data)}", column=name)
    flat = np.frombuffer(data, dtype=dtype)
    array = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    if array.ndim == 0:
        raise FileError("it is a single number; one row per transition is needed", column=name)
    return array


def write(log: Log, file: BinaryIO, *, compress: bool = True) -> None:
    """Write every column, one array each, and the metadata as the bytes of its JSON text."""
    arrays: dict[str, Any] = {
        "observations": log.observations,
        "actions": log.actions,
        "rewards": log.rewards,
        "next_observations": log.next_observations,
        "terminations": log.terminations,
        "truncations": log.truncations,
        "episodes": log.episode_ids,
    }
    if not log.next_known.all():
        arrays["next_known"] = log.next_known
    if log.behaviors is not None:
        arrays["behaviors"] = log.behaviors[log.episode_ids]
    text = json.dumps(metadata.describe(log)).encode()
    # A single row: long labels must not be taken for many rows.
    arrays[metadata.KEY] = np.frombuffer(text, dtype=np.uint8)[None]
    (np.savez_compressed if compress else np.savez)(file, **arrays)
