"""Arrays of two axes of steps: episodes that were filled up, environments side by side, and what cannot be told."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
import pytest
from log_files import CASES, Read, codes, read_file

from offrl_core.formats import FileError

RNG = np.random.default_rng(3)
LENGTHS = np.array([3, 5, 4])
MOST = 5
ROWS = int(LENGTHS.sum())
EPISODES = np.repeat(np.arange(3), LENGTHS)
STEPS = np.concatenate([np.arange(length) for length in LENGTHS])
LAST = LENGTHS[EPISODES] - 1 == STEPS
STATES = 1 + RNG.random((ROWS, 2)).astype(np.float32)
ACTIONS = np.append(RNG.integers(0, 3, ROWS - 1), 2)
REWARDS = 1 + RNG.random(ROWS)


def filled(values: np.ndarray, fill: float = 0) -> np.ndarray:
    """`(3, 5, …)`: the steps of each episode, and what fills it up."""
    out = np.full((3, MOST, *values.shape[1:]), fill, dtype=values.dtype)
    out[EPISODES, STEPS] = values
    return out


def arrays(fill: float = 0) -> dict[str, np.ndarray]:
    return {"obs": filled(STATES, fill), "acts": filled(ACTIONS, fill), "rews": filled(REWARDS, fill)}


def turned(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The time first."""
    return {name: values if values.ndim == 1 else np.swapaxes(values, 0, 1) for name, values in given.items()}


def read(given: dict[str, Any], **how: Any) -> Read:
    file = io.BytesIO()
    np.savez(file, **given)
    return read_file(file.getvalue(), **how)


def is_the_log(reading: Read) -> None:
    data = reading.dataset
    np.testing.assert_array_equal(data.observations, STATES)
    np.testing.assert_array_equal(data.actions, ACTIONS)
    np.testing.assert_array_equal(data.rewards, REWARDS)
    np.testing.assert_array_equal(data.episode_starts, [0, 3, 8])
    assert "two-axes" in codes(reading)


@pytest.mark.parametrize("turn", [dict, turned], ids=["episodes first", "time first"])
def test_lengths_and_masks(turn: Any) -> None:
    """Whatever fills the episodes up, and wherever the flags stand."""
    for told in ({"ep_lens": LENGTHS}, {"mask": filled(np.ones(ROWS))}, {"valid": filled(np.ones(ROWS, dtype=bool))}):
        for flags in ({}, {"dones": filled(LAST)}, {"dones": filled(LAST, True)}):
            reading = read(turn(arrays(2) | told | flags))
            is_the_log(reading)
            # Without flags too: episodes of different lengths are proposed to end by themselves.
            np.testing.assert_array_equal(reading.dataset.terminations, LAST)


@pytest.mark.parametrize("turn", [dict, turned], ids=["episodes first", "time first"])
def test_flags_before_zeros(turn: Any) -> None:
    for fill in (False, True):
        reading = read(turn(arrays() | {"terminals": filled(LAST, fill)}))
        is_the_log(reading)
        np.testing.assert_array_equal(reading.dataset.terminations, LAST)


def test_in_hdf5_too() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        for name, values in {
            "observations": filled(STATES),
            "actions": filled(ACTIONS),
            "rewards": filled(REWARDS),
        }.items():
            out[name] = values
        out["lengths"] = LENGTHS
    is_the_log(read_file(file.getvalue()))


def environments(count: int = 3, steps: int = 12) -> dict[str, np.ndarray]:
    """`(steps, count, …)`, as a replay buffer of several environments holds them."""
    now = 1 + RNG.random((steps + 1, count, 2)).astype(np.float32)
    done = RNG.random((steps, count)) < 0.3
    done[2, 0] = True
    after = np.where(done[..., None], now[1:] + 9, now[1:])
    actions = RNG.integers(0, 2, (steps, count, 1))
    return {
        "observations": now[:-1],
        "next_observations": after,
        "actions": actions,
        "rewards": 1 + RNG.random((steps, count)),
        "dones": done,
    }


@pytest.mark.parametrize("turn", [dict, turned], ids=["time first", "environments first"])
def test_environments_side_by_side(turn: Any) -> None:
    """Next observations tell which axis is the time; episodes end at the flags and with the recording."""
    given = environments()
    data = read(turn(given)).dataset
    by_environment = {name: np.swapaxes(values, 0, 1).reshape(36, -1) for name, values in given.items()}
    np.testing.assert_array_equal(data.observations, by_environment["observations"])
    np.testing.assert_array_equal(data.next_observations, by_environment["next_observations"])
    np.testing.assert_array_equal(data.rewards, by_environment["rewards"][:, 0])
    np.testing.assert_array_equal(data.terminations, by_environment["dones"][:, 0])
    ends = by_environment["dones"][:, 0] | (np.arange(36) % 12 == 11)
    np.testing.assert_array_equal(data.episode_ends, np.flatnonzero(ends))


def test_one_environment() -> None:
    stored, reading = np.load(CASES / "sb3_like.npz"), read_file(CASES / "sb3_like.npz")
    np.testing.assert_array_equal(reading.dataset.observations, stored["observations"][:, 0])
    np.testing.assert_array_equal(reading.dataset.actions, stored["actions"][:, 0, 0])
    np.testing.assert_array_equal(reading.dataset.terminations, stored["dones"][:, 0])
    np.testing.assert_array_equal(reading.dataset.episode_starts, [0, 20, 40])


def test_what_cannot_be_told_is_refused_with_its_remedy() -> None:
    given = environments()
    del given["next_observations"]
    for turn in (dict, turned):
        with pytest.raises(
            FileError, match=r"two axes of steps, \d+ × \d+; episodes end in the middle.* 'episode' .*'lengths'"
        ):
            read(turn(given))
    with pytest.raises(FileError, match=r"column 'ep_lens': its lengths are not all from 0 to 5"):
        read(arrays() | {"ep_lens": LENGTHS + 1})
    with pytest.raises(FileError, match="column 'mask': real steps follow steps that are left out"):
        read(arrays() | {"mask": np.random.default_rng(0).integers(0, 2, (3, 5))})
    longer = {"states": np.zeros((3, 6)), "acts": filled(ACTIONS), "rews": filled(REWARDS), "lengths": LENGTHS}
    with pytest.raises(FileError, match=r"an array has one step more than the rewards.* 'episode' "):
        read(longer)


def test_episodes_of_one_length_are_rows() -> None:
    """Nothing is filled up, and flags stand at the end: each row is an episode, as it was."""
    reading = read_file(CASES / "ep_major.npz")
    assert "two-axes" not in codes(reading)
    assert reading.dataset.n_episodes == 3


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("episode_lengths", [2, 3, 1]),
        ("traj_lens", [2, 3, 1]),
        ("episode_ends", [2, 5, 6]),
        ("ep_ends", [1, 4, 5]),
        ("episode_starts", [0, 2, 5]),
    ],
)
def test_a_short_array_tells_where_episodes_begin(name: str, told: list[int]) -> None:
    arrays = {
        "observations": np.arange(12.0).reshape(6, 2),
        "actions": np.array([0, 1, 0, 1, 0, 1]),
        "rewards": np.arange(6.0),
        "terminals": np.array([0, 0, 0, 0, 1, 0]),
        name: np.array(told),
    }
    file = io.BytesIO()
    np.savez(file, **arrays)
    flat = io.BytesIO()
    with h5py.File(flat, "w") as root:
        for key, values in arrays.items():
            root[key] = values
    for data in (file.getvalue(), flat.getvalue()):
        reading = read_file(data)
        np.testing.assert_array_equal(reading.dataset.episode_starts, [0, 2, 5])
        np.testing.assert_array_equal(np.flatnonzero(reading.dataset.terminations), [4])
        assert {"episodes-told", "no-next-state"} <= codes(reading)
        assert "unused-columns" not in codes(reading)
