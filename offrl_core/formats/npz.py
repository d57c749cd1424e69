"""NPZ: NumPy arrays in a zip archive, one row per transition."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from offrl_core.formats import metadata
from offrl_core.formats.archive import claimed_shape, open_zip, read_array
from offrl_core.formats.base import Context, Limits, no_progress
from offrl_core.formats.log import Log
from offrl_core.formats.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

    from offrl_core.formats.table import Table

_KNOWN = "next_known"
"""An array of our own files: which of the next observations are known; without it all are."""

_MAPPING = {
    "state": "observations",
    "next_state": "next_observations",
    "action": "actions",
    "reward": "rewards",
    "done": "terminations",
    "timeout": "truncations",
    "episode": "episodes",
    "behavior": "behaviors",
    "propensity": "propensities",
}
"""What the arrays of our own files are called, by their role in a mapping."""


def open_table(source: Source, context: Context) -> Table:
    """The arrays of an archive as a table."""
    from offrl_core.formats.arrays import as_column, table_of  # with pyarrow, which files of our own need not

    with source.open() as file, open_zip(file, context) as archive:
        names = [info.filename.removesuffix(".npy") for info in archive.infolist() if not info.is_dir()]
        members = dict(zip(names, (i for i in archive.infolist() if not i.is_dir()), strict=True))
        shapes = {name: shape for name in names if (shape := claimed_shape(archive, members[name])) != ()}
        own = None
        if metadata.KEY in names:
            shapes = {name: shape for name, shape in shapes.items() if name not in (metadata.KEY, _KNOWN)}
            text = read_array(archive, members[metadata.KEY], context, metadata.KEY)
            own = metadata.parse(text.astype(np.uint8).tobytes())
            present = {role: name for role, name in _MAPPING.items() if name in names}
            lists = {role: [name] for role, name in present.items() if role in ("state", "next_state")}
            own["mapping"] = {**present, **lists, "states": "table" if own.get("n_states") else "vector"}

    def column(name: str, rows: int | None, factor: int) -> pa.ChunkedArray:
        with source.open() as file, open_zip(file, context) as archive:
            values = read_array(archive, members[name], context, name, rows)
            missing = None
            if own is not None and name == _MAPPING["next_state"] and _KNOWN in members:
                missing = ~read_array(archive, members[_KNOWN], context, _KNOWN, rows).astype(bool)
        return as_column(values, name, missing, factor)

    besides = tuple(name for name in names if name not in shapes)
    return table_of(shapes, column, context, besides=besides, own=own)


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
        arrays[_KNOWN] = log.next_known
    if log.behaviors is not None:
        arrays["behaviors"] = log.behaviors[log.episode_ids]
    if log.propensities is not None:
        arrays["propensities"] = log.propensities
    text = json.dumps(metadata.describe(log)).encode()
    # A single row: long labels must not be taken for many rows.
    arrays[metadata.KEY] = np.frombuffer(text, dtype=np.uint8)[None]
    (np.savez_compressed if compress else np.savez)(file, **arrays)


def unpack(data: bytes, limits: Limits) -> Log:
    """The log that `write` wrote, from a process that is not trusted: `Dataset.from_reading` checks what is in it.

    Raises:
        FileError: it is not what `write` writes.
    """
    context = Context(limits, no_progress)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
        arrays: dict[str, Any] = {
            info.filename.removesuffix(".npy"): read_array(archive, info, context, info.filename) for info in members
        }
    plain = metadata.parse(arrays.pop(metadata.KEY).tobytes())
    behaviors, known = arrays.pop("behaviors", None), arrays.pop(_KNOWN, None)
    episodes = arrays.pop("episodes")
    starts = np.flatnonzero(np.diff(episodes, prepend=-1))
    return Log(
        **arrays,
        episode_ids=episodes,
        next_known=np.ones(len(episodes), dtype=bool) if known is None else known,
        behaviors=None if behaviors is None else behaviors[starts],
        **metadata.fields(plain),
    )
