"""Policies as files: tables of labels to look at (CSV, Parquet), and one from which everything can be asked (NPZ)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from offrl_core.dataset import Dataset
from offrl_core.formats.base import FileError, Limits
from offrl_core.formats.source import Source
from offrl_core.learning.policies import LearnedPolicy, PolicyError
from offrl_core.learning.policy_archive import read_npz, write_npz
from offrl_core.learning.policy_tables import read_csv, read_parquet, write_csv, write_parquet

WRITERS: dict[str, Callable[[Sequence[LearnedPolicy], Dataset, BinaryIO], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "npz": write_npz,
}


def save_policies(
    policies: Sequence[LearnedPolicy], dataset: Dataset, target: str | Path | BinaryIO, *, format: str | None = None
) -> None:
    """Write policies that were learned from `dataset`.

    Args:
        policies: as `Learner.policies` gives them.
        dataset: what they were learned from.
        target: a path, or an open binary file.
        format: `npz` holds everything that `load_policy` needs; `csv` and `parquet` are tables to look at, see
            `policy_columns`; by default told from the path's ending.

    Raises:
        PolicyError: there is no such format, or the table would be too large.
    """
    path = Path(target) if isinstance(target, (str, Path)) else None
    format = path.suffix.removeprefix(".").lower() if format is None and path is not None else format
    if format not in WRITERS:
        raise PolicyError(f"format = {format!r} is not allowed: it must be one of {', '.join(WRITERS)}")
    if path is None:
        WRITERS[format](policies, dataset, target)  # type: ignore[arg-type]
    else:
        with path.open("wb") as file:
            WRITERS[format](policies, dataset, file)


def load_policy(source: str | Path | bytes | BinaryIO, model: str | int | None = None) -> LearnedPolicy:
    """A learned policy from a file of `Learner.save_policies`, or one taken home from the playground.

    Everything in the file is checked, and nothing in it is ever run or unpickled.

    Args:
        source: a path, or the file's bytes; NPZ, or the CSV or Parquet of a table.
        model: which one, by its name or number, where the file holds several.

    Raises:
        PolicyError: it is no such file, it is damaged, or it holds no such model; the message says what is wrong.
    """
    try:
        found = Source.of(source, Limits())
    except FileError as error:
        raise PolicyError(str(error)) from error
    head = found.head(4)
    if head[:2] == b"PK":
        read = read_npz
    elif head == b"PAR1":
        read = read_parquet
    else:
        read = read_csv
    try:
        return read(found, model)
    except FileError as error:
        raise PolicyError(f"{found.name}: {error.reason}") from error
    except PolicyError as error:
        raise PolicyError(f"{found.name}: {error}") from error
