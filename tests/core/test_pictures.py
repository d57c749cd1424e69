"""Observations that are pictures: shrunk by averaging areas, or refused by what they are."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_files import CASES, arrow_file, codes, d3rlpy_2, d4rl, finding, log, minari_hdf5, read_file, stacked

import offrl_core as orl
from offrl_core.formats import ColumnMapping, FileError, Limits, preview_file
from offrl_core.formats.pictures import plane, shrunk

ROWS = 12


def frames(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (ROWS, *shape)).astype(np.uint8)


def by_hand(values: np.ndarray, factor: int, height: int) -> np.ndarray:
    """Means of areas, pixel by pixel."""
    rows = [
        np.stack(
            [
                values.take(range(j, min(j + factor, values.shape[height + 1])), height + 1)
                .take(range(i, min(i + factor, values.shape[height])), height)
                .mean(axis=(height, height + 1))
                for j in range(0, values.shape[height + 1], factor)
            ],
            axis=height,
        )
        for i in range(0, values.shape[height], factor)
    ]
    return np.stack(rows, axis=height)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((84, 84), (0, 1)),
        ((1, 84, 84), (1, 2)),
        ((84, 84, 3), (0, 1)),
        ((4, 64, 96), (1, 2)),
        ((4, 84, 84, 3), (1, 2)),
        ((4, 3, 84, 84), (2, 3)),
        ((4, 27), None),
        ((128,), None),
        ((50, 50, 50), None),
    ],
)
def test_which_axes_are_a_picture(shape: tuple[int, ...], axes: tuple[int, int] | None) -> None:
    assert plane(shape) == axes


@pytest.mark.parametrize(("shape", "height"), [((1, 20, 17), 2), ((20, 17, 3), 1), ((21, 19), 1)])
@pytest.mark.parametrize("factor", [2, 3])
def test_shrinking_is_the_mean_of_areas(shape: tuple[int, ...], height: int, factor: int) -> None:
    values = frames(*shape)
    np.testing.assert_allclose(shrunk(values, factor), by_hand(values, factor, height), rtol=1e-6)
    assert shrunk(values, 1) is values
    flat = np.full((2, *shape), 7, dtype=np.uint8)
    np.testing.assert_array_equal(shrunk(flat, factor), 7)


def npz(observations: np.ndarray, **more: np.ndarray) -> bytes:
    file = io.BytesIO()
    columns = {"actions": np.arange(ROWS) % 3, "rewards": np.ones(ROWS), "dones": np.arange(ROWS) % 4 == 3}
    np.savez(file, observations=observations, **columns, **more)
    return file.getvalue()


def test_frames_beyond_the_limit_are_shrunk_by_as_little_as_needed() -> None:
    values = frames(84, 84, 3)
    reading = read_file(npz(values, next_observations=values[::-1]))
    np.testing.assert_allclose(reading.dataset.observations, by_hand(values, 3, 1).reshape(ROWS, -1), rtol=1e-6)
    np.testing.assert_array_equal(reading.dataset.next_observations, reading.dataset.observations[::-1])
    told = finding(reading, "shrunk-frames")
    assert told.message == "each observation is a frame of 84 × 84 × 3, 21,168 numbers; 4,096 numbers are allowed"
    assert "by 3 in both directions, to 28 × 28 × 3, 2,352 numbers" in told.remedy
    assert (told.severity, reading.mapping.shrink) == ("warning", 3)
    assert preview_file(npz(values)).mapping.state == ("observations",)
    smaller = read_file(npz(values), mapping=replace(reading.mapping, shrink=7, next_state=()))
    np.testing.assert_allclose(smaller.dataset.observations, by_hand(values, 7, 1).reshape(ROWS, -1), rtol=1e-6)
    with pytest.raises(
        FileError, match=r"frame of 84 × 84 × 3 has 21,168 numbers.*shrink = 3 for frames of 28 × 28 × 3"
    ):
        read_file(npz(values), mapping=replace(reading.mapping, shrink=2, next_state=()))
    small = read_file(npz(values[:, :32, :32, :1]))
    assert (small.dataset.observations.shape, small.mapping.shrink) == ((ROWS, 1024), None)
    assert "shrunk-frames" not in codes(small)


@pytest.mark.parametrize("isolated", [False, True])
def test_frames_of_every_format(isolated: bool) -> None:
    episodes = log(episodes=4)
    rng = np.random.default_rng(1)
    for episode in episodes:
        episode["observations"] = rng.integers(0, 256, (len(episode["actions"]) + 1, 1, 84, 84)).astype(np.uint8)
    want = by_hand(stacked(episodes, "observations"), 2, 2).reshape(-1, 42 * 42)
    box = json.dumps({"type": "Box", "dtype": "uint8", "shape": [1, 84, 84], "low": 0, "high": 255})
    for content in (d3rlpy_2(episodes), minari_hdf5(episodes, {"observation_space": box}), d4rl(episodes)):
        reading = read_file(content, isolated=isolated)
        np.testing.assert_allclose(reading.dataset.observations, want, rtol=1e-6)
        assert reading.mapping.shrink == 2
        tiny = read_file(content, isolated=isolated, mapping=replace(reading.mapping, shrink=21))
        assert tiny.dataset.observations.shape[1] == 16
    columns = {"obs": stacked(episodes, "observations"), "action": stacked(episodes, "actions")}
    data = orl.Dataset.from_frame(columns | {"reward": stacked(episodes, "rewards")})
    np.testing.assert_allclose(data.observations, want, rtol=1e-6)


def test_a_dumped_buffer_of_frames_opens_at_half_the_size() -> None:
    with h5py.File(CASES / "d3_pixel.h5") as file:
        stored = {name: [file[f"{name}_{e}"][()] for e in range(3)] for name in ("observations", "actions", "rewards")}
    reading = read_file(CASES / "d3_pixel.h5")
    data, want = reading.dataset, by_hand(np.concatenate(stored["observations"]), 2, 2).reshape(60, -1)
    np.testing.assert_allclose(data.observations, want, rtol=1e-6)
    np.testing.assert_array_equal(data.actions, np.concatenate(stored["actions"])[:, 0])
    np.testing.assert_array_equal(data.rewards, np.concatenate(stored["rewards"])[:, 0])
    np.testing.assert_array_equal(np.flatnonzero(data.terminations), [19, 39, 59])
    assert reading.mapping.shrink == 2


@pytest.mark.parametrize("name", ["pix-arrow-v0.zip", "pix-hdf5-v0.zip"])
def test_compressed_frames_are_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(FileError, match=r"JPEG.*Store each frame as an array of numbers, height × width × channels"):
        read_file(CASES / name)


def test_what_is_too_large_and_no_picture_is_refused() -> None:
    with pytest.raises(FileError, match=r"'observations': 125,000 columns; at most 4,096 are allowed"):
        read_file(npz(np.zeros((ROWS, 50, 50, 50))))
    with pytest.raises(FileError, match=r"'observations': 30 columns; at most 20 are allowed"):
        read_file(npz(np.zeros((ROWS, 30))), limits=Limits(columns=20))
    with pytest.raises(FileError, match="shrink = 0 is not allowed: it must be"):
        ColumnMapping.from_json({"shrink": 0})


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG pictures"),
        (b"\x89PNG\r\n\x1a\n", "PNG pictures"),
        (b"\xfe\xff\0", "unknown"),
    ],
)
def test_bytes_say_what_they_are(cell: bytes, what: str) -> None:
    file = io.BytesIO()
    columns = {"observation": [cell] * 4, "action": [0, 1, 0, 1], "reward": [0.0] * 4}
    pq.write_table(pa.table(columns), file)
    with pytest.raises(FileError, match=rf"column 'observation': .*{what}.*\. Store each frame as an array of numbers"):
        read_file(file.getvalue())
    robot = {**columns, "observation": [{"bytes": cell, "path": "a.png"}] * 4}
    file = io.BytesIO()
    pq.write_table(pa.table(robot), file)
    with pytest.raises(FileError, match=r"column 'observation': it holds bytes.*as pictures are stored\. Store"):
        read_file(file.getvalue())
    file = io.BytesIO()
    pq.write_table(pa.table(robot).append_column("observation.state", pa.array([[0.5, i] for i in range(4)])), file)
    beside = read_file(file.getvalue())
    assert beside.mapping.state == ("observation.state",)  # a picture beside numbers is left out, and named
    assert finding(beside, "unused-columns").message.endswith("observation")


def test_minari_says_what_its_bytes_are() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        group = out.create_group("episode_0")
        cells = group.create_dataset("observations", (3,), dtype=h5py.vlen_dtype(np.uint8))
        for row in range(3):
            cells[row] = np.frombuffer(b"\xff\xd8\xff\xe0", dtype=np.uint8)
        group["actions"], group["rewards"] = [0, 1], [0.0, 1.0]
        group["terminations"], group["truncations"] = [False, True], [False, False]
    with pytest.raises(
        FileError, match=r"observations': each row holds bytes, as compressed pictures.*Store each frame"
    ):
        read_file(file.getvalue())
    columns = {
        "observations": pa.array([b"\xff\xd8\xff\xe0"] * 3, pa.binary()),
        "actions": [0, 1, 0],
        "rewards": [0.0, 1.0, 0.0],
        "terminations": [False, True, False],
        "truncations": [False] * 3,
    }
    with pytest.raises(FileError, match=r"'observations'.*JPEG pictures\. Store each frame"):
        read_file(arrow_file(columns), format="minari-arrow")
