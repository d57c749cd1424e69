"""Files in the layouts of D4RL, d3rlpy, Minari and plain NPZ, with the traps that each of them has."""

from __future__ import annotations

import io
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from log_files import (
    arrow_file,
    assert_same,
    codes,
    d3rlpy_1,
    d3rlpy_2,
    d4rl,
    expected,
    log,
    minari_arrow,
    minari_hdf5,
    minari_metadata,
    minari_space,
    read_file,
    stacked,
    zipped,
)

from offrl_core import Dataset
from offrl_core.formats import FileError, preview_file

NAMES = ("observations[0]", "observations[1]", "observations[2]")
"""What the components of an array of vectors are called."""


@pytest.mark.parametrize("tabular", [False, True])
def test_minari_hdf5_has_one_observation_more_and_text_ordered_keys(tabular: bool) -> None:
    episodes = log(tabular=tabular)
    reading = read_file(minari_hdf5(episodes))
    assert reading.format == "minari"
    assert codes(reading) == {"unused-columns"}
    assert_same(reading.dataset, expected(episodes, final=True, name="upload"))
    assert reading.dataset.n_episodes == 12  # episode_10 and episode_11 come last, not after episode_1


def test_minari_folder_and_zip_take_sizes_and_name_from_the_description(tmp_path: Path) -> None:
    episodes = log(tabular=True)
    folder = tmp_path / "random-v0"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "main_data.hdf5").write_bytes(minari_hdf5(episodes))
    (folder / "data" / "metadata.json").write_text(json.dumps(minari_metadata(True, 12)))
    want = expected(episodes, final=True, n_states=9, n_actions=4, name="lake/random-v0")
    assert_same(read_file(folder).dataset, want)
    assert_same(read_file(folder / "data").dataset, want)
    assert_same(read_file(zipped(folder), name="random.zip").dataset, want)


def test_minari_description_in_the_file_itself() -> None:
    described = minari_metadata(True, 13)
    start = json.dumps({"type": "Discrete", "n": 5, "start": 2})
    episodes = log(tabular=True)
    for episode in episodes:
        episode["actions"] = episode["actions"] + 2
    reading = read_file(minari_hdf5(episodes, {**described, "action_space": start}))
    assert codes(reading) == {"episode-count", "unused-columns"}  # 13 announced, 12 there
    assert reading.dataset.n_actions == 5
    assert reading.dataset.action_names == ("2", "3", "4", "5", "6")
    np.testing.assert_array_equal(reading.dataset.actions + 2, stacked(episodes, "actions"))


def test_minari_observations_of_several_parts_become_one_vector() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        for number in range(3):
            group = out.create_group(f"episode_{number}")
            group["observations/goal"] = np.full((4, 2), number, dtype=np.float64)
            group["observations/inner/_index_0"] = np.arange(4)
            group.create_dataset("observations/mission", data=["go"] * 4)
            group["actions"] = [0, 1, 0]
            group["rewards"] = [0.0, 0.0, 1.0]
            group["terminations"] = [False, False, True]
            group["truncations"] = [False] * 3
    reading = read_file(file.getvalue())
    assert codes(reading) == {"text-parts"}
    assert reading.dataset.observation_names == ("goal[0]", "goal[1]", "inner/_index_0")
    np.testing.assert_array_equal(reading.dataset.observations[3], [1, 1, 0])
    np.testing.assert_array_equal(reading.dataset.next_observations[5], [1, 1, 3])


def test_minari_refuses_wrong_lengths() -> None:
    episodes = log()
    episodes[3]["rewards"] = episodes[3]["rewards"][:-1]
    with pytest.raises(FileError, match=r"'rewards'.*episode 3 has 3 of them and 4 actions"):
        read_file(minari_hdf5(episodes))


def test_minari_without_final_observation_says_so() -> None:
    episodes = log(episodes=2)
    full = episodes[1]["observations"]
    episodes[1]["observations"] = full[:-1]  # the second one was cut: its last row has no next state
    reading = read_file(minari_hdf5(episodes))
    assert codes(reading) == {"no-final-observation", "no-next-state", "unused-columns"}
    np.testing.assert_array_equal(reading.dataset.next_observations[-1], reading.dataset.observations[-1])
    missing = next(finding for finding in reading.findings if finding.code == "no-next-state")
    assert (missing.count, missing.rows, missing.place) == (1, (len(reading.dataset),), "file")


@pytest.mark.parametrize("format", ["arrow", "parquet"])
@pytest.mark.parametrize("tabular", [False, True])
def test_minari_arrow_leaves_out_the_padded_row(tmp_path: Path, format: str, tabular: bool) -> None:
    episodes = log(tabular=tabular)
    folder = minari_arrow(tmp_path / "random-v0", episodes, format)
    sizes = {"n_states": 9 if tabular else None, "n_actions": 4, "name": "lake/random-v0"}
    want = expected(episodes, final=True, **sizes)
    for source in (folder, zipped(folder)):
        reading = read_file(source)
        assert reading.format == "minari-arrow"
        assert codes(reading) == {"unused-columns"}
        assert_same(reading.dataset, want)


def test_minari_arrow_with_observations_of_several_parts(tmp_path: Path) -> None:
    columns = {
        "observations": minari_space(
            {
                "goal": np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32),
                "mission": ["go"] * 3,
                "inner": {"0": np.array([7, 8, 9]), "1": np.array([[0.5], [1.5], [2.5]])},  # a tuple
            }
        ),
        "actions": minari_space(np.array([1, 2, 0])),
        "rewards": [0.5, 1.5, 0.0],
        "terminations": [False, True, False],
        "truncations": [False] * 3,
    }
    episode = tmp_path / "data" / "0"
    episode.mkdir(parents=True)
    (episode / "part-0.arrow").write_bytes(arrow_file(columns))
    reading = read_file(tmp_path)
    assert codes(reading) == {"text-parts", "action-labels"}
    assert reading.dataset.observation_names == ("goal[0]", "goal[1]", "inner/0", "inner/1")
    np.testing.assert_array_equal(reading.dataset.observations, [[1, 2, 7, 0.5], [3, 4, 8, 1.5]])
    np.testing.assert_array_equal(reading.dataset.next_observations[-1], [5, 6, 9, 2.5])
    several = arrow_file({**columns, "actions": minari_space(np.array([[1, 0], [2, 1], [0, 0]]))})  # two at once
    pairs = read_file(several).dataset
    assert pairs.action_names == ("(1, 0)", "(1, 1)", "(2, 0)", "(2, 1)")
    np.testing.assert_array_equal(pairs.actions, [0, 3])


def test_one_arrow_file_is_one_episode() -> None:
    columns = {
        "observations": [3, 1, 2],
        "actions": [1, 0, 0],
        "rewards": [0.5, 1.5, 0.0],
        "terminations": [False] * 3,
        "truncations": [False, True, False],
    }
    data = read_file(arrow_file(columns)).dataset
    np.testing.assert_array_equal(data.observations, [3, 1])
    np.testing.assert_array_equal(data.next_observations, [1, 2])
    np.testing.assert_array_equal(data.truncations, [False, True])


def test_d4rl_timed_out_rows_have_no_next_state() -> None:
    episodes = log()
    reading = read_file(d4rl(episodes))
    assert reading.format == "d4rl"
    assert_same(reading.dataset, expected(episodes, final=False, name="upload", observation_names=NAMES))
    found = next(finding for finding in reading.findings if finding.code == "no-next-state")
    assert found.count == 6  # the odd episodes
    ends = np.flatnonzero(reading.dataset.truncations)
    assert found.rows == tuple(ends[:5] + 1)
    np.testing.assert_array_equal(reading.dataset.next_observations[ends], reading.dataset.observations[ends])


def test_d4rl_may_end_in_mid_episode() -> None:
    episodes = log(episodes=3)
    for flag in ("terminations", "truncations"):
        episodes[-1][flag][:] = False
    reading = read_file(d4rl(episodes))
    assert {"missing-final-flag", "no-next-state"} <= codes(reading)
    assert reading.dataset.n_episodes == 3
    assert reading.dataset.truncations[-1]
    assert not reading.dataset.terminations[-1]


def test_d4rl_next_observations_show_hidden_cuts() -> None:
    episodes = log(episodes=4)
    reading = read_file(d4rl(episodes, timeouts=False, following=True))
    assert_same(reading.dataset, expected(episodes, final=True, name="upload", observation_names=NAMES))
    cut = next(finding for finding in reading.findings if finding.code == "hidden-cuts")
    assert cut.rows == (int(reading.dataset.episode_ends[1]) + 1,)  # the last episode ends with the file
    without = read_file(d4rl(episodes, timeouts=False))
    assert "no-timeouts" in codes(without)
    assert without.dataset.n_episodes == 3  # what was cut runs on into what follows


def test_d3rlpy_2() -> None:
    episodes = log()
    for episode in episodes:
        episode["rewards"] = episode["rewards"].astype(np.float32).astype(np.float64)
    reading = read_file(d3rlpy_2(episodes))
    assert reading.format == "d3rlpy"
    assert_same(reading.dataset, expected(episodes, final=False, name="upload"))
    assert codes(reading) == {"missing-final-flag", "no-next-state"}
    assert_same(read_file(d3rlpy_2(episodes, tuples=True)).dataset, reading.dataset)


def test_d3rlpy_1_and_0() -> None:
    episodes = log()
    for episode in episodes:
        episode["rewards"] = episode["rewards"].astype(np.float32).astype(np.float64)
    one = read_file(d3rlpy_1(episodes))
    assert_same(one.dataset, expected(episodes, final=False, name="upload"))
    zero = read_file(d3rlpy_1(episodes, version=False))
    assert_same(zero.dataset, expected(episodes, final=True, name="upload"))
    assert "shifted-rewards" in codes(zero)
    assert_same(read_file(d3rlpy_1(episodes, discrete=False)).dataset, one.dataset)  # they are whole all the same


def test_d3rlpy_obsolete_version_is_refused() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        out["total_size"] = 3
        out["observations"] = np.zeros((3, 2))
    with pytest.raises(FileError, match=r"version 2\.0"):
        read_file(file.getvalue())


def test_npz_takes_names_in_use_elsewhere() -> None:
    file = io.BytesIO()
    arrays = {"obs": np.arange(6), "acts": np.eye(2)[[0, 1, 1, 0, 0, 1]], "reward": np.ones((6, 1))}
    np.savez(file, **arrays, dones=[0, 0, 1, 0, 0, 0], timeouts=[0, 0, 0, 0, 0, 0], other=np.zeros(3))
    reading = read_file(file.getvalue())
    data = reading.dataset
    assert codes(reading) == {"one-hot-actions", "missing-final-flag", "no-next-state", "unused-columns"}
    assert next(f for f in reading.findings if f.code == "unused-columns").message == "1 column was not used: other"
    np.testing.assert_array_equal(data.actions, [0, 1, 1, 0, 0, 1])
    np.testing.assert_array_equal(data.episode_starts, [0, 3])
    assert (data.n_states, data.truncations[-1]) == (6, True)


def test_npz_names_what_is_wrong() -> None:
    def refuse(message: str, **arrays: np.ndarray) -> None:
        file = io.BytesIO()
        good = {"observations": np.zeros((4, 2)), "actions": np.arange(4) % 2, "rewards": np.zeros(4)}
        np.savez(file, **{**good, **arrays})
        with pytest.raises(FileError, match=message):
            read_file(file.getvalue(), name="x.npz")

    refuse(r"x.npz, row 3, column 'rewards': the reward is missing", rewards=np.array([0, 0, np.nan, 0]))
    refuse(r"x.npz, row 3, column 'rewards': inf", rewards=np.array([0, 0, np.inf, 0]))
    refuse(r"column 'rewards': it has 3 rows, the table has 4", rewards=np.zeros(3))
    refuse(r"row 2, column 'observations\[1\]': inf", observations=np.array([[0, 0], [0, np.inf], [0, 0], [0, 0]]))
    refuse(r"row 2, column 'observations': 1e\+300", observations=np.array([[0], [1e300], [0], [0]]))
    refuse(r"row 1, column 'terminals': 3 .* or 1 or 0", terminals=np.array([3, 0, 0, 0]))

    refuse(r"column 'rewards': 'a' is not allowed: a reward must be a number", rewards=np.array(["a", "b", "a", "b"]))
    refuse(r"column 'actions': it holds complex128", actions=np.zeros(4, dtype=complex))


def test_npz_in_any_order_of_its_rows() -> None:
    file = io.BytesIO()
    np.savez(file, obs=[0, 5, 1, 6], actions=[0, 1, 1, 0], rewards=[1.0, 2.0, 3.0, 4.0], episodes=[1, 2, 1, 2])
    reading = read_file(file.getvalue())
    np.testing.assert_array_equal(reading.dataset.rewards, [1, 3, 2, 4])
    assert "unsorted-rows" in codes(reading)


def test_gaps_in_numbered_actions_and_states_keep_their_labels() -> None:
    file = io.BytesIO()
    np.savez(file, states=np.array([10**9, -4, 7]), actions=np.array([5, 2, 9]), rewards=np.zeros(3), dones=np.ones(3))
    reading = read_file(file.getvalue())
    assert codes(reading) >= {"action-labels", "state-labels"}
    assert reading.dataset.action_names == ("2", "5", "9")
    assert reading.dataset.observation_names == ("-4", "7", "1000000000")
    np.testing.assert_array_equal(reading.dataset.observations, [2, 0, 1])
    np.testing.assert_array_equal(reading.dataset.actions, [1, 0, 2])


def test_formats_with_fixed_names_need_no_mapping() -> None:
    for data in (d3rlpy_2(log()), minari_hdf5(log())):
        preview = preview_file(data)
        assert preview.mapping is None
        assert preview.columns == ()


def test_unknown_files_are_named() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        out["weights"] = np.zeros(3)
    for data, message in (
        (file.getvalue(), "none of the known layouts.*holds weights"),
        (b"\x1f\x8b" + bytes(20), "gzip"),
        (b"", "empty"),
        (b"\x00\x01\x02\x03" * 10, "format is not known"),
    ):
        with pytest.raises(FileError, match=rf"(?s)what\.bin.*{message}"):
            read_file(data, name="what.bin")
    with pytest.raises(FileError, match="no such file"):
        Dataset.from_file("/nowhere/at/all.csv")
    with pytest.raises(FileError, match="format = 'xls' is not allowed: it must be one of csv"):
        read_file(b"x", format="xls")


def test_flat_arrays_that_call_the_end_done() -> None:
    """Three episodes of twenty rows; a flag that may mean either end, and no next observations."""
    place = Path(__file__).parent / "cases" / "dones.h5"
    with h5py.File(place) as stored:
        arrays = {name: stored[name][()] for name in ("observations", "actions", "rewards", "dones")}
    data = read_file(place).dataset
    np.testing.assert_array_equal(data.observations, arrays["observations"])
    np.testing.assert_array_equal(data.actions, arrays["actions"])
    np.testing.assert_array_equal(data.rewards, arrays["rewards"])
    np.testing.assert_array_equal(data.terminations, arrays["dones"])
    np.testing.assert_array_equal(data.episode_starts, [0, 20, 40])
