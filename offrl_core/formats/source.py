"""The bytes of a file: from a path, or uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from offrl_core.formats.base import FileError, Limits


@dataclass(frozen=True, slots=True)
class Source:
    """Where bytes come from: a path, or what a viewer uploaded (never a path then)."""

    name: str
    path: Path | None = None
    data: bytes | None = None

    @classmethod
    def of(cls, given: Any, limits: Limits, name: str | None = None) -> Source:
        """Take a path, bytes, or an open binary file.

        Raises:
            FileError: it is missing, is neither a file nor a folder, or is larger than allowed.
        """
        if isinstance(given, Source):
            return given
        if isinstance(given, (str, Path)):
            path = Path(given)
            label = name or path.name
            if path.is_dir():
                return cls(label, path=path)
            if not path.exists():
                raise FileError("there is no such file", file=str(given))
            if not path.is_file():
                raise FileError("this is neither a file nor a folder", file=label)
            limits.check("bytes", path.stat().st_size, file=label)
            return cls(label, path=path)
        if isinstance(given, (bytes, bytearray, memoryview)):
            limits.check("bytes", memoryview(given).nbytes, file=name or "upload")
            return cls(name or "upload", data=bytes(given))
        if not hasattr(given, "read"):
            raise TypeError(f"{given!r} is not allowed: it must be a path, bytes, or a file opened for reading")
        label = Path(name or str(getattr(given, "name", "") or "upload")).name
        if hasattr(given, "seekable") and given.seekable():
            given.seek(0)
        data = given.read(limits.bytes + 1)
        if not isinstance(data, bytes):
            raise FileError("this file was opened as text; open it in binary mode", file=label)
        limits.check("bytes", len(data), file=label)
        return cls(label, data=data)

    @property
    def folder(self) -> bool:
        """Whether this is a folder on disk."""
        return self.path is not None and self.path.is_dir()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size if self.path is not None else len(self.data or b"")

    def open(self) -> BinaryIO:
        """A fresh binary file at its beginning."""
        return self.path.open("rb") if self.path is not None else BytesIO(self.data or b"")

    def head(self, size: int) -> bytes:
        """The first `size` bytes."""
        with self.open() as file:
            return file.read(size)

    def read(self) -> bytes:
        """All bytes."""
        if self.data is not None:
            return self.data
        with self.open() as file:
            return file.read()
