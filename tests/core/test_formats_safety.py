"""Files from strangers: lies about sizes, links out of the file, code in the file, and readers that die."""

from __future__ import annotations

import io
import os
import pickle
import struct
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_files import arrow_file, assert_same, log, minari_arrow, parquet, read_file, zipped

from offrl_core import Dataset
from offrl_core.formats import FileError, Limits

SMALL = Limits(bytes=1_000_000, unpacked=1_000_000, rows=1000, columns=10, members=50)
CSV = b"s,a,r\n0,0,0\n1,1,1\n"


def refuse(data: bytes, message: str, limits: Limits = SMALL) -> None:
    """Reading is refused with this message, which names the file."""
    with pytest.raises(FileError, match=rf"(?s)^evil\.x.*{message}"):
        read_file(data, name="evil.x", limits=limits)


def npz(**arrays: bytes | np.ndarray) -> bytes:
    """An archive of arrays; bytes stand as they are."""
    file = io.BytesIO()
    good = {"observations": np.zeros((4, 2)), "actions": np.arange(4) % 2, "rewards": np.zeros(4)}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in {**good, **arrays}.items():
            if isinstance(values, np.ndarray):
                body = io.BytesIO()
                np.save(body, values)
                values = body.getvalue()
            archive.writestr(f"{name}.npy", values)
    return file.getvalue()


def header(shape: str, dtype: str = "<f8") -> bytes:
    """The header of an array that claims this shape."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def test_sizes_are_refused_before_unpacking() -> None:
    refuse(bytes(1_000_001), "1,000,001 bytes of file; at most 1,000,000 are allowed")
    refuse(b"s,a,r\n" + b"0,0,0\n" * 1001, "1,001 rows; at most 1,000 are allowed")
    refuse(b",".join(b"x%d" % i for i in range(11)) + b"\n" + b"1," * 10 + b"1\n", "11 columns; at most 10 are allowed")
    refuse(parquet({"s": range(1001), "a": range(1001), "r": range(1001)}), "1,001 rows")
    refuse(parquet({f"s{i}": [1] for i in range(11)}), "11 columns")
    refuse(npz(observations=np.zeros((4, 11))), "11 columns")
    assert len(npz(observations=np.zeros((4, 1_000_000)))) < 100_000  # a small file that is large inside
    refuse(npz(observations=np.zeros((4, 1_000_000))), "bytes after unpacking")


def test_a_file_that_ends_too_early_says_so() -> None:
    with h5py.File(file := io.BytesIO(), "w") as out:
        out["observations"] = np.zeros((400, 2))
    refuse(file.getvalue()[:900], "ends too early")


def test_archives_that_lie() -> None:
    refuse(
        npz(rewards=header("(99999999,)") + bytes(32)), "column 'rewards': 99,999,999 rows; at most 1,000 are allowed"
    )
    refuse(npz(rewards=header("(4, 99999999)") + bytes(32)), "column 'rewards': .*bytes after unpacking")
    refuse(npz(rewards=header("(40,)") + bytes(32)), r"column 'rewards': an array of shape \(40,\) needs 320 bytes")
    refuse(npz(rewards=header("(-4,)") + bytes(32)), "is impossible")
    refuse(npz(rewards=header("(4,") + bytes(32)), "its header cannot be read")
    refuse(npz(rewards=header("(4,)", "|O") + bytes(32)), "Python objects, which are never unpacked")
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for i in range(60):
            archive.writestr(f"{i}.npy", b"")
    refuse(many.getvalue(), "60 files, episodes or pieces; at most 50 are allowed")
    # The directory of the archive says 80 bytes where a megabyte follows: never more than that is unpacked.
    big = npz(rewards=header("(4,)") + bytes(2_000_000))
    size = struct.pack("<I", 128 + 2_000_000)
    assert big.count(size) == 2
    with pytest.raises(FileError):
        read_file(big.replace(size, struct.pack("<I", 128 + 32)), name="evil.x", limits=SMALL)


def test_no_code_is_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'owned'}",)

    file = io.BytesIO()
    np.save(file, np.array([Trap()] * 4, dtype=object), allow_pickle=True)
    refuse(npz(rewards=file.getvalue()), "Python objects")
    refuse(pickle.dumps(Trap()), "")
    with h5py.File(file := io.BytesIO(), "w") as out:
        out["observations"] = np.zeros((4, 2))
        out["rewards"] = np.zeros(4)
        out["terminals"] = np.zeros(4)
        out["actions"] = np.void(pickle.dumps(Trap()))
    refuse(file.getvalue(), "column 'actions': it holds .*numbers are needed")
    assert not list(tmp_path.iterdir())


def test_hdf5_stays_within_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as out:
        out["rewards"] = np.arange(4.0)
    (tmp_path / "secret.bin").write_bytes(np.arange(4.0).tobytes())
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "rewards", (4,))

    def made(build) -> bytes:
        file = io.BytesIO()
        with h5py.File(file, "w", libver="latest") as out:
            out["observations"] = np.zeros((4, 2))
            out["actions"] = [0, 1, 0, 1]
            out["terminals"] = [False] * 4
            build(out)
        return file.getvalue()

    def huge_chunks(out: h5py.File) -> None:
        out.create_dataset("rewards", shape=(4,), maxshape=(None,), chunks=(10**8,), dtype="f8")

    traps = {
        "is a link to another place": lambda out: out.__setitem__("rewards", h5py.ExternalLink(str(secret), "rewards")),
        "a link to another place or": lambda out: out.__setitem__("rewards", h5py.SoftLink("/observations")),
        "lie in other files": lambda out: out.create_virtual_dataset("rewards", layout),
        "numbers lie in other files, which": lambda out: out.create_dataset(
            "rewards", shape=(4,), dtype="f8", external=[(str(tmp_path / "secret.bin"), 0, 32)]
        ),
        "000,000 rows; at most": lambda out: out.create_dataset("rewards", shape=(10**12,), chunks=True, dtype="f8"),
        "bytes after unpacking": lambda out: out.create_dataset("rewards", shape=(4, 10**12), chunks=True, dtype="f8"),
        "800,000,000 bytes after unpacking": huge_chunks,
        "an array is needed": lambda out: out.create_group("rewards"),
        "it holds text, numbers are needed": lambda out: out.create_dataset("rewards", data=["a", "b", "c", "d"]),
        "it is empty": lambda out: out.create_dataset("rewards", data=h5py.Empty("f8")),
    }
    for message, build in traps.items():
        refuse(made(build), rf"column 'rewards': .*{message}")
    refuse(made(lambda out: None), "no column is mapped to the reward")


def test_hdf5_filters_from_plugins_are_refused() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        for name, values in (("observations", np.zeros((4, 2))), ("actions", [0, 1, 0, 1]), ("terminals", [0] * 4)):
            out[name] = values
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4,))
        plan.set_filter(h5py.h5z.FILTER_DEFLATE, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(out.id, b"rewards", h5py.h5t.NATIVE_DOUBLE, space, plan)
    data = file.getvalue()
    # Turn the number of the deflate filter (1) into one that no library has, where the filter's description stands.
    place = data.index(b"deflate") - 8
    assert data[place : place + 2] == b"\x01\x00"
    refuse(data[:place] + struct.pack("<H", 32_123) + data[place + 2 :], "unknown filter \\(32123\\)")


def test_folders_do_not_lead_out(tmp_path: Path) -> None:
    folder = minari_arrow(tmp_path / "set", log(episodes=2))
    (folder / "data" / "2").mkdir()
    (folder / "data" / "2" / "part-0.arrow").symlink_to(folder / "data" / "0" / "part-0.arrow")
    assert read_file(folder).dataset.n_episodes == 2
    archive = zipped(folder)
    assert read_file(archive).dataset.n_episodes == 3
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            new.writestr("../" * 5 + info.filename, old.read(info))
    before = set(tmp_path.rglob("*"))
    assert read_file(out.getvalue()).dataset.n_episodes == 3  # names are labels: nothing is unpacked to disk
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [pa.string(), pa.binary()])
def test_parquet_that_repeats_a_long_word_stays_small(kind: pa.DataType) -> None:
    rows, word = 500_000, "x" * 20_000  # 5 GB if each row held its own copy
    words = pa.DictionaryArray.from_arrays(np.arange(rows, dtype=np.int8) % 2, pa.array([word, "y"], kind))
    file = io.BytesIO()
    table = pa.table({"s": np.zeros(rows, dtype=np.int8), "r": np.zeros(rows), "a": words})
    pq.write_table(table, file, store_schema=False)
    assert pq.read_schema(file).field("a").type == kind
    assert len(file.getvalue()) < 1_000_000
    before = pa.total_allocated_bytes()
    with pytest.raises(FileError, match="column 'a': a label of 20000 letters is too long"):
        read_file(file)
    assert pa.total_allocated_bytes() - before < 100_000_000
    assert pa.default_memory_pool().max_memory() < 2_000_000_000


def test_parquet_that_lies_about_its_rows() -> None:
    rows = 100_000
    file = io.BytesIO()
    pq.write_table(pa.table({"s": np.zeros(rows), "a": np.zeros(rows), "r": np.zeros(rows)}), file, compression="zstd")
    assert len(file.getvalue()) < 10_000
    refuse(file.getvalue(), "100,000 rows")
    refuse(file.getvalue(), "bytes after unpacking", replace(SMALL, rows=rows))


def test_arrow_offsets_that_point_elsewhere() -> None:
    words = ["north", "south"] * 8
    columns = {
        "observations": words,
        "actions": [0, 1] * 8,
        "rewards": [0.0] * 16,
        "terminations": [False] * 16,
        "truncations": [False] * 16,
    }
    data = bytearray(arrow_file(columns))
    offsets = np.arange(0, 81, 5, dtype=np.int32).tobytes()
    place = bytes(data).index(offsets)
    data[place + 4 : place + 8] = struct.pack("<i", 2**30)
    refuse(bytes(data), "")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    with pytest.raises(FileError, match="neither a file nor a folder"):
        read_file(tmp_path / "pipe")
    with pytest.raises(FileError, match="opened as text"):
        read_file(io.StringIO("s,a,r"))
    with pytest.raises(TypeError, match="must be a path"):
        read_file(3)


def test_errors_survive_a_process_boundary() -> None:
    error = FileError("wrong", file="x.csv", row=3, column="a")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == "x.csv, row 3, column 'a': wrong"
    assert (again.file, again.row, again.column) == ("x.csv", 3, "a")


def test_groups_that_hold_themselves_are_walked_once() -> None:
    def episode(build) -> bytes:
        file = io.BytesIO()
        with h5py.File(file, "w") as out:
            group = out.create_group("episode_0")
            group["actions"], group["rewards"] = [0, 1], [0.0, 1.0]
            group["terminations"], group["truncations"] = [False, True], [False, False]
            build(group.create_group("observations"))
        return file.getvalue()

    def itself(group: h5py.Group) -> None:
        for name in "abcdef":
            group[name] = group

    def many_ways(group: h5py.Group) -> None:
        # Twenty ways from each of seven groups to the next: 20⁷ ways in all, in a file of a few kilobytes.
        for _ in range(7):
            below = group.file.create_group(f"at {group.name.replace('/', ' ')}")
            for way in range(20):
                group[str(way)] = below
            group = below

    for build in (itself, many_ways):
        begun = time.monotonic()
        with pytest.raises(FileError, match="column 'observations': 4,097 columns; at most 4,096 are allowed"):
            read_file(episode(build))
        assert time.monotonic() - begun < 20


def test_a_small_file_that_becomes_a_large_dataset_is_refused() -> None:
    """Numbers of one byte grow to eight: what the dataset needs is counted before it is made."""
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        for name in ("actions", "rewards", "terminals"):
            out.create_dataset(name, shape=(49_000,), chunks=True, dtype="i1", compression="gzip")
        out.create_dataset("observations", shape=(49_000, 50), chunks=True, dtype="i1", compression="gzip")
    assert len(file.getvalue()) < 5_000
    with pytest.raises(FileError, match=r"^upload, column 'observations': 20,874,000 bytes after unpacking"):
        read_file(file, limits=Limits(unpacked=10_000_000, rows=50_000))


def test_long_labels_are_not_taken_for_rows() -> None:
    file = io.BytesIO()
    given = Dataset.from_columns(
        [0, 1, 0], [0, 1, 1], [0.0, 1.0, 2.0], [False, False, True], action_names=("x" * 500, "y")
    )
    given.to_file(file, format="npz")
    assert_same(read_file(file, limits=replace(SMALL, rows=3)).dataset, given)


def test_labels_that_do_not_fit_are_refused() -> None:
    claim = b'# offrl {"version": 1, "n_actions": 2, "action_names": ["x"]}\ns,a,r\n0,0,0\n1,1,1\n'
    refuse(claim, "action_names has 1 labels: it must have 2")
