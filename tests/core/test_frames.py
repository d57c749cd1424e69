"""Tables in memory: taken as if they stood in a file."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from log_files import CASES, assert_same, read_file

import offrl_core as orl
from offrl_core.formats import FileError, read_frame

TABLES = (
    "two_actions.csv",
    "onehot_action.csv",
    "decision_table.csv",
    "event_time.csv",
    "weblog.csv",
    "none_action.csv",
)


def same(one: orl.Dataset, other: orl.Dataset) -> None:
    vars(one)["name"] = other.name
    assert_same(one, other)
    np.testing.assert_array_equal(one.next_known, other.next_known)
    assert (one.propensities is None) == (other.propensities is None)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_memory_is_the_table_in_the_file(name: str) -> None:
    filed = read_file(CASES / name)
    frame = pd.read_csv(CASES / name, keep_default_na=False)
    forms: tuple[Any, ...] = (
        frame,
        {column: frame[column] for column in frame},
        {column: frame[column].to_numpy() for column in frame},
        {column: frame[column].tolist() for column in frame},
        pa.Table.from_pandas(frame),
    )
    for form in forms:
        taken = read_frame(form)
        assert taken.mapping == filed.mapping
        same(orl.Dataset.from_frame(form), filed.dataset)
        same(orl.Dataset.from_frame(form, filed.mapping.to_json()), filed.dataset)


@pytest.mark.parametrize("name", ["lerobot.parquet", "lerobot_cont.parquet", "struct.parquet", "dt_rows.parquet"])
def test_lists_and_structures_in_memory(name: str) -> None:
    table = pq.read_table(CASES / name)
    filed = read_file(CASES / name).dataset
    for form in (table, table.to_pandas(), table.to_pydict(), table.to_pandas(types_mapper=pd.ArrowDtype)):
        same(orl.Dataset.from_frame(form), filed)


def test_arrays_of_every_shape() -> None:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "obs": rng.normal(size=(20, 3)),
        "action": rng.integers(0, 3, (20, 1)),
        "reward": rng.normal(size=(20, 1)).astype(np.float16),
        "done": np.arange(20).reshape(20, 1) % 5 == 4,
    }
    data = orl.Dataset.from_frame(columns, gamma=0.9)
    np.testing.assert_allclose(data.observations, columns["obs"].astype(np.float32))
    np.testing.assert_array_equal(data.actions, columns["action"][:, 0])
    np.testing.assert_array_equal(data.rewards, columns["reward"][:, 0])
    assert (data.n_episodes, data.gamma) == (4, 0.9)
    flags = columns | {"obs": rng.random((20, 4)) < 0.5, "action": np.eye(3, dtype=bool)[columns["action"][:, 0]]}
    data = orl.Dataset.from_frame(flags)
    np.testing.assert_array_equal(data.observations, flags["obs"].astype(np.float32))
    np.testing.assert_array_equal(data.actions, columns["action"][:, 0])
    masked = columns | {"reward": np.ma.masked_array(np.ones(20), np.arange(20) == 7)}
    with pytest.raises(FileError, match="row 8, column 'reward': the reward is missing"):
        orl.Dataset.from_frame(masked)


def test_the_types_of_pandas() -> None:
    begun = pd.Timestamp("2024-05-01 08:00")
    frame = pd.DataFrame(
        {
            "visit_id": pd.Series(["b", "b", "a", "a"], dtype="string"),
            "at": [begun, begun - pd.Timedelta("1h"), begun, begun + pd.Timedelta("1s")],
            "state": pd.Categorical(["low", "high", "low", "mid"], categories=["low", "mid", "high"]),
            "action": pd.array([3, 4, 3, None], dtype="Int64"),
            "reward": pd.array([1.5, 0.5, 0.25, None], dtype="Float64"),
            "done": pd.array([True, False, True, None], dtype="boolean"),
        }
    )
    reading = read_frame(frame)
    mapping = reading.mapping
    assert mapping is not None
    assert (mapping.state, mapping.episode, mapping.time) == (("state",), "visit_id", "at")
    data = orl.Dataset.from_frame(frame)
    assert (data.observation_names, data.action_names) == (("high", "low", "mid"), ("3", "4"))
    np.testing.assert_array_equal(data.observations, [0, 1, 1])  # sorted by time
    np.testing.assert_array_equal(data.actions, [1, 0, 0])
    np.testing.assert_array_equal(data.rewards, [0.5, 1.5, 0.25])
    assert data.next_observations[2] == 2  # the row without an action is the final state
    file = io.BytesIO()
    frame.to_parquet(file)
    same(orl.Dataset.from_frame(frame), read_file(file.getvalue()).dataset)
    indexed = frame.set_index(["visit_id", "at"])
    same(orl.Dataset.from_frame(indexed), data)
    same(orl.Dataset.from_frame(frame.set_axis([7, 1, 3, 9])), data)  # an index without a name is no column


def test_rarer_types_of_pandas() -> None:
    frame = pd.DataFrame(
        {
            "month": pd.PeriodIndex(["2024-03", "2024-01", "2024-02", "2024-04"], freq="M"),
            "state": pd.cut([1, 5, 9, 2], [0, 3, 6, 10]),
            "action": pd.arrays.SparseArray([0, 1, 0, 1]),
            "reward": pd.Series([0.5, 1.5, np.nan, 2.5], dtype="Sparse[float]"),
        }
    )
    mapping = {"state": ["state"], "action": "action", "reward": "reward", "time": "month", "episode": "run"}
    frame["run"] = 1
    with pytest.raises(FileError, match="row 3, column 'reward': the reward is missing"):
        orl.Dataset.from_frame(frame, mapping)
    data = orl.Dataset.from_frame(frame.fillna({"reward": 9.0}), mapping)
    assert data.observation_names == ("(0, 3]", "(3, 6]", "(6, 10]")
    np.testing.assert_array_equal(data.rewards, [1.5, 9.0, 0.5, 2.5])
    np.testing.assert_array_equal(data.actions, [1, 0, 0, 1])
    np.testing.assert_array_equal(data.observations, [1, 2, 0, 0])


def test_cells_of_any_kind() -> None:
    columns: dict[str, Any] = {
        "episode": [2**70, 2**70, 2**70 + 1],
        "t": [dt.date(2024, 1, 2), dt.date(2024, 1, 1), dt.date(2024, 1, 1)],
        "state": np.array(["x", None, "y"], dtype=object),
        "action": [b"go", b"stay", b"go"],
        "reward": [np.float32(1), np.int8(2), 3],
    }
    with pytest.raises(FileError, match=r"frame, row 2, column 'state': the state is missing"):
        orl.Dataset.from_frame(columns)
    data = orl.Dataset.from_frame(columns | {"state": [np.array([1.0, 2]), (3, 4), [5, 6]]})
    np.testing.assert_array_equal(data.observations, [[3, 4], [1, 2], [5, 6]])
    np.testing.assert_array_equal(data.rewards, [2, 1, 3])
    assert (data.n_episodes, data.action_names) == (2, ("go", "stay"))
    missing = {"state": pd.Series(["x", np.nan, "y"]), "action": [0, 1, 0], "reward": [0.0, pd.NA, 1.0]}
    with pytest.raises(FileError, match="row 2, column 'state'"):
        orl.Dataset.from_frame(missing)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        ([[0, 1, 2]], "list is not allowed: a DataFrame"),
        ({}, "there is no column"),
        ({"state": [], "action": [], "reward": []}, "there is no row of data"),
        ({"state": [0, 1], "action": [0, 1, 1], "reward": [0, 1]}, r"column 'action': it has 3 rows, 'state' has 2"),
        ({"state": [0, 1], "action": "ab", "reward": [0, 1]}, r"column 'action': a column is needed.*it is str"),
        ({"state": [0, 1], "action": [0, {"x": 1}], "reward": [0, 1]}, r"row 2, column 'action': it holds a structure"),
        ({"state": {0, 1}, "action": [0, 1], "reward": [0, 1]}, "column 'state': a column is needed.*it is set"),
        ({"state": [0j, 1j], "action": [0, 1], "reward": [0, 1]}, r"column 'state': it holds complex128"),
        ({"state": [0, 1], "action": np.float64(3), "reward": [0, 1]}, "column 'action': a column is needed"),
        (pd.DataFrame([[0, 1, 1.0]], columns=["state", "action", "action"]), "no column is mapped to the reward"),
    ],
)
def test_what_is_no_table_is_refused(frame: Any, why: str) -> None:
    with pytest.raises(FileError, match=why):
        orl.Dataset.from_frame(frame)


def test_a_mapping_in_memory_is_kept_for_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    from offrl_live.runs import datasets
    from offrl_live.runs.config import Lane, RunConfig
    from offrl_live.runs.script import script

    frame = pq.read_table(CASES / "lerobot_cont.parquet").to_pandas()
    data = orl.Dataset.from_frame(frame, gamma=0.8)
    assert data.opened["mapping"]["bins"] == 4
    source = script(RunConfig(datasets.keep(data), {}, (Lane("bc", "linear"),)), 2)
    assert "orl.Dataset.from_frame(" in source
    made: dict[str, Any] = {"given": frame}
    exec(source.replace("    ...,", "    given,"), made)
    same(made["dataset"], data)
    assert made["dataset"].gamma == 0.8
