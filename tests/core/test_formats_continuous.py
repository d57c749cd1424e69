"""Continuous actions: in bins, in clusters, or as the labels that they are."""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_files import (
    CASES,
    assert_same,
    case,
    d3rlpy_2,
    d4rl,
    finding,
    log,
    minari_hdf5,
    read_csv,
    read_file,
    stacked,
)

import offrl_core as orl
from offrl_core.formats import FileError, preview_file
from offrl_core.formats.binning import clusters, quantiles


def test_a_robots_actions_are_bins() -> None:
    reading = case("lerobot_cont.parquet")
    actions = np.array(pq.read_table(CASES / "lerobot_cont.parquet")["action"].to_pylist(), dtype=np.float64)
    assert (reading.mapping.actions, reading.mapping.bins) == ("quantiles", 4)
    ranks = actions.argsort(axis=0).argsort(axis=0)  # 30 different values: quarters of 8, 7, 8 and 7
    quarter = np.searchsorted([8, 15, 23], ranks, side="right")
    data = reading.dataset
    np.testing.assert_array_equal(data.actions, 4 * quarter[:, 0] + quarter[:, 1])
    centres = np.array([[actions[quarter[:, d] == q, d].mean() for q in range(4)] for d in range(2)])
    pairs = itertools.product(centres[0], centres[1])
    assert data.action_names == tuple(f"({x:.3g}, {y:.3g})" for x, y in pairs)
    lost = [((actions[:, d] - centres[d][quarter[:, d]]) ** 2).mean() / actions[:, d].var() for d in range(2)]
    told = finding(reading, "binned-actions")
    assert (told.severity, told.count) == ("warning", 16)
    assert f"keep {1 - np.mean(lost):.1%} of the actions' variance" in told.remedy
    away = [np.abs(actions[:, d] - centres[d][quarter[:, d]]).mean() for d in range(2)]
    assert f"the mean distances from the centre are {away[0]:.3g}, {away[1]:.3g}. " in told.remedy
    assert_same(replace(case("lerobot_cont.parquet", mapping=reading.mapping).dataset), data)
    shown = preview_file(CASES / "lerobot_cont.parquet").mapping
    assert shown == reading.mapping


def test_quantiles_hold_equally_many_and_equal_values_stay_together() -> None:
    values = np.random.default_rng(0).permutation(100) / 10
    found = quantiles(values, 5)
    np.testing.assert_array_equal(np.bincount(found.numbers), [20] * 5)
    np.testing.assert_allclose(found.centres[:, 0], [0.95, 2.95, 4.95, 6.95, 8.95])
    half = np.append(np.zeros(50), np.arange(1, 51))
    found = quantiles(half, 4)
    assert len(np.unique(found.numbers[:50])) == 1
    np.testing.assert_allclose(found.centres[:, 0], [0, 13, 38])
    np.testing.assert_array_equal(quantiles(np.ones(5), 3).numbers, 0)
    # A uniform number in k bins keeps 1 − 1/k² of its variance.
    fine = np.linspace(0, 1, 10_001)[:, None]
    assert quantiles(fine[:, 0], 5).kept(fine) == pytest.approx(1 - 1 / 25, abs=1e-3)
    assert quantiles(fine[:, 0], 5).distance(fine) == pytest.approx([1 / 20], abs=1e-3)


@given(
    st.lists(st.floats(-1e3, 1e3, width=16), min_size=1, max_size=40),
    st.integers(2, 9),
    st.sampled_from([quantiles, lambda values, bins: clusters(values[:, None], bins)]),
)
def test_bins_are_never_empty_and_in_order(values: list[float], bins: int, made: Any) -> None:
    given_values = np.array(values)
    found = made(given_values, bins)
    assert sorted(set(found.numbers.tolist())) == list(range(len(found.centres)))
    assert len(found.centres) <= bins
    order = np.argsort(given_values, kind="stable")
    assert (np.diff(found.numbers[order]) >= 0).all()
    for number, centre in enumerate(found.centres[:, 0]):
        assert centre == pytest.approx(given_values[found.numbers == number].mean(), abs=1e-9)
    assert -1e-9 <= found.kept(given_values[:, None]) <= 1 + 1e-9


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_an_action_that_is_no_number_is_refused(value: float) -> None:
    columns = {"state": [0, 1, 0], "action": np.array([[0.5, 1.5], [0.1, value], [0, 1]]), "reward": [0, 1, 0]}
    with pytest.raises(FileError, match=r"row 2, column 'action': .* is not allowed: an action must be a finite"):
        orl.Dataset.from_frame(columns)


def test_clusters_are_found_and_always_the_same() -> None:
    rng = np.random.default_rng(1)
    truth = np.array([[-3.0, 200, 0], [0, 0, 0], [3, 200, 0], [6, -200, 0]])
    which = rng.integers(0, 4, 500)
    values = truth[which] + rng.normal(size=(500, 3)) * [0.1, 5, 0]
    found = clusters(values, 4)
    np.testing.assert_allclose(found.centres, [values[which == k].mean(axis=0) for k in range(4)])
    np.testing.assert_array_equal(found.numbers, which)
    assert found.kept(values) > 0.99
    many = clusters(values, 40)
    assert len(many.centres) == many.numbers.max() + 1 <= 40
    np.testing.assert_array_equal(clusters(values, 40).numbers, many.numbers)
    assert many.kept(values) > found.kept(values)
    assert len(clusters(np.repeat(truth, 5, axis=0), 9).centres) == 4


def test_units_stand_in_the_labels() -> None:
    dose = np.arange(40) * 1.25
    text = pd.DataFrame({"pulse": np.arange(40) / 3, "dose (mg)": dose, "reward": 0.0}).to_csv(index=False)
    mapping = {"state": ["pulse"], "action": "dose (mg)", "reward": "reward", "actions": "quantiles", "bins": 2}
    reading = read_csv(text, mapping=mapping)
    assert reading.dataset.action_names == ("11.9 mg", "36.9 mg")
    assert "The mean distance from the centre is 6.25 mg." in finding(reading, "binned-actions").remedy
    assert finding(reading, "binned-actions").severity == "note"  # it was asked for
    both = text.replace("reward\n", "reward\n", 1)
    table = pd.read_csv(io.StringIO(both)).assign(**{"rate [ml/h]": dose[::-1]})
    mapping |= {"action": ["dose (mg)", "rate [ml/h]"]}
    names = read_csv(table.to_csv(index=False), mapping=mapping).dataset.action_names
    assert names[0] == "dose=11.9 mg, rate=11.9 ml/h"


def test_a_row_of_units_labels_the_bins() -> None:
    rows = "\n".join(f"{i / 3:.3f},{i * 1.25},0" for i in range(40))
    mapping = {"state": ["pulse"], "action": "dose", "reward": "reward", "actions": "quantiles", "bins": 2}
    reading = read_csv(f"pulse,dose,reward\n1/min,[mg],\n{rows}\n", mapping=mapping)
    assert reading.dataset.action_names == ("11.9 mg", "36.9 mg")
    assert "is 6.25 mg." in finding(reading, "binned-actions").remedy


def test_few_numbers_that_come_again_are_labels() -> None:
    text = "x,action,r\n" + "\n".join(f"{i / 7},{(0, 0.5, 2.25)[i % 3]},0" for i in range(12))
    data = read_csv(text).dataset
    assert data.action_names == ("0", "0.5", "2.25")
    np.testing.assert_array_equal(data.actions, np.arange(12) % 3)


def test_quantities_and_labels_together() -> None:
    """A gear, a brake that is hardly ever used, and a throttle."""
    throttle = np.linspace(0, 1, 40)
    text = "x,action_gear,action_brake,action_throttle,r\n" + "\n".join(
        f"{i / 7},{'low' if i % 3 else 'high'},{int(i == 5)},{throttle[i]:.6f},0" for i in range(40)
    )
    reading = read_csv(text)
    data = reading.dataset
    assert (reading.mapping.actions, data.n_actions) == ("quantiles", 2 * 2 * 2)
    half = [throttle[:20].mean(), throttle[20:].mean()]
    assert data.action_names[0] == f"action_gear=high, action_brake=0, action_throttle={half[0]:.3g}"
    assert data.action_names[data.actions[5]] == f"action_gear=low, action_brake=1, action_throttle={half[0]:.3g}"
    assert data.action_names[data.actions[39]] == f"action_gear=high, action_brake=0, action_throttle={half[1]:.3g}"
    finer = read_csv(text, mapping=replace(reading.mapping, bins=5)).dataset
    assert finer.n_actions == 2 * 2 * 5
    with pytest.raises(FileError, match="'k-means' is for numbers, and these are labels"):
        read_csv(text, mapping=replace(reading.mapping, actions="k-means"))


def test_many_numbers_are_clusters() -> None:
    rng = np.random.default_rng(0)
    arm = rng.normal(size=(200, 6)).astype(np.float32)
    file = io.BytesIO()
    np.savez(file, observations=rng.normal(size=(200, 3)), actions=arm, rewards=np.zeros(200), dones=np.zeros(200))
    reading = read_file(file.getvalue())
    assert (reading.mapping.actions, reading.mapping.bins, reading.dataset.n_actions) == ("k-means", 16, 16)
    centres = np.array([arm[reading.dataset.actions == k].mean(axis=0) for k in range(16)])
    nearest = (((arm[:, None] - centres) / arm.std(axis=0)) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, reading.dataset.actions)
    finer = read_file(file.getvalue(), mapping=replace(reading.mapping, bins=30))
    assert finer.dataset.n_actions == 30
    with pytest.raises(FileError, match=r"4 quantiles of each of 6 numbers make 4,096 actions.*'k-means'"):
        read_file(file.getvalue(), mapping=replace(reading.mapping, actions="quantiles", bins=4))
    with pytest.raises(FileError, match="'quantiles' is for numbers, and these are labels"):
        read_csv(
            "s,a,r\n0,x,0\n1,y,0\n", mapping={"state": ["s"], "action": "a", "reward": "r", "actions": "quantiles"}
        )


@pytest.mark.parametrize("isolated", [False, True])
def test_formats_with_names_of_their_own_open_too(isolated: bool) -> None:
    rng = np.random.default_rng(3)
    episodes = log(episodes=20)
    for episode in episodes:
        episode["actions"] = rng.normal(size=(len(episode["actions"]), 1)).astype(np.float32)
    force = stacked(episodes, "actions")[:, 0]
    box = json.dumps({"type": "Box", "dtype": "float32", "shape": [1], "low": [-9.0], "high": [9.0]})
    for content in (minari_hdf5(episodes, {"action_space": box}), d3rlpy_2(episodes), d4rl(episodes, actions=force)):
        reading = read_file(content, isolated=isolated)
        assert (reading.mapping.actions, reading.mapping.bins, reading.dataset.n_actions) == ("quantiles", 8, 8)
        np.testing.assert_array_equal(reading.dataset.actions, quantiles(force.astype(float), 8).numbers)
        asked = replace(reading.mapping, bins=3)
        assert read_file(content, mapping=asked, isolated=isolated).dataset.n_actions == 3
        opened = orl.Dataset.from_file(content, isolated=isolated, mapping=asked.to_json()).opened
        assert opened["mapping"]["bins"] == 3
    with pytest.raises(FileError, match=r"state cannot be chosen, because Minari HDF5 has names of its own"):
        read_file(minari_hdf5(episodes), mapping={"state": ["x"], "bins": 3}, isolated=isolated)


def test_probabilities_of_continuous_actions_are_none_of_bins() -> None:
    rng = np.random.default_rng(0)
    force = rng.normal(size=50)
    table = pd.DataFrame({"x": rng.normal(size=50), "action": force, "r": 0.0, "logp": -(force**2) / 2 - 0.92})
    reading = read_csv(table.to_csv(index=False))
    assert (reading.mapping.propensity, reading.dataset.propensities) == (None, None)
    assert "logp" in finding(reading, "unused-columns").message
    with pytest.raises(FileError, match=r"column 'logp': .*says nothing of their bins"):
        read_csv(table.to_csv(index=False), mapping=replace(reading.mapping, propensity="logp"))


def test_minari_actions_of_several_parts() -> None:
    import h5py

    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        group = out.create_group("episode_0")
        group["observations"] = np.zeros((5, 2))
        group["actions/gas"] = [0, 1, 1, 0]
        group["actions/steer"] = [2, 0, 2, 0]
        group["rewards"] = np.zeros(4)
        group["terminations"], group["truncations"] = [False] * 4, [False] * 4
    data = read_file(file.getvalue()).dataset
    assert data.action_names == ("gas=0, steer=0", "gas=0, steer=2", "gas=1, steer=0", "gas=1, steer=2")
    np.testing.assert_array_equal(data.actions, [1, 2, 3, 0])


@pytest.mark.parametrize("name", ["imitation_flat.npz", "ogbench_single.npz", "tianshou.hdf5"])
def test_files_of_other_programs_have_their_actions(name: str) -> None:
    data = case(name).dataset
    assert (len(data), data.n_episodes, data.n_actions) == (60, 3, 3)
    arrays = np.load(CASES / "ogbench_single.npz")
    np.testing.assert_array_equal(data.actions, arrays["actions"])
    np.testing.assert_allclose(data.rewards, arrays["rewards"])
