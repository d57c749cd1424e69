"""Files of other kinds: a refusal says what each seems to be, what is missing, and the remedy."""

from __future__ import annotations

import gzip
import io
import pickle
import sqlite3
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from log_files import read_file
from workbooks import zip_of

from offrl_core.formats import FORMATS, FileError, dates, preview_file
from offrl_core.processes.file_reader import preview_isolated

TABLE = b"s,a,r\n0,0,0\n1,1,1\n"


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("log.csv")
        info.size = len(TABLE)
        archive.addfile(info, io.BytesIO(TABLE))
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((3, 4)))
    return file.getvalue()


def sqlite(folder: Path) -> bytes:
    with sqlite3.connect(folder / "log.db") as base:
        base.execute("create table log (s, a, r)")
    return (folder / "log.db").read_bytes()


def hdf5() -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        out["data/demo_0/obs/joint_pos"] = np.zeros((3, 7))
    return file.getvalue()


FILES: dict[str, tuple[bytes, str]] = {
    "log.xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        r"old \(\.xls\) or has a password: save it as \.xlsx",
    ),
    "log.pkl": (pickle.dumps({"s": [0]}), "pickle of Python, which can run code.*never is: .*to_parquet"),
    "buffer.pickle": (pickle.dumps([1], protocol=2), "pickle of Python"),
    "obs.npy": (npy(), r"a single array of NumPy \(\.npy\): save the arrays with numpy\.savez"),
    "log.feather": (b"FEA1" + bytes(200), "Feather file of version 1: write it again"),
    "log.orc": (b"ORC" + bytes(20), "an ORC table: save it as Parquet or CSV"),
    "log.avro": (b"Obj\x01\x04\x14avro.codec", "an Avro table"),
    "log.mat": (b"MATLAB 5.0 MAT-file".ljust(124) + bytes(4), "a MATLAB file: load it with scipy"),
    "log.rds": (gzip.compress(b"X\n\x00\x00\x00\x03\x00\x04"), "data of R: write it with write.csv"),
    "log.tar": (tar(), "a tar archive: take the file with the log out of it"),
    "log.tgz": (gzip.compress(tar()), "a tar archive"),
    "log.7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7-Zip archive: unpack it first"),
    "log.lz4": (b"\x04\x22\x4d\x18\x64\x40\xa7", "packed with LZ4: unpack it first"),
    "paper.pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document: a table is needed with one row per decision"),
    "look.png": (b"\x89PNG\r\n\x1a\n\0\0", "a picture"),
    "run.mp4": (b"\0\0\0\x20ftypisom", "a video"),
    "log.csv": (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "a web page.*download it again"),
    "log.xml": (b'<?xml version="1.0"?><log><step s="0"/></log>', "XML: save it as CSV or JSON"),
    "log-00000.tfrecord-0": (b"\x1c\x00\x00\x00\x00\x00\x00\x00\xff", "TFRecords.*tensorflow_datasets"),
    "log.h5": (hdf5(), "none of the known layouts.*it holds data.*observations, actions, rewards, terminals"),
    "log.bin": (bytes(range(256)), "the format is not known, and this is not text: save it as one of CSV, Parquet"),
    "model.zip": (zip_of({"policy.pth": b"x", "data": b"y"}), "model of Stable-Baselines3: the log"),
    "model.pt": (zip_of({"archive/data.pkl": b"x", "archive/version": b"3"}), "checkpoint of PyTorch.*numpy"),
    "log.xlsb": (zip_of({"xl/workbook.bin": b"x", "[Content_Types].xml": b""}), r"\(\.xlsb\): save it as \.xlsx"),
    "paper.docx": (zip_of({"word/document.xml": b"x", "[Content_Types].xml": b""}), "a document of Word"),
    "text.odt": (
        zip_of(
            {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"", "META-INF/manifest.xml": b""}
        ),
        "neither a table",
    ),
    "log.zarr.zip": (zip_of({"log/obs/.zarray": b"{}", "log/.zgroup": b"{}"}), "a Zarr store"),
    "two.zip": (
        zip_of({"a/one.csv": TABLE, "a/two.csv.gz": TABLE}),
        r"it holds 2 tables \(a/one\.csv, a/two\.csv\.gz\)",
    ),
    "more.zip": (zip_of({"log.csv": TABLE, "README": b"x"}), r"other files beside the table \(log\.csv\)"),
    "none.zip": (zip_of({"a": b"x", "b": b"y"}), "neither a table, NumPy arrays nor .* it holds a, b"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_seems_to_be_and_the_remedy(name: str) -> None:
    data, message = FILES[name]
    for look in (read_file, preview_file):
        with pytest.raises(FileError, match=rf"(?s)^{name}: .*{message}"):
            look(data, name=name)


def test_files_on_disk_are_told_too(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"log\.db: this seems to be a SQLite database: export a query as CSV"):
        read_file(sqlite(tmp_path), name="log.db")
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "log-train.tfrecord-00000-of-00001").write_bytes(b"x")
    with pytest.raises(FileError, match="dataset: this seems to be TFRecords"):
        read_file(tmp_path / "dataset")
    with pytest.raises(FileError, match="pickle of Python"):
        preview_isolated(pickle.dumps({}), name="log.pkl")


def test_the_first_name_of_a_column_may_be_any_word() -> None:
    for name in ("MZ", "ORC", "RDX", "GIF8", "RIFF", "MATLAB", "FEA1", "BZh9", "PK"):
        data = f"{name},s,a,r\n1,0,0,0\n1,1,1,1\n".encode()
        mapping = {"state": ["s"], "action": "a", "reward": "r"}
        assert len(read_file(data, name="log.csv", mapping=mapping).dataset) == 2


def test_every_format_has_a_reader() -> None:
    from importlib import import_module

    for record in FORMATS.values():
        module = import_module(record.module)
        assert hasattr(module, "open_table" if record.mapped else "read")


def test_the_page_on_files_names_every_format() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for record in FORMATS.values():
        (row,) = [row for row in rows if record.title in row.split("|")[1]]
        assert all(f"`{ending}`" in row for ending in record.suffixes)
    for date in dates.FORMS.replace(" or ", ", ").split(", "):
        assert f"`{date}`" in page
