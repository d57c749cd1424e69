"""Writing a log in the format that its path's ending names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from offrl_core.columns import DatasetError
from offrl_core.formats.log import Log
from offrl_core.formats.registry import FORMATS


def write_file(log: Log, target: str | Path | BinaryIO, *, format: str | None = None) -> None:
    """Write a log so that it reads back equal: columns, sizes, labels, discount, name, plain options.

    What belongs to the world (the MDP, the simulator, the layout, features) is not in a log and not in the file.

    Args:
        log: what to write.
        target: a path, or an open binary file. A path without an ending makes Minari's folder.
        format: `csv`, `parquet`, `npz` or `minari`; by default told from the path's ending.

    Raises:
        DatasetError: the format is not one that is written, or cannot hold this log.
    """
    path = Path(target) if isinstance(target, (str, Path)) else None
    if format is None and path is not None:
        endings = {suffix: f.name for f in FORMATS.values() if f.writes for suffix in f.suffixes if suffix != ".zip"}
        format = {"": "minari", **endings}.get(path.suffix.lower())
    if format not in FORMATS or not FORMATS[format].writes:
        allowed = ", ".join(f"{f.name} ({f.suffixes[0]})" for f in FORMATS.values() if f.writes)
        raise DatasetError(f"format = {format!r} is not allowed for {str(target)[:200]!r}: it must be one of {allowed}")
    module = import_module(FORMATS[format].module)
    if path is None:
        module.write(log, target)
    elif format == "minari" and not path.suffix:
        module.write_folder(log, path)
    else:
        with path.open("w+b") as file:
            module.write(log, file)
