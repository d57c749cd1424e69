"""Damaged files of every format: reading gives a dataset or an error that names the file, and does nothing else."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import json
import lzma
import time
import zipfile
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from fuzzing import LIMITS, fuzzed, judge, watched
from hypothesis import given
from hypothesis import strategies as st
from log_files import (
    d3rlpy_1,
    d3rlpy_2,
    d4rl,
    expected,
    log,
    minari_arrow,
    minari_hdf5,
    minari_metadata,
    read_file,
    zipped,
)
from workbooks import ods, xlsx

from offrl_core.formats import ColumnMapping, FileError, preview_file
from offrl_core.processes.file_reader import preview_isolated

PACKED = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": partial(pa.compress, codec="zstd", asbytes=True),
}
PYTHON_PARSED = ("csv", "csv-loose", "npz", "json", "rllib", *PACKED, "zip")
"""Formats whose parsers take damage without harm, so that they can be watched in this very process; the libraries
behind the others abort or hang on some files (single flipped bits are enough) and are read in another process."""


def written(format: str, tabular: bool = False) -> bytes:
    """A small log in one of the formats that are written."""
    file = io.BytesIO()
    labels = ("left", "right", "stay")
    expected(log(tabular=tabular), final=True, action_names=labels).to_file(file, format=format)
    return file.getvalue()


def loose_csv() -> bytes:
    """A table with everything that invites trouble: text, blanks, a date, quotes."""
    rows = [
        f'{i // 4},2024-01-{1 + i % 4:02d},{i % 3},{["a", "b c", ""][i % 2]},{i / 7},{["yes", "no"][i % 2]},"q"'
        for i in range(24)
    ]
    return "\n".join(["ep,time,s,action,reward,policy,note", *rows]).encode()


def loose_json() -> bytes:
    """Records with everything that invites trouble: lists, structures, text, nothing, and a key that is left out."""
    rows = [
        {"episode": i // 4, "obs": [i / 7, i], "extra": {"x": [i], "y": None}, "action": ["a", "none"][i % 2]}
        | ({} if i % 4 else {"first": True})
        | {"reward": i / 3, "note": "é\n"}
        for i in range(12)
    ]
    return "\n".join(json.dumps(row) for row in rows).encode()


def rllib() -> bytes:
    """Batches of columns."""
    batch = {"obs": [[0.0, 1.0], [1.0, 1.0]], "actions": [0, 1], "rewards": [0.0, 1.0], "dones": [False, True]}
    return "\n".join(json.dumps({"type": "SampleBatch", **batch, "eps_id": [i, i]}) for i in range(3)).encode()


def typed_table() -> pa.Table:
    """Columns of every kind."""
    return pa.table(
        {
            "episode": [i // 4 for i in range(12)],
            "obs": [[i / 7, i] for i in range(12)],
            "action": pa.array(["a", "none"] * 6).dictionary_encode(),
            "reward": [i / 3 for i in range(12)],
            "note": [None if i == 3 else "x" for i in range(12)],
            "done": [i % 4 == 3 for i in range(12)],
        }
    )


def trajectories() -> bytes:
    """A row for each episode, with lists of vectors, continuous actions and propensities."""
    lengths = [3, 1, 4, 2]
    columns = {
        "observations": [[[i / 7, t] for t in range(n + 1)] for i, n in enumerate(lengths)],
        "actions": [[[i / 3 + t, t % 2, i] for t in range(n)] for i, n in enumerate(lengths)],
        "rewards": [[t / 2 for t in range(n)] for n in lengths],
        "terminated": [True, False, True, True],
    }
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def feather(**how: Any) -> bytes:
    """A Feather file."""
    file = io.BytesIO()
    pyarrow.feather.write_feather(typed_table(), file, **how)
    return file.getvalue()


def arrow_stream() -> bytes:
    """An Arrow stream of several pieces."""
    file = io.BytesIO()
    with pa.ipc.new_stream(file, typed_table().schema) as out:
        out.write_table(typed_table(), max_chunksize=5)
    return file.getvalue()


SHEET = [
    ["episode", "when", "x", "action", "reward", "done"],
    *([i // 4, dt.datetime(2024, 1, 1, i), i / 7, ["a", "none"][i % 2], i, i % 4 == 3] for i in range(12)),
]
"""Cells of every kind."""


def zipped_text(data: bytes) -> bytes:
    """A zip archive of one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.csv", data)
    return file.getvalue()


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file in each layout."""
    folder = tmp_path_factory.mktemp("minari")
    arrow = minari_arrow(folder / "arrow", log())
    inner = (arrow / "data" / "3" / "part-0.arrow").read_bytes()
    return {
        "csv": written("csv", tabular=True),
        "csv-loose": loose_csv(),
        **{ending: packed(loose_csv()) for ending, packed in PACKED.items()},
        "zip": zipped_text(loose_csv()),
        "feather": feather(),
        "feather-plain": feather(compression="uncompressed"),
        "arrow-stream": arrow_stream(),
        "xlsx": xlsx(SHEET),
        "ods": ods(SHEET),
        "json": loose_json(),
        "rllib": rllib(),
        "parquet": written("parquet"),
        "trajectories": trajectories(),
        "npz": written("npz"),
        "d4rl": d4rl(log(), following=True),
        "d3rlpy-1": d3rlpy_1(log()),
        "d3rlpy-2": d3rlpy_2(log(episodes=5)),
        "minari": minari_hdf5(log(episodes=5), minari_metadata(False, 5)),
        "minari-own": written("minari", tabular=True),
        "minari-arrow": zipped(arrow),
        "arrow-inner": inner,
    }


_KEYS = ("csv", "csv-loose", "parquet", "npz", "d4rl", "d3rlpy-1", "d3rlpy-2", "minari", "minari-own", "minari-arrow")
KEYS = (
    *_KEYS,
    "arrow-inner",
    "trajectories",
    "json",
    "rllib",
    *PACKED,
    "zip",
    "feather",
    "feather-plain",
    "arrow-stream",
    "xlsx",
    "ods",
)

ARCHIVES = ("npz", "xlsx", "ods")
PREVIEWED = ("csv", "csv-loose", "json", "rllib", "zst", "feather", "parquet", "d4rl", "minari-arrow")

place = st.floats(0, 1, exclude_max=True)
change = st.one_of(
    st.tuples(st.just("flip"), place, st.integers(0, 7)),
    st.tuples(st.just("set"), place, st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])),
    st.tuples(st.just("cut"), place, st.just(0)),
    st.tuples(st.just("drop"), place, st.integers(1, 64)),
    st.tuples(st.just("double"), place, st.integers(1, 64)),
    st.tuples(st.just("insert"), place, st.integers(0, 255)),
)
changes = st.lists(change, min_size=1, max_size=8)


def damaged(data: bytes, plan: list[tuple[str, float, int]]) -> bytes:
    """The file after some changes."""
    out = bytearray(data)
    for kind, share, number in plan:
        at = int(share * len(out))
        if not out:
            break
        if kind == "flip":
            out[at] ^= 1 << number
        elif kind == "set":
            out[at] = number
        elif kind == "cut":
            del out[at:]
        elif kind == "drop":
            del out[at : at + number]
        elif kind == "double":
            out[at:at] = out[at : at + number]
        else:
            out[at:at] = bytes([number])
    return bytes(out)


def test_sound_files_are_read_and_the_watch_is_awake(samples: dict[str, bytes], tmp_path: Any) -> None:
    for data in samples.values():
        assert judge(data) == "read"
        assert judge(data, isolated=True) == "read"
    with pytest.raises(AssertionError), watched():
        (tmp_path / "x").write_text("x")
    with pytest.raises(AssertionError), watched():
        eval("1")


def _fuzz(samples: dict[str, bytes], key: str, plan: list[tuple[str, float, int]]) -> None:
    judge(damaged(samples[key], plan), isolated=key not in PYTHON_PARSED)


def _fuzz_archive(samples: dict[str, bytes], key: str, member: int, plan: list[tuple[str, float, int]]) -> None:
    """Damage inside an archive whose checksums are right again."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(samples[key])) as old, zipfile.ZipFile(out, "w") as new:
        for index, name in enumerate(old.namelist()):
            body = old.read(name)
            new.writestr(name, damaged(body, plan) if index == member % len(old.namelist()) else body)
    judge(out.getvalue(), isolated=key not in PYTHON_PARSED)


words = st.one_of(
    st.sampled_from(["", "0", "1", "-1", "0.5", "nan", "inf", "1e400", "true", "no", "a", "é", '"', "2024-01-01", " "]),
    st.integers(-(2**70), 2**70).map(str),
    st.text(max_size=4),
)
tables = st.lists(st.lists(words, min_size=5, max_size=6).map(",".join), max_size=12).map("\n".join)


def _fuzz_table(text: str, **choices: Any) -> None:
    """Any table at all, with every way of reading it."""
    mapping = ColumnMapping(state=("s",), action="a", reward="r", episode="e", done="d", **choices)
    judge(("s,a,r,e,d\n" + text).encode("utf-8", "surrogatepass"), mapping, "csv")


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from(["", "NA", "none", "a", "é", "1", "2024-01-01", "[1, 2]"]),
)
keys = st.sampled_from(["state", "action", "reward", "done", "episode", "obs", "next_obs", "type", "data", "columns"])
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=20,
)
records = st.fixed_dictionaries({"state": values, "action": values, "reward": values, "done": values})


def _fuzz_json(tops: list[Any]) -> None:
    """Any values at all, as a list and one after the other."""
    judge(json.dumps(tops).encode(), format="json")
    judge("\n".join(json.dumps(top) for top in tops).encode(), format="json")


def _fuzz_preview(samples: dict[str, bytes], key: str, plan: list[tuple[str, float, int]]) -> None:
    message = "fuzz.bin"
    try:
        with watched():
            preview = preview_file if key in PYTHON_PARSED else preview_isolated
            preview(damaged(samples[key], plan), name="fuzz.bin", limits=LIMITS)
    except FileError as refusal:
        message = str(refusal)
    assert message.startswith("fuzz.bin")


table_choices = {
    "states": st.sampled_from(["auto", "table", "vector"]),
    "reward_row": st.sampled_from(["same", "next"]),
    "missing": st.sampled_from(["refuse", "drop"]),
    "both": st.sampled_from(["terminated", "truncated"]),
}


@pytest.mark.parametrize(
    ("key", "plan"),
    [
        ("minari", [("flip", 0.17167245195631864, 6)]),  # libhdf5 2.0 hangs, reading an array
        ("minari-own", [("flip", 0.016922197936878363, 2)]),  # libhdf5 2.0 hangs, reading an attribute
    ],
)
def test_damage_that_makes_a_library_hang(samples: dict[str, bytes], key: str, plan: list[Any]) -> None:
    """What the other process is for: wherever the flipped bit lands by now, the answer comes in time."""
    limits = replace(LIMITS, seconds=1.0)
    begun = time.monotonic()
    try:
        read_file(damaged(samples[key], plan), isolated=True, limits=limits)
    except FileError as refusal:
        message = str(refusal)
    else:
        message = "read"
    assert message
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("key", KEYS)
def test_damaged_files(samples: dict[str, bytes], key: str) -> None:
    fuzzed(50)(given(plan=changes)(lambda plan: _fuzz(samples, key, plan)))()


@pytest.mark.parametrize("key", ARCHIVES)
def test_damage_in_a_sound_archive(samples: dict[str, bytes], key: str) -> None:
    fuzzed(50)(
        given(member=st.integers(0, 8), plan=changes)(lambda member, plan: _fuzz_archive(samples, key, member, plan))
    )()


def test_any_table() -> None:
    fuzzed(100)(given(text=tables, **table_choices)(_fuzz_table))()


def test_any_json() -> None:
    fuzzed(100)(given(tops=st.lists(st.one_of(records, values), max_size=4))(_fuzz_json))()


@pytest.mark.parametrize("key", PREVIEWED)
def test_damaged_previews(samples: dict[str, bytes], key: str) -> None:
    fuzzed(20)(given(plan=changes)(lambda plan: _fuzz_preview(samples, key, plan)))()


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_damaged_files_at_length(samples: dict[str, bytes], key: str) -> None:
    fuzzed(1000)(given(plan=changes)(lambda plan: _fuzz(samples, key, plan)))()


@pytest.mark.slow
@pytest.mark.parametrize("key", ARCHIVES)
def test_damage_in_a_sound_archive_at_length(samples: dict[str, bytes], key: str) -> None:
    fuzzed(1000)(
        given(member=st.integers(0, 8), plan=changes)(lambda member, plan: _fuzz_archive(samples, key, member, plan))
    )()


@pytest.mark.slow
def test_any_table_at_length() -> None:
    fuzzed(3000)(given(text=tables, **table_choices)(_fuzz_table))()


@pytest.mark.slow
def test_any_json_at_length() -> None:
    fuzzed(3000)(given(tops=st.lists(st.one_of(records, values), max_size=4))(_fuzz_json))()


@pytest.mark.slow
@pytest.mark.parametrize("key", PREVIEWED)
def test_damaged_previews_at_length(samples: dict[str, bytes], key: str) -> None:
    fuzzed(1000)(given(plan=changes)(lambda plan: _fuzz_preview(samples, key, plan)))()
