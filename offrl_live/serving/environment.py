"""Settings of the server that its environment holds."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from offrl_core.experiments.store import usual_folder
from offrl_live.runs.datasets import UploadRoom
from offrl_live.runs.live_runs import Limits

SHORTEST_TOKEN = 20


def _whole(name: str, default: int, low: int, high: int) -> int:
    """The whole number that a variable of the environment holds.

    Raises:
        ValueError: it is none, or out of range.
    """
    text = os.environ.get(name, "")
    if text and (not text.isdecimal() or not low <= int(text) <= high):
        raise ValueError(f"{name} = {text!r} is not allowed: it must be a whole number from {low} to {high}")
    return int(text) if text else default


def workers() -> int:
    """`OFFRL_WORKERS`: how many runs may train at a time; by default one for each core, at most 8.

    Raises:
        ValueError: it is no whole number from 1 to 256.
    """
    return _whole("OFFRL_WORKERS", min(os.cpu_count() or 1, 8), 1, 256)


def limits() -> Limits:
    """How much is taken at once: `OFFRL_WORKERS`, `OFFRL_RUNS`, `OFFRL_VIEWERS`, `OFFRL_VIEWERS_OF_ONE`,
    `OFFRL_TIMELINES_MB`.

    Raises:
        ValueError: one of them is no whole number, or out of range.
    """
    usual = Limits()
    return Limits(
        workers=workers(),
        max_runs=_whole("OFFRL_RUNS", usual.max_runs, 2, 100_000),
        max_viewers=_whole("OFFRL_VIEWERS", usual.max_viewers, 1, 100_000),
        max_viewers_of_one=_whole("OFFRL_VIEWERS_OF_ONE", usual.max_viewers_of_one, 1, 100_000),
        memory=1_000_000 * _whole("OFFRL_TIMELINES_MB", usual.memory // 1_000_000, 10, 1_000_000),
    )


@dataclass(frozen=True)
class ExperimentLimits:
    """How much of the machine experiments may take.

    Attributes:
        folder: where their results are kept.
        queued: experiments that wait or are computed; 0 where none may be started.
        workers: processes that compute one.
        jobs: that one may have.
        seconds: that one is computed at a stretch.
    """

    folder: Path
    queued: int = 20
    workers: int = 1
    jobs: int = 5000
    seconds: float = 7200.0


def experiment_limits() -> ExperimentLimits:
    """`OFFRL_EXPERIMENT_QUEUE`, `OFFRL_EXPERIMENT_WORKERS`, `OFFRL_EXPERIMENT_JOBS`, `OFFRL_EXPERIMENT_MINUTES`, and
    `OFFRL_EXPERIMENTS` for the folder.

    `OFFRL_EXPERIMENT_QUEUE=0` leaves the stored ones to be looked at and lets nobody start any. The workers are one for
    each core by default, at most 8: live runs go before them all the same.

    Raises:
        ValueError: one of the numbers is no whole number, or out of range.
    """
    usual = ExperimentLimits(Path())
    return ExperimentLimits(
        folder=usual_folder().expanduser(),
        queued=_whole("OFFRL_EXPERIMENT_QUEUE", usual.queued, 0, 1000),
        workers=_whole("OFFRL_EXPERIMENT_WORKERS", min(os.cpu_count() or 1, 8), 1, 256),
        jobs=_whole("OFFRL_EXPERIMENT_JOBS", usual.jobs, 1, 1_000_000),
        seconds=60.0 * _whole("OFFRL_EXPERIMENT_MINUTES", round(usual.seconds / 60), 1, 1_000_000),
    )


def upload_room() -> UploadRoom:
    """`OFFRL_UPLOAD_MB`, `OFFRL_VISITOR_UPLOADS_MB`, `OFFRL_UPLOADS_MB`: memory for uploaded data in megabytes.

    One dataset may take the first, 256 by default; all of one visit the second, 400; and all together the third, 800.

    Raises:
        ValueError: one of them is no whole number from 1 to 1,000,000.
    """
    room = UploadRoom()
    return UploadRoom(
        one=1_000_000 * _whole("OFFRL_UPLOAD_MB", room.one // 1_000_000, 1, 1_000_000),
        owner=1_000_000 * _whole("OFFRL_VISITOR_UPLOADS_MB", room.owner // 1_000_000, 1, 1_000_000),
        all=1_000_000 * _whole("OFFRL_UPLOADS_MB", room.all // 1_000_000, 1, 1_000_000),
    )


def _one_of(name: str, *allowed: str) -> str:
    """The word that a variable of the environment holds; the first of those that are allowed by default.

    Raises:
        ValueError: it is another one.
    """
    text = os.environ.get(name, allowed[0])
    if text not in allowed:
        raise ValueError(f"{name} = {text!r} is not allowed: it must be {' or '.join(allowed)}")
    return text


def warms_up() -> bool:
    """`OFFRL_WARM_UP`: whether the first visit's run is built, and its data loaded, before anybody asks; 1 or 0.

    It is 1 by default. With 0 the server starts with less work, and whoever comes first waits for it.

    Raises:
        ValueError: it is something else.
    """
    return _one_of("OFFRL_WARM_UP", "1", "0") == "1"


def logs_as_json() -> bool:
    """`OFFRL_LOG`: whether each line of the log is a JSON object; `text` (the default) or `json`.

    Raises:
        ValueError: it is something else.
    """
    return _one_of("OFFRL_LOG", "text", "json") == "json"


def operator_token() -> str:
    """`OFFRL_OPERATOR_TOKEN`: what opens `/metrics` and `/operator`; empty, the default, where nobody may see them.

    Raises:
        ValueError: it has fewer than 20 characters, or one that is not visible ASCII.
    """
    text = os.environ.get("OFFRL_OPERATOR_TOKEN", "")
    if text and (len(text) < SHORTEST_TOKEN or not (text.isascii() and text.isprintable() and " " not in text)):
        # The token itself must not come into a log.
        raise ValueError(
            f"OFFRL_OPERATOR_TOKEN is not allowed: it must have at least {SHORTEST_TOKEN} visible ASCII characters"
        )
    return text


def takes_uploads() -> bool:
    """`OFFRL_UPLOADS`: whether visitors may upload files; 1 (the default) or 0.

    Raises:
        ValueError: it is something else.
    """
    return _one_of("OFFRL_UPLOADS", "1", "0") == "1"


def takes_own_grids() -> bool:
    """`OFFRL_OWN_GRIDS`: whether visitors may draw worlds of their own, and open links to such; 1 (the default) or 0.

    Raises:
        ValueError: it is something else.
    """
    return _one_of("OFFRL_OWN_GRIDS", "1", "0") == "1"


def uploads_folder() -> tuple[Path, float] | None:
    """`OFFRL_UPLOADS_FOLDER`, `OFFRL_UPLOADS_HOURS`: where uploads outlive a restart, and for how many seconds.

    None, the default, where they are kept in memory only. The hours are 24 by default, counted from the last use.

    Raises:
        ValueError: the folder is no absolute path, or the hours are no whole number from 1 to 100,000.
    """
    hours = _whole("OFFRL_UPLOADS_HOURS", 24, 1, 100_000)
    text = os.environ.get("OFFRL_UPLOADS_FOLDER", "")
    if text and not Path(text).is_absolute():
        raise ValueError(f"OFFRL_UPLOADS_FOLDER = {text!r} is not allowed: it must be an absolute path")
    return (Path(text), 3600.0 * hours) if text else None


def redis_url() -> str:
    """`OFFRL_REDIS`: the server of Redis by which several servers share their rooms; empty, the default, for none.

    Raises:
        ValueError: it is no address of Redis, or Python's package for it is not installed.
    """
    text = os.environ.get("OFFRL_REDIS", "")
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("OFFRL_REDIS is not allowed: it must begin with redis://, rediss:// or unix://")
    if text and find_spec("redis") is None:
        raise ValueError('OFFRL_REDIS needs a package that is not installed: pip install -e ".[redis]"')
    return text


def described() -> list[tuple[str, str]]:
    """The limits in force, by the name that they have here."""
    held = {**asdict(limits()), **{f"uploads_{name}": size for name, size in asdict(upload_room()).items()}}
    return [(name.replace("_", " "), f"{value:,}") for name, value in held.items()]


def own_seconds() -> float:
    """`OFFRL_OWN_SECONDS`: how long code of somebody's own file may take at a stretch; 10 by default.

    A run trains in turns of a fraction of a second: what takes so long will hardly end.

    Raises:
        ValueError: it is no number above 0.
    """
    text = os.environ.get("OFFRL_OWN_SECONDS", "10")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"OFFRL_OWN_SECONDS = {text!r} is not allowed: it must be a number above 0")
    return seconds
