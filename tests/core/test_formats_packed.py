"""Feather and Arrow files, and files that were packed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc as ipc
import pytest
from log_files import CASES, arrow_file, assert_same, log, minari_arrow, parquet, read_file

from offrl_core.formats import FileError, Limits, preview_file
from offrl_core.processes.file_reader import read_isolated

LIMITS = Limits(bytes=1_000_000, unpacked=2_000_000, rows=10_000, columns=10)
CSV = b"episode,state,action,reward,done\n0,a,l,0.5,0\n0,b,r,1,1\n1,a,r,0,1\n"
JSON = b'{"s": 0, "a": 1, "r": 2.5}\n{"s": 1, "a": 0, "r": 1, "done": true}\n'
PARQUET = parquet({"s": [0, 1], "a": [1, 0], "r": [2.5, 1.0], "done": [False, True]})


def zipped(data: bytes, name: str = "inner.csv", **more: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
        for other, body in more.items():
            archive.writestr(other, body)
    return file.getvalue()


zstd = partial(pa.compress, codec="zstd", asbytes=True)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd,
    "zip": zipped,
}


# --- packed files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_files_are_read_as_what_is_in_them(ending: str) -> None:
    for data, name in ((CSV, "log.csv"), (JSON, "log.jsonl"), (PARQUET, "log.parquet")):
        plain = read_file(data, name="inner.csv" if ending == "zip" else name)
        packed = read_file(PACKERS[ending](data), name=f"{name}.{ending}", isolated=True)
        assert_same(packed.dataset, plain.dataset)
        assert packed.format == plain.format
        assert preview_file(PACKERS[ending](data), name=f"{name}.{ending}").mapping == packed.mapping


def test_a_packed_case() -> None:
    reading = read_file(CASES / "log.csv.gz")
    data = reading.dataset
    assert [data.observation_names[s] for s in data.observations] == ["home", "list", "item", "home", "home", "list"]
    assert [data.action_names[a] for a in data.actions] == ["click", "click", "buy", "leave", "click", "leave"]
    np.testing.assert_array_equal(data.rewards, [0, 0, 1, 0, 0, 0])
    np.testing.assert_array_equal(data.terminations, [False, False, True, True, False, True])
    assert data.name == "log"


def test_pieces_in_a_row_and_layers() -> None:
    """Packed files that were put one after the other, an archive with what systems add, and a packed file in one."""
    halves = CSV[:40], CSV[40:]
    for ending in ("gz", "bz2", "xz", "zst"):
        assert len(read_file(b"".join(map(PACKERS[ending], halves))).dataset) == 3
    litter = zipped(CSV, "my logs/log.csv", **{"__MACOSX/my logs/._log.csv": b"x", "my logs/.DS_Store": b"y"})
    assert len(read_file(litter).dataset) == 3
    assert len(read_file(zipped(gzip.compress(CSV), "log.csv.gz")).dataset) == 3
    with pytest.raises(FileError, match="more than 2 times"):
        read_file(gzip.compress(gzip.compress(gzip.compress(CSV))))


@pytest.mark.parametrize("ending", PACKERS)
def test_bombs_are_refused_before_they_are_unpacked(ending: str) -> None:
    bomb = PACKERS[ending](bytes(50_000_000))
    assert len(bomb) < 100_000
    begun = time.monotonic()
    with pytest.raises(FileError, match=r"^bomb: .*bytes after unpacking; at most 2,000,000 are allowed"):
        read_file(bomb, name="bomb", limits=LIMITS)
    assert time.monotonic() - begun < 5
    nested = gzip.compress(bomb)
    with pytest.raises(FileError, match="bytes after unpacking"):
        read_file(nested, name="bomb", limits=LIMITS)


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
def test_damaged_and_cut_files_say_so(ending: str) -> None:
    data = PACKERS[ending](CSV * 100)
    for broken in (data[:-9], data[: len(data) // 2], data[:10], data[:8] + bytes([255, 255, 255]) + data[11:]):
        with pytest.raises(FileError, match=r"file is damaged, or ends too early|not known|no row|first line"):
            read_file(broken)
    with pytest.raises(FileError, match=r"x\.csv\.gz, row 4"):
        read_file(gzip.compress(CSV + b"1,2\n"), name="x.csv.gz")


def test_a_zip_archive_that_lies_about_its_size() -> None:
    data = bytearray(zipped(bytes(3_000_000)))
    claims = struct.pack("<I", 3_000_000)
    lie = bytes(data).replace(claims, struct.pack("<I", 30))
    with pytest.raises(FileError):
        read_file(lie, limits=LIMITS)


# --- Arrow -----------------------------------------------------------------------------------------------------------


def feather(table: pa.Table, **how: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.feather.write_feather(table, file, **how)
    return file.getvalue()


def stream(table: pa.Table, rows: int | None = None) -> bytes:
    file = io.BytesIO()
    with ipc.new_stream(file, table.schema) as out:
        out.write_table(table, max_chunksize=rows)
    return file.getvalue()


def test_a_flat_feather() -> None:
    reading = read_file(CASES / "flat.feather", isolated=True)
    assert reading.format == "arrow"
    data = reading.dataset
    np.testing.assert_array_equal(data.observations, [0, 1, 2] * 2)
    np.testing.assert_array_equal(data.actions, [0, 1, 0, 1, 1, 0])
    np.testing.assert_array_equal(data.rewards, [0, 0, 1] * 2)
    np.testing.assert_array_equal(data.terminations, [False, False, True] * 2)


TABLE = pa.table(
    {
        "run": pa.array([i // 1000 for i in range(2500)], pa.int32()),
        "obs": [{"x": i / 8, "y": [i, -i]} for i in range(2500)],
        "info": [{"text": "x"}] * 2500,
        "action": pa.array([("none", "up")[i % 2] for i in range(2500)]).dictionary_encode(),
        "reward": pa.array([i % 9 for i in range(2500)], pa.float32()),
        "truncated": [i % 1000 == 999 for i in range(2500)],
    }
)


@pytest.mark.parametrize("kind", ["lz4", "zstd", "uncompressed", "stream", "pieces"])
def test_columns_of_every_kind(kind: str) -> None:
    data = {"stream": stream(TABLE), "pieces": stream(TABLE, 700)}.get(kind)
    reading = read_file(data or feather(TABLE, compression=kind, chunksize=900))
    assert reading.format == "arrow"
    found = reading.dataset
    assert found.observation_names == ("obs.x", "obs.y[0]", "obs.y[1]")
    np.testing.assert_array_equal(found.observations[-1], [2499 / 8, 2499, -2499])
    np.testing.assert_array_equal(found.episode_starts, [0, 1000, 2000])
    np.testing.assert_array_equal(found.rewards, np.arange(2500) % 9)
    assert found.action_names == ("none", "up")
    assert preview_file(data or feather(TABLE)).rows == 2500
    with pytest.raises(FileError, match="column 'info': it holds struct"):
        read_file(data or feather(TABLE), mapping={"state": ["info"], "action": "action", "reward": "reward"})


def test_what_minari_writes_stays_minari(tmp_path: Path) -> None:
    folder = minari_arrow(tmp_path, log())
    assert read_file(folder / "data" / "3" / "part-0.arrow").format == "minari-arrow"
    flat = {name: [0, 1] for name in ("observations", "actions", "rewards", "terminations", "truncations", "episode")}
    reading = read_file(arrow_file(flat | {"truncations": [0, 0]}))
    assert (reading.format, len(reading.dataset)) == ("arrow", 2)


@pytest.mark.parametrize("compression", ["lz4", "zstd", "uncompressed"])
def test_arrow_bombs_and_limits(compression: str) -> None:
    """One piece that is large inside: its own claim is read, and nothing of it."""
    zeros = pa.table({"s": np.zeros(9_000), **{f"x{i}": np.zeros((9_000,)) for i in range(9)}})
    wide = feather(zeros, compression=compression, chunksize=9_000)
    small = replace(LIMITS, unpacked=100_000)
    with pytest.raises(FileError, match="720,000 bytes after unpacking; at most 100,000 are allowed"):
        read_file(wide, limits=small)
    with pytest.raises(FileError, match="9,000 rows; at most 1,000 are allowed"):
        read_file(wide, limits=replace(LIMITS, rows=1_000))
    with pytest.raises(FileError, match="10 columns; at most 9 are allowed"):
        read_file(wide, limits=replace(LIMITS, columns=9))


def test_arrow_files_that_lie() -> None:
    """A buffer that claims a size it does not have, or a negative one."""
    data = feather(pa.table({"s": np.zeros(9_000), "a": np.zeros(9_000), "r": np.zeros(9_000)}), compression="zstd")
    size = struct.pack("<q", 72_000)
    assert data.count(size) == 3
    for claim in (10**15, -5, 71_000, 0):
        with pytest.raises(FileError, match=r"^lie: "):
            read_isolated(data.replace(size, struct.pack("<q", claim)), name="lie", limits=LIMITS)
    for whole in (data, stream(TABLE, 700)):
        for length in (9, len(whole) // 2, len(whole) - 1):
            with pytest.raises(FileError, match="ends too early"):
                read_file(whole[:length])


def test_empty_and_old() -> None:
    with pytest.raises(FileError, match="no row of data"):
        read_file(feather(TABLE.slice(0, 0)))
    with pytest.raises(FileError, match="no column is mapped"):
        read_file(feather(pa.table({"x": [1]})))
