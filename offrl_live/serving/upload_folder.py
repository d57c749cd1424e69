"""Uploads on disk, where the operator wants it: after a restart a link finds its data again, by reading the file anew.

A file is stored with the choices that it was read with, under the SHA-256 of both. That is the upload's name too, so
nobody finds it who has neither the link nor the file, and what does not match its name is not read. A name that comes
from a client is compared with the form of such a name before it is put into a path.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from offrl_core.dataset import Dataset
from offrl_core.formats import ColumnMapping, FileError, Limits
from offrl_core.processes.file_reader import read_isolated
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.datasets import UPLOAD, UploadRoom, is_kept, keep
from offrl_live.serving.environment import upload_room, uploads_folder

log = logging.getLogger(__name__)

_NAME = re.compile(re.escape(UPLOAD) + r"([A-Za-z0-9_-]{43})")
_writing = threading.Lock()


class UploadFolder:
    """A folder with uploads.

    Args:
        folder: made where it is not there; nobody else may look into it.
        seconds: how long a file is kept after it was last asked for.
        room: how much there may be: `all` bytes of files, and `one` of what a file unpacks to.
    """

    def __init__(self, folder: Path, seconds: float, room: UploadRoom) -> None:
        self._folder, self._seconds, self._room = folder, seconds, room
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self, data: bytes, file: str, format: str, mapping: ColumnMapping | None, gamma: float) -> str | None:
        """Store a file that could be read; returns the name of its dataset, None where the disk does not take it."""
        choices = None if mapping is None else mapping.to_json()
        how = json.dumps({"file": file, "format": format, "mapping": choices, "gamma": gamma}, sort_keys=True).encode()
        digest = _digest(data, how)
        with _writing:
            try:
                self._write(f"{digest}.data", data)
                self._write(f"{digest}.json", how)
                self._tidy(digest)
            except OSError as error:
                log.error("an upload is kept in memory only: %s", error)
                return None
        return UPLOAD + digest

    def load(self, name: str, visitor: str | None = None) -> Dataset | None:
        """The dataset of this name, read again in a process of its own; None where it is not here.

        Args:
            name: as `save` gave it; it may be anything.
            visitor: who asks; see `read_isolated`.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        place = self._folder / found[1]
        try:
            data, how = place.with_suffix(".data").read_bytes(), place.with_suffix(".json").read_bytes()
        except OSError:
            return None
        if _digest(data, how) != found[1]:
            log.warning("a stored upload does not match its name and was not read")
            return None
        choices: dict[str, Any] = json.loads(how)
        try:
            reading = read_isolated(
                data,
                format=choices["format"],
                mapping=choices["mapping"],
                limits=Limits(unpacked=self._room.one),
                name=choices["file"],
                visitor=visitor,
            )
        except FileError as error:
            log.warning("a stored upload could not be read again: %s", error)
            return None
        with suppress(FileNotFoundError):  # it was read while it became too old
            os.utime(place.with_suffix(".data"))
        return Dataset.from_reading(reading, choices["gamma"])

    def _write(self, name: str, data: bytes) -> None:
        """All of it or nothing, whenever the server ends."""
        place, half = self._folder / name, self._folder / f"{name}.half"
        try:
            with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
            half.replace(place)
        finally:
            half.unlink(missing_ok=True)

    def _tidy(self, newest: str) -> None:
        """Remove what is too old, and the oldest where there is too much."""
        files = sorted(self._folder.glob("*.data"), key=lambda file: file.stat().st_mtime)
        size = sum(file.stat().st_size for file in files)
        for file in files:
            old = time.time() - file.stat().st_mtime > self._seconds
            if file.stem != newest and (old or size > self._room.all):
                size -= file.stat().st_size
                file.unlink(missing_ok=True)
                file.with_suffix(".json").unlink(missing_ok=True)


def upload_folder() -> UploadFolder | None:
    """The operator's folder, where there is one that can be used."""
    settings = uploads_folder()
    try:
        return None if settings is None else UploadFolder(*settings, upload_room())
    except OSError as error:
        log.error("uploads are kept in memory only: %s", error)
        return None


def bring_back(name: str, visitor: str | None = None) -> None:
    """Keep an upload again that a restart, or the need for room, has taken out of memory and the folder still has."""
    if not name.startswith(UPLOAD) or is_kept(name) or (folder := upload_folder()) is None:
        return
    dataset = folder.load(name, visitor)
    if dataset is not None:
        try:
            keep(dataset, visitor, upload_room(), name)
        except ConfigError as error:
            log.warning("a stored upload is not kept again: %s", error)


def _digest(data: bytes, how: bytes) -> str:
    whole = hashlib.sha256(len(how).to_bytes(8, "little") + how + data)
    return base64.urlsafe_b64encode(whole.digest()).decode().rstrip("=")
