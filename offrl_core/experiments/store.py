"""Where results are kept: one Parquet file for each job in a folder, found by what is in it."""

from __future__ import annotations

import errno
import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.job import Job
from offrl_core.experiments.working import Done

if TYPE_CHECKING:
    import pandas as pd

_META = b"offrl.job"
_TYPES = {"run": "string", "step": "int64", "diverged": "int64"}
"""Columns that every file has, with their types."""
_STALE = 600.0
"""Seconds after which a half-written file is that of a process that has gone."""


@dataclass(frozen=True)
class _File:
    """A file's rows that are sound.

    Attributes:
        stamp: when it was written, and its size: what was read is good as long as they stay.
        rows: one for each run and evaluated step.
        bad: how many configurations of it could not be read.
    """

    stamp: tuple[int, int]
    rows: pd.DataFrame
    bad: int


def usual_folder() -> Path:
    """Where results are kept if nobody says otherwise: where `OFFRL_EXPERIMENTS` says, else in this user's cache."""
    if named := os.environ.get("OFFRL_EXPERIMENTS", ""):
        return Path(named)
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "offrl-explorer" / "experiments"


class Store:
    """A folder of results. Several processes may read and write it at once.

    Each job is a Parquet file called by the job's key, which is a hash of what was trained; the file names its runs, so
    that experiments share what they have in common. A file is written beside its place and moved there, so that it is
    there wholly or not at all. Each configuration is a row group with check sums: where a file is damaged, those that
    are sound are kept, and the others are computed again.

    Args:
        folder: it is made where it is missing.

    Raises:
        ExperimentError: the folder cannot be made, or is a file.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).expanduser()
        self._files: dict[str, _File] = {}
        self._heads: dict[str, tuple[tuple[int, int], frozenset[str]]] = {}
        self._lock = threading.RLock()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExperimentError(f"results cannot be kept in {self.folder}: {error.strerror}") from error
        for left in self.folder.glob(".*.part"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > _STALE:
                    left.unlink()

    def __repr__(self) -> str:
        return f"<Store of {len(list(self.folder.glob('*.parquet')))} jobs in {self.folder}>"

    # reading

    def load(self, keys: Collection[str]) -> pd.DataFrame:
        """The rows of the runs of these keys that are there, one for each run and evaluated step."""
        import pandas as pd

        wanted = frozenset(keys)
        with self._lock:
            self._look()
            parts = []
            there: set[str] = set()
            for name, (_, held) in self._heads.items():
                lacking = wanted - there
                if held & lacking:
                    rows = self._read(name).rows
                    mine = rows if held <= lacking else rows[rows["run"].isin(lacking)]
                    there |= set(mine["run"].unique())
                    parts.append(mine)
        return pd.concat(parts, ignore_index=True) if parts else _nothing()

    def known(self, keys: Collection[str]) -> set[str]:
        """Those of these runs that are there and sound."""
        return set(self.load(keys)["run"].unique())

    @property
    def damaged(self) -> dict[str, int]:
        """Files that were found damaged, name → how many of their parts (a configuration each) cannot be read."""
        with self._lock:
            return {name: file.bad for name, file in self._files.items() if file.bad}

    def _look(self) -> None:
        """Take in which files are there, and which runs they name."""
        there = {}
        entries: list[os.DirEntry[str]] = []
        with suppress(FileNotFoundError):  # somebody has deleted the folder: nothing is there
            entries = list(os.scandir(self.folder))
        for entry in entries:
            if entry.name.endswith(".parquet") and entry.is_file():
                with suppress(FileNotFoundError):
                    stat = entry.stat()
                    there[entry.name] = stat.st_mtime_ns, stat.st_size
        for name in self._heads.keys() - there.keys():
            del self._heads[name]
            self._files.pop(name, None)
        for name, stamp in there.items():
            if name not in self._heads or self._heads[name][0] != stamp:
                runs = self._runs_in(name)
                self._heads[name] = stamp, runs or frozenset()
                if runs is None:
                    self._files[name] = _File(stamp, _nothing(), 1)

    def _runs_in(self, name: str) -> frozenset[str] | None:
        """The runs that a file says it holds; None where that cannot be read."""
        from pyarrow import ArrowException, parquet

        try:
            meta = parquet.read_metadata(self.folder / name).metadata or {}
            return frozenset(json.loads(meta[_META])["runs"])
        except (OSError, ArrowException, ValueError, KeyError, TypeError):
            return None

    def _read(self, name: str) -> _File:
        """The sound rows of a file."""
        import pandas as pd
        from pyarrow import ArrowException, parquet

        stamp = self._heads[name][0]
        kept = self._files.get(name)
        if kept is not None and kept.stamp == stamp:
            return kept
        good, bad = [], 0
        try:
            with parquet.ParquetFile(self.folder / name, page_checksum_verification=True) as file:
                types = {column.name: str(column.type) for column in file.schema_arrow}
                if not _TYPES.items() <= types.items():
                    raise ValueError("these are no results of a job")
                for group in range(file.num_row_groups):
                    try:
                        rows = file.read_row_group(group).to_pandas()
                        if rows.duplicated(["run", "step"]).any():
                            raise ValueError("a run has two results of one step")
                        good.append(rows)
                    except (OSError, ArrowException, ValueError):
                        bad += 1
        except (OSError, ArrowException, ValueError):
            bad += 1
        rows = pd.concat(good, ignore_index=True) if good else _nothing()
        self._files[name] = _File(stamp, rows, bad)
        return self._files[name]

    # writing

    def put(self, job: Job, done: Done) -> None:
        """Keep the results of a job.

        Raises:
            ExperimentError: they cannot be written, as on a full disk; what was there before stays.
        """
        import pyarrow as pa
        from pyarrow import parquet

        count = len(job.runs) * len(job.evaluate)
        about = {name: [value] * count for name, value in done.about.items()}
        meta = {
            "runs": [run.key for run in job.runs],
            "data": job.data.to_json(),
            "algorithm": job.algorithm,
            "approximator": job.approximator,
            "version": job.version,
            "points": [dict(point) for point in job.points],
            "seeds": list(job.seeds),
            "seconds": done.seconds,
        }
        table = pa.table({**done.columns, **about}).replace_schema_metadata({_META: json.dumps(meta).encode()})
        size = len(job.seeds) * len(job.evaluate)  # one configuration

        def write(place: Path) -> None:
            parquet.write_table(table, place, row_group_size=size, write_page_checksum=True, compression="zstd")

        self._write(f"{job.key}.parquet", write)
        with suppress(OSError):
            (self.folder / f"{job.key}.failed.json").unlink(missing_ok=True)

    def fail(self, job: Job, reason: str) -> None:
        """Record why a job could not be done; a later run tries it again."""
        text = json.dumps({"runs": [run.key for run in job.runs], "job": str(job), "reason": reason})
        self._write(f"{job.key}.failed.json", lambda place: place.write_text(text))

    def failures(self, keys: Collection[str]) -> dict[str, str]:
        """Why those of these runs that are not there could not be done, as far as that was tried."""
        wanted = frozenset(keys)
        found: dict[str, str] = {}
        for path in self.folder.glob("*.failed.json"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                told = json.loads(path.read_text())
                found |= {run: str(told["reason"]) for run in told["runs"] if run in wanted}
        return found

    def _write(self, name: str, write: Callable[[Path], object]) -> None:
        part = self.folder / f".{name}.{secrets.token_hex(4)}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write(part)
            with open(part, "rb") as written:
                os.fsync(written.fileno())
            os.replace(part, self.folder / name)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            full = error.errno == errno.ENOSPC or "No space left" in str(error)
            why = "the disk is full: free some space, and run it again" if full else error.strerror or str(error)
            raise ExperimentError(
                f"results cannot be written to {self.folder}: {why}; what is there is kept"
            ) from error


def _nothing() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"run": pd.Series(dtype=str), "step": pd.Series(dtype=int)})
