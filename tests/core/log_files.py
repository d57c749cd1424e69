"""Files in the layouts that other programs write, made from one small log."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from offrl_core import Dataset, formats
from offrl_core.formats import ColumnMapping, Finding
from offrl_core.processes.file_reader import read_isolated

CASES = Path(__file__).parent / "cases"
COLUMNS = ("observations", "actions", "rewards", "next_observations", "terminations", "truncations", "episode_starts")
FACTS = ("n_actions", "n_states", "action_names", "observation_names", "gamma", "name", "options", "behavior_names")


def assert_same(one: Dataset, other: Dataset) -> None:
    """Both hold the same log: equal columns of equal type, and equal facts about them."""
    for name in COLUMNS:
        left, right = getattr(one, name), getattr(other, name)
        assert left.dtype == right.dtype, name
        np.testing.assert_array_equal(left, right, err_msg=name)
    for name in FACTS:
        assert getattr(one, name) == getattr(other, name), name
    assert (one.behaviors is None) == (other.behaviors is None)
    if one.behaviors is not None:
        np.testing.assert_array_equal(one.behaviors, other.behaviors)


@dataclass(frozen=True)
class Read:
    """A file that was read: its dataset, and what the reader told of it."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    format: str
    mapping: ColumnMapping | None


def read_file(source: Any, *, isolated: bool = False, **how: Any) -> Read:
    """Read a file into a dataset, here or in another process; arguments and errors as in `offrl_core.formats`."""
    reading = (read_isolated if isolated else formats.read_file)(source, **how)
    return Read(Dataset.from_reading(reading), reading.findings, reading.format, reading.mapping)


def case(name: str, **how: Any) -> Read:
    """A file of `CASES` that was read."""
    return read_file(CASES / name, **how)


def finding(reading: Read, code: str) -> Finding:
    """The one finding with this code."""
    (found,) = [found for found in reading.findings if found.code == code]
    return found


def codes(reading: Read) -> set[str]:
    """The codes of what the reader found."""
    return {finding.code for finding in reading.findings}


def read_csv(text: str, **how: Any) -> Read:
    """Read a CSV given as text."""
    return read_file(text.encode(), name="log.csv", **how)


def log(seed: int = 0, episodes: int = 12, tabular: bool = False, actions: int = 3) -> list[dict[str, np.ndarray]]:
    """Episodes of 1 to 6 rows, with one observation more than rows; the even ones terminate, the odd ones are cut."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(episodes):
        rows = 1 + (number * 5 + seed) % 6
        states = rng.integers(0, 7, rows + 1)
        vectors = rng.normal(size=(rows + 1, 3)).astype(np.float32)
        made.append(
            {
                "observations": states if tabular else vectors,
                "actions": rng.integers(0, actions, rows),
                "rewards": rng.normal(size=rows),
                "terminations": np.arange(rows) == (rows - 1 if number % 2 == 0 else rows),
                "truncations": np.arange(rows) == (rows - 1 if number % 2 == 1 else rows),
            }
        )
    return made


def stacked(episodes: list[dict[str, np.ndarray]], name: str) -> np.ndarray:
    """One column of all episodes, without final observations."""
    return np.concatenate([episode[name][: len(episode["actions"])] for episode in episodes])


def expected(episodes: list[dict[str, np.ndarray]], *, final: bool, **details: Any) -> Dataset:
    """The dataset of a log; `final` says whether the file knew the observation after each last row."""
    after = None
    if final:
        after = np.concatenate([episode["observations"][1:] for episode in episodes])
    names = ("observations", "actions", "rewards", "terminations", "truncations")
    return Dataset.from_columns(*(stacked(episodes, name) for name in names), next_observations=after, **details)


def minari_hdf5(episodes: list[dict[str, np.ndarray]], attributes: dict[str, Any] | None = None) -> bytes:
    """`main_data.hdf5` as Minari 0.5 writes it: chunked arrays, infos beside them, keys in the order of their text."""
    file = io.BytesIO()
    with h5py.File(file, "w", track_order=True) as out:
        out.attrs.update(attributes or {})
        for number, episode in enumerate(episodes):
            group = out.create_group(f"episode_{number}")
            group.attrs["id"] = number
            group.attrs["seed"] = number
            group.attrs["total_steps"] = len(episode["actions"])
            for name, values in episode.items():
                group.create_dataset(name, data=values, chunks=True, maxshape=(None, *values.shape[1:]))
            group.create_dataset("infos/x", data=np.zeros(len(episode["observations"])))
    return file.getvalue()


def minari_metadata(tabular: bool, episodes: int, **more: Any) -> dict[str, Any]:
    """`metadata.json` as Minari 0.5 writes it."""
    box = {"type": "Box", "dtype": "float32", "shape": [3], "low": [-9.0] * 3, "high": [9.0] * 3}
    states = {"type": "Discrete", "dtype": "int64", "start": 0, "n": 9}
    return {
        "total_episodes": episodes,
        "total_steps": 0,
        "data_format": "hdf5",
        "observation_space": json.dumps(states if tabular else box),
        "action_space": json.dumps({"type": "Discrete", "dtype": "int64", "start": 0, "n": 4}),
        "env_spec": "{}",
        "dataset_id": "lake/random-v0",
        "minari_version": "0.5.4",
        **more,
    }


def minari_space(values: Any) -> pa.Array:
    """What Minari makes of the values of a space: boxes are lists of one length, parts are structures."""
    if isinstance(values, dict):
        return pa.StructArray.from_arrays([minari_space(part) for part in values.values()], names=list(values))
    if isinstance(values, list):
        return pa.array(values)
    if values.ndim == 2:
        kind = pa.list_(pa.from_numpy_dtype(values.dtype), values.shape[1])
        return pa.FixedSizeListArray.from_arrays(values.reshape(-1), type=kind)
    return pa.array(values, pa.int32())


def minari_arrow(path: Path, episodes: list[dict[str, np.ndarray]], format: str = "arrow", **more: Any) -> Path:
    """The folder of Minari's Arrow (or Parquet) storage, written the way Minari does: a padded row ends each table."""
    data = path / "data"
    for number, episode in enumerate(episodes):
        observations = episode["observations"]
        batch = pa.RecordBatch.from_pydict(
            {
                "episode_id": np.full(len(observations), number, dtype=np.int32),
                "observations": minari_space(observations),
                "actions": minari_space(np.pad(episode["actions"], (0, 1))),
                **{name: np.pad(episode[name], (0, 1)) for name in ("rewards", "terminations", "truncations")},
                "infos": pa.array(['{"x": 1}'] * len(observations), pa.string()),
            }
        )
        pads.write_dataset(
            batch, data, format=format, partitioning=["episode_id"], existing_data_behavior="overwrite_or_ignore"
        )
        steps = len(episode["actions"])
        (data / str(number) / "metadata.json").write_text(json.dumps({"id": number, "total_steps": steps}))
    plain = minari_metadata(episodes[0]["observations"].ndim == 1, len(episodes), data_format=format, **more)
    (data / "metadata.json").write_text(json.dumps(plain))
    return path


def zipped(folder: Path) -> bytes:
    """A folder as a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for place in sorted(folder.rglob("*")):
            if place.is_file():
                archive.write(place, place.relative_to(folder.parent).as_posix())
    return file.getvalue()


def d4rl(
    episodes: list[dict[str, np.ndarray]], *, timeouts: bool = True, following: bool = False, **more: Any
) -> bytes:
    """Flat arrays, compressed, with infos and metadata beside them, as D4RL's files are."""
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        for name, theirs in (("observations",) * 2, ("actions",) * 2, ("rewards",) * 2, ("terminations", "terminals")):
            out.create_dataset(theirs, data=stacked(episodes, name), compression="gzip")
        if timeouts:
            out["timeouts"] = stacked(episodes, "truncations")
        if following:
            out["next_observations"] = np.concatenate([episode["observations"][1:] for episode in episodes])
        out["infos/qpos"] = np.zeros((3, 2))
        out["metadata/algorithm"] = "SAC"
        for name, values in more.items():
            if name in out:
                del out[name]
            out[name] = values
    return file.getvalue()


def d3rlpy_2(episodes: list[dict[str, np.ndarray]], *, tuples: bool = False) -> bytes:
    """`ReplayBuffer.dump` of d3rlpy 2.8 (dataset version 2.1)."""
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        out.create_dataset("columns", data=["observations", "actions", "rewards", "terminated"])
        out.create_dataset("num_episodes", data=len(episodes))
        for number, episode in enumerate(episodes):
            rows = len(episode["actions"])
            observations = episode["observations"][:rows]
            if tuples:
                out.create_dataset(f"observations_{number}_0", data=observations[:, :1])
                out.create_dataset(f"observations_{number}_1", data=observations[:, 1:])
            else:
                out.create_dataset(f"observations_{number}", data=observations)
            actions = episode["actions"].reshape(rows, -1)
            actions = actions.astype(np.int32 if actions.dtype.kind == "i" else np.float32)
            out.create_dataset(f"actions_{number}", data=actions)
            out.create_dataset(f"rewards_{number}", data=episode["rewards"][:, None].astype(np.float32))
            out.create_dataset(f"terminated_{number}", data=bool(episode["terminations"].any()))
        out.create_dataset("version", data="2.1")
    return file.getvalue()


def d3rlpy_1(episodes: list[dict[str, np.ndarray]], *, version: bool = True, discrete: bool = True) -> bytes:
    """`MDPDataset.dump` of d3rlpy 1; without a version, of d3rlpy 0, where rewards stand one row later."""
    file = io.BytesIO()
    ends = stacked(episodes, "terminations") | stacked(episodes, "truncations")
    arrays = {name: stacked(episodes, name) for name in ("observations", "actions", "rewards", "terminations")}
    if not version:
        # One row more for each episode: its final observation, with the last reward and a made-up action.
        arrays = {
            "observations": np.concatenate([episode["observations"] for episode in episodes]),
            "actions": np.concatenate([np.append(episode["actions"], 0) for episode in episodes]),
            "rewards": np.concatenate([np.append(0.0, episode["rewards"]) for episode in episodes]),
            "terminations": np.concatenate([np.append(False, episode["terminations"]) for episode in episodes]),
        }
        ends = np.concatenate([np.arange(len(e["observations"])) == len(e["actions"]) for e in episodes])
    with h5py.File(file, "w") as out:
        for name, values in arrays.items():
            out.create_dataset("terminals" if name == "terminations" else name, data=values.astype(np.float32))
        out.create_dataset("episode_terminals", data=ends.astype(np.float32))
        out.create_dataset("discrete_action", data=discrete)
        if version:
            out.create_dataset("version", data="1.0")
    return file.getvalue()


def parquet(columns: dict[str, Any]) -> bytes:
    """A Parquet file."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def arrow_file(columns: dict[str, Any]) -> bytes:
    """An Arrow file."""
    file = io.BytesIO()
    table = pa.table(columns)
    with ipc.new_file(file, table.schema) as out:
        out.write_table(table)
    return file.getvalue()
