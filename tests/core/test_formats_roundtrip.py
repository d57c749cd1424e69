"""What is written reads back equal, in every format that is written."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from log_files import assert_same, read_file

from offrl_core import Dataset, DatasetError, load_dataset
from offrl_core.formats import FORMATS
from tests.hypothesis_profiles import examples

WRITTEN = [record.name for record in FORMATS.values() if record.writes]

labels = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
floats32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
floats64 = st.floats(-3e38, 3e38)  # rewards have 64 bits and the range of 32


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Any small dataset: tabular or not, with or without names and behaviour policies, next states known or not."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    rows = sum(lengths)
    last = np.zeros(rows, dtype=bool)
    last[np.cumsum(lengths) - 1] = True
    term = last & np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)))
    states = draw(st.booleans())
    size = draw(st.integers(1, 3))
    if states:
        n_states = draw(st.integers(1, 5))
        observations = draw(npst.arrays(np.int64, rows + 1, elements=st.integers(0, n_states - 1)))
        names = draw(st.one_of(st.just(()), st.tuples(*[labels] * n_states)))
    else:
        n_states = None
        observations = draw(npst.arrays(np.float32, (rows + 1, size), elements=floats32))
        names = draw(st.one_of(st.just(()), st.tuples(*[labels] * size)))
    n_actions = draw(st.integers(1, 4))
    after = observations[1:].copy()
    if draw(st.booleans()):
        after[last] = observations[:-1][last]
    behaviors = None
    if draw(st.booleans()):
        behaviors = draw(npst.arrays(np.int64, len(lengths), elements=st.integers(0, 2)))
    return Dataset.from_columns(
        observations[:-1],
        draw(npst.arrays(np.int64, rows, elements=st.integers(0, n_actions - 1))),
        draw(npst.arrays(np.float64, rows, elements=floats64)),
        term,
        episode_ids=np.repeat(np.arange(len(lengths)), lengths),
        next_observations=after,
        n_actions=n_actions,
        n_states=n_states,
        action_names=draw(st.one_of(st.just(()), st.tuples(*[labels] * n_actions))),
        observation_names=names,
        gamma=draw(st.floats(0, 1)),
        name=draw(labels),
        options={"seed": draw(st.integers(0, 9)), "mix": draw(labels)},
        behaviors=behaviors,
        behavior_names=() if behaviors is None else ("a", "b", "c"),
    )


@pytest.mark.parametrize("format", WRITTEN)
@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=datasets())
def test_reads_back_equal(format: str, data: Dataset) -> None:
    file = io.BytesIO()
    data.to_file(file, format=format)
    reading = read_file(file.getvalue())
    assert reading.format == format
    assert_same(reading.dataset, data)
    assert not [finding for finding in reading.findings if finding.code not in ("missing-final-flag",)]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz", ".hdf5", ""])
def test_a_catalogue_dataset_through_a_path(tmp_path: Path, ending: str) -> None:
    data = load_dataset("double-crossing", seed=3)
    path = tmp_path / f"log{ending}"
    data.to_file(path)
    again = Dataset.from_file(path)
    assert_same(again, data)
    assert again.mdp is None  # a file is a log: what is known of the world is not in it
    np.testing.assert_array_equal(again.counts, data.counts)
    np.testing.assert_array_equal(again.returns_to_go(0.9), data.returns_to_go(0.9))


def test_csv_is_plain_for_other_programs(tmp_path: Path) -> None:
    import pandas as pd

    data = load_dataset("double-crossing")
    data.to_file(tmp_path / "log.csv")
    frame = pd.read_csv(tmp_path / "log.csv", comment="#")
    assert list(frame.columns) == [
        "episode",
        "step",
        "observation",
        "action",
        "reward",
        "next_observation",
        "terminated",
        "truncated",
        "behavior",
    ]
    np.testing.assert_array_equal(frame["observation"], data.observations)
    np.testing.assert_array_equal(frame["terminated"], data.terminations)


def test_minari_cannot_hold_jumps() -> None:
    data = Dataset.from_columns([0, 1], [0, 1], [0.0, 1.0], [False, True], next_observations=[5, 6])
    with pytest.raises(DatasetError, match="row 0: it is not the observation of the following row"):
        data.to_file(io.BytesIO(), format="minari")
    file = io.BytesIO()
    data.to_file(file, format="parquet")
    assert_same(Dataset.from_file(file), data)


def test_formats_that_are_not_written_are_refused(tmp_path: Path) -> None:
    data = Dataset.from_columns([0, 1], [0, 1], [0.0, 1.0], [False, True])
    for target, format in ((tmp_path / "x.xls", None), (tmp_path / "x.h5", "d4rl"), (io.BytesIO(), None)):
        with pytest.raises(DatasetError, match="must be one of csv"):
            data.to_file(target, format=format)
    assert not list(tmp_path.iterdir())
