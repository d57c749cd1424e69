"""Files of other kinds, told by how they begin or what lies in them, and what to do with each."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Sequence
from pathlib import PurePosixPath

from offrl_core.formats.registry import FORMATS

_COLUMNS = "with one row per decision: states, actions, rewards and where an episode ends"
_AS_ARRAYS = "save the arrays with numpy.savez('log.npz', observations=…, actions=…, rewards=…, terminals=…)"
_PICKLE = (
    "a pickle of Python, which can run code when it is opened and therefore never is",
    f"open it where you trust it, and {_AS_ARRAYS} or a table with DataFrame.to_parquet",
)
_PACKED = "unpack it first; gzip, bzip2, xz, Zstandard and a zip archive of one file can be read as they are"
_NO_TABLE = f"a table is needed {_COLUMNS}"

_BEGINNINGS: tuple[tuple[int, bytes, str, str], ...] = (
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Excel workbook that is old (.xls) or has a password",
        "save it as .xlsx",
    ),
    (0, b"\x80\x02", *_PICKLE),
    (0, b"\x80\x03", *_PICKLE),
    (0, b"\x80\x04", *_PICKLE),
    (0, b"\x80\x05", *_PICKLE),
    (0, b"\x93NUMPY", "a single array of NumPy (.npy)", _AS_ARRAYS),
    (0, b"SQLite format 3", "a SQLite database", f"export a query as CSV, {_COLUMNS}"),
    (0, b"FEA1", "a Feather file of version 1", "write it again with pyarrow.feather.write_feather"),
    (0, b"ORC", "an ORC table", "save it as Parquet or CSV"),
    (0, b"Obj\x01", "an Avro table", "save it as Parquet or CSV"),
    (0, b"MATLAB", "a MATLAB file", f"load it with scipy.io.loadmat and {_AS_ARRAYS}"),
    (0, b"RDX", "data of R", "write it with write.csv"),
    (0, b"X\n\x00\x00", "data of R", "write it with write.csv"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive", _PACKED),
    (0, b"Rar!", "a RAR archive", _PACKED),
    (0, b"\x04\x22\x4d\x18", "packed with LZ4", _PACKED),
    (257, b"ustar", "a tar archive", "take the file with the log out of it, or pack a folder of Minari's as .zip"),
    (0, b"%PDF", "a PDF document", _NO_TABLE),
    (0, b"\x89PNG", "a picture", _NO_TABLE),
    (0, b"\xff\xd8\xff", "a picture", _NO_TABLE),
    (0, b"GIF8", "a picture", _NO_TABLE),
    (0, b"RIFF", "a recording of pictures or sound", _NO_TABLE),
    (4, b"ftyp", "a video", _NO_TABLE),
    (0, b"\x7fELF", "a program", _NO_TABLE),
    (0, b"MZ", "a program", _NO_TABLE),
)
_ENDINGS = (
    (re.compile(r"\.tfrecords?(-|$)"), "TFRecords (RLDS)", "load it with tensorflow_datasets and write it as Parquet"),
    (
        re.compile(r"tfevents"),
        "a log of TensorBoard",
        "it holds curves of training; the log of the decisions is needed",
    ),
)
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_WEB_PAGE = re.compile(rb"\s*<(!doctype html|html|head|body)", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml|\s*<[a-z][\w:.-]*[\s/>]", re.IGNORECASE)

_MEMBERS: tuple[tuple[str, str, str], ...] = (
    (r"(^|/)policy\.pth$", "a model of Stable-Baselines3", "the log that it was trained on is needed"),
    (r"(^|/)data\.pkl$", "a checkpoint of PyTorch, which is a pickle and never opened", _AS_ARRAYS),
    (r"^xl/workbook\.bin$", "a binary workbook of Excel (.xlsb)", "save it as .xlsx"),
    (r"^word/", "a document of Word", _NO_TABLE),
    (r"^ppt/", "a presentation", _NO_TABLE),
    (r"\.iwa$", "a document of Numbers or Pages", "export it as CSV or .xlsx"),
    (r"(^|/)\.z(array|group|attrs)$|(^|/)zarr\.json$", "a Zarr store", f"load it with zarr and {_AS_ARRAYS}"),
    (r"\.tfrecords?(-|$)", "TFRecords (RLDS)", "load it with tensorflow_datasets and write it as Parquet"),
    (r"\.(pkl|pickle)$", *_PICKLE),
)


def of_file(name: str, beginning: bytes) -> str | None:
    """What a file of another kind seems to be, and the remedy; None where it may be a table of text.

    Args:
        name: its name.
        beginning: its first bytes, 512 are enough.
    """
    if _WEB_PAGE.match(beginning):
        return "this seems to be a web page, perhaps a sign-in that came in place of the download: download it again"
    if not _is_binary(beginning):  # the first name of a column may be any word
        return None
    marks = ((seems, remedy) for place, mark, seems, remedy in _BEGINNINGS if beginning[place:].startswith(mark))
    endings = ((seems, remedy) for pattern, seems, remedy in _ENDINGS if pattern.search(name.lower()))
    return next((f"this seems to be {seems}: {remedy}" for seems, remedy in (*marks, *endings)), None)


def _is_binary(beginning: bytes) -> bool:
    try:
        getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return True
    return _CONTROL.search(beginning) is not None


def is_table(beginning: bytes) -> bool:
    """Whether a file can be a text table, as far as its first bytes tell."""
    return b"\0" not in beginning and _XML.match(beginning) is None


def of_no_kind(beginning: bytes) -> str:
    """The refusal of a file that is no table, and none of the kinds that are known here."""
    if _XML.match(beginning):
        return f"this seems to be XML: save it as CSV or JSON, {_COLUMNS}"
    known = ", ".join(record.title for record in FORMATS.values())
    return f"the format is not known, and this is not text: save it as one of {known}, {_COLUMNS}"


def of_members(names: Sequence[str]) -> str:
    """What an archive or a folder seems to be that is of no known format, and the remedy."""
    for pattern, seems, remedy in _MEMBERS:
        if any(re.search(pattern, name) for name in names):
            return f"this seems to be {seems}: {remedy}"
    endings = {ending for record in FORMATS.values() for ending in record.suffixes}
    tables = [name for name in names if PurePosixPath(name.removesuffix(".gz")).suffix.lower() in endings]
    listed = ", ".join(list(tables or names)[:10]) + (" …" if len(tables or names) > 10 else "")
    if len(tables) > 1:
        return f"it holds {len(tables)} tables ({listed}); give one of them, or put their rows into one table"
    if tables:
        return f"it holds other files beside the table ({tables[0]}); give that file by itself"
    return f"neither a table, NumPy arrays nor a dataset of Minari is in it; it holds {listed or 'nothing'}"
