"""Several files as one: a folder on disk, or a zip archive of one, which is never unpacked to disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from offrl_core.formats.archive import open_zip
from offrl_core.formats.base import Context, FileError
from offrl_core.formats.source import Source


class Folder:
    """The files of a folder or archive, by their names relative to it."""

    def __init__(self, context: Context, *, path: Path | None = None, archive: ZipFile | None = None) -> None:
        self._context, self._path, self._archive = context, path, archive
        self.names: list[str] = []
        if archive is not None:
            self.names = sorted(info.filename for info in archive.infolist() if not info.is_dir())
        elif path is not None:
            total = 0
            for base, _, files in os.walk(path):
                for file in files:
                    place = Path(base, file)
                    if place.is_file() and not place.is_symlink():
                        self.names.append(place.relative_to(path).as_posix())
                        total += place.stat().st_size
                context.limits.check("members", len(self.names))
                context.limits.check("bytes", total)
            self.names.sort()

    def named(self, name: str) -> str | None:
        """The shallowest file called `name`."""
        found = [full for full in self.names if full.rpartition("/")[2] == name]
        return min(found, key=lambda full: full.count("/"), default=None)

    def source(self, name: str) -> Source:
        """One file of it."""
        if self._path is not None:
            return Source(name, path=self._path / name)
        return Source(name, data=self.read(name))

    def read(self, name: str) -> bytes:
        """The bytes of one file of it."""
        if self._path is not None:
            return (self._path / name).read_bytes()
        assert self._archive is not None
        info = self._archive.getinfo(name)
        self._context.unpack(info.file_size, name)
        with self._archive.open(info) as member:
            data = member.read(info.file_size + 1)
        if len(data) > info.file_size:
            raise FileError(f"{name!r} is larger than the archive says")
        return data

    def description(self, name: str) -> dict[str, Any]:
        """The JSON object in one file of it."""
        try:
            plain = json.loads(self.read(name))
        except (ValueError, RecursionError) as error:
            raise FileError(f"{name} is not JSON: {error}") from error
        if not isinstance(plain, dict):
            raise FileError(f"{name} must hold a JSON object")
        return plain


@contextmanager
def open_folder(source: Source, context: Context) -> Iterator[Folder]:
    """The files of a folder, or of a zip archive."""
    if source.folder:
        yield Folder(context, path=source.path)
        return
    with source.open() as file, open_zip(file, context) as archive:
        yield Folder(context, archive=archive)
