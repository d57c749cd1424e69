"""Files that were packed: with gzip, bzip2, xz or Zstandard, or as the only file of a zip archive."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from offrl_core.formats.base import Context, FileError
from offrl_core.formats.folder import open_folder
from offrl_core.formats.source import Source

_CHUNK = 1 << 20
_LAYERS = 2
"""A packed file may be packed once more (`log.csv.gz` in a zip archive)."""

_KINDS = (
    (rb"\x1f\x8b", "gzip", (".gz", ".gzip")),
    (rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", "bzip2", (".bz2",)),
    (rb"\xfd7zXZ\x00", "xz", (".xz",)),
    (rb"\x28\xb5\x2f\xfd", "Zstandard", (".zst", ".zstd")),
)
_LITTER = re.compile(r"(^|/)(__MACOSX/.*|\.DS_Store|Thumbs\.db|desktop\.ini)$")
"""What operating systems put into archives."""

_PART = re.compile(r"\.npy$|(^|/)main_data\.hdf5$|(^|/)\d+/[^/]*\.(arrow|feather|parquet)$")
"""Files that are parts of a format: NPZ, and the folders of Minari."""


def unpacked(source: Source, context: Context) -> Source:
    """The file inside a packed one; one that is not packed as it is.

    Raises:
        FileError: it is damaged, is larger inside than `limits.unpacked` (which is found out piece by piece), or is
            packed too often.
    """
    for _ in range(_LAYERS + 1):
        inner = None if source.folder else _inside(source, context)
        if inner is None:
            return source
        source = inner
    raise FileError(f"it is packed more than {_LAYERS} times; unpack it first")


def _inside(source: Source, context: Context) -> Source | None:
    head = source.head(16)
    if head.startswith(b"PK\x03\x04"):
        return _only_file(source, context)
    for magic, kind, endings in _KINDS:
        if re.match(magic, head):
            name = source.name
            for ending in endings:
                name = name.removesuffix(ending)
            return Source(name, data=_bytes(source, kind, context))
    return None


def _only_file(source: Source, context: Context) -> Source | None:
    """The only file of a zip archive; None where it holds several, or a part of a format."""
    with open_folder(source, context) as folder:
        names = [name for name in folder.names if not _LITTER.search(name)]
        if len(names) != 1 or _PART.search(names[0]):
            return None
        return Source(PurePosixPath(names[0]).name, data=folder.read(names[0]))


def _bytes(source: Source, kind: str, context: Context) -> bytes:
    held = BytesIO()
    try:
        with source.open() as file, _stream(file, kind) as stream:
            while piece := stream.read(_CHUNK):
                context.unpack(len(piece))
                held.write(piece)
    except FileError:
        raise
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise FileError(f"this {kind} file is damaged, or ends too early") from error
    return held.getvalue()


def _stream(file: BinaryIO, kind: str) -> Any:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=file)
    if kind == "bzip2":
        return bz2.BZ2File(file)
    if kind == "xz":
        return lzma.LZMAFile(file)
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")
